/* SPDX-License-Identifier: Apache-2.0 */
/* The test kit finds each of the lying plugins, and names the rule, the callback and the plugin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define OUTPUT_BYTES 65536

static char output[OUTPUT_BYTES];

/* Returns the exit code; what it wrote is in `output`. */
static int run_command(const char *command)
{
    FILE *kit = popen(command, "r");

    assert_non_null(kit);
    size_t len = fread(output, 1, sizeof(output) - 1, kit);
    output[len] = '\0';
    int status = pclose(kit);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_kit(const char *plugin, const char *words)
{
    char command[1024];

    (void)snprintf(command, sizeof(command), "%s %s/%s.so %s 2>&1", PLUGIN_TEST, BADPLUGIN_DIR,
                   plugin, words);
    return run_command(command);
}

/* A line of the output that begins with FAIL and holds all three. */
static void assert_told(const char *plugin, const char *rule, const char *callback)
{
    char expected[256];

    (void)snprintf(expected, sizeof(expected), "%s broke the rule \"%s\" in %s(): ", plugin, rule,
                   callback);
    if (strstr(output, expected) == NULL)
        fail_msg("the kit does not say: %s\nbut:\n%s", expected, output);
}

static void finds(const char *plugin, const char *rule, const char *callback)
{
    assert_int_equal(run_kit(plugin, ""), 1);
    assert_told(plugin, rule, callback);
}

static void ends_that_are_wrong_are_found(void **state)
{
    (void)state;
    finds("bad_end_twice", "ends-once", "call");
    finds("bad_end_late", "ends-once", "call");
    finds("bad_never_ends", "ends-once", "call");
    finds("bad_end_and_refuse", "refused-or-ended", "call");
    finds("bad_made_up_op", "known-operations", "call");
    finds("bad_after_stop", "nothing-late", "instance_destroy");
    finds("bad_other_thread", "threads", "call");
    finds("bad_no_words", "failures-have-words", "call");
}

static void crashes_and_waits_are_found(void **state)
{
    (void)state;
    finds("bad_memory", "never-crashes", "call");
    assert_non_null(strstr(output, "when allocation 1 failed"));
    finds("bad_newer_fields", "never-crashes", "call");
    finds("bad_blocks", "never-blocks", "call");
    assert_non_null(strstr(output, "usleep() waits"));
}

static void cancel_that_comes_late_is_tried(void **state)
{
    (void)state;
    assert_int_equal(run_kit("bad_cancel_late", "--rule tools.cancel-late"), 1);
    assert_told("bad_cancel_late", "never-crashes", "cancel");
}

static void what_is_left_behind_is_found(void **state)
{
    (void)state;
    finds("bad_leaves_timer", "leaves-nothing", "instance_destroy");
    finds("bad_leak", "frees-what-it-took", "call");
}

static void lists_that_are_wrong_are_found(void **state)
{
    (void)state;
    finds("bad_list", "lists-say-their-size", "list");
    finds("bad_list_changes", "list-does-not-change-itself", "list");
}

static void secrets_in_the_log_are_found(void **state)
{
    (void)state;
    assert_int_equal(run_kit("bad_secret", "token=secret-0123456789"), 1);
    assert_told("bad_secret", "no-secrets-in-log", "instance_create");
    assert_null(strstr(output, "secret-0123456789"));
}

static void second_symbol_is_found(void **state)
{
    (void)state;
    assert_int_equal(run_kit("bad_two_symbols", "--rule life.one-symbol"), 1);
    assert_non_null(strstr(output, "\"tools_helper\""));
}

static void other_roles_are_looked_at(void **state)
{
    (void)state;
    finds("bad_closed", "opens-first", "open");
    finds("bad_chat", "ends-once", "generate");
    finds("bad_exporter", "ends-once", "deliver");
    finds("bad_store", "ends-once", "read");
}

static void plugin_that_dies_while_it_is_opened_is_told(void **state)
{
    (void)state;
    assert_int_equal(run_kit("bad_crash_constructor", ""), 2);
    assert_told("bad_crash_constructor", "never-crashes", "its constructors");
    assert_int_equal(run_kit("bad_crash_entry", ""), 2);
    assert_told("bad_crash_entry", "never-crashes", "parley_plugin_v1");
    assert_int_equal(run_kit("bad_crash_load", ""), 2);
    assert_told("bad_crash_load", "never-crashes", "load");
}

static void plugin_of_this_folder_needs_no_path(void **state)
{
    (void)state;
    assert_int_equal(run_command("cd " BADPLUGIN_DIR " && " PLUGIN_TEST " bad_end_twice.so 2>&1"),
                     1);
    assert_told("bad_end_twice", "ends-once", "call");
}

static void wrong_usage_is_told(void **state)
{
    (void)state;
    assert_int_equal(run_kit("bad_end_twice", "--nonsense"), 2);
    assert_non_null(strstr(output, "there is no option --nonsense"));
    assert_int_equal(run_kit("bad_end_twice", "word"), 2);
    assert_int_equal(run_kit("no_such_plugin", ""), 2);
    assert_non_null(strstr(output, "no_such_plugin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_that_are_wrong_are_found),
        cmocka_unit_test(crashes_and_waits_are_found),
        cmocka_unit_test(cancel_that_comes_late_is_tried),
        cmocka_unit_test(what_is_left_behind_is_found),
        cmocka_unit_test(lists_that_are_wrong_are_found),
        cmocka_unit_test(secrets_in_the_log_are_found),
        cmocka_unit_test(second_symbol_is_found),
        cmocka_unit_test(other_roles_are_looked_at),
        cmocka_unit_test(plugin_that_dies_while_it_is_opened_is_told),
        cmocka_unit_test(plugin_of_this_folder_needs_no_path),
        cmocka_unit_test(wrong_usage_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
