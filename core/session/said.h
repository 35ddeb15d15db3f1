/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said in a turn, gathered as text and written in the shape of the GenAI conventions. Only
 * where content is captured; bounded.
 */
#ifndef SESSION_SAID_H
#define SESSION_SAID_H

#include "base/buf.h"
#include "telemetry/span.h"

#include <parley/types.h>

#include <jansson.h>

#define SAID_MAX_BYTES 16384

/* Append a sentence after a space. Returns false, and appends nothing, where it does not fit. */
bool said_add(struct buf *said, struct parley_view text);

/* Append the texts and transcripts of an item, or of a response's messages. Return false where one
 * did not fit. */
bool said_add_item(struct buf *said, const json_t *item);
bool said_add_response(struct buf *said, const json_t *response);

/* Set the attribute to one message of this role; nothing when nothing was said. */
void said_set(struct span *span, const char *key, const char *role, const struct buf *said);

/* A response's messages and calls, as gen_ai.output.messages. */
void said_set_response(struct span *span, const json_t *response);

#endif
