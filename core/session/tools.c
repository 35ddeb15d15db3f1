/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of server tools, beside the audio: started when their arguments are complete, in parallel,
 * each with exactly one result in the conversation. When the last call of a response has ended, the
 * sequencer is told that an answer is wanted. What the operator decided about a tool (host/
 * tool_policy.h) says what happens to a call that is made twice or interrupted.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

#define MAX_NAMES_TOLD 2000

/* ---- one call ---- */

/* The turn does not wait for it any more. */
static void let_go(struct call *c)
{
    if (c->holds)
        c->session->calls_running--;
    c->holds = false;
}

static void call_free(struct call *c)
{
    let_go(c);
    list_remove(&c->entry);
    loop_timer_stop(&c->wait);
    loop_timer_stop(&c->filler);
    turn_tool_gone(c);
    free(c->call_id);
    free(c->name);
    free(c->item_id);
    json_decref(c->arguments);
    json_decref(c->parsed);
    json_decref(c->request);
    free(c);
}

static struct call *call_create(struct session *s, struct response *r, const json_t *item,
                                const struct session_tool *tool)
{
    struct call *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->session = s;
    c->tool = tool;
    if (tool != NULL)
        c->policy = settings_policy(s, tool);
    c->state = CALL_NOTING;
    c->call_id = view_dup(json_get_view(item, "call_id"));
    c->name = view_dup(json_get_view(item, "name"));
    c->item_id = view_dup(json_get_view(item, "id"));
    c->response = r->number;
    c->arguments = json_incref(json_object_get(item, "arguments"));
    c->parsed = json_parse(json_view(c->arguments), NULL);
    c->request = json_incref(r->request);
    c->inputs = s->tooling.inputs;
    c->start_us = clock_now_us();
    list_append(&s->calls, &c->entry);
    if (c->call_id != NULL && c->name != NULL && c->item_id != NULL)
        return c;
    call_free(c);
    return NULL;
}

static bool is_same_call(const struct call *c, const char *name, const json_t *parsed)
{
    return strcmp(c->name, name) == 0 &&
           (c->parsed == parsed || (parsed != NULL && json_equal(c->parsed, parsed)));
}

/* ---- calls that are not to be made again ---- */

static void forget(struct remembered_call *m)
{
    free(m->name);
    free(m->output);
    json_decref(m->parsed);
    *m = (struct remembered_call){0};
}

static void forget_all(struct session *s)
{
    for (size_t i = 0; i < CALLS_REMEMBERED; i++)
        forget(&s->tooling.remembered[i]);
}

/* The model may not have seen that it was called, and call once more; is_open: it is known when its
 * response ends. */
static void remember(struct session *s, const struct call *c, struct parley_view output,
                     bool is_open)
{
    struct remembered_call *m = &s->tooling.remembered[s->tooling.next_remembered];

    forget(m);
    s->tooling.next_remembered = (s->tooling.next_remembered + 1) % CALLS_REMEMBERED;
    m->name = strdup(c->name);
    m->output = view_dup(output);
    m->parsed = json_incref(c->parsed);
    m->inputs = c->inputs;
    m->response = is_open ? c->response : 0;
    if (m->name == NULL || m->output == NULL)
        forget(m);
}

/* Its response has ended: did the model see what it had called? */
static void settle_memory(struct session *s, unsigned response, bool has_seen)
{
    for (size_t i = 0; i < CALLS_REMEMBERED; i++) {
        struct remembered_call *m = &s->tooling.remembered[i];
        if (m->response == 0 || (response != 0 && m->response != response))
            continue;
        m->response = 0;
        if (has_seen)
            forget(m);
    }
}

static const struct remembered_call *recall(const struct session *s, const struct call *c)
{
    for (size_t i = 0; i < CALLS_REMEMBERED; i++) {
        const struct remembered_call *m = &s->tooling.remembered[i];
        if (m->name != NULL && m->response == 0 && m->inputs == s->tooling.inputs &&
            is_same_call(c, m->name, m->parsed))
            return m;
    }
    return NULL;
}

void tools_new_input(struct session *s)
{
    s->tooling.inputs++;
}

/* ---- the end of a call ---- */

static bool response_still_running(const struct session *s, const struct call *c)
{
    return s->sequencer.active != NULL && s->sequencer.active->number == c->response;
}

/* Calls of the same response that its answer has to wait for. */
static bool others_run(const struct session *s, const struct call *c)
{
    struct list *at;

    list_for_each(at, &s->calls)
    {
        const struct call *other = list_entry(at, struct call, entry);
        if (other != c && other->state != CALL_ASKING && !other->is_detached &&
            other->response == c->response)
            return true;
    }
    return false;
}

