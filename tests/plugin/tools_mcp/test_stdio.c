/* SPDX-License-Identifier: Apache-2.0 */
/* The whole plugin against a child process (child_server.c) over real pipes, with the fake clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipes.h"
#include "played.h"

static char command[600]; /* "command=..." of the server */
static char folder[64];   /* of this test's files */

/* ---- files of the server ---- */

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static const char *text_of(const char *name)
{
    static char text[16384];
    FILE *file = fopen(path_of(name), "r");

    text[0] = '\0';
    if (file == NULL)
        return text;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static size_t starts(void)
{
    return strlen(text_of("starts"));
}

/* ---- fixtures ---- */

static int setup_folder(void **state)
{
    (void)setup(state);
    pipes_reset();
    fake_host_provide(PARLEY_SERVICE_FDWATCH, &pipes_service);
    (void)snprintf(folder, sizeof(folder), "/tmp/parley_stdio_XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown_folder(void **state)
{
    static const char *const names[] = {"starts", "seen", "ended", "stays"};

    (void)teardown(state);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(path_of(names[i]));
    return rmdir(folder);
}

/* A server that does these things, reached in the way of protocol = auto. */
static void start_server(const char *first, const char *second)
{
    char words[5][200] = {"", "", "args=starts=", "args=seen=", "args=ended="};
    const char *options[10] = {"protocol=auto", command};
    size_t count = 2;

    for (int i = 2; i < 5; i++) {
        (void)strcat(words[i], path_of(i == 2 ? "starts" : i == 3 ? "seen" : "ended"));
        options[count++] = words[i];
    }
    if (first != NULL) {
        (void)snprintf(words[0], sizeof(words[0]), "args=%s", first);
        options[count++] = words[0];
    }
    if (second != NULL)
        options[count++] = second;
    open_plugin(options);
}

static bool is_listed(void)
{
    return listed(NULL) > 0;
}

static unsigned wanted_ends;

static bool has_ended(void)
{
    return ends >= wanted_ends;
}

/* Call `tool` and wait for its end. */
static void ask(const char *tool, const char *arguments)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "web_%s", tool);
    wanted_ends = ends + 1;
    assert_int_equal(call(wanted_ends, name, arguments), PARLEY_OK);
    pipes_until(has_ended);
}

static void is_reached(void)
{
    pipes_until(is_listed);
    ask("echo", "{\"text\":\"gr\xC3\xBC\xC3\x9F\"}");
    assert_string_equal(end_text, "gr\xC3\xBC\xC3\x9F");
}

static const char *waited_for;

static bool was_logged(void)
{
    return fake_host_logged(waited_for);
}

static void until_logged(const char *text)
{
    waited_for = text;
    pipes_until(was_logged);
}

static unsigned initializes(void)
{
    unsigned count = 0;

    for (const char *at = text_of("seen"); (at = strstr(at, "\"initialize\"")) != NULL; at++)
        count++;
    return count;
}

/* ---- which revision it speaks ---- */

static void case_04_any_error_to_the_probe_means_an_older_server(void **state)
{
    static const char *const answers[] = {"probe=-32601", "probe=-32602", "probe=-32000",
                                          "probe=0"};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        start_server(answers[i], NULL);
        is_reached();
        assert_int_equal(starts(), 1); /* the same process */
        assert_int_equal(initializes(), 1);
        (void)teardown_folder(state);
        (void)setup_folder(state);
    }
}

static void case_05_child_that_ends_at_the_probe_is_started_anew_and_greeted(void **state)
{
    (void)state;
    start_server("probe=exit", NULL);
    is_reached();
    assert_int_equal(starts(), 2);
    assert_false(fake_host_logged("unavailable"));
}

static bool was_probed(void)
{
    return strstr(text_of("seen"), "server/discover") != NULL;
}

static void case_06_child_that_is_silent_is_started_anew_after_the_probes_limit(void **state)
{
    (void)state;
    start_server("probe=silent", NULL);
    fake_host_advance_ms(2999);
    assert_int_equal(initializes(), 0);
    fake_host_advance_ms(1);
    is_reached();
    assert_true(was_probed() || initializes() == 1);
    assert_false(fake_host_logged("unavailable"));
}

