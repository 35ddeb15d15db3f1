/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/schema.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATH_SIZE sizeof(((struct rt_error *)0)->param)

void rt_path_write(const struct rt_path *path, char *out, size_t size)
{
    out[0] = '\0';
    if (path == NULL)
        return;
    rt_path_write(path->up, out, size);
    size_t len = strlen(out);
    if (path->name == NULL)
        (void)snprintf(out + len, size - len, "[%zu]", path->index);
    else
        (void)snprintf(out + len, size - len, "%s%s", len == 0 ? "" : ".", path->name);
}

int rt_schema_fail(struct rt_error *fault, enum rt_error_kind kind, const struct rt_path *path,
                   const char *format, ...)
{
    char where[PATH_SIZE];
    char message[sizeof(fault->message)];
    va_list args;

    rt_path_write(path, where, sizeof(where));
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args); /* cut when too long */
    va_end(args);
    return rt_error_set(fault, kind, where, "%s", message);
}

static const struct {
    unsigned is;
    const char *text;
} kind_names[] = {
    {RT_IS_STRING, "a string"}, {RT_IS_INT, "an integer"},   {RT_IS_NUMBER, "a number"},
    {RT_IS_BOOL, "a boolean"},  {RT_IS_OBJECT, "an object"}, {RT_IS_ARRAY, "an array"},
    {RT_IS_NULL, "null"},
};

static unsigned kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return RT_IS_STRING;
    case JSON_INTEGER:
        return RT_IS_INT;
    case JSON_REAL:
        return RT_IS_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return RT_IS_BOOL;
    case JSON_OBJECT:
        return RT_IS_OBJECT;
    case JSON_ARRAY:
        return RT_IS_ARRAY;
    default:
        return RT_IS_NULL;
    }
}

/* "a string, an array or null" */
static void write_kinds(unsigned is, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++) {
        if ((is & kind_names[i].is) == 0)
            continue;
        unsigned rest = is & ~((kind_names[i].is << 1) - 1) & RT_IS_ANY;
        const char *glue = len == 0 ? "" : rest == 0 ? " or " : ", ";
        len += (size_t)snprintf(out + len, size - len, "%s%s", glue, kind_names[i].text);
    }
}

static int fail_kind(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                     struct rt_error *fault)
{
    char where[PATH_SIZE];
    char expected[128];
    char got[32];

    rt_path_write(path, where, sizeof(where));
    write_kinds(rule->is, expected, sizeof(expected));
    write_kinds(kind_of(value), got, sizeof(got));
    return rt_error_set(fault, RT_ERROR_INVALID_TYPE, where,
                        "Invalid type for '%s': expected %s, but got %s instead.", where, expected,
                        got);
}

static int fail_word(struct parley_view value, const char *supported, const struct rt_path *path,
                     struct rt_error *fault)
{
    return rt_schema_fail(fault, RT_ERROR_INVALID_VALUE, path,
                          "Invalid value: '%.*s'. Supported values are: %s.",
                          (int)(value.len > 80 ? 80 : value.len), value.data, supported);
}

static bool is_word(struct parley_view value, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (view_is(value, *words))
            return true;
    }
    return false;
}

static void add_quoted(char *out, size_t size, const char *word)
{
    size_t len = strlen(out);

    (void)snprintf(out + len, size - len, "%s'%s'", len == 0 ? "" : ", ", word);
}

static int check_string(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                        struct rt_error *fault)
{
    struct parley_view text = json_view(value);

    if (rule->words != NULL && !is_word(text, rule->words)) {
        char supported[512] = "";
        for (const char *const *word = rule->words; *word != NULL; word++)
            add_quoted(supported, sizeof(supported), *word);
        return fail_word(text, supported, path, fault);
    }
    /* In a union with numbers `max` bounds those. */
    bool has_limit = rule->max > 0 && (rule->is & (RT_IS_INT | RT_IS_NUMBER)) == 0;
    size_t chars = has_limit ? utf8_count(text.data, text.len) : 0;
    if (!has_limit || (double)chars <= rule->max)
        return PARLEY_OK;

    char where[PATH_SIZE];
    rt_path_write(path, where, sizeof(where));
    return rt_error_set(
        fault, RT_ERROR_STRING_TOO_LONG, where,
        "Invalid '%s': string too long. Expected a string with maximum length %.0f, "
        "but got a string with length %zu instead.",
        where, rule->max, chars);
}

static int check_number(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                        struct rt_error *fault)
{
    double number = json_number_value(value);
    bool is_below = number < rule->min;
    bool is_whole = json_is_integer(value) && (rule->is & RT_IS_NUMBER) == 0;
    char where[PATH_SIZE];

    if (rule->min >= rule->max || (!is_below && number <= rule->max))
        return PARLEY_OK;
    rt_path_write(path, where, sizeof(where));
    enum rt_error_kind kind =
        is_below ? (is_whole ? RT_ERROR_INTEGER_BELOW_MIN : RT_ERROR_DECIMAL_BELOW_MIN)
                 : (is_whole ? RT_ERROR_INTEGER_ABOVE_MAX : RT_ERROR_DECIMAL_ABOVE_MAX);
    return rt_error_set(fault, kind, where,
                        "Invalid '%s': %s %s value. Expected a value %s %g, but got %g instead.",
                        where, is_whole ? "integer" : "decimal",
                        is_below ? "below minimum" : "above maximum",
                        is_below ? ">=" : "<=", is_below ? rule->min : rule->max, number);
}

