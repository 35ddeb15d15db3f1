/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's store: its connection to the account, what is known of heads, what is under way. */
#ifndef STORE_COSMOS_STORE_H
#define STORE_COSMOS_STORE_H

#include <parley/store.h>

#include "around.h"
#include "cache.h"

struct credential;
struct op;
struct rest;

struct store {
    struct around around;
    struct credential *credential;
    const struct parley_store_host *host;
    struct rest *rest;
    struct cache cache;
    /* operations */
    struct op *first; /* oldest */
    struct op *last;
    struct op *ready; /* may begin, oldest first */
    struct op *last_ready;
    size_t count;
    size_t bytes;
    size_t running;
    /* the start */
    struct parley_timer *starter;
    bool is_started;
    bool is_starting;
    int64_t failed_until_ms; /* the start failed; nothing is asked before */
    struct parley_error why;
    char *account;    /* as it was read, until all else has been looked at */
    unsigned created; /* steps of creation done */
};

#endif
