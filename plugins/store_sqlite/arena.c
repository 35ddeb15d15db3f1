/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_CHUNK 1024
#define ALIGNMENT   _Alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *before;
    size_t used;
    size_t size;
    max_align_t data[];
};

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    size_t room = size > LEAST_CHUNK ? size : LEAST_CHUNK;
    struct arena_chunk *chunk = calloc(1, sizeof(*chunk) + room);

    if (chunk == NULL)
        return NULL;
    chunk->before = arena->last;
    chunk->size = room;
    arena->last = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = arena->last;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (chunk == NULL || chunk->size - chunk->used < size)
        chunk = add_chunk(arena, size);
    if (chunk == NULL)
        return NULL;
    void *memory = (char *)chunk->data + chunk->used;
    chunk->used += size;
    arena->bytes += size;
    return memory;
}

const char *arena_bytes(struct arena *arena, const void *data, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    if (copy != NULL && len > 0)
        memcpy(copy, data, len);
    return copy;
}

const char *arena_text(struct arena *arena, const char *text)
{
    return arena_bytes(arena, text, text != NULL ? strlen(text) : 0);
}

void arena_done(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->last, *before = NULL; chunk != NULL; chunk = before) {
        before = chunk->before;
        free(chunk);
    }
    *arena = (struct arena){0};
}
