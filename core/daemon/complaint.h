/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of exporters in the log: the first of a row, then one line a minute that counts the
 * others, so that a destination that is down for a night does not fill it. Thread: the telemetry
 * thread's.
 */
#ifndef DAEMON_COMPLAINT_H
#define DAEMON_COMPLAINT_H

#include <stdint.h>

#define COMPLAINT_MAX     64 /* exporters and signals that are told apart */
#define COMPLAINT_NAME    48
#define COMPLAINT_REST_US UINT64_C(60000000)

struct complaint {
    char exporter[COMPLAINT_NAME]; /* "": a free place */
    const char *signal;
    uint64_t rests_until_us;
    uint64_t batches; /* since the last line */
    uint64_t lost;
};

struct complaints {
    struct complaint all[COMPLAINT_MAX];
};

/* A batch of that signal ("spans", a literal) was given up. */
void complaint_add(struct complaints *c, const char *exporter, const char *signal, uint64_t lost,
                   const char *reason);

/* One was delivered: the next failure is told at once. */
void complaint_clear(struct complaints *c, const char *exporter, const char *signal);

#endif
