/* SPDX-License-Identifier: Apache-2.0 */
/* What a section says of authorization, checked, with the secrets that its files hold. */
#ifndef TOOLS_MCP_CREDENTIALS_H
#define TOOLS_MCP_CREDENTIALS_H

#include <stdbool.h>

#include "auth.h"
#include "config.h"

struct credentials;

/* Reads files. Thread: main. */
int credentials_create(const struct config *config, bool is_attended, struct credentials **ret,
                       struct parley_error *err);

/* NULL is fine. */
void credentials_destroy(struct credentials *c);

const struct auth_settings *credentials_settings(const struct credentials *c);

/* Of a conversation whose client hands in this token. Freed with credentials_destroy(); NULL
 * without memory, or when it is none. */
struct credentials *credentials_of_session(const struct config *config, const char *token);

/* Would a token go over the network for everybody to read? */
bool credentials_are_exposed(const struct credentials *c);

#endif
