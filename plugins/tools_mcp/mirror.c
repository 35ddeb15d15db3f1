/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror.h"

#include "stateless.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY       "x-mcp-header"
#define PREFIX    "Mcp-Param-"
#define MAX_NAME  64
#define MAX_DEPTH 64
#define MAX_EXACT 9007199254740991LL /* 2^53 - 1: what every JSON reader takes */

/* ---- what the schema wants ---- */

struct wishes {
    const char *names[MIRROR_MAX];
    size_t count;
    const char *reason; /* the first thing that is wrong */
};

static bool is_token(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "!#$%&'*+-.^_`|~";
    size_t len = strlen(name);

    return len > 0 && len <= MAX_NAME && strspn(name, allowed) == len;
}

static bool is_primitive(const json_t *schema)
{
    const char *type = json_string_value(json_object_get(schema, "type"));

    return type != NULL && (strcmp(type, "string") == 0 || strcmp(type, "integer") == 0 ||
                            strcmp(type, "boolean") == 0);
}

static const char *check_wish(const struct wishes *w, const json_t *schema, const char *name)
{
    if (name == NULL || !is_token(name))
        return "its schema's " KEY " is no name of a header";
    if (!is_primitive(schema))
        return "its schema's " KEY " is on what is no string, integer or boolean";
    if (w->count == MIRROR_MAX)
        return "its schema has more than 16 " KEY;
    for (size_t i = 0; i < w->count; i++) {
        if (strcasecmp(w->names[i], name) == 0)
            return "its schema has two " KEY " of one name";
    }
    return NULL;
}

static void complain(struct wishes *w, const char *reason)
{
    if (w->reason == NULL)
        w->reason = reason;
}

static void take_wish(struct wishes *w, const json_t *schema, bool is_reachable)
{
    const json_t *wish = json_object_get(schema, KEY);
    const char *name = json_string_value(wish);

    if (wish == NULL)
        return;
    const char *reason = is_reachable ? check_wish(w, schema, name)
                                      : "its schema's " KEY " is not reached by properties alone";
    if (reason == NULL)
        w->names[w->count++] = name;
    else
        complain(w, reason);
}

/* `is_reachable`: only `properties` lead here. A property may be called x-mcp-header itself. */
static void walk(struct wishes *w, const json_t *node, bool is_reachable, unsigned depth)
{
    const char *key, *name;
    json_t *child, *property;
    size_t i;

    if (depth > MAX_DEPTH) {
        complain(w, "its schema is nested more than 64 deep");
        return;
    }
    json_array_foreach(node, i, child) walk(w, child, false, depth + 1);
    take_wish(w, node, is_reachable && depth > 0);
    json_object_foreach((json_t *)(uintptr_t)node, key, child)
    {
        if (strcmp(key, "properties") != 0) {
            walk(w, child, false, depth + 1);
            continue;
        }
        json_object_foreach(child, name, property) walk(w, property, is_reachable, depth + 1);
    }
}

const char *mirror_check(const json_t *schema)
{
    struct wishes w = {0};

    walk(&w, schema, true, 0);
    return w.reason;
}

/* ---- what a call says ---- */

struct lines {
    char **items;
    size_t count;
};

static bool write_value(const json_t *value, char out[STATELESS_MAX_HEADER])
{
    char number[24];

    if (json_is_string(value))
        return stateless_header(json_string_value(value), out);
    if (json_is_boolean(value))
        return stateless_header(json_is_true(value) ? "true" : "false", out);
    if (!json_is_integer(value) || json_integer_value(value) > MAX_EXACT ||
        json_integer_value(value) < -MAX_EXACT)
        return false;
    (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
    return stateless_header(number, out);
}

/* An empty value has the form that curl sends instead of leaving the header out. */
static void add_line(struct lines *l, const char *name, const json_t *value)
{
    char text[STATELESS_MAX_HEADER];

    if (l->count == MIRROR_MAX || !write_value(value, text))
        return;
    size_t len = sizeof(PREFIX) + strlen(name) + strlen(text) + 3;
    char *line = malloc(len);
    if (line == NULL)
        return;
    (void)snprintf(line, len, "%s%s%s%s", PREFIX, name, text[0] == '\0' ? ";" : ": ", text);
    l->items[l->count++] = line;
}

static void collect(struct lines *l, const json_t *schema, const json_t *arguments, unsigned depth)
{
    const char *key;
    json_t *property;

    if (depth > MAX_DEPTH)
        return;
    json_object_foreach(json_object_get(schema, "properties"), key, property)
    {
        const char *name = json_string_value(json_object_get(property, KEY));
        const json_t *value = json_object_get(arguments, key);
        if (name != NULL && value != NULL && !json_is_null(value))
            add_line(l, name, value);
        collect(l, property, value, depth + 1);
    }
}

char **mirror_lines(const json_t *schema, const json_t *arguments, size_t *ret_count)
{
    struct lines l = {.items = calloc(MIRROR_MAX, sizeof(*l.items))};

    *ret_count = 0;
    if (l.items == NULL)
        return NULL;
    collect(&l, schema, arguments, 0);
    *ret_count = l.count;
    return l.items;
}

void mirror_free(char **lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(lines[i]);
    free(lines);
}
