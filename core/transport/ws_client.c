/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to an open connection that was asked for with ws_connect():
 *
 *   resolve the name --> connect to an address --> TLS --> handshake --> ws_opened()
 *        |                    | refused: next address      | not 101: its body, then on_closed
 *        +--------------------+----- or time is up --------+--> on_closed
 */
#include "transport/private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "transport/trust.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000
#define BODY_MAX           4096
#define HEADERS_MAX        (16 * 1024)

struct ws_client {
    struct url url;
    struct client_site *site;
    struct buf headers; /* lines to send */
    char *subprotocol;
    char *want_headers;
    int64_t timeout_ms;
    int64_t deadline_ms;
    struct resolve *query;
    struct resolve_result found;
    int next; /* of found */
    char cert_error[96];
    char error[128]; /* of the last address */
    int http_status;
    struct buf body; /* of a refusal */
    struct buf got;  /* its wanted headers */
};

/* Connections that trust the same file share a virtual host of the library. */
struct client_site {
    struct list entry;
    char *ca_file;
    SSL_CTX *ssl_ctx;
    struct lws_vhost *vhost;
};

/* ---- what is trusted ---- */

static int ssl_ctx_create(const char *ca_file, SSL_CTX **ret, struct parley_error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "TLS: no memory");
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    int r = trust_use(ctx, ca_file, err);
    if (r < 0)
        SSL_CTX_free(ctx);
    else
        *ret = ctx;
    return r;
}

static void site_free(struct client_site *site)
{
    list_remove(&site->entry);
    SSL_CTX_free(site->ssl_ctx);
    free(site->ca_file);
    free(site);
}

static int site_create(struct transport *t, const char *ca_file, struct client_site **ret,
                       struct parley_error *err)
{
    char name[32];
    struct client_site *site = calloc(1, sizeof(*site));

    if (site == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "TLS: no memory");
    list_init(&site->entry);
    site->ca_file = strdup(ca_file);
    int r = ssl_ctx_create(ca_file, &site->ssl_ctx, err);
    if (r < 0) {
        site_free(site);
        return r;
    }
    snprintf(name, sizeof(name), "to-%d", t->vhost_count++);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .vhost_name = name,
        .protocols = transport_protocols,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = site->ssl_ctx,
        .timeout_secs = 3600,
        .connect_timeout_secs = 3600, /* the sweep is quicker */
    };
    site->vhost = transport_vhost_create(t, &info);
    if (site->ca_file == NULL || site->vhost == NULL) {
        site_free(site);
        return parley_fail(err, PARLEY_E_INTERNAL, "libwebsockets refused a client for %s",
                           ca_file);
    }
    list_append(&t->sites, &site->entry);
    *ret = site;
    return PARLEY_OK;
}

static int site_find(struct transport *t, const char *ca_file, struct client_site **ret,
                     struct parley_error *err)
{
    struct list *at;

    list_for_each(at, &t->sites)
    {
        struct client_site *site = list_entry(at, struct client_site, entry);
        if (strcmp(site->ca_file, ca_file) == 0) {
            *ret = site;
            return PARLEY_OK;
        }
    }
    return site_create(t, ca_file, ret, err);
}

void client_sites_free(struct transport *t)
{
    while (!list_empty(&t->sites))
        site_free(list_entry(t->sites.next, struct client_site, entry));
}

/* ---- failures ---- */

void ws_client_free(struct ws *ws)
{
    struct ws_client *c = ws->client;

    if (c == NULL)
        return;
    ws->client = NULL;
    resolve_cancel(c->query);
    if (c->headers.data != NULL)
        explicit_bzero(c->headers.data, c->headers.cap); /* keys go there */
    buf_done(&c->headers);
    buf_done(&c->body);
    buf_done(&c->got);
    free(c->subprotocol);
    free(c->want_headers);
    free(c);
}

/* on_closed follows, from the library's end of the connection or in the next turn. */
static void give_up(struct ws *ws)
{
    ws->state = WS_STATE_GONE;
    list_remove(&ws->connecting);
    resolve_cancel(ws->client->query);
    ws->client->query = NULL;
    if (ws->conn != NULL)
        conn_kill(ws->conn);
    else
        transport_notice(ws->t, ws);
}

void ws_client_cancel(struct ws *ws)
{
    ws_fail(ws, PARLEY_E_CANCELLED, "%s: given up by this side", ws->peer);
    give_up(ws);
}

void ws_client_sweep(struct ws *ws, int64_t now_ms)
{
    struct ws_client *c = ws->client;

    if (ws->state != WS_STATE_CONNECTING || c == NULL || now_ms < c->deadline_ms)
        return;
    ws_fail(ws, PARLEY_E_TIMEOUT, "%s: no WebSocket connection within %lld ms", ws->peer,
            (long long)c->timeout_ms);
    give_up(ws);
}

