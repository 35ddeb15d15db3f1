/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_BODY_BYTES     (1024 * 1024)
#define REQUEST_TIMEOUT_MS 10000
#define IDLE_TIMEOUT_MS    60000
#define DISCARD_MS         2000 /* for a client that still sends what nobody wants */

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

/* ---- requests ---- */

static void request_free(struct http_request *r)
{
    if (r == NULL)
        return;
    if (r->conn != NULL)
        r->conn->request = NULL;
    buf_done(&r->path);
    buf_done(&r->query);
    buf_done(&r->body);
    for (size_t i = 0; i < r->value_count; i++)
        buf_done(&r->values[i]);
    free(r->values);
    free(r);
}

static const struct {
    enum lws_token_indexes token;
    const char *name;
} methods[] = {
    {WSI_TOKEN_GET_URI, "GET"},         {WSI_TOKEN_POST_URI, "POST"},
    {WSI_TOKEN_HEAD_URI, "HEAD"},       {WSI_TOKEN_PUT_URI, "PUT"},
    {WSI_TOKEN_DELETE_URI, "DELETE"},   {WSI_TOKEN_PATCH_URI, "PATCH"},
    {WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
};

/* The library has taken the query apart and decoded it; make one text of it again. */
static void query_join(struct lws *wsi, struct buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~=!$'()*,;:@/?";
    char part[4096];

    for (int i = 0;; i++) {
        int len = lws_hdr_copy_fragment(wsi, part, sizeof(part), WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len < 0)
            return;
        if (i > 0)
            buf_append_char(out, '&');
        for (int k = 0; k < len; k++) {
            if (part[k] != '\0' && strchr(plain, part[k]) != NULL)
                buf_append_char(out, part[k]);
            else
                buf_printf(out, "%%%02X", (unsigned char)part[k]);
        }
    }
}

static struct http_request *request_create(struct conn *c)
{
    struct http_request *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
#ifndef PARLEY_LWS_PATCHED
    c->close_after_answer = true; /* its handling of pipelined requests is not safe */
#endif
    r->conn = c;
    r->server = c->server;
    c->request = r;
    r->method = "";
    r->begun_us = clock_now_us();
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (lws_hdr_total_length(c->wsi, methods[i].token) <= 0)
            continue;
        r->method = methods[i].name;
        (void)token_copy(c->wsi, methods[i].token, &r->path);
        break;
    }
    r->is_head = strcmp(r->method, "HEAD") == 0;
    query_join(c->wsi, &r->query);
    return r;
}

struct parley_view http_method(const struct http_request *r)
{
    return view_of(r->method);
}

struct parley_view http_path(const struct http_request *r)
{
    return buf_view(&r->path);
}

struct parley_view http_body(const struct http_request *r)
{
    return buf_view(&r->body);
}

struct parley_view http_query(const struct http_request *r)
{
    return buf_view(&r->query);
}

/* Keep a value until the request ends. */
static bool keep(struct http_request *r, struct buf *take_value, struct parley_view *ret)
{
    struct buf *values = realloc(r->values, (r->value_count + 1) * sizeof(*values));

    if (values == NULL || take_value->failed) {
        if (values != NULL)
            r->values = values;
        buf_done(take_value);
        return false;
    }
    r->values = values;
    r->values[r->value_count++] = TAKE(*take_value);
    *ret = buf_view(&r->values[r->value_count - 1]);
    return true;
}

bool http_header(struct http_request *r, const char *name, struct parley_view *ret_value)
{
    struct buf value = {0};

    if (!header_copy(r->conn->wsi, name, &value)) {
        buf_done(&value);
        return false;
    }
    return keep(r, &value, ret_value);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(struct buf *out, struct parley_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '%' && i + 2 < text.len && hex(text.data[i + 1]) >= 0 &&
            hex(text.data[i + 2]) >= 0) {
            buf_append_char(out, (char)(hex(text.data[i + 1]) << 4 | hex(text.data[i + 2])));
            i += 2;
        } else {
            buf_append_char(out, text.data[i]);
        }
    }
}

