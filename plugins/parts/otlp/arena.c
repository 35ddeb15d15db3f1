/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64u << 10)

struct arena_block {
    struct arena_block *next;
    size_t len;
    max_align_t bytes[];
};

static bool add_block(struct arena *a, size_t len)
{
    size_t room = len > BLOCK_BYTES ? len : BLOCK_BYTES;
    struct arena_block *b = calloc(1, sizeof(*b) + room);

    if (b == NULL)
        return false;
    b->len = room;
    b->next = a->blocks;
    a->blocks = b;
    a->used = 0;
    return true;
}

void *arena_alloc(struct arena *a, size_t len)
{
    const size_t unit = sizeof(max_align_t);
    size_t padded = (len + unit - 1) / unit * unit;

    if (a->failed)
        return NULL;
    if ((a->blocks == NULL || a->blocks->len - a->used < padded) && !add_block(a, padded)) {
        a->failed = true;
        return NULL;
    }
    void *p = (char *)a->blocks->bytes + a->used;
    a->used += padded;
    return p;
}

char *arena_text(struct arena *a, struct parley_view text)
{
    char *copy = arena_alloc(a, text.len + 1);

    if (copy != NULL && text.len > 0)
        memcpy(copy, text.data, text.len);
    return copy;
}

void arena_done(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    *a = (struct arena){0};
}
