/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Around every call into a plugin: whose turn it is, so that what it asks of the services is known
 * to be its own, and how long it takes. A slow one is counted, and logged now and then.
 */
#ifndef HOST_WATCHDOG_H
#define HOST_WATCHDOG_H

#include <stdint.h>

#define WATCHDOG_LIMIT_US    20000    /* one frame of audio: longer is heard */
#define WATCHDOG_LOG_EACH_US 10000000 /* at most one line in this time */

struct parley_worker;
struct worker_instance;

struct watchdog {
    uint64_t limit_us; /* 0: WATCHDOG_LIMIT_US */
    uint64_t logged_us;
    uint64_t unlogged;
    uint64_t longest_us;
};

/* One call into a plugin. */
struct watch {
    struct parley_worker *worker;
    struct worker_instance *before; /* whose turn it was */
    const char *title;              /* whose: "tools files" */
    const char *callback;           /* which: "call" */
    uint64_t start_us;
};

/* `wi` may be NULL, for what is no instance of this worker. */
struct watch watch_begin(struct parley_worker *w, struct worker_instance *wi, const char *title,
                         const char *callback);

/* The same for an instance. */
struct watch watch_instance(struct worker_instance *wi, const char *callback);

void watch_end(struct watch *watch);

#endif
