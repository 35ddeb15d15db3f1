/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/ring.h"

#include <stdlib.h>

bool ring_init(struct ring *r, size_t size)
{
    r->size = 1;
    while (r->size < size)
        r->size *= 2;
    atomic_init(&r->pushed, 0);
    atomic_init(&r->popped, 0);
    r->slots = calloc(r->size, sizeof(*r->slots));
    return r->slots != NULL;
}

void ring_done(struct ring *r)
{
    free(r->slots);
    r->slots = NULL;
}

bool ring_push(struct ring *r, void *item)
{
    size_t pushed = atomic_load_explicit(&r->pushed, memory_order_relaxed);

    if (pushed - atomic_load_explicit(&r->popped, memory_order_acquire) == r->size)
        return false;
    r->slots[pushed & (r->size - 1)] = item;
    atomic_store_explicit(&r->pushed, pushed + 1, memory_order_release);
    return true;
}

void *ring_pop(struct ring *r)
{
    size_t popped = atomic_load_explicit(&r->popped, memory_order_relaxed);

    if (atomic_load_explicit(&r->pushed, memory_order_acquire) == popped)
        return NULL;
    void *item = r->slots[popped & (r->size - 1)];
    atomic_store_explicit(&r->popped, popped + 1, memory_order_release);
    return item;
}

size_t ring_count(const struct ring *r)
{
    size_t popped = atomic_load_explicit(&r->popped, memory_order_relaxed);

    return atomic_load_explicit(&r->pushed, memory_order_relaxed) - popped;
}
