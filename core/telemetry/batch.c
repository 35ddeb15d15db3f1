/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/batch.h"

#include "base/clock.h"
#include "base/str.h"
#include "telemetry/names.h"
#include "telemetry/recorder.h"

#include <stdlib.h>

static uint64_t unix_ns(const struct batch_times *times, uint64_t now_us)
{
    return (now_us + times->unix_minus_now_us) * 1000;
}

static struct parley_attrs attrs_from(const struct batch *b, size_t first)
{
    return (struct parley_attrs){.items = b->attrs + first,
                                 .count = (uint32_t)(b->attr_count - first),
                                 .item_size = sizeof(struct parley_attr)};
}

/* What may be told of a text; it stays until batch_done(). Without memory nothing is. */
static struct parley_view tell(struct batch *b, const struct batch_rules *rules,
                               struct parley_view text)
{
    if (rules->redact == NULL || text.len == 0)
        return text;
    if (b->told_count == b->told_cap)
        return (struct parley_view){REDACT_MARK, sizeof(REDACT_MARK) - 1};
    struct buf *out = &b->told[b->told_count];
    *out = (struct buf){0};
    if (!redact_apply(rules->redact, text, out))
        return text;
    b->told_count++;
    return buf_view(out);
}

static void add_span_attr(struct batch *b, const struct span *s, const struct span_attr *a,
                          const struct batch_rules *rules)
{
    struct parley_attr *out = &b->attrs[b->attr_count++];

    *out =
        (struct parley_attr){.key = a->key, .type = a->type, .flags = a->flags, .string = {"", 0}};
    if (a->type == PARLEY_ATTR_DOUBLE)
        out->number = a->number;
    else if (a->type == PARLEY_ATTR_INT || a->type == PARLEY_ATTR_BOOL)
        out->integer = a->integer;
    else
        out->string = (struct parley_view){s->text.data + a->at, a->len};
    if ((a->flags & PARLEY_ATTR_CONTENT) != 0)
        out->string = tell(b, rules, out->string);
}

static void add_sampling(const struct batch *b, struct parley_span *out, const struct span *s,
                         const struct sampling *sampling)
{
    out->flags = PARLEY_SPAN_SAMPLED | PARLEY_SPAN_PARENT_KNOWN |
                 (s->has_remote_parent ? PARLEY_SPAN_PARENT_REMOTE : 0);
    out->dropped_attrs = s->dropped_attrs;
    out->dropped_events = s->dropped_events;
    out->sample_ratio = sampling_share(sampling, s->context.verdict);
    out->trace_state = s->context.verdict == SAMPLING_BY_RATIO ? b->state_by_ratio
                       : s->context.verdict == SAMPLING_ALWAYS ? b->state_always
                                                               : "";
}

static void add_span(struct batch *b, struct span *s, const struct batch_rules *rules)
{
    struct parley_span *out = &b->spans[b->out.span_count++];
    size_t first_attr = b->attr_count;
    size_t first_event = b->event_count;

    *out = (struct parley_span){.name = s->name,
                                .kind = s->kind,
                                .status = s->status,
                                .status_message = "",
                                .start_unix_ns = unix_ns(&rules->times, s->start_us),
                                .end_unix_ns = unix_ns(&rules->times, s->end_us)};
    memcpy(out->trace_id, s->context.trace_id, sizeof(out->trace_id));
    memcpy(out->span_id, s->context.span_id, sizeof(out->span_id));
    memcpy(out->parent_span_id, s->parent_span_id, sizeof(out->parent_span_id));
    add_sampling(b, out, s, &rules->sampling);
    for (uint32_t i = 0; i < s->attr_count; i++)
        add_span_attr(b, s, &s->attrs[i], rules);
    out->attrs = attrs_from(b, first_attr);
    if (s->message.len > 0) {
        struct parley_view message = {s->text.data + s->message.at, s->message.len};
        struct parley_view told = tell(b, rules, message);
        out->status_message = told.data; /* ended by a NUL, unless it is the span's own */
        if (told.data == message.data) {
            out->status_message = b->messages + b->message_bytes;
            view_copy(b->messages + b->message_bytes, message.len + 1, message);
            b->message_bytes += message.len + 1;
        }
    }
    for (uint32_t i = 0; i < s->event_count; i++) {
        b->events[b->event_count++] =
            (struct parley_span_event){.name = s->events[i].name,
                                       .unix_ns = unix_ns(&rules->times, s->events[i].now_us),
                                       .attrs = {.item_size = sizeof(struct parley_attr)}};
    }
    out->events = b->events + first_event;
    out->event_count = s->event_count;
    out->event_size = sizeof(struct parley_span_event);
}

static uint32_t metric_kind(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return PARLEY_METRIC_SUM;
    case METRIC_HISTOGRAM:
        return PARLEY_METRIC_HISTOGRAM;
    default:
        return PARLEY_METRIC_GAUGE;
    }
}

static void add_exponential(struct batch *b, struct parley_metric *to, const struct exponential *e)
{
    struct parley_exponential *out = &b->exponentials[to - b->metrics];

    *out = (struct parley_exponential){.size = sizeof(*out),
                                       .scale = e->scale,
                                       .offset = e->low,
                                       .bucket_count = e->used,
                                       .counts = e->counts,
                                       .zero_count = e->zero};
    to->exponential = out;
}

