/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children on their way out: their standard input is closed; after two seconds their group gets
 * SIGTERM, after two more SIGKILL, and each is waited for. What a worker leaves at its stop, the
 * instance's end sees to.
 */
#ifndef TOOLS_MCP_REAPER_H
#define TOOLS_MCP_REAPER_H

#include <sys/types.h>

#include "link.h"

/* Of an instance: what its workers left. Thread: any. */
struct orphans;

struct orphans *orphans_create(void);

/* Wait until all are gone, at most four seconds and a bit. Thread: main. NULL is fine. */
void orphans_destroy(struct orphans *o);

struct reaper;

/* Of a worker. NULL without memory. */
struct reaper *reaper_create(const struct surroundings *around, struct orphans *orphans);

/* This child's pipes are closed: see that it goes. */
void reaper_take(struct reaper *r, pid_t pid);

/* At worker_stop. NULL is fine. */
void reaper_destroy(struct reaper *r);

#endif
