/* SPDX-License-Identifier: Apache-2.0 */
#include "jwt.h"

#include "base64url.h"

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIGNATURE 2048 /* of RSA keys up to 16384 bits */
#define MIN_RSA_BITS  2048

#define COORDINATE_BYTES 32 /* of a point of P-256 */
#define COORDINATE_SIZE  BASE64URL_SIZE(COORDINATE_BYTES)

enum kind { KIND_EC, KIND_RSA, KIND_PSS, KIND_ED };

static const struct algorithm {
    const char *name;
    enum kind kind;
    const char *digest; /* NULL: of its own */
    const char *curve;  /* of EC */
    size_t number_bytes;
} algorithms[] = {
    {"ES256", KIND_EC, "SHA256", "prime256v1", 32}, {"ES384", KIND_EC, "SHA384", "secp384r1", 48},
    {"ES512", KIND_EC, "SHA512", "secp521r1", 66},  {"RS256", KIND_RSA, "SHA256", NULL, 0},
    {"RS384", KIND_RSA, "SHA384", NULL, 0},         {"RS512", KIND_RSA, "SHA512", NULL, 0},
    {"PS256", KIND_PSS, "SHA256", NULL, 0},         {"PS384", KIND_PSS, "SHA384", NULL, 0},
    {"PS512", KIND_PSS, "SHA512", NULL, 0},         {"EdDSA", KIND_ED, NULL, NULL, 0},
};

#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

struct jwt_key {
    EVP_PKEY *pkey;
    const struct algorithm *algorithm;
};

/* ---- keys ---- */

/* Never asks at the terminal: a key with a passphrase is one that cannot be used. */
static int no_passphrase(char *bytes, int size, int is_writing, void *ctx)
{
    (void)bytes;
    (void)size;
    (void)is_writing;
    (void)ctx;
    return -1;
}

static void describe(const EVP_PKEY *pkey, char *out, size_t size)
{
    char curve[64] = "";
    size_t len;

    if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), &len) == 1)
        (void)snprintf(out, size, "an EC key of the curve %s", curve);
    else if (EVP_PKEY_is_a(pkey, "RSA"))
        (void)snprintf(out, size, "an RSA key of %d bits", EVP_PKEY_get_bits(pkey));
    else
        (void)snprintf(out, size, "a key of the kind %s", EVP_PKEY_get0_type_name(pkey));
}

static bool is_fitting(const EVP_PKEY *pkey, const struct algorithm *a)
{
    char curve[64] = "";
    size_t len;

    switch (a->kind) {
    case KIND_EC:
        return EVP_PKEY_is_a(pkey, "EC") &&
               EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), &len) == 1 &&
               strcmp(curve, a->curve) == 0;
    case KIND_RSA:
        return EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) >= MIN_RSA_BITS;
    case KIND_PSS:
        return (EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS")) &&
               EVP_PKEY_get_bits(pkey) >= MIN_RSA_BITS;
    default:
        return EVP_PKEY_is_a(pkey, "ED25519");
    }
}

static const struct algorithm *choose(const EVP_PKEY *pkey, const char *name)
{
    bool is_free = strcmp(name, "auto") == 0;

    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if ((is_free || strcmp(algorithms[i].name, name) == 0) && is_fitting(pkey, &algorithms[i]))
            return &algorithms[i];
    }
    return NULL;
}

int jwt_key_read(const char *pem, size_t len, const char *algorithm, struct jwt_key **ret,
                 struct parley_error *err)
{
    char what[96];
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

    BIO_free(bio);
    ERR_clear_error();
    if (pkey == NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "private_key_file: holds no private key in PEM without a passphrase "
                           "(\"-----BEGIN PRIVATE KEY-----\")");
    const struct algorithm *a = choose(pkey, algorithm);
    struct jwt_key *key = a == NULL ? NULL : calloc(1, sizeof(*key));
    if (key != NULL) {
        *key = (struct jwt_key){pkey, a};
        *ret = key;
        return PARLEY_OK;
    }
    describe(pkey, what, sizeof(what));
    EVP_PKEY_free(pkey);
    if (a != NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "private_key_file: no memory");
    return parley_fail(err, PARLEY_E_INVALID,
                       "signing_alg = %.20s: private_key_file holds %s; ES256 needs the curve "
                       "prime256v1 (P-256), ES384 secp384r1, ES512 secp521r1, RS... and PS... RSA "
                       "with at least %d bits, EdDSA Ed25519",
                       algorithm, what, MIN_RSA_BITS);
}

