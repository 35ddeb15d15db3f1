/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop with a transport, and the other ends of its sockets as plain descriptors: what the tests
 * of transport/ stand on. Everything runs on one thread; pump() turns the loop.
 */
#ifndef TESTS_TRANSPORT_PEER_H
#define TESTS_TRANSPORT_PEER_H

#include "base/buf.h"
#include "base/loop.h"
#include "transport/http.h"
#include "transport/transport.h"
#include "transport/ws.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For what a system's libwebsockets cannot do without the patches of subprojects/packagefiles. */
#ifdef PARLEY_LWS_PATCHED
#define NEEDS_PATCHES() ((void)0)
#else
#define NEEDS_PATCHES() skip()
#endif

/* What the owner of a ws heard. */
struct heard {
    struct ws *ws; /* NULL: none, or gone */
    int opened;
    int messages;
    struct buf last; /* the last message */
    struct buf all;  /* every message, each followed by '|' */
    uint32_t last_flags;
    int writable;
    uint32_t dropped;
    size_t dropped_bytes;
    int closed;
    struct ws_closed closed_as; /* its texts are in the buffers below */
    struct buf reason;
    struct buf message;
    struct buf headers;
    bool echo;
    bool close_on_message;
    bool pause_on_message;
    void (*then)(struct heard *h); /* at the end of on_message */
    void *other;
};

extern const struct ws_events heard_events;
void heard_done(struct heard *h);

struct bed {
    struct loop *loop;
    struct transport *t;
    struct http_server *server;
    struct heard at_server; /* the last accepted ws */
    struct ws_limits limits;
    const char *subprotocol;
    int requests;
    int gone;
    struct http_request *pending; /* when answer_later */
    bool answer_later;
    int upgrade_status; /* not 0: refuse with it */
    void (*on_accepted)(struct ws *ws);
    struct buf seen; /* what the last request looked like */
};

/* A transport with one plain server. */
void bed_setup(struct bed *b, const struct http_server_config *config);
void bed_teardown(struct bed *b);

/* Turn the loop until *counter has reached the value; false when it does not come. */
bool pump_until(struct bed *b, const int *counter, int value);
/* Turn it until nothing happens for a while. */
void pump(struct bed *b);

/* A new connection to the server: the other end, non-blocking. */
int peer_connect(struct bed *b);
void peer_write(struct bed *b, int fd, const void *bytes, size_t len);
/* Turn the loop and read until `len` bytes are there, or the end, or nothing more comes. */
void peer_read(struct bed *b, int fd, struct buf *out, size_t len);
/* Read until the text is there. */
bool peer_expect(struct bed *b, int fd, struct buf *out, const char *text);
/* Is the other side closed? */
bool peer_at_end(struct bed *b, int fd);

/* The client's side of a handshake on a new connection, done. `extra`: header lines or "". */
int peer_open_ws(struct bed *b, const char *extra, struct buf *answer);

/* A frame as a client (with a mask) or a server sends it, appended. */
void frame_add(struct buf *out, int first_byte, const void *payload, size_t len, bool masked);
/* Take the first frame of the bytes, unmasked. False: not whole yet. */
bool frame_take(struct buf *in, int *ret_first_byte, struct buf *ret_payload, bool *ret_masked);

#endif
