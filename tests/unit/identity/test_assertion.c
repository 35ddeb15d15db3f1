/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/str.h"
#include "identity/assertion.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#define AUDIENCE "https://login.example.com/t/oauth2/v2.0/token"

static EVP_PKEY *key;
static char pem_file[] = "/tmp/parley-assertion-XXXXXX";

static X509 *self_signed(EVP_PKEY *of)
{
    X509 *x = X509_new();

    assert_non_null(x);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    (void)X509_set_pubkey(x, of);
    assert_true(X509_sign(x, of, EVP_sha256()) > 0);
    return x;
}

static void write_pem(const char *path, EVP_PKEY *k, X509 *certificate)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    if (k != NULL)
        assert_int_equal(PEM_write_PrivateKey(file, k, NULL, NULL, 0, NULL, NULL), 1);
    if (certificate != NULL)
        assert_int_equal(PEM_write_X509(file, certificate), 1);
    (void)fclose(file);
}

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(pem_file);
    assert_true(fd >= 0);
    (void)close(fd);
    key = EVP_RSA_gen(2048);
    assert_non_null(key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return unlink(pem_file);
}

static void with_certificate_of(EVP_PKEY *of)
{
    X509 *certificate = self_signed(of);

    write_pem(pem_file, key, certificate);
    X509_free(certificate);
}

/* base64url to bytes. */
static void decode(struct parley_view text, struct buf *out)
{
    struct buf plain = {0};

    buf_append_view(&plain, text);
    for (size_t i = 0; i < plain.len; i++) {
        if (plain.data[i] == '-')
            plain.data[i] = '+';
        else if (plain.data[i] == '_')
            plain.data[i] = '/';
    }
    while (plain.len % 4 != 0)
        buf_append_char(&plain, '=');
    assert_true(base64_decode(out, buf_view(&plain)));
    buf_done(&plain);
}

static bool verify(struct parley_view text, const struct buf *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;

    assert_int_equal(EVP_DigestVerifyInit(ctx, &padding, EVP_sha256(), NULL, key), 1);
    (void)EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING);
    (void)EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, 32);
    int r = EVP_DigestVerify(ctx, (const unsigned char *)signature->data, signature->len,
                             (const unsigned char *)text.data, text.len);
    EVP_MD_CTX_free(ctx);
    return r == 1;
}

static void an_assertion_is_signed_by_the_key_and_names_the_client(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct buf jwt = {0}, head = {0}, claims = {0}, signature = {0};

    (void)state;
    with_certificate_of(key);
    assert_int_equal(assertion_make(pem_file, "client-1", AUDIENCE, 1000, &jwt, &err), PARLEY_OK);
    struct parley_view rest = buf_view(&jwt), first, second;
    assert_true(view_split(&rest, '.', &first));
    assert_true(view_split(&rest, '.', &second));
    decode(first, &head);
    decode(second, &claims);
    decode(rest, &signature);
    assert_true(verify((struct parley_view){jwt.data, first.len + 1 + second.len}, &signature));
    json_t *h = json_parse(buf_view(&head), &err), *c = json_parse(buf_view(&claims), &err);
    assert_string_equal(json_get_str(h, "alg", ""), "PS256");
    assert_int_equal(json_get_view(h, "x5t#S256").len, 43); /* of 32 bytes */
    assert_string_equal(json_get_str(c, "iss", ""), "client-1");
    assert_string_equal(json_get_str(c, "sub", ""), "client-1");
    assert_string_equal(json_get_str(c, "aud", ""), AUDIENCE);
    assert_int_equal(json_get_int(c, "exp", 0), 1600);
    json_decref(h);
    json_decref(c);
    buf_done(&jwt);
    buf_done(&head);
    buf_done(&claims);
    buf_done(&signature);
}

static void a_file_without_a_certificate_is_refused(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    write_pem(pem_file, key, NULL);
    assert_int_equal(assertion_check(pem_file, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "holds no certificate"));
}

static void a_certificate_of_another_key_is_refused(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    EVP_PKEY *other = EVP_RSA_gen(2048);

    (void)state;
    with_certificate_of(other);
    assert_int_equal(assertion_check(pem_file, &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "not that of the private key"));
    EVP_PKEY_free(other);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(assertion_check("/nowhere/entra.pem", &err), PARLEY_E_NOT_FOUND);
    assert_string_equal(err.message, "/nowhere/entra.pem cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_assertion_is_signed_by_the_key_and_names_the_client),
        cmocka_unit_test(a_file_without_a_certificate_is_refused),
        cmocka_unit_test(a_certificate_of_another_key_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
