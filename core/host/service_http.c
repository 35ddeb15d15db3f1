/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"
#include "host/worker_instance.h"
#include "transport/http_client.h"

#include <stdlib.h>
#include <string.h>

#define LINGER_MS      250
#define LINGER_STEP_MS 10

/* Between the plugin's callbacks and the client's. Gone after on_end. */
struct exchange {
    struct list entry; /* of worker->exchanges */
    struct parley_worker *worker;
    struct worker_instance *owner; /* NULL: unknown */
    bool is_forgotten;             /* its plugin has stopped and hears nothing more */
    bool is_detached;              /* goes on then */
    uint64_t id;
    struct parley_http_events events;
    void *ctx;
};

static struct watch enter(const struct exchange *x, const char *callback)
{
    return watch_begin(x->worker, x->owner,
                       x->owner == NULL ? "a plugin" : x->owner->instance->title, callback);
}

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct exchange *x = ctx;

    if (x->is_forgotten)
        return;
    struct watch watch = enter(x, "on_data");
    x->events.on_data(x->ctx, code, data);
    watch_end(&watch);
}

static void on_end(void *ctx, const struct http_client_response *response)
{
    struct exchange *x = ctx;
    const struct parley_http_response told = {
        .size = sizeof(told),
        .status = response->status,
        .code = response->code,
        .headers = response->headers,
        .body = response->body,
        .message = response->message,
    };

    list_remove(&x->entry);
    if (!x->is_forgotten) {
        struct watch watch = enter(x, "on_end");
        x->events.on_end(x->ctx, &told);
        watch_end(&watch);
    }
    free(x);
}

static const struct http_client_events collected = {.on_end = on_end};
static const struct http_client_events streamed = {.on_data = on_data, .on_end = on_end};

static struct exchange *exchange_create(struct parley_worker *worker,
                                        const struct parley_http_events *events, void *ctx)
{
    struct exchange *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return NULL;
    x->worker = worker;
    x->owner = worker->current;
    x->ctx = ctx;
    list_append(&worker->exchanges, &x->entry);
    memcpy(&x->events, events, events->size < sizeof(x->events) ? events->size : sizeof(x->events));
    return x;
}

static int start(struct parley_worker *worker, const struct parley_http_request *request,
                 const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
                 struct parley_error *err)
{
    struct parley_http_request own = {0};

    memcpy(&own, request, request->size < sizeof(own) ? request->size : sizeof(own));
    if (own.method == NULL || own.url == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "method or url is missing");
    if (worker->http == NULL)
        worker->http = http_client_create(worker->loop);
    if (worker->http == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for HTTP requests");
    if (!PARLEY_HAS(events, on_end) || events->on_end == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "on_end is missing");
    struct exchange *x = exchange_create(worker, events, ctx);
    if (x == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an HTTP request");
    const struct http_client_request asked = {
        .method = own.method,
        .url = own.url,
        .headers = own.headers,
        .header_count = own.header_count,
        .body = own.body,
        .ca_file = own.ca_file == NULL ? "" : own.ca_file,
        .client_cert_file = own.client_cert_file,
        .client_key_file = own.client_key_file,
        .timeout_ms = own.timeout_ms,
        .max_response_bytes = own.max_response_bytes < 0 ? 0 : (size_t)own.max_response_bytes,
        .is_public_only = (own.flags & PARLEY_HTTP_PUBLIC_ONLY) != 0,
        .may_loop_back = (own.flags & PARLEY_HTTP_MAY_LOOP_BACK) != 0,
    };
    int r =
        http_client_start(worker->http, &asked, x->events.on_data != NULL ? &streamed : &collected,
                          x, ret_request, err);
    if (r < 0) {
        list_remove(&x->entry);
        free(x);
    } else {
        x->id = *ret_request;
        x->is_detached = (own.flags & PARLEY_HTTP_DETACHED) != 0;
    }
    return r;
}

static void cancel(struct parley_worker *worker, uint64_t request)
{
    if (worker->http != NULL)
        http_client_cancel(worker->http, request);
}

const struct parley_service_http service_http = {
    .size = sizeof(service_http),
    .start = start,
    .cancel = cancel,
};

static bool has_detached(const struct parley_worker *worker)
{
    struct list *at;

    list_for_each(at, &worker->exchanges)
    {
        if (list_entry(at, struct exchange, entry)->is_detached)
            return true;
    }
    return false;
}

void service_http_linger(struct parley_worker *worker)
{
    for (int waited = 0; has_detached(worker) && waited < LINGER_MS; waited += LINGER_STEP_MS)
        http_client_step(worker->http, LINGER_STEP_MS);
}

void service_http_forget(struct worker_instance *wi)
{
    struct list *at;

    list_for_each(at, &wi->worker->exchanges)
    {
        struct exchange *x = list_entry(at, struct exchange, entry);
        if (x->owner != wi)
            continue;
        x->is_forgotten = true;
        x->owner = NULL;
        if (!x->is_detached)
            http_client_cancel(wi->worker->http, x->id);
    }
}
