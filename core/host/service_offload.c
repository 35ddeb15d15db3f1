/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"
#include "host/worker.h"

static int run(struct parley_worker *worker, const void *lane, void (*work)(void *arg),
               void (*done)(void *arg, int status), void *arg)
{
    return worker->offload == NULL
               ? PARLEY_E_UNAVAILABLE
               : offload_run(worker->offload, worker->loop, lane, work, done, arg);
}

const struct parley_service_offload service_offload = {
    .size = sizeof(service_offload),
    .run = run,
};
