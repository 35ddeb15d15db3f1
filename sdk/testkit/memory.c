/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocator of the test program, in front of the real one: fails the n-th allocation of the
 * plugin when told to, and counts what is not freed. A program's own malloc() comes before that of
 * the C library for every shared object in it, so the plugin's libraries are met, too.
 *
 * Built without sanitizers: it runs before they have set themselves up.
 */
#include "kit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static void *(*real_malloc)(size_t size);
static void *(*real_calloc)(size_t count, size_t size);
static void *(*real_realloc)(void *block, size_t size);
static void *(*real_aligned)(size_t alignment, size_t size);
static int (*real_memalign)(void **ret, size_t alignment, size_t size);
static void (*real_free)(void *block);

/* For what dlsym() allocates before the real ones are known. */
static alignas(16) char early[65536];
static size_t early_used;

static atomic_long live;
static unsigned fail_at;
static unsigned seen;

static void find(const char *name, void *ret)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    memcpy(ret, &symbol, sizeof(symbol)); /* ISO C has no cast for it */
}

static bool is_ready(void)
{
    static bool is_looking;

    if (real_free != NULL || is_looking)
        return real_free != NULL;
    is_looking = true;
    find("malloc", &real_malloc);
    find("calloc", &real_calloc);
    find("realloc", &real_realloc);
    find("aligned_alloc", &real_aligned);
    find("posix_memalign", &real_memalign);
    find("free", &real_free);
    is_looking = false;
    return true;
}

static void *take_early(size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;

    if (rounded < size || rounded > sizeof(early) - early_used)
        abort();
    early_used += rounded;
    return early + early_used - rounded; /* zero, as calloc() wants it */
}

static bool is_early(const void *block)
{
    return (const char *)block >= early && (const char *)block < early + sizeof(early);
}

static bool fails(void)
{
    if (fail_at == 0 || !kit_in_plugin() || ++seen != fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    if (block != NULL)
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return block;
}

EXPORT void *malloc(size_t size)
{
    if (!is_ready())
        return take_early(size);
    return fails() ? NULL : counted(real_malloc(size));
}

EXPORT void *calloc(size_t count, size_t size)
{
    if (!is_ready())
        return size != 0 && count > sizeof(early) / size ? NULL : take_early(count * size);
    return fails() ? NULL : counted(real_calloc(count, size));
}

EXPORT void *realloc(void *block, size_t size)
{
    if (!is_ready() || is_early(block))
        abort(); /* dlsym() does not do that */
    if (fails())
        return NULL;
    void *moved = real_realloc(block, size);
    if (block != NULL && size == 0 && moved == NULL) /* which freed it */
        atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    return block == NULL ? counted(moved) : moved;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return !is_ready() || fails() ? NULL : counted(real_aligned(alignment, size));
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (!is_ready() || fails())
        return ENOMEM;
    int r = real_memalign(ret, alignment, size);
    if (r == 0)
        (void)counted(*ret);
    return r;
}

EXPORT void free(void *block)
{
    if (block == NULL || is_early(block) || !is_ready())
        return;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    real_free(block);
}

void kit_memory_fail_at(unsigned n)
{
    fail_at = n;
    seen = 0;
    kit_report->failed_allocation = n;
}

bool kit_memory_has_failed(void)
{
    return seen >= fail_at;
}

long kit_memory_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}

bool kit_memory_counts(void)
{
    return true;
}
