/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

bool queue_add(struct event_queue *q, struct parley_view event, size_t limit)
{
    if (q->bytes >= limit)
        return false;
    struct queued_event *e = malloc(sizeof(*e) + PARLEY_EVENT_ROOM_BYTES + event.len + 1);
    if (e == NULL)
        return false;
    e->entry = (struct list){0};
    e->len = event.len;
    memcpy(e->bytes + PARLEY_EVENT_ROOM_BYTES, event.data, event.len);
    list_append(&q->events, &e->entry);
    q->bytes += event.len;
    return true;
}

void queue_clear(struct event_queue *q)
{
    struct list *at;
    struct list *next;

    list_for_each_safe(at, next, &q->events)
    {
        list_remove(at);
        free(list_entry(at, struct queued_event, entry));
    }
    q->bytes = 0;
}

/* ---- the client ---- */

void say_view(struct session *s, struct parley_view event, unsigned flags)
{
    if (!promise_holds(s, event, flags, false))
        say_now(s, event, flags);
}

void say_now(struct session *s, struct parley_view event, unsigned flags)
{
    if (s->resume.is_on)
        resume_keep(s, event);
    if (s->client != NULL)
        s->client->send(s->client_ctx, event, flags);
}

void say_out_as(struct session *s, unsigned flags)
{
    if (s->out.failed)
        log_error("no memory for an event to the client session=%s", s->id);
    else
        say_view(s, buf_view(&s->out), flags);
    buf_clear(&s->out);
}

void say_out(struct session *s)
{
    say_out_as(s, 0);
}

void say_error(struct session *s, const struct rt_error *error, struct parley_view raw_event_id)
{
    buf_clear(&s->out);
    rt_encode_error(&s->out, error, raw_event_id);
    say_out(s);
}

void say_fault(struct session *s, enum rt_error_kind kind, const char *param,
               struct parley_view raw_event_id, const char *format, ...)
{
    struct rt_error error;
    char message[sizeof(error.message)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args); /* cut when too long */
    va_end(args);
    (void)rt_error_set(&error, kind, param, "%s", message);
    say_error(s, &error, raw_event_id);
}

/* ---- the model ---- */

void pause_client(struct session *s, bool paused)
{
    if (s->client == NULL || s->client_paused == paused)
        return;
    s->client_paused = paused;
    s->client->pause(s->client_ctx, paused);
}

static void hold(struct session *s, struct parley_view event)
{
    pause_client(s, true);
    if (queue_add(&s->held, event, SESSION_HELD_BYTES))
        return;
    session_end_soon(s, 1011, "model_not_keeping_up",
                     "The model does not take events as fast as they come; open a new session.");
}

void tell_view(struct session *s, struct parley_view event, uint32_t flags)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (s->model == NULL || s->phase != SESSION_OPEN)
        return;
    if (!list_empty(&s->held.events)) {
        hold(s, event);
        return;
    }
    int r = model_send(s->model, event, flags, &err);
    if (r == PARLEY_E_BUSY)
        hold(s, event);
    else if (r < 0)
        log_debug("event for the model was lost session=%s reason=\"%s\"", s->id, err.message);
}

void tell_out(struct session *s)
{
    struct buf out = s->out;

    /* Sending may end the session or build another event: the scratch buffer must be free again. */
    s->out = (struct buf){0};
    if (out.failed)
        log_error("no memory for an event to the model session=%s", s->id);
    else
        tell_view(s, buf_view(&out), 0);
    if (s->out.data == NULL) {
        buf_clear(&out);
        s->out = out;
    } else {
        buf_done(&out);
    }
}

void tell_flush(struct session *s)
{
    while (!list_empty(&s->held.events) && s->phase == SESSION_OPEN) {
        struct queued_event *e = list_entry(s->held.events.next, struct queued_event, entry);
        struct parley_view event = {e->bytes + PARLEY_EVENT_ROOM_BYTES, e->len};
        struct parley_error err = PARLEY_ERROR_INIT;
        if (model_send(s->model, event, PARLEY_EVENT_ROOM, &err) == PARLEY_E_BUSY)
            return;
        s->held.bytes -= e->len;
        list_remove(&e->entry);
        free(e);
    }
    pause_client(s, false);
}
