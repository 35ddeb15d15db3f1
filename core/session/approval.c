/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person is asked before a tool runs: the client gets an mcp_approval_request item, and answers
 * with an mcp_approval_response. Both are parley's and the client's alone; the model only learns
 * what came of the call. Meanwhile the conversation goes on.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

/* ---- what the client is shown ---- */

static void say_output_item(struct session *s, enum rt_event event, const struct response *r,
                            int64_t place, const json_t *body)
{
    char room[NAMES_ROOM];

    rt_encode_begin(&s->out, event);
    rt_encode_string(&s->out, "response_id", names_for_client(s, view_of(r->id), room));
    rt_encode_int(&s->out, "output_index", place);
    rt_encode_tree(&s->out, "item", body);
    rt_encode_end(&s->out);
    say_out(s);
}

static void say_item(struct session *s, enum rt_event event, struct parley_view previous,
                     const json_t *body)
{
    rt_encode_item_tree(&s->out, event, previous, body);
    say_out(s);
}

/* An item that only the client knows, at the end of the conversation. Returns what is before it. */
static struct parley_view keep_item(struct session *s, json_t *body)
{
    session_trim_items(s, 1);
    const struct item *before = items_visible(&s->items, NULL);
    struct item *i = items_add(&s->items, json_get_view(body, "id"), VIEW(""), NULL);
    if (i != NULL) {
        i->is_ghost = i->is_local = i->final = true;
        items_set_json(&s->items, i, body);
        journal_item(s, i);
    }
    return before == NULL ? (struct parley_view){0} : view_of(before->id);
}

static void show_request(struct call *c, struct response *r, int64_t place, json_t *body)
{
    struct session *s = c->session;

    response_show(s, r);
    say_output_item(s, RT_OUTPUT_ITEM_ADDED, r, place, body);
    struct parley_view previous = keep_item(s, body);
    say_item(s, RT_ITEM_ADDED, previous, body);
    say_item(s, RT_ITEM_DONE, previous, body);
    say_output_item(s, RT_OUTPUT_ITEM_DONE, r, place, body);
    if (r->approvals == NULL)
        r->approvals = json_array();
    json_array_append(r->approvals, body);
}

/* ---- asking ---- */

static struct response *find_response(const struct session *s, unsigned number)
{
    struct list *at;

    list_for_each(at, &s->sequencer.responses)
    {
        struct response *r = list_entry(at, struct response, entry);
        if (r->number == number)
            return r;
    }
    return NULL;
}

void approval_settle(struct call *c)
{
    struct session *s = c->session;
    struct response *r = find_response(s, c->response);

    loop_timer_stop(&c->wait);
    if (r != NULL && r->asked_approvals > 0)
        r->asked_approvals--;
    view_copy(s->tooling.answered[s->tooling.next_answered], sizeof(s->tooling.answered[0]),
              view_of(c->approval_id));
    s->tooling.next_answered = (s->tooling.next_answered + 1) % CALLS_REMEMBERED;
}

static void refuse(struct call *c, int status, const char *format, const char *reason)
{
    struct buf text = {0};

    approval_settle(c);
    buf_printf(&text, "The tool %s was not run: ", c->name);
    buf_append_str(&text, format);
    buf_append_str(&text, reason);
    tools_refused(c, status,
                  text.failed ? "The tool was not run: it was not approved." : text.data);
    buf_done(&text);
}

static void on_limit(void *ctx)
{
    struct call *c = ctx;

    log_info("nobody approved a call in time session=%s call_id=%s tool=%s", c->session->id,
             c->call_id, c->name);
    refuse(c, PARLEY_E_TIMEOUT, "it needs the user's approval, and nobody gave it in time.", "");
}

void approval_ask(struct call *c, struct response *r, int64_t place)
{
    struct session *s = c->session;

    id_make(c->approval_id, "mcpr_");
    c->state = CALL_ASKING;
    r->asked_approvals++;
    _cleanup_json_ json_t *body =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "id", c->approval_id, "object", "realtime.item",
                  "type", "mcp_approval_request", "server_label", c->tool->wi->instance->name,
                  "name", c->name, "arguments", c->arguments);
    if ((s->client == NULL && !s->resume.is_away) || body == NULL) {
        refuse(c, PARLEY_E_DENIED, "it needs the user's approval, and nobody can be asked.", "");
        return;
    }
    loop_timer_start(s->env->loop, &c->wait, c->policy.approval_timeout_ms, on_limit, c);
    show_request(c, r, place, body);
}