static int status_of_http(int status)
{
    switch (status) {
    case 401:
    case 403:
        return PARLEY_E_DENIED;
    case 404:
    case 410:
        return PARLEY_E_NOT_FOUND;
    case 408:
    case 425:
    case 429:
        return PARLEY_E_BUSY;
    default:
        return status >= 500 ? PARLEY_E_UNAVAILABLE : PARLEY_E_INVALID;
    }
}

void ws_client_closed_view(struct ws *ws, struct ws_closed *closed)
{
    struct ws_client *c = ws->client;

    if (c == NULL || c->http_status == 0)
        return;
    closed->http_status = c->http_status;
    closed->reason = buf_view(&c->body);
    closed->headers = buf_view(&c->got);
}

void ws_client_cert_error(struct ws *ws, const char *error)
{
    if (ws->client != NULL)
        snprintf(ws->client->cert_error, sizeof(ws->client->cert_error), "%s", error);
}

/* The library's word that a connection did not come about; its end follows. */
void ws_client_failed(struct ws *ws, const char *reason, size_t len)
{
    struct ws_client *c = ws->client;

    if (c == NULL || c->http_status != 0 || ws->state != WS_STATE_CONNECTING ||
        ws->conn->is_creating)
        return;
    if (c->cert_error[0] != '\0') {
        ws_fail(ws, PARLEY_E_UNAVAILABLE, "%s: its certificate is not trusted: %s", ws->peer,
                c->cert_error);
        return;
    }
    snprintf(c->error, sizeof(c->error), "%.*s", reason == NULL ? 0 : (int)len,
             reason == NULL ? "" : reason);
    bool is_early = strstr(c->error, "connect") != NULL; /* before a word was said */
    if (is_early && c->next < c->found.count) {
        ws->conn->ws = NULL;
        ws->conn = NULL;
        transport_notice(ws->t, ws);
        return;
    }
    ws_fail(ws, PARLEY_E_UNAVAILABLE, "%s: cannot connect: %s", ws->peer, c->error);
}

/* ---- a refusal ---- */

void ws_client_refused(struct ws *ws, struct lws *wsi)
{
    struct ws_client *c = ws->client;

    if (c == NULL || c->http_status != 0)
        return;
    c->http_status = (int)lws_http_client_http_response(wsi);
    ws_fail(ws, status_of_http(c->http_status),
            "%s: refused the WebSocket handshake with HTTP status %d", ws->peer, c->http_status);
    struct parley_view rest = view_of(c->want_headers);
    struct parley_view name;
    while (rest.len > 0) {
        if (!view_split(&rest, ',', &name))
            rest.len = 0;
        char key[64];
        view_copy(key, sizeof(key), view_trim(name));
        struct buf value = {0};
        if (header_copy(wsi, key, &value))
            buf_printf(&c->got, "%s: %s\r\n", key, value.data);
        buf_done(&value);
    }
}

void ws_client_body(struct ws *ws, const char *data, size_t len)
{
    struct ws_client *c = ws->client;

    if (c == NULL)
        return;
    size_t room = BODY_MAX - c->body.len;
    buf_append(&c->body, data, len < room ? len : room);
    if (c->body.len >= BODY_MAX)
        conn_kill(ws->conn);
}

/* ---- connecting ---- */

int ws_client_add_headers(struct ws *ws, char **at, size_t room)
{
    struct ws_client *c = ws->client;

    if (c == NULL || c->headers.len > room)
        return -1;
    if (c->headers.len > 0)
        memcpy(*at, c->headers.data, c->headers.len);
    *at += c->headers.len;
    return 0;
}

static bool connect_to(struct ws *ws, const char *address)
{
    struct ws_client *c = ws->client;
    struct conn *conn = conn_create(ws->t);

    if (conn == NULL)
        return false;
    ws_bind(ws, conn);
    struct lws_client_connect_info info = {
        .context = ws->t->context,
        .vhost = c->site->vhost,
        .address = address,
        .port = c->url.port,
        .path = c->url.path,
        .host = c->url.host_header,
        .protocol = c->subprotocol[0] != '\0' ? c->subprotocol : NULL,
        .local_protocol_name = "",
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (c->url.is_tls ? LCCSCF_USE_SSL : 0),
        .alpn = "http/1.1",
        .ietf_version_or_minus_one = -1,
        .opaque_user_data = conn,
    };
    conn->is_creating = true;
    conn->wsi = lws_client_connect_via_info(&info);
    conn->is_creating = false;
    if (conn->wsi != NULL && !conn->is_dead)
        return true;
    conn->ws = NULL;
    ws->conn = NULL;
    conn_gone(conn);
    return false;
}