bool http_query_get(struct http_request *r, const char *name, struct parley_view *ret_value)
{
    struct parley_view rest = buf_view(&r->query);
    struct parley_view part, key;

    while (rest.len > 0) {
        if (!view_split(&rest, '&', &part))
            rest.len = 0;
        if (!view_split(&part, '=', &key))
            part = (struct parley_view){"", 0};
        if (!view_is(key, name))
            continue;
        struct buf value = {0};
        percent_decode(&value, part);
        return keep(r, &value, ret_value);
    }
    return false;
}

bool http_offered_subprotocol(struct http_request *r, size_t n, struct parley_view *ret_name)
{
    struct parley_view rest, name;

    if (!http_header(r, "sec-websocket-protocol", &rest))
        return false;
    for (size_t i = 0; rest.len > 0; i++) {
        if (!view_split(&rest, ',', &name))
            rest.len = 0;
        if (i == n) {
            *ret_name = view_trim(name);
            return true;
        }
    }
    return false;
}

const char *http_peer(const struct http_request *r)
{
    return r->conn->peer;
}

bool http_is_tls(const struct http_request *r)
{
    return r->server->ssl_ctx != NULL;
}

void http_set_ctx(struct http_request *r, void *ctx)
{
    r->ctx = ctx;
}

void *http_ctx(const struct http_request *r)
{
    return r->ctx;
}

/* ---- answers ---- */

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].status == status)
            return texts[i].text;
    }
    return "Unknown";
}

static void answer_build(struct conn *c, const struct http_request *r,
                         const struct http_response *response)
{
    struct buf *out = &c->answer;
    bool has_body = response->status != 204 && response->status != 304;

    buf_clear(out);
    buf_printf(out, "HTTP/1.1 %d %s\r\n", response->status, http_status_text(response->status));
    if (response->content_type != NULL && has_body)
        buf_printf(out, "Content-Type: %s\r\n", response->content_type);
    if (has_body)
        buf_printf(out, "Content-Length: %zu\r\n", response->body.len);
    if (c->close_after_answer)
        buf_append_str(out, "Connection: close\r\n");
    buf_append_view(out, response->headers);
    buf_append_str(out, "\r\n");
    if (has_body && (r == NULL || !r->is_head))
        buf_append_view(out, response->body);
}

static void tell_answered(const struct http_request *r, int status)
{
    const struct http_server_config *config = &r->server->config;

    if (config->on_answered != NULL)
        config->on_answered(config->ctx, r, status, clock_now_us() - r->begun_us);
}

void http_respond(struct http_request *r, const struct http_response *response)
{
    struct conn *c = r->conn;

    if (r->is_upgrade)
        c->close_after_answer = true;
    answer_build(c, r, response);
    tell_answered(r, response->status);
    bool is_upgrade = r->is_upgrade;
    request_free(r);
    c->deadline_ms = clock_now_ms() + c->server->config.request_timeout_ms;
    if (is_upgrade)
        return; /* written by http_upgrade_asked() */
    conn_mute(c, false);
    lws_callback_on_writable(c->wsi);
}

void http_respond_text(struct http_request *r, int status, const char *content_type,
                       const char *body)
{
    http_respond(r, &(struct http_response){
                        .status = status, .content_type = content_type, .body = view_of(body)});
}

/* Before the owner has heard of the request. */
static int refuse(struct conn *c, int status, const char *words)
{
    c->close_after_answer = true;
    c->is_discarding = true;
    http_respond_text(c->request, status, "text/plain; charset=utf-8", words);
    return 0;
}

static int write_answer(struct conn *c)
{
    int n = lws_write(c->wsi, (unsigned char *)c->answer.data, c->answer.len, LWS_WRITE_HTTP);

    buf_done(&c->answer);
    return n < 0 ? -1 : 0;
}

int http_writable(struct conn *c)
{
    if (c->answer.len == 0)
        return 0;
    if (write_answer(c) < 0)
        return -1;
    if (c->close_after_answer && c->is_discarding) {
        /* Let the client read before the end, but take nothing more from it. */
        c->deadline_ms = clock_now_ms() + DISCARD_MS;
        conn_mute(c, true);
        return 0;
    }
    if (c->close_after_answer)
        return -1;
    c->deadline_ms = clock_now_ms() + c->server->config.idle_timeout_ms;
    return lws_http_transaction_completed(c->wsi) != 0 ? -1 : 0;
}

/* ---- receiving ---- */

