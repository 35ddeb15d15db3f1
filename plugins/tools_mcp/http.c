/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "answer.h"
#include "message.h"
#include "mirror.h"
#include "parts/header.h"
#include "parts/sse.h"
#include "stateless.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STREAM       ((int64_t)64 << 20) /* of one answer in all */
#define MAX_ERROR_BODY   ((size_t)16 << 10)
#define MAX_SESSION      512
#define MAX_EXCHANGES    96
#define RESUME_TRIES     3
#define RESUME_MS        1000
#define MAX_SHIFT        5 /* beyond it the pause is LONGEST_RETRY_MS */
#define LONGEST_RETRY_MS 30000
#define LISTEN_MS        3600000
#define GOODBYE_MS       5000
#define MAX_HEADERS      (10 + MIRROR_MAX)

enum kind { POST, LISTEN, GOODBYE };
enum body { UNKNOWN, PLAIN, STREAM };

/* One request under way, or the pause before it is resumed. */
struct exchange {
    struct exchange *next;
    struct http *http;
    enum kind kind;
    enum link_purpose purpose;
    uint64_t request; /* the client's, or 0 */
    uint64_t id;      /* the service's */
    unsigned session; /* the number of the session it was sent in */
    int64_t deadline_ms;
    bool is_running;   /* until on_end is over, which frees it */
    bool has_session;  /* it named one */
    bool is_stateless; /* a request of the stateless revision */
    bool is_forgotten;
    bool is_answered;
    bool is_too_large;
    bool is_resumed;
    unsigned tries;
    enum body body_kind;
    struct text body;
    struct sse sse;
    json_t *held; /* the answer to initialize, until the session's id is known */
    struct parley_timer *pause;
};

struct http {
    struct http_config config;
    char *session; /* Mcp-Session-Id, or NULL */
    char version[24];
    unsigned session_number;
    struct exchange *first;
    unsigned count;
};

static int64_t now_ms(const struct http *h)
{
    return (int64_t)(h->config.around.host->now_us() / 1000);
}

/* ---- exchanges ---- */

static void exchange_free(struct exchange *x)
{
    struct exchange **at = &x->http->first;

    while (*at != NULL && *at != x)
        at = &(*at)->next;
    if (*at != NULL)
        *at = x->next;
    x->http->count--;
    x->http->config.around.timer->destroy(x->pause);
    text_done(&x->body);
    sse_done(&x->sse);
    json_decref(x->held);
    free(x);
}

static struct exchange *exchange_create(struct http *h, enum kind kind, int64_t timeout_ms)
{
    struct exchange *x = h->count < MAX_EXCHANGES ? calloc(1, sizeof(*x)) : NULL;

    if (x == NULL)
        return NULL;
    x->http = h;
    x->kind = kind;
    x->session = h->session_number;
    x->deadline_ms = now_ms(h) + timeout_ms;
    x->sse.limit = MESSAGE_MAX_BYTES;
    x->next = h->first;
    h->first = x;
    h->count++;
    return x;
}

static void give_up(struct exchange *x)
{
    const struct http *h = x->http;

    x->is_forgotten = true;
    if (x->is_running)
        gate_cancel(h->config.gate, x->id); /* on_end follows, and frees */
    else
        exchange_free(x);
}

static void fault(struct exchange *x, int status, const char *why)
{
    const struct http *h = x->http;

    if (x->is_answered || x->kind != POST)
        return;
    x->is_answered = true;
    if (x->request != 0 || x->purpose == LINK_INITIALIZED)
        h->config.events->on_fault(h->config.ctx, x->request, status, why);
}

/* ---- messages that come ---- */

static void look_for_answer(struct exchange *x, json_t *tree)
{
    struct message m;

    message_read(tree, &m);
    bool is_answer = m.kind == MESSAGE_RESULT || m.kind == MESSAGE_ERROR;
    if (is_answer && m.request == x->request && x->request != 0)
        x->is_answered = true;
    else if (m.kind == MESSAGE_ERROR && m.request == 0)
        fault(x, PARLEY_E_PROTOCOL, m.error_message); /* nobody's, so this POST's */
}

/* Only one revision has them; before it is known, they may be of that one. */
static bool takes_arrays(const struct http *h)
{
    return h->version[0] == '\0' || strcmp(h->version, "2025-03-26") == 0;
}

static void deliver(struct exchange *x, json_t *tree)
{
    const struct http *h = x->http;
    json_t *one;
    size_t i;

    if (json_is_array(tree) && takes_arrays(h)) {
        json_array_foreach(tree, i, one) look_for_answer(x, one);
    } else if (json_is_object(tree)) {
        look_for_answer(x, tree);
    }
    if (x->purpose == LINK_INITIALIZE && x->is_answered && x->held == NULL)
        x->held = json_incref(tree);
    else
        h->config.events->on_message(h->config.ctx, tree);
}

