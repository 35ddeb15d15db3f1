/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments that a tool's schema wants repeated in headers of HTTP (`x-mcp-header`, of the
 * stateless revision), for those who route by headers. Pure functions.
 */
#ifndef TOOLS_MCP_MIRROR_H
#define TOOLS_MCP_MIRROR_H

#include <stddef.h>

#include <jansson.h>

#define MIRROR_MAX 16 /* headers of one tool */

/* NULL when the schema's wishes can be met, else the reason why the tool must not be offered. */
const char *mirror_check(const json_t *schema);

/* Header lines for these arguments, freed with mirror_free(); NULL: none, or without memory. The
 * schema has passed mirror_check(). */
char **mirror_lines(const json_t *schema, const json_t *arguments, size_t *ret_count);
void mirror_free(char **lines, size_t count);

#endif
