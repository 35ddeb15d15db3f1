/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/admission.h"

static void each_key_has_its_own_limit(void **state)
{
    struct admission *a = admission_create();

    (void)state;
    assert_true(admission_enter(a, "alice", 2));
    assert_true(admission_enter(a, "alice", 2));
    assert_false(admission_enter(a, "alice", 2));
    assert_true(admission_enter(a, "bob", 2));
    admission_leave(a, "alice");
    assert_true(admission_enter(a, "alice", 2));
    (void)admission_destroy(a);
}

static void zero_sets_no_limit_and_leaving_twice_is_harmless(void **state)
{
    struct admission *a = admission_create();

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(admission_enter(a, "k", 0));
    for (int i = 0; i < 101; i++)
        admission_leave(a, "k");
    admission_leave(a, "stranger");
    assert_true(admission_enter(a, "k", 1));
    (void)admission_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_has_its_own_limit),
        cmocka_unit_test(zero_sets_no_limit_and_leaving_twice_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
