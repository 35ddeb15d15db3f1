/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a stranger at the server's socket. The first byte says whether a WebSocket handshake is
 * put before them, and in pieces of which size they come. Messages are echoed, requests answered.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "base/loop.h"
#include "base/str.h"
#include "transport/http.h"
#include "transport/transport.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 4

static struct loop *loop;
static struct transport *transport;
static struct http_server *server;

static void on_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    (void)ctx;
    (void)ws_send(ws, message, flags | WS_DROPPABLE);
    if (view_is(message, "bye"))
        ws_close(ws, 1000, "bye");
    if (view_is(message, "go"))
        ws_abort(ws);
}

static void on_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    (void)ctx;
    (void)ws;
    (void)closed;
}

static const struct ws_events events = {.on_message = on_message, .on_closed = on_closed};

static void on_request(void *ctx, struct http_request *r)
{
    struct parley_view v;

    (void)ctx;
    (void)http_query_get(r, "model", &v);
    (void)http_header(r, "authorization", &v);
    (void)http_header(r, "x-other", &v);
    http_respond(r, &(struct http_response){.status = 200, .body = http_body(r)});
}

static void on_upgrade(void *ctx, struct http_request *r)
{
    static const struct ws_limits limits = {.max_message_bytes = 100000};
    struct parley_view name;

    (void)ctx;
    for (size_t i = 0; http_offered_subprotocol(r, i, &name); i++)
        ;
    (void)ws_accept(r, "realtime", &limits, &events, NULL);
}

static void start(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct http_server_config config = {
        .max_body_bytes = 10000, .on_request = on_request, .on_upgrade = on_upgrade};

    if (loop != NULL)
        return;
    clock_fake_start(1000000, 0);
    loop = loop_create();
    transport = transport_create(loop, NULL, &err);
    if (transport == NULL || http_server_create(transport, &config, &server, &err) < 0)
        abort();
}

static void turn(int fd)
{
    char reply[4096];

    for (int i = 0; i < TURNS; i++) {
        loop_run_once(loop);
        (void)loop_run_due(loop);
    }
    while (recv(fd, reply, sizeof(reply), MSG_DONTWAIT) > 0)
        ;
}

static void say(int fd, const void *bytes, size_t len)
{
    (void)!send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    turn(fd);
}

/* Every connection must be gone once its other end is, and a minute has passed. */
static void expect_gone(int fd)
{
    struct transport_stats stats = {.connections = 1};

    close(fd);
    for (int i = 0; i < 200 && stats.connections > 0; i++) {
        if (i > 20)
            clock_fake_advance_us(1000 * 1000);
        loop_run_once(loop);
        (void)loop_run_due(loop);
        transport_stats(transport, &stats);
    }
    if (stats.connections > 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char handshake[] = "GET /v1/realtime?model=m HTTP/1.1\r\nHost: h\r\n"
                                    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                    "Sec-WebSocket-Version: 13\r\n"
                                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    int ends[2];

    start();
    if (size < 1 || size > 100000)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
        abort();
    if (http_server_adopt(server, ends[0], NULL) < 0)
        abort();
    if ((data[0] & 1) != 0)
        say(ends[1], handshake, sizeof(handshake) - 1);
    size_t piece = data[0] >> 1 == 0 ? size : (size_t)(data[0] >> 1);
    if (size / piece > 200)
        piece = size / 200 + 1;
    for (size_t at = 1; at < size; at += piece)
        say(ends[1], data + at, size - at < piece ? size - at : piece);
    expect_gone(ends[1]);
    return 0;
}
