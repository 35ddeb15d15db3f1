/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a token is used by the one it was given to (RFC 9449): each request carries a short
 * JWT about its method, its address and the token, signed by a key that exists in this process
 * alone. To steal the token is not enough then. Thread: the worker's.
 */
#ifndef TOOLS_MCP_DPOP_H
#define TOOLS_MCP_DPOP_H

#include <stdint.h>

#include "jwt.h"

#define DPOP_MAX_NONCE 256

struct dpop_request {
    const char *method;
    const char *url;   /* query and fragment are left out */
    const char *token; /* NULL where one is asked for */
    const char *nonce; /* of the server, or "" */
    const char *id;    /* never the same twice */
    int64_t now_s;     /* Unix time */
};

/* The header line "DPoP: ..." for one request, with a key of jwt_key_generate(). Freed by the
 * caller; NULL without memory. */
char *dpop_line(const struct jwt_key *key, const struct dpop_request *request);

#endif
