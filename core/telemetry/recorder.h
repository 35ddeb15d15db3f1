/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a recorder and a span, for telemetry/ itself. */
#ifndef TELEMETRY_RECORDER_H
#define TELEMETRY_RECORDER_H

#include "base/buf.h"
#include "telemetry/log_ring.h"
#include "telemetry/metrics.h"
#include "telemetry/ring.h"
#include "telemetry/sampling.h"
#include "telemetry/span.h"

#define SPAN_NAME_SIZE 128

/* A value; strings are at `at` in the span's text. */
struct span_attr {
    const char *key;
    uint32_t type; /* PARLEY_ATTR_... */
    uint32_t flags;
    uint32_t at;
    uint32_t len;
    union {
        int64_t integer;
        double number;
    };
};

struct span_instant {
    const char *name;
    uint64_t now_us;
};

struct span {
    struct telemetry_recorder *recorder;
    struct span *next_free;
    struct trace_context context;
    uint8_t parent_span_id[8];
    bool has_remote_parent;
    char name[SPAN_NAME_SIZE];
    uint32_t kind;
    uint32_t status;
    uint64_t start_us;
    uint64_t end_us;
    struct span_attr message; /* of the status */
    bool captures_content;
    struct buf text;
    uint32_t attr_count;
    uint32_t event_count;
    uint32_t dropped_attrs;
    uint32_t dropped_events;
    struct span_attr attrs[SPAN_MAX_ATTRS];
    struct span_instant events[SPAN_MAX_EVENTS];
};

/* What one thread records. */
struct telemetry_recorder {
    struct telemetry *telemetry;
    struct ring finished;  /* to the telemetry thread ... */
    struct ring returned;  /* ... and back, to be used again */
    struct log_ring lines; /* of the thread's log; without bytes: none */
    struct span *free_spans;
    atomic_size_t live; /* spans that exist */
    bool has_no_spans;
    bool captures_content;
    enum telemetry_joining joining;
    struct sampling sampling;
    struct span_limits limits;
    struct metrics metrics;
    struct metric_point *spans_finished; /* the telemetry of telemetry */
    struct metric_point *spans_dropped;
    struct metric_point *spans_left_out;
};

bool recorder_init(struct telemetry_recorder *r, struct telemetry *t,
                   const struct telemetry_config *config);
void recorder_done(struct telemetry_recorder *r);

/* Hand a finished span back. Thread: the telemetry loop's. */
void recorder_return(struct telemetry_recorder *r, struct span *s);

/* A ring is half full: let the telemetry thread look early. Thread: any. */
void telemetry_wake(struct telemetry *t);

#endif
