/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/log_ring.h"

#include <stdlib.h>
#include <string.h>

bool log_ring_init(struct log_ring *r)
{
    atomic_init(&r->pushed, 0);
    atomic_init(&r->popped, 0);
    atomic_init(&r->refused, 0);
    r->bytes = malloc(LOG_RING_BYTES);
    return r->bytes != NULL;
}

void log_ring_done(struct log_ring *r)
{
    free(r->bytes);
    r->bytes = NULL;
}

/* Bytes from `at` on, which may go around the end. */
static void copy_in(struct log_ring *r, size_t at, const void *from, size_t len)
{
    size_t start = at & (LOG_RING_BYTES - 1);
    size_t first = len < LOG_RING_BYTES - start ? len : LOG_RING_BYTES - start;

    memcpy(r->bytes + start, from, first);
    memcpy(r->bytes, (const char *)from + first, len - first);
}

static void copy_out(const struct log_ring *r, size_t at, void *to, size_t len)
{
    size_t start = at & (LOG_RING_BYTES - 1);
    size_t first = len < LOG_RING_BYTES - start ? len : LOG_RING_BYTES - start;

    memcpy(to, r->bytes + start, first);
    memcpy((char *)to + first, r->bytes, len - first);
}

bool log_ring_push(struct log_ring *r, const struct log_entry *entry, const char *text)
{
    size_t pushed = atomic_load_explicit(&r->pushed, memory_order_relaxed);
    size_t used = pushed - atomic_load_explicit(&r->popped, memory_order_acquire);
    struct log_entry e = *entry;

    if (e.len >= LOG_RING_TEXT_SIZE)
        e.len = LOG_RING_TEXT_SIZE - 1;
    if (sizeof(e) + e.len > LOG_RING_BYTES - used) {
        atomic_fetch_add_explicit(&r->refused, 1, memory_order_relaxed);
        return false;
    }
    copy_in(r, pushed, &e, sizeof(e));
    copy_in(r, pushed + sizeof(e), text, e.len);
    atomic_store_explicit(&r->pushed, pushed + sizeof(e) + e.len, memory_order_release);
    return true;
}

bool log_ring_pop(struct log_ring *r, struct log_entry *ret_entry, char text[LOG_RING_TEXT_SIZE])
{
    size_t popped = atomic_load_explicit(&r->popped, memory_order_relaxed);

    if (atomic_load_explicit(&r->pushed, memory_order_acquire) == popped)
        return false;
    copy_out(r, popped, ret_entry, sizeof(*ret_entry));
    copy_out(r, popped + sizeof(*ret_entry), text, ret_entry->len);
    text[ret_entry->len] = '\0';
    atomic_store_explicit(&r->popped, popped + sizeof(*ret_entry) + ret_entry->len,
                          memory_order_release);
    return true;
}

size_t log_ring_used(const struct log_ring *r)
{
    size_t popped = atomic_load_explicit(&r->popped, memory_order_relaxed);

    return atomic_load_explicit(&r->pushed, memory_order_relaxed) - popped;
}

uint64_t log_ring_take_refused(struct log_ring *r)
{
    return atomic_exchange_explicit(&r->refused, 0, memory_order_relaxed);
}
