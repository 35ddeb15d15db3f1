/* SPDX-License-Identifier: Apache-2.0 */
/* A server as a child process: its own process group, three pipes, no shell, no other descriptors,
 * and an environment that was chosen. */
#ifndef TOOLS_MCP_CHILD_H
#define TOOLS_MCP_CHILD_H

#include <sys/types.h>

#include <parley/error.h>
#include <parley/options.h>

struct child {
    pid_t pid;
    int in; /* our end of its standard input; none of them blocks */
    int out;
    int err;
};

struct child_command {
    const char *command; /* a path, or a name that PATH leads to */
    const struct parley_list *args;
    const struct parley_list *env; /* NAME=value */
};

int child_start(const struct child_command *command, struct child *ret, struct parley_error *err);

#endif
