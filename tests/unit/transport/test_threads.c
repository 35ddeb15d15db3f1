/* SPDX-License-Identifier: Apache-2.0 */
/* Several workers, each with a transport of its own, at the same time. */
#include "base/loop.h"
#include "base/str.h"
#include "transport/http.h"
#include "transport/listener.h"
#include "transport/transport.h"
#include "transport/ws.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS  4
#define MESSAGES 200

/* A worker whose client talks to its own server, by name and over TLS. */
struct worker {
    pthread_t thread;
    const char *certificates;
    struct loop *loop;
    struct transport *t;
    struct http_server *server;
    struct listener *listener;
    struct ws *client;
    int heard;
    struct parley_error err;
};

static void client_open(void *ctx, struct ws *ws)
{
    (void)ctx;
    (void)ws_send(ws, VIEW("hello"), 0);
}

static void client_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct worker *w = ctx;

    if (++w->heard < MESSAGES)
        (void)ws_send(ws, message, flags);
    else
        ws_close(ws, 1000, "");
}

static void client_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    struct worker *w = ctx;

    (void)ws;
    if (closed->status != PARLEY_OK)
        (void)parley_fail(&w->err, closed->status, "%s", closed->message);
    loop_stop(w->loop);
}

static void server_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    (void)ctx;
    (void)ws_send(ws, message, flags);
}

static void server_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    (void)ctx;
    (void)ws;
    (void)closed;
}

static const struct ws_events client_events = {
    .on_open = client_open, .on_message = client_message, .on_closed = client_closed};
static const struct ws_events server_events = {.on_message = server_message,
                                               .on_closed = server_closed};

static void on_request(void *ctx, struct http_request *r)
{
    (void)ctx;
    http_respond_text(r, 404, NULL, "");
}

static void on_upgrade(void *ctx, struct http_request *r)
{
    (void)ws_accept(r, "", NULL, &server_events, ctx);
}

static void on_accept(void *ctx, int fd)
{
    struct worker *w = ctx;

    (void)http_server_adopt(w->server, fd, &w->err);
}

static int start(struct worker *w, char *cert, char *key, char *ca)
{
    static _Thread_local char url[64];
    struct http_server_config server = {.cert_file = cert,
                                        .key_file = key,
                                        .on_request = on_request,
                                        .on_upgrade = on_upgrade,
                                        .ctx = w};
    struct listener_config listener = {.address = "127.0.0.1:0", .on_accept = on_accept, .ctx = w};

    w->loop = loop_create();
    w->t = transport_create(w->loop, NULL, &w->err);
    if (w->t == NULL || http_server_create(w->t, &server, &w->server, &w->err) < 0 ||
        listener_open(w->loop, &listener, &w->listener, &w->err) < 0)
        return -1;
    snprintf(url, sizeof(url), "wss://localhost:%d/", listener_port(w->listener));
    struct ws_connect connect = {.url = url, .ca_file = ca};
    return ws_connect(w->t, &connect, &client_events, w, &w->client, &w->err);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    char cert[512], key[512], ca[512];

    snprintf(cert, sizeof(cert), "%s/localhost.pem", w->certificates);
    snprintf(key, sizeof(key), "%s/localhost.key", w->certificates);
    snprintf(ca, sizeof(ca), "%s/ca.pem", w->certificates);
    w->err = (struct parley_error)PARLEY_ERROR_INIT;
    if (start(w, cert, key, ca) == PARLEY_OK)
        loop_run(w->loop);
    (void)listener_close(w->listener);
    w->t = transport_destroy(w->t);
    w->loop = loop_destroy(w->loop);
    return NULL;
}

static const char *certificates;

static void threads_have_transports_of_their_own(void **state)
{
    struct worker *workers = calloc(WORKERS, sizeof(*workers));

    (void)state;
    for (int i = 0; i < WORKERS; i++) {
        workers[i].certificates = certificates;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_string_equal(workers[i].err.message, "");
        assert_int_equal(workers[i].heard, MESSAGES);
    }
    free(workers);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_have_transports_of_their_own),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: test_transport_threads FOLDER-OF-CERTIFICATES\n");
        return 2;
    }
    certificates = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
