/* SPDX-License-Identifier: Apache-2.0 */
/* Caller of the role parley.exporter/1. Thread: the worker's, which here is the telemetry thread.
 */
#ifndef HOST_EXPORTER_H
#define HOST_EXPORTER_H

#include "host/worker_instance.h"

#include <parley/exporter.h>

#define EXPORTER_TIMEOUT_MS 60000 /* then on_end(PARLEY_E_TIMEOUT) */

/* Exactly once per accepted batch, never on the caller's stack: how many records were lost, and how
 * many were none for this destination. */
typedef void (*exporter_on_end)(void *ctx, int status, uint64_t lost, uint64_t left_out,
                                const struct parley_error *err);

/* Deliver; the batch is borrowed until return. PARLEY_E_BUSY: the exporter's own queue is full. */
int exporter_deliver(struct worker_instance *wi, const struct parley_batch *batch,
                     exporter_on_end on_end, void *ctx, struct parley_error *err);

/* Parley is stopping: pending batches are tried once more and ended. */
void exporter_flush(struct worker_instance *wi);

/* For worker_instance.c. */
void exporter_attach(struct worker_instance *wi);

#endif
