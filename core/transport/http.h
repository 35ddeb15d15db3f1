/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server: plain or TLS, keep-alive, one request of a connection at a time, upgrades to
 * WebSocket. A request is handed over whole, its body collected, and answered now or later.
 */
#ifndef TRANSPORT_HTTP_H
#define TRANSPORT_HTTP_H

#include "transport/ws.h"

#include <parley/error.h>
#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

struct transport;
struct http_server;

/* One request. Valid until http_respond() or ws_accept() was called for it, or on_gone came. */
struct http_request;

struct http_server_config {
    const char *cert_file; /* PEM chain; NULL or "": plain HTTP */
    const char *key_file;
    size_t max_body_bytes;      /* 0: 1 MiB; beyond it the server answers 413 itself */
    int64_t request_timeout_ms; /* for the head and for the body, each; 0: 10,000 */
    int64_t idle_timeout_ms;    /* between requests of a connection; 0: 60,000 */

    /* A whole request: answer with http_respond(), in here or later. */
    void (*on_request)(void *ctx, struct http_request *request);
    /* A request to become a WebSocket: ws_accept() or http_respond(), before this returns. NULL:
     * all are answered 404. */
    void (*on_upgrade)(void *ctx, struct http_request *request);
    /* The client went before the answer; the request must not be touched any more. May be NULL
     * when every request is answered in on_request. */
    void (*on_gone)(void *ctx, struct http_request *request);
    /* It was answered, also by the server itself; 101 is a WebSocket. Only to look at. May be NULL.
     */
    void (*on_answered)(void *ctx, const struct http_request *request, int status,
                        uint64_t took_us);
    void *ctx;
};

/* PARLEY_E_INVALID with err: certificate or key cannot be used, naming the file. */
int http_server_create(struct transport *t, const struct http_server_config *config,
                       struct http_server **ret, struct parley_error *err);

/* Drop its connections, whose on_closed and on_gone come from in here, and free it. Returns NULL.
 */
struct http_server *http_server_destroy(struct http_server *s);

/* Can these files be served from? PARLEY_E_INVALID says why not. */
int http_server_check_tls(const char *cert_file, const char *key_file, struct parley_error *err);

/* Load certificate and key anew for connections that come from now on. */
int http_server_reload(struct http_server *s, struct parley_error *err);

/* Take over an accepted, connected socket; closed when it cannot be served. */
int http_server_adopt(struct http_server *s, int fd, struct parley_error *err);

/* ---- the request ---- */

struct parley_view http_method(const struct http_request *r); /* "GET" */
struct parley_view http_path(const struct http_request *r);   /* decoded, begins with '/' */
struct parley_view http_body(const struct http_request *r);

/* The raw query, what follows '?', or empty. */
struct parley_view http_query(const struct http_request *r);

/* The decoded value of a query parameter, the first of that name. False: not there. The value
 * lives as long as the request. */
bool http_query_get(struct http_request *r, const char *name, struct parley_view *ret_value);

/* The value of a header, names in any case; repeated ones are joined by ", ". False: not there. */
bool http_header(struct http_request *r, const char *name, struct parley_view *ret_value);

/* "192.0.2.1:4711" */
const char *http_peer(const struct http_request *r);
bool http_is_tls(const struct http_request *r);

/* What the owner wants to find again in on_gone. */
void http_set_ctx(struct http_request *r, void *ctx);
void *http_ctx(const struct http_request *r);

/* ---- the answer ---- */

struct http_response {
    int status;
    const char *content_type;   /* NULL: none */
    struct parley_view headers; /* more of them: "Name: value\r\n"..., or empty */
    struct parley_view body;    /* copied before http_respond() returns */
};

/* Answer; the request is gone afterwards. */
void http_respond(struct http_request *r, const struct http_response *response);

/* The same for short answers. */
void http_respond_text(struct http_request *r, int status, const char *content_type,
                       const char *body);

/* The words of a status: 404 gives "Not Found". */
const char *http_status_text(int status);

/* ---- WebSocket ---- */

/* The n-th offered subprotocol, from 0. False: there are no more. */
bool http_offered_subprotocol(struct http_request *r, size_t n, struct parley_view *ret_name);

/*
 * Only inside on_upgrade: become a WebSocket, which is open when this returns. The subprotocol is
 * answered as given; NULL or "" answers none. The request is gone afterwards.
 */
struct ws *ws_accept(struct http_request *r, const char *subprotocol,
                     const struct ws_limits *limits, const struct ws_events *events, void *ctx);

#endif
