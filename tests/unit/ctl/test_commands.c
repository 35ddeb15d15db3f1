/* SPDX-License-Identifier: Apache-2.0 */
/* Whole commands, as typed: what they print and the exit codes that scripts use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/command.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INI "[server]\nlisten = 127.0.0.1:0\n[tools t]\nplugin = tools_dice\nsides = %s\n"

static char out_path[] = "/tmp/parleyctl_out_XXXXXX";
static char ini_path[] = "/tmp/parleyctl_ini_XXXXXX";
static char said[16384]; /* standard output and error of the last command */

static int redirect(int fd, int to)
{
    int saved = dup(fd);

    dup2(to, fd);
    return saved;
}

static int run_argv(int argc, char **argv)
{
    int fd = open(out_path, O_RDWR | O_TRUNC);

    assert_true(fd >= 0);
    (void)fflush(NULL);
    int out = redirect(STDOUT_FILENO, fd), err = redirect(STDERR_FILENO, fd);
    int code = command_main(argc, argv);
    (void)fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    ssize_t len = pread(fd, said, sizeof(said) - 1, 0);
    said[len < 0 ? 0 : len] = '\0';
    close(fd);
    return code;
}

#define RUN(...)                                                                                   \
    run_argv((int)ARRAY_LEN(((char *[]){"parleyctl", __VA_ARGS__})),                               \
             (char *[]){"parleyctl", __VA_ARGS__, NULL})

static void says(const char *part)
{
    if (strstr(said, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, said);
}

static void write_ini(const char *sides)
{
    FILE *f = fopen(ini_path, "w");

    assert_non_null(f);
    (void)fprintf(f, INI, sides);
    (void)fprintf(f, "[agent a]\nmodel = t\n");
    fclose(f);
}

static int setup(void **state)
{
    (void)state;
    close(mkstemp(out_path));
    close(mkstemp(ini_path));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(out_path);
    unlink(ini_path);
    return 0;
}

static void help_names_every_command_and_the_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(RUN("help"), CTL_DONE);
    says("talk ");
    says("sessions ");
    says("3 no server answers");
    assert_int_equal(RUN("help", "tools"), CTL_DONE);
    says("usage: parleyctl tools list|call|match");
    assert_int_equal(RUN("talk", "--help"), CTL_DONE);
    says("--save FILE");
    assert_int_equal(RUN("models", "--help"), CTL_DONE);
    says("usage: parleyctl models");
}

static void unknown_command_names_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(RUN("tlak"), CTL_USAGE);
    says("did you mean \"talk\"? parleyctl help");
    assert_int_equal(RUN("frobnicate"), CTL_USAGE);
    says("no command frobnicate; parleyctl help");
}

static void wrong_arguments_are_told_with_the_way_to_the_help(void **state)
{
    (void)state;
    assert_int_equal(RUN("config", "show"), CTL_USAGE);
    says("name one with -c FILE\ntry: parleyctl config --help");
    assert_int_equal(RUN("plugins", "describe"), CTL_USAGE);
    assert_int_equal(RUN("sessions", "show", "../x"), CTL_USAGE);
    assert_int_equal(RUN("tools", "frob"), CTL_USAGE);
    assert_int_equal(RUN("talk", "hello"), CTL_USAGE);
    says("talk takes no words");
    assert_int_equal(RUN("talk", "--wav", "x", "--mic"), CTL_USAGE);
}

static void reference_is_told_for_people_and_for_programs(void **state)
{
    (void)state;
    assert_int_equal(RUN("reference", "telemetry"), CTL_DONE);
    says("# Telemetry");
    says("| `parley.turn.count` | counter |");
    assert_int_equal(RUN("reference", "options", "--plugin-dir", "/nowhere"), CTL_DONE);
    says("### [agent NAME]");
    assert_int_equal(RUN("reference", "options", "--plugin-dir", BADPLUGIN_DIR), CTL_FAILED);
    assert_int_equal(RUN("reference", "telemetry", "--json"), CTL_DONE);
    says("\"spans\": [");
    assert_int_equal(RUN("reference", "everything"), CTL_USAGE);
    says("options or telemetry");
}

