/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of transport/ share and nobody else sees. */
#ifndef TRANSPORT_PRIVATE_H
#define TRANSPORT_PRIVATE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "transport/http.h"
#include "transport/lws_loop.h"
#include "transport/resolve.h"
#include "transport/transport.h"
#include "transport/url.h"
#include "transport/ws.h"
#include "transport/ws_frame.h"

#include <libwebsockets.h>
#include <openssl/types.h>

#define SWEEP_MS       1000
#define POOL_MAX       16          /* kept message buffers of a transport */
#define POOL_BUF_BYTES (64 * 1024) /* larger ones are not kept */
#define CORK_BYTES     (64 * 1024)

/* A buffer that a message is put together in: WS_ROOM_BYTES, then the bytes. */
struct message_buf {
    struct message_buf *next; /* in the pool */
    size_t cap;
    uint8_t bytes[];
};

struct transport {
    struct lws_loop *lws_loop;
    struct loop *loop;
    struct lws_context *context;
    struct resolver *resolver;
    struct list conns;      /* every struct conn */
    struct list dying;      /* those to be dropped in the next turn */
    struct list notices;    /* ws with something to tell in the next turn */
    struct list connecting; /* made ws that are not open yet */
    struct list sites;      /* client_site: one per trusted file */
    struct list servers;
    struct loop_timer sweep;
    struct loop_timer later;
    bool is_serving; /* a descriptor is being served: writes may wait for the end of that */
    bool was_told;   /* something by the library, in this service */
    bool is_ending;

    struct ws *corked; /* whose frames are in cork, to be written with one call */
    uint8_t *cork;
    size_t cork_len;

    uint8_t *scratch; /* a message that came whole: WS_ROOM_BYTES, then one read buffer */
    size_t read_buffer_bytes;
    struct message_buf *pool;
    int pool_count;
    int vhost_count;
    int max_connections;
    struct transport_stats stats;
};

/* One connection of the library, in either direction; freed when the library is done with it. */
struct conn {
    struct list entry;
    struct list dying;
    struct transport *t;
    struct lws *wsi;
    struct http_server *server;   /* of an accepted one */
    struct http_request *request; /* being read or answered */
    struct buf answer;            /* written when the library says so */
    bool close_after_answer;
    bool is_discarding; /* answered before the body was read */
    struct ws *ws;
    int64_t deadline_ms; /* 0: none */
    bool is_creating;    /* the library's connect call is on the stack */
    bool is_dead;        /* and it ended in there */
    char peer[64];
};

struct http_server {
    struct list entry;
    struct transport *t;
    struct http_server_config config;
    char *cert_file;
    char *key_file;
    SSL_CTX *ssl_ctx; /* the library's, to load certificates anew */
    /* Unused. The library makes one for each virtual host, and cannot find those of its first
     * context again when there are several: they would be left behind. */
    SSL_CTX *client_ctx;
    struct lws_vhost *vhost;
    char name[32];
};

struct http_request {
    struct conn *conn;
    struct http_server *server;
    bool is_upgrade;
    bool is_known; /* to the owner */
    bool is_head;
    uint64_t begun_us;
    const char *method;
    struct buf path;
    struct buf query;
    struct buf body;
    struct buf *values; /* what was asked for with http_header() and the like */
    size_t value_count;
    void *ctx;
};

enum ws_state {
    WS_STATE_CONNECTING, /* made: resolving, connecting, handshake */
    WS_STATE_OPENING,    /* accepted, the 101 is not written yet */
    WS_STATE_OPEN,
    WS_STATE_CLOSING, /* close frame queued or sent, the peer's is awaited */
    WS_STATE_GONE,    /* on_closed is due or was called */
};

struct ws_client;

struct ws {
    struct transport *t;
    struct conn *conn;        /* NULL: none yet, or no more */
    struct ws_client *client; /* of a made connection, until it is open */
    struct ws_events events;
    void *ctx;
    struct ws_limits limits;
    enum ws_state state;
    bool is_client;
    bool in_binary;
    bool is_paused;
    bool wants_writable;
    bool is_close_sent;
    bool is_pinged;

    struct message_buf *in; /* the message that is coming in pieces */
    size_t in_len;

    struct list out; /* struct out_message */
    size_t out_bytes;
    size_t inflight_bytes; /* with the library, an upper bound */

    int64_t heard_ms; /* when the peer last sent something */
    int64_t close_deadline_ms;
    struct list notice;
    struct list connecting;
    uint32_t dropped_count;
    size_t dropped_bytes;

