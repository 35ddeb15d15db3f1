/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/recorder.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "base/utf8.h"
#include "telemetry/names.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_TEXT_BYTES 4096 /* of a span that waits to be used again */

const struct span_limits span_default_limits = {.attrs = SPAN_MAX_ATTRS,
                                                .events = SPAN_MAX_EVENTS,
                                                .value_bytes = SPAN_MAX_VALUE_BYTES,
                                                .content_bytes = SPAN_MAX_CONTENT_BYTES};

static struct span *take_free(struct telemetry_recorder *r)
{
    struct span *s = r->free_spans;

    if (s != NULL)
        r->free_spans = s->next_free;
    else
        s = ring_pop(&r->returned);
    return s;
}

static void span_free(struct span *s)
{
    buf_done(&s->text);
    free(s);
}

/* Empty, with the memory of its text as far as it is small. */
static void span_clear(struct span *s)
{
    struct buf text = s->text;

    if (text.cap > KEPT_TEXT_BYTES)
        buf_done(&text);
    buf_clear(&text);
    memset(s, 0, offsetof(struct span, attrs)); /* what follows is beyond the counts */
    s->text = text;
}

static struct span *span_create(struct telemetry_recorder *r)
{
    struct span *s = take_free(r);

    if (s == NULL && atomic_load_explicit(&r->live, memory_order_relaxed) < SPAN_MAX_LIVE) {
        s = calloc(1, sizeof(*s));
        if (s != NULL)
            atomic_fetch_add_explicit(&r->live, 1, memory_order_relaxed);
    }
    if (s == NULL) {
        metric_add(r->spans_dropped, 1);
        return NULL;
    }
    span_clear(s);
    s->recorder = r;
    return s;
}

/* Ids are random and never all zero. */
static void make_id(uint8_t *id, size_t len)
{
    id_random_bytes(id, len);
    if (id[0] == 0)
        id[0] = 1;
}

/* The head's verdict; children of a span of ours have its own. */
static void decide(struct span *s, const struct trace_context *parent)
{
    bool is_child = trace_context_is_valid(parent) && !parent->is_remote;

    s->context.verdict =
        (uint8_t)(is_child ? parent->verdict
                           : sampling_of(&s->recorder->sampling, parent, s->context.trace_id));
    s->context.flags = s->context.verdict != SAMPLING_LEFT_OUT;
}

struct span *span_start(struct telemetry_recorder *r, const char *name, uint32_t kind,
                        const struct trace_context *parent)
{
    static const struct trace_context none;
    struct span *s = r == NULL || r->has_no_spans ? NULL : span_create(r);

    if (s == NULL)
        return NULL;
    s->kind = kind;
    s->captures_content = r->captures_content;
    s->start_us = clock_now_us();
    view_copy(s->name, sizeof(s->name), view_of(name));
    if (parent == NULL || !trace_context_is_valid(parent))
        parent = &none;
    memcpy(s->context.trace_id, parent->trace_id, sizeof(parent->trace_id));
    memcpy(s->parent_span_id, parent->span_id, sizeof(parent->span_id));
    s->has_remote_parent = parent->is_remote;
    if (parent == &none)
        make_id(s->context.trace_id, sizeof(s->context.trace_id));
    make_id(s->context.span_id, sizeof(s->context.span_id));
    decide(s, parent);
    return s;
}

void span_set_start(struct span *s, uint64_t now_us)
{
    if (s != NULL)
        s->start_us = now_us;
}

struct trace_context span_context(const struct span *s)
{
    return s == NULL ? (struct trace_context){0} : s->context;
}

uint64_t span_start_us(const struct span *s)
{
    return s == NULL ? 0 : s->start_us;
}

/* Cut to at most `limit` bytes, between characters. */
static struct parley_view cut(struct parley_view v, size_t limit)
{
    if (v.len <= limit)
        return v;
    v.len = limit;
    while (v.len > 0 && ((unsigned char)v.data[v.len] & 0xc0) == 0x80)
        v.len--;
    return v;
}

void span_set_name(struct span *s, const char *operation, struct parley_view object)
{
    if (s == NULL)
        return;
    size_t len = strlen(operation);
    view_copy(s->name, sizeof(s->name), view_of(operation));
    if (object.len == 0 || len + 2 > sizeof(s->name))
        return;
    s->name[len] = ' ';
    object = cut(object, sizeof(s->name) - len - 2);
    view_copy(s->name + len + 1, sizeof(s->name) - len - 1, object);
}

