/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "calls.h"
#include "catalog.h"
#include "elicit.h"
#include "fit.h"
#include "message.h"
#include "mirror.h"
#include "outcome.h"
#include "stateless.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PAUSE_MS      500
#define LONGEST_PAUSE_MS    30000
#define TIRED_PAUSE_MS      60000 /* after TIRED_FAILURES in a row */
#define TIRED_FAILURES      10
#define HEALTHY_MS          60000 /* a connection that held so long forgives earlier failures */
#define RELIST_MS           1000  /* at most one listing in this time */
#define PROBE_MS            3000  /* a child that does not know the question may stay silent */
#define MAX_PAGES           64
#define MAX_CURSOR          4096
#define MAX_REFUSALS_LOGGED 10
#define CALL_LIMIT_MS       900000 /* the host ends calls sooner; no connection waits for ever */

enum state { DOWN, PROBING, CONNECTING, GREETING, LISTING, READY };

struct client {
    struct client_config config;
    struct link link;
    const struct parley_tools_host *tools;
    void *worker_instance;
    enum state state;
    bool is_stateless;           /* the server speaks 2026-07-28 */
    bool is_older;               /* it does not, as far as is known */
    struct parley_timer *step;   /* the next attempt, or the limit of this one */
    struct parley_timer *relist; /* the next listing of a connection that stands */
    uint64_t last_request;
    uint64_t awaited; /* the handshake's or listing's request; 0: none */
    struct calls calls;
    struct catalog *current;
    struct catalog *shown; /* what the host was given last; the same, or older */
    struct catalog *fresh; /* while listing */
    unsigned pages;
    unsigned refusals; /* tools of this listing that are not offered */
    bool is_stale;     /* the list changed while it was listed */
    unsigned failures;
    int64_t ready_ms;
    int64_t listed_ms;
};

static void begin(struct client *c);

static int64_t now_ms(const struct client *c)
{
    return (int64_t)(c->config.around.host->now_us() / 1000);
}

