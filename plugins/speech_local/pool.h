/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded set of objects of which each caller needs one for itself: recognisers, voices. They are
 * made when first needed, on the thread that needs them, and kept. Thread: any, several at once.
 */
#ifndef SPEECH_LOCAL_POOL_H
#define SPEECH_LOCAL_POOL_H

#include <parley/error.h>
#include <pthread.h>

#define POOL_MAX 64

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t given;
    void *idle[POOL_MAX];
    size_t idle_count;
    size_t made;
    size_t limit;
    int (*create)(void *ctx, void **ret_object, struct parley_error *err);
    void (*destroy)(void *object);
    void *ctx;
};

/* At most `limit` objects (1 to POOL_MAX), made by create(ctx) and freed by destroy. */
void pool_init(struct pool *pool, size_t limit,
               int (*create)(void *ctx, void **ret_object, struct parley_error *err),
               void (*destroy)(void *object), void *ctx);

/* Every object has been given back. */
void pool_done(struct pool *pool);

/*
 * An object for this caller alone, until pool_give(). Blocks while all are in use; a *cancelled
 * (may be NULL) that turns non-zero ends the wait with PARLEY_E_CANCELLED.
 */
int pool_take(struct pool *pool, const volatile int32_t *cancelled, void **ret_object,
              struct parley_error *err);

void pool_give(struct pool *pool, void *object);

#endif
