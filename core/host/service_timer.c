/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"
#include "host/services.h"
#include "host/worker_instance.h"

#include <stdlib.h>

struct parley_timer {
    struct list entry; /* of worker->timers */
    struct parley_worker *worker;
    struct worker_instance *owner; /* NULL: unknown */
    struct loop_timer timer;
    void (*on_timer)(void *ctx);
    void *ctx;
};

/* The timer may be destroyed inside, so it is not touched afterwards. */
static void fire(void *arg)
{
    struct parley_timer *t = arg;
    struct watch watch = watch_begin(
        t->worker, t->owner, t->owner == NULL ? "a plugin" : t->owner->instance->title, "on_timer");

    t->on_timer(t->ctx);
    watch_end(&watch);
}

static struct parley_timer *create(struct parley_worker *worker, void (*on_timer)(void *ctx),
                                   void *ctx)
{
    struct parley_timer *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->worker = worker;
    t->owner = worker->current;
    t->on_timer = on_timer;
    t->ctx = ctx;
    list_append(&worker->timers, &t->entry);
    return t;
}

static void start(struct parley_timer *t, int64_t delay_ms)
{
    loop_timer_start(t->worker->loop, &t->timer, delay_ms, fire, t);
}

static void stop(struct parley_timer *t)
{
    loop_timer_stop(&t->timer);
}

static void destroy(struct parley_timer *t)
{
    if (t == NULL)
        return;
    loop_timer_stop(&t->timer);
    list_remove(&t->entry);
    free(t);
}

const struct parley_service_timer service_timer = {
    .size = sizeof(service_timer),
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
};

void service_timer_forget(struct worker_instance *wi)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &wi->worker->timers)
    {
        struct parley_timer *t = list_entry(at, struct parley_timer, entry);
        if (t->owner != wi)
            continue;
        host_worker_fault(wi->worker, "a timer was left behind instance=\"%s\"",
                          wi->instance->title);
        destroy(t);
    }
}
