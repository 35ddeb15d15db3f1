/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

struct config {
    int64_t count;
};

static int created, destroyed, started, stopped;
static int64_t last_count;
static bool refuses_create;
static int refuses_start; /* so many times */
static const char *refusal;

static int create(void *plugin, const struct parley_instance_info *info, void **ret,
                  struct parley_error *err)
{
    const struct config *config = info->config;

    (void)plugin;
    if (refuses_create)
        return parley_fail(err, PARLEY_E_INVALID, "%s", refusal);
    last_count = config->count;
    *ret = NULL;
    created++;
    return PARLEY_OK;
}

static void destroy(void *instance)
{
    (void)instance;
    destroyed++;
}

static int start(void *instance, struct parley_worker *worker, void **ret, struct parley_error *err)
{
    (void)instance;
    (void)worker;
    if (refuses_start > 0 && refuses_start-- > 0)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "no luck");
    *ret = &started;
    started++;
    return PARLEY_OK;
}

static void stop(void *wi)
{
    (void)wi;
    stopped++;
}

static void attach(void *wi, const struct parley_tools_host *host)
{
    (void)wi;
    (void)host;
}

static int list(void *wi, struct parley_tool_list *ret, struct parley_error *err)
{
    (void)wi;
    (void)ret;
    return parley_fail(err, PARLEY_E_UNAVAILABLE, "no peer yet");
}

static int call(void *wi, const struct parley_tool_call *c, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)c;
    (void)op;
    (void)err;
    return PARLEY_OK;
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table), .attach = attach, .list = list, .call = call};
static const struct parley_option options[] = {PARLEY_INT(
    struct config, count, .default_value = "3", .min = 1, .max = 5, .help = "How many.")};

static struct host_fixture f;
static struct parley_plugin d = FIXTURE_PLUGIN("tools_test", PARLEY_ROLE_TOOLS, &table);

