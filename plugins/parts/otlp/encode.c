/* SPDX-License-Identifier: Apache-2.0 */
#include "encode.h"

#include "arena.h"
#include "otlp.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLED 1u /* W3C trace flags */

/* A message of the tree, ready to be filled; NULL without memory. */
#define NEW(e, type, descriptor) ((type *)fresh((e), &parley__otlp__##descriptor##__descriptor))

/* An array of `count` pointers. */
#define POINTERS(e, type, count) ((type **)arena_alloc(&(e)->arena, (count) * sizeof(type *)))

struct encoder {
    struct arena arena;
    const struct encode_config *config;
};

/* Short names for the generated types. */
typedef Parley__Otlp__AnyValue AnyValue;
typedef Parley__Otlp__ArrayValue ArrayValue;
typedef Parley__Otlp__Event Event;
typedef Parley__Otlp__HistogramPoint HistogramPoint;
typedef Parley__Otlp__KeyValue KeyValue;
typedef Parley__Otlp__Metric Metric;
typedef Parley__Otlp__NumberPoint NumberPoint;
typedef Parley__Otlp__Resource Resource;
typedef Parley__Otlp__ResourceMetrics ResourceMetrics;
typedef Parley__Otlp__ResourceSpans ResourceSpans;
typedef Parley__Otlp__Scope Scope;
typedef Parley__Otlp__ScopeMetrics ScopeMetrics;
typedef Parley__Otlp__ScopeSpans ScopeSpans;
typedef Parley__Otlp__Span Span;
typedef Parley__Otlp__Status Status;

static void *fresh(struct encoder *e, const ProtobufCMessageDescriptor *descriptor)
{
    void *message = arena_alloc(&e->arena, descriptor->sizeof_message);

    if (message != NULL)
        protobuf_c_message_init(descriptor, message);
    return message;
}

static char *text(struct encoder *e, const char *s)
{
    return arena_text(&e->arena, (struct parley_view){s, strlen(s)});
}

/* The parts of a list, which a NUL stands between. */
static ArrayValue *array(struct encoder *e, struct parley_view list)
{
    ArrayValue *a = NEW(e, ArrayValue, array_value);
    size_t count = 1;

    for (size_t i = 0; i < list.len; i++)
        count += list.data[i] == '\0';
    AnyValue **values = POINTERS(e, AnyValue, count);
    if (a == NULL || values == NULL)
        return NULL;
    a->values = values;
    while (a->n_values < count) {
        const char *end = memchr(list.data, '\0', list.len);
        size_t len = end == NULL ? list.len : (size_t)(end - list.data);
        AnyValue *v = NEW(e, AnyValue, any_value);
        if (v == NULL)
            return NULL;
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        v->string_value = arena_text(&e->arena, (struct parley_view){list.data, len});
        values[a->n_values++] = v;
        list.data += len + (end != NULL);
        list.len -= len + (end != NULL);
    }
    return a;
}

static void set_value(struct encoder *e, AnyValue *v, const struct parley_attr *a)
{
    switch (a->type) {
    case PARLEY_ATTR_INT:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_INT_VALUE;
        v->int_value = a->integer;
        break;
    case PARLEY_ATTR_DOUBLE:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
        v->double_value = a->number;
        break;
    case PARLEY_ATTR_BOOL:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        v->bool_value = a->integer != 0;
        break;
    case PARLEY_ATTR_LIST:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
        v->array_value = array(e, a->string);
        break;
    default:
        v->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        v->string_value = arena_text(&e->arena, a->string);
        break;
    }
}

