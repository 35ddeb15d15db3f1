/* SPDX-License-Identifier: Apache-2.0 */
/* How many lines of one kind a server may put into the log: ten a minute, the rest is counted. */
#ifndef TOOLS_MCP_QUOTA_H
#define TOOLS_MCP_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include <parley/types.h>

#include "link.h"

/* Zeroed is valid. */
struct quota {
    int64_t since_ms;
    unsigned count;
};

/* Log `what "text"` at this level, unless the minute has had its lines. The text is a stranger's:
 * it is cut, and its control characters become blanks. */
void quota_log(struct quota *q, const struct surroundings *around, int level, const char *what,
               struct parley_view text);

#endif
