/* SPDX-License-Identifier: Apache-2.0 */
#include "parcel.h"

#include <stdlib.h>
#include <string.h>

void parcel_done(struct parcel *p)
{
    json_done(&p->lines);
    free(p->items);
    *p = (struct parcel){0};
}

static bool reserve(struct parcel *p)
{
    if (p->count < p->cap)
        return true;
    uint32_t cap = p->cap == 0 ? 64 : p->cap * 2;
    struct parcel_item *items = realloc(p->items, cap * sizeof(*items));
    if (items == NULL)
        return false;
    p->items = items;
    p->cap = cap;
    return true;
}

static uint32_t end_of_items(const struct parcel *p)
{
    return p->count == 0 ? 0 : p->items[p->count - 1].at + p->items[p->count - 1].len;
}

bool parcel_close_item(struct parcel *p, bool is_record)
{
    uint32_t at = end_of_items(p);

    json_raw(&p->lines, "\n");
    if (p->lines.failed || !reserve(p))
        return false;
    p->items[p->count++] =
        (struct parcel_item){.at = at, .len = (uint32_t)p->lines.len - at, .is_record = is_record};
    return true;
}

bool parcel_is_full(const struct parcel *p)
{
    return p->count >= PARCEL_ITEMS || p->lines.len >= PARCEL_BYTES;
}

uint64_t parcel_records(const struct parcel *p)
{
    uint64_t records = 0;

    for (uint32_t i = 0; i < p->count; i++)
        records += p->items[i].is_record;
    return records;
}

/* An object on a line of its own. */
static bool add_line(struct parcel *p, const char *line, size_t len)
{
    if (len < 3 || line[0] != '{' || line[len - 2] != '}' || line[len - 1] != '\n' || !reserve(p))
        return false;
    p->items[p->count++] = (struct parcel_item){
        .at = (uint32_t)(line - p->lines.data), .len = (uint32_t)len, .is_record = true};
    return true;
}

bool parcel_read(struct parcel *ret, char *take_lines, size_t len)
{
    struct parcel p = {.lines = {.data = take_lines, .len = len, .cap = len}};
    bool good = len > 0 && len <= PARCEL_MAX_BYTES;

    for (size_t at = 0; good && at < len;) {
        const char *end = memchr(take_lines + at, '\n', len - at);
        size_t line = end == NULL ? 0 : (size_t)(end - take_lines) - at + 1;
        good = add_line(&p, take_lines + at, line);
        at += line;
    }
    if (good)
        *ret = p;
    else
        parcel_done(&p);
    return good;
}

void parcel_pick(struct parcel *p, const bool *keeps)
{
    uint32_t count = 0, at = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        struct parcel_item item = p->items[i];
        if (!keeps[i])
            continue;
        memmove(p->lines.data + at, p->lines.data + item.at, item.len);
        item.at = at;
        p->items[count++] = item;
        at += item.len;
    }
    p->count = count;
    p->lines.len = at;
}

bool parcel_split(struct parcel *p, struct parcel *ret)
{
    uint32_t half = p->count / 2, left = p->count - half;
    size_t at = p->items[half].at, len = p->lines.len - at;
    struct parcel rest = {.lines = {.data = malloc(len), .len = len, .cap = len},
                          .items = calloc(left, sizeof(*rest.items)),
                          .count = left,
                          .cap = left};

    if (rest.lines.data == NULL || rest.items == NULL) {
        parcel_done(&rest);
        return false;
    }
    memcpy(rest.lines.data, p->lines.data + at, len);
    for (uint32_t i = 0; i < left; i++) {
        rest.items[i] = p->items[half + i];
        rest.items[i].at -= (uint32_t)at;
    }
    p->count = half;
    p->lines.len = at;
    *ret = rest;
    return true;
}
