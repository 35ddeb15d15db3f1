/* SPDX-License-Identifier: Apache-2.0 */
/* Service parley.timer/1: one-shot timers on the worker's loop. In tests the clock is moved by
 * hand. */
#ifndef PARLEY_SERVICE_TIMER_H
#define PARLEY_SERVICE_TIMER_H

#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_SERVICE_TIMER "parley.timer/1"

struct parley_timer; /* owned by the host */

struct parley_service_timer {
    uint32_t size;
    uint32_t reserved;
    /* [worker] A timer that is not running. NULL: no memory. */
    struct parley_timer *(*create)(struct parley_worker *worker, void (*on_timer)(void *ctx),
                                   void *ctx);
    /* [worker] Run once, delay_ms from now; a running timer is set anew. */
    void (*start)(struct parley_timer *timer, int64_t delay_ms);
    /* [worker] Do not run. */
    void (*stop)(struct parley_timer *timer);
    /* [worker] Free it; NULL is fine. Allowed inside its own on_timer. */
    void (*destroy)(struct parley_timer *timer);
};

#ifdef __cplusplus
}
#endif

#endif