    int status; /* for on_closed */
    int close_code;
    bool is_closed_by_peer;
    char reason[WS_CLOSE_REASON_MAX + 1];
    char message[256];
    char peer[URL_HOST_SIZE + 8];
    char subprotocol[64];
};

/* ---- transport.c ---- */

/* Tell about ws in the next turn of the loop. */
void transport_notice(struct transport *t, struct ws *ws);

/* Drop the connection in the next turn. */
void conn_kill(struct conn *c);

/* Drop it now: not inside one of its own callbacks. */
void conn_drop(struct conn *c);

/* Neither read nor write until called with false. */
void conn_mute(struct conn *c, bool is_muted);

struct conn *conn_create(struct transport *t);
/* The library is done with it (or never had it). */
void conn_gone(struct conn *c);

/* The one callback of all virtual hosts. */
int transport_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t len);
extern const struct lws_protocols transport_protocols[];

/* lws_create_vhost(), one thread at a time. */
struct lws_vhost *transport_vhost_create(struct transport *t,
                                         const struct lws_context_creation_info *info);

struct message_buf *message_buf_get(struct transport *t, size_t cap);
void message_buf_put(struct transport *t, struct message_buf *m);

/* ---- ws.c ---- */

struct ws *ws_create(struct transport *t, const struct ws_limits *limits,
                     const struct ws_events *events, void *ctx);
void ws_bind(struct ws *ws, struct conn *c);
void ws_opened(struct ws *ws);
void ws_heard(struct ws *ws);
int ws_received(struct ws *ws, struct lws *wsi, const uint8_t *data, size_t len);
int ws_peer_closed(struct ws *ws, const uint8_t *payload, size_t len);
int ws_writable(struct ws *ws);
void ws_library_closes(struct ws *ws);
void ws_sweep(struct ws *ws, int64_t now_ms);
void ws_notify(struct ws *ws);
/* The connection is no more: on_closed, then freed. */
void ws_gone(struct ws *ws);
void ws_fail(struct ws *ws, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- ws_out.c ---- */

/* Nothing waits, so that the next frame may go straight to the socket. */
bool out_is_free(const struct ws *ws);
/* A frame into the cork, from where all of one turn for one peer go out with one call. False: it
 * must wait in the queue. */
bool out_cork(struct ws *ws, struct parley_view payload, int opcode);
/* Write what is corked. */
void out_flush(struct transport *t);
/* Ask to be told when the socket takes more; then go on. */
void out_ask(struct ws *ws);
void out_continue(struct ws *ws);
void out_clear(struct ws *ws);

/* ---- ws_client.c ---- */

int ws_client_add_headers(struct ws *ws, char **at, size_t room);
/* Something came instead of a 101. */
void ws_client_refused(struct ws *ws, struct lws *wsi);
void ws_client_body(struct ws *ws, const char *data, size_t len);
void ws_client_failed(struct ws *ws, const char *reason, size_t len);
void ws_client_closed_view(struct ws *ws, struct ws_closed *closed);
void ws_client_free(struct ws *ws);
void ws_client_cancel(struct ws *ws);
void client_sites_free(struct transport *t);
/* Try the next address. */
void ws_client_next(struct ws *ws);
void ws_client_cert_error(struct ws *ws, const char *error);
void ws_client_sweep(struct ws *ws, int64_t now_ms);

/* ---- headers.c ---- */

/* Append the value of a header that the library parsed; false: not there. Names in any case. */
bool header_copy(struct lws *wsi, const char *name, struct buf *out);
bool token_copy(struct lws *wsi, enum lws_token_indexes token, struct buf *out);

/* ---- http_request.c ---- */

/* NULL without memory. It is the connection's request from then on. */
struct http_request *http_request_create(struct conn *c);
void http_request_free(struct http_request *r);

/* ---- http_exchange.c ---- */

int http_head_received(struct conn *c);
int http_body_received(struct conn *c, const char *data, size_t len);
int http_body_ended(struct conn *c);
int http_writable(struct conn *c);
int http_upgrade_asked(struct conn *c);
int http_upgrade_headers(struct conn *c, struct lws_process_html_args *args);
void http_upgrade_done(struct conn *c);
void http_conn_gone(struct conn *c);

/* ---- http_server.c ---- */

void http_servers_free(struct transport *t);
void http_tls_loaded(void *ssl_ctx, struct lws_vhost *vhost);

#endif
