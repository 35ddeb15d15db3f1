/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: sent in turn, asked back, answered, cancelled; each ends exactly once. */
#include "client_state.h"

#include "catalog.h"
#include "mirror.h"
#include "outcome.h"
#include "stateless.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DELAYS  3   /* of one call, that the server asks for */
#define TICK_MS     100 /* progress of one call is told at most so often */
#define ASK_PACE_MS 250 /* before a call is repeated that the server asked nothing about */
#define DEFAULT_MS  20000

/* ---- ending calls ---- */

static void tell_tick(struct client *c, struct call *call)
{
    struct tick *tick = call->tick;

    if (tick == NULL)
        return;
    call->tick = NULL;
    call->told_ms = client_now_ms(c);
    c->tools->progress(call->op, tick->done, tick->total,
                       (struct parley_view){tick->message, strlen(tick->message)});
    free(tick);
}

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
    tell_tick(c, call);
    c->tools->end(call->op, &result);
    calls_remove(&c->calls, call);
    outcome_done(o);
    c->config.around.timer->start(c->turn, 0); /* there may be room for one that waits */
}

static void fail_call(struct client *c, struct call *call, int status)
{
    struct outcome o = {0};

    outcome_of_fault(&o, call->tool, status);
    end_call(c, call, &o);
}

void calling_fail(struct client *c, bool also_waiting)
{
    for (struct call *call = c->calls.first, *next; call != NULL; call = next) {
        next = call->next;
        if (call->is_sent || also_waiting)
            fail_call(c, call, PARLEY_E_UNAVAILABLE);
    }
}

void calling_end_all(struct client *c, int status)
{
    while (c->calls.first != NULL)
        fail_call(c, c->calls.first, status);
}

/* ---- sending ---- */

static void send_call(struct client *c, struct call *call)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    call->is_sent = true;
    call->due_ms = 0;
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

/* In the order of coming, but no conversation takes all the room. */
static bool may_send(const struct client *c, const struct call *call)
{
    return c->state == READY && !call->is_sent && !call->awaits_list &&
           call->due_ms <= client_now_ms(c) &&
           calls_under_way(&c->calls, NULL) < c->config.max_calls &&
           calls_under_way(&c->calls, call->session) < CALLS_PER_SESSION;
}

/* When the next one is due that waits for nothing but its time; 0: none. */
static int64_t next_due_ms(const struct client *c)
{
    int64_t due = 0;

    for (const struct call *call = c->calls.first; call != NULL; call = call->next) {
        if (!call->is_sent && call->due_ms > 0 && (due == 0 || call->due_ms < due))
            due = call->due_ms;
    }
    return due;
}

void calling_send_waiting(struct client *c)
{
    for (struct call *call = c->calls.first, *next; call != NULL; call = next) {
        next = call->next;
        if (may_send(c, call))
            send_call(c, call);
    }
    int64_t due = next_due_ms(c), now = client_now_ms(c);
    if (due > now)
        c->config.around.timer->start(c->turn, due - now);
}

void calling_on_turn(void *ctx)
{
    calling_send_waiting(ctx);
}

static void send_later(struct client *c, struct call *call, int64_t wait_ms)
{
    call->is_sent = false;
    call->due_ms = client_now_ms(c) + wait_ms;
    calling_send_waiting(c);
}

/* ---- headers that repeat arguments ---- */

/* Where the tool's schema wants some. */
static void mirror_arguments(struct call *call, const struct catalog_tool *tool,
                             const json_t *arguments)
{
    mirror_free(call->lines, call->line_count);
    call->lines = NULL;
    call->line_count = 0;
    if (strstr(tool->parameters, "x-mcp-header") == NULL)
        return;
    json_t *schema = json_loads(tool->parameters, 0, NULL);
    call->lines = mirror_lines(schema, arguments, &call->line_count);
    json_decref(schema);
}

/* The server saw other headers than it wants: its schema may be newer than the one that we know. */
static bool list_for(struct client *c, struct call *call, const struct message *m)
{
    if (m->kind != MESSAGE_ERROR || m->error_code != STATELESS_HEADER_MISMATCH ||
        !client_mirrors(c) || call->is_repeated)
        return false;
    LOG(c, INFO, "the tools are listed again, a call had wrong headers tool=%s", call->tool);
    call->is_repeated = true;
    call->is_sent = false;
    call->awaits_list = true;
    listing_changed(c);
    return true;
}

static void renew_lines(struct client *c, struct call *call)
{
    const struct catalog_tool *tool = catalog_find_own(client_catalog(c), call->name);
    json_t *tree = json_loads(call->text, 0, NULL);

    call->awaits_list = false;
    if (tool == NULL)
        fail_call(c, call, PARLEY_E_UNAVAILABLE);
    else
        mirror_arguments(call, tool, json_object_get(json_object_get(tree, "params"), "arguments"));
    json_decref(tree);
}

void calling_listed(struct client *c)
{
    for (struct call *call = c->calls.first, *next; call != NULL; call = next) {
        next = call->next;
        if (call->awaits_list)
            renew_lines(c, call);
    }
    calling_send_waiting(c);
}

/* ---- answers ---- */

/* The call once more, as another request, with what the server wants to know. */
static bool answer_back(struct client *c, struct call *call, const json_t *result)
{
    uint64_t id = c->last_request + 1;
    bool is_asked = json_object_size(json_object_get(result, "inputRequests")) > 0;
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
    send_later(c, call, is_asked ? 0 : ASK_PACE_MS);
    return true;
}