static void dispatch(struct conn *c)
{
    struct http_request *r = c->request;

    c->deadline_ms = 0;
    r->is_known = true;
    r->server->config.on_request(r->server->config.ctx, r);
    if (c->request == r) /* answered later: the library must not read on */
        conn_mute(c, true);
}

/* -1: none, -2: not a number */
static int64_t content_length(struct lws *wsi)
{
    _cleanup_(buf_done) struct buf text = {0};
    int64_t value;

    if (!token_copy(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, &text))
        return -1;
    return view_to_int64(buf_view(&text), &value) && value >= 0 ? value : -2;
}

int http_head_received(struct conn *c)
{
    struct http_request *r = request_create(c);

    if (r == NULL)
        return -1;
    int64_t length = content_length(c->wsi);
    bool has_body = strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0 ||
                    strcmp(r->method, "PATCH") == 0;
    if (r->method[0] == '\0')
        return refuse(c, 501, "this method is not known here\n");
    if (lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return refuse(c, 501, "no transfer coding is taken; send a Content-Length\n");
    if (length == -2)
        return refuse(c, 400, "Content-Length must be a whole number\n");
    if (length == -1 && has_body)
        return refuse(c, 411, "send a Content-Length, 0 when there is no body\n");
    if (length > (int64_t)r->server->config.max_body_bytes)
        return refuse(c, 413, "the body is too large\n");
    if (length > 0 || (length == 0 && strcmp(r->method, "POST") == 0)) {
        c->deadline_ms = clock_now_ms() + r->server->config.request_timeout_ms;
        return 0;
    }
    dispatch(c);
    return 0;
}

int http_body_received(struct conn *c, const char *data, size_t len)
{
    if (c->request == NULL || c->request->is_known)
        return 0;
    buf_append(&c->request->body, data, len);
    if (c->request->body.failed)
        return -1;
    return 0;
}

int http_body_ended(struct conn *c)
{
    if (c->request != NULL && !c->request->is_known) /* the library may say it again */
        dispatch(c);
    return 0;
}

void http_conn_gone(struct conn *c)
{
    struct http_request *r = c->request;

    if (r == NULL)
        return;
    if (r->is_known && r->server->config.on_gone != NULL)
        r->server->config.on_gone(r->server->config.ctx, r);
    request_free(r);
}

/* ---- upgrades ---- */

static bool header_is(struct lws *wsi, enum lws_token_indexes token, const char *value)
{
    _cleanup_(buf_done) struct buf text = {0};

    return token_copy(wsi, token, &text) && view_equal_nocase(buf_view(&text), view_of(value));
}

static void upgrade_respond(struct http_request *r, int status, const char *headers,
                            const char *words)
{
    http_respond(r, &(struct http_response){.status = status,
                                            .content_type = "text/plain; charset=utf-8",
                                            .headers = view_of(headers),
                                            .body = view_of(words)});
}

#ifndef PARLEY_LWS_PATCHED
/* What a library without our patches would drop without an answer. */
static bool is_list_too_much(struct http_request *r)
{
    struct parley_view list, name;

    if (!http_header(r, "sec-websocket-protocol", &list))
        return false;
    for (size_t i = 0; list.len < 127 && http_offered_subprotocol(r, i, &name); i++) {
        if (view_is(name, "realtime"))
            return false;
    }
    return true;
}
#endif

static void upgrade_offer(struct conn *c, struct http_request *r)
{
    if (strcmp(r->method, "GET") != 0 || lws_hdr_total_length(c->wsi, WSI_TOKEN_KEY) != 24) {
        upgrade_respond(
            r, 400, "",
            "a WebSocket handshake is a GET with a Sec-WebSocket-Key of 24 characters\n");
        return;
    }
    if (!header_is(c->wsi, WSI_TOKEN_VERSION, "13")) {
        upgrade_respond(r, 426, "Sec-WebSocket-Version: 13\r\n", "only WebSocket version 13\n");
        return;
    }
#ifndef PARLEY_LWS_PATCHED
    if (is_list_too_much(r)) {
        upgrade_respond(r, 400, "", "this list of subprotocols is not taken\n");
        return;
    }
#endif
    if (r->server->config.on_upgrade != NULL)
        r->server->config.on_upgrade(r->server->config.ctx, r);
    else
        upgrade_respond(r, 404, "", "no WebSocket here\n");
    if (c->request == r) /* the owner did nothing */
        upgrade_respond(r, 500, "", "no answer to this handshake\n");
}

/* 0: the library goes on with the handshake; 1: answered; -1: hang up. */
int http_upgrade_asked(struct conn *c)
{
    if (!header_is(c->wsi, WSI_TOKEN_UPGRADE, "websocket"))
        return 0; /* h2c: stays HTTP/1.1 */
    struct http_request *r = request_create(c);
    if (r == NULL)
        return -1;
    r->is_upgrade = true;
    upgrade_offer(c, r);
    if (c->ws != NULL)
        return 0;
    return write_answer(c) < 0 ? -1 : 1;
}

struct ws *ws_accept(struct http_request *r, const char *subprotocol,
                     const struct ws_limits *limits, const struct ws_events *events, void *ctx)
{
    struct conn *c = r->conn;
    struct ws *ws = r->is_upgrade ? ws_create(c->t, limits, events, ctx) : NULL;

    if (ws == NULL) {
        http_respond_text(r, 503, "text/plain; charset=utf-8", "no memory for a connection\n");
        return NULL;
    }
    ws->state = WS_STATE_OPENING;
    snprintf(ws->peer, sizeof(ws->peer), "%s", c->peer);
    snprintf(ws->subprotocol, sizeof(ws->subprotocol), "%s",
             subprotocol == NULL ? "" : subprotocol);
    ws_bind(ws, c);
    tell_answered(r, 101);
    request_free(r);
    return ws;
}

int http_upgrade_headers(struct conn *c, struct lws_process_html_args *args)
{
#ifdef PARLEY_LWS_PATCHED
    if (c->ws == NULL || c->ws->subprotocol[0] == '\0')
        return 0;
    int n = snprintf(args->p, (size_t)args->max_len, "Sec-WebSocket-Protocol: %s\r\n",
                     c->ws->subprotocol);
    if (n < 0 || n >= args->max_len)
        return -1;
    args->p += n;
#else
    (void)c;
    (void)args;
#endif
    return 0;
}

void http_upgrade_done(struct conn *c)
{
    c->deadline_ms = 0;
}

/* ---- the server ---- */

static int tls_fail(struct parley_error *err, const char *what, const char *file)
{
    char why[160];

    ERR_error_string_n(ERR_peek_last_error(), why, sizeof(why));
    ERR_clear_error();
    return parley_fail(err, PARLEY_E_INVALID, "%s %s: %s", what, file, why);
}

static int tls_load(SSL_CTX *ctx, const struct http_server *s, struct parley_error *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, s->cert_file) != 1)
        return tls_fail(err, "certificate cannot be used:", s->cert_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, s->key_file, SSL_FILETYPE_PEM) != 1)
        return tls_fail(err, "key cannot be used:", s->key_file);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return tls_fail(err, "key does not belong to the certificate:", s->key_file);
    return PARLEY_OK;
}

