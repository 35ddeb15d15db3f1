/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay on core/transport that passes every message through: what the transport leaves for the
 * rest of parley. relay_bare LISTEN-ADDRESS UPSTREAM-URL
 */
#include "base/loop.h"
#include "transport/http.h"
#include "transport/listener.h"
#include "transport/transport.h"
#include "transport/ws.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct relay {
    struct loop *loop;
    struct transport *t;
    struct http_server *server;
    const char *upstream;
};

/* One session: both legs, either of which may go first. */
struct pair {
    struct ws *client;
    struct ws *upstream;
};

static void leg_gone(struct pair *p, struct ws **own, struct ws *other)
{
    *own = NULL;
    if (other != NULL)
        ws_close(other, 1001, "the other side left");
    if (p->client == NULL && p->upstream == NULL)
        free(p);
}

static void client_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct pair *p = ctx;

    (void)ws;
    if (p->upstream != NULL)
        (void)ws_send(p->upstream, message, flags);
}

static void client_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    struct pair *p = ctx;

    (void)ws;
    (void)closed;
    leg_gone(p, &p->client, p->upstream);
}

static void upstream_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct pair *p = ctx;

    (void)ws;
    if (p->client != NULL)
        (void)ws_send(p->client, message, flags | WS_DROPPABLE);
}

static void upstream_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    struct pair *p = ctx;

    (void)ws;
    if (closed->status != PARLEY_OK)
        fprintf(stderr, "relay_bare: %s\n", closed->message);
    leg_gone(p, &p->upstream, p->client);
}

static const struct ws_events client_events = {.on_message = client_message,
                                               .on_closed = client_closed};
static const struct ws_events upstream_events = {.on_message = upstream_message,
                                                 .on_closed = upstream_closed};

static void on_request(void *ctx, struct http_request *r)
{
    (void)ctx;
    http_respond_text(r, 404, "text/plain", "only WebSocket here\n");
}

static void on_upgrade(void *ctx, struct http_request *r)
{
    struct relay *relay = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct ws_connect connect = {.url = relay->upstream};
    struct pair *p = calloc(1, sizeof(*p));

    if (p == NULL || ws_connect(relay->t, &connect, &upstream_events, p, &p->upstream, &err) < 0) {
        free(p);
        http_respond_text(r, 503, "text/plain", err.message);
        return;
    }
    p->client = ws_accept(r, "", NULL, &client_events, p);
}

static void on_accept(void *ctx, int fd)
{
    struct relay *relay = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (http_server_adopt(relay->server, fd, &err) < 0)
        fprintf(stderr, "relay_bare: %s\n", err.message);
}

static int run(struct relay *relay, const char *address, struct parley_error *err)
{
    struct http_server_config server = {
        .on_request = on_request, .on_upgrade = on_upgrade, .ctx = relay};
    struct listener_config config = {.address = address, .on_accept = on_accept, .ctx = relay};
    struct listener *listener = NULL;

    relay->t = transport_create(relay->loop, NULL, err);
    if (relay->t == NULL)
        return err->status;
    int r = http_server_create(relay->t, &server, &relay->server, err);
    if (r < 0)
        return r;
    r = listener_open(relay->loop, &config, &listener, err);
    if (r < 0)
        return r;
    loop_run(relay->loop); /* until it is killed */
    return PARLEY_OK;
}

int main(int argc, char **argv)
{
    struct relay relay = {0};
    struct parley_error err = PARLEY_ERROR_INIT;

    if (argc != 3) {
        fprintf(stderr, "usage: relay_bare LISTEN-ADDRESS UPSTREAM-URL\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    relay.loop = loop_create();
    relay.upstream = argv[2];
    if (relay.loop == NULL || run(&relay, argv[1], &err) < 0) {
        fprintf(stderr, "relay_bare: %s\n", err.message);
        return 1;
    }
    return 0;
}
