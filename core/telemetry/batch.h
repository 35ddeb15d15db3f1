/* SPDX-License-Identifier: Apache-2.0 */
/* Finished spans and metrics in the form that exporters take. Thread: the telemetry loop's. */
#ifndef TELEMETRY_BATCH_H
#define TELEMETRY_BATCH_H

#include "telemetry/log_lines.h"
#include "telemetry/metrics.h"
#include "telemetry/redact.h"
#include "telemetry/sampling.h"
#include "telemetry/span.h"

#include <parley/exporter.h>

struct batch {
    struct parley_batch out;
    struct parley_span *spans;
    struct parley_metric *metrics;
    struct parley_exponential *exponentials; /* one for each metric, where it is a histogram */
    struct parley_log_record *logs;
    struct parley_attr *attrs; /* of all of them */
    struct parley_span_event *events;
    size_t attr_count;
    char *messages;   /* of statuses, each ended by a NUL */
    struct buf *told; /* texts without what was blotted out */
    size_t told_count;
    size_t told_cap;
    char state_by_ratio[SAMPLING_STATE_SIZE];
    char state_always[SAMPLING_STATE_SIZE];
    size_t event_count;
    size_t message_bytes;
};

/* What turns monotonic times into the wall clock's, fixed once per process so that spans never run
 * backwards when the clock is set. */
struct batch_times {
    uint64_t unix_minus_now_us;
    uint64_t start_unix_us; /* of cumulative metrics */
};

/* What goes into a batch; each may be empty, NULL. */
struct batch_source {
    struct span *const *spans;
    size_t span_count;
    const struct metrics_snapshot *metrics;
    const struct log_line *lines; /* redacted already */
    size_t line_count;
};

/* How spans are told. */
struct batch_rules {
    struct batch_times times;
    struct sampling sampling;
    const struct redact *redact; /* NULL: nothing is blotted out */
};

/* Fill batch->out, which points into the source: that must stay until batch_done(). False without
 * memory. */
bool batch_build(struct batch *batch, const struct batch_source *source,
                 const struct batch_rules *rules, struct parley_attrs resource);

void batch_done(struct batch *batch);

#endif
