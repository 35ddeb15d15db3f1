/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorded sound of turns, uploaded to Langfuse as media of their observations, one after
 * another:
 *
 *     waiting --> cut out of the recording [offload] --> announced (POST) --> sent (PUT) --> told
 * (PATCH)
 *
 * It waits a little first, since a recording is behind the conversation. Thread: the worker's.
 */
#ifndef EXPORTER_LANGFUSE_SOUND_H
#define EXPORTER_LANGFUSE_SOUND_H

#include <parley/exporter.h>
#include <parley/host.h>

#include "parts/otlp/headers.h"

/* What it points to must outlive the sounds. */
struct sound_config {
    const struct parley_host *host;
    const void *handle; /* for the log */
    const char *name;   /* of the section's instance, for metrics */
    const char *url;    /* /api/public/media */
    const struct headers *headers;
    int64_t timeout_ms; /* of each request */
    const char *ca_file;
};

struct sounds;

/* NULL without memory; UNSUPPORTED: a host without HTTP, timers or an offload pool. */
int sounds_create(const struct sound_config *config, struct parley_worker *worker,
                  struct sounds **ret, struct parley_error *err);

/* The span of a turn that was recorded; others are ignored. */
void sounds_add(struct sounds *s, const struct parley_span *span);

/* Parley is stopping: do not wait any more. */
void sounds_hurry(struct sounds *s);

/* At worker_stop: what waits is given up. NULL is fine. */
void sounds_close(struct sounds *s);

#endif
