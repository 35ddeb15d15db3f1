/* SPDX-License-Identifier: Apache-2.0 */
#include "session/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void costs_add_up(void **state)
{
    struct cost sum = {0};
    const struct cost some = {.nano = 5, .has_any = true};

    (void)state;
    cost_add(&sum, &some);
    cost_add(&sum, &some);
    assert_int_equal(sum.nano, 10);
    assert_true(sum.has_any);
    assert_false(sum.is_incomplete);
}

/* A model may claim any usage, in every answer. */
static void a_sum_that_is_too_large_is_not_told(void **state)
{
    struct cost sum = {0};
    const struct cost much = {.nano = INT64_MAX / 2, .has_any = true};

    (void)state;
    for (int i = 0; i < 5; i++) {
        cost_add(&sum, &much);
        assert_true(sum.nano >= 0);
    }
    assert_true(sum.is_incomplete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_add_up),
        cmocka_unit_test(a_sum_that_is_too_large_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
