/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void converts(double value, const char *from, const char *to, double expected)
{
    const Unit *a = unit_find(from), *b = unit_find(to);
    double result = 0;

    if (a == NULL || b == NULL)
        fail_msg("%s or %s is unknown", from, to);
    assert_int_equal(unit_convert(value, a, b, &result), CONVERTED);
    if (fabs(result - expected) > fabs(expected) * 1e-9 + 1e-9)
        fail_msg("%g %s is %.12g %s, and should be %.12g", value, from, result, to, expected);
}

static void what_people_ask_for(void **state)
{
    (void)state;
    converts(5, "miles", "kilometers", 8.04672);
    converts(6, "feet", "cm", 182.88);
    converts(1, "nautical mile", "m", 1852);
    converts(11, "stone", "kg", 69.85322498);
    converts(100, "lbs", "kilos", 45.359237);
    converts(2, "cups", "ml", 473.176473);
    converts(1, "imperial pint", "l", 0.56826125);
    converts(65, "mph", "km/h", 104.60736);
    converts(20, "knots", "m/s", 10.28888888888889);
    converts(2, "acres", "hectares", 0.80937128448);
    converts(100, "sq. ft", "square metres", 9.290304);
    converts(1, "GiB", "MB", 1073.741824);
    converts(100, "Mb", "MB", 12.5);
    converts(90, "minutes", "hours", 1.5);
    converts(32, "psi", "bar", 2.2063223338138757);
    converts(1, "kWh", "kJ", 3600);
}

static void temperatures_have_an_offset(void **state)
{
    (void)state;
    converts(98.6, "degrees Fahrenheit", "celsius", 37);
    converts(-40, "F", "°C", -40);
    converts(0, "C", "kelvin", 273.15);
    converts(0, "K", "F", -459.67);
}

static void there_and_back_is_the_same(void **state)
{
    (void)state;
    for (const Unit *a = unit_table; a->one != NULL; a++) {
        for (const Unit *b = unit_table; b->one != NULL; b++) {
            double there = 0, back = 0;
            if (a->quantity != b->quantity)
                continue;
            assert_int_equal(unit_convert(300, a, b, &there), CONVERTED);
            assert_int_equal(unit_convert(there, b, a, &back), CONVERTED);
            assert_true(fabs(back - 300) < 1e-6);
        }
    }
}

static void every_name_leads_to_its_unit(void **state)
{
    (void)state;
    for (const Unit *unit = unit_table; unit->one != NULL; unit++) {
        if (unit_find(unit->one) != unit || unit_find(unit->many) != unit)
            fail_msg("%s or %s is found elsewhere", unit->one, unit->many);
    }
}

static void symbols_are_told_apart_by_case(void **state)
{
    (void)state;
    assert_ptr_not_equal(unit_find("Mb"), unit_find("MB"));
    assert_ptr_equal(unit_find("KM"), unit_find("km"));
    assert_null(unit_find("mB"));
    assert_null(unit_find("parsnip"));
    assert_null(unit_find(""));
}

static void what_cannot_be_is_refused(void **state)
{
    double result;

    (void)state;
    assert_int_equal(unit_convert(1, unit_find("kg"), unit_find("m"), &result), DIFFERENT_QUANTITIES);
    assert_int_equal(unit_convert(-500, unit_find("C"), unit_find("F"), &result), BELOW_ZERO);
    assert_int_equal(unit_convert(-1, unit_find("m"), unit_find("km"), &result), BELOW_ZERO);
    assert_int_equal(unit_convert(INFINITY, unit_find("m"), unit_find("km"), &result), NO_NUMBER);
}

static void numbers_are_said_as_people_say_them(void **state)
{
    char text[96];

    (void)state;
    unit_print(8.04672, unit_find("km"), 6, text, sizeof text);
    assert_string_equal(text, "8.04672 kilometres");
    unit_print(1, unit_find("mile"), 6, text, sizeof text);
    assert_string_equal(text, "1 mile");
    unit_print(31556952, unit_find("s"), 6, text, sizeof text);
    assert_string_equal(text, "31556952 seconds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_ask_for),
        cmocka_unit_test(temperatures_have_an_offset),
        cmocka_unit_test(there_and_back_is_the_same),
        cmocka_unit_test(every_name_leads_to_its_unit),
        cmocka_unit_test(symbols_are_told_apart_by_case),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(numbers_are_said_as_people_say_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
