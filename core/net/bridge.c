/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/str.h"
#include "net/connection.h"

#include <stdatomic.h>
#include <stdlib.h>

struct bridge {
    atomic_uint refs; /* both ends, and what is on its way */
    struct loop *connection_loop;
    struct loop *session_loop;
    /* Thread: the session's. NULL: it has let go. */
    struct session *session;
    /* Thread: the connection's. */
    struct connection *connection;
    struct resuming *resuming; /* who knows the connection until it is settled */
};

enum parcel_kind {
    TO_CLIENT_SEND,
    TO_CLIENT_PAUSE,
    TO_CLIENT_CLOSE,
    TO_SESSION_EVENT,
    TO_SESSION_BINARY,
    TO_SESSION_DROPPED,
    TO_SESSION_OVERFLOW,
    TO_SESSION_GONE,
    TO_SESSION_LOST,
};

/* Something on its way. */
struct parcel {
    struct bridge *bridge;
    enum parcel_kind kind;
    unsigned flags;
    int code;
    size_t events;
    size_t bytes;
    struct session_keeper keeper;
    size_t len;
    char data[]; /* PARLEY_EVENT_ROOM_BYTES of room, the bytes, a NUL */
};

static void unref(struct bridge *b)
{
    if (atomic_fetch_sub(&b->refs, 1) == 1)
        free(b);
}

struct bridge *bridge_create(struct loop *connection_loop, struct loop *session_loop,
                             struct resuming *resuming)
{
    struct bridge *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    atomic_init(&b->refs, 2);
    b->connection_loop = connection_loop;
    b->session_loop = session_loop;
    b->resuming = resuming;
    return b;
}

void bridge_begin(struct bridge *b, struct session *s)
{
    b->session = s;
}

void bridge_drop(struct bridge *b)
{
    free(b);
}

/* ---- at the connection ---- */

/* Asked each time until it is settled: the connection may go meanwhile. */
static struct connection *connection_of(const struct bridge *b)
{
    return b->resuming != NULL ? resume_connection(b->resuming) : b->connection;
}

static void close_connection(struct bridge *b, struct connection *c, int code, const char *reason)
{
    b->connection = NULL;
    if (c->bridge == b) {
        c->bridge = NULL;
        unref(b);
    }
    connection_close(c, code, reason);
}

static void at_connection(struct parcel *p)
{
    struct connection *c = connection_of(p->bridge);

    if (c == NULL)
        return;
    if (p->kind == TO_CLIENT_SEND)
        connection_send(c, (struct parley_view){p->data + PARLEY_EVENT_ROOM_BYTES, p->len},
                        p->flags | SESSION_SEND_ROOM);
    else if (p->kind == TO_CLIENT_PAUSE)
        ws_pause(c->ws, p->flags != 0);
    else
        close_connection(p->bridge, c, p->code, p->data + PARLEY_EVENT_ROOM_BYTES);
}

/* ---- at the session ---- */

static void lose(struct session *s, const struct session_keeper *keeper)
{
    const struct session_keeper own = *keeper;

    if (s == NULL || !session_client_lost(s, &own))
        session_keeper_release(&own);
}

static void at_session(struct parcel *p)
{
    struct bridge *b = p->bridge;
    struct session *s = b->session;
    bool leaves = p->kind == TO_SESSION_GONE || p->kind == TO_SESSION_LOST;

    if (leaves && s != NULL) {
        b->session = NULL;
        unref(b);
    }
    if (p->kind == TO_SESSION_LOST)
        lose(s, &p->keeper);
    else if (s == NULL)
        return;
    else if (p->kind == TO_SESSION_EVENT)
        session_client_event(s, (struct parley_view){p->data + PARLEY_EVENT_ROOM_BYTES, p->len},
                             PARLEY_EVENT_ROOM);
    else if (p->kind == TO_SESSION_BINARY)
        session_client_binary(s);
    else if (p->kind == TO_SESSION_DROPPED)
        session_client_dropped(s, p->events, p->bytes);
    else if (p->kind == TO_SESSION_OVERFLOW)
        session_end(s, 1013, "client_too_slow",
                    "The client reads too slowly: the output queue is full.");
    else
        session_client_gone(s);
}

