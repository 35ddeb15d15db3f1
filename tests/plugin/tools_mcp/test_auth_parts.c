/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of authorization that are pure functions: challenges, addresses, metadata, signatures.
 */
#include "base64url.h"
#include "challenge.h"
#include "jwt.h"
#include "login.h"
#include "metadata.h"
#include "secret.h"
#include "token.h"
#include "uri.h"

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- challenges ---- */

static struct challenge read_challenge(const char *headers)
{
    struct challenge c;

    challenge_read((struct parley_view){headers, strlen(headers)}, &c);
    return c;
}

static void challenge_is_read_among_others_with_quotes_and_commas(void **state)
{
    (void)state;
    struct challenge c = read_challenge(
        "content-type: text/plain\r\n"
        "www-authenticate: Basic realm=\"a, Bearer scope=\\\"no\\\"\", Negotiate YWJj==, "
        "bearer realm=\"x\" , scope=\"files:read  files:write\", error=insufficient_scope, "
        "resource_metadata=\"https://h/m\"\r\n");

    assert_true(c.is_bearer);
    assert_string_equal(c.scope, "files:read  files:write");
    assert_string_equal(c.error, "insufficient_scope");
    assert_string_equal(c.resource_metadata, "https://h/m");
}

static void challenge_that_names_metadata_counts_of_several(void **state)
{
    (void)state;
    struct challenge c =
        read_challenge("www-authenticate: Bearer scope=\"a\"\r\n"
                       "www-authenticate: Bearer resource_metadata=\"https://h/m\"\r\n");

    assert_string_equal(c.resource_metadata, "https://h/m");
    assert_false(read_challenge("www-authenticate: Digest qop=\"auth\"\r\n").is_bearer);
    assert_false(read_challenge("").is_bearer);
}

static void challenge_with_control_characters_or_too_much_loses_the_value(void **state)
{
    char long_one[CHALLENGE_MAX_SCOPE + 100];

    (void)state;
    assert_string_equal(read_challenge("www-authenticate: Bearer scope=\"a\tb\"\r\n").scope, "");
    memset(long_one, 'a', sizeof(long_one));
    memcpy(long_one, "www-authenticate: Bearer scope=", 31);
    long_one[sizeof(long_one) - 1] = '\0';
    struct challenge c = read_challenge(long_one);
    assert_true(c.is_bearer);
    assert_string_equal(c.scope, "");
}

static void scopes_are_joined_without_repetition(void **state)
{
    char out[CHALLENGE_MAX_SCOPE];

    (void)state;
    assert_true(challenge_join_scopes("a b", "b  c a", out));
    assert_string_equal(out, "a b c");
    assert_true(challenge_has_scopes(out, "c a"));
    assert_false(challenge_has_scopes(out, "ab"));
}

/* ---- addresses ---- */

static void address_with_anything_odd_is_none(void **state)
{
    static const char *const bad[] = {"",
                                      "ftp://h/",
                                      "https://",
                                      "https://u@h/",
                                      "h/p",
                                      "https://h:0/",
                                      "https://h:99999",
                                      "https://h /",
                                      "https://[::1",
                                      "https://h\\@e/",
                                      "https://h:x/"};
    struct uri u;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (uri_parse(bad[i], &u))
            fail_msg("%s was taken", bad[i]);
    }
    assert_true(uri_parse("HTTPS://Host/x?y#z", &u));
    assert_true(u.is_https && u.port == 443 && u.has_fragment && u.path.len == 2);
}

static void address_below_another_is_covered_at_one_origin_only(void **state)
{
    (void)state;
    assert_true(uri_covers("https://h", "https://H:443/mcp"));
    assert_true(uri_covers("https://h/mcp/", "https://h/mcp"));
    assert_true(uri_covers("https://h/a", "https://h/a/mcp?x"));
    assert_false(uri_covers("https://h/a", "https://h/ab"));
    assert_false(uri_covers("https://h/mcp", "https://h/"));
    assert_false(uri_covers("https://evil", "https://h/mcp"));
    assert_false(uri_covers("http://h", "https://h/mcp"));
    assert_false(uri_covers("https://h/a", "https://h/a/../b"));
}

static void address_of_metadata_has_its_forms_in_order(void **state)
{
    char out[URI_MAX];

    (void)state;
    assert_true(uri_resource_metadata("https://h/a/mcp/", 0, out));
    assert_string_equal(out, "https://h/.well-known/oauth-protected-resource/a/mcp");
    assert_true(uri_resource_metadata("https://h/a/mcp", 1, out));
    assert_string_equal(out, "https://h/.well-known/oauth-protected-resource");
    assert_false(uri_resource_metadata("https://h/a/mcp", 2, out));
    assert_false(uri_resource_metadata("https://h/", 1, out));
    assert_true(uri_server_metadata("https://h/t", 0, out));
    assert_string_equal(out, "https://h/.well-known/oauth-authorization-server/t");
    assert_true(uri_server_metadata("https://h/t", 1, out));
    assert_string_equal(out, "https://h/.well-known/openid-configuration/t");
    assert_true(uri_server_metadata("https://h/t", 2, out));
    assert_string_equal(out, "https://h/t/.well-known/openid-configuration");
    assert_false(uri_server_metadata("https://h", 2, out));
}

