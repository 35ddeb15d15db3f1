/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of threads for work that blocks. Jobs of one lane run one after another in order, other
 * jobs whenever a thread is free; the queue is bounded. `done` comes back through loop_post() of
 * the loop that asked.
 */
#ifndef HOST_OFFLOAD_H
#define HOST_OFFLOAD_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offload;

struct offload_stats {
    size_t waiting;
    size_t running;
    uint64_t oldest_wait_us; /* of the jobs that wait now: how far behind the pool is */
    uint64_t done;
    uint64_t refused; /* the queue was full */
};

/* thread_count threads named `name`, at most queue_limit waiting jobs. NULL without resources. */
struct offload *offload_create(const char *name, unsigned thread_count, size_t queue_limit);

/*
 * Finish the running jobs, end the waiting ones with PARLEY_E_CANCELLED, join. Their done callbacks
 * are posted, so loops must still be there. NULL is fine. Returns NULL. Thread: none of the pool's.
 */
struct offload *offload_destroy(struct offload *o);

/*
 * Run work(arg) on the pool, then done(arg, status) on the loop's thread, exactly once: PARLEY_OK,
 * or PARLEY_E_CANCELLED when work did not run. lane: any address, NULL for no order.
 * PARLEY_E_BUSY, and nothing runs, when the queue is full or the pool stops. Thread: any.
 */
int offload_run(struct offload *o, struct loop *loop, const void *lane, void (*work)(void *arg),
                void (*done)(void *arg, int status), void *arg);

/* Thread: any. */
struct offload_stats offload_stats(struct offload *o);

#endif