static void case_07_common_version_in_a_refusal_is_spoken(void **state)
{
    (void)state;
    start_server("probe=common", NULL);
    is_reached();
    assert_int_equal(initializes(), 0);
    assert_non_null(
        strstr(text_of("seen"), "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
}

static void case_08_versions_of_a_server_of_others_are_named(void **state)
{
    (void)state;
    start_server("probe=foreign", NULL);
    until_logged("it speaks 2031-01-01 of MCP");
    assert_int_equal(initializes(), 0);
}

static void case_10_empty_result_to_the_probe_means_an_older_server(void **state)
{
    (void)state;
    start_server("probe=empty", NULL);
    is_reached();
    assert_int_equal(starts(), 1);
}

static void case_13_every_request_of_the_stateless_revision_says_who_asks(void **state)
{
    char *line, *rest;

    (void)state;
    start_server("probe=found", NULL);
    is_reached();
    rest = strdup(text_of("seen"));
    for (char *at = rest; (line = strtok_r(at, "\n", &at)) != NULL;) {
        assert_non_null(strstr(line, "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
        assert_non_null(strstr(line, "\"io.modelcontextprotocol/clientCapabilities\":{"));
        assert_non_null(
            strstr(line, "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"parley\""));
    }
    free(rest);
}

static void case_02_revision_that_was_asked_for_by_name_is_insisted_on(void **state)
{
    (void)state;
    start_server("version=2025-03-26", "protocol=2025-06-18");
    until_logged("it speaks MCP 2025-03-26, and protocol = 2025-06-18 wants that alone");
    assert_false(was_probed());
    assert_non_null(strstr(text_of("seen"), "\"protocolVersion\":\"2025-06-18\""));
}

/* ---- what comes over the pipe ---- */

static void case_14_what_is_no_message_is_skipped_and_logged(void **state)
{
    (void)state;
    start_server("banner", NULL);
    is_reached();
    assert_true(fake_host_logged("a line that is no message \"Starting up...\""));
    assert_true(fake_host_logged("a line that is no message \"{\"level\":\"info\"}\""));
}

static void case_15_message_in_single_bytes_is_one_message(void **state)
{
    (void)state;
    start_server("bytes", NULL);
    is_reached();
}

static void case_16_two_messages_in_one_write_with_cr_lf_are_two(void **state)
{
    (void)state;
    start_server("crlf", NULL);
    is_reached();
    assert_false(fake_host_logged("no message"));
}

static void case_17_flood_on_standard_error_holds_nothing_up(void **state)
{
    (void)state;
    start_server("flood", NULL);
    is_reached();
    assert_true(fake_host_logged("the MCP server says"));
}

static bool is_started_twice(void)
{
    return starts() == 2 && is_listed();
}

/* The first pause is half a second, and up to a quarter more. */
static void comes_back(void)
{
    fake_host_advance_ms(625);
    pipes_until(is_started_twice);
    ask("echo", "{\"text\":\"again\"}");
    assert_string_equal(end_text, "again");
}

static void case_18_line_above_the_limit_fails_the_call_and_the_server_comes_back(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    pipes_until(is_listed);
    ask("huge", "{}");
    assert_int_equal(end_status, PARLEY_E_UNAVAILABLE);
    assert_true(fake_host_logged("more than 4 MiB"));
    comes_back();
}

static void case_14_thousand_lines_of_garbage_in_a_row_are_too_many(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    pipes_until(is_listed);
    ask("garbage", "{}"); /* 999 */
    assert_string_equal(end_text, "after garbage");
    assert_int_equal(starts(), 1);
    fake_host_advance_ms(60000); /* the minute's ten lines are used up: a summary follows */
    wanted_ends = ends + 2;
    (void)call(10, "web_garbage", "{}");
    (void)call(11, "web_garbage", "{}");
    pipes_until(has_ended);
    assert_true(fake_host_logged("were not logged lines=989"));
}

static void case_19_closed_standard_output_is_the_end_of_the_server(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    pipes_until(is_listed);
    ask("close", "{}");
    assert_int_equal(end_status, PARLEY_E_UNAVAILABLE);
    comes_back();
}

static void case_20_calls_fail_at_once_when_the_process_dies_and_the_next_one_works(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    pipes_until(is_listed);
    assert_int_equal(call(1, "web_never", "{}"), PARLEY_OK);
    assert_int_equal(call(2, "web_never", "{}"), PARLEY_OK);
    wanted_ends = 3;
    assert_int_equal(call(3, "web_die", "{}"), PARLEY_OK);
    pipes_until(has_ended);
    assert_int_equal(end_status, PARLEY_E_UNAVAILABLE);
    assert_string_equal(end_text, "The tool web_die is unavailable at the moment.");
    comes_back();
}

static size_t wanted_starts;

/* Its pipes are closed, and the next attempt is waited for. */
static bool has_died(void)
{
    return starts() == wanted_starts && pipes_watched() == 0;
}

static void case_21_pauses_grow_when_the_process_dies_at_every_start(void **state)
{
    static const int64_t least[] = {500,   1000,  2000,  4000,  8000,  16000,
                                    30000, 30000, 30000, 30000, 60000, 60000};

    (void)state;
    start_server("dies", "protocol=legacy");
    for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
        wanted_starts = i + 1;
        pipes_until(has_died);
        fake_host_advance_ms(least[i] - 1);
        assert_int_equal(starts(), i + 1);
        assert_int_equal(pipes_watched(), 0);
        fake_host_advance_ms(least[i] / 4 + 1);
    }
    assert_true(fake_host_logged("the MCP server is unavailable: its process has ended"));
    assert_true(fake_host_logged("failures=12"));
    assert_int_equal(listed(NULL), 0);
}

static void case_22_command_that_is_not_there_is_named_at_once(void **state)
{
    static const char *const options[] = {"command=/nowhere/mcp-server", NULL};

    (void)state;
    open_plugin(options);
    assert_true(fake_host_logged("/nowhere/mcp-server"));
}

/* ---- the end of a child ---- */

static bool input_has_ended(void)
{
    return strcmp(text_of("ended"), "ended") == 0;
}

static void case_23_server_in_good_order_ends_with_its_input(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    is_reached();
    fake_plugin_close(plugin); /* waits for it */
    plugin = NULL;
    assert_true(input_has_ended());
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it was waited for */
    assert_int_equal(errno, ECHILD);
}

/* The one child that there is. */
static pid_t only_child(void)
{
    FILE *f = fopen("/proc/thread-self/children", "re");
    int pid = 0, other;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d %d", &pid, &other), 1);
    (void)fclose(f);
    return pid;
}

/* It has ended, and may have been waited for already. */
static void wait_for_the_death_of(pid_t pid)
{
    siginfo_t info;

    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
        assert_int_equal(errno, ECHILD);
}

static void case_24_server_that_stays_is_killed_with_its_group(void **state)
{
    char stays[160];
    int status;

    (void)state;
    (void)snprintf(stays, sizeof(stays), "stays=%s", path_of("stays"));
    start_server(stays, NULL);
    is_reached();
    pid_t first = only_child();
    int fd = open(path_of("stays"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    ask("close", "{}");         /* of its output: it is replaced, and its input closed */
    fake_host_advance_ms(3980); /* SIGTERM was sent after 2 s */
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    fake_host_advance_ms(20);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* both processes have let go of it */
    wait_for_the_death_of(first);
    fake_host_advance_ms(20);
    assert_int_equal(waitpid(-1, &status, WNOHANG), 0); /* only the new one is left */
    pipes_until(is_started_twice);
    (void)close(fd);
}

static void case_25_only_chosen_variables_reach_the_child(void **state)
{
    static const char *const chosen[] = {" HOME ",  " LANG ", " LOGNAME ", " PATH ",
                                         " SHELL ", " TERM ", " USER ",    " CITY "};
    char copy[1024];
    char *at = copy, *name;

    (void)state;
    (void)setenv("PARLEY_TEST_KEY", "hidden", 1);
    start_server(NULL, "env=CITY=Paris");
    pipes_until(is_listed);
    ask("env", "{}");
    (void)snprintf(copy, sizeof(copy), "%s", end_text);
    assert_non_null(strstr(copy, " CITY "));
    while ((name = strtok_r(at, " ", &at)) != NULL) {
        char padded[80];
        bool is_chosen = false;
        (void)snprintf(padded, sizeof(padded), " %.70s ", name);
        for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
            is_chosen = is_chosen || strcmp(padded, chosen[i]) == 0;
        if (!is_chosen)
            fail_msg("the child has %s", name);
    }
}

/* ---- calls ---- */

static bool was_cancelled(void)
{
    return strstr(text_of("seen"), "notifications/cancelled") != NULL;
}

static void case_58_cancelled_call_is_told_with_its_id_and_its_late_answer_ignored(void **state)
{
    char wanted[64];

    (void)state;
    start_server(NULL, NULL);
    is_reached();
    assert_int_equal(call(7, "web_never", "{}"), PARLEY_OK);
    tools->cancel(fake_plugin_worker(plugin), 7);
    assert_int_equal(end_status, PARLEY_E_CANCELLED);
    ask("echo", "{\"text\":\"still here\"}"); /* it has read the cancellation, too */
    assert_true(was_cancelled());
    const char *asked_for = strstr(text_of("seen"), "\"name\":\"never\"");
    assert_non_null(asked_for);
    (void)snprintf(wanted, sizeof(wanted), "\"requestId\":5");
    assert_non_null(strstr(text_of("seen"), wanted));
}

static void case_57_every_progress_in_one_read_comes_before_the_result(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    pipes_until(is_listed);
    ask("progress", "{}");
    assert_string_equal(end_text, "done");
    assert_int_equal(progresses, 2); /* the first, and the last; those between came too fast */
    assert_true(last_progress == 5);
}

static void case_62_63_questions_of_the_server_are_answered_beside_a_call(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    pipes_until(is_listed);
    ask("asks", "{}");
    assert_string_equal(end_text, "three answers");
    const char *seen = text_of("seen");
    assert_non_null(strstr(seen, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"));
    assert_non_null(strstr(seen, "\"id\":2,\"error\":{\"code\":-32601"));
    assert_non_null(strstr(seen, "\"id\":3,\"error\":{\"code\":-32601"));
}

static void case_88_array_of_a_newer_server_is_ignored_and_logged(void **state)
{
    (void)state;
    start_server(NULL, NULL);
    pipes_until(is_listed);
    assert_int_equal(call(1, "web_array", "{}"), PARLEY_OK);
    until_logged("an array of messages");
    ask("echo", "{\"text\":\"b\"}");
    assert_string_equal(end_text, "b");
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)
    const struct CMUnitTest tests[] = {
        T(case_04_any_error_to_the_probe_means_an_older_server),
        T(case_05_child_that_ends_at_the_probe_is_started_anew_and_greeted),
        T(case_06_child_that_is_silent_is_started_anew_after_the_probes_limit),
        T(case_07_common_version_in_a_refusal_is_spoken),
        T(case_08_versions_of_a_server_of_others_are_named),
        T(case_10_empty_result_to_the_probe_means_an_older_server),
        T(case_13_every_request_of_the_stateless_revision_says_who_asks),
        T(case_02_revision_that_was_asked_for_by_name_is_insisted_on),
        T(case_14_what_is_no_message_is_skipped_and_logged),
        T(case_15_message_in_single_bytes_is_one_message),
        T(case_16_two_messages_in_one_write_with_cr_lf_are_two),
        T(case_17_flood_on_standard_error_holds_nothing_up),
        T(case_18_line_above_the_limit_fails_the_call_and_the_server_comes_back),
        T(case_14_thousand_lines_of_garbage_in_a_row_are_too_many),
        T(case_19_closed_standard_output_is_the_end_of_the_server),
        T(case_20_calls_fail_at_once_when_the_process_dies_and_the_next_one_works),
        T(case_21_pauses_grow_when_the_process_dies_at_every_start),
        T(case_22_command_that_is_not_there_is_named_at_once),
        T(case_23_server_in_good_order_ends_with_its_input),
        T(case_24_server_that_stays_is_killed_with_its_group),
        T(case_25_only_chosen_variables_reach_the_child),
        T(case_58_cancelled_call_is_told_with_its_id_and_its_late_answer_ignored),
        T(case_57_every_progress_in_one_read_comes_before_the_result),
        T(case_62_63_questions_of_the_server_are_answered_beside_a_call),
        T(case_88_array_of_a_newer_server_is_ignored_and_logged),
    };

    if (argc != 3)
        return 2;
    plugin_path = argv[1];
    (void)snprintf(command, sizeof(command), "command=%s", argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
