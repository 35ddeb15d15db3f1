/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords for any value, for numbers and for strings. */
#include "base/json_schema_check.h"

#include "base/json.h"
#include "base/json_same.h"
#include "base/str.h"

#include <math.h>
#include <string.h>

#define MAX_LISTED   160 /* bytes of the values or types that would be right */
#define MAX_BOUND    40
#define BYTES_A_STEP 64   /* of a string whose characters are counted */
#define RELATIVE_GAP 1e-3 /* of a divisor: what binary fractions may be off at most */

/* ---- type, enum, const ---- */

bool schema_is_of_type(const json_t *value, const char *type)
{
    if (strcmp(type, "integer") == 0)
        return json_is_integer(value) ||
               (json_is_real(value) && trunc(json_real_value(value)) == json_real_value(value));
    return strcmp(type, "object") == 0    ? json_is_object(value)
           : strcmp(type, "array") == 0   ? json_is_array(value)
           : strcmp(type, "string") == 0  ? json_is_string(value)
           : strcmp(type, "number") == 0  ? json_is_number(value)
           : strcmp(type, "boolean") == 0 ? json_is_boolean(value)
           : strcmp(type, "null") == 0    ? json_is_null(value)
                                          : false;
}

static void write_type_list(const json_t *types, struct buf *out)
{
    size_t count = json_array_size(types);

    for (size_t i = 0; i < count && out->len < MAX_LISTED; i++) {
        const char *join = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        struct parley_view name = json_view(json_array_get(types, i));
        buf_printf(out, "%s%s", join, schema_type_words(name.data == NULL ? "" : name.data));
    }
}

static enum json_schema_verdict refuse_type(struct check *c, const json_t *type,
                                            const json_t *value)
{
    char quoted[SCHEMA_QUOTED];
    struct buf wanted = {0};

    if (!schema_is_heard(c, WEIGHT_KIND))
        return JSON_SCHEMA_MISFIT;
    if (json_is_string(type))
        buf_append_str(&wanted, schema_type_words(json_string_value(type)));
    else
        write_type_list(type, &wanted);
    (void)schema_refuse(c, WEIGHT_KIND, "%s is %s; it must be %.200s",
                        schema_quote(c, value, quoted, sizeof(quoted)), schema_kind(value),
                        wanted.data == NULL ? "" : wanted.data);
    buf_done(&wanted);
    return JSON_SCHEMA_MISFIT;
}

/* A type that nobody knows is no reason to refuse. */
static bool is_known_type(const char *type)
{
    return strcmp(schema_type_words(type), type) != 0 || strcmp(type, "null") == 0;
}

static enum json_schema_verdict check_type(struct check *c, const json_t *type, const json_t *value)
{
    const json_t *one;
    size_t i;

    if (json_is_string(type)) {
        if (!is_known_type(json_string_value(type)))
            return JSON_SCHEMA_UNKNOWN;
        return schema_is_of_type(value, json_string_value(type)) ? JSON_SCHEMA_FITS
                                                                 : refuse_type(c, type, value);
    }
    if (json_array_size(type) == 0)
        return JSON_SCHEMA_UNKNOWN;
    json_array_foreach(type, i, one)
    {
        if (!json_is_string(one) || !is_known_type(json_string_value(one)))
            return JSON_SCHEMA_UNKNOWN;
        if (schema_is_of_type(value, json_string_value(one)))
            return JSON_SCHEMA_FITS;
    }
    return refuse_type(c, type, value);
}

