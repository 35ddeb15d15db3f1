/* SPDX-License-Identifier: Apache-2.0 */
#include "tzif.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES   44
#define TYPE_BYTES     6
#define KEPT_FROM      INT64_C(1577836800) /* 2020-01-01 */
#define MAX_COUNT      10000
#define ERROR_NOT_TZIF "not a time zone file of version 2 or later"

/* One data block: where its parts begin. */
struct block {
    const unsigned char *times;
    const unsigned char *indices;
    const unsigned char *types;
    const char *names;
    size_t time_count;
    size_t type_count;
    size_t name_bytes;
};

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* Bytes of header and data at `p`, with times of `width` bytes; 0 when it is not one. */
static size_t block_size(const unsigned char *p, size_t left, size_t width, struct block *ret)
{
    uint32_t count[6]; /* isut, isstd, leap, time, type, char */

    if (left < HEADER_BYTES || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return 0;
    for (size_t i = 0; i < 6; i++) {
        count[i] = be32(p + 20 + 4 * i);
        if (count[i] > MAX_COUNT)
            return 0;
    }
    size_t size = HEADER_BYTES + count[3] * (width + 1) + count[4] * TYPE_BYTES + count[5] +
                  count[2] * (width + 4) + count[1] + count[0];
    if (size > left)
        return 0;
    ret->times = p + HEADER_BYTES;
    ret->indices = ret->times + count[3] * width;
    ret->types = ret->indices + count[3];
    ret->names = (const char *)ret->types + count[4] * TYPE_BYTES;
    ret->time_count = count[3];
    ret->type_count = count[4];
    ret->name_bytes = count[5];
    return size;
}

static int read_type(const struct block *block, size_t index, struct tz_offset *ret)
{
    const unsigned char *type = block->types + index * TYPE_BYTES;

    if (index >= block->type_count || type[5] >= block->name_bytes)
        return PARLEY_E_INVALID;
    size_t len = strnlen(block->names + type[5], block->name_bytes - type[5]);
    if (len > TZ_ABBREVIATION_MAX)
        return PARLEY_E_INVALID;
    *ret = (struct tz_offset){.seconds = (int32_t)be32(type)};
    memcpy(ret->abbreviation, block->names + type[5], len);
    return PARLEY_OK;
}

/* Index of the last transition that is not after KEPT_FROM; -1 when there is none. */
static ptrdiff_t last_before(const struct block *block)
{
    ptrdiff_t found = -1;

    for (size_t i = 0; i < block->time_count && be64(block->times + 8 * i) <= KEPT_FROM; i++)
        found = (ptrdiff_t)i;
    return found;
}

static int read_transitions(const struct block *block, struct tzif *zone)
{
    ptrdiff_t before = last_before(block);
    size_t first = (size_t)(before + 1);

    zone->transitions = calloc(block->time_count - first + 1, sizeof(*zone->transitions));
    if (zone->transitions == NULL)
        return PARLEY_E_NO_MEMORY;
    zone->transitions[0].at = INT64_MIN;
    int r =
        read_type(block, before >= 0 ? block->indices[before] : 0, &zone->transitions[0].offset);
    zone->count = 1;
    for (size_t i = first; r == PARLEY_OK && i < block->time_count; i++, zone->count++) {
        zone->transitions[zone->count].at = be64(block->times + 8 * i);
        r = read_type(block, block->indices[i], &zone->transitions[zone->count].offset);
    }
    return r;
}

static int read_rule(const char *text, size_t len, struct tzif *zone)
{
    const char *end = len > 1 ? memchr(text + 1, '\n', len - 1) : NULL;

    if (end == NULL || text[0] != '\n' || end - text - 1 > TZIF_RULE_MAX)
        return PARLEY_E_INVALID;
    memcpy(zone->rule, text + 1, (size_t)(end - text - 1));
    return PARLEY_OK;
}

int tzif_parse(struct parley_view bytes, struct tzif *ret_zone, struct parley_error *err)
{
    const unsigned char *p = (const unsigned char *)bytes.data;
    struct tzif zone = {0};
    struct block block;

    size_t first = block_size(p, bytes.len, 4, &block);
    if (first == 0)
        return parley_fail(err, PARLEY_E_INVALID, ERROR_NOT_TZIF);
    size_t second = block_size(p + first, bytes.len - first, 8, &block);
    if (second == 0)
        return parley_fail(err, PARLEY_E_INVALID, ERROR_NOT_TZIF);
    size_t used = first + second;
    int r = read_transitions(&block, &zone);
    if (r == PARLEY_OK)
        r = read_rule(bytes.data + used, bytes.len - used, &zone);
    if (r < 0) {
        tzif_done(&zone);
        return parley_fail(err, r, ERROR_NOT_TZIF);
    }
    *ret_zone = zone;
    return PARLEY_OK;
}

void tzif_done(struct tzif *zone)
{
    free(zone->transitions);
    *zone = (struct tzif){0};
}

struct tz_offset tzif_at(const struct tzif *zone, int64_t unix_s)
{
    struct tz_offset offset;
    size_t low = 0, high = zone->count; /* transitions[low].at <= unix_s < transitions[high].at */

    if (zone->rule[0] != '\0' &&
        (zone->count == 1 || unix_s >= zone->transitions[zone->count - 1].at) &&
        posix_tz_at(zone->rule, unix_s, &offset))
        return offset;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->transitions[middle].at <= unix_s)
            low = middle;
        else
            high = middle;
    }
    return zone->transitions[low].offset;
}
