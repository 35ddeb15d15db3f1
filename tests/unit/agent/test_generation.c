/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/generation.h"
#include "base/str.h"
#include "host/services.h"

static struct conf_report report;

static int build(const char *ini, struct generation **ret)
{
    struct registry *registry = registry_create(services_host(), "/nowhere");
    struct conf *c = conf_create("/", NULL);

    report = (struct conf_report){0};
    assert_true(conf_add_layer(c, view_of(ini), "x.ini", &report));
    int r = generation_create(c, registry, 1, ret, &report);
    (void)registry_destroy(registry);
    return r;
}

static bool reported(const char *text)
{
    bool found = false;

    for (size_t i = 0; i < report.count; i++)
        found = found || strstr(report.items[i].text, text) != NULL;
    return found;
}

static void every_mistake_of_every_section_is_reported(void **state)
{
    struct generation *g = NULL;

    (void)state;
    assert_int_equal(
        build("[model m]\nplugin = nobody\n[agent a]\nmodel = m\nspeeed = 2\n[agent b]\n", &g),
        PARLEY_E_INVALID);
    assert_true(reported("x.ini:2: [model m] plugin"));
    assert_true(reported("x.ini:5: [agent a] speeed"));
    assert_true(reported("speed"));
    assert_true(reported("[agent b]"));
    assert_true(report.errors >= 3);
    conf_report_done(&report);
}

static void an_agent_that_names_what_is_not_there_is_told_where(void **state)
{
    struct generation *g = NULL;

    (void)state;
    assert_int_equal(build("[agent a]\nmodel = modl\ntools = clock.now\nstore = main\n", &g),
                     PARLEY_E_INVALID);
    assert_true(reported("x.ini:2: [agent a] model"));
    assert_true(reported("x.ini:3: [agent a] tools"));
    assert_true(reported("x.ini:4: [agent a] store"));
    conf_report_done(&report);
}

static void an_empty_file_is_a_generation_without_agents(void **state)
{
    struct generation *g = NULL;

    (void)state;
    assert_int_equal(build("", &g), PARLEY_OK);
    assert_null(generation_agent_at(g, 0));
    assert_null(generation_agent(g, VIEW("a")));
    (void)generation_unref(generation_ref(g));
    (void)generation_unref(g);
    conf_report_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_of_every_section_is_reported),
        cmocka_unit_test(an_agent_that_names_what_is_not_there_is_told_where),
        cmocka_unit_test(an_empty_file_is_a_generation_without_agents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
