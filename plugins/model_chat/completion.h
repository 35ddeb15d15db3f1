/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of a Chat Completions server: an event stream of chunks, or one JSON object from a
 * server that does not stream. Calls come in pieces by their index; they are handed on when the
 * answer has ended, whole.
 */
#ifndef MODEL_CHAT_COMPLETION_H
#define MODEL_CHAT_COMPLETION_H

#include <parley/chat.h>

#include <stdbool.h>

#include "parts/sse.h"

#define COMPLETION_MAX_CALLS 64
#define COMPLETION_MAX_BYTES ((size_t)4 << 20) /* of one event, of one call's arguments */

struct completion_call {
    struct text name;
    struct text arguments;
};

struct completion {
    const struct parley_chat_host *host;
    parley_op op;
    struct sse sse;
    struct text body; /* of an answer that is no stream */
    bool is_stream;
    bool has_chunk;
    bool is_over; /* [DONE], or a finish_reason */
    int finish;
    struct parley_chat_usage usage;
    bool has_usage;
    struct completion_call calls[COMPLETION_MAX_CALLS];
    size_t call_count;
    struct parley_error err; /* the server's own, in the middle; status PARLEY_OK: none */
};

void completion_init(struct completion *c, const struct parley_chat_host *host, parley_op op);

/* A piece of the body of an answer with HTTP 200. False: what came is too large or no answer, and
 * err says so; the rest is not wanted. */
bool completion_feed(struct completion *c, struct parley_view data);

/* The body has ended. Tells the calls, then the end. */
void completion_finish(struct completion *c);

void completion_done(struct completion *c);

#endif
