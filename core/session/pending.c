/* SPDX-License-Identifier: Apache-2.0 */
#include "session/pending.h"

#include "base/id.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

void pending_init(struct pending_list *p)
{
    *p = (struct pending_list){0};
    memcpy(p->prefix, "parley_", 7);
    id_random(p->prefix + 7, sizeof(p->prefix) - 8);
}

void pending_remove(struct pending *e)
{
    if (e == NULL)
        return;
    free(e->client_event_id);
    json_decref(e->before);
    json_decref(e->tree);
    *e = (struct pending){0};
}

void pending_done(struct pending_list *p)
{
    for (size_t i = 0; i < PENDING_MAX; i++)
        pending_remove(&p->entries[i]);
}

struct pending *pending_add(struct pending_list *p, enum pending_kind kind,
                            struct parley_view client_event_id, json_t *tree)
{
    struct pending *e = &p->entries[p->next];

    pending_remove(e);
    p->next = (p->next + 1) % PENDING_MAX;
    e->kind = kind;
    e->tree = tree;
    e->client_event_id = client_event_id.len == 0 ? NULL : view_dup(client_event_id);
    size_t len = strlen(p->prefix);
    memcpy(e->id, p->prefix, len);
    e->number = ++p->last;
    (void)snprintf(e->id + len, sizeof(e->id) - len, "_%u", (unsigned)e->number);
    return e;
}

bool pending_is_ours(const struct pending_list *p, struct parley_view id)
{
    return view_starts_with(id, view_of(p->prefix));
}

struct pending *pending_find(struct pending_list *p, struct parley_view id)
{
    if (!pending_is_ours(p, id))
        return NULL;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (p->entries[i].kind != PENDING_NONE && view_is(id, p->entries[i].id))
            return &p->entries[i];
    }
    return NULL;
}

struct pending *pending_numbered(struct pending_list *p, uint32_t number)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (p->entries[i].kind != PENDING_NONE && p->entries[i].number == number)
            return &p->entries[i];
    }
    return NULL;
}

struct pending *pending_after(struct pending_list *p, enum pending_kind kind, uint32_t number)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *e = &p->entries[(p->next + i) % PENDING_MAX];
        if (e->kind == kind && e->number > number)
            return e;
    }
    return NULL;
}

struct pending *pending_oldest(struct pending_list *p, enum pending_kind kind)
{
    return pending_after(p, kind, 0);
}

bool pending_has(const struct pending_list *p, enum pending_kind kind)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (p->entries[i].kind == kind)
            return true;
    }
    return false;
}
