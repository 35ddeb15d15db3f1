/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a few members of an event without parsing it: the client's name of an item for the
 * model's, in events that are relayed as bytes.
 */
#ifndef REALTIME_SPLICE_H
#define REALTIME_SPLICE_H

#include "base/buf.h"

#include <parley/types.h>

#define RT_SPLICE_MAX 8

struct rt_edit {
    struct parley_view old;  /* a view that rt_peek gave: it lies in the event's bytes */
    struct parley_view text; /* plain text in its place (escaped here); NULL data: null */
};

/* Append the event with the edits made; edits with NULL or equal `old` are skipped. At most
 * RT_SPLICE_MAX, in any order, not overlapping. */
void rt_splice(struct buf *out, struct parley_view event, const struct rt_edit *edits,
               size_t count);

#endif
