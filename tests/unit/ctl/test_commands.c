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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void plugin_that_is_no_file_is_named_as_it_was_given(void **state)
{
    (void)state;
    assert_int_equal(RUN("plugins", "check", "./nowhere.so"), CTL_FAILED);
    says("there is no file ./nowhere.so");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_command_and_the_exit_codes),
        cmocka_unit_test(unknown_command_names_the_nearest),
        cmocka_unit_test(wrong_arguments_are_told_with_the_way_to_the_help),
        cmocka_unit_test(reference_is_told_for_people_and_for_programs),
        cmocka_unit_test(server_that_is_not_there_has_its_own_code),
        cmocka_unit_test(plugins_are_listed_and_refused_ones_explained),
        cmocka_unit_test(plugin_that_is_no_file_is_named_as_it_was_given),
        cmocka_unit_test(models_that_are_not_there_are_not_verified_in_silence),
        cmocka_unit_test(mistakes_of_a_configuration_are_shown_instead_of_it),
        cmocka_unit_test(configuration_without_admin_says_how_to_get_one),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
