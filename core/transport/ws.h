/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebSocket connection, accepted (http.h) or made (ws_connect()), with the same surface.
 *
 *   opening --on_open--> open --ws_close(), peer's close, failure--> closing --on_closed--> gone
 *
 * An accepted connection is open when ws_accept() returned it. on_closed comes exactly once, from
 * the loop and never inside a call of the owner; the struct is gone when it returns. Nothing but
 * on_closed comes after ws_close(). Text is checked to be UTF-8 (close 1007), a message above the
 * limit closes with 1009. Pings are sent and answered in here.
 */
#ifndef TRANSPORT_WS_H
#define TRANSPORT_WS_H

#include <parley/error.h>
#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

struct transport;
struct ws;

/* Flags of a message. */
/* WS_ROOM, the same bit as PARLEY_EVENT_ROOM: the WS_ROOM_BYTES before the data may be overwritten
 * and the data itself changed. Messages are delivered with it. */
#define WS_ROOM   1u
#define WS_BINARY 2u
/* The message may be dropped, oldest first, while the queue is above its soft limit. */
#define WS_DROPPABLE 4u

#define WS_ROOM_BYTES 32

/* How a connection ended, or why it never began. */
struct ws_closed {
    int status;                 /* PARLEY_OK: orderly, by either side; else PARLEY_E_... */
    int code;                   /* of the peer's close frame, or of ours; 1006: there was none */
    bool by_peer;               /* the peer began to close */
    int http_status;            /* of a refused handshake, else 0 */
    struct parley_view reason;  /* of the close frame; of a refused handshake: its body (4 KiB) */
    struct parley_view headers; /* of a refused handshake: "name: value\r\n"... of those wanted */
    const char *message;        /* one sentence for the log: peer and what failed */
};

struct ws_events {
    void (*on_open)(void *ctx, struct ws *ws); /* of ws_connect() only; may be NULL */
    /* One whole message; flags: WS_ROOM, WS_BINARY. Borrowed until return. */
    void (*on_message)(void *ctx, struct ws *ws, struct parley_view message, uint32_t flags);
    /* After ws_send() said PARLEY_E_BUSY, or the queue was above its soft limit: it is below half
     * of it. May be NULL. */
    void (*on_writable)(void *ctx, struct ws *ws);
    /* Droppable messages were thrown away for want of room. May be NULL. */
    void (*on_dropped)(void *ctx, struct ws *ws, uint32_t count, size_t bytes);
    void (*on_closed)(void *ctx, struct ws *ws, const struct ws_closed *closed);
};

/* Zero is the default of every field. */
struct ws_limits {
    size_t max_message_bytes; /* to receive; 0: 16 MiB */
    size_t soft_queue_bytes;  /* unsent; droppable messages go above it; 0: 256 KiB */
    size_t hard_queue_bytes;  /* unsent; ws_send() says BUSY above it; 0: 4 MiB */
    int64_t ping_interval_ms; /* 0: 20,000; negative: never. A peer that is silent for as long again
                                 after a ping is gone */
    int64_t close_timeout_ms; /* to flush and to see the peer's close frame; 0: 5,000 */
};

struct ws_header {
    const char *name;
    const char *value;
};

struct ws_connect {
    const char *url; /* ws://, wss://, http:// or https:// */
    const struct ws_header *headers;
    size_t header_count;
    const char *subprotocol;    /* to offer, one or several between commas; NULL or "": none */
    const char *ca_file;        /* PEM trusted besides the system's; NULL or "": none */
    const char *want_headers;   /* of a refused handshake, names between commas; NULL: none */
    int64_t connect_timeout_ms; /* resolving, connecting and handshake together; 0: 10,000 */
    struct ws_limits limits;
};

/*
 * Begin to connect; on_open or on_closed follows, never before this returns. Everything in connect
 * is copied. PARLEY_E_INVALID: the URL or a header; PARLEY_E_BUSY: no room for a connection.
 */
int ws_connect(struct transport *t, const struct ws_connect *connect,
               const struct ws_events *events, void *ctx, struct ws **ret_ws,
               struct parley_error *err);

/*
 * Send one message. With WS_ROOM the frame is built and masked in place; without it the bytes are
 * copied. PARLEY_OK: taken. PARLEY_E_BUSY: not taken, the queue is full; on_writable follows.
 * PARLEY_E_GONE: closing or not open yet. May be called in any callback.
 */
int ws_send(struct ws *ws, struct parley_view message, uint32_t flags);

/* Bytes that were taken and are not yet with the kernel. */
size_t ws_queued_bytes(const struct ws *ws);

/* true: read no more, deliver no more, until false. */
void ws_pause(struct ws *ws, bool paused);

/*
 * Send what is queued, then a close frame, and wait for the peer's, all within close_timeout_ms.
 * on_closed follows. The reason is cut to 123 bytes. Harmless when repeated.
 */
void ws_close(struct ws *ws, int code, const char *reason);

/* Drop the connection without a word; on_closed (PARLEY_E_CANCELLED) follows. */
void ws_abort(struct ws *ws);

/* Another owner: for a connection that is handed over. */
void ws_set_events(struct ws *ws, const struct ws_events *events, void *ctx);

/* "192.0.2.1:4711" of the peer, or host and port of the URL. */
const char *ws_peer(const struct ws *ws);

/* The subprotocol in use, or "". */
const char *ws_subprotocol(const struct ws *ws);

#endif
