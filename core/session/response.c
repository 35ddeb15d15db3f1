/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The response sequencer: every wish to start, cancel or follow up a response goes through here,
 * and only here is known which one runs.
 *
 *   in band        nothing       start (response.create sent)     active (response.created came)
 *   client create  -> start      error, or waits*                 error, or waits*
 *   tools' answer  -> start      waits                            waits
 *   created        -> active     -> active                        the older one ends as failed
 *   done           (ignored)     (ignored)                        -> nothing, what waits starts
 *   cancel         error         sent on                          sent on
 *
 *   * an error when the client knows of a running response, else it waits: what it cannot see it
 *     cannot be blamed for.
 *
 * A response that holds nothing but calls of server tools is not shown to the client; the one that
 * follows with the results is, in its place. So a client sees one response for one request.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

/* ---- responses ---- */

struct response *response_find(struct session *s, struct parley_view id)
{
    struct list *at;

    list_for_each(at, &s->sequencer.responses)
    {
        struct response *r = list_entry(at, struct response, entry);
        if (view_is(id, r->id))
            return r;
    }
    return NULL;
}

static void response_free(struct session *s, struct response *r)
{
    if (r == NULL)
        return;
    list_remove(&r->entry);
    if (s->sequencer.active == r)
        s->sequencer.active = NULL;
    if (!r->in_band)
        s->sequencer.out_of_band--;
    turn_response_gone(r);
    json_decref(r->object);
    json_decref(r->request);
    free(r->id);
    free(r);
}

static struct response *response_add(struct session *s, struct parley_view id, bool in_band)
{
    struct response *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->id = view_dup(id);
    if (r->id == NULL) {
        free(r);
        return NULL;
    }
    r->in_band = in_band;
    r->created_us = clock_now_us();
    list_append(&s->sequencer.responses, &r->entry);
    if (in_band)
        s->sequencer.active = r;
    else
        s->sequencer.out_of_band++;
    return r;
}

static void start_clear(struct session *s)
{
    struct response_start *start = &s->sequencer.start;

    loop_timer_stop(&start->limit);
    json_decref(start->request);
    free(start->client_event_id);
    *start = (struct response_start){0};
}

void sequencer_init(struct session *s)
{
    list_init(&s->sequencer.responses);
}

void sequencer_done(struct session *s)
{
    struct sequencer *q = &s->sequencer;

    while (!list_empty(&q->responses))
        response_free(s, list_entry(q->responses.next, struct response, entry));
    start_clear(s);
    json_decref(q->client_wish);
    json_decref(q->answer_request);
    json_decref(q->unshown);
}

/* ---- what the client is told ---- */

static void say_response(struct session *s, enum rt_event event, const json_t *object)
{
    rt_encode_begin(&s->out, event);
    rt_encode_tree(&s->out, "response", object);
    rt_encode_end(&s->out);
    say_out(s);
}

void response_show(struct session *s, struct response *r)
{
    if (r->shown)
        return;
    r->shown = true;
    say_response(s, RT_RESPONSE_CREATED, r->object);
    json_decref(r->object);
    r->object = NULL;
    if (r->in_band) { /* it stands in for the one that was not shown */
        json_decref(s->sequencer.unshown);
        s->sequencer.unshown = NULL;
    }
}

/* A response object with another end, for what the model never ended itself. */
static json_t *ended_object(const json_t *object, const char *status, const char *reason,
                            const char *code, const char *message)
{
    json_t *ended = json_copy((json_t *)(uintptr_t)object);
    json_t *details = json_pack("{s:s}", "type", status);

    if (reason != NULL)
        json_object_set_new(details, "reason", json_string(reason));
    if (message != NULL)
        json_object_set_new(
            details, "error",
            json_pack("{s:s, s:s, s:s}", "type", "server_error", "code", code, "message", message));
    json_object_set_new(ended, "status", json_string(status));
    json_object_set_new(ended, "status_details", details);
    json_object_set_new(ended, "output", json_array());
    json_object_set_new(ended, "usage", json_null());
    return ended;
}

static void say_ended(struct session *s, const json_t *object, const char *status,
                      const char *reason, const char *code, const char *message)
{
    json_t *ended = ended_object(object, status, reason, code, message);

    if (ended != NULL)
        say_response(s, RT_RESPONSE_DONE, ended);
    json_decref(ended);
}

