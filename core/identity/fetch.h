/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting one token: which sources are tried, how often, and with what pauses. One fetch belongs to
 * one loop.
 *
 *     fetch_start -> [probe] -> ask -> answer --again, after a pause--> ask ...
 *                                          \--absent, in `default`----> the next source
 *                                           \-token or failure--------> on_done, once
 */
#ifndef IDENTITY_FETCH_H
#define IDENTITY_FETCH_H

#include "base/list.h"
#include "base/loop.h"
#include "identity/source.h"

/* Where a fetch runs: what one thread has. Embedded in what lives as long as the loop. */
struct fetch_place {
    struct loop *loop;
    struct http_client *http; /* NULL until someone gives one: nothing can be fetched */
    /* Run work(arg) where it may block, then done(arg, status) on the loop; negative: refused. */
    int (*offload)(void *ctx, void (*work)(void *arg), void (*done)(void *arg, int status),
                   void *arg);
    void *offload_ctx;
    struct list fetches;
};

void fetch_place_init(struct fetch_place *place, struct loop *loop);
/* Every fetch ends with PARLEY_E_CANCELLED, from in here. */
void fetch_place_done(struct fetch_place *place);

/* `answer` is borrowed; `source` names where it came from, or NULL. Exactly once, never on the
 * stack of fetch_start(). */
typedef void (*fetch_done)(void *ctx, const struct source_answer *answer, const char *source);

/* The credential must outlive the fetch. Negative, and no on_done, without memory. */
int fetch_start(struct fetch_place *place, const struct credential *c, const char *scope,
                fetch_done on_done, void *ctx, struct parley_error *err);

#endif
