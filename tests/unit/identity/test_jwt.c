/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "identity/jwt.h"
#include "signer.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#define ALL (JWT_RS256 | JWT_PS256 | JWT_ES256)

static EVP_PKEY *rsa, *other_rsa, *ec;

static int make_keys(void **state)
{
    (void)state;
    rsa = EVP_RSA_gen(2048);
    other_rsa = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    return rsa == NULL || other_rsa == NULL || ec == NULL;
}

static int drop_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(ec);
    return 0;
}

/* What the receiver makes of a key that was published. */
static struct jwk *published(EVP_PKEY *pkey)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct jwk *key = NULL;
    json_t *jwk = signer_jwk(pkey, "k1");

    if (jwk_read(jwk, &key, &err) < 0)
        fail_msg("%s", err.message);
    json_decref(jwk);
    return key;
}

static bool is_good(EVP_PKEY *by, const char *algorithm, EVP_PKEY *published_key)
{
    struct buf token = {0};
    char head[64];
    struct jwt jwt;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)snprintf(head, sizeof(head), "{\"alg\":\"%s\",\"kid\":\"k1\"}", algorithm);
    signer_token(&token, by, algorithm, head, "{\"sub\":\"me\"}");
    if (jwt_read(buf_view(&token), ALL, &jwt, &err) < 0)
        fail_msg("%s", err.message);
    struct jwk *key = published(published_key);
    bool good = (key->algorithms & jwt.algorithm) != 0 && jwt_is_signed_by(&jwt, key->pkey);
    token.data[jwt.signed_part.len / 2] ^= 1;
    assert_false(jwt_is_signed_by(&jwt, key->pkey));
    (void)jwk_free(key);
    jwt_done(&jwt);
    buf_done(&token);
    return good;
}

static void token_of_each_algorithm_is_known_by_the_published_key(void **state)
{
    (void)state;
    assert_true(is_good(rsa, "RS256", rsa));
    assert_true(is_good(rsa, "PS256", rsa));
    assert_true(is_good(ec, "ES256", ec));
    assert_false(is_good(other_rsa, "RS256", rsa));
    assert_false(is_good(other_rsa, "PS256", rsa));
    assert_false(is_good(rsa, "RS256", ec));
}

static void expect_refused(const char *token, const char *code)
{
    struct jwt jwt;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (jwt_read(view_of(token), ALL, &jwt, &err) == PARLEY_OK)
        fail_msg("%s was taken", token);
    assert_string_equal(err.code, code);
    jwt_done(&jwt);
}

static void token_that_is_not_signed_by_a_key_pair_is_refused(void **state)
{
    static const char *const heads[] = {"{\"alg\":\"none\"}", "{\"alg\":\"HS256\",\"kid\":\"k1\"}",
                                        "{\"alg\":\"rs256\"}", "{\"kid\":\"k1\"}",
                                        "{\"alg\":[\"RS256\"]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct buf token = {0};
        signer_token(&token, rsa, "RS256", heads[i], "{}");
        expect_refused(token.data, "algorithm");
        buf_done(&token);
    }
}

static void algorithm_outside_of_the_list_is_refused(void **state)
{
    struct buf token = {0};
    struct jwt jwt;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    signer_token(&token, rsa, "PS256", "{\"alg\":\"PS256\"}", "{}");
    assert_int_equal(jwt_read(buf_view(&token), JWT_RS256, &jwt, &err), PARLEY_E_INVALID);
    assert_string_equal(err.code, "algorithm");
    jwt_done(&jwt);
    buf_done(&token);
}

static void token_in_another_shape_is_refused(void **state)
{
    struct buf token = {0};

    (void)state;
    expect_refused("", "malformed");
    expect_refused("a.b", "malformed");
    expect_refused("a.b.c.d", "malformed");
    expect_refused("..", "malformed");
    expect_refused("!!.e30.AA", "malformed");
    expect_refused("e30=.e30.AA", "malformed");
    signer_token(&token, rsa, "RS256", "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", "{}");
    expect_refused(token.data, "malformed");
    buf_clear(&token);
    signer_token(&token, rsa, "RS256", "{\"alg\":\"RS256\"}", "[]");
    expect_refused(token.data, "malformed");
    buf_clear(&token);
    signer_token(&token, rsa, "RS256", "{\"alg\":\"RS256\"}", "{\"aud\":\"a\",\"aud\":\"b\"}");
    expect_refused(token.data, "malformed");
    buf_clear(&token);
    for (size_t i = 0; i < JWT_MAX_BYTES; i++)
        buf_append_char(&token, i == 3 || i == 9 ? '.' : 'A');
    assert_true(jwt_looks_like_one(buf_view(&token)));
    buf_append_char(&token, 'A');
    assert_false(jwt_looks_like_one(buf_view(&token)));
    expect_refused(token.data, "malformed");
    buf_done(&token);
}

static int read_status(json_t *take_jwk)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct jwk *key = NULL;
    int status = jwk_read(take_jwk, &key, &err);

    json_decref(take_jwk);
    (void)jwk_free(key);
    return status;
}

static json_t *with(json_t *jwk, const char *name, const char *value)
{
    json_object_set_new(jwk, name, json_string(value));
    return jwk;
}

static void key_that_is_weak_broken_or_for_other_work_is_left_out(void **state)
{
    EVP_PKEY *small = EVP_RSA_gen(1024);

    (void)state;
    assert_int_equal(read_status(signer_jwk(small, "k")), PARLEY_E_INVALID);
    EVP_PKEY_free(small);
    assert_int_equal(read_status(with(signer_jwk(rsa, "k"), "use", "enc")), PARLEY_E_UNSUPPORTED);
    assert_int_equal(read_status(with(signer_jwk(rsa, "k"), "alg", "RS512")), PARLEY_E_UNSUPPORTED);
    assert_int_equal(read_status(with(signer_jwk(ec, "k"), "crv", "P-384")), PARLEY_E_UNSUPPORTED);
    assert_int_equal(read_status(with(signer_jwk(ec, "k"), "kty", "oct")), PARLEY_E_UNSUPPORTED);
    assert_int_equal(read_status(with(signer_jwk(rsa, "k"), "n", "not+base64")), PARLEY_E_INVALID);
    assert_int_equal(read_status(with(signer_jwk(rsa, "k"), "n", "")), PARLEY_E_INVALID);
    assert_int_equal(
        read_status(with(signer_jwk(ec, "k"), "y", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        PARLEY_E_INVALID); /* not on the curve */
    assert_int_equal(read_status(json_array()), PARLEY_E_UNSUPPORTED);
    assert_int_equal(read_status(with(signer_jwk(rsa, "k"), "alg", "RS256")), PARLEY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_of_each_algorithm_is_known_by_the_published_key),
        cmocka_unit_test(token_that_is_not_signed_by_a_key_pair_is_refused),
        cmocka_unit_test(algorithm_outside_of_the_list_is_refused),
        cmocka_unit_test(token_in_another_shape_is_refused),
        cmocka_unit_test(key_that_is_weak_broken_or_for_other_work_is_left_out),
    };

    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
