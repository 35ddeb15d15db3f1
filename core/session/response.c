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
 * Every response.create goes to the model with an id of parley's, so that its refusal is known for
 * what it is, whatever the client called it.
 *
 * A response that holds nothing but calls of server tools is not shown to the client; the one that
 * follows with the results is, in its place. So a client sees one response for one request.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/shown.h"
#include "session/state.h"
#include "telemetry/names.h"

#include <stdlib.h>

#define MOST_REFUSALS 3 /* of an answer, by a model that is busy with nothing it told of */

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
    s->sequencer.count--;
    if (!r->in_band)
        s->sequencer.out_of_band--;
    turn_response_gone(r);
    json_decref(r->object);
    json_decref(r->request);
    json_decref(r->approvals);
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
    r->number = ++s->sequencer.begun;
    r->in_band = in_band;
    r->created_us = clock_now_us();
    list_append(&s->sequencer.responses, &r->entry);
    s->sequencer.count++;
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

static void wish_clear(struct session *s)
{
    struct response_wish *wish = &s->sequencer.wish;

    json_decref(wish->request);
    free(wish->client_event_id);
    *wish = (struct response_wish){0};
}

static void again_clear(struct session *s)
{
    struct response_again *again = &s->sequencer.again;

    json_decref(again->request);
    free(again->client_event_id);
    *again = (struct response_again){0};
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
    wish_clear(s);
    again_clear(s);
    json_decref(q->answer_request);
    json_decref(q->unshown);
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
    const struct outcome silent =
        outcome_failed("model_silent", "The model did not answer in time.");

    log_warn("the model did not begin a response session=%s after_ms=%d", s->id,
             SESSION_START_LIMIT_MS);
    if (s->sequencer.start.by == RESPONSE_BY_CLIENT)
        say_fault(s, RT_ERROR_SERVER, NULL, event_id,
                  "The model did not begin a response within %d s (response.create); try again.",
                  SESSION_START_LIMIT_MS / 1000);
    enum response_by by = s->sequencer.start.by;
    start_clear(s);
    if (by != RESPONSE_BY_FILLER)
        shown_settle(s, &silent);
    if (by != RESPONSE_BY_FILLER && by != RESPONSE_BY_GREETING)
        turn_failed(s, silent.code, silent.message);
    response_next(s);
}

/* Ask the model for a response of the conversation. */
static void begin_start(struct session *s, enum response_by by, json_t *request,
                        struct parley_view raw_event_id)
{
    struct response_start *start = &s->sequencer.start;
    const struct pending *p = pending_add(
        &s->pending, by == RESPONSE_BY_CLIENT ? PENDING_CLIENT_CREATE : PENDING_RESPONSE,
        raw_event_id, NULL);

    start_clear(s);
    start->is_running = true;
    start->by = by;
    start->asked = p->number;
    start->request = json_incref(request);
    start->client_event_id = raw_event_id.len == 0 ? NULL : view_dup(raw_event_id);
    loop_timer_start(s->env->loop, &start->limit, SESSION_START_LIMIT_MS, on_start_limit, s);
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
    s->quiet.has_late_result = false;
    json_decref(s->sequencer.answer_request);
    s->sequencer.answer_request = NULL;
    s->tool_round++;
    if (request != NULL)
        begin_start(s, RESPONSE_BY_TOOLS, request, VIEW(""));
    json_decref(request);
}

static void start_wish(struct session *s)
{
    struct response_wish wish = s->sequencer.wish;

    s->sequencer.wish = (struct response_wish){0};
    s->sequencer.wants_answer = false; /* this response sees the results, too */
    begin_start(s, RESPONSE_BY_CLIENT, wish.request, view_of(wish.client_event_id));
    json_decref(wish.request);
    free(wish.client_event_id);
}

static void start_again(struct session *s)
{
    struct response_again again = s->sequencer.again;

    s->sequencer.again = (struct response_again){0};
    begin_start(s, again.by, again.request, view_of(again.client_event_id));
    json_decref(again.request);
    free(again.client_event_id);
}

void response_next(struct session *s)
{
    if (s->phase != SESSION_OPEN || s->model == NULL || !is_idle(s))
        return;
    if (s->sequencer.again.is_waiting)
        start_again(s);
    else if (s->sequencer.wish.is_waiting && s->calls_running == 0)
        start_wish(s);
    else if (s->sequencer.wants_answer && (quiet_is(s) || !s->view.interrupt_response))
        start_answer(s);
    else if (quiet_wants_answer(s))
        start_answer(s);
    session_turn_over(s);
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
        begin_start(s, RESPONSE_BY_GREETING, request, VIEW(""));
    json_decref(request);
}