/* Is a response to follow, now that the model knows the result? */
static void follow_up(struct session *s, struct call *c)
{
    bool is_late = c->is_late || c->is_detached;
    bool is_last =
        c->is_detached || (!others_run(s, c) && (is_late || !response_still_running(s, c)));
    bool is_silent = c->is_silent && !c->is_detached;
    json_t *request = json_incref(c->request);

    call_free(c);
    if (is_last && is_late && !is_silent)
        quiet_late_result(s);
    else if (is_last && !is_silent)
        response_wants_answer(s, request);
    if (is_last)
        response_next(s);
    json_decref(request);
}

/* What is truly known of a call that was stopped. */
static void write_stopped(const struct call *c, struct buf *text)
{
    buf_printf(text, "The call was cancelled before it finished: %s. ", c->stopped);
    if (c->state != CALL_RUNNING)
        buf_append_str(text, "It had not begun.");
    else if (c->policy.side_effects)
        buf_append_str(text, "Whether it took effect is not known; check before calling it again.");
    else
        buf_append_str(text, "It changed nothing; call it again if its result is still wanted.");
}

/* The one result of a call; the call is gone after it. */
static void end_call(struct call *c, const struct tools_result *result)
{
    struct session *s = c->session;
    struct buf words = {0};
    struct tools_result told = *result;

    if (c->stopped != NULL && result->status == PARLEY_E_CANCELLED) {
        write_stopped(c, &words);
        told.output = words.failed ? result->output : buf_view(&words);
    }
    c->run = NULL;
    let_go(c);
    turn_tool_ended(s, c, &told);
    journal_call(s, c, &told);
    bool is_open = response_still_running(s, c) && !c->is_refused;
    if (c->is_refused || (c->policy.side_effects && (c->is_orphan || is_open)))
        remember(s, c, told.output, is_open);
    if (s->phase != SESSION_OPEN) {
        call_free(c);
    } else {
        if (c->is_detached)
            result_tell_late(s, c, &told);
        else
            result_tell(s, c, told.output, told.image);
        if ((told.flags & PARLEY_TOOL_RESULT_FAREWELL) != 0)
            farewell_begin(s);
        follow_up(s, c);
    }
    buf_done(&words);
}

static void on_end(void *ctx, const struct tools_result *result)
{
    end_call(ctx, result);
}

static void on_progress(void *ctx, double done, double total, struct parley_view message)
{
    struct call *c = ctx;

    turn_tool_progress(c->session, c, done, total, message);
}

static const struct tools_events call_events = {.on_progress = on_progress, .on_end = on_end};

/* It never ran. */
static void end_early(struct call *c, int status, const char *output)
{
    const struct tools_result result = {.status = status, .output = view_of(output)};

    end_call(c, &result);
}

static void answer_without_running(struct session *s, struct call *c, const char *output)
{
    result_tell(s, c, view_of(output), (struct parley_view){0});
    call_free(c);
}

/* ---- the start of a call ---- */

static void run(struct call *c)
{
    struct session *s = c->session;
    const struct agent_config *config = s->agent->config;
    char traceparent[TRACEPARENT_SIZE];
    const struct tools_call call = {
        .session_id = s->id,
        .agent = s->agent->name,
        .user = s->user,
        .call_id = c->call_id,
        .name = c->name,
        .arguments = json_view(c->arguments),
        .takes_any_arguments = !c->policy.check_arguments,
        .traceparent = turn_tool_traceparent(s, c, traceparent),
        .tracestate = turn_tracestate(s),
        .authorization = tokens_find(s, c->tool->wi->instance->name),
        .timeout_ms = config->tool_timeout_ms,
        .policy_timeout_ms = c->policy.timeout_ms,
        .max_output_bytes = c->policy.max_output_bytes > 0 ? c->policy.max_output_bytes
                                                           : config->max_tool_output_bytes,
    };

    loop_timer_stop(&c->wait);
    c->state = CALL_RUNNING;
    c->run = tools_call(c->tool->wi, &call, &call_events, c);
    if (c->run != NULL)
        filler_start(c);
    else
        end_early(c, PARLEY_E_NO_MEMORY, "The tool could not be started: no memory.");
}

static void on_note_limit(void *ctx)
{
    struct call *c = ctx;

    log_warn("the store is slow; a tool starts before its record is kept session=%s call_id=%s",
             c->session->id, c->call_id);
    run(c);
}

/* What changes something is in the store before it starts, so that after a crash it is known to
 * have been started. Only the tool waits for that. */
