/* SPDX-License-Identifier: Apache-2.0 */
/* An event stream (text/event-stream) to events, however the reads cut it, with limits. */
#ifndef PARTS_SSE_H
#define PARTS_SSE_H

#include <stdint.h>

#include "text.h"

#define SSE_MAX_ID 1024

/* Zeroed and given a limit is valid: at the start of a stream. */
struct sse {
    size_t limit;     /* of one event's data, and of one line */
    int64_t retry_ms; /* what the server asked for; 0: nothing */
    struct text id;   /* of the last event that had one */
    struct text line;
    struct text data;
    char type[24]; /* of the event at hand; longer ones are none that matter */
    bool has_id;
    bool is_begun; /* past the byte order mark */
    bool after_cr; /* a LF here belongs to the line before */
};

/* A whole event with data; `type` is "message" unless the stream says otherwise. Must not free the
 * parser. */
typedef void (*sse_on_event)(void *ctx, const char *type, struct parley_view data);

/* PARLEY_E_TOO_LARGE when an event is above the limit: then the stream is to be given up. */
int sse_feed(struct sse *s, struct parley_view bytes, sse_on_event on_event, void *ctx);

/* The connection ended: an unfinished event is dropped; id and retry stay for the next one. */
void sse_restart(struct sse *s);

void sse_done(struct sse *s);

#endif
