/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/private.h"

#include "base/clock.h"
#include "base/log.h"

#include <limits.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- buffers ---- */

struct message_buf *message_buf_get(struct transport *t, size_t cap)
{
    struct message_buf *m = t->pool;

    if (m != NULL && cap <= m->cap) {
        t->pool = m->next;
        t->pool_count--;
        return m;
    }
    if (cap < POOL_BUF_BYTES)
        cap = POOL_BUF_BYTES;
    m = malloc(sizeof(*m) + WS_ROOM_BYTES + cap);
    if (m != NULL)
        m->cap = cap;
    return m;
}

void message_buf_put(struct transport *t, struct message_buf *m)
{
    if (m == NULL)
        return;
    if (m->cap > POOL_BUF_BYTES || t->pool_count >= POOL_MAX) {
        free(m);
        return;
    }
    m->next = t->pool;
    t->pool = m;
    t->pool_count++;
}

/* ---- connections ---- */

struct conn *conn_create(struct transport *t)
{
    if (t->max_connections > 0 && t->stats.connections >= (uint64_t)t->max_connections)
        return NULL;
    struct conn *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->t = t;
    list_init(&c->dying);
    list_append(&t->conns, &c->entry);
    t->stats.connections++;
    return c;
}

void conn_gone(struct conn *c)
{
    if (c->is_creating) {
        c->is_dead = true;
        c->wsi = NULL;
        return;
    }
    struct ws *ws = c->ws;
    list_remove(&c->entry);
    list_remove(&c->dying);
    c->t->stats.connections--;
    http_conn_gone(c);
    if (ws != NULL) {
        ws->conn = NULL;
        ws_gone(ws);
    }
    buf_done(&c->answer);
    free(c);
}

static void on_later(void *ctx);

static void later(struct transport *t)
{
    if (!loop_timer_is_running(&t->later) && !t->is_ending)
        loop_timer_start(t->loop, &t->later, 0, on_later, t);
}

void conn_kill(struct conn *c)
{
    if (!list_empty(&c->dying))
        return;
    list_append(&c->t->dying, &c->dying);
    later(c->t);
}

void transport_notice(struct transport *t, struct ws *ws)
{
    if (!list_empty(&ws->notice))
        return;
    list_append(&t->notices, &ws->notice);
    later(t);
}

void conn_mute(struct conn *c, bool is_muted)
{
    (void)lws_rx_flow_control(c->wsi, is_muted ? 0 : 1); /* what is inside already */
    lws_loop_mute(c->t->lws_loop, (int)lws_get_socket_fd(c->wsi), is_muted);
}

/*
 * The library keeps a connection with unsent bytes alive for a while when told to close it; with
 * the socket shut down its next write fails, and then it lets go.
 */
