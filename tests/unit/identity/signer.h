/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of tokens: keys, their JWKs and signatures, made by OpenSSL alone. */
#ifndef IDENTITY_SIGNER_H
#define IDENTITY_SIGNER_H

#include "base/buf.h"

#include <jansson.h>
#include <openssl/evp.h>

/* The public half as a JWK; for RSA and P-256. */
json_t *signer_jwk(EVP_PKEY *pkey, const char *kid);

/* HEAD.BODY.SIGNATURE, by RS256, PS256 or ES256, whatever the head says. */
void signer_token(struct buf *out, EVP_PKEY *pkey, const char *algorithm, const char *head,
                  const char *body);

#endif
