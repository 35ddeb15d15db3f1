/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport/ owns sockets: the listener, HTTP and WebSocket towards clients, WebSocket towards
 * upstreams, and an HTTP client. It knows bytes and messages, nothing of the Realtime protocol, of
 * agents or sessions. One struct transport belongs to one loop, and everything here runs on that
 * loop's thread. Callbacks of an owner never run inside a call that the owner made.
 *
 *   listener.h     accepts connections and hands their descriptors over
 *   http.h         a server: requests and their answers, upgrades to WebSocket
 *   ws.h           WebSocket connections of both directions
 *   http_client.h  requests to others
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include <parley/error.h>
#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct transport;

/* Zero is the default of every field. */
struct transport_config {
    size_t read_buffer_bytes; /* one for all connections: what one read takes; 0: 64 KiB */
    size_t max_header_bytes;  /* of a request's or an answer's head; 0: 8 KiB */
    int max_connections;      /* of both directions together; 0: what the process may open */
};

/* Sums since the transport was created. */
struct transport_stats {
    uint64_t connections;      /* open now, of both directions */
    uint64_t messages_in;      /* whole messages delivered */
    uint64_t messages_out;     /* taken by ws_send() and not dropped */
    uint64_t messages_dropped; /* droppable ones that a slow reader cost */
    uint64_t bytes_in;         /* payload of messages */
    uint64_t bytes_out;
    uint64_t writes; /* calls that wrote messages: batching makes this smaller */
};

/* NULL with err: no memory, or the library refused. The loop must outlive it. */
struct transport *transport_create(struct loop *loop, const struct transport_config *config,
                                   struct parley_error *err);

/*
 * Close every connection at once and free all of it. Each open ws gets its on_closed (status
 * PARLEY_E_CANCELLED) from in here, each unanswered request its on_gone. Returns NULL.
 */
struct transport *transport_destroy(struct transport *t);

/*
 * Read now which certificates the system trusts, so that no loop does at its first connection: a
 * bundle takes tens of milliseconds. Once for the whole process. Thread: any.
 */
void transport_load_trust(void);

struct loop *transport_loop(struct transport *t);

void transport_stats(const struct transport *t, struct transport_stats *ret);

#endif
