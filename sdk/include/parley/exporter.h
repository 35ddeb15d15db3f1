/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.exporter/1: takes finished spans, metric points and log records in the OpenTelemetry
 * model and delivers them. Runs on the telemetry thread, which here plays the part of [worker]: it
 * must not block, and services work on it as on any worker.
 */
#ifndef PARLEY_EXPORTER_H
#define PARLEY_EXPORTER_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_ROLE_EXPORTER "parley.exporter/1"

#define PARLEY_ATTR_STRING 1
#define PARLEY_ATTR_INT    2
#define PARLEY_ATTR_DOUBLE 3
#define PARLEY_ATTR_BOOL   4
#define PARLEY_ATTR_LIST   5 /* strings: `string` holds them, with a NUL between two */

#define PARLEY_ATTR_CONTENT                                                                        \
    (1u << 0) /* what people said or tools returned: only where switched on */

struct parley_attr {
    const char *key;
    uint32_t type;  /* PARLEY_ATTR_... */
    uint32_t flags; /* PARLEY_ATTR_CONTENT */
    struct parley_view string;
    int64_t integer; /* INT and BOOL */
    double number;
};

struct parley_attrs {
    const struct parley_attr *items;
    uint32_t count;
    uint32_t item_size;
};

#define PARLEY_SPAN_INTERNAL 1 /* kinds, as in OTLP */
#define PARLEY_SPAN_SERVER   2
#define PARLEY_SPAN_CLIENT   3

#define PARLEY_SPAN_UNSET 0 /* status, as in OTLP */
#define PARLEY_SPAN_OK    1
#define PARLEY_SPAN_ERROR 2

#define PARLEY_SPAN_SAMPLED       0x001u /* flags, as in OTLP */
#define PARLEY_SPAN_PARENT_KNOWN  0x100u /* whether the parent is another program's is known ... */
#define PARLEY_SPAN_PARENT_REMOTE 0x200u /* ... and it is */

struct parley_span_event {
    const char *name;
    uint64_t unix_ns;
    struct parley_attrs attrs;
};

struct parley_span {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t parent_span_id[8]; /* zero: a root */
    const char *name;
    uint32_t kind;
    uint32_t status;
    const char *status_message; /* "" unless ERROR */
    uint64_t start_unix_ns;
    uint64_t end_unix_ns;
    struct parley_attrs attrs;
    const struct parley_span_event *events;
    uint32_t event_count;
    uint32_t event_size;
    /* W3C tracestate, such as "ot=th:c"; "" or NULL for none. Since 1.1, as what follows. */
    const char *trace_state;
    double sample_ratio;    /* share of such spans that sampling keeps, up to 1; 0: not known */
    uint32_t flags;         /* PARLEY_SPAN_SAMPLED ... */
    uint32_t dropped_attrs; /* that limits left out, as the next */
    uint32_t dropped_events;
    uint32_t reserved;
};

#define PARLEY_METRIC_SUM       1 /* monotonic */
#define PARLEY_METRIC_GAUGE     2
#define PARLEY_METRIC_HISTOGRAM 3

/*
 * A histogram's values in buckets of equal ratio: with base = 2^(2^-scale), bucket i holds those
 * above base^i and up to base^(i+1).
 */
struct parley_exponential {
    uint32_t size;
    int32_t scale;
    int32_t offset;         /* i of the first bucket */
    uint32_t bucket_count;  /* may be 0 */
    const uint64_t *counts; /* bucket_count of them */
    uint64_t zero_count;    /* values that are 0; together they are the metric's count */
};

#define PARLEY_TEMPORALITY_DELTA      1 /* as in OTLP */
#define PARLEY_TEMPORALITY_CUMULATIVE 2

/* One point of a metric: one set of attributes. */
struct parley_metric {
    const char *name;
    const char *unit; /* UCUM */
    const char *description;
    uint32_t kind;
    uint32_t temporality;
    uint64_t start_unix_ns;
    uint64_t time_unix_ns;
    struct parley_attrs attrs;
    double value;   /* SUM, GAUGE */
    uint64_t count; /* HISTOGRAM ... */
    double sum;
    double min;
    double max;
    const double *bounds;   /* upper, ascending */
    const uint64_t *counts; /* bound_count + 1 */
    uint32_t bound_count;
    uint32_t reserved;
    /* HISTOGRAM: the same values once more, for whoever prefers it; NULL: not there. Since 1.1. */
    const struct parley_exponential *exponential;
};

struct parley_log_record {
    uint64_t unix_ns;
    uint32_t severity; /* OpenTelemetry severity number: 9 info, 13 warn, 17 error */
    uint32_t reserved;
    struct parley_view body;
    uint8_t trace_id[16]; /* zero when there is none */
    uint8_t span_id[8];
    struct parley_attrs attrs;
    const char *event_name; /* such as session.start; NULL: a line of the log. Since 1.1. */
};

/* One delivery. Borrowed until export() returns. */
struct parley_batch {
    uint32_t size;
    uint32_t reserved;
    struct parley_attrs resource; /* service.name and the like */
    const struct parley_span *spans;
    uint32_t span_count;
    uint32_t span_size;
    const struct parley_metric *metrics;
    uint32_t metric_count;
    uint32_t metric_size;
    const struct parley_log_record *logs;
    uint32_t log_count;
    uint32_t log_size;
};

#define PARLEY_EXPORT_NOTHING 1 /* success: nothing in the batch was for this destination */
#define PARLEY_EXPORT_KEPT    2 /* not delivered; laid down where it outlives parley, for later */

struct parley_exporter_host {
    uint32_t size;
    uint32_t reserved;
    /* The batch is delivered (PARLEY_OK, PARLEY_EXPORT_NOTHING), kept (PARLEY_EXPORT_KEPT) or given
     * up, with the number of records lost. */
    void (*end)(parley_op op, int status, uint64_t lost, const struct parley_error *err);
    /* Before end(): so many records of the batch are none for this destination. They count neither
     * as delivered nor as lost. Since 1.1. */
    void (*leave_out)(parley_op op, uint64_t records);
};

struct parley_exporter_vtable {
    uint32_t size;
    uint32_t reserved;
    /* [worker] Once after worker_start. */
    void (*attach)(void *worker_instance, struct parley_worker *worker,
                   const struct parley_exporter_host *host);
    /* [worker] Deliver a batch. 0: accepted, end follows. PARLEY_E_BUSY: its own queue is full. */
    int (*deliver)(void *worker_instance, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err);
    /* [worker] Hurry: parley is stopping; pending batches should be tried once and ended. May be
     * NULL. */
    void (*flush)(void *worker_instance);
};

#ifdef __cplusplus
}
#endif

#endif
