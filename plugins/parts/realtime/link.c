/* SPDX-License-Identifier: Apache-2.0 */
#include "parts/realtime/link.h"

#include "parts/realtime/ending.h"
#include "parts/scrub.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer events are no errors: the longest known error lists all event types. */
#define MAX_ERROR_BYTES 8192
#define MAX_HEADERS     (LINK_MAX_HEADERS + 5)
#define MAX_BEARER      16384
#define NOTHING_SENT    1
#define WANT_HEADERS    "retry-after,retry-after-ms,x-request-id,apim-request-id,x-ms-region"

/*
 *   FETCHING --token--> CONNECTING --101--> GREETING --session.created--> OPEN
 *      ^  |                 |  |                |                           |
 *      |  |                 |  +----------------+---- close() / timeout ----+--> CLOSING
 * --on_closed--> freed |  +--no token, close()-------------------------------------------------->
 * CLOSING
 *      +--401, once---------+
 */
enum state { FETCHING, CONNECTING, GREETING, OPEN, CLOSING };

struct link_worker {
    const struct link_service *service;
    struct link *first; /* sessions that have not closed */
};

struct link {
    struct link *next;
    struct link_worker *worker;
    const struct link_service *service;
    const struct parley_model_host *host;
    void *ctx;
    struct parley_worker *on;
    struct parley_ws *ws;          /* NULL: there is no connection */
    struct parley_timer *deadline; /* until session.created; then of a goodbye without connection */
    enum state state;
    void *dialect; /* NULL: GA */
    uint64_t token_request;
    bool waits_for_token;
    bool is_paused; /* the host wants no more for now */
    bool had_another_token;
    char *token;      /* of the credential, as it was shown */
    int sent;         /* what became of the event that the dialect sends */
    bool was_asked;   /* close() was called: the end is orderly whatever comes */
    bool told_binary; /* the log was told once */
    struct ending ending;
    char safety_identifier[512];
    char traceparent[128];
    char tracestate[513];
};

static void forget_token(struct link *s)
{
    if (s->token != NULL)
        explicit_bzero(s->token, strlen(s->token));
    free(s->token);
    s->token = NULL;
    s->ending.key = s->service->api_key;
}

static void link_free(struct link *s)
{
    struct link **at = &s->worker->first;

    while (*at != NULL && *at != s)
        at = &(*at)->next;
    if (*at == s)
        *at = s->next;
    if (s->waits_for_token)
        s->service->credentials->cancel(s->on, s->token_request);
    if (s->dialect != NULL)
        s->service->dialect->destroy(s->dialect);
    s->service->timer->destroy(s->deadline);
    forget_token(s);
    free(s);
}

int link_worker_start(const struct link_service *service, void **ret_worker_instance,
                      struct parley_error *err)
{
    struct link_worker *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a worker's sessions");
    w->service = service;
    *ret_worker_instance = w;
    return PARLEY_OK;
}

void link_worker_stop(void *worker_instance)
{
    struct link_worker *w = worker_instance;

    while (w->first != NULL)
        link_free(w->first);
    free(w);
}

/* Close for a reason of our own; on_closed follows from the service. */
static void give_up(struct link *s, int status, int retryable, int code, const char *message)
{
    ending_set(&s->ending, status, retryable, message);
    s->state = CLOSING;
    s->service->timer->stop(s->deadline);
    s->service->ws->close(s->ws, code, "");
}

/* Without a connection nobody else says that it is over. */
static void end_here(struct link *s)
{
    struct parley_model_closed told = {
        .size = sizeof(told),
        .status = s->was_asked ? PARLEY_OK : s->ending.status,
        .retryable = s->was_asked ? 0 : (uint32_t)s->ending.retryable,
        .code = s->was_asked ? "" : s->ending.code,
        .type = s->was_asked ? "" : s->ending.type,
        .message = s->was_asked ? "" : s->ending.message,
    };

    s->host->on_closed(s->ctx, &told);
    link_free(s);
}

