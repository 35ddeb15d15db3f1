/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include "document.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)16 << 20)  /* of all heads together */
#define MAX_HEAD  ((size_t)256 << 10) /* longer ones are read each time */
#define OVERHEAD  2048                /* of a head beside its data */

static struct cached *slot_of(const struct cache *c, size_t hash)
{
    return (struct cached *)&c->slots[hash % CACHE_SLOTS];
}

static void clear(struct cache *c, struct cached *slot)
{
    c->bytes -= slot->bytes;
    free(slot->session_id);
    free(slot->etag);
    json_decref(slot->head);
    memset(slot, 0, sizeof(*slot));
}

json_t *cache_find(const struct cache *c, const char *session_id, size_t hash, char **ret_etag)
{
    const struct cached *slot = slot_of(c, hash);

    if (slot->session_id == NULL || strcmp(slot->session_id, session_id) != 0)
        return NULL;
    *ret_etag = strdup(slot->etag);
    return *ret_etag == NULL ? NULL : json_incref(slot->head);
}

static void make_room(struct cache *c, size_t bytes)
{
    for (size_t i = 0; i < CACHE_SLOTS && c->bytes + bytes > MAX_BYTES; i++) {
        clear(c, &c->slots[c->hand]);
        c->hand = (c->hand + 1) % CACHE_SLOTS;
    }
}

void cache_keep(struct cache *c, const char *session_id, size_t hash, json_t *head,
                const char *etag)
{
    struct cached *slot = slot_of(c, hash);
    size_t bytes = json_string_length(json_object_get(head, "data")) + OVERHEAD;

    clear(c, slot);
    if (etag == NULL || bytes > MAX_HEAD || document_is_removed(head))
        return;
    make_room(c, bytes);
    slot->session_id = strdup(session_id);
    slot->etag = strdup(etag);
    slot->head = json_incref(head);
    slot->bytes = bytes;
    c->bytes += bytes;
    if (slot->session_id == NULL || slot->etag == NULL)
        clear(c, slot);
}

void cache_forget(struct cache *c, const char *session_id, size_t hash)
{
    struct cached *slot = slot_of(c, hash);

    if (slot->session_id != NULL && strcmp(slot->session_id, session_id) == 0)
        clear(c, slot);
}

void cache_done(struct cache *c)
{
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        clear(c, &c->slots[i]);
}
