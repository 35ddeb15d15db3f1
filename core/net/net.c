/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include "base/log.h"
#include "net/net_state.h"

#include <stdlib.h>
#include <string.h>

static void on_accept(void *ctx, int fd)
{
    struct net *n = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (http_server_adopt(n->http, fd, &err) < 0)
        log_warn("a connection could not be taken reason=\"%s\"", err.message);
}

static void on_admin_accept(void *ctx, int fd)
{
    struct net *n = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (http_server_adopt(n->admin, fd, &err) < 0)
        log_warn("an admin connection could not be taken reason=\"%s\"", err.message);
}

/* The first worker takes the port that the kernel chose for 0; the others take the same. */
static void with_port(const char *address, int port, char *out, size_t size)
{
    const char *colon = strrchr(address, ':');

    if (port == 0 || colon == NULL || strcmp(colon, ":0") != 0)
        (void)snprintf(out, size, "%s", address);
    else
        (void)snprintf(out, size, "%.*s:%d", (int)(colon - address), address, port);
}

static int open_listeners(struct net *n, struct parley_error *err)
{
    for (size_t i = 0; i < n->w.config->listen.count; i++) {
        char address[256];
        if (i == NET_MAX_LISTENERS)
            return parley_fail(err, PARLEY_E_INVALID, "[server] listen: more than %d addresses",
                               NET_MAX_LISTENERS);
        with_port(n->w.config->listen.items[i], n->w.first_ports == NULL ? 0 : n->w.first_ports[i],
                  address, sizeof(address));
        const struct listener_config config = {.address = address,
                                               .share = true,
                                               .first = n->w.first_ports == NULL,
                                               .on_accept = on_accept,
                                               .ctx = n};
        int r = listener_open(n->w.loop, &config, &n->listeners[i], err);
        if (r < 0)
            return r;
        n->ports[i] = listener_port(n->listeners[i]);
        n->listener_count++;
    }
    return PARLEY_OK;
}

static int open_admin(struct net *n, struct parley_error *err)
{
    const struct http_server_config http = {
        .on_request = admin_request,
        .on_gone = admin_gone,
        .on_answered = admin_answered,
        .ctx = n,
    };
    const struct listener_config config = {
        .address = n->w.config->admin_listen, .on_accept = on_admin_accept, .ctx = n};

    if (!n->w.is_first || n->w.config->admin_listen[0] == '\0')
        return PARLEY_OK;
    int r = http_server_create(n->w.transport, &http, &n->admin, err);
    if (r == PARLEY_OK)
        r = listener_open(n->w.loop, &config, &n->admin_listener, err);
    if (r == PARLEY_OK)
        n->admin_port = listener_port(n->admin_listener);
    return r;
}

int net_open(const struct net_worker *worker, struct net **ret, struct parley_error *err)
{
    struct net *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to listen");
    n->w = *worker;
    list_init(&n->connections);
    const struct http_server_config http = {
        .cert_file = worker->config->tls_cert,
        .key_file = worker->config->tls_key,
        .on_request = net_request,
        .on_upgrade = net_upgrade,
        .on_answered = net_answered,
        .ctx = n,
    };
    int r = http_server_create(worker->transport, &http, &n->http, err);
    if (r == PARLEY_OK)
        r = open_listeners(n, err);
    if (r == PARLEY_OK)
        r = open_admin(n, err);
    if (r < 0) {
        (void)net_close(n);
        return r;
    }
    *ret = n;
    return PARLEY_OK;
}

size_t net_connection_count(const struct net *n)
{
    return n->connection_count;
}

const int *net_ports(const struct net *n)
{
    return n->ports;
}

int net_admin_port(const struct net *n)
{
    return n->admin_port;
}

void net_drain(struct net *n)
{
    n->is_draining = true;
    for (size_t i = 0; i < n->listener_count; i++)
        n->listeners[i] = listener_close(n->listeners[i]);
    n->listener_count = 0;
}

struct net *net_close(struct net *n)
{
    if (n == NULL)
        return NULL;
    net_drain(n);
    if (n->admin_listener != NULL)
        (void)listener_close(n->admin_listener);
    if (n->admin != NULL)
        (void)http_server_destroy(n->admin);
    if (n->http != NULL)
        (void)http_server_destroy(n->http);
    realtime_abandon(n);
    free(n);
    return NULL;
}

int net_reload_tls(struct net *n, struct parley_error *err)
{
    return n->w.config->tls_cert[0] == '\0' ? PARLEY_OK : http_server_reload(n->http, err);
}