static enum json_schema_verdict refuse_values(struct check *c, const json_t *choices,
                                              const json_t *value)
{
    char quoted[SCHEMA_QUOTED];
    struct buf wanted = {0};
    size_t count = json_array_size(choices);

    if (!schema_is_heard(c, WEIGHT_KIND))
        return JSON_SCHEMA_MISFIT;
    for (size_t i = 0; i < count && wanted.len < MAX_LISTED; i++) {
        buf_append_str(&wanted, i == 0 ? "" : i + 1 == count ? " or " : ", ");
        schema_write(&wanted, json_array_get(choices, i), MAX_BOUND);
        if (wanted.len >= MAX_LISTED && i + 1 < count)
            buf_append_str(&wanted, " ...");
    }
    (void)schema_refuse(c, WEIGHT_KIND, "%s is not allowed; it must be %s",
                        schema_quote(c, value, quoted, sizeof(quoted)),
                        wanted.data == NULL ? "something else" : wanted.data);
    buf_done(&wanted);
    return JSON_SCHEMA_MISFIT;
}

static enum json_schema_verdict check_enum(struct check *c, const json_t *choices,
                                           const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(choices, i, one)
    {
        if (json_is_same(one, value, &c->work))
            return JSON_SCHEMA_FITS;
    }
    return c->work == 0 ? JSON_SCHEMA_UNKNOWN : refuse_values(c, choices, value);
}

static enum json_schema_verdict check_const(struct check *c, json_t *wanted, const json_t *value)
{
    if (json_is_same(wanted, value, &c->work))
        return JSON_SCHEMA_FITS;
    if (c->work == 0)
        return JSON_SCHEMA_UNKNOWN;
    if (!schema_is_heard(c, WEIGHT_KIND))
        return JSON_SCHEMA_MISFIT;
    json_t *list = json_array();
    (void)json_array_append(list, wanted);
    (void)refuse_values(c, list, value);
    json_decref(list);
    return JSON_SCHEMA_MISFIT;
}

/* ---- numbers ---- */

static int compare(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) < json_integer_value(b)   ? -1
               : json_integer_value(a) > json_integer_value(b) ? 1
                                                               : 0;
    double x = json_number_value(a), y = json_number_value(b);
    return x < y ? -1 : x > y ? 1 : 0;
}

static enum json_schema_verdict refuse_bound(struct check *c, const json_t *value, const char *what,
                                             const json_t *bound)
{
    char quoted[SCHEMA_QUOTED];
    struct buf text = {0};

    if (!schema_is_heard(c, WEIGHT_REST))
        return JSON_SCHEMA_MISFIT;
    schema_write(&text, bound, MAX_BOUND);
    (void)schema_refuse(c, WEIGHT_REST, "%s %s %s", schema_quote(c, value, quoted, sizeof(quoted)),
                        what, text.data == NULL ? "" : text.data);
    buf_done(&text);
    return JSON_SCHEMA_MISFIT;
}

/* Every whole number is a multiple of 0.01. */
static bool is_part_of_one(double by)
{
    double parts = round(1 / by);

    return by < 1 && fabs(parts * by - 1) < 1e-15;
}

/* Fractions such as 0.01 are not exact: being off by rounding is no reason to refuse. */
static bool is_multiple(const json_t *value, const json_t *divisor)
{
    if (json_is_integer(value) && json_is_integer(divisor) && json_integer_value(divisor) > 0)
        return json_integer_value(value) % json_integer_value(divisor) == 0;
    double number = json_number_value(value), by = fabs(json_number_value(divisor));
    if (by == 0 || (trunc(number) == number && is_part_of_one(by)))
        return true;
    double gap = fabs(number) * 4 * 2.3e-16;
    double rest = fabs(remainder(number, by));
    return rest <= (gap < by * RELATIVE_GAP ? gap : by * RELATIVE_GAP);
}

/* `exclusive` is a number of its own, or, as in draft 4, a flag for the other bound. */
static enum json_schema_verdict check_bound(struct check *c, const json_t *schema,
                                            const json_t *value, bool is_upper)
{
    const json_t *bound = json_object_get(schema, is_upper ? "maximum" : "minimum");
    const json_t *beyond =
        json_object_get(schema, is_upper ? "exclusiveMaximum" : "exclusiveMinimum");
    int sign = is_upper ? 1 : -1;

    if (json_is_true(beyond))
        beyond = bound;
    if (json_is_number(beyond) && compare(value, beyond) * sign >= 0)
        return refuse_bound(c, value, is_upper ? "is not below" : "is not above", beyond);
    if (json_is_number(bound) && compare(value, bound) * sign > 0)
        return refuse_bound(c, value, is_upper ? "is above the maximum" : "is below the minimum",
                            bound);
    return JSON_SCHEMA_FITS;
}

