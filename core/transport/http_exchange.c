/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request through its connection: head, body, owner, answer; or the upgrade. */
#include "transport/private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define DISCARD_MS 2000 /* for a client that still sends what nobody wants */

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
    http_request_free(r);
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
    struct http_request *r = http_request_create(c);

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
    http_request_free(r);
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
    struct http_request *r = http_request_create(c);
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
    http_request_free(r);
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