static struct span_attr *attr_for(struct span *s, const char *key)
{
    for (uint32_t i = 0; i < s->attr_count; i++) {
        if (strcmp(s->attrs[i].key, key) == 0)
            return &s->attrs[i];
    }
    if (s->attr_count >= s->recorder->limits.attrs) {
        s->dropped_attrs++;
        return NULL;
    }
    struct span_attr *a = &s->attrs[s->attr_count++];
    *a = (struct span_attr){.key = key};
    return a;
}

/* Keep the text and say where it is. False when the span is full. */
static bool keep_text(struct span *s, struct span_attr *a, struct parley_view value, size_t limit)
{
    size_t at = s->text.len;

    value = cut(value, limit);
    if (at + value.len > SPAN_MAX_TEXT_BYTES)
        return false;
    utf8_append_mended(&s->text, value); /* exporters may rely on it */
    if (s->text.failed) {
        s->text.failed = false; /* the other attributes are still good */
        return false;
    }
    a->at = (uint32_t)at;
    a->len = (uint32_t)(s->text.len - at);
    return true;
}

static void set_text(struct span *s, const char *key, struct parley_view value, uint32_t type,
                     uint32_t flags)
{
    struct span_attr kept = {.key = key, .type = type, .flags = flags};

    if (s == NULL || value.len == 0)
        return;
    const struct span_limits *limits = &s->recorder->limits;
    if (!keep_text(s, &kept, value,
                   flags & PARLEY_ATTR_CONTENT ? limits->content_bytes : limits->value_bytes)) {
        s->dropped_attrs++;
        return;
    }
    struct span_attr *a = attr_for(s, key);
    if (a != NULL)
        *a = kept;
}

void span_set_str(struct span *s, const char *key, struct parley_view value)
{
    set_text(s, key, value, PARLEY_ATTR_STRING, 0);
}

void span_set_list(struct span *s, const char *key, struct parley_view only_item)
{
    set_text(s, key, only_item, PARLEY_ATTR_LIST, 0);
}

void span_set_content(struct span *s, const char *key, struct parley_view value)
{
    if (span_captures_content(s))
        set_text(s, key, value, PARLEY_ATTR_STRING, PARLEY_ATTR_CONTENT);
}

void span_capture_content(struct span *s, bool is_wanted)
{
    if (s != NULL)
        s->captures_content = is_wanted;
}

bool span_captures_content(const struct span *s)
{
    return s != NULL && s->captures_content;
}

void span_set_int(struct span *s, const char *key, int64_t value)
{
    struct span_attr *a = s == NULL ? NULL : attr_for(s, key);

    if (a != NULL)
        *a = (struct span_attr){.key = key, .type = PARLEY_ATTR_INT, .integer = value};
}

void span_set_bool(struct span *s, const char *key, bool value)
{
    struct span_attr *a = s == NULL ? NULL : attr_for(s, key);

    if (a != NULL)
        *a = (struct span_attr){.key = key, .type = PARLEY_ATTR_BOOL, .integer = value};
}

void span_set_double(struct span *s, const char *key, double value)
{
    struct span_attr *a = s == NULL ? NULL : attr_for(s, key);

    if (a != NULL)
        *a = (struct span_attr){.key = key, .type = PARLEY_ATTR_DOUBLE, .number = value};
}

void span_event(struct span *s, const char *name, uint64_t now_us)
{
    if (s == NULL)
        return;
    if (s->event_count < s->recorder->limits.events)
        s->events[s->event_count++] = (struct span_instant){name, now_us};
    else
        s->dropped_events++;
}

void span_fail(struct span *s, struct parley_view type, struct parley_view message)
{
    if (s == NULL)
        return;
    s->status = PARLEY_SPAN_ERROR;
    span_set_str(s, NAME_ERROR_TYPE, type.len == 0 ? VIEW("_OTHER") : type);
    (void)keep_text(s, &s->message, message, SPAN_MAX_VALUE_BYTES);
}

void span_drop(struct span *s)
{
    if (s == NULL)
        return;
    s->next_free = s->recorder->free_spans;
    s->recorder->free_spans = s;
}

/* A finished span goes on. */
static void push(struct span *s)
{
    struct telemetry_recorder *r = s->recorder;

    if (!ring_push(&r->finished, s)) {
        metric_add(r->spans_dropped, 1);
        span_drop(s);
        return;
    }
    metric_add(r->spans_finished, 1);
    if (ring_count(&r->finished) == r->finished.size / 2)
        telemetry_wake(r->telemetry);
}

