/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses by the system's resolver, each look-up on a thread of its own (it blocks), at
 * most RESOLVE_MAX at a time; the others wait.
 */
#ifndef TRANSPORT_RESOLVE_H
#define TRANSPORT_RESOLVE_H

#include <stdint.h>

#define RESOLVE_MAX       8
#define RESOLVE_ADDRESSES 8

struct loop;
struct resolver;
struct resolve;

/* Addresses in the order to be tried, as text; count 0: `error` says why. */
struct resolve_result {
    int count;
    char addresses[RESOLVE_ADDRESSES][64];
    const char *error;
};

/* NULL without memory. */
struct resolver *resolver_create(struct loop *loop);

/* Look-ups that run end alone, unheard. Returns NULL. */
struct resolver *resolver_destroy(struct resolver *r);

/* on_done is called once, from the loop, unless resolve_cancel() came first. NULL without memory.
 */
struct resolve *resolve_start(struct resolver *r, const char *host,
                              void (*on_done)(void *ctx, const struct resolve_result *result),
                              void *ctx);

void resolve_cancel(struct resolve *query);

#endif
