/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of an upstream at a connection that parley made. The first byte says whether a right answer
 * to the handshake is put before them, and in pieces of which size they come.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "base/loop.h"
#include "base/str.h"
#include "transport/transport.h"
#include "transport/ws.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 4

static struct loop *loop;
static struct transport *transport;
static int listen_fd;
static char url[64];
static int closed;

static void on_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    (void)ctx;
    (void)ws_send(ws, message, flags | WS_DROPPABLE);
    if (view_is(message, "bye"))
        ws_close(ws, 1000, "bye");
}

static void on_closed(void *ctx, struct ws *ws, const struct ws_closed *as)
{
    (void)ctx;
    (void)ws;
    if (as->reason.len > 4096 || as->message == NULL)
        abort();
    closed++;
}

static const struct ws_events events = {.on_message = on_message, .on_closed = on_closed};

static void start(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    if (loop != NULL)
        return;
    clock_fake_start(1000000, 0);
    loop = loop_create();
    transport = transport_create(loop, NULL, &err);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (transport == NULL || bind(listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(listen_fd, 16) != 0 || getsockname(listen_fd, (struct sockaddr *)&at, &len) != 0)
        abort();
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", ntohs(at.sin_port));
}

static void turn(void)
{
    loop_run_once(loop);
    (void)loop_run_due(loop);
}

/* The request's key, with which an answer must begin. */
static int accept_request(char key[25])
{
    struct linger reset = {1, 0}; /* no descriptors in TIME_WAIT */
    char request[4096];
    int fd = -1;

    for (int i = 0; i < 10000 && fd < 0; i++) {
        turn();
        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
    }
    if (fd < 0)
        abort();
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    for (int i = 0; i < 10000; i++) {
        turn();
        ssize_t n = recv(fd, request, sizeof(request) - 1, 0);
        if (n <= 0)
            continue;
        request[n] = '\0';
        const char *at = strcasestr(request, "sec-websocket-key: ");
        if (at == NULL)
            abort();
        snprintf(key, 25, "%.24s", at + 19);
        return fd;
    }
    abort();
}

static void say(int fd, const void *bytes, size_t len)
{
    char reply[4096];

    (void)!send(fd, bytes, len, MSG_NOSIGNAL);
    for (int i = 0; i < TURNS; i++)
        turn();
    while (recv(fd, reply, sizeof(reply), 0) > 0)
        ;
}

static void say_101(int fd, const char *key)
{
    unsigned char hash[20], accept[40];
    char text[256];

    snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((unsigned char *)text, strlen(text), hash);
    EVP_EncodeBlock(accept, hash, 20);
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n\r\n",
                     accept);
    say(fd, text, (size_t)n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct ws_connect connect = {
        .url = url, .want_headers = "retry-after,x-request-id", .limits.max_message_bytes = 100000};
    struct ws *ws;
    char key[25];

    start();
    if (size < 1 || size > 100000)
        return 0;
    closed = 0;
    if (ws_connect(transport, &connect, &events, NULL, &ws, &err) < 0)
        abort();
    int fd = accept_request(key);
    if ((data[0] & 1) != 0)
        say_101(fd, key);
    size_t piece = data[0] >> 1 == 0 ? size : (size_t)(data[0] >> 1);
    if (size / piece > 200)
        piece = size / 200 + 1;
    for (size_t at = 1; at < size; at += piece)
        say(fd, data + at, size - at < piece ? size - at : piece);
    close(fd);
    for (int i = 0; i < 100 && closed == 0; i++) {
        if (i > 20)
            clock_fake_advance_us(1000 * 1000);
        turn();
    }
    if (closed != 1)
        abort();
    return 0;
}
