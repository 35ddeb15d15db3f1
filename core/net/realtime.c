/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/realtime: a socket becomes a session. Like the service that clients know, a bad key or an
 * unknown model is told after the upgrade, by an error event and a close frame: browsers cannot see
 * the answer to a refused handshake. Only what a client should retry elsewhere or later (too many
 * sessions, stopping) is refused by HTTP status.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "net/connection.h"
#include "realtime/encode.h"

#include <stdlib.h>

#define CLOSE_SLOW 1013

/* ---- the session's side ---- */

static void on_overflow(void *ctx)
{
    struct connection *c = ctx;

    log_warn("the client reads too slowly; its connection is closed peer=%s queued_bytes=%zu",
             ws_peer(c->ws), ws_queued_bytes(c->ws));
    if (c->session != NULL)
        session_end(c->session, CLOSE_SLOW, "client_too_slow",
                    "The client reads too slowly: the output queue is full.");
    else if (c->bridge != NULL)
        bridge_overflow(c->bridge);
}

void connection_send(struct connection *c, struct parley_view event, unsigned flags)
{
    if (c->voice_live != NULL)
        voice_live_session_event(c->voice_live, event, flags);
    else
        connection_put(c, event, flags);
}

void connection_put(struct connection *c, struct parley_view event, unsigned flags)
{
    uint32_t ws_flags = ((flags & SESSION_SEND_ROOM) != 0 ? WS_ROOM : 0) |
                        ((flags & SESSION_SEND_DROPPABLE) != 0 ? WS_DROPPABLE : 0);

    /* The session must not end inside its own call: a timer does it on the loop's next turn. */
    if (ws_send(c->ws, event, ws_flags) == PARLEY_E_BUSY && c->net != NULL &&
        !loop_timer_is_running(&c->overflow))
        loop_timer_start(c->net->w.loop, &c->overflow, 0, on_overflow, c);
}

static void client_send(void *ctx, struct parley_view event, unsigned flags)
{
    connection_send(ctx, event, flags);
}

static void client_pause(void *ctx, bool paused)
{
    ws_pause(((struct connection *)ctx)->ws, paused);
}

void connection_close(struct connection *c, int code, const char *reason)
{
    c->session = NULL;
    ws_close(c->ws, code, reason);
}

static void client_close(void *ctx, int code, const char *reason)
{
    connection_close(ctx, code, reason);
}

const struct session_client connection_client = {
    .send = client_send,
    .pause = client_pause,
    .close = client_close,
};

/* ---- the socket's side ---- */

void connection_hear(struct connection *c, struct parley_view event, uint32_t flags)
{
    if (c->session != NULL)
        session_client_event(c->session, event, flags);
    else if (c->bridge != NULL)
        bridge_event(c->bridge, event);
}

static void on_binary(struct connection *c)
{
    if (c->session != NULL)
        session_client_binary(c->session);
    else if (c->bridge != NULL)
        bridge_binary(c->bridge);
}

static void on_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct connection *c = ctx;
    uint32_t room = (flags & WS_ROOM) != 0 ? PARLEY_EVENT_ROOM : 0;

    (void)ws;
    if ((flags & WS_BINARY) != 0)
        on_binary(c);
    else if (c->voice_live != NULL)
        voice_live_client_event(c->voice_live, message, room);
    else
        connection_hear(c, message, room);
}

static void on_dropped(void *ctx, struct ws *ws, uint32_t count, size_t bytes)
{
    struct connection *c = ctx;

    (void)ws;
    if (c->session != NULL)
        session_client_dropped(c->session, count, bytes);
    else if (c->bridge != NULL)
        bridge_dropped(c->bridge, count, bytes);
}

/* ---- counting ---- */

struct kept {
    struct admission *admission;
    char user[AUTH_NAME_SIZE];
};

static void on_keeper_released(void *ctx)
{
    struct kept *k = ctx;

    admission_leave(k->admission, k->user);
    free(k);
}

