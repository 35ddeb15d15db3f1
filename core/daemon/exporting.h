/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The telemetry thread: its loop and sockets, the telemetry that batches on it, and the exporters
 * of the current generation that batches go to. Thread: main, except where said.
 */
#ifndef DAEMON_EXPORTING_H
#define DAEMON_EXPORTING_H

#include "agent/generation.h"
#include "daemon/server_options.h"
#include "host/offload.h"
#include "telemetry/telemetry.h"

struct exporting;

struct exporting_config {
    const struct telemetry_options *options;
    const char *environment; /* of the command line, or NULL */
    const char *instance_id;
    struct offload *offload;
    struct generation *generation; /* referenced */
    /* A generation is not used here any more. Thread: the telemetry thread's. */
    void (*generation_gone)(void *ctx, struct generation *take);
    void *ctx;
};

/* Start the thread with its exporters; recorders are made before or after. */
int exporting_start(const struct exporting_config *config, struct exporting **ret,
                    struct parley_error *err);

struct telemetry *exporting_telemetry(const struct exporting *e);

/* Export through this generation's exporters from now on. Thread: any; the reference is taken. */
void exporting_use(struct exporting *e, struct generation *take);

/* Deliver what waits, within limit_ms, then end. Returns NULL. */
struct exporting *exporting_stop(struct exporting *e);

#endif
