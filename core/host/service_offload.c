/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"
#include "host/worker_instance.h"

#include <semaphore.h>
#include <stdlib.h>

/* A job of a plugin, counted with its instance so that the instance outlives it. */
struct errand {
    struct list entry; /* of worker->errands */
    struct parley_worker *worker;
    struct worker_instance *owner; /* NULL: unknown */
    void (*work)(void *arg);
    void (*done)(void *arg, int status);
    void *arg;
    sem_t is_over; /* posted by the pool when work has returned */
    bool is_told;
};

/* [offload] */
static void errand_work(void *arg)
{
    struct errand *e = arg;
    struct guard guard;

    guard_enter(&guard, e->owner == NULL ? "a plugin" : e->owner->instance->title,
                "offloaded work");
    e->work(e->arg);
    guard_leave(&guard);
    (void)sem_post(&e->is_over); /* fails only beyond two thousand million */
}

static void tell(struct errand *e, int status)
{
    struct worker_instance *owner = e->owner;
    struct watch watch =
        watch_begin(e->worker, owner, owner == NULL ? "a plugin" : owner->instance->title, "done");

    e->is_told = true;
    list_remove(&e->entry);
    e->done(e->arg, status);
    watch_end(&watch);
    if (owner == NULL)
        return;
    owner->offloaded--;
    worker_instance_released(owner);
}

static void errand_free(struct errand *e)
{
    (void)sem_destroy(&e->is_over); /* nobody waits for it */
    free(e);
}

static void errand_done(void *arg, int status)
{
    struct errand *e = arg;

    if (!e->is_told)
        tell(e, status);
    errand_free(e);
}

static struct errand *errand_of(struct worker_instance *wi)
{
    struct list *at;

    list_for_each(at, &wi->worker->errands)
    {
        struct errand *e = list_entry(at, struct errand, entry);
        if (e->owner == wi)
            return e;
    }
    return NULL;
}

void service_offload_finish(struct worker_instance *wi)
{
    for (struct errand *e = NULL; (e = errand_of(wi)) != NULL;) {
        while (sem_wait(&e->is_over) < 0)
            continue; /* a signal */
        tell(e, PARLEY_OK);
    }
}

static int run(struct parley_worker *worker, const void *lane, void (*work)(void *arg),
               void (*done)(void *arg, int status), void *arg)
{
    struct worker_instance *owner = worker->current;

    if (worker->offload == NULL || (owner != NULL && owner->is_leaving))
        return PARLEY_E_UNAVAILABLE;
    struct errand *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return PARLEY_E_NO_MEMORY;
    *e = (struct errand){.worker = worker, .owner = owner, .work = work, .done = done, .arg = arg};
    (void)sem_init(&e->is_over, 0, 0); /* fails only for values beyond an int */
    list_append(&worker->errands, &e->entry);
    int r = offload_run(worker->offload, worker->loop, lane, errand_work, errand_done, e);
    if (r < 0) {
        list_remove(&e->entry);
        errand_free(e);
    } else if (owner != NULL) {
        owner->offloaded++;
    }
    return r;
}

const struct parley_service_offload service_offload = {
    .size = sizeof(service_offload),
    .run = run,
};
