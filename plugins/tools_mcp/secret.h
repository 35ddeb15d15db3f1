/* SPDX-License-Identifier: Apache-2.0 */
/* Strings that must not be left behind in memory, and small files that hold one. */
#ifndef TOOLS_MCP_SECRET_H
#define TOOLS_MCP_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include <parley/error.h>

#define SECRET_MAX ((size_t)16 << 10) /* of a token, an assertion, a key */

/* Wipe and free; NULL is fine. */
void secret_free(char *secret);

/* Free what is there and put a copy of `text` (NULL: nothing) in its place. False without memory.
 */
bool secret_set(char **secret, const char *text);

/* Visible ASCII only, not empty and not above SECRET_MAX: what may stand in a header. */
bool secret_is_token(const char *text);

/* A file's text without the blanks at its ends, freed with secret_free(). `option` names the file
 * in messages. Blocks. */
int secret_read(const char *option, const char *path, char **ret, struct parley_error *err);

#endif