struct session_keeper connection_keeper(struct connection *c)
{
    struct kept *k = c->is_counted ? calloc(1, sizeof(*k)) : NULL;

    if (k == NULL)
        return (struct session_keeper){0};
    k->admission = c->net->w.admission;
    view_copy(k->user, sizeof(k->user), view_of(c->user));
    c->is_counted = false;
    return (struct session_keeper){.released = on_keeper_released, .ctx = k};
}

bool connection_enter(struct connection *c)
{
    c->is_counted =
        admission_enter(c->net->w.admission, c->user, c->net->w.config->max_sessions_per_key);
    return c->is_counted;
}

void connection_count(struct connection *c)
{
    if (!c->is_counted)
        (void)connection_enter(c);
}

/* What net counts does not count this one any more. */
static void connection_leave(struct connection *c)
{
    struct net *n = c->net;

    list_remove(&c->entry);
    loop_timer_stop(&c->overflow);
    loop_timer_stop(&c->dialect_turn);
    if (c->is_counted)
        admission_leave(n->w.admission, c->user);
    c->net = NULL;
    n->connection_count--;
    n->w.hub.counts_changed(n->w.hub.ctx);
}

static void connection_free(struct connection *c)
{
    if (c->net != NULL)
        connection_leave(c);
    (void)voice_live_destroy(c->voice_live);
    free(c);
}

/* For good. */
static void leave_session(struct connection *c)
{
    struct session *s = c->session;
    struct bridge *b = c->bridge;

    c->session = NULL;
    c->bridge = NULL;
    resume_forget(c);
    identify_forget(c);
    if (s != NULL)
        session_client_gone(s);
    if (b != NULL)
        bridge_gone(b);
}

/* Without a goodbye: its client may come back. */
static void lose_session(struct connection *c)
{
    struct session *s = c->session;
    struct bridge *b = c->bridge;

    c->session = NULL;
    c->bridge = NULL;
    resume_forget(c);
    identify_forget(c);
    if (s == NULL && b == NULL)
        return;
    const struct session_keeper keeper = connection_keeper(c);
    if (b != NULL)
        bridge_lost(b, &keeper);
    else if (!session_client_lost(s, &keeper))
        session_keeper_release(&keeper);
}

/* A client that closes without a word about why means it, too. */
static bool is_goodbye(const struct ws_closed *closed)
{
    return closed->by_peer && (closed->code == 1000 || closed->code == 1005);
}

void realtime_abandon(struct net *n)
{
    while (!list_empty(&n->connections)) {
        struct connection *c = list_entry(n->connections.next, struct connection, entry);
        leave_session(c);
        connection_leave(c);
    }
}

static void on_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    struct connection *c = ctx;

    log_debug("client connection closed peer=%s code=%d message=\"%s\"", ws_peer(ws), closed->code,
              closed->message == NULL ? "" : closed->message);
    if (c->net == NULL || is_goodbye(closed))
        leave_session(c);
    else
        lose_session(c);
    connection_free(c);
}

static const struct ws_events ws_events = {
    .on_message = on_message,
    .on_dropped = on_dropped,
    .on_closed = on_closed,
};

/* ---- refusals ---- */

void connection_refuse(struct connection *c, const struct rt_error *error, int code)
{
    struct buf event = {0};
    char reason[124];

    rt_encode_error(&event, error, VIEW(""));
    (void)ws_send(c->ws, buf_view(&event), 0);
    buf_done(&event);
    rt_error_close_reason(error, reason);
    log_info("a client was refused peer=%s code=%s message=\"%s\"", ws_peer(c->ws), error->code,
             error->message);
    ws_close(c->ws, code, reason);
}

static void refuse_kind(struct connection *c, enum rt_error_kind kind, const char *param,
                        const char *format, ...)
{
    struct rt_error error;
    char message[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args); /* cut when too long */
    va_end(args);
    (void)rt_error_set(&error, kind, param, "%s", message);
    connection_refuse(c, &error, rt_error_close_code(&error));
}