static int setup(void **state)
{
    struct plugin *plugin = NULL;

    (void)state;
    created = destroyed = started = stopped = 0;
    refuses_create = false;
    refuses_start = 0;
    refusal = "the moon is wrong";
    d.instance_create = create;
    d.instance_destroy = destroy;
    d.worker_start = start;
    d.worker_stop = stop;
    d.options = options;
    d.option_count = 1;
    d.option_size = sizeof(options[0]);
    d.config_size = sizeof(struct config);
    fixture_open(&f);
    assert_int_equal(loader_adopt(&d, "/test/tools_test.so", &fixture_host, &plugin, NULL),
                     PARLEY_OK);
    assert_int_equal(registry_add(f.registry, plugin, NULL), PARLEY_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static int make(const char *text)
{
    assert_true(conf_add_layer(f.conf, view_of(text), "test.ini", &f.report));
    return instances_create(f.registry, f.conf, &f.set, &f.report);
}

static void refused(const char *text, const char *line)
{
    assert_int_equal(make(text), PARLEY_E_INVALID);
    assert_int_equal(f.report.count, 1);
    if (strstr(f.report.items[0].text, line) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f.report.items[0].text, line);
    assert_int_equal(created, destroyed);
}

static void sections_become_instances_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(make("[tools b]\nplugin = tools_test\ncount = 5\n[tools a]\n"
                          "plugin = tools_test\n[server]\nlisten = x\n"),
                     PARLEY_OK);
    struct instance *i = instances_next(f.set, NULL);
    assert_string_equal(i->title, "tools b");
    assert_string_equal(instances_next(f.set, i)->name, "a");
    assert_null(instances_next(f.set, instances_next(f.set, i)));
    assert_int_equal(instances_count(f.set, INSTANCE_TOOLS), 2);
    assert_ptr_equal(instances_find(f.set, INSTANCE_TOOLS, "b"), i);
    assert_null(instances_find(f.set, INSTANCE_MODEL, "b"));
    assert_int_equal(last_count, 3);
}

static void section_that_is_not_enabled_is_not_looked_at(void **state)
{
    (void)state;
    assert_int_equal(make("[tools b]\nplugin = nonsense\nenabled = no\ncolour = red\n"), PARLEY_OK);
    assert_int_equal(instances_count(f.set, INSTANCE_TOOLS), 0);
}

static void wrong_option_names_file_line_and_section(void **state)
{
    (void)state;
    refused("[tools b]\nplugin = tools_test\ncount = 9\n", "test.ini:3: [tools b] count");
}

static void unknown_option_is_an_error(void **state)
{
    (void)state;
    refused("[tools b]\nplugin = tools_test\ncuont = 2\n", "did you mean \"count\"?");
}

static void unknown_plugin_names_where_was_looked(void **state)
{
    (void)state;
    refused("[tools b]\nplugin = tools_tset\n", "there is no plugin \"tools_tset\" in /nowhere");
}

static void plugin_of_another_role_is_refused(void **state)
{
    (void)state;
    refused("[store b]\nplugin = tools_test\n",
            "the plugin tools_test plays parley.tools/1, not parley.store/1");
}

static void refusal_of_the_plugin_is_reported(void **state)
{
    (void)state;
    refuses_create = true;
    refused("[tools b]\nplugin = tools_test\n", "test.ini:1: [tools b] the moon is wrong");
}

static void refusal_that_is_about_a_key_has_the_place_of_that(void **state)
{
    (void)state;
    assert_true(
        conf_add_layer(f.conf, VIEW("[tools b]\nplugin = tools_test\n"), "base.ini", &f.report));
    refuses_create = true;
    refusal = "count: is odd";
    refused("[tools b]\ncount = 3\n", "test.ini:2: [tools b] count: is odd");
}

static void mistakes_of_all_sections_are_reported(void **state)
{
    (void)state;
    assert_int_equal(make("[tools a]\nplugin = tools_test\ncount = 9\n[tools b]\n"
                          "plugin = tools_test\ncount = x\n[tools c]\nplugin = tools_test\n"),
                     PARLEY_E_INVALID);
    assert_int_equal(f.report.errors, 2);
    assert_int_equal(created, destroyed);
}

static void last_reference_destroys(void **state)
{
    (void)state;
    make("[tools b]\nplugin = tools_test\n");
    instances_ref(f.set);
    instances_unref(f.set);
    assert_int_equal(destroyed, 0);
    f.set = instances_unref(f.set);
    assert_int_equal(destroyed, 1);
}

/* ---- on a worker ---- */

static struct instances *told_set;

static void on_stopped(void *ctx, struct instances *set)
{
    (void)ctx;
    told_set = set;
}

static void all_instances_start_and_stop_together(void **state)
{
    struct worker_instances *all = NULL;

    (void)state;
    told_set = NULL;
    make("[tools a]\nplugin = tools_test\n[tools b]\nplugin = tools_test\n");
    assert_int_equal(worker_instances_start(f.set, 1u << INSTANCE_TOOLS, &f.worker, &all, NULL),
                     PARLEY_OK);
    assert_int_equal(started, 2);
    assert_non_null(worker_instances_find(all, INSTANCE_TOOLS, "b"));
    assert_null(worker_instances_find(all, INSTANCE_TOOLS, "c"));
    worker_instances_stop(all, on_stopped, NULL);
    assert_null(told_set);
    fixture_turn(&f);
    assert_ptr_equal(told_set, f.set);
    assert_int_equal(stopped, 2);
    instances_unref(told_set);
}

static void instances_of_other_kinds_are_not_started(void **state)
{
    struct worker_instances *all = NULL;

    (void)state;
    told_set = NULL;
    make("[tools a]\nplugin = tools_test\n");
    assert_int_equal(worker_instances_start(f.set, 1u << INSTANCE_EXPORTER, &f.worker, &all, NULL),
                     PARLEY_OK);
    assert_int_equal(started, 0);
    worker_instances_stop(all, on_stopped, NULL);
    fixture_turn(&f);
    instances_unref(told_set);
}

static void start_that_fails_leaves_nothing(void **state)
{
    struct worker_instances *all = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    make("[tools a]\nplugin = tools_test\n");
    refuses_start = 1;
    assert_int_equal(worker_instances_start(f.set, ~WORKER_INSTANCES_SINGLY, &f.worker, &all, &err),
                     PARLEY_E_UNAVAILABLE);
    assert_string_equal(err.message, "no luck");
    assert_true(list_empty(&f.worker.instances));
}

static void start_that_fails_leaves_the_others_where_each_is_for_itself(void **state)
{
    struct worker_instances *all = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    told_set = NULL;
    make("[tools a]\nplugin = tools_test\n[tools b]\nplugin = tools_test\n");
    refuses_start = 1;
    assert_int_equal(worker_instances_start(f.set, 1u << INSTANCE_TOOLS | WORKER_INSTANCES_SINGLY,
                                            &f.worker, &all, &err),
                     PARLEY_OK);
    assert_null(worker_instances_find(all, INSTANCE_TOOLS, "a"));
    assert_non_null(worker_instances_find(all, INSTANCE_TOOLS, "b"));
    worker_instances_stop(all, on_stopped, NULL);
    fixture_turn(&f);
    instances_unref(told_set);
}

static void slow_callback_is_counted(void **state)
{
    (void)state;
    struct watch quick = watch_begin(&f.worker, NULL, "tools a", "call");
    watch_end(&quick);
    assert_int_equal(f.worker.counters.slow_callbacks, 0);
    struct watch slow = watch_begin(&f.worker, NULL, "tools a", "call");
    clock_fake_advance_us(WATCHDOG_LIMIT_US + 1);
    watch_end(&slow);
    assert_int_equal(f.worker.counters.slow_callbacks, 1);
    assert_int_equal(f.worker.watchdog.longest_us, WATCHDOG_LIMIT_US + 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(sections_become_instances_in_their_order),
        T(section_that_is_not_enabled_is_not_looked_at),
        T(wrong_option_names_file_line_and_section),
        T(unknown_option_is_an_error),
        T(unknown_plugin_names_where_was_looked),
        T(plugin_of_another_role_is_refused),
        T(refusal_of_the_plugin_is_reported),
        T(refusal_that_is_about_a_key_has_the_place_of_that),
        T(mistakes_of_all_sections_are_reported),
        T(last_reference_destroys),
        T(all_instances_start_and_stop_together),
        T(instances_of_other_kinds_are_not_started),
        T(start_that_fails_leaves_nothing),
        T(start_that_fails_leaves_the_others_where_each_is_for_itself),
        T(slow_callback_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
