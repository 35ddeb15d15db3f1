/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void splits_at_the_first_separator(void **state)
{
    struct parley_view rest = VIEW("a,b,,c");
    struct parley_view head;

    (void)state;
    assert_true(view_split(&rest, ',', &head));
    assert_true(view_is(head, "a"));
    assert_true(view_split(&rest, ',', &head));
    assert_true(view_split(&rest, ',', &head));
    assert_int_equal(head.len, 0);
    assert_false(view_split(&rest, ',', &head));
    assert_true(view_is(head, "c"));
    assert_int_equal(rest.len, 0);
}

static void numbers_are_whole_and_in_range(void **state)
{
    int64_t n = 0;

    (void)state;
    assert_true(view_to_int64(VIEW("-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_true(view_to_int64(VIEW("42"), &n));
    assert_int_equal(n, 42);
    assert_false(view_to_int64(VIEW("9223372036854775808"), &n));
    assert_false(view_to_int64(VIEW("4x"), &n));
    assert_false(view_to_int64(VIEW(""), &n));
    assert_false(view_to_int64(VIEW("-"), &n));
}

static void copies_are_cut_and_terminated(void **state)
{
    char small[4];

    (void)state;
    view_copy(small, sizeof(small), VIEW("abcdef"));
    assert_string_equal(small, "abc");
    view_copy(small, sizeof(small), (struct parley_view){0});
    assert_string_equal(small, "");
}

static void comparisons(void **state)
{
    (void)state;
    assert_true(view_equal_nocase(VIEW("Bearer "), VIEW("bEARER ")));
    assert_false(view_equal_nocase(VIEW("a"), VIEW("ab")));
    assert_true(view_equal_secret(VIEW("secret"), VIEW("secret")));
    assert_false(view_equal_secret(VIEW("secret"), VIEW("secreT")));
    assert_false(view_equal_secret(VIEW("secret"), VIEW("")));
    assert_true(view_is(view_trim(VIEW(" \t x y\r\n")), "x y"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_the_first_separator),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(copies_are_cut_and_terminated),
        cmocka_unit_test(comparisons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
