/* SPDX-License-Identifier: Apache-2.0 */
#include "pipes.h"

#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>

#define MAX_WATCHES 16
#define PATIENCE_MS 30000 /* of a test that is about to fail */

struct parley_fdwatch {
    bool is_used;
    int fd;
    uint32_t events;
    void (*on_ready)(void *ctx, uint32_t events);
    void *ctx;
};

static struct parley_fdwatch watches[MAX_WATCHES];

void pipes_reset(void)
{
    for (int i = 0; i < MAX_WATCHES; i++)
        watches[i].is_used = false;
}

static int watch(struct parley_worker *worker, int fd, uint32_t events,
                 void (*on_ready)(void *ctx, uint32_t events), void *ctx,
                 struct parley_fdwatch **ret_watch, struct parley_error *err)
{
    (void)worker;
    for (int i = 0; i < MAX_WATCHES; i++) {
        if (watches[i].is_used)
            continue;
        watches[i] = (struct parley_fdwatch){true, fd, events, on_ready, ctx};
        *ret_watch = &watches[i];
        return PARLEY_OK;
    }
    return parley_fail(err, PARLEY_E_BUSY, "too many watches");
}

static void change(struct parley_fdwatch *watch, uint32_t events)
{
    watch->events = events;
}

static void unwatch(struct parley_fdwatch *watch)
{
    if (watch != NULL)
        watch->is_used = false;
}

const struct parley_service_fdwatch pipes_service = {
    .size = sizeof(pipes_service), .watch = watch, .change = change, .unwatch = unwatch};

unsigned pipes_watched(void)
{
    unsigned count = 0;

    for (int i = 0; i < MAX_WATCHES; i++)
        count += watches[i].is_used;
    return count;
}

static void wait_once(void)
{
    struct pollfd fds[MAX_WATCHES];

    for (int i = 0; i < MAX_WATCHES; i++) {
        const struct parley_fdwatch *w = &watches[i];
        short events = (short)(((w->events & PARLEY_FD_READ) != 0 ? POLLIN : 0) |
                               ((w->events & PARLEY_FD_WRITE) != 0 ? POLLOUT : 0));
        fds[i] = (struct pollfd){.fd = w->is_used && events != 0 ? w->fd : -1, .events = events};
    }
    if (poll(fds, MAX_WATCHES, PATIENCE_MS) <= 0)
        fail_msg("nothing comes from the child any more");
    for (int i = 0; i < MAX_WATCHES; i++) {
        if (fds[i].revents != 0 && watches[i].is_used && watches[i].fd == fds[i].fd)
            watches[i].on_ready(watches[i].ctx, watches[i].events);
    }
}

void pipes_until(bool (*is_done)(void))
{
    for (;;) {
        fake_host_advance_ms(0); /* what is due at once, as in a loop */
        if (is_done())
            return;
        wait_once();
    }
}
