/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/assertion.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/id.h"
#include "base/str.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define LIFE_S  600
#define JTI_LEN 32

struct signer {
    X509 *certificate;
    EVP_PKEY *key;
};

static void signer_done(struct signer *s)
{
    X509_free(s->certificate);
    EVP_PKEY_free(s->key);
}

/* The passphrase of a locked key is nobody's to type here. */
static int no_password(char *out, int size, int writes, void *ctx)
{
    (void)out;
    (void)size;
    (void)writes;
    (void)ctx;
    return -1;
}

static int read_pem(const char *pem_file, struct signer *s, struct parley_error *err)
{
    FILE *file = fopen(pem_file, "re");

    if (file == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s cannot be read", pem_file);
    s->key = PEM_read_PrivateKey(file, NULL, no_password, NULL);
    rewind(file);
    s->certificate = PEM_read_X509(file, NULL, no_password, NULL);
    (void)fclose(file);
    if (s->key == NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s holds no private key (PEM, without a passphrase)", pem_file);
    if (s->certificate == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "%s holds no certificate (PEM)", pem_file);
    if (EVP_PKEY_get_base_id(s->key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(s->key) < 2048)
        return parley_fail(err, PARLEY_E_INVALID, "%s: the key is not RSA of 2048 bits or more",
                           pem_file);
    if (X509_check_private_key(s->certificate, s->key) != 1)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: the certificate is not that of the private key", pem_file);
    return PARLEY_OK;
}

int assertion_check(const char *pem_file, struct parley_error *err)
{
    struct signer s = {0};
    int r = read_pem(pem_file, &s, err);

    signer_done(&s);
    return r;
}

static void append_json(struct buf *out, json_t *take_object)
{
    char *text = json_dumps(take_object, JSON_COMPACT);

    json_decref(take_object);
    if (text == NULL)
        out->failed = true;
    else
        base64url_encode(out, text, strlen(text));
    free(text);
}

/* The header names the certificate by its fingerprint. */
static bool append_header(struct buf *out, X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    struct buf fingerprint = {0};

    if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
        return false;
    base64url_encode(&fingerprint, digest, len);
    append_json(out,
                json_pack("{s:s, s:s, s:s#}", "alg", "PS256", "typ", "JWT", "x5t#S256",
                          fingerprint.data == NULL ? "" : fingerprint.data, (int)fingerprint.len));
    buf_done(&fingerprint);
    return !out->failed;
}

static void append_claims(struct buf *out, const char *client_id, const char *audience,
                          int64_t now_s)
{
    char jti[JTI_LEN + 1];

    id_random(jti, JTI_LEN);
    append_json(out, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "aud", audience, "iss",
                               client_id, "sub", client_id, "jti", jti, "iat", (json_int_t)now_s,
                               "nbf", (json_int_t)now_s, "exp", (json_int_t)(now_s + LIFE_S)));
}

static bool sign(EVP_MD_CTX *ctx, EVP_PKEY *key, struct buf *text)
{
    EVP_PKEY_CTX *padding = NULL;
    unsigned char signature[1024]; /* keys of up to 8192 bits */
    size_t len = sizeof(signature);

    if (EVP_DigestSignInit(ctx, &padding, EVP_sha256(), NULL, key) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) != 1 ||
        EVP_DigestSign(ctx, signature, &len, (const unsigned char *)text->data, text->len) != 1)
        return false;
    buf_append_char(text, '.');
    base64url_encode(text, signature, len);
    return !text->failed;
}

static bool append_signature(struct buf *text, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_signed = ctx != NULL && !text->failed && sign(ctx, key, text);

    EVP_MD_CTX_free(ctx);
    return is_signed;
}

int assertion_make(const char *pem_file, const char *client_id, const char *audience, int64_t now_s,
                   struct buf *ret, struct parley_error *err)
{
    struct signer s = {0};
    int r = read_pem(pem_file, &s, err);

    if (r == PARLEY_OK) {
        bool is_good = append_header(ret, s.certificate);
        buf_append_char(ret, '.');
        append_claims(ret, client_id, audience, now_s);
        if (!is_good || !append_signature(ret, s.key))
            r = parley_fail(err, PARLEY_E_INTERNAL, "%s: the key did not sign", pem_file);
    }
    signer_done(&s);
    return r;
}
