/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "net/auth.h"

static struct auth *keys(const char *text)
{
    const struct auth_config config = {.keys = text};
    struct auth *a = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (auth_create(&config, &a, &err) < 0)
        return NULL;
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
    assert_int_equal(auth_create(NULL, &a, NULL), PARLEY_OK);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_known_by_name),
        cmocka_unit_test(weak_or_no_keys_are_refused),
        cmocka_unit_test(without_the_section_nobody_is_asked),
        cmocka_unit_test(credentials_are_found_where_clients_put_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