static void on_deadline(void *ctx)
{
    struct link *s = ctx;
    char message[128];

    if (s->ws == NULL && s->state == FETCHING)
        ending_set(&s->ending, PARLEY_E_TIMEOUT, 1, "The credential gave no token in time.");
    if (s->ws == NULL) {
        end_here(s);
        return;
    }
    (void)snprintf(message, sizeof(message),
                   "The model's server sent no session.created within %lld ms.",
                   (long long)s->service->connect_timeout_ms);
    give_up(s, PARLEY_E_TIMEOUT, 1, 1000, message);
}

static void on_open(void *ctx, struct parley_ws *ws)
{
    struct link *s = ctx;

    (void)ws;
    if (s->state == CONNECTING)
        s->state = GREETING;
}

/* --- Events of the service -------------------------------------------------------------------- */

static json_t *parse(struct parley_view event)
{
    return json_loadb(event.data == NULL ? "" : event.data, event.len, 0, NULL);
}

static const char *type_of(const json_t *tree)
{
    const char *type = json_string_value(json_object_get(tree, "type"));

    return type == NULL ? "" : type;
}

static void opened(struct link *s, struct parley_view session_created)
{
    s->state = OPEN;
    s->host->on_open(s->ctx, session_created);
}

/* ---- through the dialect ---- */

static void to_host(void *ctx, struct parley_view event, uint32_t flags)
{
    struct link *s = ctx;

    if (s->state == GREETING)
        opened(s, event);
    else if (s->state == OPEN)
        s->host->on_event(s->ctx, event, flags);
}

static void to_peer(void *ctx, struct parley_view event, uint32_t flags)
{
    struct link *s = ctx;
    int r = s->service->ws->send(s->ws, event, flags & PARLEY_EVENT_ROOM);

    if (s->sent == NOTHING_SENT)
        s->sent = r;
}

/* What the service said, whatever was hidden of it. */
static void relay(struct link *s, struct parley_view event, uint32_t flags)
{
    if (s->dialect != NULL)
        s->service->dialect->from_peer(s->dialect, event, flags);
    else
        s->host->on_event(s->ctx, event, flags);
}

/* The first events: session.created opens, an error tells why a close is about to follow. */
static void greet(struct link *s, struct parley_view event)
{
    json_t *tree = parse(event);
    const char *type = type_of(tree);

    if (strcmp(type, "session.created") == 0) {
        s->service->timer->stop(s->deadline);
        if (s->dialect == NULL)
            opened(s, event);
        else
            s->service->dialect->from_peer(s->dialect, event, 0); /* to_host() opens */
        if (s->state == GREETING)
            give_up(s, PARLEY_E_NO_MEMORY, 1, 1011, "No memory to translate session.created.");
    } else if (strcmp(type, "error") == 0) {
        ending_of_error(&s->ending, json_object_get(tree, "error"));
    } else {
        give_up(s, PARLEY_E_PROTOCOL, 0, 1002,
                "The model's server does not speak the Realtime protocol: its first event is not "
                "session.created.");
    }
    json_decref(tree);
}

/* May it be an error event? Cheap, and never wrong in saying no. */
static bool may_be_error(struct parley_view event)
{
    return event.len <= MAX_ERROR_BYTES && memmem(event.data, event.len, "\"error\"", 7) != NULL;
}

/* The error with its message scrubbed, as text to free; NULL when nothing had to be hidden. */
static char *scrubbed(const struct link *s, json_t *tree)
{
    json_t *error = json_object_get(tree, "error");
    const json_t *message = json_object_get(error, "message");
    char clean[MAX_ERROR_BYTES];
    struct parley_view text = {json_string_value(message), json_string_length(message)};

    if (!scrub(text, s->ending.key, clean, sizeof(clean)))
        return NULL;
    json_object_set_new(error, "message", json_string(clean));
    return json_dumps(tree, JSON_COMPACT);
}

