/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include "base/clock.h"
#include "base/str.h"
#include "telemetry/recorder.h"
#include "telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct recording {
    struct telemetry *telemetry;
    struct telemetry_recorder *recorder;
    uint64_t zero_unix_ns;
    json_t *spans;
    json_t *metrics; /* of the last report */
};

static json_t *value_of(const struct parley_attr *a)
{
    switch (a->type) {
    case PARLEY_ATTR_STRING:
    case PARLEY_ATTR_LIST:
        return json_stringn(a->string.data, a->string.len);
    case PARLEY_ATTR_DOUBLE:
        return json_real(a->number);
    case PARLEY_ATTR_BOOL:
        return json_boolean(a->integer);
    default:
        return json_integer(a->integer);
    }
}

static json_t *attrs_json(const struct parley_attrs *attrs)
{
    json_t *all = json_object();

    for (uint32_t i = 0; i < attrs->count; i++)
        json_object_set_new(all, attrs->items[i].key, value_of(&attrs->items[i]));
    return all;
}

static json_int_t ms(const struct recording *r, uint64_t unix_ns)
{
    return ((json_int_t)unix_ns - (json_int_t)r->zero_unix_ns) / 1000000;
}

static json_t *id_json(const uint8_t *id, size_t len)
{
    static const uint8_t none[16];
    char text[33];

    trace_id_format(id, len, text);
    return json_string(memcmp(id, none, len) == 0 ? "" : text);
}

static json_t *span_json(const struct recording *r, const struct parley_span *s)
{
    json_t *events = json_object();

    for (uint32_t i = 0; i < s->event_count; i++)
        json_object_set_new(events, s->events[i].name, json_integer(ms(r, s->events[i].unix_ns)));
    return json_pack("{s:s, s:i, s:i, s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "name", s->name,
                     "kind", (int)s->kind, "status", (int)s->status, "message", s->status_message,
                     "trace", id_json(s->trace_id, 16), "id", id_json(s->span_id, 8), "parent",
                     id_json(s->parent_span_id, 8), "start_ms", ms(r, s->start_unix_ns), "end_ms",
                     ms(r, s->end_unix_ns), "attrs", attrs_json(&s->attrs), "events", events);
}

static void deliver(void *ctx, const struct parley_batch *batch)
{
    struct recording *r = ctx;

    for (uint32_t i = 0; i < batch->span_count; i++)
        json_array_append_new(r->spans, span_json(r, &batch->spans[i]));
    if (batch->metric_count > 0)
        json_array_clear(r->metrics);
    for (uint32_t i = 0; i < batch->metric_count; i++) {
        const struct parley_metric *m = &batch->metrics[i];
        bool is_histogram = m->kind == PARLEY_METRIC_HISTOGRAM;
        json_array_append_new(r->metrics,
                              json_pack("{s:s, s:o, s:f, s:f}", "name", m->name, "attrs",
                                        attrs_json(&m->attrs), "value",
                                        is_histogram ? (double)m->count : m->value, "sum", m->sum));
    }
}

struct recording *recording_create(struct loop *loop, bool with_content,
                                   enum telemetry_joining joining)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct recording *r = calloc(1, sizeof(*r));
    const struct telemetry_config config = {
        .sink = {deliver, r}, .captures_content = with_content, .joining = joining};

    r->zero_unix_ns = clock_unix_us() * 1000;
    r->spans = json_array();
    r->metrics = json_array();
    assert_int_equal(telemetry_create(&config, loop, &r->telemetry, &err), PARLEY_OK);
    r->recorder = telemetry_recorder_create(r->telemetry);
    assert_non_null(r->recorder);
    return r;
}

/* Spans that wait to be used again. */
static size_t spans_at_rest(const struct telemetry_recorder *r)
{
    size_t count = ring_count(&r->returned);

    for (const struct span *s = r->free_spans; s != NULL; s = s->next_free)
        count++;
    return count;
}

void recording_destroy(struct recording *r)
{
    if (r == NULL)
        return;
    telemetry_flush(r->telemetry);
    assert_int_equal(spans_at_rest(r->recorder), atomic_load(&r->recorder->live));
    (void)telemetry_destroy(r->telemetry);
    json_decref(r->spans);
    json_decref(r->metrics);
    free(r);
}

struct telemetry_recorder *recording_recorder(const struct recording *r)
{
    return r == NULL ? NULL : r->recorder;
}

const json_t *recording_spans(struct recording *r)
{
    telemetry_flush(r->telemetry);
    return r->spans;
}

static double number(struct recording *r, const char *metric, const char *key, const char *value,
                     const char *member)
{
    size_t i;
    const json_t *m;

    telemetry_flush(r->telemetry);
    json_array_foreach(r->metrics, i, m)
    {
        const json_t *have = key == NULL ? NULL : json_object_get(json_object_get(m, "attrs"), key);
        if (strcmp(json_string_value(json_object_get(m, "name")), metric) == 0 &&
            (key == NULL || (have != NULL && strcmp(json_string_value(have), value) == 0)))
            return json_real_value(json_object_get(m, member));
    }
    return 0;
}

double recording_value(struct recording *r, const char *metric, const char *key, const char *value)
{
    return number(r, metric, key, value, "value");
}

double recording_sum(struct recording *r, const char *metric, const char *key, const char *value)
{
    return number(r, metric, key, value, "sum");
}