#define LOG(c, level, ...)                                                                         \
    (c)->config.around.host->log((c)->config.around.handle, PARLEY_LOG_##level, __VA_ARGS__)

/* ---- ending calls ---- */

static void end_call(struct client *c, struct call *call, struct outcome *o)
{
    struct parley_tool_result result = {
        .size = sizeof(result),
        .status = o->status,
        .output = text_view(&o->output),
        .image = text_view(&o->image),
    };

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
static void fail_calls(struct client *c, bool also_waiting)
{
    for (struct call *call = c->calls.first, *next; call != NULL; call = next) {
        next = call->next;
        if (call->is_sent || also_waiting)
            fail_call(c, call, PARLEY_E_UNAVAILABLE);
    }
}

/* ---- the list ---- */

static void drop_catalog(struct client *c)
{
    if (c->current != c->shown)
        catalog_destroy(c->current);
    c->current = NULL;
}

static void replace_catalog(struct client *c, struct catalog *fresh)
{
    if (catalog_equals(c->current, fresh)) {
        catalog_destroy(fresh);
        return;
    }
    drop_catalog(c);
    c->current = fresh;
    c->tools->changed(c->config.around.worker, c->worker_instance);
}

static void abandon_listing(struct client *c)
{
    catalog_destroy(c->fresh);
    c->fresh = NULL;
    c->awaited = 0;
}

/* ---- failures ---- */

static int64_t pause_ms(struct client *c)
{
    uint32_t random;
    int64_t pause = FIRST_PAUSE_MS;

    for (unsigned i = 1; i < c->failures && pause < LONGEST_PAUSE_MS; i++)
        pause *= 2;
    if (pause > LONGEST_PAUSE_MS)
        pause = LONGEST_PAUSE_MS;
    if (c->failures > TIRED_FAILURES)
        pause = TIRED_PAUSE_MS;
    c->config.around.host->random(&random, sizeof(random));
    return pause + random % (pause / 4);
}

/* The first failure after a good time is warned of; its tools stay offered until a second one. */
static void fail(struct client *c, const char *why)
{
    bool was_ready = c->state == READY;

    if (!was_ready) /* what it speaks is to be found out again */
        c->is_older = false;

    abandon_listing(c);
    if (was_ready && now_ms(c) - c->ready_ms >= HEALTHY_MS)
        c->failures = 0;
    c->failures++;
    c->state = DOWN;
    if (c->failures == 1)
        LOG(c, WARN, "the MCP server is unavailable: %s", why);
    else
        LOG(c, DEBUG, "the MCP server is still unavailable: %s failures=%u", why, c->failures);
    c->config.around.timer->stop(c->relist);
    c->config.around.timer->start(c->step, pause_ms(c));
    if (was_ready)
        return;
    c->link.vtable->close(c->link.data);
    fail_calls(c, true);
    replace_catalog(c, NULL);
}

/* ---- sending ---- */

struct outgoing {
    char *text; /* freed when it is sent */
    enum link_purpose purpose;
    uint64_t request;   /* 0: none */
    const char *method; /* of a request */
    const char *name;   /* of the tool, or NULL */
    char *const *lines; /* further headers */
    size_t line_count;
};

static int send_text(struct client *c, const struct outgoing *out, struct parley_error *err)
{
    char *text = out->text;
    uint64_t request = out->request;
    const struct link_message message = {
        .text = text,
        .purpose = out->purpose,
        .request = request,
        .method = c->is_stateless || c->state == PROBING ? out->method : NULL,
        .name = out->name,
        .lines = out->lines,
        .line_count = out->line_count,
        .timeout_ms = request == c->awaited ? c->config.start_timeout_ms : CALL_LIMIT_MS,
    };
    int r = text == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a message")
                         : c->link.vtable->send(c->link.data, &message, err);

    free(text);
    return r;
}

/* Notifications and answers: when they are lost, so is the link, which says so itself. */
static void send_aside(struct client *c, char *text)
{
    (void)send_text(c, &(struct outgoing){.text = text}, NULL);
}

static void send_awaited(struct client *c, const char *method, json_t *params,
                         enum link_purpose purpose)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    c->awaited = ++c->last_request;
    if (c->is_stateless || c->state == PROBING)
        stateless_stamp(params);
    const struct outgoing out = {
        .text = message_request(c->awaited, method, params),
        .purpose = purpose,
        .request = c->awaited,
        .method = method,
    };
    if (send_text(c, &out, &err) < 0)
        fail(c, err.message);
}

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
    if (send_text(c, &out, &err) < 0) {
        LOG(c, WARN, "a call could not be sent: %s", err.message);
        fail_call(c, call, err.status);
    }
}

static void send_waiting(struct client *c)
{
    for (struct call *call = c->calls.first, *next; call != NULL; call = next) {
        next = call->next;
        if (!call->is_sent)
            send_call(c, call);
    }
}

/* ---- connecting and listing ---- */

static void list_page(struct client *c, const char *cursor)
{
    send_awaited(c, "tools/list",
                 cursor == NULL ? json_object() : json_pack("{s:s}", "cursor", cursor),
                 LINK_ORDINARY);
}

static void begin_listing(struct client *c)
{
    abandon_listing(c);
    c->is_stale = false;
    c->pages = 0;
    c->refusals = 0;
    c->fresh = catalog_create();
    if (c->fresh == NULL) {
        fail(c, "no memory for its tools");
        return;
    }
    if (c->state == READY)
        c->config.around.timer->start(c->step, c->config.start_timeout_ms);
    list_page(c, NULL);
}

static void on_relist(void *ctx)
{
    struct client *c = ctx;

    if (c->state == READY && c->awaited == 0)
        begin_listing(c);
}

static void schedule_listing(struct client *c)
{
    int64_t wait = c->listed_ms + RELIST_MS - now_ms(c);

    c->config.around.timer->start(c->relist, wait > 0 ? wait : 0);
}

static void become_ready(struct client *c)
{
    if (c->failures > 0 || c->ready_ms == 0)
        LOG(c, INFO, "the MCP server is ready");
    c->state = READY;
    c->ready_ms = now_ms(c);
    send_waiting(c);
}

static void warn_of_missing(struct client *c)
{
    const struct parley_list *allow = c->config.allow;

    for (size_t i = 0; allow != NULL && i < allow->count; i++) {
        if (catalog_find_own(c->fresh, allow->items[i]) == NULL)
            LOG(c, WARN, "allow: the server has no usable tool \"%.80s\"", allow->items[i]);
    }
}

