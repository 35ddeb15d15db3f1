/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000000u

static void a_model_that_failed_rests(void **state)
{
    struct model_health h = {0};

    (void)state;
    assert_true(health_admits(&h, 0));
    health_failed(&h, 0, 10000, 0);
    assert_false(health_admits(&h, 10 * S - 1));
    assert_true(health_admits(&h, 10 * S));
}

static void after_its_rest_one_session_probes_it(void **state)
{
    struct model_health h = {0};

    (void)state;
    health_failed(&h, 0, 10000, 0);
    health_begin(&h, 10 * S);
    assert_false(health_admits(&h, 10 * S));
    health_succeeded(&h);
    assert_true(health_admits(&h, 10 * S));
}

static void a_probe_that_was_given_up_makes_room_for_another(void **state)
{
    struct model_health h = {0};

    (void)state;
    health_failed(&h, 0, 10000, 0);
    health_begin(&h, 10 * S);
    health_undecided(&h);
    assert_true(health_admits(&h, 10 * S));
}

static void each_further_failure_doubles_the_rest_up_to_a_limit(void **state)
{
    struct model_health h = {0};

    (void)state;
    health_failed(&h, 0, 1000, 0);
    health_failed(&h, 0, 1000, 0);
    assert_int_equal(h.rests_until_us, 2 * S);
    for (int i = 0; i < 40; i++)
        health_failed(&h, 0, 1000, 0);
    assert_int_equal(h.rests_until_us, 32 * S);
}

static void what_the_peer_asked_for_is_kept(void **state)
{
    struct model_health h = {0};

    (void)state;
    health_failed(&h, 0, 1000, 60000);
    health_failed(&h, 0, 1000, 0);
    assert_int_equal(h.rests_until_us, 60 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_that_failed_rests),
        cmocka_unit_test(after_its_rest_one_session_probes_it),
        cmocka_unit_test(a_probe_that_was_given_up_makes_room_for_another),
        cmocka_unit_test(each_further_failure_doubles_the_rest_up_to_a_limit),
        cmocka_unit_test(what_the_peer_asked_for_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
