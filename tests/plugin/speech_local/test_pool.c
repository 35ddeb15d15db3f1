/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int made, freed, refuse;

static int create(void *ctx, void **ret_object, struct parley_error *err)
{
    (void)ctx;
    if (refuse)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "refused");
    made++;
    *ret_object = malloc(1);
    return PARLEY_OK;
}

static void destroy(void *object)
{
    freed++;
    free(object);
}

static void start(struct pool *pool, size_t limit)
{
    made = freed = refuse = 0;
    pool_init(pool, limit, create, destroy, NULL);
}

static void objects_are_made_when_needed_and_used_again(void **state)
{
    struct pool pool;
    void *a, *b, *c;

    (void)state;
    start(&pool, 2);
    assert_int_equal(pool_take(&pool, NULL, &a, NULL), PARLEY_OK);
    assert_int_equal(made, 1);
    pool_give(&pool, a);
    assert_int_equal(pool_take(&pool, NULL, &b, NULL), PARLEY_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(pool_take(&pool, NULL, &c, NULL), PARLEY_OK);
    assert_int_equal(made, 2);
    pool_give(&pool, b);
    pool_give(&pool, c);
    pool_done(&pool);
    assert_int_equal(freed, 2);
}

static void a_cancelled_caller_does_not_wait(void **state)
{
    struct pool pool;
    struct parley_error err = PARLEY_ERROR_INIT;
    int32_t cancelled = 1;
    void *a, *b = NULL;

    (void)state;
    start(&pool, 1);
    assert_int_equal(pool_take(&pool, NULL, &a, NULL), PARLEY_OK);
    assert_int_equal(pool_take(&pool, &cancelled, &b, &err), PARLEY_E_CANCELLED);
    assert_null(b);
    pool_give(&pool, a);
    pool_done(&pool);
}

static void a_failed_creation_gives_its_place_back(void **state)
{
    struct pool pool;
    void *a;

    (void)state;
    start(&pool, 1);
    refuse = 1;
    assert_int_equal(pool_take(&pool, NULL, &a, NULL), PARLEY_E_NO_MEMORY);
    refuse = 0;
    assert_int_equal(pool_take(&pool, NULL, &a, NULL), PARLEY_OK);
    pool_give(&pool, a);
    pool_done(&pool);
}

/* Many threads, two objects: nobody ever holds one that another holds. */
static struct pool shared;
static int holders;

static void *take_and_give(void *arg)
{
    for (int i = 0; i < 200; i++) {
        void *object;
        if (pool_take(&shared, NULL, &object, NULL) != PARLEY_OK)
            return arg;
        if (__atomic_add_fetch(&holders, 1, __ATOMIC_SEQ_CST) > 2)
            return arg;
        __atomic_sub_fetch(&holders, 1, __ATOMIC_SEQ_CST);
        pool_give(&shared, object);
    }
    return NULL;
}

static void threads_wait_for_their_turn(void **state)
{
    pthread_t threads[6];
    int wrong = 0;

    (void)state;
    start(&shared, 2);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &wrong), 0);
    for (size_t i = 0; i < 6; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        wrong += result != NULL;
    }
    assert_int_equal(wrong, 0);
    assert_true(made <= 2);
    pool_done(&shared);
}

static void limits_are_kept_in_bounds(void **state)
{
    struct pool pool;

    (void)state;
    start(&pool, 0);
    assert_int_equal(pool.limit, 1);
    pool_done(&pool);
    start(&pool, 1000);
    assert_int_equal(pool.limit, POOL_MAX);
    pool_done(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_made_when_needed_and_used_again),
        cmocka_unit_test(a_cancelled_caller_does_not_wait),
        cmocka_unit_test(a_failed_creation_gives_its_place_back),
        cmocka_unit_test(threads_wait_for_their_turn),
        cmocka_unit_test(limits_are_kept_in_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
