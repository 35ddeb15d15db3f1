/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/listener.h"

#include "base/loop.h"
#include "base/str.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG      1024
#define ACCEPT_BATCH 64  /* then others have their turn */
#define RETRY_MS     100 /* after accept() found no descriptor */

struct listener {
    struct loop *loop;
    struct event *event;
    struct loop_timer retry;
    int fd;
    int port;
    bool is_paused;
    void (*on_accept)(void *ctx, int fd);
    void *ctx;
};

/* ---- addresses ---- */

/* "host:port", "[v6]:port" or ":port" taken apart; host is "" for all. */
static bool address_split(const char *address, char host[256], char port[8])
{
    const char *colon = strrchr(address, ':');
    const char *start = address;
    size_t len;

    if (colon == NULL || strlen(colon + 1) > 5 || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    len = (size_t)(colon - address);
    if (len >= 2 && address[0] == '[' && colon[-1] == ']') {
        start++;
        len -= 2;
    } else if (memchr(address, ':', len) != NULL) {
        return false; /* an IPv6 address without brackets */
    }
    if (len > 255)
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int address_parse(const char *address, struct addrinfo **ret, struct parley_error *err)
{
    char host[256], port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};

    if (!address_split(address, host, port) || atoi(port) > 65535)
        return parley_fail(err, PARLEY_E_INVALID,
                           "listen address \"%s\": must be HOST:PORT, [IPV6]:PORT or :PORT",
                           address);
    if (strcmp(host, "localhost") == 0)
        view_copy(host, sizeof(host), VIEW("127.0.0.1")); /* not one of two, by chance of order */
    int r = getaddrinfo(host[0] == '\0' ? "::" : host, port, &hints, ret);
    if (r != 0 && host[0] == '\0')
        r = getaddrinfo("0.0.0.0", port, &hints, ret); /* a machine without IPv6 */
    if (r != 0)
        return parley_fail(err, PARLEY_E_INVALID, "listen address \"%s\": %s", address,
                           gai_strerror(r));
    return PARLEY_OK;
}

int listener_check(const char *address, struct parley_error *err)
{
    struct addrinfo *found = NULL;
    int r = address_parse(address, &found, err);

    if (r == PARLEY_OK)
        freeaddrinfo(found);
    return r;
}

bool listener_is_loopback(const char *address)
{
    struct addrinfo *found = NULL;
    bool is_loopback = true;

    if (address_parse(address, &found, NULL) < 0)
        return false;
    for (struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)(void *)a->ai_addr;
            is_loopback &= (ntohl(in->sin_addr.s_addr) >> 24) == 127;
        } else if (a->ai_family == AF_INET6) {
            const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(void *)a->ai_addr;
            is_loopback &= IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) != 0;
        } else {
            is_loopback = false;
        }
    }
    freeaddrinfo(found);
    return is_loopback;
}

/* ---- the socket ---- */

/*
 * With SO_REUSEPORT the kernel lets any program of the same user join in, and connections would go
 * to either. So the first worker tries to bind without it: that fails when anybody listens.
 */
static bool is_taken(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    bool taken = bind(fd, a->ai_addr, a->ai_addrlen) != 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

static int open_one(const struct addrinfo *a, const struct listener_config *config)
{
    int one = 1, zero = 0;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (config->share)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (a->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
        listen(fd, config->backlog > 0 ? config->backlog : BACKLOG) == 0)
        return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

static int fail_open(const struct listener_config *config, int e, struct parley_error *err)
{
    switch (e) {
    case EADDRINUSE:
        return parley_fail(
            err, PARLEY_E_CONFLICT,
            "listen address \"%s\": another program listens there; stop it or choose "
            "another port",
            config->address);
    case EACCES:
        return parley_fail(err, PARLEY_E_DENIED,
                           "listen address \"%s\": not permitted; ports below 1024 need the "
                           "capability CAP_NET_BIND_SERVICE",
                           config->address);
    case EADDRNOTAVAIL:
        return parley_fail(err, PARLEY_E_INVALID,
                           "listen address \"%s\": this machine has no such address",
                           config->address);
    default:
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "listen address \"%s\": %s", config->address,
                           strerror(e));
    }
}

static int socket_open(const struct listener_config *config, int *ret_fd, struct parley_error *err)
{
    struct addrinfo *found = NULL;
    int r = address_parse(config->address, &found, err);

    if (r < 0)
        return r;
    int fd = -1;
    if (!config->share || !config->first || !is_taken(found))
        fd = open_one(found, config);
    else
        errno = EADDRINUSE;
    int e = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return fail_open(config, e, err);
    *ret_fd = fd;
    return PARLEY_OK;
}

static int port_of(int fd)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof(own);

    if (getsockname(fd, (struct sockaddr *)&own, &len) != 0)
        return 0;
    if (own.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&own)->sin6_port);
    return ntohs(((struct sockaddr_in *)&own)->sin_port);
}

/* ---- accepting ---- */

static void on_retry(void *ctx)
{
    struct listener *l = ctx;

    if (!l->is_paused)
        (void)event_add(l->event, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;
    int one = 1;

    (void)what;
    for (int i = 0; i < ACCEPT_BATCH && !l->is_paused; i++) {
        int s = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (s >= 0) {
            (void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            l->on_accept(l->ctx, s);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            event_del(l->event); /* the connection still waits: without this the loop would spin */
            loop_timer_start(l->loop, &l->retry, RETRY_MS, on_retry, l);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

int listener_open(struct loop *loop, const struct listener_config *config, struct listener **ret,
                  struct parley_error *err)
{
    int fd = -1;
    int r = socket_open(config, &fd, err);

    if (r < 0)
        return r;
    struct listener *l = calloc(1, sizeof(*l));
    struct event *event = NULL;
    if (l != NULL)
        event = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, l);
    if (event == NULL || event_add(event, NULL) != 0) {
        if (event != NULL)
            event_free(event);
        free(l);
        close(fd);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "listen address \"%s\": no memory",
                           config->address);
    }
    *l = (struct listener){.loop = loop,
                           .event = event,
                           .fd = fd,
                           .port = port_of(fd),
                           .on_accept = config->on_accept,
                           .ctx = config->ctx};
    *ret = l;
    return PARLEY_OK;
}

int listener_port(const struct listener *l)
{
    return l->port;
}

void listener_pause(struct listener *l, bool paused)
{
    if (l->is_paused == paused)
        return;
    l->is_paused = paused;
    loop_timer_stop(&l->retry);
    if (paused)
        event_del(l->event);
    else
        (void)event_add(l->event, NULL);
}

struct listener *listener_close(struct listener *l)
{
    if (l == NULL)
        return NULL;
    loop_timer_stop(&l->retry);
    event_free(l->event);
    close(l->fd);
    free(l);
    return NULL;
}
