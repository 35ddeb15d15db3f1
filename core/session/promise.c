/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client that may come back is told of the conversation, it finds again, also when the
 * server dies: an event that tells of something final waits until the store has it, and what comes
 * after it waits behind, so that the order stays. Sound, and the news that the user speaks, wait
 * for nothing: they take along what waits, and the next such event is the promise for it. A store
 * that takes too long is not waited for until it has caught up.
 *
 *     NONE --a final event, not yet in the store--> WAITING --the store has it--> NONE
 *                                                      \--sound, too late, too much, the store
 * failed--> NONE
 */
#include "base/log.h"
#include "session/state.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_MS   2000
#define MOST_BYTES (1u << 20)

struct promised {
    struct list entry;
    int64_t seq; /* of the last record that must be in the store; 0: it only keeps its place */
    unsigned flags;
    bool is_here;
    size_t len;
    char bytes[]; /* PARLEY_EVENT_ROOM_BYTES of room, then the event */
};

static struct promised *first(struct session *s)
{
    return list_entry(s->promise.waiting.next, struct promised, entry);
}

static void forget(struct session *s, struct promised *p)
{
    list_remove(&p->entry);
    s->promise.bytes -= p->len;
    free(p);
}

static void tell(struct session *s, struct promised *p)
{
    const struct parley_view event = {p->bytes + PARLEY_EVENT_ROOM_BYTES, p->len};

    if (p->is_here)
        resume_say_here(s, event);
    else
        say_now(s, event, p->flags | SESSION_SEND_ROOM);
    forget(s, p);
}

void promise_init(struct session *s)
{
    list_init(&s->promise.waiting);
}

void promise_drop(struct session *s)
{
    loop_timer_stop(&s->promise.limit);
    while (!list_empty(&s->promise.waiting))
        forget(s, first(s));
}

void promise_release(struct session *s)
{
    loop_timer_stop(&s->promise.limit);
    while (!list_empty(&s->promise.waiting))
        tell(s, first(s));
}

static bool is_all_kept(const struct session *s)
{
    return s->journal.kept_seq + 1 >= s->journal.next_seq;
}

void promise_kept(struct session *s)
{
    while (!list_empty(&s->promise.waiting) && first(s)->seq <= s->journal.kept_seq)
        tell(s, first(s));
    if (list_empty(&s->promise.waiting))
        loop_timer_stop(&s->promise.limit);
    s->promise.is_late = s->promise.is_late && !is_all_kept(s);
}

void promise_late(struct session *s)
{
    s->promise.is_late = true;
    promise_release(s);
}

static void on_limit(void *ctx)
{
    struct session *s = ctx;

    log_warn("the store is slow; the client is told before it is kept session=%s waited_ms=%d",
             s->id, LIMIT_MS);
    promise_late(s);
}

static bool wait_for(struct session *s, struct parley_view event, unsigned flags, bool is_here,
                     int64_t seq)
{
    struct promise *w = &s->promise;
    struct promised *p = NULL;

    if (w->bytes + event.len <= MOST_BYTES)
        p = malloc(sizeof(*p) + PARLEY_EVENT_ROOM_BYTES + event.len + 1);
    if (p == NULL)
        return false;
    *p = (struct promised){.seq = seq, .flags = flags, .is_here = is_here, .len = event.len};
    memcpy(p->bytes + PARLEY_EVENT_ROOM_BYTES, event.data, event.len);
    if (list_empty(&w->waiting))
        loop_timer_start(s->env->loop, &w->limit, LIMIT_MS, on_limit, s);
    list_append(&w->waiting, &p->entry);
    w->bytes += event.len;
    return true;
}

static bool is_final(enum rt_event event)
{
    switch (event) {
    case RT_ITEM_DONE:
    case RT_ITEM_DELETED:
    case RT_ITEM_TRUNCATED:
    case RT_INPUT_TRANSCRIPTION_COMPLETED:
    case RT_RESPONSE_DONE:
        return true;
    default:
        return false;
    }
}

/* Whether there is a reason to wait; nothing of the event was looked at. */
static bool may_wait(const struct session *s)
{
    if (!s->resume.is_on || s->journal.store == NULL)
        return false;
    return !list_empty(&s->promise.waiting) ||
           (!is_all_kept(s) && !s->promise.is_late && !s->journal.has_failed);
}

bool promise_holds(struct session *s, struct parley_view event, unsigned flags, bool is_here)
{
    struct rt_peek peek = {.event = RT_UNKNOWN};

    if (!may_wait(s))
        return false;
    bool is_sound = (flags & SESSION_SEND_DROPPABLE) != 0;
    if (!is_sound)
        (void)rt_peek(event, &peek); /* parley's own, or checked when it came */
    bool is_promise = is_final(peek.event) && !s->promise.is_late && !s->journal.has_failed;
    if (!is_promise && list_empty(&s->promise.waiting))
        return false;
    if (!is_sound && peek.event != RT_SPEECH_STARTED &&
        wait_for(s, event, flags, is_here, is_promise ? s->journal.next_seq - 1 : 0))
        return true;
    promise_release(s);
    return false;
}

bool promise_waits_here(const struct session *s)
{
    struct list *at;

    list_for_each(at, &s->promise.waiting)
    {
        if (list_entry(at, struct promised, entry)->is_here)
            return true;
    }
    return false;
}