static void finish_listing(struct client *c)
{
    struct catalog *fresh = c->fresh;

    warn_of_missing(c);
    if (c->refusals > MAX_REFUSALS_LOGGED)
        LOG(c, WARN, "further tools are not offered count=%u", c->refusals - MAX_REFUSALS_LOGGED);
    c->fresh = NULL;
    c->awaited = 0;
    c->listed_ms = now_ms(c);
    c->config.around.timer->stop(c->step);
    replace_catalog(c, fresh);
    if (c->state != READY)
        become_ready(c);
    if (c->is_stale)
        schedule_listing(c);
}

static void on_refused(void *ctx, const char *name, const char *reason)
{
    struct client *c = ctx;

    if (c->listed_ms == 0 &&
        ++c->refusals <= MAX_REFUSALS_LOGGED) /* known after the first listing */
        LOG(c, WARN, "a tool is not offered: %s tool=\"%.80s\"", reason, name);
}

static bool mirrors(const struct client *c)
{
    return c->is_stateless && c->link.vtable->is_http;
}

static void take_page(struct client *c, json_t *result)
{
    const struct catalog_rules rules = {
        .prefix = c->config.prefix,
        .allow = c->config.allow,
        .timeout_ms = c->config.timeout_ms,
        .mirrors = mirrors(c),
    };
    json_t *cursor = json_object_get(result, "nextCursor");

    catalog_add(c->fresh, &rules, json_object_get(result, "tools"), on_refused, c);
    /* An empty cursor is one, too: only a missing one is the end. */
    if (!json_is_string(cursor) || json_string_length(cursor) > MAX_CURSOR)
        finish_listing(c);
    else if (++c->pages < MAX_PAGES)
        list_page(c, json_string_value(cursor));
    else {
        LOG(c, WARN, "the list of tools has more than %d pages; the rest is left out", MAX_PAGES);
        finish_listing(c);
    }
}

static void greet(struct client *c)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    c->state = GREETING;
    c->awaited = 0;
    const struct outgoing out = {
        .text = message_notification("notifications/initialized", NULL),
        .purpose = LINK_INITIALIZED,
    };
    if (send_text(c, &out, &err) < 0)
        fail(c, err.message);
}

static void take_welcome(struct client *c, json_t *result)
{
    const char *version = json_string_value(json_object_get(result, "protocolVersion"));
    char why[160];

    if (version != NULL && message_is_known_version(version)) {
        c->link.vtable->set_version(c->link.data, version);
        LOG(c, DEBUG, "the MCP server speaks %s", version);
        greet(c);
        return;
    }
    (void)snprintf(why, sizeof(why), "it speaks MCP %.40s, which is not known here",
                   version == NULL ? "without a version" : version);
    fail(c, why);
}

static void initialize(struct client *c)
{
    c->state = CONNECTING;
    send_awaited(c, "initialize", message_initialize_params(), LINK_INITIALIZE);
}

static bool is_probed_child(const struct client *c)
{
    return !c->link.vtable->is_http && c->config.protocol == CLIENT_AUTO;
}

/* Older servers know no such question, and say so at once, as a rule. */
static void probe(struct client *c)
{
    c->state = PROBING;
    if (is_probed_child(c) && c->config.start_timeout_ms > PROBE_MS)
        c->config.around.timer->start(c->step, PROBE_MS);
    c->link.vtable->set_version(c->link.data, STATELESS_VERSION);
    send_awaited(c, "server/discover", json_object(), LINK_ORDINARY);
}

static void begin(struct client *c)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    abandon_listing(c);
    c->is_stateless = false;
    c->state = CONNECTING;
    c->config.around.timer->start(c->step, c->config.start_timeout_ms);
    if (c->link.vtable->open(c->link.data, &err) < 0)
        fail(c, err.message);
    else if (c->config.protocol == CLIENT_LEGACY || c->is_older)
        initialize(c);
    else
        probe(c);
}

/* Over HTTP, and with a child that has answered, the handshake follows at once. */
static void begin_older(struct client *c, const char *why)
{
    if (c->config.protocol == CLIENT_STATELESS) {
        fail(c, why);
        return;
    }
    LOG(c, DEBUG, "the MCP server is asked to initialize: %s", why);
    c->is_older = true;
    c->awaited = 0;
    c->config.around.timer->start(c->step, c->config.start_timeout_ms);
    initialize(c);
}

