/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "ending.h"
#include "scrub.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer events are no errors: the longest known error lists all event types. */
#define MAX_ERROR_BYTES 8192
#define MAX_HEADERS     9
#define WANT_HEADERS    "retry-after,retry-after-ms,x-request-id,apim-request-id,x-ms-region"

/*
 *   CONNECTING --101--> GREETING --session.created--> OPEN
 *        |                  |                           |
 *        +------------------+---- close() / timeout ----+--> CLOSING --on_closed--> freed
 */
enum state { CONNECTING, GREETING, OPEN, CLOSING };

struct session {
    struct session *next;
    struct openai_worker *worker;
    const struct openai *openai;
    const struct parley_model_host *host;
    void *ctx;
    struct parley_ws *ws;
    struct parley_timer *deadline; /* until session.created */
    enum state state;
    bool was_asked;   /* close() was called: the end is orderly whatever comes */
    bool told_binary; /* the log was told once */
    struct ending ending;
    char safety_identifier[512];
    char traceparent[128];
    char tracestate[513];
};

static void session_free(struct session *s)
{
    struct session **at = &s->worker->first;

    while (*at != NULL && *at != s)
        at = &(*at)->next;
    if (*at == s)
        *at = s->next;
    s->openai->timer->destroy(s->deadline);
    free(s);
}

void session_free_all(struct openai_worker *worker)
{
    while (worker->first != NULL)
        session_free(worker->first);
}

/* Close for a reason of our own; on_closed follows from the service. */
static void give_up(struct session *s, int status, int retryable, int code, const char *message)
{
    ending_set(&s->ending, status, retryable, message);
    s->state = CLOSING;
    s->openai->timer->stop(s->deadline);
    s->openai->ws->close(s->ws, code, "");
}

static void on_deadline(void *ctx)
{
    struct session *s = ctx;
    char message[128];

    (void)snprintf(message, sizeof(message),
                   "The model's server sent no session.created within %lld ms.",
                   (long long)s->openai->connect_timeout_ms);
    give_up(s, PARLEY_E_TIMEOUT, 1, 1000, message);
}