/* The words as they are, for a model that can be told (parley's own cascade), and the wish for them
 * for one that cannot. Clients see what it is by the metadata. */
static json_t *filler_request(const char *text, const json_t *request)
{
    static const char *const as_asked[] = {"output_modalities", "audio"};
    struct buf words = {0};

    buf_printf(&words,
               "A tool that the user waits for takes a little longer. Say exactly this to the "
               "user, in these words, and nothing else: %s",
               text);
    json_t *filler =
        json_pack("{s:o, s:s, s:{s:s}}", "instructions", json_from_view(buf_view(&words)),
                  "tool_choice", "none", "metadata", RT_FILLER_METADATA, text);
    buf_done(&words);
    for (size_t i = 0; filler != NULL && i < ARRAY_LEN(as_asked); i++) {
        json_t *value = json_object_get(request, as_asked[i]);
        if (value != NULL)
            json_object_set(filler, as_asked[i], value);
    }
    return filler;
}

bool response_fill(struct session *s, const char *text, const json_t *request)
{
    const struct sequencer *q = &s->sequencer;

    if (!is_idle(s) || q->wants_answer)
        return false;
    json_t *filler = filler_request(text, request);
    if (filler != NULL)
        begin_start(s, RESPONSE_BY_FILLER, filler, VIEW(""));
    json_decref(filler);
    return filler != NULL;
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
    return q->wish.is_waiting ||
           (q->unshown != NULL && q->unshown_by == RESPONSE_BY_CLIENT && !q->has_filled);
}

static void refuse_second(struct session *s, struct parley_view raw_event_id)
{
    const struct response *r = s->sequencer.active;
    char room[NAMES_ROOM];
    char id[NAMES_ROOM];

    view_copy(id, sizeof(id), r == NULL ? VIEW("") : names_for_client(s, view_of(r->id), room));
    say_fault(s, RT_ERROR_ACTIVE_RESPONSE, NULL, raw_event_id,
              "Conversation already has an active response in progress: %s. Wait until the "
              "response is finished before creating a new one (response.create).",
              r != NULL && r->shown ? id : "one that was just asked for");
}

static void create_out_of_band(struct session *s, const struct rt_client_event *e,
                               const json_t *request)
{
    if (s->sequencer.out_of_band >= SESSION_OUT_OF_BAND) {
        say_fault(s, RT_ERROR_RATE_LIMIT, "response.conversation", e->event_id,
                  "%d responses outside the conversation run already (response.create); wait for "
                  "one to end.",
                  SESSION_OUT_OF_BAND);
        return;
    }
    const struct pending *p = pending_add(&s->pending, PENDING_CLIENT_ASIDE, e->event_id, NULL);
    rt_encode_response_create(&s->out, view_of(p->id), request);
    tell_out(s);
}

static void create_in_band(struct session *s, const struct rt_client_event *e, json_t *request)
{
    struct response_wish *wish = &s->sequencer.wish;

    if (client_knows_of_one(s)) {
        refuse_second(s, e->event_id);
    } else if (!is_idle(s) || s->sequencer.wants_answer || s->calls_running > 0) {
        wish->is_waiting = true;
        wish->request = json_incref(request);
        wish->client_event_id = e->event_id.len == 0 ? NULL : view_dup(e->event_id);
    } else {
        turn_requested(s);
        begin_start(s, RESPONSE_BY_CLIENT, request, e->event_id);
    }
}

void response_client_create(struct session *s, const struct rt_client_event *e)
{
    json_t *request = NULL;

    if (!request_of_client(s, e, &request))
        return;
    if (e->u.response_create.out_of_band)
        create_out_of_band(s, e, request);
    else
        create_in_band(s, e, request);
    json_decref(request);
}

/* What was asked for and never began: told as a response that ended at once. */
static void end_wish(struct session *s, const struct outcome *o)
{
    struct response_wish *wish = &s->sequencer.wish;
    char id[ID_SIZE];

    id_make(id, "resp_");
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:n, s:[], s:O?, s:n}", "object", "realtime.response", "id", id,
                  "status", "in_progress", "status_details", "output", "metadata",
                  json_object_get(wish->request, "metadata"), "usage");
    wish_clear(s);
    if (object == NULL)
        return;
    shown_say(s, RT_RESPONSE_CREATED, object);
    shown_end(s, object, false, o);
    json_decref(object);
}

/* Nothing runs at the model, but the turn may: its tools, and what waits for them. False: the
 * client has asked for none of it, and is told of none. */
