/* SPDX-License-Identifier: Apache-2.0 */
/* A public key that an issuer of tokens has published (RFC 7517), for signatures only. */
#ifndef IDENTITY_JWK_H
#define IDENTITY_JWK_H

#include "base/list.h"

#include <parley/error.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <stdint.h>

#define JWK_KID_SIZE    129
#define JWK_ISSUER_SIZE 257

/* The algorithms that are ever taken: none of them is "none", and none works with a shared secret.
 */
#define JWT_RS256 1u
#define JWT_PS256 2u
#define JWT_ES256 4u

struct jwk {
    struct list entry;            /* the owner's */
    char kid[JWK_KID_SIZE];       /* "": it has none */
    char issuer[JWK_ISSUER_SIZE]; /* Entra binds keys to one tenant, or to {tenantid}; "" else */
    unsigned algorithms;          /* JWT_...: what it can have signed */
    EVP_PKEY *pkey;
    int64_t seen_ms; /* by clock_now_ms(); the owner's */
};

/*
 * Read one member of `keys`. PARLEY_E_UNSUPPORTED for a key that is for other work (encryption,
 * other kinds and curves), PARLEY_E_INVALID for a broken or a weak one (RSA below 2048 bits).
 * Thread: any.
 */
int jwk_read(const json_t *object, struct jwk **ret, struct parley_error *err);

/* Takes it out of its list. NULL is fine. Returns NULL. */
struct jwk *jwk_free(struct jwk *key);

/* "RS256" gives JWT_RS256; 0 for any other word. */
unsigned jwk_algorithm(const char *name);

#endif
