/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids belong to the session. Those of its first model are passed on as they are. A model that takes
 * over may count from one again, so everything that it names is known to the client by that name
 * and a tag, "item_7_m2"; one of a host that took the session over has the epoch in it, too, since
 * nobody knows how many models there had been, "item_7_h2m2"; and what it is told of the
 * conversation so far goes by names that it cannot come upon by itself.
 */
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

static void clear(struct map *m)
{
    struct parley_view key;
    size_t at = 0;
    void *value;

    while (map_next(m, &at, &key, &value))
        free(value);
    map_done(m);
}

void names_done(struct session *s)
{
    clear(&s->calls_by_client);
    clear(&s->calls_by_model);
}

void names_next_model(struct session *s)
{
    unsigned number = (++s->model_number + 1) % 1000000;

    if (s->journal.epoch > 1)
        (void)snprintf(s->tag, sizeof(s->tag), "_h%llum%u",
                       (unsigned long long)s->journal.epoch % 1000000000, number);
    else
        (void)snprintf(s->tag, sizeof(s->tag), "_m%u", number);
    s->tag_len = strlen(s->tag);
    names_done(s);
}

struct parley_view names_for_client(const struct session *s, struct parley_view id,
                                    char room[NAMES_ROOM])
{
    if (s->tag_len == 0 || id.len == 0 || id.len + s->tag_len >= NAMES_ROOM)
        return id;
    memcpy(room, id.data, id.len);
    memcpy(room + id.len, s->tag, s->tag_len);
    return (struct parley_view){room, id.len + s->tag_len};
}

struct parley_view names_for_model(const struct session *s, struct parley_view id)
{
    if (s->tag_len == 0 || !view_ends_with(id, (struct parley_view){s->tag, s->tag_len}))
        return id;
    return (struct parley_view){id.data, id.len - s->tag_len};
}

/* ---- calls ---- */

static bool map_both(struct session *s, struct parley_view client, struct parley_view model)
{
    char *theirs = view_dup(model);
    char *ours = view_dup(client);

    if (theirs == NULL || ours == NULL || s->calls_by_client.count >= SESSION_MAX_CALLS ||
        !map_set(&s->calls_by_client, client, theirs)) {
        free(theirs);
        free(ours);
        return false;
    }
    if (map_set(&s->calls_by_model, model, ours))
        return true;
    (void)map_remove(&s->calls_by_client, client);
    free(theirs);
    free(ours);
    return false;
}

struct parley_view names_call_of_model(struct session *s, struct parley_view call_id, bool is_new)
{
    const char *known = map_get(&s->calls_by_model, call_id);
    char room[NAMES_ROOM];

    if (known == NULL && is_new && s->tag_len > 0 && call_id.len > 0 &&
        map_both(s, names_for_client(s, call_id, room), call_id))
        known = map_get(&s->calls_by_model, call_id);
    return known == NULL ? call_id : view_of(known);
}

struct parley_view names_call_of_client(struct session *s, struct parley_view call_id)
{
    const char *known = map_get(&s->calls_by_client, call_id);
    bool is_long = s->caps.max_id_chars != 0 && call_id.len > s->caps.max_id_chars;

    if (known == NULL && is_long && names_renew_call(s, call_id))
        known = map_get(&s->calls_by_client, call_id);
    return known == NULL ? call_id : view_of(known);
}

bool names_renew_call(struct session *s, struct parley_view call_id)
{
    char fresh[ID_SIZE];

    if (call_id.len == 0 || map_get(&s->calls_by_client, call_id) != NULL)
        return true;
    id_make(fresh, "call_");
    return map_both(s, call_id, view_of(fresh));
}

/* ---- whole events ---- */

static void tag_member(const struct session *s, json_t *tree, const char *key)
{
    struct parley_view id = json_get_view(tree, key);
    char room[NAMES_ROOM];

    if (id.len > 0)
        json_object_set_new(tree, key, json_from_view(names_for_client(s, id, room)));
}

void names_stamp(const struct session *s, json_t *event)
{
    if (s->tag_len == 0)
        return;
    tag_member(s, event, "event_id");
    tag_member(s, event, "response_id");
}

void names_of_response(struct session *s, json_t *response)
{
    size_t n;
    json_t *body;

    if (s->tag_len == 0)
        return;
    tag_member(s, response, "id");
    json_array_foreach(json_object_get(response, "output"), n, body)
    {
        names_of_item(s, items_find_model(&s->items, json_get_view(body, "id")), body, true);
    }
}

void names_of_item(struct session *s, const struct item *i, json_t *body, bool is_new)
{
    struct parley_view call_id = json_get_view(body, "call_id");
    struct parley_view known = names_call_of_model(s, call_id, is_new);

    if (i != NULL && i->id != i->model_id)
        json_object_set_new(body, "id", json_string(i->id));
    else if (i == NULL && s->tag_len > 0)
        tag_member(s, body, "id");
    if (!view_equal(known, call_id))
        json_object_set_new(body, "call_id", json_from_view(known));
}
