/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation out of the records of its journal. */
#ifndef SESSION_PAST_H
#define SESSION_PAST_H

#include <parley/types.h>

#include <jansson.h>
#include <stdint.h>

struct session;

/* The next record, in order; `data` is kept. */
void past_record(struct session *s, uint32_t kind, struct parley_view id, json_t *data);

/* All have come, and the agent's tools are known as far as they will be: whose the calls are, and a
 * result for those that have none, by what s->resume.calls knows of them. */
void past_settle_calls(struct session *s);

#endif
