/* SPDX-License-Identifier: Apache-2.0 */
#include "encoder.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef Parley__Otlp__Buckets Buckets;
typedef Parley__Otlp__ExponentialPoint ExponentialPoint;
typedef Parley__Otlp__HistogramPoint HistogramPoint;
typedef Parley__Otlp__Metric Metric;
typedef Parley__Otlp__NumberPoint NumberPoint;
typedef Parley__Otlp__ResourceMetrics ResourceMetrics;
typedef Parley__Otlp__ScopeMetrics ScopeMetrics;

static const struct parley_metric *metric_at(const struct parley_batch *batch, uint32_t i)
{
    return (const void *)((const char *)batch->metrics + (size_t)i * batch->metric_size);
}

static NumberPoint *number_point(struct encoder *e, const struct parley_metric *m)
{
    NumberPoint *p = NEW(e, NumberPoint, number_point);

    if (p == NULL)
        return NULL;
    p->has_start_time_unix_nano = p->has_time_unix_nano = p->has_as_double = 1;
    p->start_time_unix_nano = m->start_unix_ns;
    p->time_unix_nano = m->time_unix_ns;
    p->as_double = m->value;
    p->attributes = encoder_attributes(e, &m->attrs, &p->n_attributes);
    return p;
}

/* Are the least and the greatest value known? */
static bool has_range(const struct parley_metric *m)
{
    return m->count > 0 && !isnan(m->min) && !isnan(m->max);
}

static HistogramPoint *histogram_point(struct encoder *e, const struct parley_metric *m)
{
    HistogramPoint *p = NEW(e, HistogramPoint, histogram_point);

    if (p == NULL)
        return NULL;
    p->has_start_time_unix_nano = p->has_time_unix_nano = p->has_count = p->has_sum = 1;
    p->has_min = p->has_max = has_range(m);
    p->start_time_unix_nano = m->start_unix_ns;
    p->time_unix_nano = m->time_unix_ns;
    p->count = m->count;
    p->sum = m->sum;
    p->min = m->min;
    p->max = m->max;
    p->n_bucket_counts = m->bound_count + 1; /* borrowed, like the bounds */
    p->bucket_counts = (uint64_t *)m->counts;
    p->n_explicit_bounds = m->bound_count;
    p->explicit_bounds = (double *)m->bounds;
    p->attributes = encoder_attributes(e, &m->attrs, &p->n_attributes);
    return p;
}

static void set_histogram(struct encoder *e, Metric *to, const struct parley_batch *batch,
                          uint32_t first, uint32_t count)
{
    const struct parley_metric *m = metric_at(batch, first);
    Parley__Otlp__Histogram *h = NEW(e, Parley__Otlp__Histogram, histogram);
    HistogramPoint **points = POINTERS(e, HistogramPoint, count);

    if (e->arena.failed)
        return;
    h->has_aggregation_temporality = 1;
    h->aggregation_temporality = (int32_t)m->temporality;
    h->data_points = points;
    h->n_data_points = count;
    for (uint32_t i = 0; i < count; i++)
        points[i] = histogram_point(e, metric_at(batch, first + i));
    to->data_case = PARLEY__OTLP__METRIC__DATA_HISTOGRAM;
    to->histogram = h;
}

/* What a core that knows exponential histograms recorded, or NULL. */
static const struct parley_exponential *exponential_of(const struct parley_batch *batch, uint32_t i)
{
    const struct parley_metric *m = metric_at(batch, i);

    if (batch->metric_size < offsetof(struct parley_metric, exponential) + sizeof(m->exponential))
        return NULL;
    return m->kind == PARLEY_METRIC_HISTOGRAM ? m->exponential : NULL;
}

/* Not the explicit buckets' count: a value may have come between the two. */
static uint64_t exponential_count(const struct parley_exponential *from)
{
    uint64_t count = from->zero_count;

    for (uint32_t i = 0; i < from->bucket_count; i++)
        count += from->counts[i];
    return count;
}

static ExponentialPoint *exponential_point(struct encoder *e, const struct parley_metric *m)
{
    const struct parley_exponential *from = m->exponential;
    ExponentialPoint *p = NEW(e, ExponentialPoint, exponential_point);
    Buckets *buckets = NEW(e, Buckets, buckets);

    if (p == NULL || buckets == NULL)
        return NULL;
    p->has_start_time_unix_nano = p->has_time_unix_nano = p->has_count = p->has_sum = 1;
    p->has_scale = p->has_zero_count = buckets->has_offset = 1;
    p->has_min = p->has_max = has_range(m);
    p->start_time_unix_nano = m->start_unix_ns;
    p->time_unix_nano = m->time_unix_ns;
    p->count = exponential_count(from);
    p->sum = m->sum;
    p->min = m->min;
    p->max = m->max;
    p->scale = from->scale;
    p->zero_count = from->zero_count;
    p->positive = buckets;
    buckets->offset = from->offset;
    buckets->n_bucket_counts = from->bucket_count; /* borrowed */
    buckets->bucket_counts = (uint64_t *)from->counts;
    p->attributes = encoder_attributes(e, &m->attrs, &p->n_attributes);
    return p;
}