/* The response that stayed unshown gets no successor: the client hears of its start and its end. */
static void settle_unshown(struct session *s, const char *status, const char *reason,
                           const char *code, const char *message)
{
    struct sequencer *q = &s->sequencer;
    json_t *object = q->unshown;

    if (object == NULL)
        return;
    q->unshown = NULL;
    if (q->unshown_by == RESPONSE_BY_CLIENT) {
        say_response(s, RT_RESPONSE_CREATED, object);
        say_ended(s, object, status, reason, code, message);
    }
    json_decref(object);
    q->unshown_usage = (struct rt_usage){0};
    q->has_unshown_usage = false;
}

/* ---- starting ---- */

static bool is_idle(const struct session *s)
{
    return s->sequencer.active == NULL && !s->sequencer.start.is_running;
}

static void on_start_limit(void *ctx)
{
    struct session *s = ctx;
    struct parley_view event_id = view_of(s->sequencer.start.client_event_id);

    log_warn("the model did not begin a response session=%s after_ms=%d", s->id,
             SESSION_START_LIMIT_MS);
    if (s->sequencer.start.by == RESPONSE_BY_CLIENT)
        say_fault(s, RT_ERROR_SERVER, NULL, event_id,
                  "The model did not begin a response within %d s (response.create); try again.",
                  SESSION_START_LIMIT_MS / 1000);
    start_clear(s);
    settle_unshown(s, "failed", NULL, "model_silent", "The model did not answer in time.");
    response_next(s);
}

static void begin_start(struct session *s, enum response_by by, const json_t *request,
                        struct parley_view raw_event_id)
{
    struct response_start *start = &s->sequencer.start;

    start_clear(s);
    start->is_running = true;
    start->by = by;
    start->request = json_incref((json_t *)(uintptr_t)request);
    start->client_event_id = raw_event_id.len == 0 ? NULL : view_dup(raw_event_id);
    loop_timer_start(s->env->loop, &start->limit, SESSION_START_LIMIT_MS, on_start_limit, s);
}

/* A response.create of parley's own. */
static void start_own(struct session *s, enum response_by by, json_t *request)
{
    const struct pending *p = pending_add(&s->pending, PENDING_RESPONSE, VIEW(""), NULL);

    begin_start(s, by, request, VIEW(""));
    rt_encode_response_create(&s->out, view_of(p->id), request);
    tell_out(s);
}

/* The request that the answer to tool results is made with: as the user's, but free to speak. */
static json_t *answer_request(struct session *s)
{
    json_t *request = s->sequencer.answer_request == NULL ? json_object()
                                                          : json_copy(s->sequencer.answer_request);
    size_t most = (size_t)s->agent->config->max_tool_rounds;

    if (request == NULL)
        return NULL;
    (void)json_object_del(request, "input"); /* the results are in the conversation */
    json_object_set_new(request, "tool_choice",
                        json_string(s->tool_round >= most ? "none" : "auto"));
    return request;
}

static void start_answer(struct session *s)
{
    json_t *request = answer_request(s);

    s->sequencer.wants_answer = false;
    json_decref(s->sequencer.answer_request);
    s->sequencer.answer_request = NULL;
    s->tool_round++;
    if (request != NULL)
        start_own(s, RESPONSE_BY_TOOLS, request);
    json_decref(request);
}

static void start_client_wish(struct session *s)
{
    json_t *wish = s->sequencer.client_wish;
    struct buf event_id = {0};

    s->sequencer.client_wish = NULL;
    s->sequencer.wants_answer = false; /* this response sees the results, too */
    json_write(&event_id, json_object_get(wish, "event_id"));
    struct parley_view raw = buf_view(&event_id);
    if (raw.len >= 2 && raw.data[0] == '"')
        raw = (struct parley_view){raw.data + 1, raw.len - 2};
    else
        raw = VIEW("");
    begin_start(s, RESPONSE_BY_CLIENT, json_object_get(wish, "response"), raw);
    json_write(&s->out, wish);
    tell_out(s);
    buf_done(&event_id);
    json_decref(wish);
}

void response_next(struct session *s)
{
    if (s->phase != SESSION_OPEN || !is_idle(s))
        return;
    if (s->sequencer.client_wish != NULL && s->calls_running == 0)
        start_client_wish(s);
    else if (s->sequencer.wants_answer)
        start_answer(s);
}

void response_wants_answer(struct session *s, const json_t *request)
{
    s->sequencer.wants_answer = true;
    json_decref(s->sequencer.answer_request);
    s->sequencer.answer_request = json_incref((json_t *)(uintptr_t)request);
    response_next(s);
}

void response_greet(struct session *s)
{
    const char *text = s->agent->config->greeting;

    if (text[0] == '\0' || !is_idle(s))
        return;
    json_t *request = json_pack("{s:s}", "instructions", text);
    if (request != NULL)
        start_own(s, RESPONSE_BY_GREETING, request);
    json_decref(request);
}

