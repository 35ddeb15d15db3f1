/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net/ owns what strangers reach: routes, authentication, admission, the Realtime endpoint, the
 * console page, the admin API. It opens sessions and carries bytes for them; it knows nothing of
 * what they say. One struct net per worker; everything here runs on that worker.
 *
 *   net.c        listeners and the HTTP servers         auth.c, client_secrets.c  who may connect
 *   routes.c     which path is whose                    origin.c                  which pages may
 *   realtime.c   GET /v1/realtime: sockets to sessions  admission.c               how many may
 *   api.c        models, client_secrets, health         admin.c                   /admin/v1/
 *   resume.c     a client that comes back            bridge.c  ... to a session of another worker
 *   answer.c     JSON answers and errors                console/                  the page at /
 *   measure.c    metrics
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "net/admission.h"
#include "net/auth.h"
#include "net/client_secrets.h"
#include "session/session.h"

#include <parley/error.h>

#include <stdbool.h>

struct net;
struct telemetry_recorder;

/* What all workers share; immutable, outlives them. */
struct net_config {
    struct parley_list listen;
    const char *admin_listen; /* "" for no admin API */
    const char *admin_token;  /* "" for none: loopback only */
    const char *tls_cert;
    const char *tls_key;
    const char *default_agent; /* "" for none */
    struct parley_list allowed_origins;
    bool serves_console;
    int64_t max_sessions;         /* of one worker */
    int64_t max_sessions_per_key; /* of all workers */
    size_t max_message_bytes;
    size_t queue_bytes;       /* unsent bytes to a client at which audio is dropped */
    size_t queue_limit_bytes; /* ... and at which the connection is closed */
    int64_t ping_interval_ms;
};

enum net_visit_result {
    NET_VISIT_NEXT, /* not here: the next worker */
    NET_VISIT_DONE, /* no further: back to who asked */
    NET_VISIT_HELD, /* the same, when `finish` is called */
};

/* A walk over the workers, one after the other. Owned by who asks, until done() is called. */
struct net_visit {
    /* Thread: that worker's. sessions: its table; NULL when it has stopped. */
    enum net_visit_result (*at)(struct net_visit *v, struct worker_sessions *sessions);
    /* Thread: of who asked. Once, the last call. */
    void (*done)(struct net_visit *v);
    /* Set by the hub; for a visit that was held. Thread: any. */
    void (*finish)(struct net_visit *v);
    void *hub; /* its own */
};

/* How net reaches what is above it. Thread: the worker's, unless said. */
struct net_hub {
    /* The generation that new sessions use, NULL before there is one. */
    struct worker_generation *(*generation)(void *ctx);
    /* Its keys; lives as long as the generation. */
    const struct auth *(*auth)(void *ctx);
    /* Where this worker asks for the keys of issuers. */
    struct fetch_place *(*fetch_place)(void *ctx);
    bool (*is_ready)(void *ctx);
    /* A connection or its session has begun or ended. */
    void (*counts_changed)(void *ctx);
    /* Sessions of every worker as one JSON array, owned by `done`, which runs on this worker. */
    void (*describe_sessions)(void *ctx, const char *id, void (*done)(void *arg, json_t *take_all),
                              void *arg);
    /* Look for something on every worker. */
    void (*visit)(void *ctx, struct net_visit *v);
    /* Read the configuration again; `done` gets "" or what is wrong. Runs on this worker. */
    void (*reload)(void *ctx, void (*done)(void *arg, const char *fault), void *arg);
    /* Metrics in Prometheus' text format into `out`. */
    void (*metrics)(void *ctx, struct buf *out);
    void *ctx;
};

struct net_worker {
    struct loop *loop;
    struct transport *transport;
    struct worker_sessions *sessions;
    struct client_secrets *secrets; /* of the process */
    struct admission *admission;    /* of the process */
    const struct net_config *config;
    struct net_hub hub;
    struct telemetry_recorder *recorder; /* NULL: nothing is recorded */
    bool is_first;                       /* the one that serves the admin API */
    const int *first_ports; /* of the first worker's listeners, for port 0; NULL for the first */
};

/* Open the listeners. PARLEY_E_CONFLICT: an address is in use. */
int net_open(const struct net_worker *worker, struct net **ret, struct parley_error *err);

/* The ports that are listened on, in the order of config->listen. */
const int *net_ports(const struct net *n);
int net_admin_port(const struct net *n);

/* Realtime connections that are not closed yet; some outlive their session by a close handshake. */
size_t net_connection_count(const struct net *n);

/* Take no new connections; what is open goes on. */
void net_drain(struct net *n);

/* Close every connection at once. Returns NULL. */
struct net *net_close(struct net *n);

/* Load certificate and key again. */
int net_reload_tls(struct net *n, struct parley_error *err);

#endif