/* ---- what is asked for ---- */

static bool lists(struct parley_view list, const char *word)
{
    struct parley_view entry;

    while (list.len > 0) {
        (void)view_split(&list, ',', &entry); /* the last one has no comma */
        if (view_is(view_trim(entry), word))
            return true;
    }
    return false;
}

static bool speaks_preview(struct http_request *r)
{
    struct parley_view value;

    if (http_header(r, "openai-beta", &value) && lists(value, "realtime=v1"))
        return true;
    for (size_t i = 0; http_offered_subprotocol(r, i, &value); i++) {
        if (view_is(value, "openai-beta.realtime-v1"))
            return true;
    }
    return false;
}

/* The only subprotocol that is ever answered, since clients accept no other. */
static const char *subprotocol_for(struct http_request *r)
{
    struct parley_view offered;

    for (size_t i = 0; http_offered_subprotocol(r, i, &offered); i++) {
        if (view_is(offered, "realtime"))
            return "realtime";
    }
    return NULL;
}

/* A browser can set no header, but list subprotocols. */
static void read_token(struct http_request *r, char *token, size_t size)
{
    const struct parley_view prefix = VIEW("parley-resume.");
    struct parley_view value;

    if (http_header(r, "parley-resume-token", &value)) {
        view_copy(token, size, value);
        return;
    }
    for (size_t i = 0; http_offered_subprotocol(r, i, &value); i++) {
        if (view_starts_with(value, prefix))
            view_copy(token, size,
                      (struct parley_view){value.data + prefix.len, value.len - prefix.len});
    }
}

static void read_session(struct http_request *r, struct wanted *w)
{
    struct parley_view value;

    w->wants_resume = http_query_get(r, "resume", &value) && view_is(value, "on");
    if (!http_query_get(r, "session_id", &value) || value.len == 0)
        return;
    view_copy(w->session_id, sizeof(w->session_id),
              value.len < sizeof(w->session_id) ? value : VIEW("-")); /* no session is called so */
    read_token(r, w->token, sizeof(w->token));
    if (http_query_get(r, "last_event_id", &value))
        view_copy(w->last_event_id, sizeof(w->last_event_id), value);
}

static struct wanted read_wanted(struct http_request *r)
{
    struct wanted w = {0};
    struct parley_view value;

    if (http_query_get(r, "model", &value) || http_query_get(r, "deployment", &value) ||
        http_query_get(r, "agent-name", &value)) {
        w.has_model = value.len > 0;
        view_copy(w.model, sizeof(w.model), value);
    }
    w.has_other = http_query_get(r, "call_id", &value) || http_query_get(r, "intent", &value);
    w.is_preview = speaks_preview(r);
    read_session(r, &w);
    w.wants_trace = http_query_get(r, "trace", &value) && view_is(value, "on");
    if (http_header(r, "traceparent", &value))
        view_copy(w.traceparent, sizeof(w.traceparent), value);
    if (http_header(r, "tracestate", &value) && tracestate_is_valid(value))
        view_copy(w.tracestate, sizeof(w.tracestate), value);
    return w;
}

/* The agent that is asked for, else the default one. A secret leads to its own agent only: whoever
 * holds it was not given the others. */
static const struct agent *find_agent(const struct net *n, const char *name, bool is_bound)
{
    const struct generation *g = worker_generation_config(n->w.hub.generation(n->w.hub.ctx));
    const struct agent *a = generation_agent(g, view_of(name));

    return a == NULL && !is_bound ? generation_agent(g, view_of(n->w.config->default_agent)) : a;
}

