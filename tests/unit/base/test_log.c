/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <stdio.h>
#include <string.h>

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

static void level_names_are_known(void **state)
{
    enum log_level level;

    (void)state;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("loud", &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_filter),
        cmocka_unit_test(a_line_cannot_forge_another),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(level_names_are_known),
    };
    log_set_sink(keep, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
