/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/lws_loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_US 5000

/* One descriptor: two events, since libwebsockets switches them one by one. */
struct watch {
    struct lws_loop *loop;
    struct event read;
    struct event write;
    bool wants_read; /* what the library said last */
    bool wants_write;
    bool is_muted;
    bool reading; /* what libevent was told */
    bool writing;
};

struct lws_loop {
    struct event_base *base;
    struct lws_context *context;
    struct event pending; /* fires in the next turn */
    bool is_pending;
    bool (*on_serving)(void *ctx, bool begins);
    void *ctx;
    struct watch **watches; /* by descriptor */
    int watch_count;
};

static struct lws_loop *loop_of(struct lws *wsi)
{
    return *(struct lws_loop **)lws_evlib_wsi_to_evlib_pt(wsi);
}

static struct watch *watch_find(struct lws_loop *l, int fd)
{
    return fd >= 0 && fd < l->watch_count ? l->watches[fd] : NULL;
}

static void serve(struct lws_loop *l, int fd, short events)
{
    struct lws_pollfd pollfd = {.fd = fd, .events = events, .revents = events};

    (void)l->on_serving(l->ctx, true);
    (void)lws_service_fd_tsi(l->context, &pollfd, 0); /* closing is reported to its owner */
    (void)l->on_serving(l->ctx, false);
    lws_loop_check_pending(l);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
    struct watch *w = arg;

    serve(w->loop, (int)fd, (what & EV_READ) != 0 ? LWS_POLLIN : LWS_POLLOUT);
}

static void pending_start(struct lws_loop *l, int delay_us)
{
    struct timeval tv = {.tv_usec = delay_us};

    l->is_pending = true;
    evtimer_add(&l->pending, &tv);
}

static bool has_pending(struct lws_loop *l)
{
    return lws_service_adjust_timeout(l->context, 1, 0) == 0;
}

/*
 * Once is enough: whoever has more is looked after in another turn, so that others are not starved.
 * A connection may keep input that it is in no state to take; it must not keep the loop spinning.
 */
static void on_pending(evutil_socket_t fd, short what, void *arg)
{
    struct lws_loop *l = arg;

    (void)fd;
    (void)what;
    l->is_pending = false;
    (void)l->on_serving(l->ctx, true);
    (void)_lws_plat_service_forced_tsi(l->context, 0); /* without a poll() of its own */
    bool told = l->on_serving(l->ctx, false);
    if (!l->is_pending && has_pending(l))
        pending_start(l, told ? 0 : IDLE_US);
}

void lws_loop_check_pending(struct lws_loop *l)
{
    if (!l->is_pending && l->context != NULL && has_pending(l))
        pending_start(l, 0);
}

static bool watches_grow(struct lws_loop *l, int fd)
{
    if (fd < l->watch_count)
        return true;
    int count = fd + 64;
    struct watch **watches = realloc(l->watches, (size_t)count * sizeof(struct watch *));
    if (watches == NULL)
        return false;
    memset(watches + l->watch_count, 0, (size_t)(count - l->watch_count) * sizeof(struct watch *));
    l->watches = watches;
    l->watch_count = count;
    return true;
}

static void watch_stop(struct watch *w)
{
    if (w->reading)
        event_del(&w->read);
    if (w->writing)
        event_del(&w->write);
    w->reading = w->writing = false;
}

static void set(struct event *e, bool *is_set, bool wanted)
{
    if (*is_set == wanted)
        return;
    *is_set = wanted;
    if (wanted)
        event_add(e, NULL);
    else
        event_del(e);
}

static void watch_apply(struct watch *w)
{
    set(&w->read, &w->reading, w->wants_read && !w->is_muted);
    set(&w->write, &w->writing, w->wants_write && !w->is_muted);
}

void lws_loop_mute(struct lws_loop *l, int fd, bool is_muted)
{
    struct watch *w = watch_find(l, fd);

    if (w == NULL)
        return;
    w->is_muted = is_muted;
    watch_apply(w);
}