static bool cancel_waiting(struct session *s)
{
    struct sequencer *q = &s->sequencer;
    bool is_told = q->unshown != NULL || q->wish.is_waiting;

    if (!is_told && !q->wants_answer && s->calls_running == 0)
        return false;
    tools_interrupt(s, CALLS_CLIENT_CANCELS);
    q->wants_answer = false;
    if (q->unshown != NULL)
        q->unshown_by = RESPONSE_BY_CLIENT; /* it was asked about: it is told */
    shown_settle(s, &outcome_cancelled);
    if (q->wish.is_waiting)
        end_wish(s, &outcome_cancelled);
    turn_ended(s, "cancelled");
    return is_told;
}

void response_client_cancel(struct session *s, struct parley_view event,
                            const struct rt_client_event *e)
{
    struct parley_view id = e->u.response_id;
    struct response *r =
        id.len > 0 ? response_find(s, names_for_model(s, id)) : s->sequencer.active;

    if (r != NULL) {
        r->cancelled = true;
        if (r->in_band)
            interruption_begin(s);
        if (r->in_band && r->by == RESPONSE_BY_FILLER)
            (void)cancel_waiting(s); /* it is the turn that is meant */
        else if (r->in_band)
            tools_interrupt(s, CALLS_CLIENT_CANCELS);
    } else if (id.len == 0 && !s->sequencer.start.is_running) {
        if (!cancel_waiting(s))
            say_fault(s, RT_ERROR_CANCEL_NOT_ACTIVE, NULL, e->event_id,
                      "Cancellation failed: no active response found.");
        return;
    }
    if (r == NULL || id.len == 0 || s->tag_len == 0) {
        tell_view(s, event, 0);
        return;
    }
    const struct pending *p = pending_add(&s->pending, PENDING_CLIENT_EVENT, e->event_id, NULL);
    rt_encode_response_cancel(&s->out, view_of(p->id), view_of(r->id));
    tell_out(s);
}

/* ---- what the model says ---- */

/* The model began a response while another of the conversation had not ended. */
static void replace_active(struct session *s)
{
    struct response *old = s->sequencer.active;
    const struct outcome replaced = outcome_failed("replaced", "The model began another response.");

    if (old == NULL)
        return;
    log_warn("the model began a response before the last one ended session=%s response=%s", s->id,
             old->id);
    if (old->shown) {
        json_t *object = shown_bare(s, old);
        shown_end(s, object, true, &replaced);
        json_decref(object);
    }
    turn_response_failed(s, old, replaced.code, replaced.message);
    response_free(s, old);
}

static void assign_start(struct session *s, struct response *r)
{
    struct response_start *start = &s->sequencer.start;

    r->by = RESPONSE_BY_MODEL;
    if (!start->is_running)
        return;
    r->by = start->by;
    r->asked = start->asked;
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
    else if (s->sequencer.has_filled)
        shown_drop(s); /* the filler was shown for it, and this one for its answer */
    else
        shown_settle(s, &outcome_interrupted);
}

/* A response of the conversation has begun, other than a filler: it sees all that is in it. */
static void begin_answer(struct session *s, struct response *r)
{
    s->tool_round = r->by == RESPONSE_BY_TOOLS ? s->tool_round : 0;
    inherit_unshown(s, r);
    quiet_response_created(s);
    s->sequencer.wants_answer = s->sequencer.wants_answer && s->calls_running > 0;
}

static void begin_in_band(struct session *s, struct response *r)
{
    assign_start(s, r);
    bool goes_on = r->by == RESPONSE_BY_TOOLS || r->by == RESPONSE_BY_FILLER;
    s->sequencer.refusals = 0;
    if (r->by != RESPONSE_BY_FILLER)
        begin_answer(s, r);
    turn_response_created(s, r, goes_on);
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
    if (!in_band && s->sequencer.count >= SESSION_RESPONSES) {
        log_warn("the model began more responses than can run; one is left out session=%s", s->id);
        s->counts.stale_events++;
        json_decref(tree);
        return;
    }
    if (in_band)
        replace_active(s);
    struct response *r = response_add(s, id, in_band);
    if (r == NULL) {
        json_decref(tree);
        return;
    }
    names_of_response(s, object);
    r->object = json_incref(object);
    if (in_band) {
        begin_in_band(s, r);
    } else {
        pending_remove(pending_oldest(&s->pending, PENDING_CLIENT_ASIDE));
        turn_response_created(s, r, false);
    }
    /* Without server tools nothing can stay unshown: tell at once. */
    if (!in_band || !settings_hides_calls(s))
        response_show(s, r);
    json_decref(tree);
}

/* Models leave out the conversation.item.done of what they have told as response.output_item.done.
 */
