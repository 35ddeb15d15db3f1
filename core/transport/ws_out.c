/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection sends: straight to the socket, or through a bounded queue. */
#include "transport/private.h"

#include "base/id.h"

#include <stdlib.h>
#include <string.h>

/* A frame that waits to be written. */
struct out_message {
    struct list entry;
    size_t len;
    bool is_droppable;
    uint8_t bytes[];
};

static bool may_write(const struct ws *ws)
{
    return ws->conn != NULL && ws->conn->wsi != NULL &&
           (ws->state == WS_STATE_OPEN || ws->state == WS_STATE_CLOSING);
}

/* Nothing waits, so that the next frame may go straight to the socket. */
bool out_is_free(const struct ws *ws)
{
    return may_write(ws) && list_empty(&ws->out) && ws->inflight_bytes == 0 &&
           !lws_partial_buffered(ws->conn->wsi);
}

void out_ask(struct ws *ws)
{
    if (may_write(ws))
        lws_callback_on_writable(ws->conn->wsi);
}

/* ---- writing ---- */

/*
 * Whole frames, built here: LWS_WRITE_HTTP makes the library pass bytes through as they are. It
 * copies what the socket does not take, and writes that first.
 */
static void write_out(struct ws *ws, uint8_t *bytes, size_t len)
{
    struct lws *wsi = ws->conn->wsi;

    ws->t->stats.writes++;
    if (lws_write(wsi, bytes, len, LWS_WRITE_HTTP) < 0) {
        ws_fail(ws, PARLEY_E_UNAVAILABLE, "%s: the connection broke while sending", ws->peer);
        conn_kill(ws->conn);
        return;
    }
    if (lws_partial_buffered(wsi))
        ws->inflight_bytes += len;
}

void out_flush(struct transport *t)
{
    struct ws *ws = t->corked;
    size_t len = t->cork_len;

    t->corked = NULL;
    t->cork_len = 0;
    if (ws != NULL && len > 0 && may_write(ws))
        write_out(ws, t->cork, len);
}

/* Build the frame at `at`, where the payload is copied to; returns its end. */
static uint8_t *frame_copy(uint8_t *at, const struct ws *ws, struct parley_view payload, int opcode)
{
    uint8_t mask[4];

    if (ws->is_client)
        id_random_bytes(mask, sizeof(mask));
    at += ws_frame_header_len(payload.len, ws->is_client);
    if (payload.len > 0)
        memcpy(at, payload.data, payload.len);
    (void)ws_frame_build(at, payload.len, opcode, ws->is_client ? mask : NULL);
    return at + payload.len;
}

static size_t frame_len(const struct ws *ws, size_t payload_len)
{
    return ws_frame_header_len(payload_len, ws->is_client) + payload_len;
}

/* Into the cork, from where all frames of one turn for one peer go out with one call. */
bool out_cork(struct ws *ws, struct parley_view payload, int opcode)
{
    struct transport *t = ws->t;
    size_t len = frame_len(ws, payload.len);

    if (len > CORK_BYTES)
        return false;
    if (t->corked != ws || t->cork_len + len > CORK_BYTES)
        out_flush(t);
    if (!out_is_free(ws))
        return false;
    (void)frame_copy(t->cork + t->cork_len, ws, payload, opcode);
    t->corked = ws;
    t->cork_len += len;
    if (!t->is_serving)
        out_flush(t);
    return true;
}

/* A frame for whose header and mask the sender left room: no copy. */
static bool write_in_place(struct ws *ws, struct parley_view payload, int opcode)
{
    uint8_t mask[4];
    size_t len = frame_len(ws, payload.len);

    if (ws->t->corked == ws)
        out_flush(ws->t);
    if (!out_is_free(ws))
        return false;
    if (ws->is_client)
        id_random_bytes(mask, sizeof(mask));
    uint8_t *start = ws_frame_build((uint8_t *)(uintptr_t)payload.data, payload.len, opcode,
                                    ws->is_client ? mask : NULL);
    write_out(ws, start, len);
    return true;
}

/* ---- the queue ---- */

