/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spans of a session: one for opening its model, and for each turn a root with its responses
 * and tool calls below. A root is handed on after its last child, with the instant at which its
 * turn ended, since a tool may outlive the turn that called it. Without a recorder every function
 * does nothing.
 */
#ifndef SESSION_SPANS_H
#define SESSION_SPANS_H

#include "base/list.h"
#include "realtime/response.h"
#include "session/cost.h"
#include "telemetry/span.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

/* A turn's root. Freed with its last child once its turn is over. */
struct turn_spans {
    struct list entry; /* of session_spans.turns */
    struct span *root;
    struct span_hold hold; /* children that sampling has left out so far */
    unsigned children;
    struct rt_usage usage; /* of its answers, also of those that end after it */
    struct cost cost;
    bool has_usage;
    bool is_over;
    uint64_t end_us;
};

/* A span below a root. Zeroed: none. */
struct child_span {
    struct span *span;
    struct turn_spans *turn;
};

struct session_spans {
    struct trace_context client; /* of its request, the parent of all that has no other */
    struct span *connect;        /* while the model opens */
    struct trace_context opened; /* ... and afterwards */
    struct list turns;
    struct child_span move; /* while a model opens that may take over */
};

/* Read the client's trace context; one that is none is forgotten. */
void spans_init(struct session *s);

/* Is what people say recorded? As the agent has it, else as the telemetry does. */
bool spans_capture_content(const struct session *s);

/* What every span of the session says about it. */
void spans_describe(const struct session *s, struct span *span);

/* What models and tools are told of a span: its traceparent in `room`, or "" where traces stay
 * here.
 */
const char *spans_tell(const struct session *s, const struct trace_context *context,
                       char room[TRACEPARENT_SIZE]);

void spans_connect_begin(struct session *s);
/* Its trace context, else the client's; `room` may hold it. */
const char *spans_connect_traceparent(const struct session *s, char room[TRACEPARENT_SIZE]);
/* The model is ready, or failed for this reason (NULL: it did not). */
void spans_connect_end(struct session *s, const char *failure, const char *message);

/* The same of a model that may take over: below the turn that runs, else the client's context.
 * reason: MOVE_ERROR ... */
void spans_move_begin(struct session *s, const char *provider, const char *model,
                      const char *reason);
const char *spans_move_traceparent(const struct session *s, char room[TRACEPARENT_SIZE]);
/* It agreed to its settings, or failed for this reason. Harmless when there is none. */
void spans_move_end(struct session *s, const char *failure, const char *message);

/* What goes on now: the running turn, the model's opening until the first turn, else the client's
 * request; zeroed when that is in no trace. */
struct trace_context spans_now(const struct session *s);

/* NULL without a recorder. */
struct turn_spans *spans_turn_begin(struct session *s, uint64_t start_us);
/* It is over; the root follows its last child. */
void spans_turn_end(struct turn_spans *t, uint64_t end_us);
/* It was slow: it is kept whatever sampling says, if operators want that. */
void spans_turn_keep(struct turn_spans *t);
/* It was none. */
void spans_turn_drop(struct turn_spans *t);

/* Begin a child; without a turn it stands alone, below the client's context. */
void spans_child_begin(struct session *s, struct child_span *c, struct turn_spans *turn,
                       uint32_t kind);
/* Harmless when there is none, or it has ended. */
void spans_child_end(struct child_span *c);

/* The session is over: every root that is still open ends now, whatever its children do. */
void spans_done(struct session *s);

#endif