static void server_that_is_not_there_has_its_own_code(void **state)
{
    (void)state;
    assert_int_equal(RUN("reload", "--url", "http://127.0.0.1:1"), CTL_UNREACHABLE);
    says("is parleyd running with an [admin] section");
    assert_int_equal(RUN("sessions", "list", "--url", "http://127.0.0.1:1"), CTL_UNREACHABLE);
    assert_int_equal(RUN("talk", "--url", "http://127.0.0.1:1"), CTL_UNREACHABLE);
    assert_int_equal(RUN("talk", "--url", "ws://127.0.0.1:1", "--agent", "a"), CTL_UNREACHABLE);
}

static void plugins_are_listed_and_refused_ones_explained(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(RUN("plugins", "list", "--plugin-dir", BADPLUGIN_DIR), CTL_FAILED);
    says("bad_callback");
    says("'instance_destroy' is missing");
    assert_int_equal(
        RUN("plugins", "check", "bad_end_late", "--plugin-dir", BADPLUGIN_DIR, "--json"), CTL_DONE);
    _cleanup_json_ json_t *answer = json_parse((struct parley_view){said, strlen(said)}, &err);
    assert_non_null(answer);
    assert_true(json_get_bool(json_array_get(json_object_get(answer, "plugins"), 0), "ok", false));
}

static void every_rule_that_a_plugin_breaks_is_told_by_name(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(RUN("plugins", "check", "bad_many_faults", "--plugin-dir", BADPLUGIN_DIR),
                     CTL_FAILED);
    says("breaks 4 rules");
    says("    words: summary is missing");
    says("    roles: role parley.tools/1: the function 'call' is missing");
    assert_int_equal(
        RUN("plugins", "check", "bad_many_faults", "--plugin-dir", BADPLUGIN_DIR, "--json"),
        CTL_FAILED);
    _cleanup_json_ json_t *answer = json_parse((struct parley_view){said, strlen(said)}, &err);
    json_t *plugin = json_array_get(json_object_get(answer, "plugins"), 0);
    assert_false(json_get_bool(plugin, "ok", true));
    assert_int_equal(json_array_size(json_object_get(plugin, "faults")), 4);
}

static void plugin_that_crashes_is_told_and_the_others_are_looked_at(void **state)
{
    (void)state;
    assert_int_equal(RUN("plugins", "check", "bad_crash_constructor", "bad_end_late",
                         "--plugin-dir", BADPLUGIN_DIR),
                     CTL_FAILED);
    says("    comes-back: ");
    says("in its constructors");
    says("bad_end_late");
}

static void plugin_is_described_with_version_roles_and_options(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(
        RUN("plugins", "describe", "bad_secret", "--plugin-dir", BADPLUGIN_DIR, "--json"),
        CTL_DONE);
    _cleanup_json_ json_t *answer = json_parse((struct parley_view){said, strlen(said)}, &err);
    json_t *plugin = json_array_get(json_object_get(answer, "plugins"), 0);
    assert_string_equal(json_string_value(json_object_get(plugin, "version")), "1");
    assert_string_equal(json_string_value(json_array_get(json_object_get(plugin, "roles"), 0)),
                        "parley.tools/1");
    assert_int_equal(json_array_size(json_object_get(plugin, "options")), 1);
}

static void plugin_that_is_no_file_is_named_as_it_was_given(void **state)
{
    (void)state;
    assert_int_equal(RUN("plugins", "check", "./nowhere.so"), CTL_FAILED);
    says("there is no file ./nowhere.so");
    assert_int_equal(RUN("plugins", "check", "nowhere.so"), CTL_FAILED);
    says("a file is named by a path such as ./x.so");
}