/* ---- metadata ---- */

static void case_76_metadata_of_another_issuer_or_resource_is_refused(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct metadata_server server;
    struct metadata_resource resource;
    json_t *s = json_pack("{s:s, s:s}", "issuer", "https://h/", "token_endpoint", "https://h/t");
    json_t *r = json_pack("{s:s, s:[s]}", "resource", "https://other/mcp", "authorization_servers",
                          "https://h");

    (void)state;
    assert_int_equal(metadata_read_server(s, "https://h", &server, &err), PARLEY_E_DENIED);
    assert_int_equal(metadata_read_server(s, "https://h/", &server, &err), PARLEY_OK);
    assert_int_equal(metadata_read_resource(r, "https://h/mcp", &resource, &err), PARLEY_E_DENIED);
    assert_non_null(strstr(err.message, "https://other/mcp"));
    assert_int_equal(metadata_read_resource(r, "https://other/mcp", &resource, &err), PARLEY_OK);
    json_decref(s);
    json_decref(r);
}

/* ---- requests for tokens ---- */

static struct metadata_server server_that_takes(unsigned methods)
{
    return (struct metadata_server){
        .issuer = "https://h", .auth_methods = methods, .lists_auth_methods = methods != 0};
}

static void case_77_client_proves_itself_as_the_server_lists(void **state)
{
    const struct token_client client = {.id = "a:b", .secret = "c d", .registered = ""};
    const struct token_grant grant = {.type = "client_credentials", .scope = "x", .resource = ""};
    static const struct {
        unsigned methods;
        const char *line;
        const char *in_body;
    } cases[] = {
        {0, "Authorization: Basic YSUzQWI6YyUyMGQ=", NULL},
        {METADATA_BASIC | METADATA_POST, "Authorization: Basic YSUzQWI6YyUyMGQ=", NULL},
        {METADATA_POST, NULL, "client_id=a%3Ab&client_secret=c%20d"},
        {METADATA_NONE, NULL, "client_id=a%3Ab"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct parley_error err = PARLEY_ERROR_INIT;
        struct metadata_server server = server_that_takes(cases[i].methods);
        struct form form = {0};
        char *line = NULL;
        assert_int_equal(token_request(&server, &client, &grant, &form, &line, &err), PARLEY_OK);
        if (cases[i].line != NULL)
            assert_string_equal(line, cases[i].line);
        else
            assert_null(line);
        if (cases[i].in_body != NULL)
            assert_non_null(strstr(text_str(&form.text), cases[i].in_body));
        assert_int_equal(strstr(text_str(&form.text), "client_secret") != NULL,
                         cases[i].methods == METADATA_POST);
        form_done(&form);
        secret_free(line);
    }
}

static void case_84_description_that_repeats_a_secret_is_left_out(void **state)
{
    const char *const secrets[] = {NULL, "s3cret"};
    json_t *tree = json_pack("{s:s, s:s}", "error", "invalid_client", "error_description",
                             "no client with s3cret\n");
    char out[80];

    (void)state;
    assert_string_equal(token_error(tree), "invalid_client");
    token_description(tree, secrets, 2, out, sizeof(out));
    assert_string_equal(out, "");
    token_description(tree, secrets, 1, out, sizeof(out));
    assert_non_null(strstr(out, "no client"));
    json_decref(tree);
}

/* ---- signatures ---- */

static char *pem_of(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;

    assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &bytes);
    char *copy = strndup(bytes, (size_t)len);
    BIO_free(bio);
    return copy;
}