static enum json_schema_verdict check_number(struct check *c, const json_t *schema,
                                             const json_t *value)
{
    const json_t *divisor = json_object_get(schema, "multipleOf");

    if (check_bound(c, schema, value, true) == JSON_SCHEMA_MISFIT ||
        check_bound(c, schema, value, false) == JSON_SCHEMA_MISFIT)
        return JSON_SCHEMA_MISFIT;
    if (json_is_number(divisor) && !is_multiple(value, divisor))
        return refuse_bound(c, value, "is no multiple of", divisor);
    return JSON_SCHEMA_FITS;
}

/* ---- strings ---- */

static size_t count_chars(struct parley_view text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

static enum json_schema_verdict check_length(struct check *c, const json_t *schema,
                                             const json_t *value)
{
    const json_t *least = json_object_get(schema, "minLength");
    const json_t *most = json_object_get(schema, "maxLength");

    if (least == NULL && most == NULL)
        return JSON_SCHEMA_FITS;
    if (!schema_spend(c, json_string_length(value) / BYTES_A_STEP))
        return JSON_SCHEMA_UNKNOWN;
    double chars = (double)count_chars(json_view(value));
    if (json_is_number(least) && chars < json_number_value(least))
        return schema_refuse(c, WEIGHT_REST,
                             "it has %.0f characters, which is below the minimum %.0f", chars,
                             json_number_value(least));
    if (json_is_number(most) && chars > json_number_value(most))
        return schema_refuse(c, WEIGHT_REST,
                             "it has %.0f characters, which is above the maximum %.0f", chars,
                             json_number_value(most));
    return JSON_SCHEMA_FITS;
}

static enum json_schema_verdict check_string(struct check *c, const json_t *schema,
                                             const json_t *value)
{
    const json_t *pattern = json_object_get(schema, "pattern");
    enum json_schema_verdict v = check_length(c, schema, value);
    char quoted[SCHEMA_QUOTED];

    if (v == JSON_SCHEMA_MISFIT || !json_is_string(pattern))
        return v;
    switch (schema_find_pattern(c, json_string_value(pattern), json_view(value))) {
    case JSON_PATTERN_YES:
        return v;
    case JSON_PATTERN_NO:
        return schema_refuse(c, WEIGHT_REST, "%s does not match the pattern %.100s",
                             schema_quote(c, value, quoted, sizeof(quoted)),
                             json_string_value(pattern));
    default:
        return JSON_SCHEMA_UNKNOWN;
    }
}

/* ---- together ---- */

enum json_schema_verdict schema_check_value(struct check *c, const json_t *schema,
                                            const json_t *value)
{
    const json_t *type = json_object_get(schema, "type");
    const json_t *choices = json_object_get(schema, "enum");
    json_t *constant = json_object_get(schema, "const");
    enum json_schema_verdict v = JSON_SCHEMA_FITS;

    if (type != NULL)
        v = check_type(c, type, value);
    if (v != JSON_SCHEMA_MISFIT && json_is_array(choices))
        v = schema_both(v, check_enum(c, choices, value));
    if (v != JSON_SCHEMA_MISFIT && constant != NULL)
        v = schema_both(v, check_const(c, constant, value));
    if (v != JSON_SCHEMA_MISFIT && json_is_number(value))
        v = schema_both(v, check_number(c, schema, value));
    if (v != JSON_SCHEMA_MISFIT && json_is_string(value))
        v = schema_both(v, check_string(c, schema, value));
    return v;
}
