/* SPDX-License-Identifier: Apache-2.0 */
/* Batches as envelopes to Application Insights: the worker instance where protocol = track.
 * Thread: the worker's. */
#ifndef AZURE_MONITOR_TRACK_H
#define AZURE_MONITOR_TRACK_H

#include "envelope.h"
#include "outbox.h"

#include <parley/exporter.h>

struct track_config {
    struct outbox_config outbox;
    struct envelope_config envelope;
    bool with_traces;
    bool with_metrics;
    bool with_logs;
};

struct track;

/* What config points to must outlive it. */
int track_create(const struct track_config *config, struct track **ret, struct parley_error *err);
void track_destroy(struct track *t); /* NULL is fine */

/* The role's functions. */
void track_attach(struct track *t, const struct parley_exporter_host *exporter);
int track_deliver(struct track *t, const struct parley_batch *batch, parley_op op,
                  struct parley_error *err);
void track_flush(struct track *t);

#endif