size_t ws_queued_bytes(const struct ws *ws)
{
    size_t corked = ws->t->corked == ws ? ws->t->cork_len : 0;

    return ws->out_bytes + ws->inflight_bytes + corked;
}

static void out_free(struct ws *ws, struct out_message *m)
{
    list_remove(&m->entry);
    ws->out_bytes -= m->len;
    free(m);
}

static void drop_oldest(struct ws *ws)
{
    struct list *at, *tmp;

    list_for_each_safe(at, tmp, &ws->out)
    {
        struct out_message *m = list_entry(at, struct out_message, entry);
        if (ws_queued_bytes(ws) <= ws->limits.soft_queue_bytes)
            return;
        if (!m->is_droppable)
            continue;
        ws->dropped_count++;
        ws->dropped_bytes += m->len;
        ws->t->stats.messages_dropped++;
        ws->t->stats.messages_out--;
        out_free(ws, m);
        transport_notice(ws->t, ws);
    }
}

static int enqueue(struct ws *ws, struct parley_view payload, int opcode, bool is_droppable)
{
    size_t len = frame_len(ws, payload.len);
    struct out_message *m = malloc(sizeof(*m) + len);

    if (m == NULL)
        return PARLEY_E_NO_MEMORY;
    m->len = len;
    m->is_droppable = is_droppable;
    (void)frame_copy(m->bytes, ws, payload, opcode);
    list_append(&ws->out, &m->entry);
    ws->out_bytes += len;
    if (ws_queued_bytes(ws) > ws->limits.soft_queue_bytes) {
        ws->wants_writable = true;
        drop_oldest(ws);
    }
    out_ask(ws);
    return PARLEY_OK;
}

/* As many waiting frames as fit in one call. */
static void write_batch(struct ws *ws)
{
    struct transport *t = ws->t;
    struct out_message *m = list_entry(ws->out.next, struct out_message, entry);
    size_t len = 0;

    if (m->len > CORK_BYTES) {
        write_out(ws, m->bytes, m->len);
        out_free(ws, m);
        return;
    }
    out_flush(t);
    while (!list_empty(&ws->out)) {
        m = list_entry(ws->out.next, struct out_message, entry);
        if (len + m->len > CORK_BYTES)
            break;
        memcpy(t->cork + len, m->bytes, m->len);
        len += m->len;
        out_free(ws, m);
    }
    write_out(ws, t->cork, len);
}

/* The socket takes more. */
void out_continue(struct ws *ws)
{
    ws->inflight_bytes = 0;
    while (!list_empty(&ws->out) && ws->inflight_bytes == 0 && may_write(ws))
        write_batch(ws);
    if (!list_empty(&ws->out))
        out_ask(ws);
}

void out_clear(struct ws *ws)
{
    while (!list_empty(&ws->out))
        out_free(ws, list_entry(ws->out.next, struct out_message, entry));
}

int ws_send(struct ws *ws, struct parley_view message, uint32_t flags)
{
    int opcode = (flags & WS_BINARY) != 0 ? WS_OP_BINARY : WS_OP_TEXT;
    size_t queued = ws_queued_bytes(ws);
    size_t len = message.len; /* the bytes may be masked when it is used below */
    bool sent = false;

    if ((ws->state != WS_STATE_OPEN && ws->state != WS_STATE_OPENING) || ws->close_deadline_ms != 0)
        return PARLEY_E_GONE;
    if (queued > 0 && queued + len > ws->limits.hard_queue_bytes) {
        ws->wants_writable = true;
        return PARLEY_E_BUSY;
    }
    if (out_is_free(ws)) {
        if (!ws->t->is_serving && (flags & WS_ROOM) != 0)
            sent = write_in_place(ws, message, opcode);
        else
            sent = out_cork(ws, message, opcode);
        if (!sent && (flags & WS_ROOM) != 0 && len > CORK_BYTES / 2)
            sent = write_in_place(ws, message, opcode);
    }
    ws->t->stats.messages_out++;
    ws->t->stats.bytes_out += len;
    return sent ? PARLEY_OK : enqueue(ws, message, opcode, (flags & WS_DROPPABLE) != 0);
}
