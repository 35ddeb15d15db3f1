/* SPDX-License-Identifier: Apache-2.0 */
#include "session/items.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

#include <stdlib.h>

void items_init(struct items *c)
{
    *c = (struct items){0};
    list_init(&c->all);
}

static void item_free(struct item *i)
{
    if (i == NULL)
        return;
    if (i->model_id != i->id)
        free(i->model_id);
    free(i->id);
    free(i->asked_by);
    json_decref(i->json);
    free(i);
}

void items_done(struct items *c)
{
    while (!list_empty(&c->all))
        items_remove(c, list_entry(c->all.next, struct item, entry));
    map_done(&c->by_id);
    map_done(&c->by_model_id);
}

struct item *items_find(const struct items *c, struct parley_view id)
{
    return map_get(&c->by_id, id);
}

struct item *items_find_model(const struct items *c, struct parley_view model_id)
{
    return map_get(&c->by_model_id, model_id);
}

static struct item *item_create(struct items *c, struct parley_view id, struct parley_view model_id)
{
    struct item *i = calloc(1, sizeof(*i));

    if (i == NULL)
        return NULL;
    i->id = view_dup(id);
    i->model_id = model_id.len == 0 || view_equal(id, model_id) ? i->id : view_dup(model_id);
    if (i->id == NULL || i->model_id == NULL || !map_set(&c->by_id, id, i)) {
        item_free(i);
        return NULL;
    }
    if (!map_set(&c->by_model_id, view_of(i->model_id), i)) {
        (void)map_remove(&c->by_id, id);
        item_free(i);
        return NULL;
    }
    i->heard_ms = -1;
    c->count++;
    return i;
}

static struct item *insert_before(struct items *c, struct parley_view id,
                                  struct parley_view model_id, struct list *at)
{
    struct item *i = items_find(c, id);

    if (i != NULL)
        return i;
    i = item_create(c, id, model_id);
    if (i != NULL)
        list_insert(at, &i->entry);
    return i;
}

struct item *items_add(struct items *c, struct parley_view id, struct parley_view model_id,
                       struct item *after)
{
    return insert_before(c, id, model_id, after == NULL ? &c->all : after->entry.next);
}

struct item *items_add_first(struct items *c, struct parley_view id, struct parley_view model_id)
{
    return insert_before(c, id, model_id, c->all.next);
}

void items_move(struct item *i, struct item *after)
{
    if (i == after || i->entry.prev == &after->entry)
        return;
    list_remove(&i->entry);
    list_insert(after->entry.next, &i->entry);
}

void items_set_json(struct items *c, struct item *i, json_t *json)
{
    size_t bytes = json_dumpb(json, NULL, 0, JSON_COMPACT);

    json_incref(json);
    json_decref(i->json);
    i->json = json;
    c->bytes += bytes - i->bytes;
    i->bytes = bytes;
}

bool items_rename(struct items *c, struct item *i, struct parley_view model_id)
{
    char *name = view_equal(model_id, view_of(i->id)) ? i->id : view_dup(model_id);
    struct item *other = map_get(&c->by_model_id, model_id);

    if (other == i) {
        if (name != i->id)
            free(name);
        return true;
    }
    if (name == NULL || other != NULL || !map_set(&c->by_model_id, model_id, i)) {
        if (name != i->id)
            free(name);
        return false;
    }
    (void)map_remove(&c->by_model_id, view_of(i->model_id));
    if (i->model_id != i->id)
        free(i->model_id);
    i->model_id = name;
    return true;
}

void items_await(struct items *c, struct item *i)
{
    c->awaited += !i->is_awaited;
    i->is_awaited = true;
}

void items_arrived(struct items *c, struct item *i)
{
    c->awaited -= i->is_awaited;
    i->is_awaited = false;
    free(i->asked_by);
    i->asked_by = NULL;
}

/* Some models write an item anew; none makes text of speech, or other words. */
static bool is_alike(const json_t *told, const json_t *shown)
{
    const json_t *a = json_array_get(json_object_get(told, "content"), 0);
    const json_t *b = json_array_get(json_object_get(shown, "content"), 0);
    struct parley_view said = json_get_view(a, "text"), text = json_get_view(b, "text");

    if (!view_equal(json_get_view(told, "type"), json_get_view(shown, "type")) ||
        !view_equal(json_get_view(told, "role"), json_get_view(shown, "role")))
        return false;
    if (a == NULL || b == NULL)
        return true;
    return view_equal(json_get_view(a, "type"), json_get_view(b, "type")) &&
           (said.len == 0 || text.len == 0 || view_equal(said, text));
}

struct item *items_awaited(const struct items *c, const json_t *body)
{
    struct list *at;

    if (c->awaited == 0)
        return NULL;
    list_for_each(at, &c->all)
    {
        struct item *i = list_entry(at, struct item, entry);
        if (i->is_awaited && is_alike(i->json, body))
            return i;
    }
    return NULL;
}

void items_remove(struct items *c, struct item *i)
{
    items_arrived(c, i);
    list_remove(&i->entry);
    (void)map_remove(&c->by_id, view_of(i->id));
    (void)map_remove(&c->by_model_id, view_of(i->model_id));
    c->count--;
    c->bytes -= i->bytes;
    item_free(i);
}

struct item *items_visible(const struct items *c, struct item *i)
{
    for (struct list *at = i == NULL ? c->all.prev : &i->entry; at != &c->all; at = at->prev) {
        struct item *candidate = list_entry(at, struct item, entry);
        if (!candidate->hidden)
            return candidate;
    }
    return NULL;
}

static size_t trim(struct items *c, size_t max_count, size_t max_bytes, bool only_final)
{
    size_t dropped = 0;
    struct list *at = c->all.next;

    while ((c->count > max_count || c->bytes > max_bytes) && at != &c->all) {
        struct item *i = list_entry(at, struct item, entry);
        at = at->next;
        if (only_final && !i->final)
            continue;
        items_remove(c, i);
        dropped++;
    }
    return dropped;
}

size_t items_trim(struct items *c, size_t max_count, size_t max_bytes)
{
    size_t dropped = trim(c, max_count, max_bytes, true);

    return dropped + trim(c, 2 * max_count, 2 * max_bytes, false);
}
