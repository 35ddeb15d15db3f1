/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: sent, asked back, answered, cancelled; each ends exactly once. */
#include "client_state.h"

#include "catalog.h"
#include "fit.h"
#include "mirror.h"
#include "outcome.h"
#include "stateless.h"

#include <stdlib.h>
#include <string.h>

/* ---- ending calls ---- */

static void end_call(struct client *c, struct call *call, struct outcome *o)
{
    struct parley_tool_result result = {
        .size = sizeof(result),
        .status = o->status,
        .output = text_view(&o->output),
        .image = text_view(&o->image),
        .content = text_view(&o->content),
        .structured = text_view(&o->structured),
    };

    /* Without memory, or when the server said that it failed and no more. */
    if (result.status < 0 && result.output.len == 0)
        result.output = (struct parley_view)PARLEY_VIEW("The tool failed and did not say why.");
    c->tools->end(call->op, &result);
    calls_remove(&c->calls, call);
    outcome_done(o);
}

static void fail_call(struct client *c, struct call *call, int status)
{
    struct outcome o = {0};

    outcome_of_fault(&o, call->tool, status);
    end_call(c, call, &o);
}

/* Those that were sent may have had their effect, so they are not sent again. */
void calling_fail(struct client *c, bool also_waiting)
{
    for (struct call *call = c->calls.first, *next; call != NULL; call = next) {
        next = call->next;
        if (call->is_sent || also_waiting)
            fail_call(c, call, PARLEY_E_UNAVAILABLE);
    }
}

/* ---- sending ---- */

static void send_call(struct client *c, struct call *call)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    call->is_sent = true;
    const struct outgoing out = {
        .text = strdup(call->text),
        .request = call->request,
        .method = "tools/call",
        .name = call->name,
        .lines = call->lines,
        .line_count = call->line_count,
    };
    if (client_send(c, &out, &err) < 0) {
        LOG(c, WARN, "a call could not be sent: %s", err.message);
        fail_call(c, call, err.status);
    }
}

void calling_send_waiting(struct client *c)
{
    for (struct call *call = c->calls.first, *next; call != NULL; call = next) {
        next = call->next;
        if (!call->is_sent)
            send_call(c, call);
    }
}

/* ---- answers ---- */

/* The call once more, as another request, with what the server wants to know. */
static bool answer_back(struct client *c, struct call *call, const json_t *result)
{
    uint64_t id = c->last_request + 1;
    char *text = call->rounds < STATELESS_MAX_ROUNDS
                     ? stateless_again(call->text, id, result, c->config.accepts_defaults)
                     : NULL;

    if (text == NULL)
        return false;
    free(call->text);
    call->text = text;
    call->request = id;
    call->rounds++;
    c->last_request = id;
    send_call(c, call);
    return true;
}

/* A failed call may say why in any form. */
static bool fits_schema(const struct client *c, const struct call *call, const struct message *m)
{
    const json_t *structured = json_object_get(m->result, "structuredContent");
    char why[300];

    if (structured == NULL || json_is_true(json_object_get(m->result, "isError")) ||
        fit_check(call->output, structured, why, sizeof(why)))
        return true;
    LOG(c, WARN, "a result does not fit the tool's outputSchema: %s tool=%s", why, call->tool);
    return false;
}

void calling_answered(struct client *c, const struct message *m)
{
    struct call *call = calls_find(&c->calls, m->request);
    struct outcome o = {0};

    if (call == NULL || !call->is_sent)
        return; /* late, or a second one */
    enum stateless_result kind = STATELESS_COMPLETE;
    if (c->is_stateless && m->kind == MESSAGE_RESULT)
        kind = stateless_result_of(m->result);
    if (kind == STATELESS_ASKS && answer_back(c, call, m->result))
        return;
    if (kind != STATELESS_COMPLETE || !fits_schema(c, call, m))
        outcome_of_fault(&o, call->tool, PARLEY_E_PROTOCOL);
    else if (m->kind == MESSAGE_RESULT)
        outcome_of_result(&o, call->tool, m->result);
    else {
        LOG(c, WARN, "a call was answered with an error tool=%s code=%lld", call->tool,
            (long long)m->error_code);
        outcome_of_error(&o, call->tool, m);
    }
    end_call(c, call, &o);
}

