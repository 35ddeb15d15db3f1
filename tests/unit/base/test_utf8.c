/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

#include <string.h>

static void accepts_the_edges_of_every_length(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       ("12345678\xC3\xA4"
                                        "12345678")};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(utf8_valid(good[i], strlen(good[i])));
}

static void refuses_overlong_surrogate_and_cut_forms(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC3",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xE2\x82",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "12345678\xFF"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
}

static void a_prefix_ends_with_a_whole_character(void **state)
{
    const struct parley_view text = {"a\xc3\xa9z\xc3", 5};

    (void)state;
    assert_int_equal(utf8_prefix(text, 0).len, 0);
    assert_int_equal(utf8_prefix(text, 2).len, 1);
    assert_int_equal(utf8_prefix(text, 3).len, 3);
    assert_int_equal(utf8_prefix(text, 100).len, 4);
    assert_int_equal(utf8_prefix((struct parley_view){NULL, 0}, 100).len, 0);
}

static void counts_characters(void **state)
{
    (void)state;
    assert_int_equal(utf8_count("a\xC3\xA4\xE2\x82\xAC", 6), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_edges_of_every_length),
        cmocka_unit_test(refuses_overlong_surrogate_and_cut_forms),
        cmocka_unit_test(a_prefix_ends_with_a_whole_character),
        cmocka_unit_test(counts_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
