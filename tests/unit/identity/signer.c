/* SPDX-License-Identifier: Apache-2.0 */
#include "signer.h"

#include "base/base64.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <string.h>

static void set_number(json_t *jwk, const char *name, EVP_PKEY *pkey, const char *param, int len)
{
    unsigned char bytes[512];
    struct buf text = {0};
    BIGNUM *n = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(pkey, param, &n), 1);
    if (len == 0)
        len = BN_num_bytes(n);
    assert_int_equal(BN_bn2binpad(n, bytes, len), len);
    base64url_encode(&text, bytes, (size_t)len);
    json_object_set_new(jwk, name, json_string(text.data));
    buf_done(&text);
    BN_free(n);
}

json_t *signer_jwk(EVP_PKEY *pkey, const char *kid)
{
    json_t *jwk = json_pack("{s:s, s:s}", "kid", kid, "use", "sig");

    if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA) {
        json_object_set_new(jwk, "kty", json_string("RSA"));
        set_number(jwk, "n", pkey, OSSL_PKEY_PARAM_RSA_N, 0);
        set_number(jwk, "e", pkey, OSSL_PKEY_PARAM_RSA_E, 0);
    } else {
        json_object_set_new(jwk, "kty", json_string("EC"));
        json_object_set_new(jwk, "crv", json_string("P-256"));
        set_number(jwk, "x", pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        set_number(jwk, "y", pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    }
    return jwk;
}

/* The two numbers side by side. */
static size_t raw_of(unsigned char *signature, size_t len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);

    assert_non_null(sig);
    unsigned char raw[64];
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32), 32);
    ECDSA_SIG_free(sig);
    memcpy(signature, raw, 64);
    return 64;
}

void signer_token(struct buf *out, EVP_PKEY *pkey, const char *algorithm, const char *head,
                  const char *body)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;
    unsigned char signature[1024];
    size_t len = sizeof(signature);

    base64url_encode(out, head, strlen(head));
    buf_append_char(out, '.');
    base64url_encode(out, body, strlen(body));
    assert_int_equal(EVP_DigestSignInit(ctx, &padding, EVP_sha256(), NULL, pkey), 1);
    if (strcmp(algorithm, "PS256") == 0) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(
        EVP_DigestSign(ctx, signature, &len, (const unsigned char *)out->data, out->len), 1);
    if (strcmp(algorithm, "ES256") == 0)
        len = raw_of(signature, len);
    buf_append_char(out, '.');
    base64url_encode(out, signature, len);
    EVP_MD_CTX_free(ctx);
}
