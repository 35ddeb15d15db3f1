/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that take long, and those that do not come back: who is told, and what is counted. */
#include "host_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "telemetry/metrics.h"
#include "telemetry/prometheus.h"
#include "telemetry/telemetry.h"

#include <stdio.h>
#include <string.h>

static struct host_fixture f;
static struct telemetry *telemetry;
static struct telemetry_recorder *main_recorder;
static char logged[4096];

static void keep_line(void *ctx, enum log_level level, const char *line)
{
    size_t len = strlen(logged);

    (void)ctx;
    (void)level;
    (void)snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

static int setup(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct telemetry_config config = {0};

    (void)state;
    fixture_open(&f);
    assert_int_equal(telemetry_create(&config, f.loop, &telemetry, &err), PARLEY_OK);
    f.worker.recorder = telemetry_recorder_create(telemetry);
    main_recorder = telemetry_recorder_create(telemetry);
    logged[0] = '\0';
    log_set_sink(keep_line, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    f.worker.recorder = NULL;
    telemetry = telemetry_destroy(telemetry);
    fixture_close(&f);
    return 0;
}

static void shows(const char *text)
{
    struct metrics_snapshot *s = telemetry_snapshot(telemetry);
    struct buf out = {0};

    prometheus_write(&out, s);
    if (out.len == 0 || strstr(out.data, text) == NULL)
        fail_msg("%s is not in\n%s", text, out.data);
    buf_done(&out);
    metrics_snapshot_free(s);
}

static struct watch begin(const char *callback)
{
    return watch_begin(&f.worker, NULL, "tools a", callback);
}

static void slow_call_is_counted_by_section_and_callback(void **state)
{
    (void)state;
    struct watch watch = begin("call");
    clock_fake_advance_us(WATCHDOG_LIMIT_US + 1);
    watch_end(&watch);
    shows("parley_plugin_slow_calls_total{parley_plugin_callback=\"call\","
          "parley_plugin_instance=\"tools a\"} 1");
    assert_non_null(strstr(logged, "instance=\"tools a\""));
    assert_non_null(strstr(logged, "callback=call"));
}

static void quick_call_is_neither_logged_nor_stuck(void **state)
{
    (void)state;
    struct watch watch = begin("call");
    clock_fake_advance_us(WATCHDOG_LIMIT_US);
    assert_int_equal(watchdog_look(main_recorder), 0);
    watch_end(&watch);
    assert_string_equal(logged, "");
}

static void call_that_does_not_come_back_is_told_once(void **state)
{
    (void)state;
    struct watch watch = begin("worker_start");
    clock_fake_advance_us(WATCHDOG_STUCK_US - 1);
    assert_int_equal(watchdog_look(main_recorder), 0);
    clock_fake_advance_us(1);
    assert_int_equal(watchdog_look(main_recorder), 1);
    clock_fake_advance_us(WATCHDOG_STUCK_US);
    assert_int_equal(watchdog_look(main_recorder), 0);
    watch_end(&watch);
    shows("parley_plugin_stuck_calls_total{parley_plugin_callback=\"worker_start\","
          "parley_plugin_instance=\"tools a\"} 1");
    assert_non_null(strstr(logged, "does not come back"));
}

static void next_call_that_hangs_is_told_again(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct watch watch = begin("call");
        clock_fake_advance_us(WATCHDOG_STUCK_US);
        assert_int_equal(watchdog_look(main_recorder), 1);
        watch_end(&watch);
    }
}

/* A plugin that calls the host, which calls another one: the first is what holds the worker. */
static void call_inside_a_call_does_not_hide_it(void **state)
{
    (void)state;
    struct watch outer = begin("call");
    clock_fake_advance_us(WATCHDOG_STUCK_US);
    struct watch inner = begin("on_timer");
    watch_end(&inner);
    assert_int_equal(watchdog_look(main_recorder), 1);
    assert_non_null(strstr(logged, "callback=call for_ms=1000"));
    watch_end(&outer);
    assert_int_equal(watchdog_look(main_recorder), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(slow_call_is_counted_by_section_and_callback), T(quick_call_is_neither_logged_nor_stuck),
        T(call_that_does_not_come_back_is_told_once),    T(next_call_that_hangs_is_told_again),
        T(call_inside_a_call_does_not_hide_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
