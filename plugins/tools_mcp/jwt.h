/* SPDX-License-Identifier: Apache-2.0 */
/* Signed assertions (RFC 7523): a client proves by its private key who it is. */
#ifndef TOOLS_MCP_JWT_H
#define TOOLS_MCP_JWT_H

#include <stddef.h>
#include <stdint.h>

#include <parley/error.h>

#include <jansson.h>

struct jwt_key;

/*
 * A private key in PEM, with the algorithm it signs by: "ES256", "RS256", "PS256" ..., or "auto"
 * for the usual one of its kind. The messages name the options. Thread: any.
 */
int jwt_key_read(const char *pem, size_t len, const char *algorithm, struct jwt_key **ret,
                 struct parley_error *err);

/* NULL is fine. */
void jwt_key_destroy(struct jwt_key *key);

const char *jwt_key_algorithm(const struct jwt_key *key);

/* A new key for ES256. NULL without memory. */
struct jwt_key *jwt_key_generate(void);

/* The public half of a key for ES256, as a JWK: a new reference. NULL without memory. */
json_t *jwt_key_public(const struct jwt_key *key);

/* These two parts, signed by the key; takes both, NULL is fine. Freed by the caller; NULL without
 * memory or when signing fails. Thread: any. */
char *jwt_seal(const struct jwt_key *key, json_t *take_head, json_t *take_body);

struct jwt_claims {
    const char *client_id; /* `iss` and `sub` */
    const char *audience;
    int64_t now_s; /* Unix time */
    int64_t lifetime_s;
    const char *id; /* `jti`: never the same twice */
};

/* The assertion, freed by the caller after wiping; NULL without memory or when signing fails.
 * Thread: any. */
char *jwt_sign(const struct jwt_key *key, const struct jwt_claims *claims);

#endif