/* True when the event was told in other words. */
static bool relay_error(struct link *s, struct parley_view event)
{
    json_t *tree = parse(event);
    char *clean = NULL;

    if (strcmp(type_of(tree), "error") == 0) {
        ending_of_error(&s->ending, json_object_get(tree, "error"));
        clean = scrubbed(s, tree);
    }
    json_decref(tree);
    if (clean == NULL)
        return false;
    relay(s, (struct parley_view){clean, strlen(clean)}, 0);
    free(clean);
    return true;
}

static void on_message(void *ctx, struct parley_view message, int binary, uint32_t flags)
{
    struct link *s = ctx;

    if (binary) {
        if (!s->told_binary)
            s->service->host->log(s->service->handle, PARLEY_LOG_WARN,
                                  "the model's server sent a binary message, which is dropped "
                                  "bytes=%zu",
                                  message.len);
        s->told_binary = true;
        return;
    }
    if (s->state == CONNECTING || s->state == GREETING) {
        greet(s, message);
        return;
    }
    if (s->state != OPEN)
        return;
    if (may_be_error(message)) {
        if (relay_error(s, message))
            return;
    } else if (s->ending.status != PARLEY_OK) {
        ending_forget(&s->ending);
    }
    relay(s, message, flags & PARLEY_EVENT_ROOM);
}

static void on_writable(void *ctx)
{
    struct link *s = ctx;

    if (s->state == OPEN)
        s->host->on_writable(s->ctx);
}

/* What support asks for after a refusal, and what the operator can do. */
static void log_refusal(const struct link *s, const struct parley_ws_closed *closed)
{
    const struct link_service *o = s->service;
    char headers[256], hint[256] = "";
    size_t len = 0;

    for (size_t i = 0; i < closed->headers.len && len + 1 < sizeof(headers); i++) {
        char c = closed->headers.data[i];
        headers[len++] = c >= ' ' && c < 127 ? c : ' ';
    }
    headers[len] = '\0';
    if (o->hint != NULL)
        o->hint(o->hint_config, closed->http_status, s->ending.code, s->ending.message, hint,
                sizeof(hint));
    o->host->log(o->handle, PARLEY_LOG_WARN,
                 "the model's server refused the connection http_status=%d%s%s%s %s",
                 closed->http_status, hint[0] == '\0' ? "" : " reason=\"", hint,
                 hint[0] == '\0' ? "" : "\"", headers);
}

static int ask_token(struct link *s, struct parley_error *err);

/* A token may have been taken back before its end: another one is tried, once. */
static bool token_refused(struct link *s)
{
    const struct link_service *o = s->service;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (s->token == NULL || s->was_asked || s->had_another_token)
        return false;
    o->credentials->refused(o->handle, o->credential, o->scope,
                            (struct parley_view){s->token, strlen(s->token)});
    s->had_another_token = true;
    forget_token(s);
    return ask_token(s, &err) == PARLEY_OK;
}

static void on_closed(void *ctx, const struct parley_ws_closed *closed)
{
    struct link *s = ctx;
    struct parley_model_closed told;

    s->ws = NULL;
    if (closed->http_status == 401 && token_refused(s))
        return;
    ending_close(&s->ending, closed, &told);
    if (closed->http_status != 0)
        log_refusal(s, closed);
    if (s->was_asked) {
        told.status = PARLEY_OK;
        told.retryable = 0;
        told.code = "";
        told.type = "";
        told.message = "";
    }
    s->host->on_closed(s->ctx, &told);
    link_free(s);
}

static const struct parley_ws_events ws_events = {
    .size = sizeof(ws_events),
    .on_open = on_open,
    .on_message = on_message,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* --- Connecting ------------------------------------------------------------------------------- */

/* Header values come from configuration and from clients: nothing but visible ASCII may pass. */
static void copy_header(char *out, size_t size, const char *value)
{
    size_t len = value == NULL ? 0 : strlen(value);

    out[0] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (value[i] < ' ' || value[i] > '~')
            return;
    }
    if (len < size)
        memcpy(out, value, len + 1);
}