/* The state of a child that went or stays silent is not known: a fresh one is asked to initialize.
 */
static void begin_older_anew(struct client *c)
{
    c->is_older = true;
    begin(c);
}

static void on_step(void *ctx)
{
    struct client *c = ctx;

    if (c->state == DOWN)
        begin(c);
    else if (c->state == PROBING && is_probed_child(c))
        begin_older_anew(c);
    else if (c->state == READY) {
        LOG(c, WARN, "the tools could not be listed again in time; the old list stays");
        c->link.vtable->forget(c->link.data, c->awaited);
        abandon_listing(c);
    } else
        fail(c, "it did not answer in time; see start_timeout_ms");
}

/* ---- what the server says ---- */

static void take_discovery(struct client *c, const struct message *m)
{
    char versions[120], why[300];

    switch (stateless_judge(m)) {
    case STATELESS_YES:
        LOG(c, DEBUG, "the MCP server speaks " STATELESS_VERSION);
        c->is_stateless = true;
        c->state = LISTING;
        c->config.around.timer->start(c->step, c->config.start_timeout_ms);
        begin_listing(c);
        break;
    case STATELESS_NO:
        begin_older(c, "it does not speak " STATELESS_VERSION);
        break;
    case STATELESS_NEVER:
        stateless_versions(m, versions, sizeof(versions));
        (void)snprintf(why, sizeof(why),
                       "it speaks %s of MCP, not " STATELESS_VERSION " nor an older one (%.100s)",
                       versions[0] == '\0' ? "another revision" : versions,
                       m->kind == MESSAGE_ERROR ? m->error_message : "");
        fail(c, why);
        break;
    }
}

static void take_awaited(struct client *c, const struct message *m)
{
    char why[300];

    c->awaited = 0;
    if (c->state == PROBING) {
        take_discovery(c, m);
        return;
    }
    if (m->kind == MESSAGE_RESULT && c->state == CONNECTING)
        take_welcome(c, m->result);
    else if (m->kind == MESSAGE_RESULT)
        take_page(c, m->result);
    else if (m->error_code == MESSAGE_METHOD_NOT_FOUND && c->state != CONNECTING)
        finish_listing(c); /* a server without tools */
    else {
        (void)snprintf(why, sizeof(why), "it answered %s with error %lld: %.180s",
                       c->state == CONNECTING ? "initialize" : "tools/list",
                       (long long)m->error_code, m->error_message);
        fail(c, why);
    }
}

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

