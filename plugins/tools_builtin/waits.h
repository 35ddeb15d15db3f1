/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait for some time. Thread: the worker's. */
#ifndef WAITS_H
#define WAITS_H

#include <parley/host.h>
#include <parley/service/timer.h>

#include <stdbool.h>

#define WAITS_MAX 256 /* at once */

struct waits;

/* on_over(ctx, op, ms) when a wait has ended by itself. NULL without memory. */
struct waits *waits_create(const struct parley_service_timer *timer, struct parley_worker *worker,
                           void (*on_over)(void *ctx, parley_op op, int64_t ms), void *ctx);
void waits_destroy(struct waits *waits);

/* False without memory, or when too many wait. */
bool waits_begin(struct waits *waits, parley_op op, int64_t ms);

/* True: it was waiting, and does not any more. */
bool waits_cancel(struct waits *waits, parley_op op);

#endif
