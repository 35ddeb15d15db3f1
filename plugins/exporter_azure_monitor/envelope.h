/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch as envelopes of Application Insights:
 *
 *     span SERVER               Request          span CLIENT, INTERNAL     RemoteDependency
 *     event of a span           Message, or Exception                      of the span's operation
 *     log record                Message; Exception when it tells of one; Event when it has a name
 *     point of a metric         Metric
 *     resource                  Metric _OTELRESOURCE_, once for each batch of spans
 */
#ifndef AZURE_MONITOR_ENVELOPE_H
#define AZURE_MONITOR_ENVELOPE_H

#include "json.h"
#include "parcel.h"
#include "properties.h"
#include "tags.h"

#include <parley/exporter.h>

#include <stdbool.h>

struct envelope_config {
    const char *key; /* of instrumentation */
    const char *version;
    bool with_content;
    bool with_span_events;
    bool turns_are_requests;
};

/* What the envelopes of one batch have in common, and where they go. */
struct envelopes {
    const struct envelope_config *config;
    struct json resource; /* of tags_resource() */
    struct parcel *parcels;
    uint32_t count;
    bool failed;
    struct json nowhere; /* takes items that cannot be written */
};

/* One that is being written. */
struct envelope {
    struct envelopes *all;
    struct json *out;
    size_t at;
};

/* Write spans, points and log records of a batch. False without memory; then nothing is kept. */
bool envelopes_write(struct envelopes *all, const struct envelope_config *config,
                     const struct parley_batch *batch);
void envelopes_done(struct envelopes *all);

/* --- For the files of each kind of record --- */

struct envelope_head {
    const char *name;      /* "Request" */
    const char *base_type; /* "RequestData" */
    uint64_t unix_ns;
    double sample_ratio; /* 0: 1 */
    struct tags tags;
};

/* Everything up to the fields of baseData. */
struct envelope envelope_begin(struct envelopes *all, const struct envelope_head *head);
void envelope_end(struct envelope *e, bool is_record);

/* Properties of the item, begun. */
struct properties envelope_properties(const struct envelope *e);

void span_write(struct envelopes *all, const struct parley_span *span, uint32_t span_size);
void log_write(struct envelopes *all, const struct parley_log_record *record, uint32_t log_size);
void metric_write(struct envelopes *all, const struct parley_metric *metric);
/* The resource, as a metric. */
void resource_write(struct envelopes *all, const struct parley_attrs *resource, uint64_t unix_ns);

/* An exception that a span's event or a log record tells of. */
bool exception_is(const struct parley_attrs *attrs);
void exception_write(struct envelopes *all, const struct envelope_head *head,
                     const struct parley_attrs *attrs, struct parley_view text, uint32_t severity,
                     bool is_record);

/* "Error" and the like, of OpenTelemetry's number. */
const char *severity_name(uint32_t severity);

#endif
