/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <string.h>

static void getters_fall_back_on_another_type(void **state)
{
    _cleanup_json_ json_t *tree =
        json_parse(VIEW("{\"s\":\"x\",\"i\":3,\"n\":1.5,\"b\":true,\"z\":null}"), NULL);

    (void)state;
    assert_non_null(tree);
    assert_string_equal(json_get_str(tree, "s", "-"), "x");
    assert_string_equal(json_get_str(tree, "z", "-"), "-");
    assert_int_equal(json_get_int(tree, "i", -1), 3);
    assert_int_equal(json_get_int(tree, "s", -1), -1);
    assert_true(json_get_number(tree, "n", 0) > 1.4);
    assert_true(json_get_bool(tree, "b", false));
    assert_int_equal(json_get_view(tree, "missing").len, 0);
}

static void faults_say_what_and_where(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_null(json_parse(VIEW("{\"a\":1,}"), &err));
    assert_int_equal(err.status, PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "at byte"));
    assert_null(json_parse(VIEW("{\"a\":1,\"a\":2}"), &err));
    assert_null(json_parse((struct parley_view){0}, &err));
}

static void depth_bombs_are_refused(void **state)
{
    struct buf deep = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_append_char(&deep, '[');
    assert_null(json_parse(buf_view(&deep), NULL));
    buf_done(&deep);
}

static void writing_keeps_the_order_of_members(void **state)
{
    struct buf out = {0};
    _cleanup_json_ json_t *tree = json_parse(VIEW("{\"z\":1,\"a\":[true,null]}"), NULL);

    (void)state;
    json_write(&out, tree);
    assert_string_equal(out.data, "{\"z\":1,\"a\":[true,null]}");
    buf_done(&out);
}

static void assert_written(const char *text)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    _cleanup_json_ json_t *tree = json_parse(view_of(text), &err);
    struct buf out = {0};

    assert_non_null(tree);
    json_write(&out, tree);
    assert_string_equal(out.data, text);
    buf_done(&out);
}

static void numbers_are_written_in_as_few_digits_as_they_need(void **state)
{
    (void)state;
    assert_written("[19.99,{\"a\":0.1},-2.5e-7,1e300,100,3.0]");
    assert_written("0.30000000000000004");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_in_as_few_digits_as_they_need),
        cmocka_unit_test(getters_fall_back_on_another_type),
        cmocka_unit_test(faults_say_what_and_where),
        cmocka_unit_test(depth_bombs_are_refused),
        cmocka_unit_test(writing_keeps_the_order_of_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
