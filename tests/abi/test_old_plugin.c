/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin built with the headers of a release works in today's host, and in one that is newer. */
#include "host_fixture.h"

#include "base/str.h"

#include <string.h>

static struct host_fixture f;
static char output[64];

static int setup(void **state)
{
    (void)state;
    output[0] = '\0';
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void on_end(void *ctx, const struct tools_result *result)
{
    (void)ctx;
    view_copy(output, sizeof(output), result->output);
}

static void use_it(const struct parley_host *host)
{
    static const struct tools_events events = {.on_end = on_end};
    const struct tools_call call = {.name = "greet", .call_id = "call_1"};

    registry_destroy(f.registry);
    f.registry = registry_create(host, OLD_PLUGIN_DIR);
    assert_true(conf_add_layer(f.conf, VIEW("[tools old]\nplugin = tools_old\n"), "t", &f.report));
    if (instances_create(f.registry, f.conf, &f.set, &f.report) < 0)
        fail_msg("%s", f.report.items[0].text);
    assert_int_equal(worker_instance_start(instances_next(f.set, NULL), &f.worker, &f.wi, NULL),
                     PARLEY_OK);
    assert_non_null(tools_call(f.wi, &call, &events, NULL));
    fixture_turn(&f);
    assert_string_equal(output, "hello from 1.0");
}

static void plugin_of_1_0_works_in_this_host(void **state)
{
    (void)state;
    use_it(&fixture_host);
}

static void plugin_of_1_0_works_in_a_newer_host(void **state)
{
    static struct {
        struct parley_host host;
        void (*added_later[4])(void);
    } newer;

    (void)state;
    newer.host = fixture_host;
    newer.host.size = sizeof(newer);
    newer.host.minor = PARLEY_ABI_MINOR + 5;
    use_it(&newer.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plugin_of_1_0_works_in_this_host, setup, teardown),
        cmocka_unit_test_setup_teardown(plugin_of_1_0_works_in_a_newer_host, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
