/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/jwk.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#define MIN_RSA_BITS       2048
#define MAX_BYTES          2048 /* of one number: RSA of 16384 bits */
#define POINT_BYTES        32   /* of a coordinate of P-256 */
#define POINT_UNCOMPRESSED 4    /* both coordinates follow (SEC 1, 2.3.3) */

static const struct {
    const char *name;
    unsigned flag;
} algorithms[] = {{"RS256", JWT_RS256}, {"PS256", JWT_PS256}, {"ES256", JWT_ES256}};

unsigned jwk_algorithm(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (strcmp(algorithms[i].name, name) == 0)
            return algorithms[i].flag;
    }
    return 0;
}

/* ---- numbers into keys ---- */

static bool decode(const json_t *object, const char *name, struct buf *out)
{
    struct parley_view text = json_get_view(object, name);

    return text.len > 0 && text.len <= MAX_BYTES * 4 / 3 + 4 && base64url_decode(out, text);
}

static EVP_PKEY *build(const char *kind, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    EVP_PKEY *pkey = NULL;

    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *rsa_of(const struct buf *n, const struct buf *e)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n->data, (int)n->len, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e->data, (int)e->len, NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;

    if (builder != NULL && modulus != NULL && exponent != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        params = OSSL_PARAM_BLD_to_param(builder);
    pkey = build("RSA", params);
    OSSL_PARAM_free(params);
    BN_free(modulus);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static int read_rsa(const json_t *object, struct jwk *key, struct parley_error *err)
{
    struct buf n = {0}, e = {0};

    if (decode(object, "n", &n) && decode(object, "e", &e))
        key->pkey = rsa_of(&n, &e);
    buf_done(&n);
    buf_done(&e);
    if (key->pkey == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "the RSA key \"%s\" is broken", key->kid);
    if (EVP_PKEY_get_bits(key->pkey) < MIN_RSA_BITS)
        return parley_fail(err, PARLEY_E_INVALID, "the RSA key \"%s\" has %d bits, fewer than %d",
                           key->kid, EVP_PKEY_get_bits(key->pkey), MIN_RSA_BITS);
    key->algorithms = JWT_RS256 | JWT_PS256;
    return PARLEY_OK;
}

/* OpenSSL looks whether the point is on the curve. */
static EVP_PKEY *point_of(const struct buf *x, const struct buf *y)
{
    unsigned char point[1 + 2 * POINT_BYTES] = {POINT_UNCOMPRESSED};
    char group[] = "prime256v1";

    if (x->len != POINT_BYTES || y->len != POINT_BYTES)
        return NULL;
    memcpy(point + 1, x->data, POINT_BYTES);
    memcpy(point + 1 + POINT_BYTES, y->data, POINT_BYTES);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end(),
    };
    return build("EC", params);
}

static int read_ec(const json_t *object, struct jwk *key, struct parley_error *err)
{
    struct buf x = {0}, y = {0};

    if (!view_is(json_get_view(object, "crv"), "P-256"))
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "the key \"%s\" is of another curve than "
                           "P-256",
                           key->kid);
    if (decode(object, "x", &x) && decode(object, "y", &y))
        key->pkey = point_of(&x, &y);
    buf_done(&x);
    buf_done(&y);
    if (key->pkey == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "the elliptic key \"%s\" is broken", key->kid);
    key->algorithms = JWT_ES256;
    return PARLEY_OK;
}

/* ---- one key ---- */

static int read_names(const json_t *object, struct jwk *key, struct parley_error *err)
{
    struct parley_view kid = json_get_view(object, "kid");
    struct parley_view issuer = json_get_view(object, "issuer");

    if (kid.len >= sizeof(key->kid) || issuer.len >= sizeof(key->issuer))
        return parley_fail(err, PARLEY_E_INVALID, "a key with a name that is too long");
    view_copy(key->kid, sizeof(key->kid), kid);
    view_copy(key->issuer, sizeof(key->issuer), issuer);
    return PARLEY_OK;
}

static int read_kind(const json_t *object, struct jwk *key, struct parley_error *err)
{
    struct parley_view kind = json_get_view(object, "kty");

    if (!view_is(view_of(json_get_str(object, "use", "sig")), "sig"))
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "the key \"%s\" is not for signatures",
                           key->kid);
    if (view_is(kind, "RSA"))
        return read_rsa(object, key, err);
    if (view_is(kind, "EC"))
        return read_ec(object, key, err);
    return parley_fail(err, PARLEY_E_UNSUPPORTED, "the key \"%s\" is neither RSA nor EC", key->kid);
}

/* A key that names its algorithm signs by no other. */
static int narrow(const json_t *object, struct jwk *key, struct parley_error *err)
{
    const char *name = json_get_str(object, "alg", "");

    if (name[0] == '\0')
        return PARLEY_OK;
    key->algorithms &= jwk_algorithm(name);
    if (key->algorithms != 0)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_UNSUPPORTED, "the key \"%s\" is for %.32s", key->kid, name);
}

int jwk_read(const json_t *object, struct jwk **ret, struct parley_error *err)
{
    struct jwk *key = calloc(1, sizeof(*key));

    if (key == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a key");
    list_init(&key->entry);
    int r = read_names(object, key, err);
    if (r == PARLEY_OK)
        r = read_kind(object, key, err);
    if (r == PARLEY_OK)
        r = narrow(object, key, err);
    if (r == PARLEY_OK)
        *ret = key;
    else
        (void)jwk_free(key);
    return r;
}

struct jwk *jwk_free(struct jwk *key)
{
    if (key == NULL)
        return NULL;
    list_remove(&key->entry);
    EVP_PKEY_free(key->pkey);
    free(key);
    return NULL;
}
