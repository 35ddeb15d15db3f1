/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes that are sent together: one JSON object a line, so that a part of them can be sent
 * again and a file of them can be read back. On the wire they are a JSON array.
 */
#ifndef AZURE_MONITOR_PARCEL_H
#define AZURE_MONITOR_PARCEL_H

#include "json.h"

#include <stdbool.h>
#include <stdint.h>

#define PARCEL_ITEMS     500        /* a few hundred, about 1 MB before compression ... */
#define PARCEL_BYTES     (1u << 20) /* ... is what the service likes; one item may go beyond */
#define PARCEL_MAX_BYTES (8u << 20) /* of one that is read from a file */

struct parcel_item {
    uint32_t at;
    uint32_t len;   /* with the line's end */
    bool is_record; /* a span, point or log record, and not something that belongs to one */
};

/* Zeroed is empty. */
struct parcel {
    struct json lines;
    struct parcel_item *items;
    uint32_t count;
    uint32_t cap;
};

void parcel_done(struct parcel *p);

/* What was written to p->lines since the last item is an item. False without memory. */
bool parcel_close_item(struct parcel *p, bool is_record);

/* No further item should be added. */
bool parcel_is_full(const struct parcel *p);

/* How many of its items are records. */
uint64_t parcel_records(const struct parcel *p);

/* Lines of a file. False when they are not such, or without memory. Takes the bytes, also then. */
bool parcel_read(struct parcel *ret, char *take_lines, size_t len);

/* Move the second half of the items to *ret. False without memory. */
bool parcel_split(struct parcel *p, struct parcel *ret);

/* Keep the items whose place in `keeps` is true. */
void parcel_pick(struct parcel *p, const bool *keeps);

#endif
