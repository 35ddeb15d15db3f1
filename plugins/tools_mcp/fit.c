/* SPDX-License-Identifier: Apache-2.0 */
#include "fit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 32
#define MAX_PATH  160

struct check {
    char path[MAX_PATH];
    char *why;
    size_t size;
};

static bool refuse(const struct check *c, const char *what, const char *name)
{
    (void)snprintf(c->why, c->size, "%s: %s%.60s", c->path[0] == '\0' ? "/" : c->path, what, name);
    return false;
}

static bool is_of_type(const json_t *value, const char *type)
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
                                          : true;
}

static bool fits_type(const struct check *c, const json_t *type, const json_t *value)
{
    const json_t *one;
    size_t i;

    if (json_is_string(type))
        return is_of_type(value, json_string_value(type)) ||
               refuse(c, "is no ", json_string_value(type));
    if (json_array_size(type) == 0)
        return true;
    json_array_foreach(type, i, one)
    {
        if (!json_is_string(one) || is_of_type(value, json_string_value(one)))
            return true;
    }
    return refuse(c, "is of none of the types that are allowed", "");
}

/* 1 and 1.0 are the same number. */
static bool is_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b) || json_is_object(a) || json_is_array(a); /* may hold such numbers */
}

static bool fits_values(const struct check *c, const json_t *schema, const json_t *value)
{
    const json_t *constant = json_object_get(schema, "const");
    const json_t *choices = json_object_get(schema, "enum");
    const json_t *one;
    size_t i;

    if (constant != NULL && !is_same(constant, value))
        return refuse(c, "is not the constant that is wanted", "");
    if (json_array_size(choices) == 0)
        return true;
    json_array_foreach(choices, i, one)
    {
        if (is_same(one, value))
            return true;
    }
    return refuse(c, "is none of the values that are allowed", "");
}

static bool fits(struct check *c, const json_t *schema, const json_t *value, unsigned depth);

static bool fits_below(struct check *c, const char *name, const json_t *schema, const json_t *value,
                       unsigned depth)
{
    size_t len = strlen(c->path);

    (void)snprintf(c->path + len, sizeof(c->path) - len, "/%.60s", name);
    bool is_good = fits(c, schema, value, depth + 1);
    c->path[len] = '\0';
    return is_good;
}

static bool fits_object(struct check *c, const json_t *schema, const json_t *value, unsigned depth)
{
    const json_t *properties = json_object_get(schema, "properties");
    bool is_closed = json_is_false(json_object_get(schema, "additionalProperties")) &&
                     json_object_get(schema, "patternProperties") == NULL;
    const json_t *name;
    const char *key;
    json_t *member;
    size_t i;

    json_array_foreach(json_object_get(schema, "required"), i, name)
    {
        if (json_is_string(name) && json_object_get(value, json_string_value(name)) == NULL)
            return refuse(c, "lacks ", json_string_value(name));
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        const json_t *property = json_object_get(properties, key);
        if (property == NULL && is_closed)
            return refuse(c, "has a member that is not allowed, ", key);
        if (property != NULL && !fits_below(c, key, property, member, depth))
            return false;
    }
    return true;
}

static bool fits_array(struct check *c, const json_t *schema, const json_t *value, unsigned depth)
{
    const json_t *items = json_object_get(schema, "items");
    bool has_prefix = json_object_get(schema, "prefixItems") != NULL;
    const json_t *item;
    char name[24];
    size_t i;

    if (!json_is_object(items) || has_prefix)
        return true;
    json_array_foreach(value, i, item)
    {
        (void)snprintf(name, sizeof(name), "%zu", i);
        if (!fits_below(c, name, items, item, depth))
            return false;
    }
    return true;
}

static bool fits(struct check *c, const json_t *schema, const json_t *value, unsigned depth)
{
    if (!json_is_object(schema) || depth > MAX_DEPTH || json_object_get(schema, "$ref") != NULL)
        return true;
    if (!fits_type(c, json_object_get(schema, "type"), value) || !fits_values(c, schema, value))
        return false;
    if (json_is_object(value))
        return fits_object(c, schema, value, depth);
    return !json_is_array(value) || fits_array(c, schema, value, depth);
}

bool fit_check(const json_t *schema, const json_t *value, char *why, size_t size)
{
    struct check c = {.why = why, .size = size};

    return fits(&c, schema, value, 0);
}
