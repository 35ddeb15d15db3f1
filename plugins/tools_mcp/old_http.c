/* SPDX-License-Identifier: Apache-2.0 */
#include "old_http.h"

#include "answer.h"
#include "message.h"
#include "parts/sse.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_MS    86400000
#define MAX_STREAM   ((int64_t)1 << 30)
#define MAX_POSTS    96
#define MAX_POST_ANS (64 << 10)

/* The stream, or one message on its way. */
struct exchange {
    struct exchange *next;
    struct old_http *owner;
    uint64_t id; /* the service's */
    enum link_purpose purpose;
    uint64_t request;
    bool is_stream;
    bool is_forgotten;
};

struct old_http {
    struct http_config config;
    char endpoint[OLD_HTTP_MAX_URL];
    char *waiting; /* initialize, until the endpoint is known */
    uint64_t waiting_request;
    int64_t waiting_ms;
    struct sse sse;
    struct exchange *first;
    unsigned count;
};

/* ---- the address of the endpoint ---- */

static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");

    return host == NULL ? 0 : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

bool old_http_resolve(const char *url, struct parley_view endpoint, char out[OLD_HTTP_MAX_URL])
{
    size_t origin = origin_length(url);
    bool is_path = endpoint.len > 0 && endpoint.data[0] == '/' &&
                   (endpoint.len == 1 || endpoint.data[1] != '/');
    bool is_same = endpoint.len > origin && strncmp(endpoint.data, url, origin) == 0 &&
                   strchr("/?", endpoint.data[origin]) != NULL;
    size_t prefix = is_path ? origin : 0;

    if (origin == 0 || (!is_path && !is_same) || prefix + endpoint.len >= OLD_HTTP_MAX_URL)
        return false;
    memcpy(out, url, prefix);
    memcpy(out + prefix, endpoint.data, endpoint.len);
    out[prefix + endpoint.len] = '\0';
    return true;
}

/* ---- exchanges ---- */

static struct exchange *exchange_create(struct old_http *h)
{
    struct exchange *x = h->count < MAX_POSTS ? calloc(1, sizeof(*x)) : NULL;

    if (x == NULL)
        return NULL;
    x->owner = h;
    x->next = h->first;
    h->first = x;
    h->count++;
    return x;
}

static void exchange_free(struct exchange *x)
{
    struct exchange **at = &x->owner->first;

    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->owner->count--;
    free(x);
}

static int start(struct exchange *x, const struct parley_http_request *what,
                 const struct parley_http_events *events, struct parley_error *err)
{
    const struct http_config *config = &x->owner->config;
    const char *headers[] = {x->is_stream ? "Accept: text/event-stream"
                                          : "Content-Type: application/json"};
    struct parley_http_request request = *what;

    request.headers = headers;
    request.header_count = 1;
    request.ca_file = config->ca_file;
    int r = gate_start(config->gate, &request, events, x, &x->id, err);
    if (r < 0)
        exchange_free(x);
    return r;
}

static void forget_all(struct old_http *h)
{
    for (struct exchange *x = h->first; x != NULL; x = x->next) {
        if (x->is_forgotten)
            continue;
        x->is_forgotten = true;
        gate_cancel(h->config.gate, x->id); /* on_end follows, and frees */
    }
}

static void close_stream(void *data)
{
    struct old_http *h = data;

    forget_all(h);
    h->endpoint[0] = '\0';
    free(h->waiting);
    h->waiting = NULL;
}

static void go_down(struct old_http *h, const char *why)
{
    close_stream(h);
    h->config.events->on_down(h->config.ctx, why);
}

/* ---- posting ---- */

static void on_posted(void *ctx, const struct parley_http_response *response)
{
    struct exchange *x = ctx;
    const struct http_config *config = &x->owner->config;
    bool is_good = response->status == PARLEY_OK && response->code >= 200 && response->code < 300;
    bool is_heard = !x->is_forgotten;
    enum link_purpose purpose = x->purpose;
    uint64_t request = x->request;
    char why[ANSWER_MAX_WHY];

    exchange_free(x);
    if (!is_heard)
        return;
    if (is_good && purpose == LINK_INITIALIZED) {
        config->events->on_initialized(config->ctx);
    } else if (!is_good && (request != 0 || purpose == LINK_INITIALIZED)) {
        int status = answer_fault(response, response->body, false, why);
        config->events->on_fault(config->ctx, request, status, why);
    }
}

static const struct parley_http_events post_events = {.size = sizeof(post_events),
                                                      .on_end = on_posted};

