/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include <string.h>

static struct {
    const struct parley_exporter_host *host;
    parley_op op;
    bool ends_at_once;
    bool is_full;
    int flushes;
} plugin;

static void attach(void *wi, struct parley_worker *worker, const struct parley_exporter_host *host)
{
    (void)wi;
    (void)worker;
    plugin.host = host;
}

static int deliver(void *wi, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err)
{
    (void)wi;
    (void)batch;
    if (plugin.is_full)
        return parley_fail(err, PARLEY_E_BUSY, "full");
    plugin.op = op;
    if (plugin.ends_at_once)
        plugin.host->end(op, PARLEY_OK, 0, NULL);
    return PARLEY_OK;
}

static void flush(void *wi)
{
    (void)wi;
    plugin.flushes++;
}

static const struct parley_exporter_vtable table = {
    .size = sizeof(table), .attach = attach, .deliver = deliver, .flush = flush};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("exporter_test", PARLEY_ROLE_EXPORTER, &table);

static struct host_fixture f;
static int ends, last_status;
static uint64_t last_lost, last_left_out;
static const struct parley_batch batch = {.size = sizeof(batch)};

static void on_end(void *ctx, int status, uint64_t lost, uint64_t left_out,
                   const struct parley_error *err)
{
    (void)ctx;
    assert_true((status < 0) == (err != NULL));
    ends++;
    last_status = status;
    last_lost = lost;
    last_left_out = left_out;
}

static int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    ends = 0;
    fixture_open(&f);
    fixture_start(&f, &descriptor, "exporter");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void end_is_told_once_and_later(void **state)
{
    (void)state;
    plugin.ends_at_once = true;
    assert_int_equal(exporter_deliver(f.wi, &batch, on_end, NULL, NULL), PARLEY_OK);
    assert_int_equal(ends, 0);
    fixture_turn(&f);
    plugin.host->end(plugin.op, PARLEY_OK, 0, NULL);
    fixture_turn(&f);
    assert_int_equal(ends, 1);
    assert_int_equal(last_status, PARLEY_OK);
}

static void lost_records_are_told(void **state)
{
    (void)state;
    exporter_deliver(f.wi, &batch, on_end, NULL, NULL);
    plugin.host->end(plugin.op, PARLEY_E_DENIED, 12, NULL);
    fixture_turn(&f);
    assert_int_equal(last_status, PARLEY_E_DENIED);
    assert_int_equal(last_lost, 12);
}

static void records_for_others_are_told(void **state)
{
    (void)state;
    exporter_deliver(f.wi, &batch, on_end, NULL, NULL);
    plugin.host->leave_out(plugin.op, 7);
    plugin.host->end(plugin.op, PARLEY_OK, 0, NULL);
    fixture_turn(&f);
    assert_int_equal(last_left_out, 7);
    plugin.host->leave_out(plugin.op, 8); /* too late: it is nobody's any more */
    exporter_deliver(f.wi, &batch, on_end, NULL, NULL);
    plugin.host->end(plugin.op, PARLEY_OK, 0, NULL);
    fixture_turn(&f);
    assert_int_equal(last_left_out, 0);
}

static void full_exporter_refuses(void **state)
{
    (void)state;
    plugin.is_full = true;
    assert_int_equal(exporter_deliver(f.wi, &batch, on_end, NULL, NULL), PARLEY_E_BUSY);
    fixture_turn(&f);
    assert_int_equal(ends, 0);
}

static void silence_is_a_timeout(void **state)
{
    (void)state;
    exporter_deliver(f.wi, &batch, on_end, NULL, NULL);
    fixture_advance_ms(&f, EXPORTER_TIMEOUT_MS);
    assert_int_equal(last_status, PARLEY_E_TIMEOUT);
    plugin.host->end(plugin.op, PARLEY_OK, 0, NULL);
    fixture_turn(&f);
    assert_int_equal(ends, 1);
}

static void flush_reaches_the_plugin(void **state)
{
    (void)state;
    exporter_flush(f.wi);
    assert_int_equal(plugin.flushes, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(end_is_told_once_and_later), T(lost_records_are_told), T(records_for_others_are_told),
        T(full_exporter_refuses),      T(silence_is_a_timeout),  T(flush_reaches_the_plugin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