void conn_drop(struct conn *c)
{
    int fd = (int)lws_get_socket_fd(c->wsi);

    conn_mute(c, false);
    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_later(void *ctx)
{
    struct transport *t = ctx;

    while (!list_empty(&t->dying)) {
        struct conn *c = list_entry(t->dying.next, struct conn, dying);
        list_remove(&c->dying);
        if (c->wsi != NULL)
            conn_drop(c);
    }
    while (!list_empty(&t->notices)) {
        struct ws *ws = list_entry(t->notices.next, struct ws, notice);
        list_remove(&ws->notice);
        ws_notify(ws);
    }
    out_flush(t);
    lws_loop_check_pending(t->lws_loop);
}

/* One timer looks at every connection once a second: nothing is re-armed per message. */
static void on_sweep(void *ctx)
{
    struct transport *t = ctx;
    struct list *at, *tmp;
    int64_t now = clock_now_ms();

    loop_timer_start(t->loop, &t->sweep, SWEEP_MS, on_sweep, t);
    list_for_each_safe(at, tmp, &t->connecting)
    {
        ws_client_sweep(list_entry(at, struct ws, connecting), now);
    }
    list_for_each_safe(at, tmp, &t->conns)
    {
        struct conn *c = list_entry(at, struct conn, entry);
        if (c->deadline_ms != 0 && now >= c->deadline_ms)
            conn_kill(c);
        else if (c->ws != NULL)
            ws_sweep(c->ws, now);
    }
}

/* ---- the library ---- */

const struct lws_protocols transport_protocols[] = {
    /* Nameless: any list of subprotocols is ours to answer. */
    {.name = "",
     .callback = transport_callback,
#ifdef PARLEY_LWS_PATCHED
     .rx_buffer_size = 256, /* only control frames go through it */
#else
     .rx_buffer_size = 16 * 1024,
#endif
     .tx_packet_size = INT_MAX / 2},
#ifndef PARLEY_LWS_PATCHED
    /* Without the patch the library answers with the name of a protocol that it knows. */
    {.name = "realtime",
     .callback = transport_callback,
     .rx_buffer_size = 16 * 1024,
     .tx_packet_size = INT_MAX / 2},
#endif
    {.name = NULL},
};

static int on_event(struct conn *c, enum lws_callback_reasons reason, void *in, size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return c->ws == NULL ? -1 : ws_received(c->ws, c->wsi, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return c->ws == NULL ? -1 : ws_writable(c->ws);
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        if (c->ws != NULL)
            ws_heard(c->ws);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return c->ws == NULL ? -1 : ws_peer_closed(c->ws, in, len);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (c->ws != NULL)
            ws_library_closes(c->ws);
        return 0;
    case LWS_CALLBACK_HTTP:
        return http_head_received(c);
    case LWS_CALLBACK_HTTP_BODY:
        return http_body_received(c, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http_body_ended(c);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return http_writable(c);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return http_upgrade_asked(c);
    case LWS_CALLBACK_ADD_HEADERS:
        return http_upgrade_headers(c, in);
    case LWS_CALLBACK_ESTABLISHED:
        if (c->ws == NULL)
            return -1;
        http_upgrade_done(c);
        ws_opened(c->ws);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return c->ws == NULL ? -1 : ws_client_add_headers(c->ws, in, len);
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH: /* the last time its headers are there */
        if (c->ws != NULL)
            (void)lws_hdr_copy(c->wsi, c->ws->subprotocol, (int)sizeof(c->ws->subprotocol),
                               WSI_TOKEN_PROTOCOL);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (c->ws == NULL)
            return -1;
        ws_opened(c->ws);
        return 0;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        if (c->ws != NULL && lws_http_client_http_response(c->wsi) != 101)
            ws_client_refused(c->ws, c->wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: {
        char *buf = NULL;
        int n = 0;
        return lws_http_client_read(c->wsi, &buf, &n) < 0 ? -1 : 0;
    }
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        if (c->ws != NULL)
            ws_client_body(c->ws, in, len);
        return 0;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        /* The whole refusal is here. After one without a body the library takes our -1 for "closed
         * already", and closes nothing: so ask for the close as well. */
        conn_kill(c);
        return -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        if (c->ws != NULL)
            ws_client_failed(c->ws, in, len);
        return 0;
    default:
        return 0;
    }
}

int transport_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t len)
{
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
        http_tls_loaded(user, in);
        return 0;
    }
    struct conn *c = wsi == NULL ? NULL : lws_get_opaque_user_data(wsi);
    if (c == NULL)
        return 0;
    c->wsi = wsi;
    if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) {
        if (len == 0 && c->ws != NULL) /* OpenSSL found fault with it */
            ws_client_cert_error(c->ws,
                                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(user)));
        return 0;
    }
    if (reason == LWS_CALLBACK_WSI_DESTROY) {
        lws_set_opaque_user_data(wsi, NULL);
        conn_gone(c);
        return 0;
    }
    c->t->was_told = true;
    int r = on_event(c, reason, in, len);
    if (r != 0)
        out_flush(c->t); /* what was said before the end must be out before it */
    return r;
}

static bool on_serving(void *ctx, bool begins)
{
    struct transport *t = ctx;

    t->is_serving = begins;
    if (begins)
        t->was_told = false;
    else
        out_flush(t);
    return t->was_told;
}

static void on_lws_log(int level, const char *line)
{
    size_t len = strlen(line);

    while (len > 0 && line[len - 1] == '\n')
        len--;
    log_debug("libwebsockets said it level=%d line=\"%.*s\"", level, (int)len, line);
}

/*
 * The library writes its lines into one buffer for all threads. Nobody reads them but at the debug
 * level, so it writes none at others; there a line may be garbled when two threads have one.
 */
static void choose_library_log(void)
{
    lws_set_log_level(log_enabled(LOG_LEVEL_DEBUG) ? LLL_ERR | LLL_WARN : 0, on_lws_log);
}