static void models_that_are_not_there_are_not_verified_in_silence(void **state)
{
    (void)state;
    assert_int_equal(RUN("models", "verify", "--dir", "/nowhere"), CTL_DONE);
    says("none is there yet; get one by: parleyctl models get");
}

static void mistakes_of_a_configuration_are_shown_instead_of_it(void **state)
{
    (void)state;
    assert_int_equal(RUN("config", "show", ini_path), CTL_USAGE);
    says("; a file is named with -c");
    write_ini("many");
    assert_int_equal(RUN("config", "show", "-c", ini_path), CTL_USAGE);
    says("nothing is shown until they are gone");
    assert_int_equal(RUN("config", "show", "-c", "/nowhere.ini"), CTL_USAGE);
    assert_int_equal(RUN("tools", "list", "-c", "/nowhere.ini"), CTL_USAGE);
}

static void configuration_without_admin_says_how_to_get_one(void **state)
{
    (void)state;
    write_ini("6");
    assert_int_equal(RUN("reload", "-c", ini_path), CTL_FAILED);
    says("has no [admin] section");
}

/* ---- tools ---- */

static void write_tools_ini(void)
{
    FILE *f = fopen(ini_path, "w");

    assert_non_null(f);
    (void)fputs("[server]\nplugin_dir = " PLUGIN_DIR
                "\n[tools desk]\nplugin = tools_builtin\nfunctions = clock_now, calculator\n"
                "[tools other]\nplugin = tools_builtin\nfunctions = calculator\n",
                f);
    fclose(f);
}

/* Names of functions in the order of the list. */
static void assert_names(const char *wanted)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    _cleanup_json_ json_t *list = json_parse((struct parley_view){said, strlen(said)}, &err);
    _cleanup_(buf_done) struct buf names = {0};
    json_t *tool;
    size_t i;

    assert_true(json_is_array(list));
    json_array_foreach(list, i, tool)
    {
        buf_printf(&names, "%s ", json_get_str(tool, "name", "?"));
        assert_true(json_is_object(json_object_get(tool, "inputSchema")));
        assert_non_null(json_get_str(tool, "description", NULL));
    }
    assert_string_equal(names.data, wanted);
}

static void tools_of_a_file_without_anything_else_are_an_array_for_programs(void **state)
{
    (void)state;
    write_tools_ini();
    assert_int_equal(RUN("tools", "list", "--config", ini_path), CTL_DONE);
    assert_names("clock_now desk.calculator other.calculator ");
    assert_int_equal(RUN("tools", "list", "-c", ini_path, "--tools", "other"), CTL_DONE);
    assert_names("calculator ");
    assert_int_equal(RUN("tools", "list", "-c", ini_path, "--tools", "nobody"), CTL_FAILED);
    says("there is no section [tools nobody]");
}

static void result_of_a_call_is_mcps_for_programs(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    write_tools_ini();
    assert_int_equal(
        RUN("tools", "call", "-c", ini_path, "desk.calculator", "{\"expression\":\"2 + 3\"}"),
        CTL_DONE);
    _cleanup_json_ json_t *result = json_parse((struct parley_view){said, strlen(said)}, &err);
    assert_true(json_is_false(json_object_get(result, "isError")));
    const json_t *block = json_array_get(json_object_get(result, "content"), 0);
    assert_string_equal(json_get_str(block, "type", ""), "text");
    assert_string_equal(json_get_str(block, "text", ""), "2 + 3 = 5");
}

static void failed_call_is_a_result_with_is_error_and_a_code(void **state)
{
    (void)state;
    write_tools_ini();
    assert_int_equal(
        RUN("tools", "call", "-c", ini_path, "other.calculator", "{\"expression\":\"1 / 0\"}"),
        CTL_FAILED);
    says("\"isError\": true");
    assert_int_equal(RUN("tools", "call", "-c", ini_path, "clock_now", "not json"), CTL_FAILED);
    says("\"isError\": true");
}

