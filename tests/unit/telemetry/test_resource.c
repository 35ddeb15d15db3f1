/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "telemetry/resource.h"

#include <stdio.h>
#include <string.h>

static const char *value_of(const struct resource *r, const char *key)
{
    const char *value = "";
    unsigned found = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        if (strcmp(r->attrs[i].key, key) == 0) {
            value = r->attrs[i].string.data;
            found++;
        }
    }
    assert_true(found <= 1);
    return value;
}

static void what_is_set_by_name_wins_over_what_is_given(void **state)
{
    (void)state;
    static const char *const given[] = {"service.name=given", "deployment.environment.name=stage",
                                        "service.instance.id=seven", "team=voice%20agents"};
    struct resource_facts facts = {
        .given = {given, 4}, .default_environment = "production", .instance_id = "host:1"};
    struct resource r;

    resource_init(&r, &facts);
    assert_string_equal(value_of(&r, "service.name"), "given");
    assert_string_equal(value_of(&r, "deployment.environment.name"), "stage");
    assert_string_equal(value_of(&r, "service.instance.id"), "seven");
    assert_string_equal(value_of(&r, "team"), "voice agents");
    facts.service_name = "named";
    facts.environment = "test";
    resource_init(&r, &facts);
    assert_string_equal(value_of(&r, "service.name"), "named");
    assert_string_equal(value_of(&r, "deployment.environment.name"), "test");
}

static void something_is_known_without_any_of_it(void **state)
{
    (void)state;
    const struct resource_facts facts = {.default_environment = "production"};
    struct resource r;

    resource_init(&r, &facts);
    assert_string_equal(value_of(&r, "service.name"), "parley");
    assert_string_equal(value_of(&r, "deployment.environment.name"), "production");
    assert_int_equal(strlen(value_of(&r, "service.instance.id")), 36);
}

static void who_made_the_sdk_cannot_be_given(void **state)
{
    (void)state;
    static const char *const given[] = {"telemetry.sdk.name=opentelemetry"};
    const struct resource_facts facts = {.given = {given, 1}};
    struct resource r;

    resource_init(&r, &facts);
    assert_string_equal(value_of(&r, "telemetry.sdk.name"), "parley");
}

static void bad_pairs_are_left_out(void **state)
{
    (void)state;
    static const char *const bad[] = {"novalue", "=x", "a=", "a=%zz", "a=%0a", "a=%ff", "a=%2"};
    const struct resource_facts facts = {.given = {bad, sizeof(bad) / sizeof(bad[0])}};
    struct resource r;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(resource_is_pair(bad[i]));
    assert_true(resource_is_pair(" key = some%2Cthing "));
    resource_init(&r, &facts);
    assert_string_equal(value_of(&r, "a"), "");
}

static void too_many_are_left_out(void **state)
{
    (void)state;
    static char text[100][16];
    const char *given[100];
    struct resource r;

    for (int i = 0; i < 100; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "k%d=v", i);
        given[i] = text[i];
    }
    const struct resource_facts facts = {.given = {given, 100}};
    resource_init(&r, &facts);
    assert_int_equal(r.count, RESOURCE_MAX_ATTRS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_by_name_wins_over_what_is_given),
        cmocka_unit_test(something_is_known_without_any_of_it),
        cmocka_unit_test(who_made_the_sdk_cannot_be_given),
        cmocka_unit_test(bad_pairs_are_left_out),
        cmocka_unit_test(too_many_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
