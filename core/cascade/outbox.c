/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cascade/state.h"
#include "realtime/encode.h"

#include <stdlib.h>

/* A host that pauses and never goes on must not cost more than this. */
#define MAX_WAITING_BYTES (16u * 1024 * 1024)

struct outbox_event {
    struct list entry;
    struct buf bytes; /* after PARLEY_EVENT_ROOM_BYTES of room */
};

static void event_free(struct outbox_event *e)
{
    buf_done(&e->bytes);
    free(e);
}

static void open_session(struct cascade_session *s)
{
    _cleanup_(buf_done) struct buf created = {0};

    rt_encode_session(&created, RT_SESSION_CREATED, s->json);
    s->is_open = true;
    if (created.failed)
        s->outbox.is_broken = true;
    else
        s->host->on_open(s->ctx, buf_view(&created));
}

/* The host may send, pause or close inside on_event: everything is looked at anew each time. */
static void deliver(void *ctx)
{
    struct cascade_session *s = ctx;
    struct outbox *o = &s->outbox;

    if (!s->is_open && !s->is_closing)
        open_session(s);
    while (!list_empty(&o->events) && !o->is_paused && !s->is_closing) {
        struct outbox_event *e = list_entry(o->events.next, struct outbox_event, entry);
        struct parley_view bytes = buf_view(&e->bytes);

        list_remove(&e->entry);
        o->bytes -= bytes.len;
        bytes.data += PARLEY_EVENT_ROOM_BYTES;
        bytes.len -= PARLEY_EVENT_ROOM_BYTES;
        s->host->on_event(s->ctx, bytes, PARLEY_EVENT_ROOM);
        event_free(e);
    }
    if (o->is_broken)
        cascade_session_end(s, PARLEY_E_NO_MEMORY,
                            "no memory for an event, or too many events wait for their reader");
}

void outbox_schedule(struct cascade_session *s)
{
    struct outbox *o = &s->outbox;

    if (!loop_timer_is_running(&o->timer) && !s->is_closing)
        loop_timer_start(s->loop, &o->timer, 0, deliver, s);
}

struct buf *outbox_begin(struct cascade_session *s)
{
    static const char room[PARLEY_EVENT_ROOM_BYTES];
    struct outbox *o = &s->outbox;

    o->writing = calloc(1, sizeof(*o->writing));
    if (o->writing == NULL) {
        o->none.failed = true;
        return &o->none;
    }
    buf_append(&o->writing->bytes, room, sizeof(room));
    return &o->writing->bytes;
}

void outbox_end(struct cascade_session *s)
{
    struct outbox *o = &s->outbox;
    struct outbox_event *e = TAKE(o->writing);

    if (e == NULL || e->bytes.failed || o->bytes > MAX_WAITING_BYTES) {
        if (e != NULL)
            event_free(e);
        o->is_broken = true;
    } else {
        list_append(&o->events, &e->entry);
        o->bytes += e->bytes.len;
    }
    outbox_schedule(s);
}

void outbox_error(struct cascade_session *s, const struct rt_error *error,
                  struct parley_view raw_event_id)
{
    rt_encode_error(outbox_begin(s), error, raw_event_id);
    outbox_end(s);
}

void outbox_init(struct cascade_session *s)
{
    list_init(&s->outbox.events);
}

void outbox_done(struct cascade_session *s)
{
    struct outbox *o = &s->outbox;

    loop_timer_stop(&o->timer);
    while (!list_empty(&o->events)) {
        struct outbox_event *e = list_entry(o->events.next, struct outbox_event, entry);
        list_remove(&e->entry);
        event_free(e);
    }
    buf_done(&o->none);
}
