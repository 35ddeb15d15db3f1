/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "conf/conf.h"
#include "net/auth.h"
#include "net/bearer.h"

/* An [auth] section as it stands in a file; NULL: it was refused, see `said`. */
static char said[600];

static struct auth *section(const char *text)
{
    const struct options_table table = {.items = auth_options,
                                        .count = (uint32_t)auth_option_count,
                                        .item_size = sizeof(struct parley_option),
                                        .config_size = sizeof(struct auth_config)};
    struct conf_report report = {0};
    struct conf *conf = conf_create("/", NULL);
    struct options_values *values = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *key = "";
    struct auth *a = NULL;

    assert_true(conf_add_layer(conf, view_of(text), "test.ini", &report));
    if (options_fill(&table, conf, conf_find(conf, "auth", ""), &values, &report) < 0)
        (void)snprintf(said, sizeof(said), "%s", report.items[0].text);
    else if (auth_create(values, &a, &key, &err) < 0)
        (void)snprintf(said, sizeof(said), "%s: %s", key, err.message);
    conf_destroy(conf);
    conf_report_done(&report);
    return a;
}

static struct auth *keys(const char *text)
{
    char file[512];
    char path[] = "/tmp/parley-keys-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
    (void)snprintf(file, sizeof(file), "[auth]\nkeys = file:%s\n", path);
    struct auth *a = section(file);
    (void)unlink(path);
    return a;
}

static void keys_are_known_by_name(void **state)
{
    struct auth *a =
        keys("alice=0123456789abcdef0, fedcba98765432100\n# bob\nbob = aaaaaaaaaaaaaaaaaaaa\n");
    char name[AUTH_NAME_SIZE];

    (void)state;
    assert_non_null(a);
    assert_true(auth_is_required(a));
    assert_true(auth_check_key(a, VIEW("0123456789abcdef0"), name));
    assert_string_equal(name, "alice");
    assert_true(auth_check_key(a, VIEW("fedcba98765432100"), name));
    assert_string_equal(name, "key2");
    assert_true(auth_check_key(a, VIEW("aaaaaaaaaaaaaaaaaaaa"), name));
    assert_string_equal(name, "bob");
    assert_false(auth_check_key(a, VIEW("0123456789abcdef"), name));
    assert_false(auth_check_key(a, VIEW(""), name));
    (void)auth_destroy(a);
}

static void weak_or_no_keys_are_refused(void **state)
{
    (void)state;
    assert_null(keys("short"));
    assert_null(keys(""));
    assert_null(keys("# only a comment\n"));
    assert_null(keys("name="));
}

static void without_the_section_nobody_is_asked(void **state)
{
    struct auth *a = NULL;

    (void)state;
    assert_int_equal(auth_create(NULL, &a, NULL, NULL), PARLEY_OK);
    assert_false(auth_is_required(a));
    (void)auth_destroy(a);
}

static void credentials_are_found_where_clients_put_them(void **state)
{
    const struct parley_view none = {0};

    (void)state;
    assert_true(view_is(auth_credential_find(VIEW("bearer  abc "), VIEW("x"), none).key, "abc"));
    assert_true(view_is(auth_credential_find(none, VIEW("k"), none).key, "k"));
    assert_true(view_is(
        auth_credential_find(none, none, VIEW("realtime, openai-insecure-api-key.ek_1, x")).key,
        "ek_1"));
    assert_int_equal(auth_credential_find(VIEW("Basic abc"), none, VIEW("realtime")).key.len, 0);
}

#define ENTRA "[auth]\nmethod = entra\n"
#define OIDC  "[auth]\nmethod = oidc\n"

static void expect_refused(const char *text, const char *why)
{
    assert_null(section(text));
    if (strstr(said, why) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", why, said);
}

static void section_for_tokens_that_would_let_anybody_in_is_refused(void **state)
{
    (void)state;
    expect_refused(ENTRA "tenants = t\n", "audience: method = entra needs it");
    expect_refused(ENTRA "audience = a\n", "tenants: method = entra needs it");
    expect_refused(OIDC "issuer = https://h\n", "audience: method = oidc needs it");
    expect_refused(OIDC "audience = a\n", "issuer: method = oidc needs it");
    expect_refused(OIDC "audience = a\nissuer = http://h\n", "is not an https:// address");
    expect_refused(OIDC "audience = a\nissuer = https://h\nalgorithms = HS256\n",
                   "algorithms: \"HS256\" is not one of RS256, PS256 and ES256");
}

static void option_that_would_do_nothing_is_refused(void **state)
{
    (void)state;
    expect_refused("[auth]\nkeys = 0123456789abcdef0\nscopes = talk\n", "scopes: is for tokens");
    expect_refused(OIDC "audience = a\nissuer = https://h\ntenants = t\n",
                   "tenants: goes with method = entra only");
    expect_refused(ENTRA "audience = a\ntenants = t\nissuer = https://h\n",
                   "issuer: goes with method = oidc only");
}

static void keys_are_taken_besides_tokens(void **state)
{
    char name[AUTH_NAME_SIZE];

    (void)state;
    struct auth *a = section(ENTRA "audience = a\ntenants = t\nkeys = robot=0123456789abcdef0\n");
    assert_non_null(a);
    assert_non_null(auth_bearer(a));
    assert_true(auth_check_key(a, VIEW("0123456789abcdef0"), name));
    (void)auth_destroy(a);
    a = section(OIDC "audience = a\nissuer = https://h/\nalgorithms = ES256, PS256\n");
    assert_non_null(a);
    assert_false(auth_check_key(a, VIEW("0123456789abcdef0"), name));
    (void)auth_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_for_tokens_that_would_let_anybody_in_is_refused),
        cmocka_unit_test(option_that_would_do_nothing_is_refused),
        cmocka_unit_test(keys_are_taken_besides_tokens),
        cmocka_unit_test(keys_are_known_by_name),
        cmocka_unit_test(weak_or_no_keys_are_refused),
        cmocka_unit_test(without_the_section_nobody_is_asked),
        cmocka_unit_test(credentials_are_found_where_clients_put_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
