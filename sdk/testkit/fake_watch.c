/* SPDX-License-Identifier: Apache-2.0 */
/* parley.fdwatch/1 by poll(), and the table of all services with a file of their own. */
#include "fake_net_private.h"
#include "fake_services.h"
#include "kit.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <parley/service/fdwatch.h>
#include <parley/service/http.h>
#include <parley/service/ws.h>

#define MAX_POLLED 64

struct parley_fdwatch {
    struct parley_fdwatch *next;
    int fd;
    uint32_t events;
    void (*on_ready)(void *ctx, uint32_t events);
    void *ctx;
};

static struct parley_fdwatch *watches;

static int watch(struct parley_worker *worker, int fd, uint32_t events,
                 void (*on_ready)(void *ctx, uint32_t events), void *ctx,
                 struct parley_fdwatch **ret_watch, struct parley_error *err)
{
    struct parley_fdwatch *w = calloc(1, sizeof(*w));

    (void)worker;
    if (w == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to watch a descriptor");
    *w = (struct parley_fdwatch){watches, fd, events, on_ready, ctx};
    watches = w;
    *ret_watch = w;
    return PARLEY_OK;
}

static void change(struct parley_fdwatch *w, uint32_t events)
{
    w->events = events;
}

static void unwatch(struct parley_fdwatch *w)
{
    for (struct parley_fdwatch **at = &watches; *at != NULL; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            free(w);
            return;
        }
    }
}

static const struct parley_service_fdwatch service = {
    .size = sizeof(service),
    .watch = watch,
    .change = change,
    .unwatch = unwatch,
};

size_t fake_host_watches(void)
{
    size_t count = 0;

    for (const struct parley_fdwatch *w = watches; w != NULL; w = w->next)
        count += w->events != 0;
    return count;
}

static bool is_watched(const struct parley_fdwatch *w, int fd)
{
    for (const struct parley_fdwatch *at = watches; at != NULL; at = at->next) {
        if (at == w && at->fd == fd)
            return true;
    }
    return false;
}

static uint32_t ready_for(const struct parley_fdwatch *w, short revents)
{
    uint32_t events = 0;

    if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        events |= PARLEY_FD_READ;
    if ((revents & (POLLOUT | POLLERR)) != 0)
        events |= PARLEY_FD_WRITE;
    return events & w->events;
}

bool fake_host_poll(int wait_ms)
{
    struct pollfd fds[MAX_POLLED];
    struct parley_fdwatch *of[MAX_POLLED];
    nfds_t count = 0;
    bool any = false;

    for (struct parley_fdwatch *w = watches; w != NULL && count < MAX_POLLED; w = w->next) {
        if (w->events == 0)
            continue;
        fds[count] = (struct pollfd){
            .fd = w->fd,
            .events = (short)(((w->events & PARLEY_FD_READ) != 0 ? POLLIN : 0) |
                              ((w->events & PARLEY_FD_WRITE) != 0 ? POLLOUT : 0)),
        };
        of[count++] = w;
    }
    if (count == 0 || poll(fds, count, wait_ms) <= 0)
        return false;
    for (nfds_t i = 0; i < count; i++) {
        if ((fds[i].revents & POLLNVAL) != 0)
            kit_fail("descriptors", "descriptor %d is watched and closed; unwatch it first",
                     fds[i].fd);
        /* one that ran before may have stopped this one */
        if (fds[i].revents == 0 || !is_watched(of[i], fds[i].fd))
            continue;
        uint32_t events = ready_for(of[i], fds[i].revents);
        if (events != 0) {
            KIT_DO("on_ready", KIT_WORKER, of[i]->on_ready(of[i]->ctx, events));
            any = true;
        }
    }
    return any;
}

const void *fake_service(const char *id)
{
    if (strcmp(id, PARLEY_SERVICE_FDWATCH) == 0)
        return &service;
    if (strcmp(id, PARLEY_SERVICE_HTTP) == 0)
        return &fake_http_table;
    return strcmp(id, PARLEY_SERVICE_WS) == 0 ? &fake_ws_table : NULL;
}

void fake_services_reset(void)
{
    while (watches != NULL)
        unwatch(watches);
    fake_net_reset();
}
