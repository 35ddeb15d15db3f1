/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_schema_check.h"

#include "base/json.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define REF_COST 4 /* of finding what it leads to */

/* ---- help for all keywords ---- */

bool schema_spend(struct check *c, size_t work)
{
    if (c->work < work) {
        c->work = 0;
        return false;
    }
    c->work -= work;
    return true;
}

/* The last few stay compiled: a list of items asks for the same one again and again. */
static struct kept_pattern *keep_pattern(struct check *c, const char *pattern)
{
    struct kept_pattern *slot = &c->patterns[c->next_pattern++ % SCHEMA_MAX_PATTERNS];

    (void)json_pattern_destroy(slot->pattern);
    slot->text = pattern;
    slot->pattern = json_pattern_create(view_of(pattern));
    return slot;
}

enum json_pattern_answer schema_find_pattern(struct check *c, const char *pattern,
                                             struct parley_view subject)
{
    for (size_t i = 0; i < SCHEMA_MAX_PATTERNS; i++) {
        if (c->patterns[i].text == pattern)
            return json_pattern_find(c->patterns[i].pattern, subject, &c->work);
    }
    if (!schema_spend(c, 20 + strlen(pattern)))
        return JSON_PATTERN_UNKNOWN;
    return json_pattern_find(keep_pattern(c, pattern)->pattern, subject, &c->work);
}

/* ---- one subschema ---- */

static enum json_schema_verdict check_reference(struct check *c, const json_t *schema,
                                                const json_t *value, struct seen *seen)
{
    const json_t *ref = json_object_get(schema, "$ref");
    enum json_schema_verdict v = JSON_SCHEMA_FITS;

    if (json_is_string(ref) && !schema_spend(c, REF_COST))
        return JSON_SCHEMA_UNKNOWN;
    if (json_is_string(ref)) {
        const json_t *target = schema_resolve(c->schema, json_string_value(ref));
        v = target == NULL ? JSON_SCHEMA_UNKNOWN : schema_apply(c, target, value, seen);
    }
    if (json_object_get(schema, "$dynamicRef") != NULL ||
        json_object_get(schema, "$recursiveRef") != NULL)
        v = schema_both(v, JSON_SCHEMA_UNKNOWN);
    return v;
}

static bool is_only_reference(const struct check *c, const json_t *schema)
{
    return c->schema->dialect >= SCHEMA_DRAFT7 && json_is_string(json_object_get(schema, "$ref"));
}

/* All keywords but unevaluated... */
static enum json_schema_verdict check_keywords(struct check *c, const json_t *schema,
                                               const json_t *value, struct seen *seen)
{
    enum json_schema_verdict v = check_reference(c, schema, value, seen);

    if (v == JSON_SCHEMA_MISFIT || is_only_reference(c, schema))
        return v;
    v = schema_both(v, schema_check_value(c, schema, value));
    if (v != JSON_SCHEMA_MISFIT && json_is_object(value))
        v = schema_both(v, schema_check_object(c, schema, value, seen));
    if (v != JSON_SCHEMA_MISFIT && json_is_array(value))
        v = schema_both(v, schema_check_array(c, schema, value, seen));
    if (v != JSON_SCHEMA_MISFIT)
        v = schema_both(v, schema_check_logic(c, schema, value, seen));
    return v;
}

static bool asks_for_unseen(const json_t *schema, const json_t *value)
{
    return (json_is_object(value) && json_object_get(schema, "unevaluatedProperties") != NULL) ||
           (json_is_array(value) && json_object_get(schema, "unevaluatedItems") != NULL);
}

static enum json_schema_verdict check_with_unseen(struct check *c, const json_t *schema,
                                                  const json_t *value, struct seen *seen)
{
    struct seen own;

    if (!schema_spend(c, 1 + json_object_size(value) + json_array_size(value)) ||
        !seen_init(&own, value))
        return JSON_SCHEMA_UNKNOWN;
    enum json_schema_verdict v = check_keywords(c, schema, value, &own);
    if (v == JSON_SCHEMA_FITS) /* else what was seen is not known */
        v = schema_check_unseen(c, schema, value, &own);
    if (v == JSON_SCHEMA_FITS && seen != NULL)
        seen_add(seen, &own);
    seen_done(&own);
    return v;
}

static enum json_schema_verdict apply(struct check *c, const json_t *schema, const json_t *value,
                                      struct seen *seen)
{
    if (json_is_true(schema))
        return JSON_SCHEMA_FITS;
    if (json_is_false(schema))
        return schema_refuse(c, WEIGHT_KIND, "nothing is allowed here");
    if (!json_is_object(schema) || !schema_spend(c, 1) || c->depth > SCHEMA_MAX_DEPTH)
        return JSON_SCHEMA_UNKNOWN;
    return asks_for_unseen(schema, value) ? check_with_unseen(c, schema, value, seen)
                                          : check_keywords(c, schema, value, seen);
}

enum json_schema_verdict schema_apply(struct check *c, const json_t *schema, const json_t *value,
                                      struct seen *seen)
{
    c->depth++;
    enum json_schema_verdict v = apply(c, schema, value, seen);
    c->depth--;
    return v;
}

enum json_schema_verdict schema_try(struct check *c, const json_t *schema, const json_t *value,
                                    struct seen *seen)
{
    c->silence++;
    enum json_schema_verdict v = schema_apply(c, schema, value, seen);
    c->silence--;
    return v;
}

/* ---- a whole value ---- */

enum json_schema_verdict json_schema_check(const struct json_schema *s, const json_t *value,
                                           const struct json_schema_words *words,
                                           struct parley_error *err)
{
    struct check c = {.schema = s, .words = words, .work = SCHEMA_WORK};

    if (s == NULL || s->dialect == SCHEMA_OTHER)
        return JSON_SCHEMA_UNKNOWN;
    (void)snprintf(c.path, sizeof(c.path), "%.60s", words->name);
    c.path_len = strlen(c.path);
    enum json_schema_verdict v = schema_apply(&c, s->root, value, NULL);
    for (size_t i = 0; i < SCHEMA_MAX_PATTERNS; i++)
        (void)json_pattern_destroy(c.patterns[i].pattern);
    if (v == JSON_SCHEMA_MISFIT)
        (void)parley_fail(err, PARLEY_E_INVALID, "%s", c.fault.text);
    return v;
}
