/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After an interruption the conversation holds what the user heard. The client says it with
 * conversation.item.truncate; when it says nothing in time, its playback reports or the clock do.
 * A truncation is never beyond what was produced, and an item of which nothing was heard goes.
 */
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

uint32_t session_bytes_per_ms(const struct session *s)
{
    return rt_audio_bytes_per_ms(s->view.output_format);
}

/* Tell the model; an item that nobody heard is removed instead. */
static void tell_truncation(struct session *s, struct playback_item *p, int64_t content_index,
                            int64_t ms)
{
    struct item *i = items_find_model(&s->items, view_of(p->id));

    playback_truncate(p, ms);
    tape_truncated(s, p);
    if (i != NULL) {
        i->heard_ms = p->truncated_ms;
        i->produced_ms = playback_produced_ms(p);
        journal_truncated(s, view_of(i->id), p->truncated_ms, i->produced_ms);
    }
    if (i != NULL && i->is_replayed) {
        replay_heard(s, i);
        return;
    }
    if (p->truncated_ms == 0) {
        const struct pending *d = pending_add(&s->pending, PENDING_DELETE, VIEW(""), NULL);
        rt_encode_item_request(&s->out, RT_ITEM_DELETE, view_of(d->id), view_of(p->id));
    } else {
        const struct pending *t = pending_add(&s->pending, PENDING_TRUNCATE, VIEW(""), NULL);
        rt_encode_item_truncate(&s->out, view_of(t->id), view_of(p->id), content_index,
                                p->truncated_ms);
    }
    tell_out(s);
}

static void on_wait_over(void *ctx)
{
    struct session *s = ctx;
    struct playback_item *p = playback_find(&s->playback, view_of(s->interruption.item_id));

    if (p == NULL || p->is_settled || s->phase != SESSION_OPEN)
        return;
    int64_t ms = p->reported_ms >= 0 ? p->reported_ms : s->interruption.heard_ms;
    log_debug(
        "the client did not say what was heard; the clock does session=%s item=%s heard_ms=%lld",
        s->id, p->id, (long long)ms);
    tell_truncation(s, p, 0, ms);
}

void interruption_begin(struct session *s)
{
    uint64_t now = clock_now_us();
    struct playback_item *p = playback_current(&s->playback, now);

    if (p == NULL || p->is_settled)
        return;
    turn_interrupted(s, playback_heard_ms(p, now));
    if (s->agent->config->truncation_wait_ms == 0)
        return;
    view_copy(s->interruption.item_id, sizeof(s->interruption.item_id), view_of(p->id));
    s->interruption.heard_ms = playback_heard_ms(p, now);
    loop_timer_start(s->env->loop, &s->interruption.wait, s->agent->config->truncation_wait_ms,
                     on_wait_over, s);
}

void interruption_stop(struct session *s)
{
    loop_timer_stop(&s->interruption.wait);
}

/* The answer that the client waits for, when the model is asked for something else. */
static void confirm(struct session *s, const struct item *i, int64_t content_index, int64_t ms)
{
    rt_encode_item_truncated(&s->out, view_of(i->id), (int)content_index, ms);
    say_out(s);
}

void interruption_client_truncate(struct session *s, const struct rt_client_event *e)
{
    const struct rt_item_truncate *t = &e->u.item_truncate;
    struct item *i = items_find(&s->items, t->item_id);
    struct playback_item *p = i == NULL ? NULL : playback_find(&s->playback, view_of(i->model_id));

    if (i == NULL ? !session_has_trimmed(s) : i->hidden) {
        say_fault(s, RT_ERROR_TRUNCATE_UNKNOWN, "item_id", e->event_id,
                  "There is no item '%.*s' in the conversation.", (int)t->item_id.len,
                  t->item_id.data);
        return;
    }
    if (p == NULL || t->content_index != 0 || t->audio_end_ms < 0) {
        /* Not audio that parley saw: the model knows what to say. */
        const struct pending *c = pending_add(&s->pending, PENDING_CLIENT_EVENT, e->event_id, NULL);
        rt_encode_item_truncate(&s->out, view_of(c->id),
                                i == NULL ? t->item_id : view_of(i->model_id), t->content_index,
                                t->audio_end_ms);
        tell_out(s);
        return;
    }
    if (view_is(view_of(p->id), s->interruption.item_id))
        interruption_stop(s);
    bool is_settled = p->is_settled;
    int64_t before = p->truncated_ms;
    playback_truncate(p, t->audio_end_ms);
    if (is_settled && p->truncated_ms == before) { /* decided already: say so, change nothing */
        confirm(s, i, t->content_index, p->truncated_ms);
        return;
    }
    int64_t heard_ms = p->truncated_ms;
    bool is_answered = heard_ms == 0 || i->is_replayed; /* the model is asked for something else */
    tell_truncation(s, p, t->content_index, heard_ms);
    if (is_answered)
        confirm(s, i, t->content_index, heard_ms);
}

void interruption_report(struct session *s, const json_t *event)
{
    struct item *i = items_find(&s->items, json_get_view(event, "item_id"));
    struct playback_item *p = i == NULL ? NULL : playback_find(&s->playback, view_of(i->model_id));

    if (p != NULL)
        playback_report(p, json_get_int(event, "audio_end_ms", 0));
}
