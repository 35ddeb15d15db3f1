/* SPDX-License-Identifier: Apache-2.0 */
/* Finished spans and metrics in the form that exporters take. Thread: the telemetry loop's. */
#ifndef TELEMETRY_BATCH_H
#define TELEMETRY_BATCH_H

#include "telemetry/metrics.h"
#include "telemetry/span.h"

#include <parley/exporter.h>

struct batch {
    struct parley_batch out;
    struct parley_span *spans;
    struct parley_metric *metrics;
    struct parley_attr *attrs; /* of all of them */
    struct parley_span_event *events;
    size_t attr_count;
    char *messages; /* of statuses, each ended by a NUL */
    size_t event_count;
    size_t message_bytes;
};

/* What turns monotonic times into the wall clock's, fixed once per process so that spans never run
 * backwards when the clock is set. */
struct batch_times {
    uint64_t unix_minus_now_us;
    uint64_t start_unix_us; /* of cumulative metrics */
};

/*
 * Fill batch->out from spans and a snapshot (either may be empty, NULL); it points into both, so
 * they must stay until batch_done(). False without memory.
 */
bool batch_build(struct batch *batch, struct span *const *spans, size_t span_count,
                 const struct metrics_snapshot *metrics, const struct batch_times *times,
                 struct parley_attrs resource);

void batch_done(struct batch *batch);

#endif
