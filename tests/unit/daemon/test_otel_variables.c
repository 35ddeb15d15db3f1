/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/otel_variables.h"

#include <string.h>

/* What the environment holds: one variable. */
static struct {
    const char *name, *value;
} set;

static const char *get(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, set.name) == 0 ? set.value : NULL;
}

static void check(const char *name, const char *value, struct conf_report *report)
{
    char file[] = "parley.ini";
    const struct conf c = {.env = {.get = get}, .files = {file}, .file_count = 1};

    set.name = name;
    set.value = value;
    *report = (struct conf_report){0};
    otel_variables_check(&c, report);
}

static void variable_that_nothing_goes_by_is_told_with_what_stands_in_for_it(void **state)
{
    (void)state;
    struct conf_report report;

    check("OTEL_BSP_EXPORT_TIMEOUT", "30000", &report);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.errors, 0);
    assert_non_null(strstr(report.items[0].text, "the variable OTEL_BSP_EXPORT_TIMEOUT is left "
                                                 "out: set timeout_ms of the exporter"));
    conf_report_done(&report);
}

static void variable_that_asks_for_what_is_so_anyway_is_not_told(void **state)
{
    (void)state;
    struct conf_report report;

    check("OTEL_METRICS_EXEMPLAR_FILTER", "always_off", &report);
    assert_int_equal(report.count, 0);
    check("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based", &report);
    assert_int_equal(report.count, 1);
    conf_report_done(&report);
}

static void empty_variable_and_those_of_options_are_not_told(void **state)
{
    (void)state;
    struct conf_report report;

    check("OTEL_LOG_LEVEL", "", &report);
    assert_int_equal(report.count, 0);
    check("OTEL_SERVICE_NAME", "reception", &report);
    assert_int_equal(report.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variable_that_nothing_goes_by_is_told_with_what_stands_in_for_it),
        cmocka_unit_test(variable_that_asks_for_what_is_so_anyway_is_not_told),
        cmocka_unit_test(empty_variable_and_those_of_options_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
