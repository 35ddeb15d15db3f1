/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/process.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void run(const char *script, struct process_result *ret_result)
{
    const char *const argv[] = {"sh", "-c", script, NULL};

    assert_int_equal(process_run(argv, "/", ret_result, NULL), PARLEY_OK);
}

static void output_error_and_exit_status_are_told(void **state)
{
    struct process_result result = {0};

    (void)state;
    run("echo one; echo two >&2; pwd; exit 7", &result);
    assert_int_equal(result.exit_status, 7);
    assert_string_equal(result.said.data, "one\ntwo\n/\n");
    buf_done(&result.said);
}

static void a_signal_is_an_exit_status_above_128(void **state)
{
    struct process_result result = {0};

    (void)state;
    run("kill -9 $$", &result);
    assert_int_equal(result.exit_status, 128 + 9);
    buf_done(&result.said);
}

static void of_a_talkative_program_the_end_is_kept(void **state)
{
    struct process_result result = {0};

    (void)state;
    run("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done", &result);
    assert_true(result.said.len <= 8192);
    assert_non_null(strstr(result.said.data, "line 2999\n"));
    buf_done(&result.said);
}

static void arguments_are_not_read_by_a_shell(void **state)
{
    const char *const argv[] = {"printf", "%s", "a b;$(echo no)*", NULL};
    struct process_result result = {0};

    (void)state;
    assert_int_equal(process_run(argv, "/", &result, NULL), PARLEY_OK);
    assert_string_equal(result.said.data, "a b;$(echo no)*");
    buf_done(&result.said);
}

static void there_is_no_input(void **state)
{
    struct process_result result = {0};

    (void)state;
    run("cat; echo end", &result);
    assert_string_equal(result.said.data, "end\n");
    buf_done(&result.said);
}

static void a_program_that_is_not_there_is_named(void **state)
{
    const char *const argv[] = {"parley-no-such-program", NULL};
    struct process_result result = {0};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(process_run(argv, "/", &result, &err), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "parley-no-such-program"));
    assert_null(result.said.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_error_and_exit_status_are_told),
        cmocka_unit_test(a_signal_is_an_exit_status_above_128),
        cmocka_unit_test(of_a_talkative_program_the_end_is_kept),
        cmocka_unit_test(arguments_are_not_read_by_a_shell),
        cmocka_unit_test(there_is_no_input),
        cmocka_unit_test(a_program_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