static void journal_output(struct session *s, const struct response *r)
{
    struct list *at;

    list_for_each(at, &s->items.all)
    {
        struct item *i = list_entry(at, struct item, entry);
        if (!r->in_band || i->response != r->number || !i->is_output_done)
            continue;
        i->final = true;
        journal_item(s, i);
    }
}

/* A text model whose server is away, or a service that fails in mid answer, says so here alone. */
static void note_failure(struct session *s, const struct rt_response *read)
{
    const struct parley_view *code =
        read->error_code.len > 0 ? &read->error_code : &read->error_type;
    char name[64];

    if (read->status != RT_RESPONSE_FAILED)
        return;
    view_copy(name, sizeof(name), *code);
    log_event(LOG_LEVEL_WARN, NAME_EVENT_EXCEPTION,
              "an answer of the model failed session=%s model=\"%s\" code=%s message=\"%.*s\"",
              s->id, s->model_title, name,
              (int)(read->error_message.len < 500 ? read->error_message.len : 500),
              read->error_message.data == NULL ? "" : read->error_message.data);
    measure_model_error(s, name);
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
    names_stamp(s, tree);
    names_of_response(s, object);
    rt_response_read(object, &read);
    if (read.has_usage)
        rt_usage_add(&s->usage, &read.usage);
    note_failure(s, &read);
    bool completed = read.status == RT_RESPONSE_COMPLETED && !r->cancelled;
    bool goes_on = completed && r->in_band && r->server_calls > 0 && r->client_calls == 0;
    journal_output(s, r);
    if (goes_on && !r->shown)
        shown_keep(s, r, &read);
    else
        shown_done(s, r, tree);
    journal_response(s, r, object, &read);
    turn_response_done(s, r, object, &read, !goes_on && r->by != RESPONSE_BY_FILLER);
    tools_response_done(s, r, completed);
    response_free(s, r);
    json_decref(tree);
    response_next(s);
}

/* Whose response.create was refused, and with which request (owned by the caller, NULL for none).
 * False: what it began is over. */
static bool take_back(struct session *s, const struct pending *p, enum response_by *ret_by,
                      json_t **ret_request)
{
    struct sequencer *q = &s->sequencer;

    if (q->start.is_running && q->start.asked == p->number) {
        *ret_by = q->start.by;
        *ret_request = TAKE(q->start.request);
        start_clear(s);
        return true;
    }
    if (q->active == NULL || q->active->asked != p->number)
        return false;
    /* Turn detection created it, and it was taken for ours. */
    *ret_by = q->active->by;
    *ret_request = TAKE(q->active->request);
    q->active->by = RESPONSE_BY_MODEL;
    q->active->asked = 0;
    if (*ret_by == RESPONSE_BY_FILLER)
        begin_answer(s, q->active);
    return true;
}

/* The answer to tools was refused. A model that is busy is asked again when it is free. */
static void answer_refused(struct session *s, json_t *request, const json_t *error)
{
    struct sequencer *q = &s->sequencer;
    const char *code = json_get_str(error, "code", "");
    bool is_busy = strcmp(code, "conversation_already_has_active_response") == 0;

    if (is_busy && (q->active != NULL || ++q->refusals <= MOST_REFUSALS)) {
        s->tool_round -= s->tool_round > 0;
        response_wants_answer(s, request);
        return;
    }
    const struct outcome refused =
        outcome_failed(code[0] == '\0' ? "model_refused" : code,
                       json_get_str(error, "message", "The model refused to answer."));
    log_event(LOG_LEVEL_ERROR, NAME_EVENT_EXCEPTION,
              "the model refused a response session=%s code=%s message=\"%s\"", s->id, code,
              json_get_str(error, "message", ""));
    shown_settle(s, &refused);
    turn_failed(s, refused.code, refused.message);
}

/* A request of the client's was refused, which has been told. One that came second is no failure:
 * the other response is the turn's. */
static void request_refused(struct session *s, const json_t *error)
{
    const char *code = json_get_str(error, "code", "");

    if (s->sequencer.active == NULL && s->turn.response_us == 0 &&
        strcmp(code, "conversation_already_has_active_response") != 0)
        turn_failed(s, code, json_get_str(error, "message", ""));
}

void response_refused(struct session *s, const struct pending *p, const json_t *error)
{
    enum response_by by;
    json_t *request = NULL;

    if (!take_back(s, p, &by, &request))
        return;
    if (p->kind == PENDING_RESPONSE && by == RESPONSE_BY_GREETING)
        log_warn("the model refused to greet session=%s code=%s", s->id,
                 json_get_str(error, "code", ""));
    else if (p->kind == PENDING_RESPONSE && by == RESPONSE_BY_FILLER)
        log_warn("the model refused to fill the wait for a tool session=%s code=%s", s->id,
                 json_get_str(error, "code", ""));
    else if (p->kind == PENDING_RESPONSE)
        answer_refused(s, request, error);
    else
        request_refused(s, error);
    json_decref(request);
}

