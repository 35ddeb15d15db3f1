/* SPDX-License-Identifier: Apache-2.0 */
/* A batch that the host handed over: it may be several parcels, and ends when the last one has an
 * end. Thread: the worker's. */
#ifndef AZURE_MONITOR_DELIVERY_H
#define AZURE_MONITOR_DELIVERY_H

#include <parley/exporter.h>

struct delivery;

/* NULL without memory. It begins with one part, the caller's own. */
struct delivery *delivery_create(const struct parley_exporter_host *exporter, parley_op op);
void delivery_add_part(struct delivery *d);

/*
 * A part is over: `lost` of its records are, and status says why when it is negative. A part that
 * is kept for later is over, too. With the last part the host is told, and d is gone. NULL is fine.
 */
void delivery_end_part(struct delivery *d, int status, uint64_t lost, const char *reason);

/* The host has ended it by itself: the same, without a word. */
void delivery_drop_part(struct delivery *d);

#endif
