/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <time.h>

/* How late a waiting caller may notice that its result is no longer wanted. */
#define CANCEL_CHECK_NS 50000000L

void pool_init(struct pool *pool, size_t limit,
               int (*create)(void *ctx, void **ret_object, struct parley_error *err),
               void (*destroy)(void *object), void *ctx)
{
    pthread_condattr_t attr;

    *pool = (struct pool){.create = create, .destroy = destroy, .ctx = ctx};
    pool->limit = limit < 1 ? 1 : limit > POOL_MAX ? POOL_MAX : limit;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->given, &attr);
    pthread_condattr_destroy(&attr);
}

void pool_done(struct pool *pool)
{
    for (size_t i = 0; i < pool->idle_count; i++)
        pool->destroy(pool->idle[i]);
    pthread_cond_destroy(&pool->given);
    pthread_mutex_destroy(&pool->lock);
}

static void wait_a_little(struct pool *pool)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += CANCEL_CHECK_NS;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&pool->given, &pool->lock, &until); /* the caller looks again */
}

/* Called and left with the lock held: wait for an idle object, or for the right to make one. */
static int take_locked(struct pool *pool, const volatile int32_t *cancelled, void **ret_object,
                       struct parley_error *err)
{
    while (pool->idle_count == 0 && pool->made == pool->limit) {
        if (cancelled != NULL && __atomic_load_n(cancelled, __ATOMIC_RELAXED) != 0)
            return parley_fail(err, PARLEY_E_CANCELLED, "cancelled while waiting for its turn");
        wait_a_little(pool);
    }
    *ret_object = NULL;
    if (pool->idle_count > 0)
        *ret_object = pool->idle[--pool->idle_count];
    else
        pool->made++;
    return PARLEY_OK;
}

static void forget_one(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->made--;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->lock);
}

int pool_take(struct pool *pool, const volatile int32_t *cancelled, void **ret_object,
              struct parley_error *err)
{
    void *object = NULL;

    pthread_mutex_lock(&pool->lock);
    int r = take_locked(pool, cancelled, &object, err);
    pthread_mutex_unlock(&pool->lock);
    if (r < 0)
        return r;
    if (object == NULL) { /* made outside the lock: it can take a second */
        r = pool->create(pool->ctx, &object, err);
        if (r < 0) {
            forget_one(pool);
            return r;
        }
    }
    *ret_object = object;
    return PARLEY_OK;
}

void pool_give(struct pool *pool, void *object)
{
    pthread_mutex_lock(&pool->lock);
    pool->idle[pool->idle_count++] = object;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->lock);
}