static void set_exponential(struct encoder *e, Metric *to, const struct parley_batch *batch,
                            uint32_t first, uint32_t count)
{
    Parley__Otlp__ExponentialHistogram *h =
        NEW(e, Parley__Otlp__ExponentialHistogram, exponential_histogram);
    ExponentialPoint **points = POINTERS(e, ExponentialPoint, count);

    if (e->arena.failed)
        return;
    h->has_aggregation_temporality = 1;
    h->aggregation_temporality = (int32_t)metric_at(batch, first)->temporality;
    h->data_points = points;
    for (uint32_t i = 0; i < count; i++) {
        if (exponential_of(batch, first + i) != NULL)
            points[h->n_data_points++] = exponential_point(e, metric_at(batch, first + i));
    }
    to->data_case = PARLEY__OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM;
    to->exponential_histogram = h;
}

static void set_numbers(struct encoder *e, Metric *to, const struct parley_batch *batch,
                        uint32_t first, uint32_t count)
{
    const struct parley_metric *m = metric_at(batch, first);
    NumberPoint **points = POINTERS(e, NumberPoint, count);
    Parley__Otlp__Sum *sum = NEW(e, Parley__Otlp__Sum, sum);
    Parley__Otlp__Gauge *gauge = NEW(e, Parley__Otlp__Gauge, gauge);

    if (e->arena.failed)
        return;
    for (uint32_t i = 0; i < count; i++)
        points[i] = number_point(e, metric_at(batch, first + i));
    if (m->kind == PARLEY_METRIC_GAUGE) {
        gauge->data_points = points;
        gauge->n_data_points = count;
        to->data_case = PARLEY__OTLP__METRIC__DATA_GAUGE;
        to->gauge = gauge;
        return;
    }
    sum->has_aggregation_temporality = sum->has_is_monotonic = sum->is_monotonic = 1;
    sum->aggregation_temporality = (int32_t)m->temporality;
    sum->data_points = points;
    sum->n_data_points = count;
    to->data_case = PARLEY__OTLP__METRIC__DATA_SUM;
    to->sum = sum;
}

/* Points of one metric stand beside each other in a batch. */
static uint32_t points_of_metric(const struct parley_batch *batch, uint32_t first)
{
    uint32_t count = 1;

    while (first + count < batch->metric_count &&
           strcmp(metric_at(batch, first)->name, metric_at(batch, first + count)->name) == 0)
        count++;
    return count;
}

static Metric *metric(struct encoder *e, const struct parley_batch *batch, uint32_t first,
                      uint32_t count)
{
    const struct parley_metric *m = metric_at(batch, first);
    Metric *to = NEW(e, Metric, metric);

    if (to == NULL)
        return NULL;
    to->name = encoder_text(e, m->name);
    to->description = encoder_text(e, m->description);
    to->unit = encoder_text(e, m->unit);
    if (e->config->with_exponential && exponential_of(batch, first) != NULL)
        set_exponential(e, to, batch, first, count);
    else if (m->kind == PARLEY_METRIC_HISTOGRAM)
        set_histogram(e, to, batch, first, count);
    else
        set_numbers(e, to, batch, first, count);
    return to;
}

bool encode_metrics(const struct encode_config *config, const struct parley_batch *batch,
                    struct body *ret)
{
    struct encoder e = {.config = config};
    Parley__Otlp__ExportMetricsRequest *request =
        NEW(&e, Parley__Otlp__ExportMetricsRequest, export_metrics_request);
    ResourceMetrics **by_resource = POINTERS(&e, ResourceMetrics, 1);
    ResourceMetrics *of_resource = NEW(&e, ResourceMetrics, resource_metrics);
    ScopeMetrics **by_scope = POINTERS(&e, ScopeMetrics, 1);
    ScopeMetrics *of_scope = NEW(&e, ScopeMetrics, scope_metrics);
    Metric **metrics = POINTERS(&e, Metric, batch->metric_count);

    if (e.arena.failed)
        return encoder_pack(&e, NULL, ret);
    request->n_resource_metrics = of_resource->n_scope_metrics = 1;
    request->resource_metrics = by_resource;
    by_resource[0] = of_resource;
    of_resource->resource = encoder_resource(&e, &batch->resource);
    of_resource->scope_metrics = by_scope;
    by_scope[0] = of_scope;
    of_scope->scope = encoder_scope(&e);
    of_scope->metrics = metrics;
    for (uint32_t i = 0; i < batch->metric_count && !e.arena.failed;) {
        uint32_t count = points_of_metric(batch, i);
        metrics[of_scope->n_metrics++] = metric(&e, batch, i, count);
        i += count;
    }
    return encoder_pack(&e, request, ret);
}
