/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "value.h"

#include <stdio.h>
#include <string.h>

static const char *id_at(const struct session *s, size_t i)
{
    return value_str(json_array_get(s->items, i), "id", "");
}

long conversation_find(const struct session *s, const char *id)
{
    for (size_t i = 0; i < json_array_size(s->items); i++) {
        if (strcmp(id_at(s, i), id) == 0)
            return (long)i;
    }
    return -1;
}

void conversation_add(struct session *s, json_t *item, const char *after)
{
    size_t at = json_array_size(s->items);

    if (after != NULL && strcmp(after, "root") == 0)
        at = 0;
    else if (after != NULL && conversation_find(s, after) >= 0)
        at = (size_t)conversation_find(s, after) + 1;
    json_array_insert(s->items, at, item);
    (void)snprintf(s->last_item, sizeof(s->last_item), "%s", value_str(item, "id", ""));
}

void conversation_replace(struct session *s, json_t *item)
{
    long at = conversation_find(s, value_str(item, "id", ""));

    if (at >= 0)
        json_array_set(s->items, (size_t)at, item);
}

json_t *conversation_before(const struct session *s, const char *id)
{
    long at = conversation_find(s, id);

    return at <= 0 ? json_null() : json_string(id_at(s, (size_t)at - 1));
}