static KeyValue **attributes(struct encoder *e, const struct parley_attrs *attrs, size_t *ret_count)
{
    KeyValue **all = POINTERS(e, KeyValue, attrs->count);
    size_t count = 0;

    for (uint32_t i = 0; i < attrs->count && !e->arena.failed; i++) {
        const struct parley_attr *a =
            (const void *)((const char *)attrs->items + (size_t)i * attrs->item_size);
        if ((a->flags & PARLEY_ATTR_CONTENT) != 0 && !e->config->with_content)
            continue;
        KeyValue *pair = NEW(e, KeyValue, key_value);
        AnyValue *value = NEW(e, AnyValue, any_value);
        if (pair == NULL || value == NULL)
            break;
        set_value(e, value, a);
        pair->key = text(e, a->key);
        pair->value = value;
        all[count++] = pair;
    }
    *ret_count = count;
    return all;
}

static Resource *resource(struct encoder *e, const struct parley_attrs *attrs)
{
    Resource *r = NEW(e, Resource, resource);

    if (r != NULL)
        r->attributes = attributes(e, attrs, &r->n_attributes);
    return r;
}

static Scope *scope(struct encoder *e)
{
    Scope *s = NEW(e, Scope, scope);

    if (s != NULL) {
        s->name = text(e, "parley.realtime");
        s->version = text(e, e->config->scope_version);
    }
    return s;
}

/* Borrowed: the batch lives longer than the tree. */
static ProtobufCBinaryData bytes(const uint8_t *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)data};
}

static bool is_zero(const uint8_t *data, size_t len)
{
    while (len > 0 && data[len - 1] == 0)
        len--;
    return len == 0;
}

static void set_events(struct encoder *e, Span *to, const struct parley_span *from)
{
    to->events = POINTERS(e, Event, from->event_count);
    for (uint32_t i = 0; i < from->event_count && !e->arena.failed; i++) {
        const struct parley_span_event *event =
            (const void *)((const char *)from->events + (size_t)i * from->event_size);
        Event *out = NEW(e, Event, event);
        if (out == NULL)
            return;
        out->has_time_unix_nano = 1;
        out->time_unix_nano = event->unix_ns;
        out->name = text(e, event->name);
        out->attributes = attributes(e, &event->attrs, &out->n_attributes);
        to->events[to->n_events++] = out;
    }
}

static void set_status(struct encoder *e, Span *to, const struct parley_span *from)
{
    if (from->status == PARLEY_SPAN_UNSET)
        return;
    to->status = NEW(e, Status, status);
    if (to->status == NULL)
        return;
    to->status->has_code = 1;
    to->status->code = (int32_t)from->status;
    if (from->status_message != NULL && from->status_message[0] != '\0')
        to->status->message = text(e, from->status_message);
}

static Span *span(struct encoder *e, const struct parley_span *from)
{
    Span *to = NEW(e, Span, span);

    if (to == NULL)
        return NULL;
    to->has_trace_id = to->has_span_id = 1;
    to->trace_id = bytes(from->trace_id, sizeof(from->trace_id));
    to->span_id = bytes(from->span_id, sizeof(from->span_id));
    to->has_parent_span_id = !is_zero(from->parent_span_id, sizeof(from->parent_span_id));
    to->parent_span_id = bytes(from->parent_span_id, sizeof(from->parent_span_id));
    to->name = text(e, from->name);
    to->has_kind = to->has_start_time_unix_nano = to->has_end_time_unix_nano = to->has_flags = 1;
    to->kind = (int32_t)from->kind;
    to->start_time_unix_nano = from->start_unix_ns;
    to->end_time_unix_nano = from->end_unix_ns;
    to->flags = SAMPLED;
    to->attributes = attributes(e, &from->attrs, &to->n_attributes);
    set_events(e, to, from);
    set_status(e, to, from);
    return to;
}

/* Serialise the tree and forget it. */
static bool pack(struct encoder *e, const void *message, struct body *ret)
{
    struct body body = {0};

    if (!e->arena.failed && message != NULL) {
        body.len = protobuf_c_message_get_packed_size(message);
        body.bytes = malloc(body.len + 1);
        if (body.bytes != NULL)
            (void)protobuf_c_message_pack(message, body.bytes); /* writes len bytes */
    }
    arena_done(&e->arena);
    if (body.bytes == NULL)
        return false;
    *ret = body;
    return true;
}

