/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of server tools, beside the audio: started when their arguments are complete, in parallel,
 * each with exactly one result in the conversation. When the last call of a response has ended, the
 * sequencer is told that an answer is wanted.
 */
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

static void call_free(struct call *c)
{
    list_remove(&c->entry);
    turn_tool_gone(c);
    free(c->call_id);
    free(c->name);
    free(c->item_id);
    free(c->response_id);
    json_decref(c->arguments);
    json_decref(c->request);
    free(c);
}

/* The result as an item of the conversation, hidden like the call. */
static void tell_result(struct session *s, const struct call *c, struct parley_view output)
{
    char item_id[ID_SIZE];
    struct item *call = items_find_model(&s->items, view_of(c->item_id));
    const struct pending *p = pending_add(&s->pending, PENDING_TOOL_OUTPUT, VIEW(""), NULL);

    id_make(item_id, "item_");
    struct item *i = items_add(&s->items, view_of(item_id), VIEW(""), call);
    if (i != NULL)
        i->hidden = call == NULL ? settings_hides_calls(s) : call->hidden;
    rt_encode_function_output(&s->out, view_of(p->id), view_of(item_id), view_of(c->call_id),
                              output);
    tell_out(s);
}

static bool response_still_running(const struct session *s, const struct call *c)
{
    return s->sequencer.active != NULL && strcmp(s->sequencer.active->id, c->response_id) == 0;
}

/* Calls of the same response that have not ended. */
static bool others_run(const struct session *s, const struct call *c)
{
    struct list *at;

    list_for_each(at, &s->calls)
    {
        const struct call *other = list_entry(at, struct call, entry);
        if (other != c && other->run != NULL && strcmp(other->response_id, c->response_id) == 0)
            return true;
    }
    return false;
}

static void on_end(void *ctx, const struct tools_result *result)
{
    struct call *c = ctx;
    struct session *s = c->session;

    c->run = NULL;
    s->calls_running--;
    turn_tool_ended(s, c, result);
    journal_call(s, c, result);
    if (s->phase != SESSION_OPEN) {
        call_free(c);
        return;
    }
    tell_result(s, c, result->output);
    bool over = !others_run(s, c) && !response_still_running(s, c);
    bool is_silent = c->is_silent;
    json_t *request = json_incref(c->request);
    call_free(c);
    if (over && !is_silent)
        response_wants_answer(s, request);
    else if (over)
        response_next(s);
    json_decref(request);
}

static const struct tools_events call_events = {.on_end = on_end};

static struct call *call_create(struct session *s, struct response *r, const json_t *item)
{
    struct call *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->session = s;
    c->call_id = view_dup(json_get_view(item, "call_id"));
    c->name = view_dup(json_get_view(item, "name"));
    c->item_id = view_dup(json_get_view(item, "id"));
    c->response_id = strdup(r->id);
    c->arguments = json_incref(json_object_get(item, "arguments"));
    c->request = json_incref(r->request);
    c->start_us = clock_now_us();
    list_append(&s->calls, &c->entry);
    if (c->call_id != NULL && c->name != NULL && c->item_id != NULL && c->response_id != NULL)
        return c;
    call_free(c);
    return NULL;
}

static void answer_without_running(struct session *s, struct response *r, const json_t *item,
                                   const char *output)
{
    struct call *c = call_create(s, r, item);

    if (c == NULL)
        return;
    tell_result(s, c, view_of(output));
    call_free(c);
}

static void run(struct session *s, struct response *r, const json_t *item,
                const struct session_tool *tool)
{
    struct call *c = call_create(s, r, item);

    if (c == NULL) {
        log_error("no memory for a tool call session=%s", s->id);
        return;
    }
    const struct tool_policy policy = settings_policy(s, tool);
    const struct tools_call call = {
        .session_id = s->id,
        .agent = s->agent->name,
        .user = s->user,
        .call_id = c->call_id,
        .name = c->name,
        .arguments = json_view(c->arguments),
        .traceparent = turn_traceparent(s),
        .timeout_ms = s->agent->config->tool_timeout_ms,
        .policy_timeout_ms = policy.timeout_ms,
        .max_output_bytes = policy.max_output_bytes > 0 ? policy.max_output_bytes
                                                        : s->agent->config->max_tool_output_bytes,
    };
    turn_tool_started(s, c);
    c->run = tools_call(tool->wi, &call, &call_events, c);
    if (c->run != NULL) {
        s->calls_running++;
        return;
    }
    tell_result(s, c, VIEW("The tool could not be started: no memory."));
    call_free(c);
}

void tools_start(struct session *s, struct response *r, const json_t *item)
{
    static char started[] = "started";
    struct parley_view call_id = json_get_view(item, "call_id");
    const struct session_tool *tool = settings_tool(s, json_get_view(item, "name"));

    if (tool == NULL || call_id.len == 0)
        return;
    if (map_get(&s->ran, call_id) != NULL) {
        log_warn("the model repeated a call; it is not run again session=%s call_id=%.*s", s->id,
                 (int)call_id.len, call_id.data);
        return;
    }
    if (s->ran.count >= SESSION_MAX_CALLS || !map_set(&s->ran, call_id, started)) {
        answer_without_running(s, r, item, "This conversation has used up its tool calls.");
        return;
    }
    if (s->tool_round > (size_t)s->agent->config->max_tool_rounds) {
        /* It was told to speak and calls again: no further answer is asked for. */
        answer_without_running(s, r, item, "No more tools can be called before the next question.");
        return;
    }
    r->server_calls++;
    if (s->calls_running >= (size_t)s->agent->config->max_parallel_tools)
        answer_without_running(s, r, item,
                               "Too many tools run at once; ask again when some have ended.");
    else
        run(s, r, item, tool);
}

void tools_response_done(struct session *s, struct response *r)
{
    struct list *at;

    if (r->server_calls == 0)
        return;
    bool is_silent = r->cancelled || r->client_calls > 0; /* the client asks for the answer then */
    bool runs = false;
    list_for_each(at, &s->calls)
    {
        struct call *c = list_entry(at, struct call, entry);
        if (strcmp(c->response_id, r->id) != 0)
            continue;
        c->is_silent = c->is_silent || is_silent;
        runs = true; /* the last one to end asks for the answer */
    }
    if (!runs && !is_silent)
        response_wants_answer(s, r->request);
}

bool tools_is_server_call(const struct session *s, struct parley_view call_id)
{
    return map_get(&s->ran, call_id) != NULL;
}

void tools_silence(struct session *s)
{
    struct list *at;

    list_for_each(at, &s->calls)
    {
        list_entry(at, struct call, entry)->is_silent = true;
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
        if (c->run != NULL) {
            c->run = tools_abandon(c->run, true);
            turn_tool_ended(s, c, &gone);
            journal_call(s, c, &gone);
        }
        call_free(c);
    }
    s->calls_running = 0;
    for (size_t i = 0; i < s->tool_count; i++) {
        if (is_first_of_instance(s, i))
            tools_session_closed(s->tools[i].wi, s->id);
    }
}
