/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cumulative metrics as their changes since the last report, for destinations that add up
 * themselves. Counters and histograms change; levels stay as they are. Thread: one for all of a
 * process, the telemetry thread.
 */
#ifndef PARTS_DELTA_H
#define PARTS_DELTA_H

#include <parley/exporter.h>

struct delta;

/*
 * The changes for the exporter of that name. After a reload a new one begins before the old one has
 * stopped, and goes on where that left off: else it would report everything since the start of
 * parley once more. NULL without memory.
 */
struct delta *delta_open(const char *name);
void delta_close(struct delta *d); /* NULL is fine */

/*
 * What has changed since the last call, as points that begin where the last ones ended; a point
 * without a change is left out. Of a histogram's changes the least and the greatest value are not
 * known: min and max are NAN. The points belong to d until the next call, and borrow of the batch.
 * NULL without memory: what was taken so far is lost.
 */
const struct parley_metric *delta_take(struct delta *d, const struct parley_batch *batch,
                                       uint32_t *ret_count);

#endif
