/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins may add to metrics, and what not. */
#include "host_fixture.h"

#include "base/str.h"
#include "telemetry/metrics.h"
#include "telemetry/prometheus.h"
#include "telemetry/telemetry.h"

#include <math.h>
#include <string.h>

#define CHARGE "parley.store.request_charge"

static struct host_fixture f;
static struct telemetry *telemetry;

static int setup(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct telemetry_config config = {0};

    (void)state;
    fixture_open(&f);
    assert_int_equal(telemetry_create(&config, f.loop, &telemetry, &err), PARLEY_OK);
    f.worker.recorder = telemetry_recorder_create(telemetry);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    telemetry = telemetry_destroy(telemetry);
    fixture_close(&f);
    return 0;
}

static int add(const char *name, double value, const char *key, const char *label)
{
    const struct parley_metric_label labels[] = {{key, label}};

    return service_metrics.add(&f.worker, name, value, labels, 1);
}

static bool shows(const char *text)
{
    struct metrics_snapshot *s = telemetry_snapshot(telemetry);
    struct buf out = {0};

    prometheus_write(&out, s);
    bool is_there = out.len > 0 && strstr(out.data, text) != NULL;
    buf_done(&out);
    metrics_snapshot_free(s);
    return is_there;
}

static void what_is_added_is_summed_by_its_attributes(void **state)
{
    (void)state;
    assert_int_equal(add(CHARGE, 2.5, "parley.store.operation", "append"), PARLEY_OK);
    assert_int_equal(add(CHARGE, 4, "parley.store.operation", "append"), PARLEY_OK);
    assert_int_equal(add(CHARGE, 1, "parley.store.operation", "read"), PARLEY_OK);
    assert_true(shows("{parley_store_operation=\"append\"} 6.5"));
    assert_true(shows("{parley_store_operation=\"read\"} 1"));
}

static void attributes_that_the_metric_does_not_have_are_left_out(void **state)
{
    (void)state;
    assert_int_equal(add(CHARGE, 3, "session.id", "sess_1"), PARLEY_OK);
    assert_int_equal(add(CHARGE, 3, "error.type", "429"), PARLEY_OK); /* another metric's */
    assert_false(shows("sess_1"));
    assert_false(shows("429"));
    assert_true(shows("parley_store_request_charge"));
}

static void other_metrics_are_not_for_plugins(void **state)
{
    (void)state;
    assert_int_equal(add("parley.turn.count", 1, "parley.store.operation", "x"),
                     PARLEY_E_NOT_FOUND);
    assert_int_equal(add("made.up", 1, "parley.store.operation", "x"), PARLEY_E_NOT_FOUND);
}

static void what_is_no_amount_is_refused(void **state)
{
    (void)state;
    assert_int_equal(add(CHARGE, -1, "parley.store.operation", "x"), PARLEY_E_INVALID);
    assert_int_equal(add(CHARGE, NAN, "parley.store.operation", "x"), PARLEY_E_INVALID);
    assert_int_equal(add(CHARGE, INFINITY, "parley.store.operation", "x"), PARLEY_E_INVALID);
}

static void a_worker_without_a_recorder_records_nothing(void **state)
{
    (void)state;
    f.worker.recorder = NULL;
    assert_int_equal(add(CHARGE, 1, "parley.store.operation", "x"), PARLEY_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_added_is_summed_by_its_attributes),
        T(attributes_that_the_metric_does_not_have_are_left_out),
        T(other_metrics_are_not_for_plugins),
        T(what_is_no_amount_is_refused),
        T(a_worker_without_a_recorder_records_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
