/* SPDX-License-Identifier: Apache-2.0 */
#include "cache.h"

#include "document.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DATA 16384 /* bytes of a head's data; longer ones are read each time */

static struct cached *slot_of(const struct cache *c, size_t hash)
{
    return (struct cached *)&c->slots[hash % CACHE_SLOTS];
}

static void clear(struct cached *slot)
{
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

void cache_keep(struct cache *c, const char *session_id, size_t hash, json_t *head,
                const char *etag)
{
    struct cached *slot = slot_of(c, hash);
    size_t data_len = json_string_length(json_object_get(head, "data"));

    clear(slot);
    if (etag == NULL || data_len > MAX_DATA || document_is_removed(head))
        return;
    slot->session_id = strdup(session_id);
    slot->etag = strdup(etag);
    slot->head = json_incref(head);
    if (slot->session_id == NULL || slot->etag == NULL)
        clear(slot);
}

void cache_forget(struct cache *c, const char *session_id, size_t hash)
{
    struct cached *slot = slot_of(c, hash);

    if (slot->session_id != NULL && strcmp(slot->session_id, session_id) == 0)
        clear(slot);
}

void cache_done(struct cache *c)
{
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        clear(&c->slots[i]);
}
