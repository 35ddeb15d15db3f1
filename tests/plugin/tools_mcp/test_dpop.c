/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs of possession: what is signed, by which key, and when servers ask for one. */
#include "challenge.h"
#include "dpop.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define NOW 1795600000

/* A proof taken apart; `text` is what is signed. */
struct proof {
    char *line;
    char *text;
    json_t *head;
    json_t *claims;
    unsigned char signature[64];
};

/* base64url into `ret`; gives the length. */
static size_t decode(const char *text, size_t len, unsigned char *ret)
{
    char padded[2048];
    size_t n = len;

    assert_true(len + 4 < sizeof(padded));
    memcpy(padded, text, len);
    for (size_t i = 0; i < len; i++) {
        assert_true(strchr("+/=", padded[i]) == NULL);
        padded[i] = padded[i] == '-' ? '+' : padded[i] == '_' ? '/' : padded[i];
    }
    while (n % 4 != 0)
        padded[n++] = '=';
    int bytes = EVP_DecodeBlock(ret, (const unsigned char *)padded, (int)n);
    assert_true(bytes > 0);
    return (size_t)bytes - (n - len);
}

static json_t *decode_json(const char *text, size_t len)
{
    unsigned char bytes[2048];
    json_t *tree = json_loadb((const char *)bytes, decode(text, len, bytes), 0, NULL);

    assert_non_null(tree);
    return tree;
}

static struct proof proof_for(const struct jwt_key *d, const struct dpop_request *request)
{
    struct proof p = {.line = dpop_line(d, request)};

    assert_non_null(p.line);
    assert_memory_equal(p.line, "DPoP: ", 6);
    const char *head = p.line + 6;
    const char *body = strchr(head, '.') + 1;
    const char *signature = strchr(body, '.') + 1;
    p.text = strndup(head, (size_t)(signature - 1 - head));
    p.head = decode_json(head, (size_t)(body - 1 - head));
    p.claims = decode_json(body, (size_t)(signature - 1 - body));
    unsigned char bytes[128];
    assert_int_equal(decode(signature, strlen(signature), bytes), sizeof(p.signature));
    memcpy(p.signature, bytes, sizeof(p.signature));
    return p;
}

static void proof_done(struct proof *p)
{
    free(p->line);
    free(p->text);
    json_decref(p->head);
    json_decref(p->claims);
}

static const char *claim(const struct proof *p, const char *name)
{
    return json_string_value(json_object_get(p->claims, name));
}

static EVP_PKEY *key_of(const json_t *jwk)
{
    unsigned char point[1 + 96] = {4};
    const char *x = json_string_value(json_object_get(jwk, "x"));
    const char *y = json_string_value(json_object_get(jwk, "y"));
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

    assert_int_equal(decode(x, strlen(x), point + 1), 32);
    assert_int_equal(decode(y, strlen(y), point + 33), 32);
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 65);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return key;
}

static int verifies(const struct proof *p)
{
    EVP_PKEY *key = key_of(json_object_get(p->head, "jwk"));
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    unsigned char *der = NULL;

    assert_int_equal(ECDSA_SIG_set0(numbers, BN_bin2bn(p->signature, 32, NULL),
                                    BN_bin2bn(p->signature + 32, 32, NULL)),
                     1);
    int len = i2d_ECDSA_SIG(numbers, &der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    int ok = EVP_DigestVerify(context, der, (size_t)len, (const unsigned char *)p->text,
                              strlen(p->text));
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ECDSA_SIG_free(numbers);
    EVP_PKEY_free(key);
    return ok;
}

static void dpop_proof_is_signed_by_the_key_that_it_shows(void **state)
{
    (void)state;
    struct jwt_key *d = jwt_key_generate();
    struct proof p = proof_for(
        d, &(struct dpop_request){
               .method = "POST", .url = "https://h/token", .nonce = "", .id = "1", .now_s = NOW});

    assert_string_equal(json_string_value(json_object_get(p.head, "typ")), "dpop+jwt");
    assert_string_equal(json_string_value(json_object_get(p.head, "alg")), "ES256");
    assert_null(json_object_get(json_object_get(p.head, "jwk"), "d"));
    for (int i = 0; i < 20; i++) { /* numbers with leading zeros come among many */
        struct proof one = proof_for(
            d,
            &(struct dpop_request){
                .method = "POST", .url = "https://h/token", .nonce = "", .id = "1", .now_s = NOW});
        assert_int_equal(verifies(&one), 1);
        proof_done(&one);
    }
    p.text[strlen(p.text) - 1] ^= 1;
    assert_int_not_equal(verifies(&p), 1);
    proof_done(&p);
    jwt_key_destroy(d);
}

static void dpop_proof_tells_of_one_request(void **state)
{
    (void)state;
    struct jwt_key *d = jwt_key_generate();
    struct dpop_request request = {.method = "GET",
                                   .url = "https://h:8443/mcp?x=1#part",
                                   .token = "token",
                                   .nonce = "n-1",
                                   .id = "one",
                                   .now_s = NOW};
    struct proof p = proof_for(d, &request);

    assert_string_equal(claim(&p, "htm"), "GET");
    assert_string_equal(claim(&p, "htu"), "https://h:8443/mcp");
    assert_string_equal(claim(&p, "nonce"), "n-1");
    assert_string_equal(claim(&p, "ath"), "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A");
    assert_int_equal(json_integer_value(json_object_get(p.claims, "iat")), NOW);
    assert_string_equal(claim(&p, "jti"), "one");
    proof_done(&p);
    jwt_key_destroy(d);
}

static void dpop_proof_without_a_token_has_no_digest_of_one(void **state)
{
    (void)state;
    struct jwt_key *d = jwt_key_generate();
    struct proof p = proof_for(
        d, &(struct dpop_request){
               .method = "POST", .url = "https://h/token", .nonce = "", .id = "1", .now_s = NOW});

    assert_null(json_object_get(p.claims, "ath"));
    assert_null(json_object_get(p.claims, "nonce"));
    proof_done(&p);
    jwt_key_destroy(d);
}

static struct challenge challenge_of(const char *headers)
{
    struct challenge c;

    challenge_read((struct parley_view){headers, strlen(headers)}, &c);
    return c;
}

static void dpop_is_what_a_server_wants_that_takes_nothing_else(void **state)
{
    (void)state;
    struct challenge c = challenge_of("www-authenticate: DPoP error=\"use_dpop_nonce\", "
                                      "resource_metadata=\"https://h/x\", algs=\"ES256\"\r\n");

    assert_true(c.is_dpop && !c.is_bearer);
    assert_string_equal(c.error, "use_dpop_nonce");
    assert_string_equal(c.resource_metadata, "https://h/x");
    c = challenge_of("www-authenticate: DPoP scope=\"a\", Bearer scope=\"b\"\r\n");
    assert_true(c.is_bearer && !c.is_dpop);
    assert_string_equal(c.scope, "b");
    c = challenge_of("www-authenticate: Bearer scope=\"b\", DPoP scope=\"a\"\r\n");
    assert_true(c.is_bearer && !c.is_dpop);
    c = challenge_of("www-authenticate: Basic realm=\"x\"\r\n");
    assert_true(!c.is_bearer && !c.is_dpop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dpop_proof_is_signed_by_the_key_that_it_shows),
        cmocka_unit_test(dpop_proof_tells_of_one_request),
        cmocka_unit_test(dpop_is_what_a_server_wants_that_takes_nothing_else),
        cmocka_unit_test(dpop_proof_without_a_token_has_no_digest_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
