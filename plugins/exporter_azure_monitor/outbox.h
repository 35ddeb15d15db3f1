/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parcels on their way, one at a time, in order:
 *
 *     fresh --> posted --> accepted
 *       |         |  ^
 *       |         v  | retry_ms later, or as the service says
 *       +-----> kept, on the shelf or in memory --> given up: too old, no room, refused
 *
 * While the service is not well nothing is posted: with a shelf, fresh parcels go there at once;
 * without one they wait in memory. Of what was posted only the refused items that may be taken
 * later are posted again. A delivery ends when its parcels are accepted, kept or given up; what is
 * given up of those kept is counted in a metric. Thread: the worker's.
 */
#ifndef AZURE_MONITOR_OUTBOX_H
#define AZURE_MONITOR_OUTBOX_H

#include "delivery.h"
#include "keeper.h"
#include "parcel.h"
#include "post.h"

#include <parley/service/metrics.h>
#include <parley/service/timer.h>

struct outbox_config {
    struct post_config post;
    const char *name; /* of the instance, for metrics */
    const struct parley_service_timer *timer;
    const struct parley_service_offload *offload;
    const struct parley_service_metrics *metrics; /* NULL: nothing is counted */
    const struct shelf *shelf;                    /* NULL: memory only */
    int64_t retry_ms;
    int64_t max_queue_bytes;
};

struct outbox;

/* What config points to must outlive it. NULL without memory. */
struct outbox *outbox_create(const struct outbox_config *config);

/* The worker stops, and the host has ended all deliveries. NULL is fine. */
void outbox_destroy(struct outbox *o);

/* Is there room? Otherwise the batch should be refused. */
bool outbox_has_room(const struct outbox *o, size_t bytes);

/* Take a parcel as a part of the delivery. */
void outbox_add(struct outbox *o, struct parcel *take, struct delivery *delivery);

/* parley is stopping: try what waits once; lay down what fails, or give it up. */
void outbox_hurry(struct outbox *o);

#endif