static void take_outcome(struct client *c, struct call *call, const struct message *m,
                         enum stateless_result kind)
{
    struct outcome o = {0};

    if (kind != STATELESS_COMPLETE)
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

void calling_answered(struct client *c, const struct message *m)
{
    struct call *call = calls_find(&c->calls, m->request);
    enum stateless_result kind = STATELESS_COMPLETE;

    if (call == NULL || !call->is_sent)
        return; /* late, or a second one */
    if (c->is_stateless && m->kind == MESSAGE_RESULT)
        kind = stateless_result_of(m->result);
    bool goes_on =
        (kind == STATELESS_ASKS && answer_back(c, call, m->result)) || list_for(c, call, m);
    if (!goes_on)
        take_outcome(c, call, m, kind);
}

/* A server may tell more than anybody wants to hear: the newest is kept until it may be told. */
void calling_progressed(struct client *c, const json_t *params)
{
    const json_t *token = json_object_get(params, "progressToken");
    const char *message = json_string_value(json_object_get(params, "message"));
    struct call *call =
        json_is_integer(token) ? calls_find(&c->calls, (uint64_t)json_integer_value(token)) : NULL;

    if (call == NULL || !call->is_sent)
        return;
    if (call->tick == NULL)
        call->tick = calloc(1, sizeof(*call->tick));
    if (call->tick == NULL)
        return;
    call->tick->done = json_number_value(json_object_get(params, "progress"));
    call->tick->total = json_number_value(json_object_get(params, "total"));
    char *tidy = text_tidy(message == NULL ? "" : message, sizeof(call->tick->message) - 1);
    (void)snprintf(call->tick->message, sizeof(call->tick->message), "%s",
                   tidy == NULL ? "" : tidy);
    free(tidy);
    if (call->told_ms == 0 || client_now_ms(c) - call->told_ms >= TICK_MS)
        tell_tick(c, call);
}

/* ---- calls that find no answer ---- */

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
    send_later(c, call, 0);
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

/* Within the call's own limit, which the host keeps. */
void calling_delayed(struct client *c, struct call *call, int64_t wait_ms, const char *why)
{
    bool is_in_time = client_now_ms(c) + wait_ms < call->end_ms;

    if (!is_in_time || call->delays == MAX_DELAYS) {
        LOG(c, WARN, "a call failed: %s retry_after_ms=%lld tool=%s", why, (long long)wait_ms,
            call->tool);
        fail_call(c, call, PARLEY_E_BUSY);
        return;
    }
    LOG(c, INFO, "a call is made again later: %s wait_ms=%lld tool=%s", why, (long long)wait_ms,
        call->tool);
    call->delays++;
    send_later(c, call, wait_ms < 1 ? 1 : wait_ms);
}

/* ---- for the role ---- */

static json_t *call_params(const struct client *c, const struct parley_tool_call *call,
                           const char *name, json_t *arguments, uint64_t token)
{
    json_t *params = json_pack("{s:s, s:O, s:{s:I}}", "name", name, "arguments", arguments, "_meta",
                               "progressToken", (json_int_t)token);

    if (call->traceparent != NULL && call->traceparent[0] != '\0')
        (void)json_object_set_new(json_object_get(params, "_meta"), "traceparent",
                                  json_string(call->traceparent));
    if (PARLEY_HAS(call, tracestate) && call->tracestate != NULL && call->tracestate[0] != '\0')
        (void)json_object_set_new(json_object_get(params, "_meta"), "tracestate",
                                  json_string(call->tracestate));
    if (c->is_stateless)
        stateless_stamp(params);
    return params;
}

static struct call *add_call(struct client *c, const struct parley_tool_call *call,
                             const struct catalog_tool *tool, parley_op op)
{
    json_t *arguments = json_loadb(call->arguments.data, call->arguments.len, 0, NULL);
    uint64_t id = ++c->last_request;

    if (arguments == NULL)
        arguments = json_object();
    struct call *added = calls_add(
        &c->calls, id, op, call->name, tool->name, call->session_id == NULL ? "" : call->session_id,
        message_request(id, "tools/call", call_params(c, call, tool->name, arguments, id)));
    if (added != NULL) {
        added->end_ms = client_now_ms(c) + (call->timeout_ms > 0 ? call->timeout_ms : DEFAULT_MS);
        if (client_mirrors(c))
            mirror_arguments(added, tool, arguments);
    }
    json_decref(arguments);
    return added;
}

int client_call(struct client *c, const struct parley_tool_call *call, parley_op op,
                struct parley_error *err)
{
    const struct catalog_tool *tool = catalog_find(client_catalog(c), call->name);

    if (tool == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "The tool %s is unavailable at the moment.",
                           call->name);
    if (c->config.elder != NULL && c->state == DOWN)
        client_begin(c); /* now, so that the call is put in the revision that is spoken */
    if (c->config.elder != NULL && c->state == DOWN)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "The tool %s is unavailable at the moment.",
                           call->name);
    struct call *added = add_call(c, call, tool, op);
    if (added == NULL)
        return parley_fail(err, PARLEY_E_BUSY, "The tool %s is busy; try again in a moment.",
                           call->name);
    if (may_send(c, added))
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

void client_cancel_all(struct client *c)
{
    while (c->calls.first != NULL)
        client_cancel(c, c->calls.first->op);
}
