/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/complaint.h"

#include <stdio.h>
#include <string.h>

static char last[512];
static unsigned lines;

static void keep(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)snprintf(last, sizeof(last), "%s", line);
    lines++;
}

static int begin(void **state)
{
    (void)state;
    clock_fake_start(1000000, 1700000000000000);
    log_set_sink(keep, NULL);
    lines = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    clock_fake_stop();
    return 0;
}

static void row_of_failures_is_one_line_a_minute(void **state)
{
    (void)state;
    struct complaints c = {0};

    for (int i = 0; i < 10; i++)
        complaint_add(&c, "otlp", "logs", 3, "answered 503");
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last, "exporter=otlp signal=logs batches=1 lost=3"));
    clock_fake_advance_us(COMPLAINT_REST_US);
    complaint_add(&c, "otlp", "logs", 3, "answered 503");
    assert_int_equal(lines, 2);
    assert_non_null(strstr(last, "batches=10 lost=30 reason=\"answered 503\""));
}

static void failure_after_a_success_is_told_at_once(void **state)
{
    (void)state;
    struct complaints c = {0};

    complaint_add(&c, "otlp", "spans", 1, "down");
    complaint_clear(&c, "otlp", "spans");
    complaint_add(&c, "otlp", "spans", 1, "down");
    assert_int_equal(lines, 2);
}

static void exporters_and_signals_are_told_apart(void **state)
{
    (void)state;
    struct complaints c = {0};

    complaint_add(&c, "otlp", "logs", 1, "answered 404");
    complaint_add(&c, "otlp", "spans", 1, "down");
    complaint_add(&c, "other", "spans", 1, "down");
    complaint_clear(&c, "otlp", "spans");
    complaint_add(&c, "otlp", "logs", 1, "answered 404");
    assert_int_equal(lines, 3);
}

static void too_many_exporters_share_a_place(void **state)
{
    (void)state;
    struct complaints c = {0};
    char name[16];

    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "e%d", i);
        complaint_add(&c, name, "spans", 1, "down");
    }
    assert_int_equal(lines, COMPLAINT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(row_of_failures_is_one_line_a_minute, begin, end),
        cmocka_unit_test_setup_teardown(failure_after_a_success_is_told_at_once, begin, end),
        cmocka_unit_test_setup_teardown(exporters_and_signals_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(too_many_exporters_share_a_place, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