bool encode_traces(const struct encode_config *config, const struct parley_batch *batch,
                   struct body *ret)
{
    struct encoder e = {.config = config};
    Parley__Otlp__ExportTraceRequest *request =
        NEW(&e, Parley__Otlp__ExportTraceRequest, export_trace_request);
    ResourceSpans **by_resource = POINTERS(&e, ResourceSpans, 1);
    ResourceSpans *of_resource = NEW(&e, ResourceSpans, resource_spans);
    ScopeSpans **by_scope = POINTERS(&e, ScopeSpans, 1);
    ScopeSpans *of_scope = NEW(&e, ScopeSpans, scope_spans);
    Span **spans = POINTERS(&e, Span, batch->span_count);

    if (e.arena.failed)
        return pack(&e, NULL, ret);
    request->n_resource_spans = of_resource->n_scope_spans = 1;
    request->resource_spans = by_resource;
    by_resource[0] = of_resource;
    of_resource->resource = resource(&e, &batch->resource);
    of_resource->scope_spans = by_scope;
    by_scope[0] = of_scope;
    of_scope->scope = scope(&e);
    of_scope->spans = spans;
    for (uint32_t i = 0; i < batch->span_count && !e.arena.failed; i++) {
        spans[of_scope->n_spans++] =
            span(&e, (const void *)((const char *)batch->spans + (size_t)i * batch->span_size));
    }
    return pack(&e, request, ret);
}

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
    p->attributes = attributes(e, &m->attrs, &p->n_attributes);
    return p;
}

static HistogramPoint *histogram_point(struct encoder *e, const struct parley_metric *m)
{
    HistogramPoint *p = NEW(e, HistogramPoint, histogram_point);

    if (p == NULL)
        return NULL;
    p->has_start_time_unix_nano = p->has_time_unix_nano = p->has_count = p->has_sum = 1;
    p->has_min = p->has_max = m->count > 0;
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
    p->attributes = attributes(e, &m->attrs, &p->n_attributes);
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
    to->name = text(e, m->name);
    to->description = text(e, m->description);
    to->unit = text(e, m->unit);
    if (m->kind == PARLEY_METRIC_HISTOGRAM)
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
        return pack(&e, NULL, ret);
    request->n_resource_metrics = of_resource->n_scope_metrics = 1;
    request->resource_metrics = by_resource;
    by_resource[0] = of_resource;
    of_resource->resource = resource(&e, &batch->resource);
    of_resource->scope_metrics = by_scope;
    by_scope[0] = of_scope;
    of_scope->scope = scope(&e);
    of_scope->metrics = metrics;
    for (uint32_t i = 0; i < batch->metric_count && !e.arena.failed;) {
        uint32_t count = points_of_metric(batch, i);
        metrics[of_scope->n_metrics++] = metric(&e, batch, i, count);
        i += count;
    }
    return pack(&e, request, ret);
}

/* What a stranger wrote must stay on its line of the log. */
static void copy_message(char *out, size_t size, const char *message)
{
    (void)snprintf(out, size, "%s", message);
    for (; *out != '\0'; out++) {
        if ((unsigned char)*out < ' ' || *out == '"')
            *out = ' ';
    }
}

struct encode_answer encode_read_answer(struct parley_view answer)
{
    struct encode_answer a = {0};
    Parley__Otlp__ExportResponse *r =
        parley__otlp__export_response__unpack(NULL, answer.len, (const uint8_t *)answer.data);

    if (r == NULL)
        return a;
    if (r->partial_success != NULL && r->partial_success->has_rejected)
        a.rejected = r->partial_success->rejected;
    if (r->partial_success != NULL && r->partial_success->error_message != NULL)
        copy_message(a.message, sizeof(a.message), r->partial_success->error_message);
    parley__otlp__export_response__free_unpacked(r, NULL);
    return a;
}
