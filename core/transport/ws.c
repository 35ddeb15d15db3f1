/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/ws.h"

#include "transport/private.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGE_BYTES (16 * 1024 * 1024)
#define SOFT_QUEUE_BYTES  (256 * 1024)
#define HARD_QUEUE_BYTES  (4 * 1024 * 1024)
#define PING_INTERVAL_MS  20000
#define CLOSE_TIMEOUT_MS  5000
#define CODE_NO_STATUS    1005
#define CODE_ABNORMAL     1006

/* ---- closing ---- */

void ws_fail(struct ws *ws, int status, const char *format, ...)
{
    va_list args;

    if (ws->status != PARLEY_OK)
        return;
    ws->status = status;
    va_start(args, format);
    vsnprintf(ws->message, sizeof(ws->message), format, args);
    va_end(args);
}

static void send_close(struct ws *ws)
{
    char payload[2 + WS_CLOSE_REASON_MAX];
    size_t len = 0;

    if (ws->is_close_sent || !out_is_free(ws))
        return;
    ws->is_close_sent = true;
    if (ws->close_code != CODE_NO_STATUS && ws->close_code != CODE_ABNORMAL) {
        payload[0] = (char)(ws->close_code >> 8);
        payload[1] = (char)ws->close_code;
        len = 2 + strlen(ws->reason);
        memcpy(payload + 2, ws->reason, len - 2);
    }
    (void)out_cork(ws, (struct parley_view){payload, len}, WS_OP_CLOSE);
}

/* At most `max` bytes of the text, never half a character. */
static void copy_reason(char out[WS_CLOSE_REASON_MAX + 1], const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t n = utf8_char_len(text + at, len - at);
        if (n == 0 || at + n > WS_CLOSE_REASON_MAX || text[at] == '\0')
            break;
        at += n;
    }
    memcpy(out, text, at);
    out[at] = '\0';
}

static void begin_close(struct ws *ws, int code, const char *reason)
{
    ws->state = ws->state == WS_STATE_OPENING ? WS_STATE_OPENING : WS_STATE_CLOSING;
    ws->close_code = code;
    copy_reason(ws->reason, reason, strlen(reason));
    ws->close_deadline_ms = clock_now_ms() + ws->limits.close_timeout_ms;
    send_close(ws);
    if (!ws->is_close_sent)
        out_ask(ws);
    if (ws->is_paused) /* the peer's close frame must be seen */
        ws_pause(ws, false);
}

void ws_close(struct ws *ws, int code, const char *reason)
{
    if (ws->state == WS_STATE_CONNECTING) {
        ws_client_cancel(ws);
        return;
    }
    if (ws->close_deadline_ms != 0 || ws->state == WS_STATE_GONE)
        return;
    begin_close(ws, code, reason == NULL ? "" : reason);
}

void ws_abort(struct ws *ws)
{
    if (ws->state == WS_STATE_CONNECTING) {
        ws_client_cancel(ws);
        return;
    }
    if (ws->state == WS_STATE_GONE)
        return;
    ws_fail(ws, PARLEY_E_CANCELLED, "%s: dropped by this side", ws->peer);
    ws->state = WS_STATE_GONE;
    if (ws->close_code == 0)
        ws->close_code = CODE_ABNORMAL;
    if (ws->t->corked == ws)
        ws->t->corked = NULL;
    conn_kill(ws->conn);
}

static int status_of_code(int code)
{
    switch (code) {
    case 1000:
    case 1001:
    case CODE_NO_STATUS:
        return PARLEY_OK;
    case 1008:
        return PARLEY_E_DENIED;
    case 1009:
        return PARLEY_E_TOO_LARGE;
    case 1011:
    case 1012:
    case 1013:
    case 1014:
        return PARLEY_E_UNAVAILABLE;
    default:
        return code >= 3000 ? PARLEY_E_DENIED : PARLEY_E_PROTOCOL;
    }
}

/* Negative: the library closes the connection. */
int ws_peer_closed(struct ws *ws, const uint8_t *payload, size_t len)
{
    if (ws->is_close_sent || ws->state == WS_STATE_GONE)
        return -1;
    int code = len >= 2 ? payload[0] << 8 | payload[1] : CODE_NO_STATUS;
    out_clear(ws); /* nobody reads it any more */
    if (ws->close_deadline_ms == 0) {
        ws->is_closed_by_peer = true;
        ws->close_code = code;
        if (len > 2)
            copy_reason(ws->reason, (const char *)payload + 2, len - 2);
        int status = status_of_code(code);
        if (status != PARLEY_OK)
            ws_fail(ws, status, "%s: the peer closed with %d %s", ws->peer, code, ws->reason);
    }
    ws->state = WS_STATE_CLOSING;
    send_close(ws);
    out_flush(ws->t);
    return -1;
}

