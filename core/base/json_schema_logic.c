/* SPDX-License-Identifier: Apache-2.0 */
/* allOf, anyOf, oneOf, not, if: subschemas for the same value. */
#include "base/json_schema_check.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

#define MAX_TYPE_WORDS 160

static enum json_schema_verdict check_all(struct check *c, const json_t *list, const json_t *value,
                                          struct seen *seen)
{
    enum json_schema_verdict v = JSON_SCHEMA_FITS;

    for (size_t i = 0; i < json_array_size(list) && v != JSON_SCHEMA_MISFIT; i++)
        v = schema_both(v, schema_apply(c, json_array_get(list, i), value, seen));
    return v;
}

/* ---- alternatives ---- */

/* An alternative that does not fit has seen nothing. */
static enum json_schema_verdict apply_alternative(struct check *c, const json_t *schema,
                                                  const json_t *value, struct seen *seen)
{
    struct seen own;

    if (seen == NULL)
        return schema_apply(c, schema, value, NULL);
    if (!schema_spend(c, 1 + seen->count) || !seen_init(&own, value))
        return JSON_SCHEMA_UNKNOWN;
    enum json_schema_verdict v = schema_apply(c, schema, value, &own);
    if (v == JSON_SCHEMA_FITS)
        seen_add(seen, &own);
    seen_done(&own);
    return v;
}

struct tally {
    size_t fits;
    size_t unknown;
    size_t first; /* that fits */
    size_t last;
};

static struct tally try_alternatives(struct check *c, const json_t *list, const json_t *value,
                                     struct seen *seen, size_t enough)
{
    struct tally t = {0};

    for (size_t i = 0; i < json_array_size(list) && t.fits < enough; i++) {
        enum json_schema_verdict v = apply_alternative(c, json_array_get(list, i), value, seen);
        t.unknown += v == JSON_SCHEMA_UNKNOWN;
        if (v != JSON_SCHEMA_FITS)
            continue;
        if (t.fits++ == 0)
            t.first = i;
        t.last = i;
    }
    return t;
}

static const json_t *behind_reference(const struct check *c, const json_t *schema)
{
    const char *ref = json_get_str(schema, "$ref", NULL);
    const json_t *target = ref == NULL ? NULL : schema_resolve(c->schema, ref);

    return target == NULL ? schema : target;
}

/* "a string or null", when each alternative says its type. */
static bool write_types(const struct check *c, const json_t *list, struct buf *out)
{
    size_t count = json_array_size(list);

    for (size_t i = 0; i < count; i++) {
        const json_t *one = behind_reference(c, json_array_get(list, i));
        const char *type = json_get_str(one, "type", NULL);
        const char *join = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        if (type == NULL || out->len > MAX_TYPE_WORDS)
            return false;
        buf_printf(out, "%s%s", join, schema_type_words(type));
    }
    return !out->failed && out->len > 0;
}

static bool has_some_type(const struct check *c, const json_t *list, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = behind_reference(c, json_array_get(list, i));
        if (schema_is_of_type(value, json_get_str(one, "type", "")))
            return true;
    }
    return false;
}

/* None got beyond saying that the value is of another kind: name all the kinds there are. */
static enum json_schema_verdict refuse_kinds(struct check *c, const json_t *list,
                                             const json_t *value)
{
    struct buf types = {0};
    char quoted[SCHEMA_QUOTED];

    if (write_types(c, list, &types) && !has_some_type(c, list, value))
        (void)schema_refuse(c, WEIGHT_REST, "%s is %s; it must be %s",
                            schema_quote(c, value, quoted, sizeof(quoted)), schema_kind(value),
                            types.data);
    else
        (void)schema_refuse(c, WEIGHT_REST, "%s fits none of the %zu alternatives",
                            schema_quote(c, value, quoted, sizeof(quoted)), json_array_size(list));
    buf_done(&types);
    return JSON_SCHEMA_MISFIT;
}

static enum json_schema_verdict refuse_all(struct check *c, const json_t *list, const json_t *value)
{
    unsigned shallow = 1 + 2 * c->path_depth + WEIGHT_KIND;

    if (schema_is_heard(c, WEIGHT_REST) && c->fault.rank <= shallow)
        return refuse_kinds(c, list, value);
    return JSON_SCHEMA_MISFIT; /* the best of their reasons stands */
}

/* The reasons of alternatives are worth telling only when none fits. */
static enum json_schema_verdict check_alternatives(struct check *c, const json_t *list,
                                                   const json_t *value, struct seen *seen,
                                                   bool is_one)
{
    const struct fault before = c->fault;

    c->fault.rank = 0;
    struct tally t = try_alternatives(c, list, value, seen,
                                      is_one         ? 2
                                      : seen == NULL ? 1
                                                     : SIZE_MAX);
    if (t.fits == 0 && t.unknown == 0) {
        (void)refuse_all(c, list, value);
        if (before.rank > c->fault.rank)
            c->fault = before;
        return JSON_SCHEMA_MISFIT;
    }
    c->fault = before;
    if (is_one && t.fits > 1)
        return schema_refuse(c, WEIGHT_REST,
                             "it fits alternatives %zu and %zu; it must fit exactly one",
                             t.first + 1, t.last + 1);
    if (t.fits == 0 || (is_one && t.unknown > 0))
        return JSON_SCHEMA_UNKNOWN;
    /* What an undecided alternative would have seen is not known either. */
    return seen != NULL && t.unknown > 0 ? JSON_SCHEMA_UNKNOWN : JSON_SCHEMA_FITS;
}

/* ---- not, if ---- */

static enum json_schema_verdict check_not(struct check *c, const json_t *schema,
                                          const json_t *value)
{
    enum json_schema_verdict v = schema_try(c, schema, value, NULL);

    if (v == JSON_SCHEMA_FITS)
        return schema_refuse(c, WEIGHT_REST, "it is what it must not be (`not`)");
    return v == JSON_SCHEMA_MISFIT ? JSON_SCHEMA_FITS : v;
}

static enum json_schema_verdict check_if(struct check *c, const json_t *schema, const json_t *value,
                                         struct seen *seen)
{
    c->silence++;
    enum json_schema_verdict v = apply_alternative(c, json_object_get(schema, "if"), value, seen);
    c->silence--;
    if (v == JSON_SCHEMA_UNKNOWN)
        return v;
    const json_t *next = json_object_get(schema, v == JSON_SCHEMA_FITS ? "then" : "else");
    return next == NULL ? JSON_SCHEMA_FITS : schema_apply(c, next, value, seen);
}

enum json_schema_verdict schema_check_logic(struct check *c, const json_t *schema,
                                            const json_t *value, struct seen *seen)
{
    const json_t *all = json_object_get(schema, "allOf"), *any = json_object_get(schema, "anyOf"),
                 *one = json_object_get(schema, "oneOf"), *no = json_object_get(schema, "not");
    enum json_schema_verdict v = JSON_SCHEMA_FITS;

    if (json_is_array(all))
        v = check_all(c, all, value, seen);
    if (v != JSON_SCHEMA_MISFIT && json_array_size(any) > 0)
        v = schema_both(v, check_alternatives(c, any, value, seen, false));
    if (v != JSON_SCHEMA_MISFIT && json_array_size(one) > 0)
        v = schema_both(v, check_alternatives(c, one, value, seen, true));
    if (v != JSON_SCHEMA_MISFIT && no != NULL)
        v = schema_both(v, check_not(c, no, value));
    if (v != JSON_SCHEMA_MISFIT && json_object_get(schema, "if") != NULL)
        v = schema_both(v, check_if(c, schema, value, seen));
    return v;
}
