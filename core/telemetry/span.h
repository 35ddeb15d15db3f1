/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One span, from start to end. It comes from its recorder's pool; span_end() and span_drop() give
 * it away, and every function accepts NULL, so callers need not look whether something records.
 * Names and keys must outlive the process (string literals); values are copied, cut at their limits
 * between characters. Thread: the recorder's.
 */
#ifndef TELEMETRY_SPAN_H
#define TELEMETRY_SPAN_H

#include "telemetry/telemetry.h"
#include "telemetry/trace_context.h"

#include <parley/types.h>

#define SPAN_MAX_ATTRS         64
#define SPAN_MAX_EVENTS        32
#define SPAN_MAX_LIVE          16384       /* per recorder, finished ones that wait included */
#define SPAN_MAX_VALUE_BYTES   (16 << 10)  /* of one string, unless configured */
#define SPAN_MAX_CONTENT_BYTES (64 << 10)  /* of one string that is content, likewise */
#define SPAN_MAX_TEXT_BYTES    (256 << 10) /* of all strings of a span */

struct span;

/*
 * Begin now. kind: PARLEY_SPAN_INTERNAL ...; parent NULL or zeroed: the root of a new trace. NULL
 * when nothing records or the pool is used up (which is counted).
 */
struct span *span_start(struct telemetry_recorder *r, const char *name, uint32_t kind,
                        const struct trace_context *parent);

/* Move the start, in clock_now_us() time. */
void span_set_start(struct span *s, uint64_t now_us);

/* What children and outgoing requests name as their parent; zeroed for NULL. */
struct trace_context span_context(const struct span *s);

/* When it began, in clock_now_us() time; 0 for NULL. */
uint64_t span_start_us(const struct span *s);

/* "execute_tool " and a name that is not a literal. */
void span_set_name(struct span *s, const char *operation, struct parley_view object);

/* Set an attribute; an empty string is left out. A key that is there already gets the new value. */
void span_set_str(struct span *s, const char *key, struct parley_view value);
void span_set_int(struct span *s, const char *key, int64_t value);
void span_set_double(struct span *s, const char *key, double value);
void span_set_bool(struct span *s, const char *key, bool value);

/* A list of one string. */
void span_set_list(struct span *s, const char *key, struct parley_view only_item);

/* What people said or tools returned: kept only when content is captured. */
void span_set_content(struct span *s, const char *key, struct parley_view value);

/* Keep content, or not, whatever the telemetry does with that of others. */
void span_capture_content(struct span *s, bool is_wanted);

/* Will content be kept? Spares the caller the building of it. */
bool span_captures_content(const struct span *s);

/* Something happened at this instant, in clock_now_us() time. */
void span_event(struct span *s, const char *name, uint64_t now_us);

/* It failed: error.type is `type` (a short word), the message is for people. */
void span_fail(struct span *s, struct parley_view type, struct parley_view message);

/* Finished now, or at an instant; the pointer is dead then. One that sampling has left out goes on
 * only if it failed, and failures are kept. */
void span_end(struct span *s);
void span_end_at(struct span *s, uint64_t now_us);

/*
 * Finished spans of one trace that sampling has left out, while it may still turn out that the
 * trace is worth keeping. Zeroed it is empty. Bounded: what comes when it is full is left out.
 */
struct span_hold {
    struct span *first;
    struct span *last;
    unsigned count;
    bool is_kept;
};

#define SPAN_MAX_HELD 64

/* As span_end_at(), with that chance. */
void span_end_held(struct span *s, uint64_t now_us, struct span_hold *hold);

/* The trace is worth keeping: what waits goes on, and what is still to come as well. */
void span_hold_keep(struct span_hold *hold);

/* The trace is over: what waits is left out for good. */
void span_hold_end(struct span_hold *hold);

/* Forget it. */
void span_drop(struct span *s);

#endif