/* ---- receiving ---- */

static bool is_text(const uint8_t *bytes, size_t len)
{
    size_t i = 0;

    for (; i + 64 <= len; i += 64) {
        uint64_t w[8];
        memcpy(w, bytes + i, sizeof(w));
        if (((w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) & 0x8080808080808080u) != 0)
            break;
    }
    return utf8_valid((const char *)bytes + i, len - i);
}

static void deliver(struct ws *ws, uint8_t *bytes, size_t len, bool is_binary)
{
    if (!is_binary && !is_text(bytes, len)) {
        ws_fail(ws, PARLEY_E_PROTOCOL, "%s: a text message is not UTF-8", ws->peer);
        begin_close(ws, 1007, "a text message is not UTF-8");
        return;
    }
    ws->t->stats.messages_in++;
    ws->t->stats.bytes_in += len;
    ws->events.on_message(ws->ctx, ws, (struct parley_view){(char *)bytes, len},
                          WS_ROOM | (is_binary ? WS_BINARY : 0));
}

static bool in_reserve(struct ws *ws, size_t more, size_t expected)
{
    size_t needed = ws->in_len + more;

    if (ws->in != NULL && needed <= ws->in->cap)
        return true;
    /* A frame may promise more than it brings: grow with what came, but not beyond the promise. */
    size_t cap = ws->in == NULL ? needed : ws->in->cap * 2;
    if (cap > expected)
        cap = expected;
    if (cap < needed)
        cap = needed;
    struct message_buf *m = message_buf_get(ws->t, cap);
    if (m == NULL)
        return false;
    if (ws->in != NULL)
        memcpy(m->bytes + WS_ROOM_BYTES, ws->in->bytes + WS_ROOM_BYTES, ws->in_len);
    message_buf_put(ws->t, ws->in);
    ws->in = m;
    return true;
}

static void in_drop(struct ws *ws)
{
    message_buf_put(ws->t, ws->in);
    ws->in = NULL;
    ws->in_len = 0;
}

static void too_large(struct ws *ws)
{
    char reason[WS_CLOSE_REASON_MAX];

    snprintf(reason, sizeof(reason), "message is above the limit of %zu bytes",
             ws->limits.max_message_bytes);
    ws_fail(ws, PARLEY_E_TOO_LARGE, "%s: %s", ws->peer, reason);
    in_drop(ws);
    begin_close(ws, 1009, reason);
}

/* A piece of a message. */
static void in_add(struct ws *ws, const uint8_t *data, size_t len, size_t remaining, bool is_final)
{
    if (!in_reserve(ws, len, ws->in_len + len + remaining)) {
        ws_fail(ws, PARLEY_E_NO_MEMORY, "%s: no memory for a message", ws->peer);
        begin_close(ws, 1011, "no memory for this message");
        return;
    }
    if (len > 0)
        memcpy(ws->in->bytes + WS_ROOM_BYTES + ws->in_len, data, len);
    ws->in_len += len;
    if (!is_final)
        return;
    struct message_buf *m = ws->in; /* the owner's call may change everything else */
    size_t m_len = ws->in_len;
    ws->in = NULL;
    ws->in_len = 0;
    struct transport *t = ws->t;
    deliver(ws, m->bytes + WS_ROOM_BYTES, m_len, ws->in_binary);
    message_buf_put(t, m);
}

void ws_heard(struct ws *ws)
{
    ws->heard_ms = clock_now_ms();
    ws->is_pinged = false;
}

