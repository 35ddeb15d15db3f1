/* SPDX-License-Identifier: Apache-2.0 */
/* What the sessions of one worker share, handed down by whoever runs the worker. */
#ifndef SESSION_WORKER_ENV_H
#define SESSION_WORKER_ENV_H

#include "base/loop.h"

struct telemetry_recorder;
struct worker_generation;

struct worker_env {
    struct loop *loop;
    struct parley_worker *worker;
    struct telemetry_recorder *recorder; /* NULL: nothing is recorded */
    const char *host_name;               /* owner of leases in the store */
    /* The generation that new sessions use; it may change between calls. */
    struct worker_generation *(*generation)(void *ctx);
    /* A session has ended and is gone. May be NULL. */
    void (*on_session_gone)(void *ctx, const char *user);
    void *ctx;
};

#endif