static void leave_out(struct span *s)
{
    metric_add(s->recorder->spans_left_out, 1);
    span_drop(s);
}

/* Something that is always kept, although the head has left it out. */
static void push_anyway(struct span *s)
{
    s->context.verdict = SAMPLING_ALWAYS;
    s->context.flags = 1;
    push(s);
}

static bool is_kept_failure(const struct span *s)
{
    return s->status == PARLEY_SPAN_ERROR && s->recorder->sampling.keeps_errors;
}

static void hold(struct span_hold *h, struct span *s)
{
    if (h->count == SPAN_MAX_HELD) {
        leave_out(s);
        return;
    }
    s->next_free = NULL;
    if (h->last != NULL)
        h->last->next_free = s;
    else
        h->first = s;
    h->last = s;
    h->count++;
}

/* The oldest one that waits, or NULL. */
static struct span *unhold(struct span_hold *h)
{
    struct span *s = h->first;

    if (s == NULL)
        return NULL;
    h->first = s->next_free;
    if (h->first == NULL)
        h->last = NULL;
    h->count--;
    return s;
}

void span_hold_keep(struct span_hold *h)
{
    struct span *s;

    h->is_kept = true;
    while ((s = unhold(h)) != NULL)
        push_anyway(s);
}

void span_hold_end(struct span_hold *h)
{
    struct span *s;

    while ((s = unhold(h)) != NULL)
        leave_out(s);
}

void span_end_held(struct span *s, uint64_t now_us, struct span_hold *h)
{
    if (s == NULL)
        return;
    s->end_us = now_us < s->start_us ? s->start_us : now_us;
    if (s->context.verdict != SAMPLING_LEFT_OUT) {
        push(s);
        return;
    }
    if (is_kept_failure(s) && !h->is_kept)
        span_hold_keep(h);
    if (h->is_kept)
        push_anyway(s);
    else
        hold(h, s);
}

void span_end_at(struct span *s, uint64_t now_us)
{
    struct span_hold alone = {0};

    span_end_held(s, now_us, &alone);
    span_hold_end(&alone);
}

void span_end(struct span *s)
{
    span_end_at(s, clock_now_us());
}

/* --- The recorder ------------------------------------------------------------------------------
 */

bool recorder_init(struct telemetry_recorder *r, struct telemetry *t,
                   const struct telemetry_config *config)
{
    static const struct metric_label full = {NAME_ERROR_TYPE, {"queue_full", 10}};

    r->telemetry = t;
    r->has_no_spans = config->has_no_spans;
    r->captures_content = config->captures_content;
    r->joining = config->joining;
    r->sampling = *config->sampling;
    r->limits = *config->limits;
    if (r->limits.attrs > SPAN_MAX_ATTRS)
        r->limits.attrs = SPAN_MAX_ATTRS;
    if (r->limits.events > SPAN_MAX_EVENTS)
        r->limits.events = SPAN_MAX_EVENTS;
    if (!ring_init(&r->finished, config->ring_size) ||
        !ring_init(&r->returned, config->ring_size) ||
        (config->records_logs && !log_ring_init(&r->lines))) {
        recorder_done(r);
        return false;
    }
    r->spans_finished = metrics_find(&r->metrics, METRIC_SPANS_PROCESSED, NULL, 0);
    r->spans_dropped = metrics_find(&r->metrics, METRIC_SPANS_PROCESSED, &full, 1);
    r->spans_left_out = metrics_find(&r->metrics, METRIC_SPANS_LEFT_OUT, NULL, 0);
    return true;
}

static void free_all(struct ring *ring)
{
    struct span *s;

    while (ring->slots != NULL && (s = ring_pop(ring)) != NULL)
        span_free(s);
    ring_done(ring);
}

void recorder_done(struct telemetry_recorder *r)
{
    free_all(&r->finished);
    free_all(&r->returned);
    while (r->free_spans != NULL) {
        struct span *s = r->free_spans;
        r->free_spans = s->next_free;
        span_free(s);
    }
    log_ring_done(&r->lines);
    metrics_done(&r->metrics);
}

void recorder_return(struct telemetry_recorder *r, struct span *s)
{
    if (ring_push(&r->returned, s))
        return;
    span_free(s);
    atomic_fetch_sub_explicit(&r->live, 1, memory_order_relaxed);
}

struct metric_point *metrics_point(struct telemetry_recorder *r, enum metric_id id,
                                   const struct metric_label *labels, size_t count)
{
    return r == NULL ? NULL : metrics_find(&r->metrics, id, labels, count);
}