/* ---- the operations ---- */

/* `foreign` is the one entry of foreign_loops in the context's creation info. */
static int on_init(struct lws_context *context, void *foreign, int tsi)
{
    *(void **)lws_evlib_tsi_to_evlib_pt(context, tsi) = foreign;
    return 0;
}

static int on_accept(struct lws *wsi)
{
    struct lws_loop *l = loop_of(wsi);
    int fd = (int)lws_get_socket_fd(wsi);

    if (fd < 0 || !watches_grow(l, fd))
        return 1;
    struct watch *w = l->watches[fd];
    if (w == NULL)
        w = l->watches[fd] = calloc(1, sizeof(*w));
    if (w == NULL)
        return 1;
    watch_stop(w);
    w->wants_read = w->wants_write = w->is_muted = false;
    w->loop = l;
    if (event_assign(&w->read, l->base, fd, EV_READ | EV_PERSIST, on_fd, w) != 0 ||
        event_assign(&w->write, l->base, fd, EV_WRITE | EV_PERSIST, on_fd, w) != 0)
        return 1;
    return 0;
}

static void on_io(struct lws *wsi, unsigned int flags)
{
    struct watch *w = watch_find(loop_of(wsi), (int)lws_get_socket_fd(wsi));
    bool start = (flags & LWS_EV_START) != 0;

    if (w == NULL)
        return;
    if ((flags & LWS_EV_READ) != 0)
        w->wants_read = start;
    if ((flags & LWS_EV_WRITE) != 0)
        w->wants_write = start;
    watch_apply(w);
}

/* The descriptor is closed after this. */
static int on_logical_close(struct lws *wsi)
{
    struct lws_loop *l = loop_of(wsi);
    int fd = (int)lws_get_socket_fd(wsi);
    struct watch *w = watch_find(l, fd);

    if (w != NULL) {
        watch_stop(w);
        l->watches[fd] = NULL;
        free(w);
    }
    return 0;
}

/* Also of what never was closed: the library's pipe. */
static void on_destroy(struct lws *wsi)
{
    (void)on_logical_close(wsi);
}

static const struct lws_event_loop_ops ops = {
    .name = "parley",
    .init_pt = on_init,
    .init_vhost_listen_wsi = on_accept,
    .sock_accept = on_accept,
    .io = on_io,
    .wsi_logical_close = on_logical_close,
    .destroy_wsi = on_destroy,
    .evlib_size_pt = sizeof(struct lws_loop *),
};

const struct lws_plugin_evlib lws_loop_plugin = {
    .hdr =
        {
            .name = "parley",
            ._class = "lws_evlib_plugin",
#ifdef LWS_BUILD_HASH
            .lws_build_hash = LWS_BUILD_HASH,
#endif
            .api_magic = LWS_PLUGIN_API_MAGIC,
        },
    .ops = &ops,
};

/* ---- life ---- */

struct lws_loop *lws_loop_create(struct event_base *base,
                                 bool (*on_serving)(void *ctx, bool begins), void *ctx)
{
    struct lws_loop *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->base = base;
    l->on_serving = on_serving;
    l->ctx = ctx;
    if (event_assign(&l->pending, base, -1, 0, on_pending, l) != 0) {
        free(l);
        return NULL;
    }
    return l;
}

void lws_loop_bind(struct lws_loop *l, struct lws_context *context)
{
    l->context = context;
}

struct lws_loop *lws_loop_destroy(struct lws_loop *l)
{
    if (l == NULL)
        return NULL;
    event_del(&l->pending);
    for (int fd = 0; fd < l->watch_count; fd++) {
        if (l->watches[fd] != NULL)
            watch_stop(l->watches[fd]);
        free(l->watches[fd]);
    }
    free(l->watches);
    free(l);
    return NULL;
}
