/* SPDX-License-Identifier: Apache-2.0 */
/* Time that plugins' callbacks take of a worker: a slow one is counted, and logged now and then. */
#ifndef HOST_WATCHDOG_H
#define HOST_WATCHDOG_H

#include <stdint.h>

#define WATCHDOG_LIMIT_US    20000    /* one frame of audio: longer is heard */
#define WATCHDOG_LOG_EACH_US 10000000 /* at most one line in this time */

struct parley_worker;

struct watchdog {
    uint64_t limit_us; /* 0: WATCHDOG_LIMIT_US */
    uint64_t logged_us;
    uint64_t unlogged;
    uint64_t longest_us;
};

/* One call into a plugin. */
struct watch {
    struct parley_worker *worker;
    const char *title;    /* whose: "tools files" */
    const char *callback; /* which: "call" */
    uint64_t start_us;
};

struct watch watch_begin(struct parley_worker *w, const char *title, const char *callback);
void watch_end(struct watch *watch);

#endif
