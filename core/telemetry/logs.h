/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parley's own log as log records: every line that base/log.h writes is kept for the telemetry
 * thread as well. A thread with a recorder writes into its own ring, without a lock; the others
 * share one behind a lock. What does not fit is dropped and counted.
 *
 * The telemetry thread's own lines are left out: they tell of exporters, and would have those
 * export their own failures for ever.
 */
#ifndef TELEMETRY_LOGS_H
#define TELEMETRY_LOGS_H

#include "base/log.h"
#include "telemetry/log_ring.h"
#include "telemetry/telemetry.h"
#include "telemetry/trace_context.h"

#include <parley/types.h>

#include <stdbool.h>

/* What a session is doing now, on this thread. False when it is not here, or in no trace. */
struct logs_finder {
    bool (*find)(void *ctx, struct parley_view session, struct trace_context *ret);
    void *ctx;
};

/* This thread's lines go through r, until logs_detach() or its end. finder NULL: lines have no
 * trace. A NULL or silent recorder does nothing. */
void logs_attach(struct telemetry_recorder *r, const struct logs_finder *finder);
void logs_detach(void);

/* This thread's lines are recorded nowhere. */
void logs_mute(void);

/* --- Inside of telemetry/ --- */

/* Lines of this level and more urgent ones are recorded from now on, for one telemetry at a time;
 * those of threads without a recorder into `shared`. */
void logs_begin(struct telemetry *t, struct log_ring *shared, enum log_level most);
void logs_end(const struct telemetry *t);

#endif
