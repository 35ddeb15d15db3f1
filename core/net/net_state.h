/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker's net holds, for the files of this folder only. */
#ifndef NET_NET_STATE_H
#define NET_NET_STATE_H

#include "net/net.h"

#include "transport/http.h"
#include "transport/listener.h"

#define NET_MAX_LISTENERS 16

struct net {
    struct net_worker w;
    struct http_server *http;
    struct http_server *admin;
    struct listener *listeners[NET_MAX_LISTENERS];
    int ports[NET_MAX_LISTENERS];
    size_t listener_count;
    struct listener *admin_listener;
    int admin_port;
    bool is_draining;
    struct list connections; /* struct connection of realtime.c */
    size_t connection_count;
};

/* Who a request comes from. */
struct caller {
    char name[AUTH_NAME_SIZE];
    bool is_known;               /* no key was needed, or it is right */
    bool has_secret;             /* it is an ephemeral one */
    struct client_secret secret; /* to be ended by client_secret_done() */
    bool gave_none;              /* a key is needed and none was given */
    bool is_waiting;             /* it cannot be known before the issuer's keys have come */
    struct parley_view token;    /* which it brought; lives as long as the request */
};

/* ---- identify.c ---- */

struct caller net_identify(struct net *n, struct http_request *r);

/* ---- routes.c ---- */

/* Under which a client of Azure Voice Live connects. */
#define NET_VOICE_LIVE_PATH "/voice-live/realtime"

void net_request(void *ctx, struct http_request *r);
void net_upgrade(void *ctx, struct http_request *r);
/* The path without its "/openai" prefix. */
struct parley_view net_path(const struct http_request *r);

/* The pattern that the path matches, "" for none. */
const char *net_route(const struct net *n, const struct http_request *r);

/* ---- measure.c: metrics ---- */

void net_answered(void *ctx, const struct http_request *r, int status, uint64_t took_us);
void admin_answered(void *ctx, const struct http_request *r, int status, uint64_t took_us);
/* A client got no session: "capacity", "auth", "shutdown", "request" (it asked for what is not
 * there), "error". */
void net_rejected(struct net *n, const char *reason);

/* ---- answer.c ---- */

void answer_json(struct http_request *r, int status, json_t *take_body);
/* In the shape of OpenAI's HTTP errors. */
void answer_error(struct http_request *r, int status, const char *type, const char *code,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same of a fault in what was sent, which names the field. */
void answer_fault(struct http_request *r, int status, const struct rt_error *fault);

/* ---- origin.c ---- */

/* May the page that makes this request talk to us? Answers 403 itself when not. */
bool origin_is_allowed(struct net *n, struct http_request *r);
/* Was this machine asked for by a name or address that is always its own? */
bool origin_host_is_local(struct http_request *r);

/* ---- endpoints ---- */

void realtime_upgrade(struct net *n, struct http_request *r);
/* Before net goes: sockets that linger must not reach it any more. */
void realtime_abandon(struct net *n);
void api_models(struct net *n, struct http_request *r);
void api_client_secrets(struct net *n, struct http_request *r);
void api_health(struct net *n, struct http_request *r);
void api_ready(struct net *n, struct http_request *r);
void api_metrics(struct net *n, struct http_request *r);
void api_console(struct net *n, struct http_request *r);
void admin_request(void *ctx, struct http_request *r);
void admin_gone(void *ctx, struct http_request *r);
const char *admin_route(const struct http_request *r);

#endif