static size_t add_header(struct parley_ws_header *headers, size_t count, const char *name,
                         const char *value)
{
    if (value[0] == '\0')
        return count;
    headers[count] = (struct parley_ws_header){name, value};
    return count + 1;
}

/* A bearer token, or a key in the header that the service wants it in. */
static char *authorization(const struct link *s, bool is_bearer)
{
    const char *key = s->token != NULL ? s->token : s->service->api_key;
    size_t size = strlen(key) + sizeof("Bearer ");
    char *value = size > MAX_BEARER ? NULL : malloc(size);

    if (value != NULL)
        (void)snprintf(value, size, "%s%s", is_bearer ? "Bearer " : "", key);
    return value;
}

static int connect_with(struct link *s, const char *name, const char *value,
                        struct parley_error *err)
{
    const struct link_service *o = s->service;
    struct parley_ws_header headers[MAX_HEADERS];
    char agent[64];
    size_t count = 0;

    (void)snprintf(agent, sizeof(agent), "parley/%s", o->host->version);
    /* Never OpenAI-Beta: it asks for a dialect that is switched off. */
    count = add_header(headers, count, name, value);
    count = add_header(headers, count, "User-Agent", agent);
    for (size_t i = 0; i < o->header_count; i++)
        count = add_header(headers, count, o->headers[i][0], o->headers[i][1]);
    if (o->safety_header[0] != '\0')
        count = add_header(headers, count, o->safety_header, s->safety_identifier);
    count = add_header(headers, count, "traceparent", s->traceparent);
    count = add_header(headers, count, "tracestate", s->tracestate);
    const struct parley_ws_connect connect = {
        .size = sizeof(connect),
        .header_size = sizeof(headers[0]),
        .url = o->address,
        .subprotocol = o->subprotocol,
        .headers = headers,
        .header_count = count,
        .ca_file = o->ca_file,
        .want_headers = WANT_HEADERS,
        .connect_timeout_ms = o->connect_timeout_ms,
        .max_message_bytes = o->max_event_bytes,
        .ping_interval_ms = o->ping_interval_ms,
    };
    s->state = CONNECTING;
    int r = o->ws->connect(s->on, &connect, &ws_events, s, &s->ws, err);
    if (r == PARLEY_OK && s->is_paused)
        o->ws->pause(s->ws, 1);
    return r;
}

static int begin(struct link *s, bool is_api_key, struct parley_error *err)
{
    const struct link_service *o = s->service;
    bool is_bearer = !is_api_key || strcmp(o->key_header, "Authorization") == 0;
    bool has_key = s->token != NULL || o->api_key[0] != '\0';
    char *value = has_key ? authorization(s, is_bearer) : NULL;

    if (has_key && value == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "the token is longer than %d bytes", MAX_BEARER);
    int r = connect_with(s, is_bearer ? "Authorization" : o->key_header, has_key ? value : "", err);
    if (value != NULL)
        explicit_bzero(value, strlen(value)); /* the service has a copy */
    free(value);
    return r;
}

static void on_token(void *ctx, const struct parley_credential_token *token)
{
    struct link *s = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    bool may_pass = token->status == PARLEY_E_UNAVAILABLE || token->status == PARLEY_E_TIMEOUT;

    s->waits_for_token = false;
    if (token->status != PARLEY_OK) {
        ending_set(&s->ending, token->status, may_pass, token->message);
        end_here(s);
        return;
    }
    s->token = strndup(token->value.data, token->value.len);
    s->ending.key = s->token == NULL ? "" : s->token;
    int r = s->token == NULL ? parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory for a token")
                             : begin(s, token->kind == PARLEY_CREDENTIAL_API_KEY, &err);
    if (r == PARLEY_OK)
        return;
    ending_set(&s->ending, r, 1, err.message);
    end_here(s);
}

