/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Around every call into a plugin on a worker: whose turn it is, so that what it asks of the
 * services is known to be its own, and how long it takes. A slow one is counted, by plugin and
 * callback, and logged now and then. One that does not come back at all is seen from outside:
 * another thread looks at every worker once a second.
 */
#ifndef HOST_WATCHDOG_H
#define HOST_WATCHDOG_H

#include "host/guard.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WATCHDOG_LIMIT_US    20000    /* one frame of audio: longer is heard */
#define WATCHDOG_LOG_EACH_US 10000000 /* at most one line in this time */

#define WATCHDOG_STUCK_US 1000000 /* it has not come back: somebody must look */
#define WATCHDOG_LOOK_MS  1000

struct parley_worker;
struct telemetry_recorder;
struct worker_instance;

/* The call that runs, for the other thread. Written by the worker alone. */
struct watch_sight {
    _Atomic(const char *) title;
    _Atomic(const char *) callback;
    _Atomic(const char *) plugin;
    _Atomic uint64_t start_us; /* 0: none runs; written last, and first when it ends */
};

struct watchdog {
    uint64_t limit_us; /* 0: WATCHDOG_LIMIT_US */
    uint64_t logged_us;
    uint64_t unlogged;
    uint64_t longest_us;
    struct watch_sight sight;
    uint64_t told_us; /* start of the call that was told to be stuck; the looking thread's */
};

/* One call into a plugin. */
struct watch {
    struct parley_worker *worker;
    struct worker_instance *before; /* whose turn it was */
    const char *title;              /* whose: "tools files" */
    const char *callback;           /* which: "call" */
    uint64_t start_us;
    struct guard guard;
};

/* `wi` may be NULL, for what is no instance of this worker. */
struct watch watch_begin(struct parley_worker *w, struct worker_instance *wi, const char *title,
                         const char *callback);

/* The same for an instance. */
struct watch watch_instance(struct worker_instance *wi, const char *callback);

void watch_end(struct watch *watch);

/*
 * Tell of every worker whose plugin has not come back, once for each call; counted in `recorder`,
 * that of the calling thread. Returns how many were told. Thread: main, where instances are
 * destroyed: what a worker's call belongs to lives while it is looked at.
 */
unsigned watchdog_look(struct telemetry_recorder *recorder);

#endif
