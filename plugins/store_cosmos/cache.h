/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heads that this worker wrote last, so that a turn costs one request. It may be behind the
 * truth: a write with an old entity tag fails, and then the head is read.
 */
#ifndef STORE_COSMOS_CACHE_H
#define STORE_COSMOS_CACHE_H

#include <stddef.h>

#include <jansson.h>

#define CACHE_SLOTS 1024

struct cached {
    char *session_id;
    char *etag;
    json_t *head;
    size_t bytes;
};

/* Zeroed is valid: empty. */
struct cache {
    struct cached slots[CACHE_SLOTS]; /* by the hash of the session's id; the newest stays */
    size_t bytes;
    size_t hand; /* the slot that makes room next */
};

/* Copies; *ret_head is a new reference. NULL when it is not known. */
json_t *cache_find(const struct cache *c, const char *session_id, size_t hash, char **ret_etag);

/* Keep; what does not fit is forgotten. The head must not be changed any more. */
void cache_keep(struct cache *c, const char *session_id, size_t hash, json_t *head,
                const char *etag);
void cache_forget(struct cache *c, const char *session_id, size_t hash);
void cache_done(struct cache *c);

#endif
