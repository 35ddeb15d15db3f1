/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a conversation by a tool: the model says its last words, the user hears them to their
 * end, then the session closes. A user who says something new takes it back.
 */
#include "base/log.h"
#include "session/state.h"

#define LOOK_MS  200    /* between looks whether all of it was heard */
#define LIMIT_MS 120000 /* whatever is still said then */

static bool is_heard(const struct session *s)
{
    return !session_is_busy(s) && quiet_is(s) && playback_end_us(&s->playback) <= clock_now_us();
}

static void on_look(void *ctx)
{
    struct session *s = ctx;
    struct farewell *f = &s->farewell;

    if (s->phase != SESSION_OPEN || f->inputs != s->tooling.inputs)
        return; /* the user goes on */
    if (!is_heard(s) && clock_now_us() < f->limit_us) {
        loop_timer_start(s->env->loop, &f->look, LOOK_MS, on_look, s);
        return;
    }
    session_close_client(s, 1000, "The agent has ended the conversation.");
    session_wind_up(s, "agent");
}

void farewell_begin(struct session *s)
{
    log_info("a tool ends the conversation session=%s", s->id);
    s->farewell.inputs = s->tooling.inputs;
    s->farewell.limit_us = clock_now_us() + (uint64_t)LIMIT_MS * 1000;
    loop_timer_start(s->env->loop, &s->farewell.look, LOOK_MS, on_look, s);
}

void farewell_stop(struct session *s)
{
    loop_timer_stop(&s->farewell.look);
}
