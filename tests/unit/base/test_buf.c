/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"

static void appends_and_stays_terminated(void **state)
{
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    assert_false(b.failed);
    assert_int_equal(b.data[b.len], 0);
    assert_true(view_starts_with(buf_view(&b), VIEW("0,1,2,")));
    assert_true(view_ends_with(buf_view(&b), VIEW("998,999,")));
    buf_done(&b);
}

static void an_impossible_size_marks_it_failed(void **state)
{
    struct buf b = {0};

    (void)state;
    assert_false(buf_reserve(&b, SIZE_MAX - 10));
    buf_append_str(&b, "ignored");
    assert_true(b.failed);
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    assert_false(b.failed);
    buf_done(&b);
}

static void json_strings_are_escaped_and_repaired(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_append_json_string(&b, VIEW("a\"b\\c\n\t\x01 \xC3\xA4 \xFF\xC3"));
    assert_string_equal(
        b.data, "\"a\\\"b\\\\c\\n\\t\\u0001 \xC3\xA4 \xEF\xBF\xBD\xEF\xBF\xBD\"");
    buf_done(&b);
}

static void consume_drops_from_the_front(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_append_str(&b, "hello world");
    buf_consume(&b, 6);
    assert_string_equal(b.data, "world");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_stays_terminated),
        cmocka_unit_test(an_impossible_size_marks_it_failed),
        cmocka_unit_test(json_strings_are_escaped_and_repaired),
        cmocka_unit_test(consume_drops_from_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
