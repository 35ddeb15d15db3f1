/* SPDX-License-Identifier: Apache-2.0 */
/* A server's question to the user, answered without one: declined, or by the defaults that the
 * server itself names. */
#ifndef TOOLS_MCP_ELICIT_H
#define TOOLS_MCP_ELICIT_H

#include <stdbool.h>

#include <jansson.h>

/*
 * The result of elicitation/create. With `accepts_defaults` every field gets its schema's default;
 * a required one without a default makes it a refusal all the same. NULL: a mode that was not
 * declared, such as a page to visit.
 */
json_t *elicit_answer(const json_t *params, bool accepts_defaults);

#endif
