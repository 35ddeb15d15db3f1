/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters, levels and histograms, declared in metrics.def. Each recorder has its own points, one
 * for each set of attributes; readers sum them. Look a point up once (a session: at its start) and
 * keep it: adding to it is then a plain load and store. Points live as long as the telemetry.
 * A histogram is kept twice, in its own buckets and in exponential ones, for exporters to choose.
 */
#ifndef TELEMETRY_METRICS_H
#define TELEMETRY_METRICS_H

#include "base/buf.h"
#include "telemetry/exponential.h"

#include <parley/types.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_MAX_LABELS 6
#define METRICS_MAX_POINTS 500 /* of one metric in one recorder; the rest shares one more */

enum metric_kind { METRIC_COUNTER, METRIC_LEVEL, METRIC_HISTOGRAM };

enum metric_id {
#define METRIC(id, ...) METRIC_##id,
#include "telemetry/metrics.def"
#undef METRIC
    METRIC_COUNT_OF_ALL
};

struct metric_info {
    enum metric_kind kind;
    const char *name;
    const char *unit;
    const double *bounds; /* HISTOGRAM: upper, ascending */
    size_t bound_count;
    const char *attributes;
    const char *description;
};

const struct metric_info *metric_info(enum metric_id id);

/* An attribute. Keys are literals (names.h); an empty value leaves it out. */
struct metric_label {
    const char *key;
    struct parley_view value;
};

struct telemetry_recorder;
struct metric_point;

/*
 * The point with these attributes, made when it is not there. Beyond METRICS_MAX_POINTS all share
 * one with otel.metric.overflow=true. NULL without a recorder or memory; the functions below accept
 * that. Thread: the recorder's.
 */
struct metric_point *metrics_point(struct telemetry_recorder *r, enum metric_id id,
                                   const struct metric_label *labels, size_t count);

/* Add to a COUNTER or LEVEL. Thread: the recorder's. */
void metric_add(struct metric_point *p, double value);

/* Note one value of a HISTOGRAM. Thread: the recorder's. */
void metric_record(struct metric_point *p, double value);

/* Both in one call, for what is rare: adds to or records into the point of one attribute (key NULL:
 * none). */
void metrics_note(struct telemetry_recorder *r, enum metric_id id, double value, const char *key,
                  const char *label);

/* Append all of metrics.def as a Markdown table, for the generated reference. */
void metrics_describe_markdown(struct buf *out);

/* --- Inside of telemetry/ ----------------------------------------------------------------------
 */

struct metric_point {
    struct metric_point *_Atomic next;
    enum metric_id id;
    size_t label_count;
    struct metric_label labels[METRICS_MAX_LABELS]; /* sorted by key; values owned */
    _Atomic double value;                           /* the sum, for a histogram */
    _Atomic double min;
    _Atomic double max;
    struct exponential_shared *exponential; /* HISTOGRAM: the same once more; owned */
    _Atomic uint64_t counts[];              /* HISTOGRAM: bound_count + 1 */
};

struct metrics {
    struct metric_point *_Atomic points[METRIC_COUNT_OF_ALL];
    size_t point_count[METRIC_COUNT_OF_ALL];
};

struct metric_point *metrics_find(struct metrics *m, enum metric_id id,
                                  const struct metric_label *labels, size_t count);
void metrics_done(struct metrics *m);

/* --- Reading -----------------------------------------------------------------------------------
 */

/* One point, summed over the recorders. */
struct metric_sample {
    enum metric_id id;
    const struct metric_label *labels; /* borrowed from a point */
    size_t label_count;
    double value; /* the sum, for a histogram */
    double min;
    double max;
    uint64_t count;
    uint64_t *counts;                /* HISTOGRAM */
    struct exponential *exponential; /* HISTOGRAM */
};

struct metrics_snapshot {
    struct metric_sample *items; /* in the order of metrics.def */
    size_t count;
    size_t cap;
};

/* Add a recorder's points. False without memory. Thread: any. */
bool metrics_snapshot_add(struct metrics_snapshot *s, const struct metrics *m);

/* Add a value that no recorder keeps. False without memory. */
bool metrics_snapshot_put(struct metrics_snapshot *s, enum metric_id id, double value);

/* Put the samples into the order of metrics.def. */
void metrics_snapshot_sort(struct metrics_snapshot *s);

struct metrics_snapshot *metrics_snapshot_free(struct metrics_snapshot *s);

#endif
