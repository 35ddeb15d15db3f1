/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of pointers from one thread to another, without locks. */
#ifndef TELEMETRY_RING_H
#define TELEMETRY_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define RING_CACHE_LINE 64

struct ring {
    void **slots;
    size_t size;                                   /* a power of two */
    alignas(RING_CACHE_LINE) atomic_size_t pushed; /* written by the producer */
    alignas(RING_CACHE_LINE) atomic_size_t popped; /* written by the consumer */
};

/* Room for at least `size` pointers; false without memory. */
bool ring_init(struct ring *r, size_t size);

/* Free the slots; what is in them is the caller's business. */
void ring_done(struct ring *r);

/* False when it is full. Thread: the producer. */
bool ring_push(struct ring *r, void *item);

/* NULL when it is empty. Thread: the consumer. */
void *ring_pop(struct ring *r);

/* How many wait, as the caller may see it now. Thread: either. */
size_t ring_count(const struct ring *r);

#endif
