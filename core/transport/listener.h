/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening socket on a loop. Several workers may each open the same address: the kernel shares
 * the connections out (SO_REUSEPORT). An address that a program outside already uses is refused.
 */
#ifndef TRANSPORT_LISTENER_H
#define TRANSPORT_LISTENER_H

#include <parley/error.h>

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct listener;

struct listener_config {
    const char *address; /* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (all) */
    bool share;          /* let the other workers of this process open the same address */
    bool first;          /* of those that share it: refuse when a program outside listens there */
    int backlog;         /* 0: 1,024 */
    /* A connection, non-blocking and with TCP_NODELAY; the callee owns fd from here on. */
    void (*on_accept)(void *ctx, int fd);
    void *ctx;
};

/* Port 0 lets the kernel choose. PARLEY_E_CONFLICT: in use; PARLEY_E_INVALID: not an address. */
int listener_open(struct loop *loop, const struct listener_config *config, struct listener **ret,
                  struct parley_error *err);

/* The port that is listened on. */
int listener_port(const struct listener *l);

/* Stop or go on accepting; connections wait in the backlog meanwhile. */
void listener_pause(struct listener *l, bool paused);

/* Returns NULL. */
struct listener *listener_close(struct listener *l);

/* Is it an address at all? PARLEY_E_INVALID when not. Opens nothing. */
int listener_check(const char *address, struct parley_error *err);

/* Is the address, as given in a configuration, one that only this machine reaches? */
bool listener_is_loopback(const char *address);

#endif
