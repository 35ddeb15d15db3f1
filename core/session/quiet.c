/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quiet moment: the user does not speak, and turn detection does not owe an answer to what was
 * said. Only then does the agent speak of what nobody asked for just now.
 */
#include "session/state.h"

static void expect_nothing(struct session *s)
{
    s->quiet.user_speaks = false;
    s->quiet.expects_response = false;
    loop_timer_stop(&s->quiet.limit);
}

static void on_limit(void *ctx)
{
    expect_nothing(ctx); /* nobody answers: what came meanwhile is told now */
    response_next(ctx);
}

void quiet_speech_started(struct session *s)
{
    s->quiet.user_speaks = true;
    loop_timer_stop(&s->quiet.limit);
}

void quiet_speech_stopped(struct session *s, bool is_answered)
{
    s->quiet.user_speaks = false;
    s->quiet.expects_response = is_answered && s->view.create_response;
    loop_timer_start(s->env->loop, &s->quiet.limit, s->quiet.expects_response ? QUIET_LIMIT_MS : 0,
                     on_limit, s);
}

void quiet_response_created(struct session *s)
{
    expect_nothing(s);
    s->quiet.has_late_result = false;
}

bool quiet_is(const struct session *s)
{
    return s->view.turns == RT_TURNS_NONE || (!s->quiet.user_speaks && !s->quiet.expects_response);
}

void quiet_late_result(struct session *s)
{
    s->quiet.has_late_result = true;
    response_next(s);
}

bool quiet_wants_answer(const struct session *s)
{
    /* A client that asks for every response itself asks for this one, too; and what still runs
     * leads to an answer of its own. */
    return s->quiet.has_late_result && s->view.create_response && s->calls_running == 0 &&
           quiet_is(s);
}

void quiet_stop(struct session *s)
{
    loop_timer_stop(&s->quiet.limit);
}