/* ---- the answer ---- */

static struct call *find_asking(const struct session *s, struct parley_view id)
{
    struct list *at;

    list_for_each(at, &s->calls)
    {
        struct call *c = list_entry(at, struct call, entry);
        if (c->state == CALL_ASKING && view_is(id, c->approval_id))
            return c;
    }
    return NULL;
}

bool approval_is_item(const json_t *item)
{
    struct parley_view type = json_get_view(item, "type");

    return view_is(type, "mcp_approval_request") || view_is(type, "mcp_approval_response");
}

/* Asked by a host that is no more: the call was settled with that host, as one that never ran. */
static bool is_of_before(const struct session *s, struct parley_view id)
{
    const struct item *i = items_find(&s->items, id);

    return s->resume.is_rebuilt && i != NULL && i->is_local &&
           view_is(json_get_view(i->json, "type"), "mcp_approval_request");
}

static bool is_settled(const struct session *s, struct parley_view id)
{
    for (size_t i = 0; i < CALLS_REMEMBERED; i++) {
        if (id.len > 0 && view_is(id, s->tooling.answered[i]))
            return true;
    }
    return false;
}

/* The model runs MCP servers of its own, and asks for them itself. */
static bool may_be_the_models(const struct session *s, struct parley_view id)
{
    const struct item *i = items_find(&s->items, id);

    return i == NULL
               ? session_has_trimmed(s)
               : !i->is_local && view_is(json_get_view(i->json, "type"), "mcp_approval_request");
}

static void show_answer(struct session *s, const json_t *item)
{
    _cleanup_json_ json_t *body = json_copy((json_t *)(uintptr_t)item);
    char id[ID_SIZE];

    if (body == NULL)
        return;
    if (json_get_view(body, "id").len == 0) {
        id_make(id, "item_");
        json_object_set_new(body, "id", json_string(id));
    }
    json_object_set_new(body, "object", json_string("realtime.item"));
    struct parley_view previous = keep_item(s, body);
    say_item(s, RT_ITEM_ADDED, previous, body);
    say_item(s, RT_ITEM_DONE, previous, body);
}

static void decide(struct call *c, const json_t *item)
{
    const char *reason = json_get_str(item, "reason", "");

    if (json_is_true(json_object_get(item, "approve"))) {
        approval_settle(c);
        tools_approved(c);
    } else {
        refuse(c, PARLEY_E_DENIED,
               reason[0] == '\0' ? "the user did not approve it."
                                 : "the user did not approve it, and said: ",
               reason);
    }
}

bool approval_answered(struct session *s, const struct rt_client_event *e)
{
    const json_t *item = json_object_get(e->tree, "item");
    struct parley_view id = json_get_view(item, "approval_request_id");
    struct call *c = find_asking(s, id);

    if (c != NULL) {
        show_answer(s, item);
        decide(c, item);
        return true;
    }
    if (is_settled(s, id)) {
        say_fault(s, RT_ERROR_INVALID_VALUE, "item.approval_request_id", e->event_id,
                  "Approval request '%.*s' is settled already: it was answered, or nobody answered "
                  "in time.",
                  (int)id.len, id.data);
        return true;
    }
    if (is_of_before(s, id)) {
        say_fault(s, RT_ERROR_INVALID_VALUE, "item.approval_request_id", e->event_id,
                  "Approval request '%.*s' is settled already: the server that asked has stopped, "
                  "and what it asked for is not run any more.",
                  (int)id.len, id.data);
        return true;
    }
    if (may_be_the_models(s, id))
        return false;
    say_fault(s, RT_ERROR_INVALID_VALUE, "item.approval_request_id", e->event_id,
              "There is no approval request '%.*s'; give the id of an mcp_approval_request item.",
              (int)id.len, id.data);
    return true;
}