void ws_client_next(struct ws *ws)
{
    struct ws_client *c = ws->client;

    while (c->next < c->found.count) {
        if (connect_to(ws, c->found.addresses[c->next++]))
            return;
        snprintf(c->error, sizeof(c->error), "Unable to connect");
    }
    ws_fail(ws, PARLEY_E_UNAVAILABLE, "%s: cannot connect: %s", ws->peer, c->error);
    ws->state = WS_STATE_GONE;
    list_remove(&ws->connecting);
    transport_notice(ws->t, ws);
}

static void on_resolved(void *ctx, const struct resolve_result *result)
{
    struct ws *ws = ctx;
    struct ws_client *c = ws->client;

    c->query = NULL;
    c->found = *result;
    if (result->count > 0) {
        ws_client_next(ws);
        return;
    }
    ws_fail(ws, PARLEY_E_UNAVAILABLE, "%s: the name cannot be resolved: %s", ws->peer,
            result->error);
    give_up(ws);
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool begin(struct ws *ws)
{
    struct ws_client *c = ws->client;

    if (is_address(c->url.host)) {
        view_copy(c->found.addresses[0], sizeof(c->found.addresses[0]), view_of(c->url.host));
        c->found.count = 1;
        transport_notice(ws->t, ws);
        return true;
    }
    c->query = resolve_start(ws->t->resolver, c->url.host, on_resolved, ws);
    return c->query != NULL;
}

/* ---- options ---- */

static bool is_header_text(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    }
    return true;
}

static int headers_print(struct buf *out, const struct ws_connect *connect,
                         struct parley_error *err)
{
    for (size_t i = 0; i < connect->header_count; i++) {
        const struct ws_header *h = &connect->headers[i];
        if (h->name[0] == '\0' || strpbrk(h->name, ": \t") != NULL || !is_header_text(h->name))
            return parley_fail(err, PARLEY_E_INVALID, "header \"%.40s\": not a header name",
                               h->name);
        if (!is_header_text(h->value))
            return parley_fail(err, PARLEY_E_INVALID,
                               "header %s: its value holds a control character, such as the end "
                               "of a line",
                               h->name);
        buf_printf(out, "%s: %s\r\n", h->name, h->value);
    }
    if (out->len > HEADERS_MAX)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "headers: %zu bytes are above the limit of %d",
                           out->len, HEADERS_MAX);
    return out->failed ? parley_fail(err, PARLEY_E_NO_MEMORY, "headers: no memory") : PARLEY_OK;
}

static const char *or_empty(const char *s)
{
    return s == NULL ? "" : s;
}

static int client_fill(struct transport *t, struct ws_client *c, const struct ws_connect *connect,
                       struct parley_error *err)
{
    int r = url_parse(&c->url, connect->url, err);
    if (r < 0)
        return r;
    if (c->url.is_tls && c->url.is_ipv6)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "URL host [%s]: TLS needs a name or an IPv4 address", c->url.host);
    r = headers_print(&c->headers, connect, err);
    if (r < 0)
        return r;
    if (!is_header_text(or_empty(connect->subprotocol)))
        return parley_fail(err, PARLEY_E_INVALID, "subprotocol: holds a control character");
    c->subprotocol = strdup(or_empty(connect->subprotocol));
    c->want_headers = strdup(or_empty(connect->want_headers));
    if (c->subprotocol == NULL || c->want_headers == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", c->url.host);
    c->timeout_ms =
        connect->connect_timeout_ms > 0 ? connect->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    c->deadline_ms = clock_now_ms() + c->timeout_ms;
    return site_find(t, or_empty(connect->ca_file), &c->site, err);
}

static void discard(struct ws *ws)
{
    list_remove(&ws->connecting);
    ws_client_free(ws);
    free(ws);
}

int ws_connect(struct transport *t, const struct ws_connect *connect,
               const struct ws_events *events, void *ctx, struct ws **ret_ws,
               struct parley_error *err)
{
    if (t->max_connections > 0 && t->stats.connections >= (uint64_t)t->max_connections)
        return parley_fail(err, PARLEY_E_BUSY, "no room for another connection above %d",
                           t->max_connections);
    struct ws *ws = ws_create(t, &connect->limits, events, ctx);
    if (ws == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection");
    ws->is_client = true;
    ws->state = WS_STATE_CONNECTING;
    ws->client = calloc(1, sizeof(*ws->client));
    int r = ws->client == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a connection")
                               : client_fill(t, ws->client, connect, err);
    if (r < 0) {
        discard(ws);
        return r;
    }
    snprintf(ws->peer, sizeof(ws->peer), "%s:%d", ws->client->url.host, ws->client->url.port);
    list_append(&t->connecting, &ws->connecting);
    if (!begin(ws)) {
        discard(ws);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to resolve a name");
    }
    *ret_ws = ws;
    return PARLEY_OK;
}