/* Load into a context that nobody uses, so that a bad file changes nothing and says why. */
static int tls_check(const struct http_server *s, struct parley_error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (ctx == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "TLS: no memory");
    int r = tls_load(ctx, s, err);
    SSL_CTX_free(ctx);
    return r;
}

int http_server_reload(struct http_server *s, struct parley_error *err)
{
    if (s->ssl_ctx == NULL)
        return PARLEY_OK;
    int r = tls_check(s, err);
    return r < 0 ? r : tls_load(s->ssl_ctx, s, err);
}

/* The library made the context of a virtual host. */
void http_tls_loaded(void *ssl_ctx, struct lws_vhost *vhost)
{
    struct http_server *s = lws_vhost_user(vhost);

    s->ssl_ctx = ssl_ctx;
    SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    /* The library would look for another virtual host by the name that the client asks for. */
    SSL_CTX_set_tlsext_servername_callback(ssl_ctx, NULL);
}

static void server_free(struct http_server *s)
{
    list_remove(&s->entry);
    SSL_CTX_free(s->client_ctx);
    free(s->cert_file);
    free(s->key_file);
    free(s);
}

static struct http_server *server_alloc(struct transport *t,
                                        const struct http_server_config *config)
{
    struct http_server *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    list_init(&s->entry);
    s->t = t;
    s->config = *config;
    if (s->config.max_body_bytes == 0)
        s->config.max_body_bytes = MAX_BODY_BYTES;
    if (s->config.request_timeout_ms <= 0)
        s->config.request_timeout_ms = REQUEST_TIMEOUT_MS;
    if (s->config.idle_timeout_ms <= 0)
        s->config.idle_timeout_ms = IDLE_TIMEOUT_MS;
    s->cert_file = strdup(config->cert_file == NULL ? "" : config->cert_file);
    s->key_file = strdup(config->key_file == NULL ? "" : config->key_file);
    if (s->cert_file == NULL || s->key_file == NULL) {
        server_free(s);
        return NULL;
    }
    snprintf(s->name, sizeof(s->name), "at-%d", t->vhost_count++);
    return s;
}

