/* SPDX-License-Identifier: Apache-2.0 */
/* Service parley.offload/1: run work that blocks on a pool thread, and come back to the worker. */
#ifndef PARLEY_SERVICE_OFFLOAD_H
#define PARLEY_SERVICE_OFFLOAD_H

#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_SERVICE_OFFLOAD "parley.offload/1"

struct parley_service_offload {
    uint32_t size;
    uint32_t reserved;
    /*
     * [worker] Run work(arg) on a pool thread, then done(arg, status) on this worker. done runs
     * exactly once: with PARLEY_OK, or with PARLEY_E_CANCELLED when the pool stopped before work
     * began. Jobs of one `lane` (any address, for example a database) run one after another, in
     * order; NULL: no order. When it returns a status, nothing runs: PARLEY_E_BUSY, the queue
     * is full; PARLEY_E_UNAVAILABLE, this worker has no pool or worker_stop has begun;
     * PARLEY_E_NO_MEMORY. The pool's threads are few and shared with stores: what may take seconds
     * belongs to a thread of the plugin's own, or to a tool that says PARLEY_TOOL_BLOCKING.
     */
    int (*run)(struct parley_worker *worker, const void *lane, void (*work)(void *arg),
               void (*done)(void *arg, int status), void *arg);
};

#ifdef __cplusplus
}
#endif

#endif
