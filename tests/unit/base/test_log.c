/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char last[4096];
static int lines;

static void keep(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)snprintf(last, sizeof(last), "%s", line);
    lines++;
}

static void levels_filter(void **state)
{
    (void)state;
    lines = 0;
    log_set_level(LOG_LEVEL_WARN);
    log_info("not shown");
    log_warn("shown");
    assert_int_equal(lines, 1);
    log_set_level(LOG_LEVEL_INFO);
}

static void a_line_cannot_forge_another(void **state)
{
    (void)state;
    log_info("name=%s", "x\n2026 error forged \x1b[31m");
    assert_null(strchr(last, '\n'));
    assert_null(strchr(last, 0x1b));
}

static void a_long_line_is_cut(void **state)
{
    char big[8192];

    (void)state;
    memset(big, 'a', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    log_info("%s", big);
    assert_true(strlen(last) < 2048);
}

static char tapped[4096];

static void tap(enum log_level level, const char *event, const char *line)
{
    (void)snprintf(tapped, sizeof(tapped), "%d %s %s", (int)level, event, line);
}

static void tap_gets_every_line_and_the_name_of_its_event(void **state)
{
    (void)state;
    log_set_tap(tap);
    log_warn("one");
    assert_string_equal(tapped, "1  one");
    assert_string_equal(last, "one");
    log_event(LOG_LEVEL_INFO, "session.end", "over n=%d", 2);
    assert_string_equal(tapped, "2 session.end over n=2");
    log_debug("below the level");
    log_set_tap(NULL);
    log_warn("three");
    assert_string_equal(tapped, "2 session.end over n=2");
}

static void level_names_are_known(void **state)
{
    enum log_level level;

    (void)state;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("loud", &level));
}

/* Reads what is in the pipe, at most so much. */
static size_t drain(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n = 0;

    while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    return len;
}

static void a_reader_that_does_not_read_holds_nobody_up(void **state)
{
    static char got[1 << 20];
    int fds[2], standard_error = dup(STDERR_FILENO);

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0); /* only the reader is quick */
    dup2(fds[1], STDERR_FILENO);
    log_set_sink(NULL, NULL);
    for (int i = 0; i < 2000; i++)
        log_info("%0200d", i);
    size_t len = drain(fds[0], got, sizeof(got));
    log_info("read again");
    drain(fds[0], got + len, sizeof(got) - len);
    log_set_sink(keep, NULL);
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    close(fds[0]);
    close(fds[1]);
    assert_true(len > 4096 && got[len - 1] == '\n');
    assert_non_null(strstr(got + len, "the log was read too slowly lines_lost="));
    assert_non_null(strstr(got + len, "read again\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_filter),
        cmocka_unit_test(a_line_cannot_forge_another),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(level_names_are_known),
        cmocka_unit_test(tap_gets_every_line_and_the_name_of_its_event),
        cmocka_unit_test(a_reader_that_does_not_read_holds_nobody_up),
    };
    log_set_sink(keep, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
