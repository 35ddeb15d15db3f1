/* SPDX-License-Identifier: Apache-2.0 */
/* A signed token as clients bring it (RFC 7515, compact; RFC 7519): taken apart, and its signature
 * looked at. What it claims is for claims.h. */
#ifndef IDENTITY_JWT_H
#define IDENTITY_JWT_H

#include "identity/jwk.h"

#include <parley/error.h>
#include <parley/types.h>

#include <stdbool.h>

#define JWT_MAX_BYTES     16384
#define JWT_MAX_SIGNATURE 1024 /* RSA of 8192 bits */

struct jwt {
    unsigned algorithm;             /* one of JWT_... */
    char kid[JWK_KID_SIZE];         /* "": it names none */
    json_t *claims;                 /* an object; not to be believed before jwt_is_signed_by() */
    struct parley_view signed_part; /* of the token */
    unsigned char signature[JWT_MAX_SIGNATURE];
    size_t signature_len;
};

/* Could it be one: three parts of the right letters? Cheap. */
bool jwt_looks_like_one(struct parley_view token);

/*
 * Take it apart; `algorithms` are the ones allowed. PARLEY_E_INVALID with err->code "malformed" or
 * "algorithm". The token must outlive `ret`, which jwt_done() ends. Thread: any.
 */
int jwt_read(struct parley_view token, unsigned algorithms, struct jwt *ret,
             struct parley_error *err);
void jwt_done(struct jwt *jwt);

/* Thread: any. */
bool jwt_is_signed_by(const struct jwt *jwt, EVP_PKEY *pkey);

#endif
