/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model has heard and not made known yet: the words of the user's last turn, and audio that
 * the client has not committed. A model must not be left in between; whether the user speaks or is
 * owed an answer, quiet.c knows.
 */
#include "base/clock.h"
#include "session/state.h"

#define TRANSCRIPT_WAIT_MS 5000

void hearing_note(struct session *s, enum rt_event event)
{
    struct hearing *h = &s->hearing;

    switch (event) {
    case RT_INPUT_AUDIO_COMMITTED:
        h->uncommitted_bytes = 0;
        h->transcript_due_us =
            s->view.transcribes ? clock_now_us() + TRANSCRIPT_WAIT_MS * UINT64_C(1000) : 0;
        break;
    case RT_INPUT_AUDIO_CLEARED:
        h->uncommitted_bytes = 0;
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
