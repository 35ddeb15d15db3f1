/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin of docs/plugin-guide.md does what the page says. */
#include "host_fixture.h"

#include "base/id.h"
#include "base/str.h"

#include <string.h>

static struct host_fixture f;
static struct parley_host host;
static int last_status;
static char output[128];

static void on_end(void *ctx, const struct tools_result *result)
{
    (void)ctx;
    last_status = result->status;
    view_copy(output, sizeof(output), result->output);
}

static int setup(void **state)
{
    (void)state;
    fixture_open(&f);
    host = fixture_host;
    host.random = id_random_bytes;
    registry_destroy(f.registry);
    f.registry = registry_create(&host, GUIDE_PLUGIN_DIR);
    assert_true(conf_add_layer(f.conf, VIEW("[tools dice]\nplugin = tools_dice\nsides = 2\n"),
                               "dice.ini", &f.report));
    if (instances_create(f.registry, f.conf, &f.set, &f.report) < 0)
        fail_msg("%s", f.report.items[0].text);
    assert_int_equal(worker_instance_start(instances_next(f.set, NULL), &f.worker, &f.wi, NULL),
                     PARLEY_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void roll(const char *arguments)
{
    static const struct tools_events events = {.on_end = on_end};
    const struct tools_call call = {
        .name = "roll_dice", .call_id = "call_1", .arguments = view_of(arguments)};

    assert_non_null(tools_call(f.wi, &call, &events, NULL));
    fixture_turn(&f);
}

static void dice_are_rolled(void **state)
{
    (void)state;
    roll("{}");
    assert_int_equal(last_status, PARLEY_OK);
    assert_true(strcmp(output, "{\"rolled\": 1}") == 0 || strcmp(output, "{\"rolled\": 2}") == 0);
    roll("{\"sides\": 20}");
    assert_int_equal(last_status, PARLEY_OK);
}

static void impossible_dice_are_refused_in_a_sentence(void **state)
{
    (void)state;
    roll("{\"sides\": 1}");
    assert_int_equal(last_status, PARLEY_E_INVALID);
    assert_string_equal(output, "A die has 2 to 1000 sides, not 1.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dice_are_rolled, setup, teardown),
        cmocka_unit_test_setup_teardown(impossible_dice_are_refused_in_a_sentence, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
