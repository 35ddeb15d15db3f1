/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct map_entry {
    struct map_entry *next;
    void *value;
    uint64_t hash;
    size_t key_len;
    char key[];
};

/* Keys can come from strangers: the hash is seeded once per process so that collisions cannot be
 * prepared. */
static uint64_t hash_seed(void)
{
    static uint64_t seed;

    uint64_t s = __atomic_load_n(&seed, __ATOMIC_RELAXED);
    if (s == 0) {
        if (getrandom(&s, sizeof(s), GRND_NONBLOCK) != sizeof(s))
            s = (uint64_t)(uintptr_t)&seed;
        s |= 1;
        uint64_t expected = 0;
        if (!__atomic_compare_exchange_n(&seed, &expected, s, false, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED))
            s = expected;
    }
    return s;
}

static uint64_t hash_of(struct parley_view key)
{
    uint64_t h = hash_seed();

    for (size_t i = 0; i < key.len; i++) {
        h = (h ^ (unsigned char)key.data[i]) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 32;
    }
    return h;
}

static struct map_entry **find(const struct map *m, struct parley_view key, uint64_t hash)
{
    struct map_entry **at = &m->buckets[hash & (m->bucket_count - 1)];

    while (*at != NULL) {
        struct map_entry *e = *at;
        if (e->hash == hash && e->key_len == key.len &&
            (key.len == 0 || memcmp(e->key, key.data, key.len) == 0))
            break;
        at = &e->next;
    }
    return at;
}

static bool grow(struct map *m)
{
    size_t count = m->bucket_count == 0 ? 8 : m->bucket_count * 2;
    struct map_entry **buckets = calloc(count, sizeof(*buckets));

    if (buckets == NULL)
        return m->bucket_count != 0; /* a fuller table still works */
    for (size_t i = 0; i < m->bucket_count; i++) {
        struct map_entry *e = m->buckets[i];
        while (e != NULL) {
            struct map_entry *next = e->next;
            e->next = buckets[e->hash & (count - 1)];
            buckets[e->hash & (count - 1)] = e;
            e = next;
        }
    }
    free(m->buckets);
    m->buckets = buckets;
    m->bucket_count = count;
    return true;
}

void *map_get(const struct map *m, struct parley_view key)
{
    if (m->count == 0)
        return NULL;
    struct map_entry *e = *find(m, key, hash_of(key));
    return e == NULL ? NULL : e->value;
}

bool map_set(struct map *m, struct parley_view key, void *value)
{
    if (m->count >= m->bucket_count && !grow(m))
        return false;
    uint64_t hash = hash_of(key);
    struct map_entry **at = find(m, key, hash);
    if (*at != NULL) {
        (*at)->value = value;
        return true;
    }
    struct map_entry *e = malloc(sizeof(*e) + key.len);
    if (e == NULL)
        return false;
    *e = (struct map_entry){.value = value, .hash = hash, .key_len = key.len};
    if (key.len > 0)
        memcpy(e->key, key.data, key.len);
    *at = e;
    m->count++;
    return true;
}

void *map_remove(struct map *m, struct parley_view key)
{
    if (m->count == 0)
        return NULL;
    struct map_entry **at = find(m, key, hash_of(key));
    struct map_entry *e = *at;
    if (e == NULL)
        return NULL;
    void *value = e->value;
    *at = e->next;
    free(e);
    m->count--;
    return value;
}

/* *at holds the bucket in its upper bits and the place in the chain in the lower 16. */
bool map_next(const struct map *m, size_t *at, struct parley_view *ret_key, void **ret_value)
{
    for (size_t bucket = *at >> 16; bucket < m->bucket_count; bucket++, *at = bucket << 16) {
        struct map_entry *e = m->buckets[bucket];
        for (size_t skip = *at & 0xFFFF; e != NULL && skip > 0; skip--)
            e = e->next;
        if (e == NULL)
            continue;
        (*at)++;
        *ret_key = (struct parley_view){e->key, e->key_len};
        *ret_value = e->value;
        return true;
    }
    return false;
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->bucket_count; i++) {
        struct map_entry *e = m->buckets[i];
        while (e != NULL) {
            struct map_entry *next = e->next;
            free(e);
            e = next;
        }
    }
    free(m->buckets);
    *m = (struct map){0};
}
