/* SPDX-License-Identifier: Apache-2.0 */
/* Map from a string to a pointer. A zeroed struct is an empty map. Keys are copied, values are not
 * owned. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

struct map_entry;

struct map {
    struct map_entry **buckets;
    size_t bucket_count;
    size_t count;
};

/* The value, or NULL. */
void *map_get(const struct map *m, struct parley_view key);

/* Set or replace; the value must not be NULL. False without memory. */
bool map_set(struct map *m, struct parley_view key, void *value);

/* Remove; returns the value that was there, or NULL. */
void *map_remove(struct map *m, struct parley_view key);

/* Visit every entry in no order: start with *at = 0. The map must not change meanwhile. */
bool map_next(const struct map *m, size_t *at, struct parley_view *ret_key, void **ret_value);

/* Free the entries; values are the caller's business. */
void map_done(struct map *m);

#endif