static void function_is_found_by_any_name_that_is_clear(void **state)
{
    (void)state;
    write_tools_ini();
    assert_int_equal(RUN("tools", "call", "-c", ini_path, "clock_now"), CTL_DONE);
    assert_int_equal(RUN("tools", "call", "-c", ini_path, "calculator", "{}"), CTL_FAILED);
    says("2 sections have a function calculator; name one as SECTION.calculator");
    assert_int_equal(RUN("tools", "call", "-c", ini_path, "clokc_now"), CTL_FAILED);
    says("did you mean \"clock_now\"?");
    assert_int_equal(RUN("tools", "call", "-c", ini_path, "nobody.clock_now"), CTL_FAILED);
    says("there is no section [tools nobody]");
}

/* As on a terminal of this many columns. */
static int run_on_terminal(unsigned short columns, int argc, char **argv)
{
    const struct winsize size = {.ws_row = 24, .ws_col = columns};
    int master = -1, slave = -1;

    assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    (void)fflush(NULL);
    int out = redirect(STDOUT_FILENO, slave);
    int code = command_main(argc, argv);
    (void)fflush(NULL);
    dup2(out, STDOUT_FILENO);
    close(out);
    ssize_t len = read(master, said, sizeof(said) - 1);
    said[len < 0 ? 0 : len] = '\0';
    close(slave);
    close(master);
    return code;
}

static void terminal_shows_a_table_that_fits(void **state)
{
    char *argv[] = {"parleyctl", "tools", "list", "-c", ini_path, NULL};

    (void)state;
    write_tools_ini();
    (void)setenv("NO_COLOR", "1", 1);
    assert_int_equal(run_on_terminal(80, 5, argv), CTL_DONE);
    says("FUNCTION");
    says("desk.clock_now    reads    Tells the current time");
    says("time_zone?\r\n");
    for (const char *line = said; *line != '\0';) {
        size_t len = strcspn(line, "\r\n");
        assert_true(len <= 80);
        line += len + strspn(line + len, "\r\n");
    }
    char *call[] = {
        "parleyctl", "tools", "call", "-c", ini_path, "desk.calculator", "{\"expression\":\"2+3\"}",
        NULL};
    assert_int_equal(run_on_terminal(80, 7, call), CTL_DONE);
    assert_string_equal(said, "2+3 = 5\r\nstructured: {\"result\":5}\r\n");
    (void)unsetenv("NO_COLOR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_command_and_the_exit_codes),
        cmocka_unit_test(unknown_command_names_the_nearest),
        cmocka_unit_test(wrong_arguments_are_told_with_the_way_to_the_help),
        cmocka_unit_test(reference_is_told_for_people_and_for_programs),
        cmocka_unit_test(server_that_is_not_there_has_its_own_code),
        cmocka_unit_test(plugins_are_listed_and_refused_ones_explained),
        cmocka_unit_test(every_rule_that_a_plugin_breaks_is_told_by_name),
        cmocka_unit_test(plugin_that_crashes_is_told_and_the_others_are_looked_at),
        cmocka_unit_test(plugin_is_described_with_version_roles_and_options),
        cmocka_unit_test(plugin_that_is_no_file_is_named_as_it_was_given),
        cmocka_unit_test(models_that_are_not_there_are_not_verified_in_silence),
        cmocka_unit_test(mistakes_of_a_configuration_are_shown_instead_of_it),
        cmocka_unit_test(configuration_without_admin_says_how_to_get_one),
        cmocka_unit_test(tools_of_a_file_without_anything_else_are_an_array_for_programs),
        cmocka_unit_test(result_of_a_call_is_mcps_for_programs),
        cmocka_unit_test(failed_call_is_a_result_with_is_error_and_a_code),
        cmocka_unit_test(function_is_found_by_any_name_that_is_clear),
        cmocka_unit_test(terminal_shows_a_table_that_fits),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