/* ---- on the way ---- */

static void parcel_run(void *arg)
{
    struct parcel *p = arg;

    if (p->kind <= TO_CLIENT_CLOSE)
        at_connection(p);
    else
        at_session(p);
    unref(p->bridge);
    free(p);
}

/* The worker has stopped, and its end of the bridge with it. */
static void parcel_dropped(void *arg)
{
    struct parcel *p = arg;

    if (p->kind == TO_SESSION_LOST)
        session_keeper_release(&p->keeper);
    if ((p->kind == TO_SESSION_GONE || p->kind == TO_SESSION_LOST) && p->bridge->session != NULL)
        unref(p->bridge);
    unref(p->bridge);
    free(p);
}

static struct parcel *parcel_create(struct bridge *b, enum parcel_kind kind,
                                    struct parley_view data)
{
    struct parcel *p = calloc(1, sizeof(*p) + PARLEY_EVENT_ROOM_BYTES + data.len + 1);

    if (p == NULL) {
        log_error("no memory for an event between two workers bytes=%zu", data.len);
        return NULL;
    }
    p->bridge = b;
    p->kind = kind;
    p->len = data.len;
    if (data.len > 0)
        memcpy(p->data + PARLEY_EVENT_ROOM_BYTES, data.data, data.len);
    return p;
}

static void post(struct parcel *p)
{
    if (p == NULL)
        return;
    struct bridge *b = p->bridge;
    struct loop *to = p->kind <= TO_CLIENT_CLOSE ? b->connection_loop : b->session_loop;
    atomic_fetch_add(&b->refs, 1);
    if (!loop_post(to, parcel_run, parcel_dropped, p))
        parcel_dropped(p);
}

/* ---- what the session does to its client ---- */

static void client_send(void *ctx, struct parley_view event, unsigned flags)
{
    struct parcel *p = parcel_create(ctx, TO_CLIENT_SEND, event);

    if (p != NULL)
        p->flags = flags;
    post(p);
}

static void client_pause(void *ctx, bool paused)
{
    struct parcel *p = parcel_create(ctx, TO_CLIENT_PAUSE, VIEW(""));

    if (p != NULL)
        p->flags = paused;
    post(p);
}

static void client_close(void *ctx, int code, const char *reason)
{
    struct bridge *b = ctx;
    struct parcel *p = parcel_create(b, TO_CLIENT_CLOSE, view_of(reason));

    b->session = NULL;
    if (p != NULL)
        p->code = code;
    post(p);
    unref(b);
}

const struct session_client bridge_client = {
    .send = client_send,
    .pause = client_pause,
    .close = client_close,
};

/* ---- what the connection tells ---- */

void bridge_settle(struct bridge *b, struct connection *c)
{
    b->resuming = NULL;
    b->connection = c;
    if (c != NULL)
        c->bridge = b;
    else
        bridge_lost(b, &(const struct session_keeper){0}); /* it was not counted yet */
}

void bridge_event(struct bridge *b, struct parley_view event)
{
    post(parcel_create(b, TO_SESSION_EVENT, event));
}

void bridge_binary(struct bridge *b)
{
    post(parcel_create(b, TO_SESSION_BINARY, VIEW("")));
}

void bridge_dropped(struct bridge *b, size_t events, size_t bytes)
{
    struct parcel *p = parcel_create(b, TO_SESSION_DROPPED, VIEW(""));

    if (p != NULL) {
        p->events = events;
        p->bytes = bytes;
    }
    post(p);
}

void bridge_overflow(struct bridge *b)
{
    post(parcel_create(b, TO_SESSION_OVERFLOW, VIEW("")));
}

void bridge_gone(struct bridge *b)
{
    b->connection = NULL;
    post(parcel_create(b, TO_SESSION_GONE, VIEW("")));
    unref(b);
}

void bridge_lost(struct bridge *b, const struct session_keeper *keeper)
{
    struct parcel *p = parcel_create(b, TO_SESSION_LOST, VIEW(""));

    b->connection = NULL;
    if (p != NULL)
        p->keeper = *keeper;
    else
        session_keeper_release(keeper);
    post(p);
    unref(b);
}
