/* SPDX-License-Identifier: Apache-2.0 */
/* A link to a server that runs as a child process: one message a line on its standard input and
 * output; what it writes to standard error goes to the log. */
#ifndef TOOLS_MCP_PROCESS_H
#define TOOLS_MCP_PROCESS_H

#include <parley/service/fdwatch.h>

#include "child.h"
#include "link.h"
#include "reaper.h"

struct process_config {
    struct surroundings around;
    const struct parley_service_fdwatch *fdwatch;
    struct child_command command;
    struct orphans *orphans;
    const struct link_events *events;
    void *ctx;
};

/* NULL without memory. */
struct process *process_create(const struct process_config *config);

/* The link to it; its destroy() frees. */
struct link process_link(struct process *p);

#endif