/* NULL when the client was refused. */
static const struct agent *choose_agent(struct connection *c, const struct wanted *w,
                                        const struct caller *caller)
{
    bool is_bound = caller->has_secret && caller->secret.agent[0] != '\0';
    const char *name = is_bound       ? caller->secret.agent
                       : w->has_model ? w->model
                                      : c->net->w.config->default_agent;
    const struct agent *a = find_agent(c->net, name, is_bound);

    if (a != NULL)
        return a;
    net_rejected(c->net, "request");
    if (name[0] == '\0')
        refuse_kind(
            c, RT_ERROR_MISSING_MODEL, "model",
            "The query parameter 'model' is missing; it names an agent, see GET /v1/models.");
    else
        refuse_kind(c, RT_ERROR_INVALID_MODEL, "model",
                    "There is no agent '%s'; GET /v1/models lists them.", name);
    return NULL;
}

static void refuse_key(struct connection *c, const struct caller *caller)
{
    struct rt_error error;

    if (!caller->gave_none) {
        refuse_kind(c, RT_ERROR_INVALID_API_KEY, NULL,
                    caller->token.len > 0
                        ? "The token is not accepted: it has expired, or is not for this service."
                        : "The API key is wrong or has expired.");
        return;
    }
    /* Without a code, as the service that clients know has it. */
    rt_error_copy(&error, "invalid_request_error", NULL,
                  "No API key was given: send `Authorization: Bearer KEY`, `api-key: KEY`, or the "
                  "subprotocol openai-insecure-api-key.KEY.");
    connection_refuse(c, &error, 3000);
}

static bool is_acceptable(struct connection *c, const struct wanted *w, const struct caller *caller)
{
    struct rt_error error;

    if (!caller->is_known) {
        net_rejected(c->net, "auth");
        refuse_key(c, caller);
        return false;
    }
    if (w->is_preview) {
        net_rejected(c->net, "request");
        rt_error_copy(&error, "invalid_request_error", "beta_api_shape_disabled",
                      "The preview dialect is not served: leave out OpenAI-Beta and the "
                      "openai-beta.realtime-v1 subprotocol, and use the GA events.");
        connection_refuse(c, &error, 4000);
        return false;
    }
    if (w->has_other) {
        net_rejected(c->net, "request");
        rt_error_copy(&error, "invalid_request_error", "unknown_parameter",
                      "call_id and intent are not served here; connect with ?model=AGENT.");
        connection_refuse(c, &error, 4000);
        return false;
    }
    return true;
}

static void begin_session(struct connection *c, const struct wanted *w, const struct caller *caller)
{
    const struct agent *agent = choose_agent(c, w, caller);
    struct parley_error err = PARLEY_ERROR_INIT;
    struct rt_error error;

    if (agent == NULL)
        return;
    _cleanup_json_ json_t *preset = caller->has_secret && caller->secret.session[0] != '\0'
                                        ? json_parse(view_of(caller->secret.session), NULL)
                                        : NULL;
    const struct session_open open = {
        .sessions = c->net->w.sessions,
        .generation = c->net->w.hub.generation(c->net->w.hub.ctx),
        .agent = agent,
        .user = caller->name,
        .traceparent = w->traceparent,
        .tracestate = w->tracestate,
        .wants_trace = w->wants_trace,
        .wants_resume = w->wants_resume,
        .preset = preset,
        .client = &connection_client,
        .client_ctx = c,
    };
    int r = session_open(&open, &c->session, &err);
    if (r == PARLEY_OK)
        return;
    net_rejected(c->net, "error");
    log_error("a session could not be opened agent=%s reason=\"%s\"", agent->name, err.message);
    rt_error_copy(&error, NULL, err.code[0] == '\0' ? "session_not_opened" : err.code, err.message);
    bool may_retry = r == PARLEY_E_BUSY || r == PARLEY_E_UNAVAILABLE || r == PARLEY_E_TIMEOUT;
    connection_refuse(c, &error, may_retry ? 1013 : 4000);
}

void connection_serve(struct connection *c, const struct wanted *w, const struct caller *caller)
{
    bool is_good = is_acceptable(c, w, caller);

    if (is_good && w->session_id[0] != '\0')
        resume_session(c, w, caller->name);
    else if (is_good)
        begin_session(c, w, caller);
}

