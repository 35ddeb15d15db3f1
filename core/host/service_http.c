/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"
#include "host/worker.h"
#include "transport/http_client.h"

#include <stdlib.h>
#include <string.h>

/* Between the plugin's callbacks and the client's. Gone after on_end. */
struct exchange {
    struct parley_worker *worker;
    struct parley_http_events events;
    void *ctx;
};

static void on_data(void *ctx, int code, struct parley_view data)
{
    struct exchange *x = ctx;

    x->events.on_data(x->ctx, code, data);
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

    x->events.on_end(x->ctx, &told);
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
    x->ctx = ctx;
    memcpy(&x->events, events, events->size < sizeof(x->events) ? events->size : sizeof(x->events));
    return x;
}

static int start(struct parley_worker *worker, const struct parley_http_request *request,
                 const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
                 struct parley_error *err)
{
    struct parley_http_request own = {0};

    if (worker->http == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "this worker makes no HTTP requests");
    if (!PARLEY_HAS(events, on_end) || events->on_end == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "on_end is missing");
    struct exchange *x = exchange_create(worker, events, ctx);
    if (x == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an HTTP request");
    memcpy(&own, request, request->size < sizeof(own) ? request->size : sizeof(own));
    const struct http_client_request asked = {
        .method = own.method,
        .url = own.url,
        .headers = own.headers,
        .header_count = own.header_count,
        .body = own.body,
        .ca_file = own.ca_file,
        .timeout_ms = own.timeout_ms,
        .max_response_bytes = own.max_response_bytes < 0 ? 0 : (size_t)own.max_response_bytes,
    };
    int r =
        http_client_start(worker->http, &asked, x->events.on_data != NULL ? &streamed : &collected,
                          x, ret_request, err);
    if (r < 0)
        free(x);
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