static bool deliver_text(struct exchange *x, struct parley_view text)
{
    json_t *tree = json_loadb(text.data, text.len, 0, NULL);

    if (tree != NULL)
        deliver(x, tree);
    json_decref(tree);
    return tree != NULL;
}

static void on_event(void *ctx, const char *type, struct parley_view data)
{
    struct exchange *x = ctx;

    if (!x->is_forgotten && strcmp(type, "message") == 0)
        (void)deliver_text(x, data);
}

static void take_bytes(struct exchange *x, struct parley_view data, size_t limit)
{
    bool fits = x->body_kind == STREAM ? sse_feed(&x->sse, data, on_event, x) == PARLEY_OK
                                       : text_append(&x->body, data, limit);

    if (fits)
        return;
    x->is_too_large = true;
    fault(x, PARLEY_E_TOO_LARGE, "a message is longer than 4 MiB");
    gate_cancel(x->http->config.gate, x->id);
}

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct exchange *x = ctx;

    if (x->is_forgotten || x->is_too_large)
        return;
    if (code < 200 || code >= 300) {
        (void)text_append(&x->body, data, MAX_ERROR_BODY);
        return;
    }
    while (x->body_kind == UNKNOWN && data.len > 0 && strchr(" \t\r\n", data.data[0]) != NULL)
        data = (struct parley_view){data.data + 1, data.len - 1};
    if (data.len == 0)
        return;
    if (x->body_kind == UNKNOWN)
        x->body_kind = answer_is_stream(data.data[0]) ? STREAM : PLAIN;
    take_bytes(x, data, MESSAGE_MAX_BYTES);
}

/* ---- sending ---- */

static void on_end(void *ctx, const struct parley_http_response *response);

static const struct parley_http_events exchange_events = {
    .size = sizeof(exchange_events),
    .on_data = on_data,
    .on_end = on_end,
};

struct lines {
    const char *items[MAX_HEADERS];
    uint32_t count;
    char session[MAX_SESSION + 20];
    char version[48];
    char resume[SSE_MAX_ID + 20];
    char method[80];
    char name[STATELESS_MAX_HEADER + 12];
};

static void add_line(struct lines *l, const char *line)
{
    l->items[l->count++] = line;
}

static void make_lines(const struct exchange *x, struct lines *l)
{
    const struct http *h = x->http;
    bool is_post = x->kind == POST && !x->is_resumed;

    l->count = 0;
    if (is_post)
        add_line(l, "Content-Type: application/json");
    add_line(l,
             is_post ? "Accept: application/json, text/event-stream" : "Accept: text/event-stream");
    if (x->purpose != LINK_INITIALIZE && h->session != NULL) {
        (void)snprintf(l->session, sizeof(l->session), "Mcp-Session-Id: %s", h->session);
        add_line(l, l->session);
    }
    if (x->purpose != LINK_INITIALIZE && h->version[0] != '\0') {
        (void)snprintf(l->version, sizeof(l->version), "MCP-Protocol-Version: %s", h->version);
        add_line(l, l->version);
    }
    if (x->sse.has_id && !is_post) {
        (void)snprintf(l->resume, sizeof(l->resume), "Last-Event-ID: %s", text_str(&x->sse.id));
        add_line(l, l->resume);
    }
}

/* They repeat what the body says, for those who route by headers. */
static bool add_stateless_lines(const struct link_message *message, struct lines *l)
{
    char value[STATELESS_MAX_HEADER];

    if (message == NULL || message->method == NULL)
        return true;
    (void)snprintf(l->method, sizeof(l->method), "Mcp-Method: %s", message->method);
    add_line(l, l->method);
    for (size_t i = 0; i < message->line_count && l->count < MAX_HEADERS - 1; i++)
        add_line(l, message->lines[i]);
    if (message->name == NULL)
        return true;
    if (!stateless_header(message->name, value))
        return false;
    (void)snprintf(l->name, sizeof(l->name), "Mcp-Name: %s", value);
    add_line(l, l->name);
    return true;
}

static const char *method_of(const struct exchange *x)
{
    if (x->kind == GOODBYE)
        return "DELETE";
    return x->kind == LISTEN || x->is_resumed ? "GET" : "POST";
}

