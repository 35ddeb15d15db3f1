/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/loop.h"
#include "host/offload.h"

#include <parley/types.h>

#include <pthread.h>
#include <stdatomic.h>

static struct loop *loop;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held: jobs wait at it */
static atomic_int begun;
static int done_ok, done_cancelled;
static int order[64];
static atomic_int order_count;

static void wait_at_gate(void *arg)
{
    (void)arg;
    atomic_fetch_add(&begun, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void count_done(void *arg, int status)
{
    (void)arg;
    if (status == PARLEY_OK)
        done_ok++;
    else
        done_cancelled++;
}

static void write_order(void *arg)
{
    order[atomic_fetch_add(&order_count, 1)] = (int)(intptr_t)arg;
}

static int setup(void **state)
{
    (void)state;
    loop = loop_create();
    atomic_store(&begun, 0);
    atomic_store(&order_count, 0);
    done_ok = done_cancelled = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop = loop_destroy(loop);
    return 0;
}

static void wait_for(int *count, int value)
{
    while (*count < value)
        loop_run_once(loop);
}

static void wait_for_begun(int value)
{
    while (atomic_load(&begun) < value)
        sched_yield();
}

static void work_then_done_on_the_loop(void **state)
{
    struct offload *o = offload_create("t", 2, 8);

    (void)state;
    assert_int_equal(offload_run(o, loop, NULL, write_order, count_done, (void *)7), PARLEY_OK);
    wait_for(&done_ok, 1);
    assert_int_equal(order[0], 7);
    assert_null(offload_destroy(o));
}

static void one_lane_keeps_its_order_on_many_threads(void **state)
{
    struct offload *o = offload_create("t", 4, 64);

    (void)state;
    for (intptr_t i = 0; i < 50; i++)
        assert_int_equal(offload_run(o, loop, &gate, write_order, count_done, (void *)i),
                         PARLEY_OK);
    wait_for(&done_ok, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(order[i], i);
    offload_destroy(o);
}

static void busy_lane_does_not_hold_up_others(void **state)
{
    struct offload *o = offload_create("t", 2, 8);
    int lane;

    (void)state;
    pthread_mutex_lock(&gate);
    offload_run(o, loop, &lane, wait_at_gate, count_done, NULL);
    offload_run(o, loop, &lane, write_order, count_done, (void *)1);
    offload_run(o, loop, NULL, write_order, count_done, (void *)2);
    wait_for(&done_ok, 1);
    assert_int_equal(atomic_load(&order_count), 1);
    assert_int_equal(order[0], 2);
    pthread_mutex_unlock(&gate);
    wait_for(&done_ok, 3);
    offload_destroy(o);
}

static void full_queue_refuses_and_counts(void **state)
{
    struct offload *o = offload_create("t", 1, 2);

    (void)state;
    pthread_mutex_lock(&gate);
    offload_run(o, loop, NULL, wait_at_gate, count_done, NULL);
    wait_for_begun(1);
    assert_int_equal(offload_run(o, loop, NULL, wait_at_gate, count_done, NULL), PARLEY_OK);
    assert_int_equal(offload_run(o, loop, NULL, wait_at_gate, count_done, NULL), PARLEY_OK);
    assert_int_equal(offload_run(o, loop, NULL, wait_at_gate, count_done, NULL), PARLEY_E_BUSY);
    struct offload_stats stats = offload_stats(o);
    assert_int_equal(stats.waiting, 2);
    assert_int_equal(stats.running, 1);
    assert_int_equal(stats.refused, 1);
    pthread_mutex_unlock(&gate);
    wait_for(&done_ok, 3);
    offload_destroy(o);
}

static void stop_finishes_what_runs_and_cancels_what_waits(void **state)
{
    struct offload *o = offload_create("t", 1, 8);
    int lane;

    (void)state;
    pthread_mutex_lock(&gate);
    offload_run(o, loop, &lane, wait_at_gate, count_done, NULL);
    wait_for_begun(1);
    offload_run(o, loop, &lane, write_order, count_done, NULL);
    offload_run(o, loop, NULL, write_order, count_done, NULL);
    pthread_mutex_unlock(&gate);
    offload_destroy(o);
    loop_run_due(loop);
    assert_int_equal(done_ok + done_cancelled, 3);
    assert_true(done_ok >= 1);
}

static void done_comes_also_when_the_loop_goes_first(void **state)
{
    struct offload *o = offload_create("t", 1, 8);

    (void)state;
    offload_run(o, loop, NULL, write_order, count_done, NULL);
    offload_destroy(o);
    loop = loop_destroy(loop);
    assert_int_equal(done_ok + done_cancelled, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(work_then_done_on_the_loop),
        T(one_lane_keeps_its_order_on_many_threads),
        T(busy_lane_does_not_hold_up_others),
        T(full_queue_refuses_and_counts),
        T(stop_finishes_what_runs_and_cancels_what_waits),
        T(done_comes_also_when_the_loop_goes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
