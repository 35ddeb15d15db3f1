/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/jwt.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/str.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#define ES256_BYTES 32 /* of each of the two numbers */

static int fail(struct parley_error *err, const char *code, const char *what)
{
    if (err != NULL)
        view_copy(err->code, sizeof(err->code), view_of(code));
    return parley_fail(err, PARLEY_E_INVALID, "%s", what);
}

bool jwt_looks_like_one(struct parley_view token)
{
    size_t dots = 0;

    if (token.len > JWT_MAX_BYTES)
        return false;
    for (size_t i = 0; i < token.len; i++)
        dots += token.data[i] == '.';
    return dots == 2;
}

/* ---- taking it apart ---- */

struct parts {
    struct parley_view head, body, signature;
};

static bool split(struct parley_view token, struct parts *ret)
{
    struct parley_view rest = token;

    if (!jwt_looks_like_one(token))
        return false;
    (void)view_split(&rest, '.', &ret->head);
    (void)view_split(&rest, '.', &ret->body);
    ret->signature = rest;
    return true;
}

static json_t *decode_object(struct parley_view part)
{
    struct buf text = {0};
    json_t *tree = base64url_decode(&text, part) ? json_parse(buf_view(&text), NULL) : NULL;

    buf_done(&text);
    if (json_is_object(tree))
        return tree;
    json_decref(tree);
    return NULL;
}

static int read_head(const json_t *head, unsigned algorithms, struct jwt *ret,
                     struct parley_error *err)
{
    struct parley_view kid = json_get_view(head, "kid");

    if (json_object_get(head, "crit") != NULL)
        return fail(err, "malformed", "its header names something critical that is not known");
    ret->algorithm = jwk_algorithm(json_get_str(head, "alg", "")) & algorithms;
    if (ret->algorithm == 0)
        return fail(err, "algorithm", "its algorithm is not one that is allowed");
    if (kid.len >= sizeof(ret->kid))
        return fail(err, "malformed", "the name of its key is too long");
    view_copy(ret->kid, sizeof(ret->kid), kid);
    return PARLEY_OK;
}

static bool read_signature(struct parley_view part, struct jwt *ret)
{
    struct buf bytes = {0};
    bool is_good =
        base64url_decode(&bytes, part) && bytes.len > 0 && bytes.len <= sizeof(ret->signature);

    if (is_good) {
        memcpy(ret->signature, bytes.data, bytes.len);
        ret->signature_len = bytes.len;
    }
    buf_done(&bytes);
    return is_good;
}

int jwt_read(struct parley_view token, unsigned algorithms, struct jwt *ret,
             struct parley_error *err)
{
    struct parts parts;

    *ret = (struct jwt){0};
    if (!split(token, &parts))
        return fail(err, "malformed", "it is not three parts between dots, of 16 KiB at most");
    json_t *head = decode_object(parts.head);
    if (head == NULL)
        return fail(err, "malformed", "its header is not a JSON object in base64url");
    int r = read_head(head, algorithms, ret, err);
    json_decref(head);
    if (r < 0)
        return r;
    if (!read_signature(parts.signature, ret))
        return fail(err, "malformed", "its signature is not base64url, or too long");
    ret->claims = decode_object(parts.body);
    if (ret->claims == NULL)
        return fail(err, "malformed", "its claims are not a JSON object in base64url");
    ret->signed_part = (struct parley_view){token.data, parts.head.len + 1 + parts.body.len};
    return PARLEY_OK;
}

void jwt_done(struct jwt *jwt)
{
    json_decref(jwt->claims);
    jwt->claims = NULL;
}

/* ---- the signature ---- */

/* The two numbers side by side (RFC 7518, section 3.4) as OpenSSL wants them; 0: they are not. */
static size_t der_of(const struct jwt *jwt, unsigned char *out)
{
    int len = -1;

    if (jwt->signature_len != 2 * ES256_BYTES)
        return 0;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(jwt->signature, ES256_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(jwt->signature + ES256_BYTES, ES256_BYTES, NULL);
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        len = i2d_ECDSA_SIG(sig, &out);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len < 0 ? 0 : (size_t)len;
}

static bool use_padding(const struct jwt *jwt, EVP_PKEY_CTX *ctx)
{
    if (jwt->algorithm != JWT_PS256)
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool jwt_is_signed_by(const struct jwt *jwt, EVP_PKEY *pkey)
{
    unsigned char der[2 * ES256_BYTES + 16];
    const unsigned char *signature = jwt->signature;
    size_t len = jwt->signature_len;
    EVP_PKEY_CTX *padding = NULL; /* ctx's own */

    if (jwt->algorithm == JWT_ES256) {
        len = der_of(jwt, der);
        signature = der;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good =
        ctx != NULL && len > 0 &&
        EVP_DigestVerifyInit(ctx, &padding, EVP_sha256(), NULL, pkey) == 1 &&
        use_padding(jwt, padding) &&
        EVP_DigestVerify(ctx, signature, len, (const unsigned char *)jwt->signed_part.data,
                         jwt->signed_part.len) == 1;
    EVP_MD_CTX_free(ctx);
    return is_good;
}
