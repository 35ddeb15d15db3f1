/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"
#include "host/worker_instance.h"

#include <stdlib.h>

/* A job of a plugin, counted with its instance so that the instance outlives it. */
struct errand {
    struct parley_worker *worker;
    struct worker_instance *owner; /* NULL: unknown */
    void (*work)(void *arg);
    void (*done)(void *arg, int status);
    void *arg;
};

/* [offload] */
static void errand_work(void *arg)
{
    struct errand *e = arg;

    e->work(e->arg);
}

static void errand_done(void *arg, int status)
{
    struct errand *e = arg;
    struct watch watch = watch_begin(
        e->worker, e->owner, e->owner == NULL ? "a plugin" : e->owner->instance->title, "done");

    e->done(e->arg, status);
    watch_end(&watch);
    if (e->owner != NULL) {
        e->owner->offloaded--;
        worker_instance_released(e->owner);
    }
    free(e);
}

static int run(struct parley_worker *worker, const void *lane, void (*work)(void *arg),
               void (*done)(void *arg, int status), void *arg)
{
    if (worker->offload == NULL)
        return PARLEY_E_UNAVAILABLE;
    struct errand *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return PARLEY_E_NO_MEMORY;
    *e = (struct errand){
        .worker = worker, .owner = worker->current, .work = work, .done = done, .arg = arg};
    int r = offload_run(worker->offload, worker->loop, lane, errand_work, errand_done, e);
    if (r < 0)
        free(e);
    else if (e->owner != NULL)
        e->owner->offloaded++;
    return r;
}

const struct parley_service_offload service_offload = {
    .size = sizeof(service_offload),
    .run = run,
};
