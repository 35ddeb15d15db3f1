/* SPDX-License-Identifier: Apache-2.0 */
/* Names and values as application/x-www-form-urlencoded. */
#ifndef TOOLS_MCP_FORM_H
#define TOOLS_MCP_FORM_H

#include <stdbool.h>

#include "parts/text.h"

#define FORM_MAX ((size_t)128 << 10)

/* Zeroed is valid. */
struct form {
    struct text text;
    bool has_failed; /* no memory, or too long */
};

/* Nothing is added when value is NULL or "". */
void form_add(struct form *f, const char *name, const char *value);

/* The value alone, encoded; freed with secret_free(). NULL without memory. */
char *form_encode(const char *value);

/* Wipes. */
void form_done(struct form *f);

#endif
