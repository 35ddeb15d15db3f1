/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define GIVE_UP_SECONDS 10 /* only a failing test waits */
#define IDLE_TURNS      200

/* ---- what an owner hears ---- */

static void on_open(void *ctx, struct ws *ws)
{
    struct heard *h = ctx;

    h->ws = ws;
    h->opened++;
}

static void on_message(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct heard *h = ctx;

    h->messages++;
    h->last_flags = flags;
    buf_clear(&h->last);
    buf_append_view(&h->last, message);
    buf_append_view(&h->all, message);
    buf_append_char(&h->all, '|');
    if (h->echo)
        assert_int_equal(ws_send(ws, message, flags), PARLEY_OK);
    if (h->pause_on_message)
        ws_pause(ws, true);
    if (h->close_on_message)
        ws_close(ws, 4001, "that was enough");
    if (h->then != NULL)
        h->then(h);
}

static void on_writable(void *ctx, struct ws *ws)
{
    struct heard *h = ctx;

    (void)ws;
    h->writable++;
}

static void on_dropped(void *ctx, struct ws *ws, uint32_t count, size_t bytes)
{
    struct heard *h = ctx;

    (void)ws;
    h->dropped += count;
    h->dropped_bytes += bytes;
}

static void copy(struct buf *out, struct parley_view v)
{
    buf_clear(out);
    buf_append_view(out, v);
    buf_append_str(out, "");
}

static void on_closed(void *ctx, struct ws *ws, const struct ws_closed *closed)
{
    struct heard *h = ctx;

    assert_ptr_equal(ws, h->ws == NULL ? ws : h->ws);
    h->ws = NULL;
    h->closed++;
    h->closed_as = *closed;
    copy(&h->reason, closed->reason);
    copy(&h->message, view_of(closed->message));
    copy(&h->headers, closed->headers);
}

const struct ws_events heard_events = {on_open, on_message, on_writable, on_dropped, on_closed};

void heard_done(struct heard *h)
{
    buf_done(&h->last);
    buf_done(&h->all);
    buf_done(&h->reason);
    buf_done(&h->message);
    buf_done(&h->headers);
}

/* ---- the server ---- */

static void describe(struct bed *b, struct http_request *r)
{
    struct parley_view v;

    buf_clear(&b->seen);
    buf_append_view(&b->seen, http_method(r));
    buf_append_char(&b->seen, ' ');
    buf_append_view(&b->seen, http_path(r));
    if (http_query(r).len > 0)
        buf_append_char(&b->seen, '?');
    buf_append_view(&b->seen, http_query(r));
    if (http_query_get(r, "model", &v)) {
        buf_append_str(&b->seen, " model=");
        buf_append_view(&b->seen, v);
    }
    if (http_header(r, "Authorization", &v)) {
        buf_append_str(&b->seen, " authorization=");
        buf_append_view(&b->seen, v);
    }
    if (http_header(r, "X-Own-Header", &v)) {
        buf_append_str(&b->seen, " own=");
        buf_append_view(&b->seen, v);
    }
    for (size_t i = 0; http_offered_subprotocol(r, i, &v); i++) {
        buf_append_str(&b->seen, " offers=");
        buf_append_view(&b->seen, v);
    }
    buf_append_str(&b->seen, " body=");
    buf_append_view(&b->seen, http_body(r));
}

static void on_request(void *ctx, struct http_request *r)
{
    struct bed *b = ctx;

    b->requests++;
    describe(b, r);
    if (b->answer_later) {
        b->pending = r;
        http_set_ctx(r, b);
        return;
    }
    http_respond(r, &(struct http_response){.status = 200,
                                            .content_type = "text/plain",
                                            .headers = VIEW("X-From: parley\r\n"),
                                            .body = buf_view(&b->seen)});
}

static void on_upgrade(void *ctx, struct http_request *r)
{
    struct bed *b = ctx;

    b->requests++;
    describe(b, r);
    if (b->upgrade_status != 0) {
        http_respond(r, &(struct http_response){.status = b->upgrade_status,
                                                .content_type = "application/json",
                                                .headers = VIEW("Retry-After: 7\r\n"),
                                                .body = VIEW("{\"error\":{\"code\":\"no\"}}")});
        return;
    }
    b->at_server.ws = ws_accept(r, b->subprotocol, &b->limits, &heard_events, &b->at_server);
    assert_non_null(b->at_server.ws);
    b->at_server.opened++;
    if (b->on_accepted != NULL)
        b->on_accepted(b->at_server.ws);
}

static void on_gone(void *ctx, struct http_request *r)
{
    struct bed *b = ctx;

    assert_ptr_equal(http_ctx(r), b);
    b->pending = NULL;
    b->gone++;
}

void bed_setup(struct bed *b, const struct http_server_config *config)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct http_server_config c = {0};

    memset(b, 0, sizeof(*b));
    if (config != NULL)
        c = *config;
    c.on_request = on_request;
    c.on_upgrade = on_upgrade;
    c.on_gone = on_gone;
    c.ctx = b;
    b->loop = loop_create();
    b->t = transport_create(b->loop, NULL, &err);
    if (b->t == NULL || http_server_create(b->t, &c, &b->server, &err) < 0)
        fail_msg("%s", err.message);
}