/* ---- what the client asks ---- */

/* Does the client know that a response runs or comes? */
static bool client_knows_of_one(const struct session *s)
{
    const struct sequencer *q = &s->sequencer;

    if (q->active != NULL && (q->active->shown || q->active->by == RESPONSE_BY_CLIENT))
        return true;
    if (q->start.is_running && q->start.by == RESPONSE_BY_CLIENT)
        return true;
    return q->client_wish != NULL || (q->unshown != NULL && q->unshown_by == RESPONSE_BY_CLIENT);
}

static void refuse_second(struct session *s, struct parley_view raw_event_id)
{
    const struct response *r = s->sequencer.active;

    say_fault(s, RT_ERROR_ACTIVE_RESPONSE, NULL, raw_event_id,
              "Conversation already has an active response in progress: %s. Wait until the "
              "response is finished before creating a new one (response.create).",
              r != NULL && r->shown ? r->id : "one that was just asked for");
}

/* Leave out what the agent does not let a client decide. NULL: nothing had to go. */
static json_t *governed_copy(const struct session *s, const json_t *event)
{
    static const char *const fields[] = {"instructions",
                                         "tools",
                                         "tool_choice",
                                         "prompt",
                                         "reasoning",
                                         "output_modalities",
                                         "audio",
                                         "max_output_tokens",
                                         "parallel_tool_calls"};
    const json_t *response = json_object_get(event, "response");
    json_t *copy = NULL;

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const char *path = strcmp(fields[i], "audio") == 0 ? "audio.output.voice" : fields[i];
        if (json_object_get(response, fields[i]) == NULL || agent_client_may_set(s->agent, path))
            continue;
        if (copy == NULL)
            copy = json_deep_copy(event);
        if (copy == NULL)
            return NULL;
        (void)json_object_del(json_object_get(copy, "response"), fields[i]);
    }
    return copy;
}

/* Give the event to the model, changed when the agent has a say in it. */
static void send_client_create(struct session *s, struct parley_view event, const json_t *governed)
{
    if (governed == NULL) {
        tell_view(s, event, 0);
        return;
    }
    json_write(&s->out, governed);
    tell_out(s);
}

static void create_out_of_band(struct session *s, struct parley_view event,
                               const struct rt_client_event *e, const json_t *governed)
{
    if (s->sequencer.out_of_band >= SESSION_OUT_OF_BAND) {
        say_fault(s, RT_ERROR_RATE_LIMIT, "response.conversation", e->event_id,
                  "%d responses outside the conversation run already (response.create); wait for "
                  "one to end.",
                  SESSION_OUT_OF_BAND);
        return;
    }
    send_client_create(s, event, governed);
}

void response_client_create(struct session *s, struct parley_view event,
                            const struct rt_client_event *e)
{
    json_t *governed = governed_copy(s, e->tree);
    const json_t *tree = governed != NULL ? governed : e->tree;

    if (e->u.response_create.out_of_band) {
        create_out_of_band(s, event, e, governed);
    } else if (client_knows_of_one(s)) {
        refuse_second(s, e->event_id);
    } else if (!is_idle(s) || s->sequencer.wants_answer || s->calls_running > 0) {
        s->sequencer.client_wish = json_incref((json_t *)(uintptr_t)tree);
    } else {
        turn_requested(s);
        begin_start(s, RESPONSE_BY_CLIENT, json_object_get(tree, "response"), e->event_id);
        send_client_create(s, event, governed);
    }
    json_decref(governed);
}

/* Nothing runs at the model, but the turn does: its tools, or what waits for them. */
static bool cancel_waiting(struct session *s)
{
    struct sequencer *q = &s->sequencer;

    if (q->unshown == NULL && q->client_wish == NULL && !q->wants_answer)
        return false;
    tools_silence(s);
    q->wants_answer = false;
    json_t *wish = q->client_wish;
    q->client_wish = NULL;
    json_decref(wish);
    if (q->unshown != NULL)
        q->unshown_by = RESPONSE_BY_CLIENT; /* it was asked about: it is told */
    settle_unshown(s, "cancelled", RT_REASON_CLIENT_CANCELLED, NULL, NULL);
    turn_ended(s, "cancelled");
    return true;
}