static bool vhost_create(struct http_server *s)
{
    bool is_tls = s->cert_file[0] != '\0';
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .vhost_name = s->name,
        .protocols = transport_protocols,
        .options =
            LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
            (is_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX
                    : 0),
        .ssl_cert_filepath = is_tls ? s->cert_file : NULL,
        .ssl_private_key_filepath = is_tls ? s->key_file : NULL,
        .user = s,
        .timeout_secs = 3600,
        .keepalive_timeout = 3600, /* the sweep is quicker */
    };

    if (is_tls) {
        s->client_ctx = SSL_CTX_new(TLS_client_method());
        if (s->client_ctx == NULL)
            return false;
        info.provided_client_ssl_ctx = s->client_ctx;
    }
    s->vhost = lws_create_vhost(s->t->context, &info);
    return s->vhost != NULL;
}

int http_server_create(struct transport *t, const struct http_server_config *config,
                       struct http_server **ret, struct parley_error *err)
{
    struct http_server *s = server_alloc(t, config);

    if (s == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "http server: no memory");
    if (s->cert_file[0] != '\0') {
        int r = tls_check(s, err);
        if (r < 0) {
            server_free(s);
            return r;
        }
    }
    if (!vhost_create(s)) {
        server_free(s);
        return parley_fail(err, PARLEY_E_INTERNAL,
                           "http server: libwebsockets refused; its reason is in the debug log");
    }
    list_append(&t->servers, &s->entry);
    *ret = s;
    return PARLEY_OK;
}

struct http_server *http_server_destroy(struct http_server *s)
{
    struct list *at, *tmp;

    if (s == NULL)
        return NULL;
    list_for_each_safe(at, tmp, &s->t->conns)
    {
        struct conn *c = list_entry(at, struct conn, entry);
        if (c->server != s)
            continue;
        http_conn_gone(c);
        c->server = NULL; /* it may linger until the library has given up writing */
        conn_drop(c);
    }
    lws_vhost_destroy(s->vhost);
    server_free(s);
    return NULL;
}

void http_servers_free(struct transport *t)
{
    while (!list_empty(&t->servers))
        server_free(list_entry(t->servers.next, struct http_server, entry));
}

static void peer_print(char *out, size_t size, int fd)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    char host[INET6_ADDRSTRLEN] = "?";

    snprintf(out, size, "?");
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        return;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&peer;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, size, "%s:%d", host, ntohs(in->sin_port));
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        if (is_mapped)
            inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, host, sizeof(host));
        else
            inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, size, is_mapped ? "%s:%d" : "[%s]:%d", host, ntohs(in6->sin6_port));
    } else {
        snprintf(out, size, "local");
    }
}

int http_server_adopt(struct http_server *s, int fd, struct parley_error *err)
{
    struct conn *c = conn_create(s->t);
    int one = 1;

    if (c == NULL) {
        close(fd);
        return parley_fail(err, PARLEY_E_BUSY, "no room for another connection above %d",
                           s->t->max_connections);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* other families: no harm */
    c->server = s;
    c->deadline_ms = clock_now_ms() + s->config.request_timeout_ms;
    peer_print(c->peer, sizeof(c->peer), fd);
    lws_adopt_desc_t info = {
        .vh = s->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd.sockfd = fd,
        .opaque = c,
    };
    c->is_creating = true;
    c->wsi = lws_adopt_descriptor_vhost_via_info(&info);
    c->is_creating = false;
    if (c->wsi != NULL && !c->is_dead)
        return PARLEY_OK;
    conn_gone(c);
    return parley_fail(err, PARLEY_E_UNAVAILABLE, "a connection ended before it was served");
}
