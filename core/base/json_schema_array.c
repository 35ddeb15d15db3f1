/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords for arrays. */
#include "base/json_schema_check.h"

#include "base/json.h"
#include "base/json_same.h"

#include <math.h>
#include <stdlib.h>

/* ---- items ---- */

/* By place, then the rest: prefixItems and items, or items and additionalItems of older drafts. */
struct item_rules {
    const json_t *places;
    const json_t *rest;
};

static struct item_rules rules_of(const struct check *c, const json_t *schema)
{
    const json_t *items = json_object_get(schema, "items");

    if (json_is_array(items))
        return (struct item_rules){items, json_object_get(schema, "additionalItems")};
    return (struct item_rules){
        c->schema->dialect == SCHEMA_2020 ? json_object_get(schema, "prefixItems") : NULL, items};
}

static enum json_schema_verdict check_item(struct check *c, const json_t *rule, const json_t *array,
                                           size_t index)
{
    size_t mark = path_enter_item(c, index);
    enum json_schema_verdict v =
        json_is_false(rule) ? schema_refuse(c, WEIGHT_REST, "it is one item too many; leave it out")
                            : schema_apply(c, rule, json_array_get(array, index), NULL);

    path_leave(c, mark);
    return v;
}

static enum json_schema_verdict check_items(struct check *c, const json_t *schema,
                                            const json_t *array, struct seen *seen)
{
    struct item_rules rules = rules_of(c, schema);
    size_t count = json_array_size(array), placed = json_array_size(rules.places);
    enum json_schema_verdict v = JSON_SCHEMA_FITS;

    if (rules.rest == NULL && count > placed)
        count = placed;
    for (size_t i = 0; i < count && v != JSON_SCHEMA_MISFIT; i++) {
        if (!schema_spend(c, 1))
            return JSON_SCHEMA_UNKNOWN;
        const json_t *rule = i < placed ? json_array_get(rules.places, i) : rules.rest;
        v = schema_both(v, check_item(c, rule, array, i));
        seen_mark(seen, i);
    }
    return v;
}

/* ---- contains ---- */

static enum json_schema_verdict judge_count(struct check *c, const json_t *schema, size_t found,
                                            size_t unknown)
{
    double least = json_get_number(schema, "minContains", 1);
    double most = json_get_number(schema, "maxContains", INFINITY);

    if ((double)found > most)
        return schema_refuse(c, WEIGHT_REST,
                             "%zu of its items are as `contains` says; %.0f is the maximum", found,
                             most);
    if ((double)(found + unknown) < least)
        return schema_refuse(c, WEIGHT_REST,
                             "%zu of its items are as `contains` says; %.0f is the minimum", found,
                             least);
    return unknown > 0 ? JSON_SCHEMA_UNKNOWN : JSON_SCHEMA_FITS;
}

static enum json_schema_verdict check_contains(struct check *c, const json_t *schema,
                                               const json_t *array, struct seen *seen)
{
    const json_t *rule = json_object_get(schema, "contains");
    size_t found = 0, unknown = 0;

    if (rule == NULL)
        return JSON_SCHEMA_FITS;
    for (size_t i = 0; i < json_array_size(array); i++) {
        enum json_schema_verdict v = schema_try(c, rule, json_array_get(array, i), NULL);
        unknown += v == JSON_SCHEMA_UNKNOWN;
        found += v == JSON_SCHEMA_FITS;
        if (v == JSON_SCHEMA_FITS && c->schema->dialect == SCHEMA_2020)
            seen_mark(seen, i);
    }
    return judge_count(c, schema, found, unknown);
}

/* ---- how many, and all different ---- */

static enum json_schema_verdict check_count(struct check *c, const json_t *schema,
                                            const json_t *array)
{
    const json_t *least = json_object_get(schema, "minItems");
    const json_t *most = json_object_get(schema, "maxItems");
    double count = (double)json_array_size(array);

    if (json_is_number(least) && count < json_number_value(least))
        return schema_refuse(c, WEIGHT_REST, "it has %.0f items, which is below the minimum %.0f",
                             count, json_number_value(least));
    if (json_is_number(most) && count > json_number_value(most))
        return schema_refuse(c, WEIGHT_REST, "it has %.0f items, which is above the maximum %.0f",
                             count, json_number_value(most));
    return JSON_SCHEMA_FITS;
}

struct hashed {
    uint64_t hash;
    size_t index;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* Among items of one hash, which follow each other. */
static enum json_schema_verdict find_twins(struct check *c, const json_t *array,
                                           const struct hashed *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count && items[j].hash == items[i].hash; j++) {
            if (json_is_same(json_array_get(array, items[i].index),
                             json_array_get(array, items[j].index), &c->work))
                return schema_refuse(c, WEIGHT_REST,
                                     "items %zu and %zu are the same; each must be different",
                                     items[i].index, items[j].index);
            if (c->work == 0)
                return JSON_SCHEMA_UNKNOWN;
        }
    }
    return JSON_SCHEMA_FITS;
}

static enum json_schema_verdict check_unique(struct check *c, const json_t *schema,
                                             const json_t *array)
{
    size_t count = json_array_size(array);

    if (!json_is_true(json_object_get(schema, "uniqueItems")) || count < 2)
        return JSON_SCHEMA_FITS;
    struct hashed *items = schema_spend(c, count) ? calloc(count, sizeof(*items)) : NULL;
    if (items == NULL)
        return JSON_SCHEMA_UNKNOWN;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct hashed){json_hash_of(json_array_get(array, i), &c->work), i};
    qsort(items, count, sizeof(*items), by_hash);
    enum json_schema_verdict v =
        c->work == 0 ? JSON_SCHEMA_UNKNOWN : find_twins(c, array, items, count);
    free(items);
    return v;
}

enum json_schema_verdict schema_check_array(struct check *c, const json_t *schema,
                                            const json_t *array, struct seen *seen)
{
    enum json_schema_verdict v = check_items(c, schema, array, seen);

    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, check_count(c, schema, array));
    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, check_contains(c, schema, array, seen));
    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, check_unique(c, schema, array));
    return v;
}