void jwt_key_destroy(struct jwt_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

const char *jwt_key_algorithm(const struct jwt_key *key)
{
    return key->algorithm->name;
}

struct jwt_key *jwt_key_generate(void)
{
    struct jwt_key *key = calloc(1, sizeof(*key));

    if (key == NULL)
        return NULL;
    *key = (struct jwt_key){EVP_EC_gen("P-256"), &algorithms[0]};
    if (key->pkey != NULL)
        return key;
    free(key);
    return NULL;
}

static bool read_coordinate(const EVP_PKEY *pkey, const char *which, char out[COORDINATE_SIZE])
{
    uint8_t bytes[COORDINATE_BYTES];
    BIGNUM *number = NULL;
    bool is_good = EVP_PKEY_get_bn_param(pkey, which, &number) == 1 &&
                   BN_bn2binpad(number, bytes, sizeof(bytes)) == (int)sizeof(bytes);

    BN_free(number);
    if (is_good)
        (void)base64url(bytes, sizeof(bytes), out);
    return is_good;
}

json_t *jwt_key_public(const struct jwt_key *key)
{
    char x[COORDINATE_SIZE], y[COORDINATE_SIZE];

    if (!read_coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, x) ||
        !read_coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y))
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x", x, "y", y);
}

/* ---- signatures ---- */

/* OpenSSL writes two numbers as DER; a JWT has them side by side, of fixed length. */
static size_t flatten(const struct algorithm *a, const uint8_t *der, size_t len, uint8_t *out)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool is_good = sig != NULL;

    is_good = is_good && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)a->number_bytes) > 0;
    is_good = is_good &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + a->number_bytes, (int)a->number_bytes) > 0;
    ECDSA_SIG_free(sig);
    return is_good ? 2 * a->number_bytes : 0;
}

static bool set_padding(EVP_PKEY_CTX *ctx, const struct algorithm *a)
{
    return a->kind != KIND_PSS ||
           (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/* The length of the signature, 0 when it cannot be made. */
static size_t sign_bytes(const struct jwt_key *key, const char *text, size_t len,
                         uint8_t out[MAX_SIGNATURE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *of_key = NULL;
    uint8_t made[MAX_SIGNATURE];
    size_t made_len = sizeof(made);

    bool is_good = ctx != NULL &&
                   EVP_DigestSignInit_ex(ctx, &of_key, key->algorithm->digest, NULL, NULL,
                                         key->pkey, NULL) == 1 &&
                   set_padding(of_key, key->algorithm) &&
                   EVP_DigestSign(ctx, made, &made_len, (const uint8_t *)text, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    if (!is_good)
        return 0;
    if (key->algorithm->kind == KIND_EC)
        return flatten(key->algorithm, made, made_len, out);
    memcpy(out, made, made_len);
    return made_len;
}

/* ---- the whole ---- */

static char *encode_json(json_t *take_tree)
{
    char *text = take_tree == NULL ? NULL : json_dumps(take_tree, JSON_COMPACT);
    char *out = text == NULL ? NULL : malloc(BASE64URL_SIZE(strlen(text)));

    if (out != NULL)
        (void)base64url(text, strlen(text), out);
    free(text);
    json_decref(take_tree);
    return out;
}

static char *join(const char *a, const char *b)
{
    char *joined = NULL;

    if (a == NULL || b == NULL || asprintf(&joined, "%s.%s", a, b) < 0)
        return NULL;
    return joined;
}

char *jwt_seal(const struct jwt_key *key, json_t *take_head, json_t *take_body)
{
    uint8_t signature[MAX_SIGNATURE];
    char encoded[BASE64URL_SIZE(MAX_SIGNATURE)];
    char *head = encode_json(take_head), *body = encode_json(take_body);
    char *unsigned_part = join(head, body);
    size_t len = unsigned_part == NULL
                     ? 0
                     : sign_bytes(key, unsigned_part, strlen(unsigned_part), signature);
    char *whole = NULL;

    if (len > 0) {
        (void)base64url(signature, len, encoded);
        whole = join(unsigned_part, encoded);
    }
    free(head);
    free(body);
    free(unsigned_part);
    return whole;
}

char *jwt_sign(const struct jwt_key *key, const struct jwt_claims *claims)
{
    return jwt_seal(key, json_pack("{s:s, s:s}", "alg", key->algorithm->name, "typ", "JWT"),
                    json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "iss", claims->client_id, "sub",
                              claims->client_id, "aud", claims->audience, "iat",
                              (json_int_t)claims->now_s, "exp",
                              (json_int_t)(claims->now_s + claims->lifetime_s), "jti", claims->id));
}
