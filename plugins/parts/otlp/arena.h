/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed at once: the tree of messages of one request. */
#ifndef PARTS_OTLP_ARENA_H
#define PARTS_OTLP_ARENA_H

#include <parley/types.h>

#include <stdbool.h>

struct arena_block;

/* A zeroed struct is an empty arena. */
struct arena {
    struct arena_block *blocks;
    size_t used; /* of the first block */
    bool failed; /* some allocation gave NULL */
};

/* Zeroed bytes, aligned for anything; NULL without memory. */
void *arena_alloc(struct arena *a, size_t len);

/* A NUL-terminated copy. */
char *arena_text(struct arena *a, struct parley_view text);

void arena_done(struct arena *a);

#endif
