/* SPDX-License-Identifier: Apache-2.0 */
#include "dpop.h"

#include "base64url.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES 32

static void add_digest(json_t *claims, const char *token)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char encoded[BASE64URL_SIZE(DIGEST_BYTES)];

    (void)EVP_Digest(token, strlen(token), digest, NULL, EVP_sha256(), NULL);
    (void)base64url(digest, DIGEST_BYTES, encoded);
    json_object_set_new(claims, "ath", json_string(encoded));
}

static json_t *claims_of(const struct dpop_request *request)
{
    json_t *claims =
        json_pack("{s:s, s:s, s:s%, s:I}", "jti", request->id, "htm", request->method, "htu",
                  request->url, strcspn(request->url, "?#"), "iat", (json_int_t)request->now_s);

    if (request->token != NULL)
        add_digest(claims, request->token);
    if (request->nonce[0] != '\0')
        json_object_set_new(claims, "nonce", json_string(request->nonce));
    return claims;
}

char *dpop_line(const struct jwt_key *key, const struct dpop_request *request)
{
    json_t *head = json_pack("{s:s, s:s, s:o}", "typ", "dpop+jwt", "alg", jwt_key_algorithm(key),
                             "jwk", jwt_key_public(key));
    char *proof = jwt_seal(key, head, claims_of(request)), *line = NULL;

    if (proof != NULL && asprintf(&line, "DPoP: %s", proof) < 0)
        line = NULL;
    free(proof);
    return line;
}
