/* SPDX-License-Identifier: Apache-2.0 */
/* Does a value fit a JSON Schema? By the keywords that tell kinds and shapes apart; the others, and
 * what a `$ref` leads to, are taken on trust, so that nothing good is ever refused. */
#ifndef TOOLS_MCP_FIT_H
#define TOOLS_MCP_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/*
 * Looks at type, enum, const, required, properties, additionalProperties = false and items. When it
 * does not fit, `why` says where: "/rooms/0: is no string".
 */
bool fit_check(const json_t *schema, const json_t *value, char *why, size_t size);

#endif
