/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "net/client_secrets.h"

static void a_secret_is_good_until_it_expires(void **state)
{
    struct client_secrets *c = client_secrets_create(10, 10000);
    struct client_secret s;
    char value[CLIENT_SECRET_SIZE];

    (void)state;
    assert_int_equal(
        client_secrets_add(c, "alice", VIEW("agent"), VIEW("{}"), 60, 1000, value, NULL),
        PARLEY_OK);
    assert_true(view_starts_with(view_of(value), VIEW("ek_")));
    for (int i = 0; i < 2; i++) {
        assert_true(client_secrets_find(c, view_of(value), 1059, &s));
        assert_string_equal(s.key_name, "alice");
        assert_string_equal(s.agent, "agent");
        client_secret_done(&s);
    }
    assert_false(client_secrets_find(c, view_of(value), 1060, &s));
    assert_false(client_secrets_find(c, view_of(value), 1000, &s));
    assert_false(client_secrets_find(c, VIEW("ek_unknown"), 1000, &s));
    (void)client_secrets_destroy(c);
}

static void a_full_table_drops_what_has_expired_and_then_refuses(void **state)
{
    struct client_secrets *c = client_secrets_create(2, 10000);
    struct parley_error err = PARLEY_ERROR_INIT;
    char value[CLIENT_SECRET_SIZE];

    (void)state;
    assert_int_equal(client_secrets_add(c, "k", VIEW(""), VIEW(""), 10, 0, value, &err), PARLEY_OK);
    assert_int_equal(client_secrets_add(c, "k", VIEW(""), VIEW(""), 100, 0, value, &err),
                     PARLEY_OK);
    assert_int_equal(client_secrets_add(c, "k", VIEW(""), VIEW(""), 100, 5, value, &err),
                     PARLEY_E_BUSY);
    assert_int_equal(client_secrets_add(c, "k", VIEW(""), VIEW(""), 100, 11, value, &err),
                     PARLEY_OK);
    (void)client_secrets_destroy(c);
}

static void bytes_are_bounded_too(void **state)
{
    static char big[5000];
    struct client_secrets *c = client_secrets_create(100, 6000);
    char value[CLIENT_SECRET_SIZE];

    (void)state;
    memset(big, 'x', sizeof(big));
    const struct parley_view session = {big, sizeof(big)};
    assert_int_equal(client_secrets_add(c, "k", VIEW(""), session, 10, 0, value, NULL), PARLEY_OK);
    assert_int_equal(client_secrets_add(c, "k", VIEW(""), session, 10, 0, value, NULL),
                     PARLEY_E_BUSY);
    (void)client_secrets_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_good_until_it_expires),
        cmocka_unit_test(a_full_table_drops_what_has_expired_and_then_refuses),
        cmocka_unit_test(bytes_are_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