static int post(struct old_http *h, const char *text, enum link_purpose purpose, uint64_t request,
                int64_t timeout_ms, struct parley_error *err)
{
    const struct parley_http_request what = {
        .size = sizeof(what),
        .method = "POST",
        .url = h->endpoint,
        .body = {text, strlen(text)},
        .timeout_ms = timeout_ms,
        .max_response_bytes = MAX_POST_ANS,
    };
    struct exchange *x = exchange_create(h);

    if (x == NULL)
        return parley_fail(err, PARLEY_E_BUSY, "%d requests are under way already", MAX_POSTS);
    x->purpose = purpose;
    x->request = request;
    return start(x, &what, &post_events, err);
}

/* ---- the stream ---- */

static void take_endpoint(struct old_http *h, struct parley_view address)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char *text = h->waiting;

    if (h->endpoint[0] != '\0')
        return;
    if (!old_http_resolve(h->config.url, address, h->endpoint)) {
        go_down(h, "the endpoint that it names is of another origin than url");
        return;
    }
    h->waiting = NULL;
    if (text != NULL && post(h, text, LINK_INITIALIZE, h->waiting_request, h->waiting_ms, &err) < 0)
        go_down(h, err.message);
    free(text);
}

static void on_event(void *ctx, const char *type, struct parley_view data)
{
    struct exchange *x = ctx;
    struct old_http *h = x->owner;

    if (x->is_forgotten)
        return;
    if (strcmp(type, "endpoint") == 0) {
        take_endpoint(h, data);
    } else if (strcmp(type, "message") == 0) {
        json_t *tree = json_loadb(data.data, data.len, 0, NULL);
        if (tree != NULL)
            h->config.events->on_message(h->config.ctx, tree);
        json_decref(tree);
    }
}

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct exchange *x = ctx;

    if (x->is_forgotten || code < 200 || code >= 300)
        return;
    if (sse_feed(&x->owner->sse, data, on_event, x) < 0 && !x->is_forgotten)
        go_down(x->owner, "a message is longer than 4 MiB");
}

static void on_stream_end(void *ctx, const struct parley_http_response *response)
{
    struct exchange *x = ctx;
    struct old_http *h = x->owner;
    bool is_heard = !x->is_forgotten;
    char why[ANSWER_MAX_WHY];

    exchange_free(x);
    if (!is_heard)
        return;
    (void)answer_fault(response, response->body, false, why);
    go_down(h, h->endpoint[0] == '\0' ? why : "its event stream has ended");
}

static const struct parley_http_events stream_events = {
    .size = sizeof(stream_events), .on_data = on_data, .on_end = on_stream_end};

/* ---- the link ---- */

static int open_stream(void *data, struct parley_error *err)
{
    struct old_http *h = data;
    const struct parley_http_request what = {
        .size = sizeof(what),
        .method = "GET",
        .url = h->config.url,
        .timeout_ms = STREAM_MS,
        .max_response_bytes = MAX_STREAM,
    };

    close_stream(h);
    sse_done(&h->sse);
    h->sse = (struct sse){.limit = MESSAGE_MAX_BYTES};
    struct exchange *x = exchange_create(h);
    if (x == NULL)
        return parley_fail(err, PARLEY_E_BUSY, "%d requests are under way already", MAX_POSTS);
    x->is_stream = true;
    return start(x, &what, &stream_events, err);
}

static int send_message(void *data, const struct link_message *message, struct parley_error *err)
{
    struct old_http *h = data;

    if (h->endpoint[0] != '\0')
        return post(h, message->text, message->purpose, message->request, message->timeout_ms, err);
    if (message->purpose != LINK_INITIALIZE)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "its event stream has ended");
    free(h->waiting);
    h->waiting = strdup(message->text);
    h->waiting_request = message->request;
    h->waiting_ms = message->timeout_ms;
    return h->waiting != NULL ? PARLEY_OK : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

static void forget(void *data, uint64_t request)
{
    (void)data; /* a late answer finds nobody */
    (void)request;
}

static void set_version(void *data, const char *version)
{
    (void)data;
    (void)version;
}

static void destroy(void *data)
{
    struct old_http *h = data;

    close_stream(h);
    while (h->first != NULL) /* the host tells no end of them any more */
        exchange_free(h->first);
    sse_done(&h->sse);
    free(h);
}

static const struct link_vtable vtable = {
    .open = open_stream,
    .send = send_message,
    .forget = forget,
    .set_version = set_version,
    .close = close_stream,
    .destroy = destroy,
};

struct link old_http_link(struct old_http *h)
{
    return (struct link){&vtable, h};
}

struct old_http *old_http_create(const struct http_config *config)
{
    struct old_http *h = calloc(1, sizeof(*h));

    if (h != NULL)
        h->config = *config;
    return h;
}