static void take_answer(struct client *c, const struct message *m)
{
    struct call *call = calls_find(&c->calls, m->request);
    struct outcome o = {0};

    if (c->awaited != 0 && m->request == c->awaited) {
        take_awaited(c, m);
        return;
    }
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

static void take_progress(struct client *c, const json_t *params)
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

static void take_notification(struct client *c, const struct message *m)
{
    if (strcmp(m->method, "notifications/progress") == 0)
        take_progress(c, m->params);
    else if (strcmp(m->method, "notifications/tools/list_changed") == 0 && c->awaited != 0)
        c->is_stale = true;
    else if (strcmp(m->method, "notifications/tools/list_changed") == 0 && c->state == READY)
        schedule_listing(c);
}

static void take_question(struct client *c, const struct message *m)
{
    json_t *answer = elicit_answer(m->params, c->config.accepts_defaults);

    if (answer != NULL)
        send_aside(c, message_answer(m->id, answer));
    else
        send_aside(
            c, message_refusal(m->id, MESSAGE_INVALID_PARAMS, "This client answers forms only."));
}

static void take_request(struct client *c, const struct message *m)
{
    if (strcmp(m->method, "ping") == 0)
        send_aside(c, message_answer(m->id, json_object()));
    else if (strcmp(m->method, "elicitation/create") == 0)
        take_question(c, m);
    else
        send_aside(c, message_refusal(m->id, MESSAGE_METHOD_NOT_FOUND,
                                      "This client offers nothing but calls of tools."));
}

static void take_message(struct client *c, json_t *tree)
{
    struct message m;

    message_read(tree, &m);
    if (m.kind == MESSAGE_RESULT || m.kind == MESSAGE_ERROR)
        take_answer(c, &m);
    else if (m.kind == MESSAGE_NOTIFICATION)
        take_notification(c, &m);
    else if (m.kind == MESSAGE_REQUEST)
        take_request(c, &m);
}

/* One revision, 2025-03-26, lets servers send several messages as an array. */
static void on_message(void *ctx, json_t *tree)
{
    json_t *one;
    size_t i;

    if (!json_is_array(tree)) {
        take_message(ctx, tree);
        return;
    }
    json_array_foreach(tree, i, one) take_message(ctx, one);
}

static void on_down(void *ctx, const char *why)
{
    struct client *c = ctx;

    fail_calls(c, false);
    if (c->state == PROBING && is_probed_child(c))
        begin_older_anew(c); /* some end at the first message that they do not know */
    else if (c->state != DOWN)
        fail(c, why);
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
    begin(c);
}

static void on_fault(void *ctx, uint64_t request, int status, const char *why)
{
    struct client *c = ctx;
    struct call *call = calls_find(&c->calls, request);

    bool is_refused = status == PARLEY_E_PROTOCOL || status == PARLEY_E_GONE;

    if (c->state == PROBING && request == c->awaited && is_refused) {
        begin_older(c, why);
        return;
    }
    if (request == 0 ? c->state == GREETING : request == c->awaited) {
        fail(c, why);
        return;
    }
    if (call == NULL)
        return;
    if (status == PARLEY_E_GONE) {
        renew_for(c, call, why);
        return;
    }
    if (status == PARLEY_E_CONFLICT && !call->is_repeated) { /* there is a new session already */
        call->is_repeated = true;
        call->is_sent = false;
        if (c->state == READY)
            send_call(c, call);
        return;
    }
    LOG(c, WARN, "a call failed: %s tool=%s", why, call->tool);
    fail_call(c, call, status);
    if (status == PARLEY_E_UNAVAILABLE && c->state == READY)
        fail(c, why);
}

static void on_initialized(void *ctx)
{
    struct client *c = ctx;

    if (c->state != GREETING)
        return;
    c->state = LISTING;
    begin_listing(c);
}

const struct link_events client_link_events = {
    .on_message = on_message,
    .on_fault = on_fault,
    .on_down = on_down,
    .on_initialized = on_initialized,
};

/* ---- for the role ---- */

void client_list(struct client *c, struct parley_tool_list *ret_list)
{
    size_t count;

    if (c->shown != c->current)
        catalog_destroy(c->shown);
    c->shown = c->current;
    const struct parley_tool *items = catalog_items(c->current, &count);
    *ret_list = (struct parley_tool_list){
        .size = sizeof(*ret_list),
        .item_size = sizeof(*items),
        .items = items,
        .count = count,
    };
}

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
    if (mirrors(c))
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
            send_aside(c, message_notification("notifications/cancelled",
                                               json_pack("{s:I, s:s}", "requestId",
                                                         (json_int_t)call->request, "reason",
                                                         "The result is no longer wanted.")));
    }
    fail_call(c, call, PARLEY_E_CANCELLED);
}

/* ---- life ---- */

struct client *client_create(const struct client_config *config)
{
    struct client *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->config = *config;
    c->step = config->around.timer->create(config->around.worker, on_step, c);
    c->relist = config->around.timer->create(config->around.worker, on_relist, c);
    if (c->step != NULL && c->relist != NULL)
        return c;
    client_destroy(c);
    return NULL;
}

void client_start(struct client *c, struct link link, const struct parley_tools_host *tools,
                  void *worker_instance)
{
    c->link = link;
    c->tools = tools;
    c->worker_instance = worker_instance;
    c->config.around.timer->start(c->step, 0);
}

void client_destroy(struct client *c)
{
    if (c == NULL)
        return;
    c->config.around.timer->destroy(c->step);
    c->config.around.timer->destroy(c->relist);
    if (c->link.vtable != NULL)
        c->link.vtable->destroy(c->link.data);
    calls_done(&c->calls);
    catalog_destroy(c->fresh);
    if (c->shown != c->current)
        catalog_destroy(c->shown);
    catalog_destroy(c->current);
    free(c);
}