void response_client_cancel(struct session *s, struct parley_view event,
                            const struct rt_client_event *e)
{
    struct parley_view id = e->u.response_id;
    struct response *r = id.len > 0 ? response_find(s, id) : s->sequencer.active;

    if (r != NULL) {
        r->cancelled = true;
        if (r->in_band)
            interruption_begin(s);
    } else if (id.len == 0 && !s->sequencer.start.is_running) {
        if (!cancel_waiting(s))
            say_fault(s, RT_ERROR_CANCEL_NOT_ACTIVE, NULL, e->event_id,
                      "Cancellation failed: no active response found.");
        return;
    }
    tell_view(s, event, 0);
}

/* ---- what the model says ---- */

/* The model began a response while another of the conversation had not ended. */
static void replace_active(struct session *s)
{
    struct response *old = s->sequencer.active;

    if (old == NULL)
        return;
    log_warn("the model began a response before the last one ended session=%s response=%s", s->id,
             old->id);
    if (old->shown) {
        json_t *object = json_pack("{s:s, s:s}", "object", "realtime.response", "id", old->id);
        say_ended(s, object, "failed", NULL, "replaced", "The model began another response.");
        json_decref(object);
    }
    turn_response_failed(s, old, "replaced", "The model began another response.");
    response_free(s, old);
}

static void assign_start(struct session *s, struct response *r)
{
    struct response_start *start = &s->sequencer.start;

    r->by = RESPONSE_BY_MODEL;
    if (!start->is_running)
        return;
    r->by = start->by;
    r->request = json_incref(start->request);
    start_clear(s);
}

/* A fresh response of the conversation takes the place of one that was not shown, or leaves it. */
static void inherit_unshown(struct session *s, struct response *r)
{
    if (s->sequencer.unshown == NULL)
        return;
    if (r->by == RESPONSE_BY_TOOLS)
        r->by = s->sequencer.unshown_by;
    else
        settle_unshown(s, "cancelled", RT_REASON_TURN_DETECTED, NULL, NULL);
}

void response_created(struct session *s, struct parley_view event)
{
    json_t *tree = json_parse(event, NULL);
    json_t *object = json_object_get(tree, "response");
    struct parley_view id = json_get_view(object, "id");
    const json_t *conversation = json_object_get(object, "conversation_id");

    if (id.len == 0 || response_find(s, id) != NULL) {
        log_warn("the model announced a response without a fresh id session=%s", s->id);
        s->counts.stale_events++;
        json_decref(tree);
        return;
    }
    bool in_band = conversation == NULL || !json_is_null(conversation);
    if (in_band)
        replace_active(s);
    struct response *r = response_add(s, id, in_band);
    if (r == NULL) {
        json_decref(tree);
        return;
    }
    r->object = json_incref(object);
    if (in_band) {
        assign_start(s, r);
        bool answers = r->by == RESPONSE_BY_TOOLS;
        s->tool_round = answers ? s->tool_round : 0;
        inherit_unshown(s, r);
        turn_response_created(s, r, answers);
        /* What is in the conversation now, it has seen. */
        s->sequencer.wants_answer = s->sequencer.wants_answer && s->calls_running > 0;
    } else {
        turn_response_created(s, r, false);
    }
    /* Without server tools nothing can stay unshown: tell at once. */
    if (!in_band || s->tool_count == 0 || s->agent->config->show_tools)
        response_show(s, r);
    json_decref(tree);
}

/* Leave the client out of what was hidden from it. */
static void hide_output(struct session *s, json_t *object)
{
    json_t *output = json_object_get(object, "output");

    for (size_t i = json_array_size(output); i-- > 0;) {
        const struct item *item =
            items_find_model(&s->items, json_get_view(json_array_get(output, i), "id"));
        if (item != NULL && item->hidden)
            (void)json_array_remove(output, i);
    }
}

/* Tokens of responses that were not shown are paid all the same. */
static void carry_usage(struct session *s, json_t *object)
{
    struct sequencer *q = &s->sequencer;
    struct rt_usage usage;
    struct buf text = {0};

    if (!q->has_unshown_usage || !rt_usage_read(json_object_get(object, "usage"), &usage))
        return;
    rt_usage_add(&usage, &q->unshown_usage);
    q->unshown_usage = (struct rt_usage){0};
    q->has_unshown_usage = false;
    rt_usage_write(&text, &usage);
    json_t *sum = json_parse(buf_view(&text), NULL);
    if (sum != NULL)
        json_object_set_new(object, "usage", sum);
    buf_done(&text);
}

/* Nothing of it was shown, and its answer is still to come. */
static void keep_unshown(struct session *s, struct response *r, const struct rt_response *read)
{
    struct sequencer *q = &s->sequencer;

    json_decref(q->unshown);
    q->unshown = TAKE(r->object);
    q->unshown_by = r->by;
    if (read->has_usage) {
        rt_usage_add(&q->unshown_usage, &read->usage);
        q->has_unshown_usage = true;
    }
}

