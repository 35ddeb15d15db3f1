/* SPDX-License-Identifier: Apache-2.0 */
#include "host/directory.h"

#include "host/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic(struct parley_worker *) workers[HOST_MAX_WORKERS + 1]; /* from 1 */

/* Held while a worker comes or goes, and by other threads while they use one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

unsigned directory_enter(struct parley_worker *w)
{
    unsigned id = 0;

    pthread_mutex_lock(&lock);
    for (unsigned i = 1; i <= HOST_MAX_WORKERS && id == 0; i++) {
        if (atomic_load(&workers[i]) == NULL)
            id = i;
    }
    if (id != 0)
        atomic_store(&workers[id], w);
    pthread_mutex_unlock(&lock);
    return id;
}

void directory_leave(struct parley_worker *w)
{
    pthread_mutex_lock(&lock);
    atomic_store(&workers[w->id], NULL);
    pthread_mutex_unlock(&lock);
}

struct parley_worker *directory_find(unsigned id)
{
    return id == 0 || id > HOST_MAX_WORKERS
               ? NULL
               : atomic_load_explicit(&workers[id], memory_order_acquire);
}

bool directory_post(unsigned id, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    struct parley_worker *w = directory_find(id);
    bool posted = w != NULL && loop_post(w->loop, fn, drop, arg);
    pthread_mutex_unlock(&lock);
    return posted;
}

void directory_each(void (*fn)(void *ctx, struct parley_worker *w), void *ctx)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 1; i <= HOST_MAX_WORKERS; i++) {
        struct parley_worker *w = directory_find(i);
        if (w != NULL)
            fn(ctx, w);
    }
    pthread_mutex_unlock(&lock);
}

bool directory_is_mine(unsigned id)
{
    pthread_mutex_lock(&lock);
    struct parley_worker *w = directory_find(id);
    bool is_mine = w != NULL && loop_is_mine(w->loop);
    pthread_mutex_unlock(&lock);
    return is_mine;
}
