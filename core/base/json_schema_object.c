/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords for objects. */
#include "base/json_schema_check.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

#define MAX_LISTED 140

/* ---- members ---- */

static enum json_schema_verdict refuse_unknown(struct check *c, const json_t *schema)
{
    struct buf known = {0};
    const char *key;
    json_t *below;

    if (!schema_is_heard(c, WEIGHT_REST))
        return JSON_SCHEMA_MISFIT;
    json_object_foreach(json_object_get(schema, "properties"), key, below)
    {
        if (known.len < MAX_LISTED)
            buf_printf(&known, "%s%.60s", known.len == 0 ? "" : ", ", key);
        else if (known.data[known.len - 1] != '.')
            buf_append_str(&known, " ...");
    }
    if (known.len == 0)
        (void)schema_refuse(c, WEIGHT_REST, "it is not allowed; leave it out");
    else
        (void)schema_refuse(c, WEIGHT_REST, "it is not allowed; there is only %s", known.data);
    buf_done(&known);
    return JSON_SCHEMA_MISFIT;
}

struct member {
    const char *name;
    const json_t *value;
    bool is_named;     /* by properties or patternProperties */
    bool is_undecided; /* by a pattern */
    bool is_seen;
};

static enum json_schema_verdict check_patterns(struct check *c, const json_t *schema,
                                               struct member *m)
{
    enum json_schema_verdict v = JSON_SCHEMA_FITS;
    const char *text;
    json_t *below;

    json_object_foreach(json_object_get(schema, "patternProperties"), text, below)
    {
        enum json_pattern_answer answer = schema_find_pattern(c, text, view_of(m->name));
        if (answer == JSON_PATTERN_UNKNOWN) {
            m->is_undecided = true;
            v = schema_both(v, JSON_SCHEMA_UNKNOWN);
        } else if (answer == JSON_PATTERN_YES) {
            m->is_named = true;
            v = schema_both(v, schema_apply(c, below, m->value, NULL));
        }
        if (v == JSON_SCHEMA_MISFIT)
            break;
    }
    return v;
}

static enum json_schema_verdict check_additional(struct check *c, const json_t *schema,
                                                 struct member *m)
{
    const json_t *rule = json_object_get(schema, "additionalProperties");

    m->is_seen = m->is_named;
    if (rule == NULL || m->is_named)
        return JSON_SCHEMA_FITS;
    if (m->is_undecided)
        return JSON_SCHEMA_UNKNOWN;
    m->is_seen = true;
    return json_is_false(rule) ? refuse_unknown(c, schema) : schema_apply(c, rule, m->value, NULL);
}

static enum json_schema_verdict check_name(struct check *c, const json_t *schema, const char *name)
{
    const json_t *rule = json_object_get(schema, "propertyNames");

    if (rule == NULL)
        return JSON_SCHEMA_FITS;
    json_t *text = json_string(name);
    enum json_schema_verdict v =
        text == NULL ? JSON_SCHEMA_UNKNOWN : schema_apply(c, rule, text, NULL);
    json_decref(text);
    return v;
}

static enum json_schema_verdict check_member(struct check *c, const json_t *schema,
                                             struct member *m)
{
    const json_t *property = json_object_get(json_object_get(schema, "properties"), m->name);
    enum json_schema_verdict v = JSON_SCHEMA_FITS;

    if (property != NULL) {
        m->is_named = true;
        v = schema_apply(c, property, m->value, NULL);
    }
    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, check_patterns(c, schema, m));
    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, check_additional(c, schema, m));
    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, check_name(c, schema, m->name));
    return v;
}

static bool has_rules_for_members(const json_t *schema)
{
    static const char *const keys[] = {"properties", "patternProperties", "additionalProperties",
                                       "propertyNames"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (json_object_get(schema, keys[i]) != NULL)
            return true;
    }
    return false;
}