/* ---- admission ---- */

static bool has_room(struct net *n, struct http_request *r)
{
    if (n->is_draining || !n->w.hub.is_ready(n->w.hub.ctx)) {
        net_rejected(n, "shutdown");
        answer_error(r, 503, "server_error", "server_stopping",
                     "This server is starting or stopping; try another, or again soon.");
        return false;
    }
    struct parley_view id;
    bool comes_back = http_query_get(r, "session_id", &id) && id.len > 0;

    if (!comes_back && worker_sessions_count(n->w.sessions) >= (size_t)n->w.config->max_sessions) {
        net_rejected(n, "capacity");
        answer_error(r, 503, "server_error", "too_many_sessions",
                     "%zu sessions are open here, the most this worker takes ([server] "
                     "max_sessions); try again soon.",
                     worker_sessions_count(n->w.sessions));
        return false;
    }
    return true;
}

static struct connection *connection_create(struct net *n, const struct caller *caller)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->net = n;
    view_copy(c->user, sizeof(c->user), view_of(caller->name));
    list_append(&n->connections, &c->entry);
    n->connection_count++;
    return c;
}

/* The key has its limit; unknown callers have none, since they get no session. */
static bool enter(struct connection *c, struct http_request *r, const struct caller *caller)
{
    struct parley_view id;

    /* Who comes back is counted already. */
    if (!caller->is_known || (http_query_get(r, "session_id", &id) && id.len > 0))
        return true;
    if (connection_enter(c))
        return true;
    net_rejected(c->net, "capacity");
    answer_error(r, 429, "invalid_request_error", "too_many_sessions",
                 "Key \"%s\" has %lld sessions open, the most one may have ([server] "
                 "max_sessions_per_key).",
                 c->user, (long long)c->net->w.config->max_sessions_per_key);
    return false;
}

static void accept_connection(struct connection *c, struct http_request *r,
                              const struct caller *caller)
{
    const struct net_config *config = c->net->w.config;
    const struct ws_limits limits = {
        .max_message_bytes = config->max_message_bytes,
        .soft_queue_bytes = config->queue_bytes,
        .hard_queue_bytes = config->queue_limit_bytes,
        .ping_interval_ms = config->ping_interval_ms,
    };
    struct wanted wanted = read_wanted(r);
    struct identifying *later = caller->is_waiting ? identify_begin(c->net, caller) : NULL;

    c->ws = ws_accept(r, subprotocol_for(r), &limits, &ws_events, c);
    if (c->ws == NULL) {
        identify_drop(later);
        connection_free(c);
        return;
    }
    if (later != NULL)
        identify_later(later, c, &wanted);
    else
        connection_serve(c, &wanted, caller);
    explicit_bzero(wanted.token, sizeof(wanted.token));
    c->net->w.hub.counts_changed(c->net->w.hub.ctx);
}

static void serve_upgrade(struct net *n, struct http_request *r, const struct caller *caller,
                          bool is_voice_live)
{
    struct connection *c = connection_create(n, caller);

    if (c != NULL && is_voice_live && !azure_speak(c)) {
        connection_free(c);
        c = NULL;
    }
    if (c == NULL)
        answer_error(r, 503, "server_error", NULL, "No memory for a connection; try again soon.");
    else if (!enter(c, r, caller))
        connection_free(c);
    else
        accept_connection(c, r, caller);
}

void realtime_upgrade(struct net *n, struct http_request *r)
{
    if (!origin_is_allowed(n, r)) {
        net_rejected(n, "auth");
        return;
    }
    if (!has_room(n, r))
        return;
    struct caller caller = net_identify(n, r);
    bool is_voice_live = view_is(http_path(r), NET_VOICE_LIVE_PATH);
    if (!is_voice_live || azure_may_upgrade(n, r, &caller))
        serve_upgrade(n, r, &caller, is_voice_live);
    client_secret_done(&caller.secret);
}