int ws_received(struct ws *ws, struct lws *wsi, const uint8_t *data, size_t len)
{
    size_t remaining = lws_remaining_packet_payload(wsi);
    bool is_final = lws_is_final_fragment(wsi) != 0;

    ws_heard(ws);
    if (ws->state != WS_STATE_OPEN)
        return ws->state == WS_STATE_GONE ? -1 : 0;
    if (ws->in_len == 0 && lws_is_first_fragment(wsi))
        ws->in_binary = lws_frame_is_binary(wsi) != 0;
    size_t limit = ws->limits.max_message_bytes;
    if (len > limit || remaining > limit || ws->in_len + len + remaining > limit) {
        too_large(ws);
        return 0;
    }
    if (ws->in == NULL && is_final && len <= ws->t->read_buffer_bytes) {
        uint8_t *bytes = ws->t->scratch + WS_ROOM_BYTES;
        if (len > 0)
            memcpy(bytes, data, len);
        deliver(ws, bytes, len, ws->in_binary);
        return 0;
    }
    in_add(ws, data, len, remaining, is_final);
    return 0;
}

void ws_pause(struct ws *ws, bool paused)
{
    if (ws->is_paused == paused)
        return;
    ws->is_paused = paused;
    if (ws->conn == NULL || ws->conn->wsi == NULL || ws->state == WS_STATE_CONNECTING)
        return;
    (void)lws_rx_flow_control(ws->conn->wsi, paused ? 0 : 1);
    if (!paused) {
        ws->heard_ms = clock_now_ms();
        lws_loop_check_pending(ws->t->lws_loop); /* what came before may wait in the library */
    }
}

/* ---- what the library says ---- */

void ws_opened(struct ws *ws)
{
    struct lws *wsi = ws->conn->wsi;

    if (ws->state == WS_STATE_GONE) /* dropped meanwhile */
        return;
    ws->state = ws->close_deadline_ms != 0 ? WS_STATE_CLOSING : WS_STATE_OPEN;
    ws->heard_ms = clock_now_ms();
    if (ws->is_paused)
        (void)lws_rx_flow_control(wsi, 0);
    if (!list_empty(&ws->out) || ws->state == WS_STATE_CLOSING)
        lws_callback_on_writable(wsi);
    if (!ws->is_client)
        return;
    list_remove(&ws->connecting);
    ws_client_free(ws);
    if (ws->events.on_open != NULL)
        ws->events.on_open(ws->ctx, ws);
}

static void tell_writable(struct ws *ws)
{
    if (!ws->wants_writable || ws->state != WS_STATE_OPEN ||
        ws_queued_bytes(ws) > ws->limits.soft_queue_bytes / 2)
        return;
    ws->wants_writable = false;
    if (ws->events.on_writable != NULL)
        ws->events.on_writable(ws->ctx, ws);
}

int ws_writable(struct ws *ws)
{
    if (ws->state == WS_STATE_GONE)
        return -1;
    out_continue(ws);
    if (ws->state == WS_STATE_CLOSING)
        send_close(ws);
    tell_writable(ws);
    return 0;
}

/*
 * The library closes by itself when the peer breaks RFC 6455: it sends a close frame and waits for
 * an answer that such a peer may never give. The code and reason that it chose are noted here.
 */
void ws_library_closes(struct ws *ws)
{
    struct lws *wsi = ws->conn->wsi;
    int len = lws_get_close_length(wsi);
    const unsigned char *payload = lws_get_close_payload(wsi);

    if (ws->state != WS_STATE_OPEN || ws->close_deadline_ms != 0 || len < 2)
        return;
    ws->close_code = payload[0] << 8 | payload[1];
    copy_reason(ws->reason, (const char *)payload + 2, (size_t)len - 2);
    ws_fail(ws, PARLEY_E_PROTOCOL, "%s: broke the WebSocket protocol: %s", ws->peer, ws->reason);
    ws->is_close_sent = true;
    ws->state = WS_STATE_CLOSING;
    ws->close_deadline_ms = clock_now_ms() + SWEEP_MS;
}

static void send_ping(struct ws *ws)
{
    ws->is_pinged = true;
    if (out_is_free(ws))
        (void)out_cork(ws, VIEW("parley"), WS_OP_PING); /* an empty pong is not reported */
}

void ws_sweep(struct ws *ws, int64_t now_ms)
{
    int64_t silent_ms = now_ms - ws->heard_ms;
    int64_t interval = ws->limits.ping_interval_ms;

    if (ws->close_deadline_ms != 0 && now_ms >= ws->close_deadline_ms) {
        ws->state = WS_STATE_GONE;
        conn_kill(ws->conn);
        return;
    }
    ws_library_closes(ws);
    if (ws->state != WS_STATE_OPEN || interval < 0)
        return;
    if (ws->is_paused) {
        ws->heard_ms = now_ms; /* a pong could not be read */
        return;
    }
    if (silent_ms >= interval && !ws->is_pinged) {
        send_ping(ws);
    } else if (silent_ms >= interval * 2) {
        ws_fail(ws, PARLEY_E_TIMEOUT, "%s: silent for %lld ms, and no answer to a ping", ws->peer,
                (long long)silent_ms);
        ws->state = WS_STATE_GONE;
        conn_kill(ws->conn);
    }
}