static enum json_schema_verdict check_members(struct check *c, const json_t *schema,
                                              const json_t *object, struct seen *seen)
{
    enum json_schema_verdict v = JSON_SCHEMA_FITS;
    struct member m = {0};
    size_t place = 0;
    json_t *value;

    if (!has_rules_for_members(schema))
        return v;
    json_object_foreach((json_t *)(uintptr_t)object, m.name, value)
    {
        if (!schema_spend(c, 1))
            return JSON_SCHEMA_UNKNOWN;
        m = (struct member){.name = m.name, .value = value};
        size_t mark = path_enter_member(c, m.name);
        v = schema_both(v, check_member(c, schema, &m));
        path_leave(c, mark);
        if (v == JSON_SCHEMA_MISFIT)
            break;
        if (m.is_seen)
            seen_mark(seen, place);
        place++;
    }
    return v;
}

/* ---- which members there are ---- */

static enum json_schema_verdict refuse_missing(struct check *c, const json_t *schema,
                                               const char *name, const char *because)
{
    const json_t *property = json_object_get(json_object_get(schema, "properties"), name);
    const char *type = json_get_str(property, "type", NULL);
    size_t mark = path_enter_member(c, name);

    if (because != NULL)
        (void)schema_refuse(c, WEIGHT_REST, "it is missing; %.60s needs it", because);
    else if (type != NULL)
        (void)schema_refuse(c, WEIGHT_REST, "it is missing; it must be %.60s",
                            schema_type_words(type));
    else
        (void)schema_refuse(c, WEIGHT_REST, "it is missing");
    path_leave(c, mark);
    return JSON_SCHEMA_MISFIT;
}

static enum json_schema_verdict check_required(struct check *c, const json_t *schema,
                                               const json_t *names, const json_t *object,
                                               const char *because)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        if (!schema_spend(c, 1))
            return JSON_SCHEMA_UNKNOWN;
        if (json_is_string(name) && json_object_get(object, json_string_value(name)) == NULL)
            return refuse_missing(c, schema, json_string_value(name), because);
    }
    return JSON_SCHEMA_FITS;
}

static enum json_schema_verdict check_count(struct check *c, const json_t *schema,
                                            const json_t *object)
{
    const json_t *least = json_object_get(schema, "minProperties");
    const json_t *most = json_object_get(schema, "maxProperties");
    double count = (double)json_object_size(object);

    if (json_is_number(least) && count < json_number_value(least))
        return schema_refuse(c, WEIGHT_REST, "it has %.0f members, which is below the minimum %.0f",
                             count, json_number_value(least));
    if (json_is_number(most) && count > json_number_value(most))
        return schema_refuse(c, WEIGHT_REST, "it has %.0f members, which is above the maximum %.0f",
                             count, json_number_value(most));
    return JSON_SCHEMA_FITS;
}

/* `dependentRequired`, `dependentSchemas`, and `dependencies`, which is either. */
static enum json_schema_verdict check_dependent(struct check *c, const json_t *schema,
                                                const char *keyword, const json_t *object,
                                                struct seen *seen)
{
    enum json_schema_verdict v = JSON_SCHEMA_FITS;
    const char *name;
    json_t *rule;

    json_object_foreach(json_object_get(schema, keyword), name, rule)
    {
        if (!schema_spend(c, 1))
            return JSON_SCHEMA_UNKNOWN;
        if (json_object_get(object, name) == NULL)
            continue;
        if (json_is_array(rule))
            v = schema_both(v, check_required(c, schema, rule, object, name));
        else
            v = schema_both(v, schema_apply(c, rule, object, seen));
        if (v == JSON_SCHEMA_MISFIT)
            break;
    }
    return v;
}

enum json_schema_verdict schema_check_object(struct check *c, const json_t *schema,
                                             const json_t *object, struct seen *seen)
{
    static const char *const dependent[] = {"dependentRequired", "dependentSchemas",
                                            "dependencies"};
    enum json_schema_verdict v = check_members(c, schema, object, seen);

    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(
            v, check_required(c, schema, json_object_get(schema, "required"), object, NULL));
    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, check_count(c, schema, object));
    for (size_t i = 0; i < 3 && v != JSON_SCHEMA_MISFIT; i++)
        v = schema_both(v, check_dependent(c, schema, dependent[i], object, seen));
    return v;
}