void response_interrupted(struct session *s)
{
    struct sequencer *q = &s->sequencer;

    if (!s->view.interrupt_response)
        return;
    if (q->active != NULL)
        q->active->cancelled = true;
    tools_interrupt(s, CALLS_SPOKEN_INTO);
    if (q->unshown == NULL && !q->wants_answer && !q->wish.is_waiting)
        return;
    /* Results that are there already are the user's new turn's to answer; or, when it leads to no
     * response, told after it. */
    s->quiet.has_late_result = s->quiet.has_late_result || q->wants_answer;
    q->wants_answer = false;
    shown_settle(s, &outcome_interrupted);
    if (q->wish.is_waiting)
        end_wish(s, &outcome_interrupted);
    turn_ended(s, "interrupted");
}

/* What was asked for and never began. */
static void fail_request(struct session *s, const char *client_event_id, const char *message)
{
    say_fault(s, RT_ERROR_SERVER, NULL, view_of(client_event_id), "response.create: %.400s",
              message);
}

void response_fail_all(struct session *s, const char *code, const char *message)
{
    struct sequencer *q = &s->sequencer;
    const struct outcome failed = outcome_failed(code, message);

    while (!list_empty(&q->responses)) {
        struct response *r = list_entry(q->responses.next, struct response, entry);
        shown_cut(s, r, &failed);
        tools_response_done(s, r, false);
        turn_response_failed(s, r, code, message);
        response_free(s, r);
    }
    shown_settle(s, &failed);
    if (q->start.is_running && q->start.by == RESPONSE_BY_CLIENT)
        fail_request(s, q->start.client_event_id, message);
    if (q->wish.is_waiting)
        fail_request(s, q->wish.client_event_id, message);
    start_clear(s);
    wish_clear(s);
    again_clear(s);
}

/* ---- a model that is lost while another takes its place ---- */

/* What was asked of the lost model, to be asked of the next. Takes the request. */
static void ask_again(struct session *s, enum response_by by, json_t *take_request,
                      const char *client_event_id)
{
    struct response_again *again = &s->sequencer.again;

    again_clear(s);
    again->is_waiting = true;
    again->by = by;
    again->request = take_request;
    again->client_event_id = client_event_id == NULL ? NULL : strdup(client_event_id);
}

/* Calls that it led to are answered; a greeting is spoken once; the rest is worth asking again. */
static bool is_asked_again(const struct response *r)
{
    bool was_heard = r->shown && r->first_output_us != 0;

    return r->in_band && !r->cancelled && r->server_calls == 0 && r->client_calls == 0 &&
           r->by != RESPONSE_BY_FILLER && !(r->by == RESPONSE_BY_GREETING && was_heard);
}

static void lose(struct session *s, struct response *r, const struct outcome *failed)
{
    bool again = is_asked_again(r);

    if (r->shown || !r->in_band || (r->cancelled && r->by == RESPONSE_BY_CLIENT))
        shown_cut(s, r, r->cancelled ? &outcome_interrupted : failed);
    else
        json_decref(cut_items(s, r)); /* the client has heard of none of it */
    turn_response_failed(s, r, failed->code, failed->message);
    if (again) {
        turn_asked_again(s, r);
        ask_again(s, r->by, TAKE(r->request), NULL);
    } else {
        tools_response_done(s, r, true); /* the next model is told of the calls */
    }
    response_free(s, r);
}

void response_lost(struct session *s, const char *code, const char *message)
{
    struct sequencer *q = &s->sequencer;
    const struct outcome failed = outcome_failed(code, message);

    tools_model_lost(s);
    while (!list_empty(&q->responses))
        lose(s, list_entry(q->responses.next, struct response, entry), &failed);
    if (q->start.is_running) {
        ask_again(s, q->start.by, TAKE(q->start.request), q->start.client_event_id);
        start_clear(s);
    }
}

json_t *response_shown_object(const struct session *s)
{
    const struct response *r = s->sequencer.active;
    json_t *object = r == NULL || !r->shown ? NULL : shown_bare(s, r);

    if (object != NULL) {
        json_object_set_new(object, "status", json_string("in_progress"));
        json_object_set_new(object, "output", json_array());
        json_object_set_new(object, "usage", json_null());
    }
    return object;
}
