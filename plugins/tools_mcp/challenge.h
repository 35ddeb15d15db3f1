/* SPDX-License-Identifier: Apache-2.0 */
/* What a WWW-Authenticate header asks for. Pure functions. */
#ifndef TOOLS_MCP_CHALLENGE_H
#define TOOLS_MCP_CHALLENGE_H

#include <stdbool.h>

#include <parley/types.h>

#include "uri.h"

#define CHALLENGE_MAX_SCOPE 1024

/* Of a Bearer challenge, or without one of a DPoP challenge; what is missing or too long is "". */
struct challenge {
    bool is_bearer; /* there is one */
    bool is_dpop;   /* there is none, but one for tokens that are bound to a key */
    char resource_metadata[URI_MAX];
    char scope[CHALLENGE_MAX_SCOPE];
    char error[64];
};

/* All challenges of an answer's headers ("name: value\r\n"..., names in lower case). Of several for
 * Bearer the first one that names metadata counts, else the first. */
void challenge_read(struct parley_view headers, struct challenge *ret);

/* Is every word of `words` among those of `all`? Both are words between blanks. */
bool challenge_has_scopes(const char *all, const char *words);

/* Both lists without repetitions; false when it does not fit. `out` may be `a`. */
bool challenge_join_scopes(const char *a, const char *b, char out[CHALLENGE_MAX_SCOPE]);

#endif
