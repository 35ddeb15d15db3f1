/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model has heard and not made known yet: the words of the user's last turn, and audio that
 * the client has not committed. A model must not be left in between; whether the user speaks or is
 * owed an answer, quiet.c knows.
 */
#include "base/clock.h"
#include "session/state.h"

#include <stdlib.h>

#define TRANSCRIPT_WAIT_MS 5000
#define MOST_UNHEARD       (512u << 10) /* of a turn that a lost model has not heard to its end */
#define BEFORE_SPEECH      (32u << 10)  /* of it, while nobody speaks: turn detection looks back */

void hearing_note(struct session *s, enum rt_event event)
{
    struct hearing *h = &s->hearing;

    switch (event) {
    case RT_INPUT_AUDIO_COMMITTED:
        h->uncommitted_bytes = 0;
        h->is_commit_asked = false;
        queue_clear(&s->unheard);
        h->transcript_due_us =
            s->view.transcribes ? clock_now_us() + TRANSCRIPT_WAIT_MS * UINT64_C(1000) : 0;
        break;
    case RT_INPUT_AUDIO_CLEARED:
        h->uncommitted_bytes = 0;
        h->is_commit_asked = false;
        queue_clear(&s->unheard);
        break;
    case RT_INPUT_TRANSCRIPTION_COMPLETED:
    case RT_INPUT_TRANSCRIPTION_FAILED:
        h->transcript_due_us = 0;
        break;
    default:
        break;
    }
}

uint64_t hearing_due_us(const struct session *s)
{
    return s->hearing.transcript_due_us;
}

bool hearing_is_busy(const struct session *s)
{
    return s->view.turns == RT_TURNS_NONE && s->hearing.uncommitted_bytes > 0;
}

void hearing_keep(struct session *s, struct parley_view event)
{
    bool is_turn = s->view.turns == RT_TURNS_NONE || s->quiet.user_speaks;
    size_t most = is_turn ? MOST_UNHEARD : BEFORE_SPEECH;
    struct event_queue *q = &s->unheard;

    if (s->agent->config->reconnect_ms == 0)
        return;
    while (!list_empty(&q->events) && q->bytes + event.len > most) {
        struct queued_event *e = list_entry(q->events.next, struct queued_event, entry);
        list_remove(&e->entry);
        q->bytes -= e->len;
        free(e);
    }
    if (event.len > most || !queue_add(q, event, most))
        queue_clear(q); /* what is kept has no holes */
}

bool hearing_is_open(const struct session *s)
{
    return s->view.turns == RT_TURNS_NONE ? s->hearing.uncommitted_bytes > 0 : s->quiet.user_speaks;
}

void hearing_tell(struct session *s, size_t newest)
{
    struct list *at, *next;
    size_t count = 0;

    list_for_each(at, &s->unheard.events)
    {
        count++;
    }
    list_for_each_safe(at, next, &s->unheard.events)
    {
        struct queued_event *e = list_entry(at, struct queued_event, entry);
        if (count-- <= newest)
            break;
        tell_view(s, (struct parley_view){e->bytes + PARLEY_EVENT_ROOM_BYTES, e->len}, 0);
    }
}
