/* SPDX-License-Identifier: Apache-2.0 */
#include "session/spans.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "session/state.h"
#include "telemetry/names.h"

#include <stdlib.h>

void spans_init(struct session *s)
{
    list_init(&s->spans.turns);
    if (telemetry_joining(s->env->recorder) != TELEMETRY_JOIN ||
        !traceparent_parse(view_of(s->traceparent), &s->spans.client))
        s->traceparent[0] = '\0';
}

const char *spans_tell(const struct session *s, const struct trace_context *context,
                       char room[TRACEPARENT_SIZE])
{
    if (telemetry_joining(s->env->recorder) == TELEMETRY_ALONE)
        return "";
    traceparent_format(context, room);
    return room;
}

bool spans_capture_content(const struct session *s)
{
    if (s->env->recorder == NULL || s->agent->config->telemetry_content == AGENT_CONTENT_NO)
        return false;
    return s->agent->config->telemetry_content == AGENT_CONTENT_YES ||
           telemetry_captures_content(s->env->recorder);
}

void spans_describe(const struct session *s, struct span *span)
{
    span_capture_content(span, spans_capture_content(s));
    span_set_str(span, NAME_AGENT_NAME, view_of(s->agent->name));
    span_set_str(span, NAME_SESSION_ID, view_of(s->id));
    span_set_str(span, NAME_CONVERSATION_ID, view_of(s->id));
    span_set_str(span, NAME_USER_ID, view_of(s->user));
}

/* ---- the model's session ---- */

void spans_connect_begin(struct session *s)
{
    struct span *span =
        span_start(s->env->recorder, NAME_CONNECT, PARLEY_SPAN_CLIENT, &s->spans.client);

    spans_describe(s, span);
    span_set_str(span, NAME_PROVIDER, view_of(s->provider));
    span_set_str(span, NAME_REQUEST_MODEL, view_of(s->model_name));
    s->spans.connect = span;
}

const char *spans_connect_traceparent(const struct session *s, char room[TRACEPARENT_SIZE])
{
    struct trace_context context = span_context(s->spans.connect);

    if (s->spans.connect == NULL)
        return s->traceparent;
    return spans_tell(s, &context, room);
}

void spans_connect_end(struct session *s, const char *failure, const char *message)
{
    struct span *span = TAKE(s->spans.connect);

    if (span != NULL)
        s->spans.opened = span_context(span);
    if (failure != NULL)
        span_fail(span, view_of(failure), view_of(message));
    span_end(span);
}

struct trace_context spans_now(const struct session *s)
{
    if (s->turn.spans != NULL)
        return span_context(s->turn.spans->root);
    if (s->spans.connect != NULL)
        return span_context(s->spans.connect);
    return s->turn.number == 0 ? s->spans.opened : s->spans.client;
}

void spans_move_begin(struct session *s, const char *provider, const char *model,
                      const char *reason)
{
    spans_child_begin(s, &s->spans.move, s->turn.spans, PARLEY_SPAN_CLIENT);
    struct span *span = s->spans.move.span;
    span_set_name(span, NAME_CONNECT, VIEW(""));
    span_set_str(span, NAME_PROVIDER, view_of(provider));
    span_set_str(span, NAME_REQUEST_MODEL, view_of(model));
    span_set_str(span, NAME_RECONNECT_REASON, view_of(reason));
}

const char *spans_move_traceparent(const struct session *s, char room[TRACEPARENT_SIZE])
{
    struct trace_context context = span_context(s->spans.move.span);

    if (s->spans.move.span == NULL)
        return turn_traceparent(s);
    return spans_tell(s, &context, room);
}

void spans_move_end(struct session *s, const char *failure, const char *message)
{
    if (failure != NULL)
        span_fail(s->spans.move.span, view_of(failure), view_of(message));
    spans_child_end(&s->spans.move);
}

/* ---- roots ---- */

static void turn_free(struct turn_spans *t)
{
    list_remove(&t->entry);
    free(t);
}

static void finish(struct turn_spans *t)
{
    span_end_held(t->root, t->end_us, &t->hold);
    span_hold_end(&t->hold);
    turn_free(t);
}

struct turn_spans *spans_turn_begin(struct session *s, uint64_t start_us)
{
    struct span *root =
        span_start(s->env->recorder, NAME_INVOKE_AGENT, PARLEY_SPAN_INTERNAL, &s->spans.client);
    struct turn_spans *t = root == NULL ? NULL : calloc(1, sizeof(*t));

    if (t == NULL) {
        span_drop(root);
        return NULL;
    }
    t->root = root;
    span_set_start(root, start_us);
    span_set_name(root, NAME_INVOKE_AGENT, view_of(s->agent->name));
    span_set_str(root, NAME_OPERATION, VIEW(NAME_INVOKE_AGENT));
    spans_describe(s, root);
    list_append(&s->spans.turns, &t->entry);
    return t;
}

void spans_turn_end(struct turn_spans *t, uint64_t end_us)
{
    if (t == NULL)
        return;
    t->is_over = true;
    t->end_us = end_us;
    if (t->children == 0)
        finish(t);
}

void spans_turn_keep(struct turn_spans *t)
{
    if (t != NULL)
        span_hold_keep(&t->hold);
}

void spans_turn_drop(struct turn_spans *t)
{
    if (t == NULL)
        return;
    if (t->children > 0) { /* something came of it after all */
        spans_turn_end(t, clock_now_us());
        return;
    }
    span_drop(t->root);
    span_hold_end(&t->hold);
    turn_free(t);
}

/* ---- children ---- */

void spans_child_begin(struct session *s, struct child_span *c, struct turn_spans *turn,
                       uint32_t kind)
{
    struct trace_context parent = turn == NULL ? s->spans.client : span_context(turn->root);

    c->span = span_start(s->env->recorder, "", kind, &parent);
    if (c->span == NULL)
        return;
    spans_describe(s, c->span);
    c->turn = turn;
    if (turn != NULL)
        turn->children++;
}

void spans_child_end(struct child_span *c)
{
    struct turn_spans *t = TAKE(c->turn);

    if (t != NULL)
        span_end_held(TAKE(c->span), clock_now_us(), &t->hold);
    else
        span_end(TAKE(c->span));
    if (t != NULL && --t->children == 0 && t->is_over)
        finish(t);
}

void spans_done(struct session *s)
{
    spans_connect_end(s, "abandoned", "The session ended while its model was opened.");
    spans_move_end(s, "abandoned", "The session ended while a model was opened.");
    while (!list_empty(&s->spans.turns)) {
        struct turn_spans *t = list_entry(s->spans.turns.next, struct turn_spans, entry);
        if (!t->is_over)
            t->end_us = clock_now_us();
        finish(t);
    }
}