/* ---- life ---- */

static size_t size_or(size_t value, size_t otherwise)
{
    return value != 0 ? value : otherwise;
}

struct ws *ws_create(struct transport *t, const struct ws_limits *limits,
                     const struct ws_events *events, void *ctx)
{
    static const struct ws_limits none;
    struct ws *ws = calloc(1, sizeof(*ws));

    if (ws == NULL)
        return NULL;
    if (limits == NULL)
        limits = &none;
    ws->t = t;
    ws->events = *events;
    ws->ctx = ctx;
    ws->limits = (struct ws_limits){
        .max_message_bytes = size_or(limits->max_message_bytes, MAX_MESSAGE_BYTES),
        .soft_queue_bytes = size_or(limits->soft_queue_bytes, SOFT_QUEUE_BYTES),
        .hard_queue_bytes = size_or(limits->hard_queue_bytes, HARD_QUEUE_BYTES),
        .ping_interval_ms =
            limits->ping_interval_ms != 0 ? limits->ping_interval_ms : PING_INTERVAL_MS,
        .close_timeout_ms =
            limits->close_timeout_ms > 0 ? limits->close_timeout_ms : CLOSE_TIMEOUT_MS,
    };
    list_init(&ws->out);
    list_init(&ws->notice);
    list_init(&ws->connecting);
    ws->heard_ms = clock_now_ms();
    return ws;
}

void ws_bind(struct ws *ws, struct conn *c)
{
    ws->conn = c;
    c->ws = ws;
}

static void ws_free(struct ws *ws)
{
    list_remove(&ws->notice);
    list_remove(&ws->connecting);
    out_clear(ws);
    in_drop(ws);
    ws_client_free(ws);
    free(ws);
}

void ws_gone(struct ws *ws)
{
    bool was_alive = ws->state == WS_STATE_OPEN || ws->state == WS_STATE_OPENING;

    if (ws->t->corked == ws) {
        ws->t->corked = NULL;
        ws->t->cork_len = 0;
    }
    if (was_alive && ws->close_code == 0)
        ws_fail(ws, ws->t->is_ending ? PARLEY_E_CANCELLED : PARLEY_E_UNAVAILABLE, "%s: %s",
                ws->peer, ws->t->is_ending ? "this side ended" : "the connection was lost");
    ws->state = WS_STATE_GONE;
    struct ws_closed closed = {
        .status = ws->status,
        .code = ws->close_code != 0 ? ws->close_code : CODE_ABNORMAL,
        .by_peer = ws->is_closed_by_peer,
        .reason = {ws->reason, strlen(ws->reason)},
        .message = ws->message,
    };
    ws_client_closed_view(ws, &closed);
    if (ws->events.on_closed != NULL)
        ws->events.on_closed(ws->ctx, ws, &closed);
    ws_free(ws);
}

/* In a turn of the loop of its own. */
void ws_notify(struct ws *ws)
{
    if (ws->state == WS_STATE_GONE && ws->conn == NULL) {
        ws_gone(ws);
        return;
    }
    if (ws->state == WS_STATE_CONNECTING) {
        ws_client_next(ws);
        return;
    }
    if (ws->dropped_count > 0) {
        uint32_t count = ws->dropped_count;
        size_t bytes = ws->dropped_bytes;
        ws->dropped_count = 0;
        ws->dropped_bytes = 0;
        if (ws->events.on_dropped != NULL && ws->state == WS_STATE_OPEN)
            ws->events.on_dropped(ws->ctx, ws, count, bytes);
    }
}

void ws_set_events(struct ws *ws, const struct ws_events *events, void *ctx)
{
    ws->events = *events;
    ws->ctx = ctx;
}

const char *ws_peer(const struct ws *ws)
{
    return ws->peer;
}

const char *ws_subprotocol(const struct ws *ws)
{
    return ws->subprotocol;
}
