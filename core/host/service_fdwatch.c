/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"
#include "host/services.h"
#include "host/worker_instance.h"

#include <event2/event.h>
#include <stdlib.h>

struct parley_fdwatch {
    struct list entry; /* of worker->fdwatches */
    struct parley_worker *worker;
    struct worker_instance *owner; /* NULL: unknown */
    struct event *event;
    void (*on_ready)(void *ctx, uint32_t events);
    void *ctx;
};

/* The watch may be freed inside, so it is not touched afterwards. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct parley_fdwatch *w = arg;
    uint32_t events = ((what & EV_READ) != 0 ? PARLEY_FD_READ : 0) |
                      ((what & EV_WRITE) != 0 ? PARLEY_FD_WRITE : 0);
    struct watch watch = watch_begin(
        w->worker, w->owner, w->owner == NULL ? "a plugin" : w->owner->instance->title, "on_ready");

    (void)fd;
    w->on_ready(w->ctx, events);
    watch_end(&watch);
}

/* An event that waits for nothing is kept, but not added. */
static int arm(struct parley_fdwatch *w, int fd, uint32_t events)
{
    short what = (short)(EV_PERSIST | ((events & PARLEY_FD_READ) != 0 ? EV_READ : 0) |
                         ((events & PARLEY_FD_WRITE) != 0 ? EV_WRITE : 0));

    if (event_assign(w->event, loop_base(w->worker->loop), fd, what, on_event, w) < 0)
        return -1;
    return (what & (EV_READ | EV_WRITE)) == 0 ? 0 : event_add(w->event, NULL);
}

static void watch_free(struct parley_fdwatch *w)
{
    if (w->event != NULL)
        event_free(w->event);
    list_remove(&w->entry);
    free(w);
}

static struct parley_fdwatch *watch_create(struct parley_worker *worker, int fd)
{
    struct parley_fdwatch *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->worker = worker;
    w->owner = worker->current;
    list_append(&worker->fdwatches, &w->entry);
    w->event = event_new(loop_base(worker->loop), fd, EV_PERSIST, on_event, w);
    if (w->event != NULL)
        return w;
    watch_free(w);
    return NULL;
}

static int watch(struct parley_worker *worker, int fd, uint32_t events,
                 void (*on_ready)(void *ctx, uint32_t events), void *ctx,
                 struct parley_fdwatch **ret_watch, struct parley_error *err)
{
    if (fd < 0 || on_ready == NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "watch: descriptor %d: an open one and an on_ready are needed", fd);
    struct parley_fdwatch *w = watch_create(worker, fd);
    if (w == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "watch: no memory for descriptor %d", fd);
    w->on_ready = on_ready;
    w->ctx = ctx;
    if (arm(w, fd, events) < 0) {
        watch_free(w);
        return parley_fail(err, PARLEY_E_INVALID,
                           "watch: descriptor %d cannot be waited for; is it open, and no file?",
                           fd);
    }
    *ret_watch = w;
    return PARLEY_OK;
}

static void change(struct parley_fdwatch *w, uint32_t events)
{
    int fd = (int)event_get_fd(w->event);

    (void)event_del(w->event);
    if (arm(w, fd, events) < 0)
        host_worker_fault(w->worker, "a descriptor was closed before unwatch() fd=%d", fd);
}

static void unwatch(struct parley_fdwatch *w)
{
    if (w != NULL)
        watch_free(w);
}

const struct parley_service_fdwatch service_fdwatch = {
    .size = sizeof(service_fdwatch),
    .watch = watch,
    .change = change,
    .unwatch = unwatch,
};

void service_fdwatch_forget(struct worker_instance *wi)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &wi->worker->fdwatches)
    {
        struct parley_fdwatch *w = list_entry(at, struct parley_fdwatch, entry);
        if (w->owner != wi)
            continue;
        host_worker_fault(wi->worker, "a watch of a descriptor was left behind instance=\"%s\"",
                          wi->instance->title);
        unwatch(w);
    }
}
