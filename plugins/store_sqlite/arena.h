/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one request and its results, freed at once. One thread at a time. */
#ifndef ARENA_H
#define ARENA_H

#include <parley/types.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *last;
    size_t bytes; /* given out */
};

/* Zeroed memory, aligned for any type; NULL: none left. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy that ends with NUL. NULL text is copied as "". */
const char *arena_text(struct arena *arena, const char *text);
const char *arena_bytes(struct arena *arena, const void *data, size_t len);

/* Free all of it; a zeroed arena is fine. */
void arena_done(struct arena *arena);

#endif
