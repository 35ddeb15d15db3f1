/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_net_private.h"
#include "kit.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HEADER_BYTES 8192

struct exchange {
    struct exchange *next;
    const struct parley_worker *worker;
    uint64_t number;
    bool is_cancelled;
    char *method;
    char *url;
    char *headers;
    char *body;
    size_t body_len;
    struct parley_http_events events;
    void *ctx;
};

static struct {
    struct exchange *oldest;
    uint64_t last_number;
    fake_http_peer peer;
    void *ctx;
} http;

static void exchange_free(struct exchange *x)
{
    if (x == NULL)
        return;
    free(x->method);
    free(x->url);
    free(x->headers);
    free(x->body);
    free(x);
}

static char *headers_text(const struct parley_http_request *request)
{
    char *text = calloc(1, MAX_HEADER_BYTES);
    size_t used = 0;

    for (uint32_t i = 0; text != NULL && i < request->header_count; i++) {
        size_t len = strlen(request->headers[i]);
        if (used + len + 2 > MAX_HEADER_BYTES)
            break;
        memcpy(text + used, request->headers[i], len);
        used += len;
        text[used++] = '\n';
    }
    return text;
}

static void copy_events(struct parley_http_events *to, const struct parley_http_events *from)
{
    memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
    if (to->on_end == NULL)
        kit_fail("http", "start() was called without on_end");
}

static int start(struct parley_worker *worker, const struct parley_http_request *request,
                 const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
                 struct parley_error *err)
{
    struct exchange *x = calloc(1, sizeof(*x));
    struct exchange **at = &http.oldest;

    if (x != NULL) {
        x->worker = worker;
        x->method = strdup(request->method);
        x->url = strdup(request->url);
        x->headers = headers_text(request);
        x->body = malloc(request->body.len + 1);
    }
    if (x == NULL || x->method == NULL || x->url == NULL || x->headers == NULL || x->body == NULL) {
        exchange_free(x);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
    }
    if (request->body.len > 0)
        memcpy(x->body, request->body.data, request->body.len);
    x->body_len = request->body.len;
    copy_events(&x->events, events);
    x->ctx = ctx;
    x->number = ++http.last_number;
    while (*at != NULL)
        at = &(*at)->next;
    *at = x;
    *ret_request = x->number;
    return PARLEY_OK;
}

static void cancel(struct parley_worker *worker, uint64_t request)
{
    (void)worker;
    for (struct exchange *x = http.oldest; x != NULL; x = x->next) {
        if (x->number == request)
            x->is_cancelled = true;
    }
}

const struct parley_service_http fake_http_table = {
    .size = sizeof(fake_http_table),
    .start = start,
    .cancel = cancel,
};

void fake_http_serve(fake_http_peer peer, void *ctx)
{
    http.peer = peer;
    http.ctx = ctx;
}

static void ask_peer(const struct exchange *x, struct fake_http_answer *answer)
{
    const struct fake_http_request request = {
        .method = x->method,
        .url = x->url,
        .headers = x->headers,
        .body = {x->body, x->body_len},
    };

    *answer = (struct fake_http_answer){.code = 200, .headers = "", .body = {"", 0}};
    if (x->is_cancelled)
        answer->status = PARLEY_E_CANCELLED;
    else if (http.peer == NULL)
        answer->status = fake_net_fault();
    else
        http.peer(http.ctx, &request, answer);
}

bool fake_http_step(void)
{
    struct exchange *x = http.oldest;
    struct fake_http_answer answer;

    if (x == NULL)
        return false;
    ask_peer(x, &answer);
    http.oldest = x->next;
    bool has_answer = answer.status == PARLEY_OK;
    if (has_answer && x->events.on_data != NULL && answer.body.len > 0)
        KIT_DO("http on_data", KIT_WORKER, x->events.on_data(x->ctx, answer.code, answer.body));
    const struct parley_http_response response = {
        .size = sizeof(response),
        .status = answer.status,
        .code = has_answer ? answer.code : 0,
        .headers = kit_view(has_answer ? answer.headers : ""),
        .body = has_answer && x->events.on_data == NULL ? answer.body : kit_view(""),
        .message = has_answer ? "" : "no answer from the peer",
    };
    KIT_DO("http on_end", KIT_WORKER, x->events.on_end(x->ctx, &response));
    exchange_free(x);
    return true;
}

size_t fake_http_open(void)
{
    size_t count = 0;

    for (const struct exchange *x = http.oldest; x != NULL; x = x->next)
        count++;
    return count;
}

void fake_http_forget(const struct parley_worker *worker)
{
    for (struct exchange **at = &http.oldest; *at != NULL;) {
        struct exchange *x = *at;
        if (x->worker == worker) {
            *at = x->next;
            exchange_free(x);
        } else
            at = &x->next;
    }
}

void fake_http_reset(void)
{
    while (http.oldest != NULL) {
        struct exchange *x = http.oldest;
        http.oldest = x->next;
        exchange_free(x);
    }
    memset(&http, 0, sizeof(http));
}