void calling_progressed(struct client *c, const json_t *params)
{
    const json_t *token = json_object_get(params, "progressToken");
    const json_t *message = json_object_get(params, "message");
    struct call *call =
        json_is_integer(token) ? calls_find(&c->calls, (uint64_t)json_integer_value(token)) : NULL;

    if (call != NULL && call->is_sent)
        c->tools->progress(
            call->op, json_number_value(json_object_get(params, "progress")),
            json_number_value(json_object_get(params, "total")),
            (struct parley_view){json_is_string(message) ? json_string_value(message) : "",
                                 json_string_length(message)});
}

/* The call waits for the new session, in which it is sent once more. */
static void renew_for(struct client *c, struct call *call, const char *why)
{
    if (call->is_repeated) {
        fail_call(c, call, PARLEY_E_UNAVAILABLE);
        return;
    }
    call->is_repeated = true;
    call->is_sent = false;
    if (c->state != READY)
        return;
    LOG(c, INFO, "the MCP server has forgotten the session, a new one begins: %s", why);
    client_begin(c);
}

/* There is a new session already. */
static void repeat(struct client *c, struct call *call)
{
    call->is_repeated = true;
    call->is_sent = false;
    if (c->state == READY)
        send_call(c, call);
}

void calling_fault(struct client *c, struct call *call, int status, const char *why)
{
    if (status == PARLEY_E_GONE) {
        renew_for(c, call, why);
        return;
    }
    if (status == PARLEY_E_CONFLICT && !call->is_repeated) {
        repeat(c, call);
        return;
    }
    LOG(c, WARN, "a call failed: %s tool=%s", why, call->tool);
    fail_call(c, call, status);
    if (status == PARLEY_E_UNAVAILABLE && c->state == READY)
        client_fail(c, why);
}

/* ---- for the role ---- */

static json_t *call_params(const struct client *c, const struct parley_tool_call *call,
                           const char *name, uint64_t token)
{
    json_t *arguments = json_loadb(call->arguments.data, call->arguments.len, 0, NULL);
    json_t *params = json_pack("{s:s, s:o, s:{s:I}}", "name", name, "arguments",
                               arguments == NULL ? json_object() : arguments, "_meta",
                               "progressToken", (json_int_t)token);

    if (call->traceparent != NULL && call->traceparent[0] != '\0')
        (void)json_object_set_new(json_object_get(params, "_meta"), "traceparent",
                                  json_string(call->traceparent));
    if (c->is_stateless)
        stateless_stamp(params);
    return params;
}

/* Headers that repeat arguments, where the tool's schema wants some. */
static void mirror_arguments(struct call *added, const struct catalog_tool *tool,
                             struct parley_view arguments)
{
    if (strstr(tool->parameters, "x-mcp-header") == NULL)
        return;
    json_t *schema = json_loads(tool->parameters, 0, NULL);
    json_t *object = json_loadb(arguments.data, arguments.len, 0, NULL);
    added->lines = mirror_lines(schema, object, &added->line_count);
    json_decref(schema);
    json_decref(object);
}

int client_call(struct client *c, const struct parley_tool_call *call, parley_op op,
                struct parley_error *err)
{
    const struct catalog_tool *tool = catalog_find(c->current, call->name);

    if (tool == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "The tool %s is unavailable at the moment.",
                           call->name);
    uint64_t id = ++c->last_request;
    struct call *added =
        calls_add(&c->calls, id, op, call->name, tool->name,
                  message_request(id, "tools/call", call_params(c, call, tool->name, id)));
    if (added == NULL)
        return parley_fail(err, PARLEY_E_BUSY, "The tool %s is busy; try again in a moment.",
                           call->name);
    added->output = json_incref(tool->output);
    if (client_mirrors(c))
        mirror_arguments(added, tool, call->arguments);
    if (c->state == READY)
        send_call(c, added);
    return PARLEY_OK;
}

void client_cancel(struct client *c, parley_op op)
{
    struct call *call = calls_find_op(&c->calls, op);

    if (call == NULL)
        return;
    if (call->is_sent) {
        c->link.vtable->forget(c->link.data, call->request);
        if (!c->is_stateless || !c->link.vtable->is_http)
            client_send_aside(c, message_notification(
                                     "notifications/cancelled",
                                     json_pack("{s:I, s:s}", "requestId", (json_int_t)call->request,
                                               "reason", "The result is no longer wanted.")));
    }
    fail_call(c, call, PARLEY_E_CANCELLED);
}
