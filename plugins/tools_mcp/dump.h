/* SPDX-License-Identifier: Apache-2.0 */
/* JSON trees as text. */
#ifndef TOOLS_MCP_DUMP_H
#define TOOLS_MCP_DUMP_H

#include <jansson.h>

/* Compact, members in their order, numbers in as few digits as keep them what they are. NULL for
 * NULL, or without memory; freed by the caller. */
char *dump(const json_t *tree);

#endif