static int ask_token(struct link *s, struct parley_error *err)
{
    static const struct parley_credential_events events = {.size = sizeof(events),
                                                           .on_token = on_token};
    const struct link_service *o = s->service;
    int r = o->credentials->get(o->handle, s->on, o->credential, o->scope, &events, s,
                                &s->token_request, err);

    s->state = FETCHING;
    s->waits_for_token = r == PARLEY_OK;
    return r;
}

int link_check_header(const char *option, const char *value, struct parley_error *err)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            return parley_fail(err, PARLEY_E_INVALID,
                               "%s: it holds a space, a line end or another character that no "
                               "header may hold; check how it was copied",
                               option);
    }
    return PARLEY_OK;
}

static int start(struct link *s, struct parley_error *err)
{
    const struct link_service *o = s->service;
    const struct link_sink sink = {.to_peer = to_peer, .to_host = to_host, .ctx = s};

    s->deadline = o->timer->create(s->on, on_deadline, s);
    if (o->dialect != NULL)
        s->dialect = o->dialect->create(o->dialect_config, &sink);
    if (s->deadline == NULL || (o->dialect != NULL && s->dialect == NULL))
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a session with the model");
    return o->credential[0] != '\0' ? ask_token(s, err) : begin(s, true, err);
}

int link_open(void *worker_instance, const struct parley_model_open *open, void **ret_session,
              struct parley_error *err)
{
    struct link_worker *worker = worker_instance;
    const struct link_service *service = worker->service;
    struct link *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a session with the model");
    s->worker = worker;
    s->service = service;
    s->host = open->host;
    s->ctx = open->ctx;
    s->on = open->worker;
    s->ending.key = service->api_key;
    copy_header(s->safety_identifier, sizeof(s->safety_identifier), open->safety_identifier);
    if (service->sends_trace)
        copy_header(s->traceparent, sizeof(s->traceparent), open->traceparent);
    if (service->sends_trace && PARLEY_HAS(open, tracestate) && s->traceparent[0] != '\0')
        copy_header(s->tracestate, sizeof(s->tracestate), open->tracestate);
    int r = start(s, err);
    if (r < 0) {
        link_free(s);
        return r;
    }
    service->timer->start(s->deadline, service->connect_timeout_ms);
    s->next = worker->first;
    worker->first = s;
    *ret_session = s;
    return PARLEY_OK;
}

/* --- While it runs ---------------------------------------------------------------------------- */

int link_send(void *session, struct parley_view event, uint32_t flags, struct parley_error *err)
{
    struct link *s = session;

    if (s->state != OPEN)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "the session with the model is not open");
    s->sent = NOTHING_SENT;
    if (s->dialect != NULL)
        s->service->dialect->from_host(s->dialect, event, flags);
    else
        to_peer(s, event, flags);
    int r = s->sent == NOTHING_SENT ? PARLEY_E_NO_MEMORY : s->sent;
    if (r == PARLEY_E_BUSY)
        return parley_fail(err, r, "the model's server reads too slowly; wait for on_writable");
    return r < 0 ? parley_fail(err, r, "the event could not be sent to the model's server") : r;
}

void link_pause(void *session, int paused)
{
    struct link *s = session;

    s->is_paused = paused != 0;
    if (s->ws != NULL)
        s->service->ws->pause(s->ws, paused);
}

void link_close(void *session)
{
    struct link *s = session;

    if (s->was_asked)
        return;
    s->was_asked = true;
    s->service->timer->stop(s->deadline);
    if (s->ws == NULL)
        s->service->timer->start(s->deadline, 0); /* on_closed never comes on this stack */
    else if (s->state != CLOSING)
        s->service->ws->close(s->ws, 1000, "");
    s->state = CLOSING;
}