static int check_array(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                       struct rt_error *fault)
{
    size_t count = json_array_size(value);
    char where[PATH_SIZE];

    if (rule->max > 0 && (double)count > rule->max) {
        rt_path_write(path, where, sizeof(where));
        return rt_error_set(fault, RT_ERROR_ARRAY_TOO_LONG, where,
                            "Invalid '%s': array too long. Expected an array with maximum length "
                            "%.0f, but got an array with length %zu instead.",
                            where, rule->max, count);
    }
    for (size_t i = 0; rule->element != NULL && i < count; i++) {
        struct rt_path here = {path, NULL, i};
        int r = rt_schema_check(json_array_get(value, i), rule->element, &here, fault);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

static int fail_missing(const char *name, const struct rt_path *path, struct rt_error *fault)
{
    struct rt_path here = {path, name, 0};
    char where[PATH_SIZE];

    rt_path_write(&here, where, sizeof(where));
    return rt_error_set(fault, RT_ERROR_MISSING_PARAMETER, where,
                        "Missing required parameter: '%s'.", where);
}

static int fail_unknown(const char *name, const struct rt_rule *members, const struct rt_path *path,
                        struct rt_error *fault)
{
    struct rt_path here = {path, name, 0};
    char where[PATH_SIZE];
    char known[512] = "";

    rt_path_write(&here, where, sizeof(where));
    for (const struct rt_rule *m = members; m->name != NULL; m++) {
        if (m->moved == NULL)
            add_quoted(known, sizeof(known), m->name);
    }
    return rt_error_set(fault, RT_ERROR_UNKNOWN_PARAMETER, where,
                        "Unknown parameter: '%s'. Known here are: %s.", where, known);
}

static int fail_moved(const struct rt_rule *rule, const struct rt_path *path,
                      struct rt_error *fault)
{
    struct rt_path here = {path, rule->name, 0};
    char where[PATH_SIZE];

    rt_path_write(&here, where, sizeof(where));
    if (rule->moved[0] == '\0')
        return rt_error_set(fault, RT_ERROR_UNKNOWN_PARAMETER, where,
                            "Unknown parameter: '%s'. It belongs to the preview dialect and has no "
                            "successor; leave it out.",
                            where);
    return rt_error_set(fault, RT_ERROR_UNKNOWN_PARAMETER, where,
                        "Unknown parameter: '%s'. It belongs to the preview dialect; use '%s'.",
                        where, rule->moved);
}

static const struct rt_rule *find_member(const struct rt_rule *members, const char *name)
{
    for (; members->name != NULL; members++) {
        if (strcmp(members->name, name) == 0)
            return members;
    }
    return NULL;
}

int rt_schema_members(const json_t *object, const struct rt_rule *members,
                      const struct rt_path *path, struct rt_error *fault)
{
    const char *name;
    json_t *value;

    for (const struct rt_rule *m = members; m->name != NULL; m++) {
        if ((m->is & RT_REQUIRED) != 0 && json_object_get(object, m->name) == NULL)
            return fail_missing(m->name, path, fault);
    }
    /* jansson wants a pointer it could change; it is only walked. */
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const struct rt_rule *rule = find_member(members, name);
        struct rt_path here = {path, name, 0};
        if (rule == NULL)
            return fail_unknown(name, members, path, fault);
        if (rule->moved != NULL)
            return fail_moved(rule, path, fault);
        int r = rt_schema_check(value, rule, &here, fault);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

/* The members that the object's `type` asks for, NULL with fault when it has none or a wrong one.
 */
static const struct rt_rule *pick_variant(const json_t *object, const struct rt_rule *rule,
                                          const struct rt_path *path, struct rt_error *fault)
{
    const json_t *type = json_object_get(object, "type");
    struct parley_view name = type == NULL ? view_of(rule->default_type) : json_view(type);
    struct rt_path here = {path, "type", 0};
    char supported[512] = "";

    if (type == NULL && rule->default_type == NULL) {
        (void)fail_missing("type", path, fault);
        return NULL;
    }
    if (type != NULL && !json_is_string(type)) {
        (void)fail_kind(type, &(struct rt_rule){.is = RT_IS_STRING}, &here, fault);
        return NULL;
    }
    for (const struct rt_variant *v = rule->variants; v->type != NULL; v++) {
        if (view_is(name, v->type))
            return v->members;
        add_quoted(supported, sizeof(supported), v->type);
    }
    (void)fail_word(name, supported, &here, fault);
    return NULL;
}

static int check_object(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                        struct rt_error *fault)
{
    const struct rt_rule *members = rule->members;

    if (rule->variants != NULL) {
        members = pick_variant(value, rule, path, fault);
        if (members == NULL)
            return PARLEY_E_INVALID;
    }
    return members == NULL ? PARLEY_OK : rt_schema_members(value, members, path, fault);
}

static int check_value(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                       struct rt_error *fault)
{
    switch (kind_of(value)) {
    case RT_IS_STRING:
        return check_string(value, rule, path, fault);
    case RT_IS_INT:
    case RT_IS_NUMBER:
        return check_number(value, rule, path, fault);
    case RT_IS_ARRAY:
        return check_array(value, rule, path, fault);
    case RT_IS_OBJECT:
        return check_object(value, rule, path, fault);
    default:
        return PARLEY_OK;
    }
}

int rt_schema_check(const json_t *value, const struct rt_rule *rule, const struct rt_path *path,
                    struct rt_error *fault)
{
    unsigned kind = kind_of(value);
    bool fits = (rule->is & kind) != 0 || (kind == RT_IS_INT && (rule->is & RT_IS_NUMBER) != 0);

    if (!fits)
        return fail_kind(value, rule, path, fault);
    int r = check_value(value, rule, path, fault);
    if (r == PARLEY_OK && rule->check != NULL)
        r = rule->check(value, path, fault);
    return r;
}
