/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"
#include "host/worker_instance.h"
#include "transport/ws.h"

#include <parley/model.h>

#include <stdlib.h>
#include <string.h>

#define MAX_HEADERS 64

_Static_assert(WS_ROOM == PARLEY_EVENT_ROOM && WS_ROOM_BYTES == PARLEY_EVENT_ROOM_BYTES,
               "messages pass through without a copy");

/* One connection of a plugin. Gone after on_closed. */
struct parley_ws {
    struct list entry; /* of worker->sockets */
    struct parley_worker *worker;
    struct worker_instance *owner; /* NULL: unknown */
    bool is_forgotten;             /* its plugin has stopped and hears nothing more */
    struct ws *ws;
    struct parley_ws_events events;
    void *ctx;
};

/* Whose turn it is; without a watch, since these are the hot ones. */
static struct worker_instance *enter(const struct parley_ws *p)
{
    struct worker_instance *before = p->worker->current;

    p->worker->current = p->owner;
    return before;
}

static void leave(const struct parley_ws *p, struct worker_instance *before)
{
    p->worker->current = before;
}

static void on_open(void *ctx, struct ws *ws)
{
    struct parley_ws *p = ctx;

    (void)ws;
    if (p->is_forgotten || p->events.on_open == NULL)
        return;
    struct worker_instance *before = enter(p);
    p->events.on_open(p->ctx, p);
    leave(p, before);
}

static void on_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct parley_ws *p = ctx;

    (void)ws;
    if (p->is_forgotten || p->events.on_message == NULL)
        return;
    struct worker_instance *before = enter(p);
    p->events.on_message(p->ctx, message, (flags & WS_BINARY) != 0, flags & WS_ROOM);
    leave(p, before);
}

static void on_writable(void *ctx, struct ws *ws)
{
    struct parley_ws *p = ctx;

    (void)ws;
    if (p->is_forgotten || p->events.on_writable == NULL)
        return;
    struct worker_instance *before = enter(p);
    p->events.on_writable(p->ctx);
    leave(p, before);
}

static void on_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    struct parley_ws *p = ctx;
    const struct parley_ws_closed told = {
        .size = sizeof(told),
        .status = closed->status,
        .close_code = closed->code,
        .http_status = closed->http_status,
        .reason = closed->reason,
        .message = closed->message,
        .headers = closed->headers,
    };

    (void)ws;
    list_remove(&p->entry);
    if (!p->is_forgotten) {
        struct worker_instance *before = enter(p);
        p->events.on_closed(p->ctx, &told);
        leave(p, before);
    }
    free(p);
}

static const struct ws_events events_of_transport = {
    .on_open = on_open,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static struct parley_ws *ws_create(struct parley_worker *worker,
                                   const struct parley_ws_events *events, void *ctx)
{
    struct parley_ws *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->worker = worker;
    p->owner = worker->current;
    p->ctx = ctx;
    list_append(&worker->sockets, &p->entry);
    memcpy(&p->events, events, events->size < sizeof(p->events) ? events->size : sizeof(p->events));
    return p;
}

/* The plugin's array steps by its own item size. */
static int copy_headers(const struct parley_ws_connect *c, struct ws_header out[MAX_HEADERS],
                        struct parley_error *err)
{
    if (c->header_count > MAX_HEADERS)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "%zu headers are more than %d", c->header_count,
                           MAX_HEADERS);
    if (c->header_count > 0 && c->header_size < SIZE_THROUGH(struct parley_ws_header, value))
        return parley_fail(err, PARLEY_E_INVALID,
                           "header_size %u is not sizeof(struct parley_ws_header)", c->header_size);
    for (size_t i = 0; i < c->header_count; i++) {
        const struct parley_ws_header *h =
            (const void *)((const char *)c->headers + i * c->header_size);
        out[i] = (struct ws_header){h->name, h->value};
    }
    return PARLEY_OK;
}

static size_t positive(int64_t value)
{
    return value < 0 ? 0 : (size_t)value;
}

static int begin(struct parley_ws *p, const struct parley_ws_connect *c, struct parley_error *err)
{
    struct ws_header headers[MAX_HEADERS];
    int r = copy_headers(c, headers, err);

    if (r < 0)
        return r;
    const struct ws_connect asked = {
        .url = c->url,
        .headers = headers,
        .header_count = c->header_count,
        .subprotocol = c->subprotocol,
        .ca_file = c->ca_file,
        .want_headers = c->want_headers,
        .connect_timeout_ms = c->connect_timeout_ms,
        .limits =
            {
                .max_message_bytes = positive(c->max_message_bytes),
                .hard_queue_bytes = c->max_queue_bytes > 0 ? (size_t)c->max_queue_bytes : 1u << 20,
                .ping_interval_ms = c->ping_interval_ms,
            },
    };
    return ws_connect(p->worker->transport, &asked, &events_of_transport, p, &p->ws, err);
}

static int service_connect(struct parley_worker *worker, const struct parley_ws_connect *connect,
                           const struct parley_ws_events *events, void *ctx,
                           struct parley_ws **ret_ws, struct parley_error *err)
{
    struct parley_ws_connect own = {0};

    if (worker->transport == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "this worker opens no connections");
    if (!PARLEY_HAS(events, on_closed) || events->on_closed == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "on_closed is missing");
    memcpy(&own, connect, connect->size < sizeof(own) ? connect->size : sizeof(own));
    struct parley_ws *p = ws_create(worker, events, ctx);
    if (p == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
    int r = begin(p, &own, err);
    if (r < 0) {
        list_remove(&p->entry);
        free(p);
    } else {
        *ret_ws = p;
    }
    return r;
}

static int service_send(struct parley_ws *ws, struct parley_view message, uint32_t flags)
{
    return ws_send(ws->ws, message, flags & WS_ROOM);
}

static void service_pause(struct parley_ws *ws, int paused)
{
    ws_pause(ws->ws, paused != 0);
}

static void service_close(struct parley_ws *ws, int code, const char *reason)
{
    ws_close(ws->ws, code, reason == NULL ? "" : reason);
}

const struct parley_service_ws service_ws = {
    .size = sizeof(service_ws),
    .connect = service_connect,
    .send = service_send,
    .pause = service_pause,
    .close = service_close,
};

void service_ws_forget(struct worker_instance *wi)
{
    struct list *at;

    list_for_each(at, &wi->worker->sockets)
    {
        struct parley_ws *p = list_entry(at, struct parley_ws, entry);
        if (p->owner != wi)
            continue;
        p->is_forgotten = true;
        p->owner = NULL;
        ws_abort(p->ws);
    }
}