static void on_open(void *ctx, struct parley_ws *ws)
{
    struct session *s = ctx;

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

/* The first events: session.created opens, an error tells why a close is about to follow. */
static void greet(struct session *s, struct parley_view event)
{
    json_t *tree = parse(event);
    const char *type = type_of(tree);

    if (strcmp(type, "session.created") == 0) {
        s->state = OPEN;
        s->openai->timer->stop(s->deadline);
        s->host->on_open(s->ctx, event);
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
static char *scrubbed(const struct session *s, json_t *tree)
{
    json_t *error = json_object_get(tree, "error");
    const json_t *message = json_object_get(error, "message");
    char clean[MAX_ERROR_BYTES];
    struct parley_view text = {json_string_value(message), json_string_length(message)};

    if (!scrub(text, s->openai->api_key, clean, sizeof(clean)))
        return NULL;
    json_object_set_new(error, "message", json_string(clean));
    return json_dumps(tree, JSON_COMPACT);
}

/* True when the event was told in other words. */
static bool relay_error(struct session *s, struct parley_view event)
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
    s->host->on_event(s->ctx, (struct parley_view){clean, strlen(clean)}, 0);
    free(clean);
    return true;
}

static void on_message(void *ctx, struct parley_view message, int binary, uint32_t flags)
{
    struct session *s = ctx;

    if (binary) {
        if (!s->told_binary)
            s->openai->host->log(s->openai->handle, PARLEY_LOG_WARN,
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
    s->host->on_event(s->ctx, message, flags & PARLEY_EVENT_ROOM);
}

static void on_writable(void *ctx)
{
    struct session *s = ctx;

    if (s->state == OPEN)
        s->host->on_writable(s->ctx);
}

/* What support asks for after a refusal. */
static void log_refusal(const struct session *s, const struct parley_ws_closed *closed)
{
    char headers[256];
    size_t len = 0;

    for (size_t i = 0; i < closed->headers.len && len + 1 < sizeof(headers); i++) {
        char c = closed->headers.data[i];
        headers[len++] = c >= ' ' && c < 127 ? c : ' ';
    }
    headers[len] = '\0';
    s->openai->host->log(s->openai->handle, PARLEY_LOG_WARN,
                         "the model's server refused the connection http_status=%d %s",
                         closed->http_status, headers);
}

static void on_closed(void *ctx, const struct parley_ws_closed *closed)
{
    struct session *s = ctx;
    struct parley_model_closed told;

    if (closed->http_status != 0)
        log_refusal(s, closed);
    ending_close(&s->ending, closed, &told);
    if (s->was_asked) {
        told.status = PARLEY_OK;
        told.retryable = 0;
        told.code = "";
        told.type = "";
        told.message = "";
    }
    s->host->on_closed(s->ctx, &told);
    session_free(s);
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

static int begin(struct session *s, struct parley_worker *worker, struct parley_error *err)
{
    const struct openai *o = s->openai;
    struct parley_ws_header headers[MAX_HEADERS];
    char bearer[1024] = "";
    char agent[64];
    size_t count = 0;

    if (o->api_key[0] != '\0')
        (void)snprintf(bearer, sizeof(bearer), "Bearer %s", o->api_key);
    (void)snprintf(agent, sizeof(agent), "parley/%s", o->host->version);
    /* Never OpenAI-Beta: it asks for a dialect that is switched off. */
    count = add_header(headers, count, "Authorization", bearer);
    count = add_header(headers, count, "User-Agent", agent);
    count = add_header(headers, count, "OpenAI-Organization", o->organization);
    count = add_header(headers, count, "OpenAI-Project", o->project);
    count = add_header(headers, count, "OpenAI-Safety-Identifier", s->safety_identifier);
    count = add_header(headers, count, "traceparent", s->traceparent);
    count = add_header(headers, count, "tracestate", s->tracestate);
    const struct parley_ws_connect connect = {
        .size = sizeof(connect),
        .header_size = sizeof(headers[0]),
        .url = o->address,
        .subprotocol = "",
        .headers = headers,
        .header_count = count,
        .ca_file = o->ca_file,
        .want_headers = WANT_HEADERS,
        .connect_timeout_ms = o->connect_timeout_ms,
        .max_message_bytes = o->max_event_bytes,
        .ping_interval_ms = o->ping_interval_ms,
    };
    int r = o->ws->connect(worker, &connect, &ws_events, s, &s->ws, err);
    explicit_bzero(bearer, sizeof(bearer)); /* the service has a copy */
    return r;
}

int session_open(struct openai_worker *worker, const struct parley_model_open *open,
                 void **ret_session, struct parley_error *err)
{
    const struct openai *openai = worker->openai;
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a session with the model");
    s->worker = worker;
    s->openai = openai;
    s->host = open->host;
    s->ctx = open->ctx;
    s->ending.key = openai->api_key;
    copy_header(s->safety_identifier, sizeof(s->safety_identifier), open->safety_identifier);
    if (openai->sends_trace)
        copy_header(s->traceparent, sizeof(s->traceparent), open->traceparent);
    if (openai->sends_trace && PARLEY_HAS(open, tracestate) && s->traceparent[0] != '\0')
        copy_header(s->tracestate, sizeof(s->tracestate), open->tracestate);
    s->deadline = openai->timer->create(open->worker, on_deadline, s);
    int r = s->deadline == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a timer")
                                : begin(s, open->worker, err);
    if (r < 0) {
        session_free(s);
        return r;
    }
    openai->timer->start(s->deadline, openai->connect_timeout_ms);
    s->next = worker->first;
    worker->first = s;
    *ret_session = s;
    return PARLEY_OK;
}

/* --- While it runs ---------------------------------------------------------------------------- */

int session_send(void *session, struct parley_view event, uint32_t flags, struct parley_error *err)
{
    struct session *s = session;

    if (s->state != OPEN)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "the session with the model is not open");
    int r = s->openai->ws->send(s->ws, event, flags & PARLEY_EVENT_ROOM);
    if (r == PARLEY_E_BUSY)
        return parley_fail(err, r, "the model's server reads too slowly; wait for on_writable");
    return r < 0 ? parley_fail(err, r, "the event could not be sent to the model's server") : r;
}

void session_pause(void *session, int paused)
{
    struct session *s = session;

    s->openai->ws->pause(s->ws, paused);
}

void session_close(void *session)
{
    struct session *s = session;

    if (s->was_asked)
        return;
    s->was_asked = true;
    s->openai->timer->stop(s->deadline);
    if (s->state != CLOSING)
        s->openai->ws->close(s->ws, 1000, "");
    s->state = CLOSING;
}
