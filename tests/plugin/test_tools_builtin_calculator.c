/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "calculator.h"

static const char *value_of(const char *text)
{
    static char number[64];
    static struct parley_error err = PARLEY_ERROR_INIT;
    double value = 0;

    int r = calculator_eval((struct parley_view){text, strlen(text)}, &value, &err);
    if (r < 0)
        return err.message;
    calculator_format(value, number, sizeof(number));
    return number;
}

static void calculator_follows_the_usual_precedence(void **state)
{
    (void)state;
    assert_string_equal(value_of("2 + 3"), "5");
    assert_string_equal(value_of("2+3*4"), "14");
    assert_string_equal(value_of("(2 + 3) * 4"), "20");
    assert_string_equal(value_of("10 - 4 - 3"), "3");
    assert_string_equal(value_of("100 / 10 / 2"), "5");
    assert_string_equal(value_of("2 ^ 3 ^ 2"), "512");
    assert_string_equal(value_of("2 ** 10"), "1024");
    assert_string_equal(value_of("-2 ^ 2"), "-4");
    assert_string_equal(value_of("2 ^ -1"), "0.5");
    assert_string_equal(value_of("3 - -4"), "7");
    assert_string_equal(value_of("7 \u00d7 6 \u00f7 2 \u2212 1"), "20");
}

static void calculator_prints_whole_numbers_without_decimals(void **state)
{
    (void)state;
    assert_string_equal(value_of("0.1 + 0.2"), "0.3");
    assert_string_equal(value_of("1 / 3"), "0.3333333333");
    assert_string_equal(value_of("123456789 * 1000"), "123456789000");
    assert_string_equal(value_of("0 * -1"), "0");
    assert_string_equal(value_of("1.10 * 3"), "3.3");
    assert_string_equal(value_of("10 ^ 20"), "1e+20");
}

static void calculator_tells_percent_from_remainder(void **state)
{
    (void)state;
    assert_string_equal(value_of("15% * 80"), "12");
    assert_string_equal(value_of("80 * 15%"), "12");
    assert_string_equal(value_of("17 % 5"), "2");
    assert_string_equal(value_of("50%"), "0.5");
    assert_string_equal(value_of("(50%)"), "0.5");
    assert_string_equal(value_of("mod(17, 5)"), "2");
}

static void calculator_knows_functions_and_constants(void **state)
{
    (void)state;
    assert_string_equal(value_of("sqrt(144)"), "12");
    assert_string_equal(value_of("abs(-3.5)"), "3.5");
    assert_string_equal(value_of("round(2.5) + round(3.14159, 2)"), "6.14");
    assert_string_equal(value_of("max(1, 5, 3) - min(4, 2)"), "3");
    assert_string_equal(value_of("log(1000)"), "3");
    assert_string_equal(value_of("log(8, 2)"), "3");
    assert_string_equal(value_of("SQRT(9)"), "3");
    assert_string_equal(value_of("round(pi, 4)"), "3.1416");
}

static void calculator_says_what_is_wrong(void **state)
{
    (void)state;
    assert_string_equal(value_of("1 / 0"), "A division by zero has no result.");
    assert_string_equal(value_of("(1 + 2"), "A closing parenthesis is missing.");
    assert_string_equal(value_of("2 +"), "The expression ends too early.");
    assert_string_equal(value_of(""), "The expression ends too early.");
    assert_string_equal(value_of("foo(2)"), "There is no function called foo.");
    assert_string_equal(value_of("sqrt 4"), "sqrt needs its number in parentheses.");
    assert_string_equal(value_of("pow(2)"), "pow takes 2 to 2 numbers, not 1.");
    assert_string_equal(value_of("2 $ 3"), "I cannot read the expression from '$ 3' on.");
    assert_string_equal(value_of("sqrt(-1)"), "That has no finite result.");
    assert_string_equal(value_of("10 ^ 400"), "That has no finite result.");
    assert_string_equal(value_of("."), "There is a point without a number.");
}

static void calculator_limits_length_and_depth(void **state)
{
    char text[CALCULATOR_MAX_BYTES + 2];

    (void)state;
    memset(text, '(', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_string_equal(value_of(text), "The expression is longer than 512 characters.");
    text[CALCULATOR_MAX_BYTES] = '\0';
    assert_string_equal(value_of(text), "The expression is nested more than 32 levels deep.");
    memset(text, '-', CALCULATOR_MAX_BYTES);
    assert_string_equal(value_of(text), "The expression is nested more than 32 levels deep.");
    memset(text, '9', CALCULATOR_MAX_BYTES);
    assert_string_equal(value_of(text), "A number has more than 40 digits.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calculator_follows_the_usual_precedence),
        cmocka_unit_test(calculator_prints_whole_numbers_without_decimals),
        cmocka_unit_test(calculator_tells_percent_from_remainder),
        cmocka_unit_test(calculator_knows_functions_and_constants),
        cmocka_unit_test(calculator_says_what_is_wrong),
        cmocka_unit_test(calculator_limits_length_and_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
