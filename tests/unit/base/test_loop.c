/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"

#include <pthread.h>
#include <stdlib.h>

static int order[64];
static int count;

static void note(void *arg)
{
    order[count++] = *(int *)arg;
}

static int setup(void **state)
{
    count = 0;
    clock_fake_start(1000000, 1700000000000000);
    *state = loop_create();
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)loop_destroy(*state);
    clock_fake_stop();
    return 0;
}

static void timers_run_in_order_of_time(void **state)
{
    struct loop *l = *state;
    struct loop_timer t[40] = {0};
    int number[40];

    for (int i = 0; i < 40; i++) {
        number[i] = (i * 17) % 40;
        loop_timer_start(l, &t[i], number[i] * 10, note, &number[i]);
    }
    clock_fake_advance_us(195000);
    (void)loop_run_due(l);
    assert_int_equal(count, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(order[i], i);
    for (int i = 0; i < 40; i++)
        loop_timer_stop(&t[i]);
    clock_fake_advance_us(1000000);
    (void)loop_run_due(l);
    assert_int_equal(count, 20);
}

static void a_timer_set_anew_runs_once_at_the_new_time(void **state)
{
    struct loop *l = *state;
    struct loop_timer t = {0};
    int one = 1;

    loop_timer_start(l, &t, 10, note, &one);
    loop_timer_start(l, &t, 100, note, &one);
    clock_fake_advance_us(50000);
    assert_int_equal(loop_run_due(l), 0);
    clock_fake_advance_us(50000);
    assert_int_equal(loop_run_due(l), 1);
    assert_false(loop_timer_is_running(&t));
}

static void posts_run_in_order(void **state)
{
    static int n[] = {1, 2, 3};

    for (int i = 0; i < 3; i++)
        assert_true(loop_post(*state, note, NULL, &n[i]));
    assert_int_equal(loop_run_due(*state), 3);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[2], 3);
}

static void what_did_not_run_is_dropped_once(void **state)
{
    static int seven = 7;

    (void)state;
    struct loop *l = loop_create();
    assert_true(loop_post(l, note, note, &seven));
    (void)loop_destroy(l);
    assert_int_equal(count, 1);
}

struct flood {
    struct loop *loop;
    int left;
    int got;
};

static void on_flood(void *arg)
{
    struct flood *f = arg;

    f->got++;
    if (f->got == f->left)
        loop_stop(f->loop);
}

static void *post_many(void *arg)
{
    struct flood *f = arg;

    for (int i = 0; i < f->left / 2; i++)
        (void)loop_post(f->loop, on_flood, NULL, f);
    return NULL;
}

static void posts_of_other_threads_all_arrive(void **state)
{
    struct flood f = {.loop = *state, .left = 20000};
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &f), 0);
    loop_run(*state);
    assert_int_equal(f.got, f.left);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_run_in_order_of_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_set_anew_runs_once_at_the_new_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(posts_run_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_did_not_run_is_dropped_once, setup, teardown),
        cmocka_unit_test_setup_teardown(posts_of_other_threads_all_arrive, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
