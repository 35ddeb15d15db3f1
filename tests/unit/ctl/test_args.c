/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/args.h"

#include <string.h>

static const char *url;
static bool is_json;
static const struct arg table[] = {
    {"--url", "-u", &url, NULL}, {"--json", NULL, NULL, &is_json}, {0}};

static int parse(struct args *args, struct parley_error *err, int argc, char **argv)
{
    url = NULL;
    is_json = false;
    return args_parse(argc, argv, table, args, err);
}

#define PARSE(...)                                                                                 \
    parse(&args, &err, (int)ARRAY_LEN(((char *[]){"c", __VA_ARGS__})), (char *[]){"c", __VA_ARGS__})

static void options_and_words_come_in_any_order(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    (void)state;
    assert_int_equal(PARSE("list", "--url", "http://x", "--json", "more"), PARLEY_OK);
    assert_string_equal(url, "http://x");
    assert_true(is_json);
    assert_int_equal(args.count, 2);
    assert_string_equal(args.words[1], "more");
}

static void values_may_follow_an_equals_sign(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    (void)state;
    assert_int_equal(PARSE("--url=http://x?a=b"), PARLEY_OK);
    assert_string_equal(url, "http://x?a=b");
    assert_int_equal(PARSE("-u", "y"), PARLEY_OK);
    assert_string_equal(url, "y");
}

static void two_dashes_end_the_options(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    (void)state;
    assert_int_equal(PARSE("--", "--json", "-"), PARLEY_OK);
    assert_false(is_json);
    assert_int_equal(args.count, 2);
}

static void help_is_noticed(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    (void)state;
    assert_int_equal(PARSE("-h"), PARLEY_OK);
    assert_true(args.wants_help);
}

static void mistakes_say_what_would_be_right(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    (void)state;
    assert_int_equal(PARSE("--ulr", "x"), PARLEY_E_INVALID);
    assert_string_equal(err.message, "there is no option --ulr; did you mean \"--url\"?");
    assert_int_equal(PARSE("--url"), PARLEY_E_INVALID);
    assert_string_equal(err.message, "--url needs a value");
    assert_int_equal(PARSE("--json=1"), PARLEY_E_INVALID);
    assert_string_equal(err.message, "--json takes no value");
}

static void timeout_is_a_number_of_seconds(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    int64_t ms = 0;

    (void)state;
    assert_int_equal(args_timeout("0.5", 10, 30, &ms, &err), PARLEY_OK);
    assert_int_equal(ms, 500);
    assert_int_equal(args_timeout(NULL, 10, 30, &ms, &err), PARLEY_OK);
    assert_int_equal(ms, 10000);
    static const char *const wrong[] = {"", "x", "5x", "0", "-1", "31", "nan"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(args_timeout(wrong[i], 10, 30, &ms, &err), PARLEY_E_INVALID);
    assert_string_equal(err.message, "--timeout is nan; it is a number of seconds, up to 30");
    assert_int_equal(ms, 10000);
}

static void words_are_bounded(void **state)
{
    char *argv[ARGS_MAX_WORDS + 2];
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(argv); i++)
        argv[i] = "w";
    assert_int_equal(parse(&args, &err, ARRAY_LEN(argv) - 1, argv), PARLEY_OK);
    assert_int_equal(parse(&args, &err, ARRAY_LEN(argv), argv), PARLEY_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_come_in_any_order),
        cmocka_unit_test(values_may_follow_an_equals_sign),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(help_is_noticed),
        cmocka_unit_test(mistakes_say_what_would_be_right),
        cmocka_unit_test(timeout_is_a_number_of_seconds),
        cmocka_unit_test(words_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