static void note_and_run(struct call *c)
{
    struct session *s = c->session;

    if (!c->is_late && !c->is_silent) {
        c->holds = true;
        s->calls_running++;
    }
    c->state = CALL_NOTING;
    turn_tool_started(s, c);
    struct item *i = items_find(&s->items, view_of(c->item_id));
    if (i != NULL)
        journal_item(s, i); /* who finds the record finds what was called, too */
    c->seq = c->policy.side_effects ? journal_call_started(s, c) : 0;
    if (c->seq == 0)
        run(c);
    else
        loop_timer_start(s->env->loop, &c->wait, CALLS_NOTE_LIMIT_MS, on_note_limit, c);
}

void tools_noted(struct session *s, int64_t seq)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &s->calls)
    {
        struct call *c = list_entry(at, struct call, entry);
        if (c->state == CALL_NOTING && c->seq != 0 && c->seq <= seq)
            run(c);
    }
}

void tools_approved(struct call *c)
{
    note_and_run(c);
}

void tools_refused(struct call *c, int status, const char *output)
{
    c->is_refused = true;
    turn_tool_started(c->session, c);
    end_early(c, status, output);
}

/* ---- the same call again ---- */

static struct call *running_twin(const struct session *s, const struct call *c)
{
    struct list *at;

    list_for_each(at, &s->calls)
    {
        struct call *other = list_entry(at, struct call, entry);
        if (other != c && is_same_call(other, c->name, c->parsed))
            return other;
    }
    return NULL;
}

static void stop_call(struct call *c, const char *why)
{
    c->stopped = why;
    let_go(c);
    if (c->state == CALL_ASKING) {
        approval_settle(c);
        turn_tool_started(c->session, c); /* and ended at once */
    }
    if (c->run != NULL)
        tools_cancel(c->run);
    else
        end_early(c, PARLEY_E_CANCELLED, "The call was cancelled.");
}

/* False: it was answered, and is gone. */
static bool may_begin(struct session *s, struct call *c)
{
    const struct remembered_call *before = recall(s, c);
    struct call *twin = running_twin(s, c);

    if (before != NULL) {
        answer_without_running(s, c, before->output);
        return false;
    }
    bool is_retry = twin != NULL && twin->is_orphan && c->policy.side_effects;
    if (twin == NULL || (c->policy.on_duplicate == TOOL_DUPLICATE_ALLOW && !is_retry))
        return true;
    if (c->policy.on_duplicate == TOOL_DUPLICATE_REPLACE) {
        twin->is_silent = true;
        stop_call(twin, "the same call was made again and replaces it");
        return true;
    }
    answer_without_running(s, c,
                           twin->state == CALL_ASKING
                               ? "The same call waits for the user's approval already; this one "
                                 "was not started."
                               : "The same call with the same arguments still runs; this one was "
                                 "not started. Its result follows.");
    return false;
}

static size_t open_calls(const struct session *s)
{
    size_t count = 0;
    struct list *at;

    list_for_each(at, &s->calls) count++;
    return count;
}

/* Nobody is asked to approve what cannot run. */
static bool can_run(struct call *c)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct tools_call call = {.name = c->name,
                                    .arguments = json_view(c->arguments),
                                    .takes_any_arguments = !c->policy.check_arguments};
    int r = tools_check_call(c->tool->wi, &call, &err);

    if (r == PARLEY_OK)
        return true;
    turn_tool_started(c->session, c);
    end_early(c, r, err.message);
    return false;
}

/* Models make names up. Those that there are help with the next try. */
static void answer_unknown(struct session *s, struct call *c)
{
    struct buf text = {0};

    log_warn("the model called a function that there is not session=%s function=%.64s", s->id,
             c->name);
    buf_printf(&text, "There is no tool %.64s. The tools are ", c->name);
    for (size_t i = 0; i < s->tool_count && text.len < MAX_NAMES_TOLD; i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : ", ", s->tools[i].name);
    buf_append_str(&text, text.len < MAX_NAMES_TOLD ? "." : " and others.");
    answer_without_running(s, c, text.data == NULL ? "There is no such tool." : text.data);
    buf_done(&text);
}

static void begin(struct session *s, struct response *r, struct call *c, int64_t place)
{
    if (s->ran.count >= SESSION_MAX_CALLS) {
        answer_without_running(s, c, "This conversation has used up its tool calls.");
        return;
    }
    if (s->tool_round > (size_t)s->agent->config->max_tool_rounds || r->by == RESPONSE_BY_FILLER) {
        /* It was told to speak and calls again: no further answer is asked for. */
        answer_without_running(s, c, "No more tools can be called before the next question.");
        return;
    }
    r->server_calls++;
    if (c->tool == NULL)
        answer_unknown(s, c);
    else if (open_calls(s) > (size_t)s->agent->config->max_parallel_tools)
        answer_without_running(s, c, "Too many tools run at once; ask again when some have ended.");
    else if (!may_begin(s, c))
        return;
    else if (c->policy.approval != TOOL_APPROVAL_ALWAYS)
        note_and_run(c);
    else if (can_run(c))
        approval_ask(c, r, place);
}