static int begin(struct exchange *x, const struct link_message *message, struct parley_error *err)
{
    const char *text = message == NULL ? "" : message->text;
    const struct http_config *config = &x->http->config;
    int64_t left = x->deadline_ms - now_ms(x->http);
    struct lines lines;

    make_lines(x, &lines);
    x->has_session = x->http->session != NULL;
    x->is_stateless = message != NULL && message->method != NULL;
    if (!add_stateless_lines(message, &lines))
        return parley_fail(err, PARLEY_E_INVALID, "the tool's name is too long for a header");
    const struct parley_http_request request = {
        .size = sizeof(request),
        .header_count = lines.count,
        .method = method_of(x),
        .url = config->url,
        .headers = lines.items,
        .body = {text, strlen(text)},
        .ca_file = config->ca_file,
        .timeout_ms = left < 1 ? 1 : left,
        .max_response_bytes = MAX_STREAM,
        .flags = x->kind == GOODBYE ? PARLEY_HTTP_DETACHED : 0,
    };
    x->body_kind = UNKNOWN;
    text_clear(&x->body);
    sse_restart(&x->sse);
    int r = gate_start(config->gate, &request, &exchange_events, x, &x->id, err);
    x->is_running = r == PARLEY_OK;
    return r;
}

/* ---- the stream for what belongs to no request ---- */

static void listen(struct http *h)
{
    struct exchange *x = exchange_create(h, LISTEN, LISTEN_MS);

    if (x != NULL && begin(x, NULL, NULL) < 0)
        exchange_free(x);
}

/* ---- going on after a cut ---- */

static void on_pause_over(void *ctx)
{
    struct exchange *x = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (begin(x, NULL, &err) == PARLEY_OK)
        return;
    x->is_running = true; /* it is freed here, whatever the client does now */
    fault(x, err.status, err.message);
    exchange_free(x);
}

static bool pause_and_resume(struct exchange *x)
{
    const struct surroundings *around = &x->http->config.around;
    unsigned shift = x->tries < MAX_SHIFT ? x->tries : MAX_SHIFT;
    int64_t wait = x->sse.retry_ms > 0 ? x->sse.retry_ms : RESUME_MS << shift;

    if (wait > LONGEST_RETRY_MS)
        wait = LONGEST_RETRY_MS;
    if (x->pause == NULL)
        x->pause = around->timer->create(around->worker, on_pause_over, x);
    if (x->pause == NULL)
        return false;
    x->tries++;
    x->is_running = false;
    x->is_resumed = true;
    around->timer->start(x->pause, wait);
    return true;
}

/* The answer may still come, if the server gave the stream a place to go on from. */
static bool may_resume(const struct exchange *x)
{
    return x->body_kind == STREAM && x->sse.has_id && !x->is_stateless && !x->is_answered &&
           !x->is_too_large && x->tries < RESUME_TRIES && x->session == x->http->session_number;
}

/* A stream that stood, or could not be reached, is opened again for as long as the session lasts; a
 * server that has none said so. */
static bool may_listen_again(struct exchange *x, int code)
{
    bool is_refused = code != 0 && (code < 200 || code >= 300);

    if (is_refused || x->is_too_large || x->session != x->http->session_number)
        return false;
    x->tries = x->body_kind == STREAM ? 0 : x->tries;
    x->deadline_ms = now_ms(x->http) + LISTEN_MS;
    return true;
}

/* ---- the end of an exchange ---- */

/* Only visible ASCII is an id; it comes with the answer to initialize alone. */
static void take_session(struct exchange *x, const struct parley_http_response *response)
{
    struct http *h = x->http;
    struct parley_view id = header_value(response->headers, "mcp-session-id");

    free(h->session);
    h->session = NULL;
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] <= ' ' || id.data[i] > '~')
            return;
    }
    if (id.len > 0 && id.len <= MAX_SESSION)
        h->session = strndup(id.data, id.len);
}

static void finish_initialize(struct exchange *x, const struct parley_http_response *response)
{
    const struct http *h = x->http;

    take_session(x, response);
    if (x->held != NULL)
        h->config.events->on_message(h->config.ctx, x->held);
}

/* True: the server wants it later, and the client was told so. */
static bool tell_later(struct exchange *x, const struct parley_http_response *response,
                       const char *why)
{
    const struct http *h = x->http;
    int64_t wait_ms =
        answer_retry_after(response, (int64_t)(h->config.around.host->unix_us() / 1000));

    if (wait_ms < 0 || x->request == 0 || x->is_answered)
        return false;
    x->is_answered = true;
    h->config.events->on_later(h->config.ctx, x->request, wait_ms, why);
    return true;
}