static void say_done(struct session *s, struct response *r, json_t *tree)
{
    json_t *object = json_object_get(tree, "response");

    response_show(s, r);
    hide_output(s, object);
    if (r->in_band)
        carry_usage(s, object);
    json_write(&s->out, tree);
    say_out(s);
}

void response_done(struct session *s, struct parley_view event)
{
    json_t *tree = json_parse(event, NULL);
    json_t *object = json_object_get(tree, "response");
    struct response *r = response_find(s, json_get_view(object, "id"));
    struct rt_response read;

    if (r == NULL) {
        log_warn("the model ended a response that does not run session=%s", s->id);
        s->counts.stale_events++;
        json_decref(tree);
        return;
    }
    rt_response_read(object, &read);
    if (read.has_usage)
        rt_usage_add(&s->usage, &read.usage);
    bool completed = read.status == RT_RESPONSE_COMPLETED && !r->cancelled;
    if (!completed)
        tools_silence(s);
    bool goes_on = completed && r->in_band && r->server_calls > 0 && r->client_calls == 0;
    if (goes_on && !r->shown)
        keep_unshown(s, r, &read);
    else
        say_done(s, r, tree);
    journal_response(s, object, &read);
    turn_response_done(s, r, object, &read, !goes_on);
    tools_response_done(s, r);
    response_free(s, r);
    json_decref(tree);
    response_next(s);
}

bool response_refused(struct session *s, const struct pending *p, const json_t *error)
{
    const char *code = json_get_str(error, "code", "");
    bool is_busy = strcmp(code, "conversation_already_has_active_response") == 0;

    if (p->kind != PENDING_RESPONSE)
        return false;
    enum response_by by = s->sequencer.start.by;
    if (s->sequencer.start.is_running)
        start_clear(s);
    else if (s->sequencer.active != NULL) /* created by turn detection, and taken for ours */
        by = s->sequencer.active->by, s->sequencer.active->by = RESPONSE_BY_MODEL;
    if (is_busy && by != RESPONSE_BY_GREETING) {
        s->sequencer.wants_answer = true; /* tried again when the other one ends */
        return true;
    }
    if (by == RESPONSE_BY_GREETING && is_busy)
        return true; /* the user was faster: no greeting then */
    log_error("the model refused a response session=%s code=%s", s->id, code);
    settle_unshown(s, "failed", NULL, code[0] == '\0' ? "model_refused" : code,
                   json_get_str(error, "message", "The model refused to answer."));
    turn_ended(s, "failed");
    return true;
}

void response_client_refused(struct session *s, struct parley_view event_id,
                             struct parley_view code)
{
    struct response_start *start = &s->sequencer.start;

    if (!start->is_running || start->by != RESPONSE_BY_CLIENT)
        return;
    bool is_this = start->client_event_id != NULL && view_is(event_id, start->client_event_id);
    /* A client that names no event leaves only the code to go by. */
    if (is_this || (start->client_event_id == NULL && event_id.len == 0 &&
                    view_is(code, "conversation_already_has_active_response")))
        start_clear(s);
}

void response_interrupted(struct session *s)
{
    struct sequencer *q = &s->sequencer;

    if (!s->view.interrupt_response)
        return;
    if (q->active != NULL)
        q->active->cancelled = true;
    if (q->unshown == NULL && !q->wants_answer)
        return;
    /* The tools go on and their results are kept; the user's new turn gets the answer. */
    tools_silence(s);
    q->wants_answer = false;
    settle_unshown(s, "cancelled", RT_REASON_TURN_DETECTED, NULL, NULL);
    turn_ended(s, "interrupted");
}

void response_fail_all(struct session *s, const char *code, const char *message)
{
    struct sequencer *q = &s->sequencer;

    while (!list_empty(&q->responses)) {
        struct response *r = list_entry(q->responses.next, struct response, entry);
        json_t *object = r->object != NULL
                             ? json_incref(r->object)
                             : json_pack("{s:s, s:s}", "object", "realtime.response", "id", r->id);
        response_show(s, r);
        say_ended(s, object, "failed", NULL, code, message);
        json_decref(object);
        turn_response_failed(s, r, code, message);
        response_free(s, r);
    }
    settle_unshown(s, "failed", NULL, code, message);
    if (q->start.is_running && q->start.by == RESPONSE_BY_CLIENT)
        say_fault(s, RT_ERROR_SERVER, NULL, view_of(q->start.client_event_id),
                  "response.create: %.400s", message);
    start_clear(s);
}