void bed_teardown(struct bed *b)
{
    b->t = transport_destroy(b->t);
    b->loop = loop_destroy(b->loop);
    heard_done(&b->at_server);
    buf_done(&b->seen);
}

/* ---- turning the loop ---- */

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts); /* clock.h may stand still */
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void turn(struct bed *b)
{
    loop_run_once(b->loop);
    (void)loop_run_due(b->loop);
}

bool pump_until(struct bed *b, const int *counter, int value)
{
    double end = now() + GIVE_UP_SECONDS;

    while (*counter < value) {
        turn(b);
        sched_yield();
        if (now() > end)
            return false;
    }
    return true;
}

void pump(struct bed *b)
{
    for (int i = 0; i < IDLE_TURNS; i++)
        turn(b);
}

/* ---- the other end ---- */

int peer_connect(struct bed *b)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    if (http_server_adopt(b->server, ends[0], &err) < 0)
        fail_msg("%s", err.message);
    return ends[1];
}

void peer_write(struct bed *b, int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    double end = now() + GIVE_UP_SECONDS;

    while (len > 0 && now() < end) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
        turn(b);
    }
}

/* Bytes read; -1: the end. */
static ssize_t read_some(int fd, struct buf *out)
{
    char chunk[65536];
    ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

    if (n > 0)
        buf_append(out, chunk, (size_t)n);
    return n == 0 || (n < 0 && errno != EAGAIN) ? -1 : n < 0 ? 0 : n;
}

void peer_read(struct bed *b, int fd, struct buf *out, size_t len)
{
    int idle = 0;

    while (out->len < len && idle < IDLE_TURNS * 10) {
        turn(b);
        ssize_t n = read_some(fd, out);
        if (n < 0)
            return;
        idle = n == 0 ? idle + 1 : 0;
    }
}

bool peer_expect(struct bed *b, int fd, struct buf *out, const char *text)
{
    int idle = 0;

    while (out->data == NULL || memmem(out->data, out->len, text, strlen(text)) == NULL) {
        turn(b);
        ssize_t n = read_some(fd, out);
        idle = n == 0 ? idle + 1 : 0;
        if (n < 0 || idle > IDLE_TURNS * 10)
            return out->data != NULL && memmem(out->data, out->len, text, strlen(text)) != NULL;
    }
    return true;
}

bool peer_at_end(struct bed *b, int fd)
{
    struct buf rest = {0};

    for (int i = 0; i < IDLE_TURNS * 10; i++) {
        turn(b);
        if (read_some(fd, &rest) < 0) {
            buf_done(&rest);
            return true;
        }
    }
    buf_done(&rest);
    return false;
}

int peer_open_ws(struct bed *b, const char *extra, struct buf *answer)
{
    char request[8192];
    int fd = peer_connect(b);

    snprintf(request, sizeof(request),
             "GET /v1/realtime?model=a%%26b HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n"
             "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             extra);
    peer_write(b, fd, request, strlen(request));
    (void)peer_expect(b, fd, answer, "\r\n\r\n");
    return fd;
}

/* ---- frames ---- */

void frame_add(struct buf *out, int first_byte, const void *payload, size_t len, bool masked)
{
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    const unsigned char *p = payload;

    buf_append_char(out, (char)first_byte);
    if (len < 126) {
        buf_append_char(out, (char)(len | (masked ? 0x80 : 0)));
    } else {
        int bytes = len < 65536 ? 2 : 8;
        buf_append_char(out, (char)((bytes == 2 ? 126 : 127) | (masked ? 0x80 : 0)));
        for (int i = bytes - 1; i >= 0; i--)
            buf_append_char(out, (char)(len >> (i * 8)));
    }
    if (masked)
        buf_append(out, mask, 4);
    assert_true(buf_reserve(out, len));
    for (size_t i = 0; i < len; i++)
        out->data[out->len++] = (char)(masked ? p[i] ^ mask[i & 3] : p[i]);
}

bool frame_take(struct buf *in, int *ret_first_byte, struct buf *ret_payload, bool *ret_masked)
{
    const unsigned char *p = (const unsigned char *)in->data;
    size_t at = 2, len;

    if (in->len < 2)
        return false;
    len = p[1] & 0x7f;
    int more = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (in->len < at + (size_t)more)
        return false;
    for (len = more > 0 ? 0 : len; more > 0; more--)
        len = len << 8 | p[at++];
    bool masked = (p[1] & 0x80) != 0;
    size_t mask_at = at;
    at += masked ? 4 : 0;
    if (in->len < at + len)
        return false;
    *ret_first_byte = p[0];
    if (ret_masked != NULL)
        *ret_masked = masked;
    buf_clear(ret_payload);
    assert_true(buf_reserve(ret_payload, len + 1));
    for (size_t i = 0; i < len; i++)
        ret_payload->data[i] = (char)(masked ? p[at + i] ^ p[mask_at + (i & 3)] : p[at + i]);
    ret_payload->len = len;
    ret_payload->data[len] = '\0';
    buf_consume(in, at + len);
    return true;
}