static void tell_fault(struct exchange *x, const struct parley_http_response *response)
{
    const struct http *h = x->http;
    char why[ANSWER_MAX_WHY];
    int status = answer_fault(response, text_view(&x->body),
                              x->has_session && x->purpose == LINK_ORDINARY, why);

    if (status == PARLEY_E_GONE && x->session != h->session_number)
        status = PARLEY_E_CONFLICT; /* a session that has been replaced already */
    if (status == PARLEY_E_UNAVAILABLE && x->body_kind != UNKNOWN) {
        status = PARLEY_E_PROTOCOL; /* this answer broke off, the server is there */
        (void)snprintf(why, sizeof(why), "the connection was cut before the answer was whole");
    }
    if (!tell_later(x, response, why))
        fault(x, status, why);
}

static void finish_post(struct exchange *x, const struct parley_http_response *response)
{
    const struct http *h = x->http;
    bool is_good = response->status == PARLEY_OK && response->code >= 200 && response->code < 300;

    /* In the stateless revision an error has a code of HTTP and its own words in the body. */
    bool may_explain = x->is_stateless && response->code >= 400 && response->code < 500 &&
                       response->code != 401 && response->code != 403;
    if ((is_good && x->body_kind == PLAIN) || may_explain)
        (void)deliver_text(x, text_view(&x->body));
    if (x->is_forgotten || (x->is_stateless && x->is_answered))
        return;
    if (x->purpose == LINK_INITIALIZE && x->is_answered)
        finish_initialize(x, response);
    else if (is_good && x->purpose == LINK_INITIALIZED) {
        listen(x->http); /* before the list is asked for, so that no change of it is missed */
        h->config.events->on_initialized(h->config.ctx);
    } else if (!is_good || x->request != 0)
        tell_fault(x, response);
}

static void on_end(void *ctx, const struct parley_http_response *response)
{
    struct exchange *x = ctx;

    bool goes_on = !x->is_forgotten && ((x->kind == POST && may_resume(x)) ||
                                        (x->kind == LISTEN && may_listen_again(x, response->code)));
    if (goes_on && pause_and_resume(x))
        return;
    if (!x->is_forgotten && x->kind == POST)
        finish_post(x, response);
    exchange_free(x);
}

/* ---- the link ---- */

static int open_session(void *data, struct parley_error *err)
{
    struct http *h = data;

    (void)err;
    free(h->session);
    h->session = NULL;
    h->version[0] = '\0';
    h->session_number++;
    for (struct exchange *x = h->first, *next; x != NULL; x = next) {
        next = x->next;
        if (x->kind == LISTEN)
            give_up(x);
    }
    return PARLEY_OK;
}

static int send_message(void *data, const struct link_message *message, struct parley_error *err)
{
    struct http *h = data;
    struct exchange *x = exchange_create(h, POST, message->timeout_ms);

    if (x == NULL)
        return parley_fail(err, PARLEY_E_BUSY, "%d requests are under way already", MAX_EXCHANGES);
    x->purpose = message->purpose;
    x->request = message->request;
    int r = begin(x, message, err);
    if (r < 0)
        exchange_free(x);
    return r;
}

static void forget(void *data, uint64_t request)
{
    struct http *h = data;

    for (struct exchange *x = h->first; x != NULL; x = x->next) {
        if (x->request == request && request != 0 && !x->is_forgotten) {
            give_up(x);
            return;
        }
    }
}

static void set_version(void *data, const char *version)
{
    struct http *h = data;

    (void)snprintf(h->version, sizeof(h->version), "%s", version);
}

static void say_goodbye(struct http *h)
{
    if (h->session == NULL)
        return;
    struct exchange *x = exchange_create(h, GOODBYE, GOODBYE_MS);
    if (x != NULL && begin(x, NULL, NULL) < 0)
        exchange_free(x);
}

static void close_session(void *data)
{
    struct http *h = data;

    for (struct exchange *x = h->first, *next; x != NULL; x = next) {
        next = x->next;
        if (x->kind != GOODBYE && !x->is_forgotten)
            give_up(x);
    }
    say_goodbye(h);
    free(h->session);
    h->session = NULL;
    h->session_number++;
}

static void destroy(void *data)
{
    struct http *h = data;

    close_session(h);
    while (h->first != NULL) /* the host tells no end of them any more */
        exchange_free(h->first);
    free(h);
}

static const struct link_vtable vtable = {
    .open = open_session,
    .send = send_message,
    .forget = forget,
    .set_version = set_version,
    .close = close_session,
    .destroy = destroy,
    .is_http = 1,
};

struct link http_link(struct http *h)
{
    return (struct link){&vtable, h};
}

struct http *http_create(const struct http_config *config)
{
    struct http *h = calloc(1, sizeof(*h));

    if (h != NULL)
        h->config = *config;
    return h;
}
