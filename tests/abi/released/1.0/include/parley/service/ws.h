/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service parley.ws/1: a WebSocket client on the worker's loop. Names are resolved off the thread,
 * certificates are checked by name, pings are answered, whole text messages are delivered.
 */
#ifndef PARLEY_SERVICE_WS_H
#define PARLEY_SERVICE_WS_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_SERVICE_WS "parley.ws/1"

struct parley_ws; /* one connection; owned by the host */

struct parley_ws_header {
    const char *name;
    const char *value;
};

/* How a connection ended, or why it never began. */
struct parley_ws_closed {
    uint32_t size;
    int32_t status;            /* PARLEY_OK: closed by us or with 1000; else PARLEY_E_... */
    int32_t close_code;        /* from the peer's close frame; 1006 when there was none */
    int32_t http_status;       /* of a refused handshake, else 0 */
    struct parley_view reason; /* the close frame's reason, or the refusal's body (first 4 KiB) */
    const char *message;       /* one sentence for the log: host, port, what failed */
    struct parley_view
        headers; /* of a refused handshake: "name: value\r\n"... of those asked for */
};

/* Functions of the plugin. [worker] */
struct parley_ws_events {
    uint32_t size;
    uint32_t reserved;
    void (*on_open)(void *ctx, struct parley_ws *ws);
    /* One whole message; PARLEY_EVENT_ROOM (parley/model.h) is set in flags. binary: 1 for binary.
     */
    void (*on_message)(void *ctx, struct parley_view message, int binary, uint32_t flags);
    /* After send() said PARLEY_E_BUSY. */
    void (*on_writable)(void *ctx);
    /* Exactly once; the connection is gone afterwards. */
    void (*on_closed)(void *ctx, const struct parley_ws_closed *closed);
};

struct parley_ws_connect {
    uint32_t size;
    uint32_t header_size;    /* sizeof(struct parley_ws_header) */
    const char *url;         /* ws://, wss://, http:// or https:// */
    const char *subprotocol; /* to offer, or "" */
    const struct parley_ws_header *headers;
    size_t header_count;
    const char *ca_file;        /* PEM that is trusted besides the system's, or "" */
    const char *want_headers;   /* names to report of a refused handshake, between commas, or "" */
    int64_t connect_timeout_ms; /* whole handshake; 0: 10,000 */
    int64_t max_message_bytes;  /* 0: 16 MiB */
    int64_t max_queue_bytes;    /* unsent bytes at which send() says BUSY; 0: 1 MiB */
    int64_t
        ping_interval_ms; /* 0: 20,000; peer is gone when a ping stays unanswered as long again */
};

struct parley_service_ws {
    uint32_t size;
    uint32_t reserved;
    /* [worker] Begin to connect; on_open or on_closed follows, never before this returns. */
    int (*connect)(struct parley_worker *worker, const struct parley_ws_connect *connect,
                   const struct parley_ws_events *events, void *ctx, struct parley_ws **ret_ws,
                   struct parley_error *err);
    /*
     * [worker] Send one text message. With PARLEY_EVENT_ROOM in flags the bytes are framed and
     * masked in place, without a copy. PARLEY_E_BUSY: not taken, on_writable follows.
     */
    int (*send)(struct parley_ws *ws, struct parley_view message, uint32_t flags);
    /* [worker] 1: read no more until 0. */
    void (*pause)(struct parley_ws *ws, int paused);
    /* [worker] Close with a code; on_closed follows. */
    void (*close)(struct parley_ws *ws, int code, const char *reason);
};

#ifdef __cplusplus
}
#endif

#endif