/* A label in the type that the conventions give its key: points keep words only. */
static struct parley_attr label_attr(const struct metric_label *l)
{
    struct parley_attr a = {.key = l->key, .type = PARLEY_ATTR_STRING, .string = l->value};
    int64_t status = 0;

    if (strcmp(l->key, NAME_METRIC_OVERFLOW) == 0)
        a = (struct parley_attr){
            .key = l->key, .type = PARLEY_ATTR_BOOL, .string = {"", 0}, .integer = 1};
    else if (strcmp(l->key, NAME_HTTP_STATUS) == 0 && view_to_int64(l->value, &status))
        a = (struct parley_attr){
            .key = l->key, .type = PARLEY_ATTR_INT, .string = {"", 0}, .integer = status};
    return a;
}

static void add_metric(struct batch *b, const struct metric_sample *m,
                       const struct batch_times *times, uint64_t now_us)
{
    struct parley_metric *out = &b->metrics[b->out.metric_count++];
    const struct metric_info *info = metric_info(m->id);
    size_t first_attr = b->attr_count;

    for (size_t i = 0; i < m->label_count; i++)
        b->attrs[b->attr_count++] = label_attr(&m->labels[i]);
    *out = (struct parley_metric){.name = info->name,
                                  .unit = info->unit,
                                  .description = info->description,
                                  .kind = metric_kind(info->kind),
                                  .temporality = PARLEY_TEMPORALITY_CUMULATIVE,
                                  .start_unix_ns = times->start_unix_us * 1000,
                                  .time_unix_ns = unix_ns(times, now_us),
                                  .attrs = attrs_from(b, first_attr),
                                  .value = m->value};
    if (info->kind != METRIC_HISTOGRAM)
        return;
    out->count = m->count;
    out->sum = m->value;
    out->min = m->min <= m->max ? m->min : 0; /* without a value they are infinite */
    out->max = m->min <= m->max ? m->max : 0;
    out->bounds = info->bounds;
    out->counts = m->counts;
    out->bound_count = (uint32_t)info->bound_count;
    add_exponential(b, out, m->exponential);
}

static size_t metric_count(const struct batch_source *source)
{
    return source->metrics == NULL ? 0 : source->metrics->count;
}

/* Room for everything, so that pointers into the arrays stay good. */
static bool reserve(struct batch *b, const struct batch_source *source)
{
    size_t attrs = 0;
    size_t events = 0;
    size_t messages = 0;

    for (size_t i = 0; i < source->span_count; i++) {
        attrs += source->spans[i]->attr_count;
        events += source->spans[i]->event_count;
        messages += source->spans[i]->message.len + 1;
    }
    for (size_t i = 0; i < metric_count(source); i++)
        attrs += source->metrics->items[i].label_count;
    b->spans = calloc(source->span_count + 1, sizeof(*b->spans));
    b->metrics = calloc(metric_count(source) + 1, sizeof(*b->metrics));
    b->exponentials = calloc(metric_count(source) + 1, sizeof(*b->exponentials));
    b->logs = calloc(source->line_count + 1, sizeof(*b->logs));
    b->attrs = calloc(attrs + 1, sizeof(*b->attrs));
    b->events = calloc(events + 1, sizeof(*b->events));
    b->messages = calloc(messages + 1, 1);
    b->told_cap = attrs + source->span_count;
    b->told = calloc(b->told_cap + 1, sizeof(*b->told));
    return b->spans != NULL && b->metrics != NULL && b->exponentials != NULL && b->logs != NULL &&
           b->attrs != NULL && b->events != NULL && b->messages != NULL && b->told != NULL;
}

static void add_log(struct batch *b, const struct log_line *line, const struct batch_times *times)
{
    b->logs[b->out.log_count++] = log_line_record(line, unix_ns(times, line->entry.now_us));
}

static void describe(struct batch *b, struct parley_attrs resource)
{
    b->out.size = sizeof(b->out);
    b->out.resource = resource;
    b->out.spans = b->spans;
    b->out.span_size = sizeof(*b->spans);
    b->out.metrics = b->metrics;
    b->out.metric_size = sizeof(*b->metrics);
    b->out.logs = b->logs;
    b->out.log_size = sizeof(*b->logs);
}

bool batch_build(struct batch *b, const struct batch_source *source,
                 const struct batch_rules *rules, struct parley_attrs resource)
{
    uint64_t now_us = clock_now_us();

    *b = (struct batch){0};
    if (!reserve(b, source)) {
        batch_done(b);
        return false;
    }
    sampling_state(&rules->sampling, SAMPLING_BY_RATIO, b->state_by_ratio);
    sampling_state(&rules->sampling, SAMPLING_ALWAYS, b->state_always);
    for (size_t i = 0; i < source->span_count; i++)
        add_span(b, source->spans[i], rules);
    for (size_t i = 0; i < metric_count(source); i++)
        add_metric(b, &source->metrics->items[i], &rules->times, now_us);
    for (size_t i = 0; i < source->line_count; i++)
        add_log(b, &source->lines[i], &rules->times);
    describe(b, resource);
    return true;
}

void batch_done(struct batch *b)
{
    free(b->spans);
    free(b->metrics);
    free(b->exponentials);
    free(b->logs);
    free(b->attrs);
    free(b->events);
    free(b->messages);
    for (size_t i = 0; i < b->told_count; i++)
        buf_done(&b->told[i]);
    free(b->told);
    *b = (struct batch){0};
}
