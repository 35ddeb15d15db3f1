/* SPDX-License-Identifier: Apache-2.0 */
/* What was evaluated of an object or array, and what is said about the rest. */
#include "base/json_schema_check.h"

#include <stdlib.h>
#include <string.h>

bool seen_init(struct seen *seen, const json_t *value)
{
    seen->count = json_is_object(value) ? json_object_size(value) : json_array_size(value);
    seen->places = calloc(seen->count + 1, sizeof(*seen->places));
    return seen->places != NULL;
}

void seen_done(struct seen *seen)
{
    free(seen->places);
    *seen = (struct seen){0};
}

void seen_add(struct seen *seen, const struct seen *more)
{
    for (size_t i = 0; i < seen->count && i < more->count; i++)
        seen->places[i] = seen->places[i] || more->places[i];
}

static enum json_schema_verdict check_members(struct check *c, const json_t *rule,
                                              const json_t *object, const struct seen *seen)
{
    enum json_schema_verdict v = JSON_SCHEMA_FITS;
    size_t place = 0;
    const char *key;
    json_t *member;

    json_object_foreach((json_t *)(uintptr_t)object, key, member)
    {
        if (seen->places[place++])
            continue;
        size_t mark = path_enter_member(c, key);
        if (json_is_false(rule))
            v = schema_refuse(c, WEIGHT_REST, "it is not allowed here");
        else
            v = schema_both(v, schema_apply(c, rule, member, NULL));
        path_leave(c, mark);
        if (v == JSON_SCHEMA_MISFIT)
            break;
    }
    return v;
}

static enum json_schema_verdict check_items(struct check *c, const json_t *rule,
                                            const json_t *array, const struct seen *seen)
{
    enum json_schema_verdict v = JSON_SCHEMA_FITS;

    for (size_t i = 0; i < seen->count && v != JSON_SCHEMA_MISFIT; i++) {
        if (seen->places[i])
            continue;
        size_t mark = path_enter_item(c, i);
        v = schema_both(v, schema_apply(c, rule, json_array_get(array, i), NULL));
        path_leave(c, mark);
    }
    return v;
}

enum json_schema_verdict schema_check_unseen(struct check *c, const json_t *schema,
                                             const json_t *value, struct seen *seen)
{
    bool is_object = json_is_object(value);
    const json_t *rule =
        json_object_get(schema, is_object ? "unevaluatedProperties" : "unevaluatedItems");
    enum json_schema_verdict v =
        is_object ? check_members(c, rule, value, seen) : check_items(c, rule, value, seen);

    seen_mark_all(seen);
    return v;
}
