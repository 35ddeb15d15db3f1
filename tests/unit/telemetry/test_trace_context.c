/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "telemetry/trace_context.h"

#include <string.h>

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static bool parses(const char *text)
{
    struct trace_context c;

    return traceparent_parse(view_of(text), &c);
}

static void header_survives_the_round_trip(void **state)
{
    (void)state;
    struct trace_context c = {0};
    char text[TRACEPARENT_SIZE];

    assert_true(traceparent_parse(VIEW(GOOD), &c));
    assert_int_equal(c.trace_id[0], 0x4b);
    assert_int_equal(c.span_id[7], 0xb7);
    assert_int_equal(c.flags, 1);
    traceparent_format(&c, text);
    assert_string_equal(text, GOOD);
}

static void later_version_is_read_as_far_as_known(void **state)
{
    (void)state;
    assert_true(parses("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
    assert_false(parses("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more"));
    assert_false(parses(GOOD "-more"));
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    assert_false(parses(""));
    assert_false(parses("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"));
    assert_false(parses("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    assert_false(parses("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
    assert_false(parses("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
    assert_false(parses("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
    assert_false(parses("00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01"));
    assert_false(parses("00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"));
}

static void tracestate_is_passed_on_only_when_it_is_one(void **state)
{
    char text[600];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_true(tracestate_is_valid((struct parley_view){"a=1, b=2", 8}));
    assert_true(tracestate_is_valid((struct parley_view){text, 512}));
    assert_false(tracestate_is_valid((struct parley_view){text, 513}));
    assert_false(tracestate_is_valid((struct parley_view){"", 0}));
    assert_false(tracestate_is_valid((struct parley_view){"a=1\r\nx: y", 9}));
    assert_false(tracestate_is_valid((struct parley_view){"a=\xc3\xa4", 4}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_survives_the_round_trip),
        cmocka_unit_test(later_version_is_read_as_far_as_known),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(tracestate_is_passed_on_only_when_it_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
