/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent says while a tool takes long: one response of its own, at most once a turn, and
 * only while nobody speaks and no other response runs. The answer waits for its end, as for that of
 * any response.
 */
#include "base/clock.h"
#include "session/state.h"

static bool may_speak(const struct session *s)
{
    return s->client != NULL && quiet_is(s) && playback_end_us(&s->playback) <= clock_now_us();
}

static void on_due(void *ctx)
{
    struct call *c = ctx;
    struct session *s = c->session;

    if (!c->holds || s->phase != SESSION_OPEN || s->tooling.filled_turn == c->turn)
        return;
    if (may_speak(s) && response_fill(s, c->policy.filler, c->request))
        s->tooling.filled_turn = c->turn;
    else /* somebody speaks: once more, when it still takes as long again */
        loop_timer_start(s->env->loop, &c->filler, c->policy.filler_after_ms, on_due, c);
}

void filler_start(struct call *c)
{
    if (c->policy.filler[0] != '\0')
        loop_timer_start(c->session->env->loop, &c->filler, c->policy.filler_after_ms, on_due, c);
}
