/* SPDX-License-Identifier: Apache-2.0 */
#include "speakable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_speaks(const char *text, const char *expected)
{
    char out[256];

    assert_int_equal(speakable((struct parley_view){text, strlen(text)}, out, sizeof(out), NULL),
                     strlen(expected));
    assert_string_equal(out, expected);
}

static void plain_text_stays(void **state)
{
    (void)state;
    assert_speaks("It's 5 o'clock, isn't it?", "It's 5 o'clock, isn't it?");
}

static void typographic_signs_become_plain_ones(void **state)
{
    (void)state;
    assert_speaks("\xe2\x80\x9cIt\xe2\x80\x99s\xe2\x80\x9d \xe2\x80\x94 yes\xe2\x80\xa6",
                  "\"It's\" , yes...");
}

static void signs_become_words_and_accents_go(void **state)
{
    (void)state;
    assert_speaks("20 \xc2\xb0"
                  "C in a caf\xc3\xa9 for 3 \xe2\x82\xac",
                  "20 degrees C in a cafe for 3 euros");
    assert_speaks("2\xc3\x97"
                  "3",
                  "2 times 3");
}

static void what_cannot_be_said_is_a_space(void **state)
{
    (void)state;
    assert_speaks("a\xf0\x9f\x98\x80"
                  "b",
                  "a b");
    assert_speaks("a\xff\xfe"
                  "b\x01\x7f"
                  "c\r\n\td",
                  "a b c d");
    assert_speaks("  \xe6\xbc\xa2  ", "");
    assert_speaks("", "");
}

static void a_nul_does_not_end_the_text(void **state)
{
    static const char text[] = "a\0b";
    char out[16];

    (void)state;
    assert_int_equal(speakable((struct parley_view){text, 3}, out, sizeof(out), NULL), 3);
    assert_string_equal(out, "a b");
}

static void a_text_that_does_not_fit_is_refused_with_the_limit(void **state)
{
    char out[4];
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(speakable((struct parley_view){"abc", 3}, out, sizeof(out), &err), 3);
    assert_int_equal(speakable((struct parley_view){"abcd", 4}, out, sizeof(out), &err),
                     PARLEY_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "sentence by sentence"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(typographic_signs_become_plain_ones),
        cmocka_unit_test(signs_become_words_and_accents_go),
        cmocka_unit_test(what_cannot_be_said_is_a_space),
        cmocka_unit_test(a_nul_does_not_end_the_text),
        cmocka_unit_test(a_text_that_does_not_fit_is_refused_with_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
