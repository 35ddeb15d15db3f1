/* SPDX-License-Identifier: Apache-2.0 */
#include "dress.h"

#include <string.h>

static struct parley_view view_of(const char *text)
{
    return (struct parley_view){text, strlen(text)};
}

bool dress_begin(struct dress *d, struct arena *arena)
{
    *d = (struct dress){.arena = arena};
    d->items = arena_alloc(arena, DRESS_MAX * sizeof(*d->items));
    return d->items != NULL;
}

static struct parley_attr *next(struct dress *d, const char *key, uint32_t type, uint32_t flags)
{
    if (d->count == DRESS_MAX)
        return NULL;
    struct parley_attr *a = &d->items[d->count++];
    *a = (struct parley_attr){.key = key, .type = type, .flags = flags};
    return a;
}

void dress_copy(struct dress *d, const struct parley_attr *a)
{
    if (d->count < DRESS_MAX)
        d->items[d->count++] = *a;
}

void dress_text(struct dress *d, const char *key, struct parley_view text, uint32_t flags)
{
    const char *copy = text.len == 0 ? NULL : arena_text(d->arena, text);
    struct parley_attr *a = copy == NULL ? NULL : next(d, key, PARLEY_ATTR_STRING, flags);

    if (a != NULL)
        a->string = (struct parley_view){copy, text.len};
}

void dress_str(struct dress *d, const char *key, const char *text)
{
    dress_text(d, key, view_of(text), 0);
}

void dress_int(struct dress *d, const char *key, int64_t value)
{
    struct parley_attr *a = next(d, key, PARLEY_ATTR_INT, 0);

    if (a != NULL)
        a->integer = value;
}

void dress_bool(struct dress *d, const char *key, bool value)
{
    struct parley_attr *a = next(d, key, PARLEY_ATTR_BOOL, 0);

    if (a != NULL)
        a->integer = value;
}

struct parley_attrs dress_attrs(const struct dress *d)
{
    return (struct parley_attrs){d->items, d->count, sizeof(*d->items)};
}

/* ---- reading ---- */

const struct parley_attr *attr_at(const struct parley_attrs *attrs, uint32_t i)
{
    return (const void *)((const char *)attrs->items + (size_t)i * attrs->item_size);
}

const struct parley_attr *attr_find(const struct parley_attrs *attrs, const char *key)
{
    for (uint32_t i = 0; i < attrs->count; i++) {
        if (strcmp(attr_at(attrs, i)->key, key) == 0)
            return attr_at(attrs, i);
    }
    return NULL;
}

struct parley_view attr_text(const struct parley_attrs *attrs, const char *key)
{
    const struct parley_attr *a = attr_find(attrs, key);

    return a != NULL && a->type == PARLEY_ATTR_STRING ? a->string : (struct parley_view){"", 0};
}

int64_t attr_int(const struct parley_attrs *attrs, const char *key)
{
    const struct parley_attr *a = attr_find(attrs, key);

    return a != NULL && a->type == PARLEY_ATTR_INT ? a->integer : 0;
}

enum span_role span_role(const struct parley_span *span)
{
    static const char *const operations[] = {"invoke_agent", "realtime_inference", "execute_tool"};
    struct parley_view is = attr_text(&span->attrs, "gen_ai.operation.name");

    for (uint32_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (is.len == strlen(operations[i]) && memcmp(is.data, operations[i], is.len) == 0)
            return (enum span_role)i;
    }
    return SPAN_ROLE_OTHER;
}

const struct parley_span *span_at(const struct parley_batch *batch, uint32_t i)
{
    return (const void *)((const char *)batch->spans + (size_t)i * batch->span_size);
}

const struct parley_span_event *span_event(const struct parley_span *span, const char *name)
{
    for (uint32_t i = 0; i < span->event_count; i++) {
        const struct parley_span_event *e =
            (const void *)((const char *)span->events + (size_t)i * span->event_size);
        if (strcmp(e->name, name) == 0)
            return e;
    }
    return NULL;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return len == 0;
}

bool span_has_ids(const struct parley_span *span)
{
    return !is_zero(span->trace_id, sizeof(span->trace_id)) &&
           !is_zero(span->span_id, sizeof(span->span_id));
}