/* The library numbers its places in OpenSSL's structures anew with each context. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t library_log = PTHREAD_ONCE_INIT;

struct lws_vhost *transport_vhost_create(struct transport *t,
                                         const struct lws_context_creation_info *info)
{
    pthread_mutex_lock(&library_lock);
    struct lws_vhost *vhost = lws_create_vhost(t->context, info);
    pthread_mutex_unlock(&library_lock);
    return vhost;
}

static struct lws_context *context_create(struct transport *t,
                                          const struct transport_config *config)
{
    void *foreign[1] = {t->lws_loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .user = t,
        .foreign_loops = foreign,
        .event_lib_custom = &lws_loop_plugin,
        .pt_serv_buf_size = (unsigned int)t->read_buffer_bytes,
        .max_http_header_data2 =
            (unsigned int)(config->max_header_bytes != 0 ? config->max_header_bytes : 8192),
        .max_http_header_pool2 = 4096, /* made when needed; a slow head must not keep others out */
        .timeout_secs = 3600,          /* the sweep is quicker */
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };

    struct lws_context *context = lws_create_context(&info);
    if (context != NULL)
        (void)lws_protocol_init(context); /* now, under the lock, instead of at the first connect */
    return context;
}

static struct transport *alloc_all(struct loop *loop, const struct transport_config *config)
{
    struct transport *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->loop = loop;
    t->read_buffer_bytes = config->read_buffer_bytes != 0 ? config->read_buffer_bytes : 64 * 1024;
    t->max_connections = config->max_connections;
    list_init(&t->conns);
    list_init(&t->dying);
    list_init(&t->notices);
    list_init(&t->connecting);
    list_init(&t->sites);
    list_init(&t->servers);
    t->cork = malloc(CORK_BYTES);
    t->scratch = malloc(WS_ROOM_BYTES + t->read_buffer_bytes);
    t->resolver = resolver_create(loop);
    t->lws_loop = lws_loop_create(loop_base(loop), on_serving, t);
    if (t->cork == NULL || t->scratch == NULL || t->resolver == NULL || t->lws_loop == NULL)
        return transport_destroy(t);
    return t;
}

struct transport *transport_create(struct loop *loop, const struct transport_config *config,
                                   struct parley_error *err)
{
    static const struct transport_config defaults;

    if (config == NULL)
        config = &defaults;
    struct transport *t = alloc_all(loop, config);
    if (t == NULL) {
        parley_fail(err, PARLEY_E_NO_MEMORY, "transport: no memory for its buffers");
        return NULL;
    }
    (void)pthread_once(&library_log, choose_library_log); /* fails only for what is not its kind */
    pthread_mutex_lock(&library_lock);
    t->context = context_create(t, config);
    pthread_mutex_unlock(&library_lock);
    if (t->context == NULL) {
        parley_fail(err, PARLEY_E_INTERNAL,
                    "transport: libwebsockets refused to start; its reason is in the debug log");
        return transport_destroy(t);
    }
    lws_loop_bind(t->lws_loop, t->context);
    loop_timer_start(loop, &t->sweep, SWEEP_MS, on_sweep, t);
    return t;
}

/* Those without a connection yet; the others end with the context. */
static void end_unconnected(struct transport *t)
{
    while (!list_empty(&t->connecting)) {
        struct ws *ws = list_entry(t->connecting.next, struct ws, connecting);
        ws_client_cancel(ws);
    }
    while (!list_empty(&t->notices)) {
        struct ws *ws = list_entry(t->notices.next, struct ws, notice);
        list_remove(&ws->notice);
        ws_notify(ws);
    }
}

struct transport *transport_destroy(struct transport *t)
{
    if (t == NULL)
        return NULL;
    t->is_ending = true;
    loop_timer_stop(&t->sweep);
    loop_timer_stop(&t->later);
    end_unconnected(t);
    pthread_mutex_lock(&library_lock);
    if (t->context != NULL)
        lws_context_destroy(t->context);
    pthread_mutex_unlock(&library_lock);
    end_unconnected(t);
    client_sites_free(t);
    http_servers_free(t);
    t->lws_loop = lws_loop_destroy(t->lws_loop);
    t->resolver = resolver_destroy(t->resolver);
    while (t->pool != NULL) {
        struct message_buf *m = t->pool;
        t->pool = m->next;
        free(m);
    }
    free(t->cork);
    free(t->scratch);
    free(t);
    return NULL;
}

struct loop *transport_loop(struct transport *t)
{
    return t->loop;
}

void transport_stats(const struct transport *t, struct transport_stats *ret)
{
    *ret = t->stats;
}