void tools_start(struct session *s, struct response *r, const json_t *item, int64_t place)
{
    static char started[] = "started";
    struct parley_view call_id = json_get_view(item, "call_id");
    const struct session_tool *tool = settings_tool(s, json_get_view(item, "name"));

    if (call_id.len == 0)
        return;
    if (map_get(&s->ran, call_id) != NULL) {
        log_warn("the model repeated a call; it is not run again session=%s call_id=%.*s", s->id,
                 (int)call_id.len, call_id.data);
        return;
    }
    struct call *c = call_create(s, r, item, tool);
    if (c == NULL) {
        log_error("no memory for a tool call session=%s", s->id);
        return;
    }
    if (s->ran.count < SESSION_MAX_CALLS && !map_set(&s->ran, call_id, started)) {
        answer_without_running(s, c, "The tool could not be started: no memory.");
        return;
    }
    begin(s, r, c, place);
}

/* ---- the end of the turn ---- */

void tools_response_done(struct session *s, struct response *r, bool completed)
{
    struct list *at;

    bool is_silent = r->cancelled || !completed || r->client_calls > 0; /* then others ask for it */
    bool runs = false;
    list_for_each(at, &s->calls)
    {
        struct call *c = list_entry(at, struct call, entry);
        if (c->response != r->number)
            continue;
        c->is_orphan = c->is_orphan || !completed;
        if (c->is_detached || c->state == CALL_ASKING)
            continue;
        c->is_silent = c->is_silent || (is_silent && !c->is_late);
        runs = true; /* the last one to end asks for the answer */
    }
    settle_memory(s, r->number, completed);
    if (r->server_calls > r->asked_approvals && !runs && !is_silent)
        response_wants_answer(s, r->request);
}

void tools_model_lost(struct session *s)
{
    struct list *at;

    list_for_each(at, &s->calls)
    {
        list_entry(at, struct call, entry)->is_orphan = true;
    }
    settle_memory(s, 0, false);
}

bool tools_is_server_call(const struct session *s, struct parley_view call_id)
{
    return map_get(&s->ran, call_id) != NULL;
}

static void detach(struct session *s, struct call *c)
{
    struct buf text = {0};

    buf_printf(&text,
               "The tool %s goes on in the background. Its result is told in a later message; do "
               "not call it again for the same.",
               c->name);
    result_tell(s, c, buf_view(&text), (struct parley_view){0});
    buf_done(&text);
    c->is_detached = true;
    let_go(c);
}

static void interrupt_call(struct session *s, struct call *c, enum call_interruption by)
{
    bool is_spoken = by == CALLS_SPOKEN_INTO;

    loop_timer_stop(&c->filler);
    if (c->is_detached || c->stopped != NULL)
        return;
    if (c->state == CALL_ASKING)
        return; /* what was asked of a person is not taken back */
    if (c->policy.on_interrupt == TOOL_INTERRUPT_CANCEL) {
        c->is_silent = true;
        stop_call(c, is_spoken ? "the user began to speak" : "the user cancelled");
    } else if (c->policy.on_interrupt == TOOL_INTERRUPT_DETACH) {
        detach(s, c);
    } else {
        /* Clients cancel when the user speaks, too. */
        c->is_silent = c->is_silent || (!is_spoken && !c->is_late);
        c->is_late = c->is_late || is_spoken;
        let_go(c);
    }
}

void tools_interrupt(struct session *s, enum call_interruption by)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &s->calls)
    {
        interrupt_call(s, list_entry(at, struct call, entry), by);
    }
}

static bool is_first_of_instance(const struct session *s, size_t tool)
{
    for (size_t i = 0; i < tool; i++) {
        if (s->tools[i].wi == s->tools[tool].wi)
            return false;
    }
    return true;
}

void tools_stop(struct session *s)
{
    while (!list_empty(&s->calls)) {
        struct call *c = list_entry(s->calls.next, struct call, entry);
        const struct tools_result gone = {.status = PARLEY_E_CANCELLED,
                                          .output = VIEW("The conversation ended first.")};
        c->run = tools_abandon(c->run, true);
        if (c->state != CALL_ASKING)
            turn_tool_ended(s, c, &gone);
        journal_call(s, c, &gone);
        call_free(c);
    }
    forget_all(s);
    quiet_stop(s);
    for (size_t i = 0; i < s->tool_count; i++) {
        if (is_first_of_instance(s, i))
            tools_session_closed(s->tools[i].wi, s->id);
    }
}