static size_t unbase64url(const char *text, size_t len, unsigned char out[512])
{
    char padded[700];

    assert_true(len + 4 < sizeof(padded));
    for (size_t i = 0; i < len; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    size_t full = len;
    while (full % 4 != 0)
        padded[full++] = '=';
    int bytes = EVP_DecodeBlock(out, (const unsigned char *)padded, (int)full);
    assert_true(bytes > 0);
    return (size_t)bytes - (full - len);
}

/* As whoever has the public half would look at it. */
static bool is_signed_by(EVP_PKEY *pkey, const char *jwt, const EVP_MD *digest, bool is_pss)
{
    const char *dot = strrchr(jwt, '.');
    unsigned char signature[512];
    size_t len = unbase64url(dot + 1, strlen(dot + 1), signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx;

    assert_int_equal(EVP_DigestVerifyInit(ctx, &key_ctx, digest, NULL, pkey), 1);
    if (is_pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    bool is_good =
        EVP_DigestVerify(ctx, signature, len, (const unsigned char *)jwt, (size_t)(dot - jwt)) == 1;
    EVP_MD_CTX_free(ctx);
    return is_good;
}

static void jwt_is_signed_by_each_algorithm_of_its_key(void **state)
{
    const struct {
        const char *name;
        const EVP_MD *digest;
        bool is_pss;
    } of_rsa[] = {
        {"auto", EVP_sha256(), false},  {"RS256", EVP_sha256(), false},
        {"RS512", EVP_sha512(), false}, {"PS256", EVP_sha256(), true},
        {"PS384", EVP_sha384(), true},
    };
    const struct jwt_claims claims = {
        .client_id = "me", .audience = "https://h", .now_s = 1000, .lifetime_s = 60, .id = "1"};
    struct parley_error err = PARLEY_ERROR_INIT;
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    char *pem = pem_of(pkey);
    struct jwt_key *key = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(of_rsa) / sizeof(of_rsa[0]); i++) {
        assert_int_equal(jwt_key_read(pem, strlen(pem), of_rsa[i].name, &key, &err), PARLEY_OK);
        char *jwt = jwt_sign(key, &claims);
        assert_non_null(jwt);
        if (!is_signed_by(pkey, jwt, of_rsa[i].digest, of_rsa[i].is_pss))
            fail_msg("%s", of_rsa[i].name);
        jwt[3]++; /* what is signed */
        assert_false(is_signed_by(pkey, jwt, of_rsa[i].digest, of_rsa[i].is_pss));
        free(jwt);
        jwt_key_destroy(key);
    }
    EVP_PKEY_free(pkey);
    free(pem);
}

static void jwt_of_an_elliptic_key_has_two_numbers_of_fixed_length(void **state)
{
    const struct jwt_claims claims = {
        .client_id = "me", .audience = "https://h", .now_s = 1000, .lifetime_s = 60, .id = "1"};
    struct parley_error err = PARLEY_ERROR_INIT;
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    char *pem = pem_of(pkey);
    struct jwt_key *key = NULL;

    (void)state;
    assert_int_equal(jwt_key_read(pem, strlen(pem), "ES256", &key, &err), PARLEY_OK);
    for (int i = 0; i < 20; i++) {
        char *jwt = jwt_sign(key, &claims);
        assert_int_equal(strlen(strrchr(jwt, '.') + 1), 86); /* 64 bytes */
        free(jwt);
    }
    jwt_key_destroy(key);
    assert_int_equal(jwt_key_read(pem, strlen(pem), "RS256", &key, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "signing_alg = RS256"));
    assert_non_null(strstr(err.message, "prime256v1"));
    assert_int_equal(jwt_key_read("nonsense", 8, "auto", &key, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "private_key_file"));
    EVP_PKEY_free(pkey);
    free(pem);
}

/* ---- the browser's way back ---- */

static void parameter_is_decoded_and_refused_when_it_comes_twice(void **state)
{
    (void)state;
    char *code = login_parameter("state=s&code=a%2Fb%41+c", "code");
    assert_string_equal(code, "a/bA c");
    free(code);
    assert_null(login_parameter("code=a&code=b", "code"));
    assert_null(login_parameter("xcode=a", "code"));
}

static void program_is_split_at_blanks_and_quotes_keep_words_together(void **state)
{
    (void)state;
    char **words = login_words("  '/opt/my browser' --new \"a b\"");
    assert_string_equal(words[0], "/opt/my browser");
    assert_string_equal(words[1], "--new");
    assert_string_equal(words[2], "a b");
    assert_null(words[3]);
    login_words_free(words);
    assert_null(login_words("  "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(challenge_is_read_among_others_with_quotes_and_commas),
        cmocka_unit_test(challenge_that_names_metadata_counts_of_several),
        cmocka_unit_test(challenge_with_control_characters_or_too_much_loses_the_value),
        cmocka_unit_test(scopes_are_joined_without_repetition),
        cmocka_unit_test(address_with_anything_odd_is_none),
        cmocka_unit_test(address_below_another_is_covered_at_one_origin_only),
        cmocka_unit_test(address_of_metadata_has_its_forms_in_order),
        cmocka_unit_test(case_76_metadata_of_another_issuer_or_resource_is_refused),
        cmocka_unit_test(case_77_client_proves_itself_as_the_server_lists),
        cmocka_unit_test(case_84_description_that_repeats_a_secret_is_left_out),
        cmocka_unit_test(jwt_is_signed_by_each_algorithm_of_its_key),
        cmocka_unit_test(jwt_of_an_elliptic_key_has_two_numbers_of_fixed_length),
        cmocka_unit_test(parameter_is_decoded_and_refused_when_it_comes_twice),
        cmocka_unit_test(program_is_split_at_blanks_and_quotes_keep_words_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
