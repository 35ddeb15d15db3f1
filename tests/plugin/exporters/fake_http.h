/* SPDX-License-Identifier: Apache-2.0 */
/* A parley.http/1 that keeps requests until the test answers them, in order. */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include "batches.h"

#include <parley/service/http.h>

#define FAKE_HTTP_MAX 64

struct fake_request {
    uint64_t number;
    char url[256];
    char headers[1024]; /* each followed by a newline */
    char client_cert_file[64];
    char client_key_file[64];
    char *body;
    size_t len;
    const struct parley_http_events *events;
    void *ctx;
};

static struct {
    struct fake_request open[FAKE_HTTP_MAX];
    size_t count;
    uint64_t last_number;
    unsigned started;
    int refuses; /* status of start() */
} http;

static int http_start(struct parley_worker *worker, const struct parley_http_request *request,
                      const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
                      struct parley_error *err)
{
    assert_non_null(worker);
    http.started++;
    if (http.refuses < 0)
        return parley_fail(err, http.refuses, "no connection");
    assert_true(http.count < FAKE_HTTP_MAX);
    struct fake_request *r = &http.open[http.count++];
    memset(r, 0, sizeof(*r));
    r->number = ++http.last_number;
    (void)snprintf(r->url, sizeof(r->url), "%s", request->url);
    if (request->client_cert_file != NULL)
        (void)snprintf(r->client_cert_file, sizeof(r->client_cert_file), "%s",
                       request->client_cert_file);
    if (request->client_key_file != NULL)
        (void)snprintf(r->client_key_file, sizeof(r->client_key_file), "%s",
                       request->client_key_file);
    for (uint32_t i = 0; i < request->header_count; i++) {
        strcat(r->headers, request->headers[i]);
        strcat(r->headers, "\n");
    }
    r->len = request->body.len;
    r->body = malloc(r->len + 1);
    memcpy(r->body, request->body.data, r->len);
    r->events = events;
    r->ctx = ctx;
    assert_true(request->timeout_ms > 0);
    *ret_request = r->number;
    return PARLEY_OK;
}

/* End the oldest request. */
static void http_end(int status, int code, const char *headers, struct parley_view body)
{
    assert_true(http.count > 0);
    struct fake_request r = http.open[0];
    memmove(&http.open[0], &http.open[1], --http.count * sizeof(r));
    const struct parley_http_response response = {.size = sizeof(response),
                                                  .status = status,
                                                  .code = code,
                                                  .headers = {headers, strlen(headers)},
                                                  .body = body,
                                                  .message = status < 0 ? "connection reset" : ""};
    free(r.body);
    r.events->on_end(r.ctx, &response);
}

__attribute__((unused)) static void http_answer(int code, const char *headers)
{
    http_end(PARLEY_OK, code, headers, (struct parley_view){"", 0});
}

static bool http_was_cancelled;

static void http_cancel(struct parley_worker *worker, uint64_t request)
{
    (void)worker;
    http_was_cancelled |= http.count > 0 && http.open[0].number == request;
}

static const struct parley_service_http fake_http = {
    .size = sizeof(fake_http), .start = http_start, .cancel = http_cancel};

static void http_reset(void)
{
    for (size_t i = 0; i < http.count; i++)
        free(http.open[i].body);
    memset(&http, 0, sizeof(http));
    http_was_cancelled = false;
}

#endif
