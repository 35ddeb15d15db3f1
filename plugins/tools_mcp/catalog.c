/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include "dump.h"
#include "mirror.h"
#include "parts/text.h"
#include "pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OWN_NAME 256
#define HASH_CHARS   9 /* _ and eight digits */

struct catalog {
    struct catalog_tool tools[CATALOG_MAX_TOOLS + 1]; /* the last one is only tried */
    struct parley_tool shown[CATALOG_MAX_TOOLS];
    size_t count;
};

struct catalog *catalog_create(void)
{
    return calloc(1, sizeof(struct catalog));
}

static void tool_done(struct catalog_tool *t)
{
    free(t->name);
    free(t->shown_name);
    free(t->description);
    free(t->parameters);
    free(t->output);
    *t = (struct catalog_tool){0};
}

void catalog_destroy(struct catalog *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->count; i++)
        tool_done(&c->tools[i]);
    free(c);
}

const struct catalog_tool *catalog_find(const struct catalog *c, const char *shown_name)
{
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        if (strcmp(c->tools[i].shown_name, shown_name) == 0)
            return &c->tools[i];
    }
    return NULL;
}

const struct catalog_tool *catalog_find_own(const struct catalog *c, const char *name)
{
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        if (strcmp(c->tools[i].name, name) == 0)
            return &c->tools[i];
    }
    return NULL;
}

/* ---- names ---- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* FNV-1a: tells names apart that look alike, the same in every run. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

/* Prefix and name in the characters that models take; false when it was too long. */
static bool write_name(char out[CATALOG_MAX_NAME + 1], const char *prefix, const char *name)
{
    const char *const parts[] = {prefix, name};
    size_t len = 0;

    for (size_t p = 0; p < 2; p++) {
        for (const char *c = parts[p]; *c != '\0'; c++) {
            if (len == CATALOG_MAX_NAME) {
                out[len] = '\0';
                return false;
            }
            out[len++] = is_plain(*c) ? *c : '_';
        }
    }
    out[len] = '\0';
    return true;
}

static char *choose_name(const struct catalog *c, const char *prefix, const char *name)
{
    char out[CATALOG_MAX_NAME + 1];
    bool is_whole = write_name(out, prefix, name);

    if (!is_whole || catalog_find(c, out) != NULL) {
        size_t len = strlen(out);
        if (len > CATALOG_MAX_NAME - HASH_CHARS)
            len = CATALOG_MAX_NAME - HASH_CHARS;
        (void)snprintf(out + len, sizeof(out) - len, "_%08x", hash_of(name));
    }
    return catalog_find(c, out) == NULL ? strdup(out) : NULL;
}

static bool is_allowed(const struct catalog_rules *rules, const char *name)
{
    if (rules->allow == NULL || rules->allow->count == 0)
        return true;
    for (size_t i = 0; i < rules->allow->count; i++) {
        if (strcmp(rules->allow->items[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_clean(const char *name)
{
    for (; *name != '\0'; name++) {
        if ((unsigned char)*name < ' ' || *name == 127)
            return false;
    }
    return true;
}

/* ---- one tool ---- */

static bool hint(const json_t *annotations, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(annotations, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* What MCP says when a hint is left out: not read-only, and then destructive, and open. */
static uint32_t flags_of(const json_t *tool)
{
    const json_t *annotations = json_object_get(tool, "annotations");
    bool is_read_only = hint(annotations, "readOnlyHint", false);
    uint32_t flags = is_read_only ? PARLEY_TOOL_READ_ONLY : 0;

    if (!is_read_only && hint(annotations, "destructiveHint", true))
        flags |= PARLEY_TOOL_DESTRUCTIVE;
    if (hint(annotations, "idempotentHint", false))
        flags |= PARLEY_TOOL_IDEMPOTENT;
    if (hint(annotations, "openWorldHint", true))
        flags |= PARLEY_TOOL_OPEN_WORLD;
    return flags;
}

static char *read_description(const json_t *tool)
{
    const char *text = json_string_value(json_object_get(tool, "description"));

    if (text == NULL || text[0] == '\0')
        text = json_string_value(json_object_get(tool, "title"));
    return text_tidy(text == NULL ? "" : text, CATALOG_MAX_DESCRIPTION);
}

static bool is_shallow(const json_t *value, unsigned depth)
{
    const char *key;
    json_t *child;
    size_t i;

    if (depth > CATALOG_MAX_DEPTH)
        return false;
    json_array_foreach(value, i, child)
    {
        if (!is_shallow(child, depth + 1))
            return false;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        if (!is_shallow(child, depth + 1))
            return false;
    }
    return true;
}

/* Every keyword stays: what a model's vendor cannot take is that vendor's adapter's matter. */
static char *read_schema(const json_t *tool, const char **ret_reason)
{
    const json_t *schema = json_object_get(tool, "inputSchema");

    if (schema == NULL || json_is_null(schema))
        return strdup("{\"type\":\"object\"}");
    if (!json_is_object(schema)) {
        *ret_reason = "its inputSchema is no object";
        return NULL;
    }
    if (!is_shallow(schema, 0)) {
        *ret_reason = "its inputSchema is nested more than 64 deep";
        return NULL;
    }
    char *text = dump(schema);
    if (text != NULL && strlen(text) <= CATALOG_MAX_SCHEMA)
        return text;
    *ret_reason = "its inputSchema is longer than 64 KiB";
    free(text);
    return NULL;
}

/* One that is too long, or no schema, checks nothing; the tool is as good without it. */
static bool read_output(const json_t *tool, struct catalog_tool *t)
{
    json_t *schema = json_object_get(tool, "outputSchema");

    if (!json_is_object(schema))
        return true;
    char *text = dump(schema);
    if (text == NULL)
        return false;
    if (strlen(text) > CATALOG_MAX_SCHEMA) {
        free(text);
        return true;
    }
    t->output = text;
    return true;
}

static bool needs_task(const json_t *tool)
{
    const char *support =
        json_string_value(json_object_get(json_object_get(tool, "execution"), "taskSupport"));

    return support != NULL && strcmp(support, "required") == 0;
}

static const char *check_name(const struct catalog *c, const char *name)
{
    if (name[0] == '\0' || strlen(name) > MAX_OWN_NAME)
        return "its name is empty or longer than 256 bytes";
    if (!is_clean(name))
        return "its name holds control characters";
    if (catalog_find_own(c, name) != NULL)
        return "the server lists a tool of this name twice";
    return NULL;
}

static const char *fill_tool(const struct catalog *c, const struct catalog_rules *rules,
                             const json_t *tool, const char *name, struct catalog_tool *t)
{
    const char *reason = "no memory";

    t->parameters = read_schema(tool, &reason);
    if (t->parameters == NULL)
        return reason;
    t->name = strdup(name);
    t->description = read_description(tool);
    if (t->name == NULL || t->description == NULL || !read_output(tool, t))
        return "no memory";
    t->shown_name = choose_name(c, rules->prefix, name);
    return t->shown_name == NULL ? "another tool has its name for the model already" : NULL;
}

/* Told by on_changed, once for each new form. */
static const char changed[] = "its description or its schema is not what it was";

static const char *check_pin(const struct catalog_rules *rules, const json_t *tool,
                             const char *name, void *ctx)
{
    enum pin_verdict verdict = rules->pins == NULL ? PIN_SAME : pins_check(rules->pins, name, tool);

    if (verdict == PIN_FULL)
        return rules->refuses_changed ? "the server has shown more than 1024 names" : NULL;
    if (verdict != PIN_CHANGED && verdict != PIN_CHANGED_KNOWN)
        return NULL;
    if (verdict == PIN_CHANGED)
        rules->on_changed(ctx, name);
    if (rules->refuses_changed)
        return changed;
    pins_accept(rules->pins, name);
    return NULL;
}

static const char *add_tool(struct catalog *c, const struct catalog_rules *rules,
                            const json_t *tool, const char *name, void *ctx)
{
    struct catalog_tool *t = &c->tools[c->count];
    const char *reason = check_name(c, name);

    if (reason == NULL && needs_task(tool))
        reason = "it runs only as a task, which parley does not start";
    if (reason == NULL && c->count == CATALOG_MAX_TOOLS)
        reason = "there are more than 256 tools; name those that are needed with `allow`";
    if (reason == NULL && rules->mirrors)
        reason = mirror_check(json_object_get(tool, "inputSchema"));
    if (reason == NULL)
        reason = check_pin(rules, tool, name, ctx);
    if (reason == NULL)
        reason = fill_tool(c, rules, tool, name, t);
    if (reason != NULL) {
        tool_done(t);
        return reason;
    }
    c->shown[c->count++] = (struct parley_tool){
        .flags = flags_of(tool),
        .name = t->shown_name,
        .description = t->description,
        .parameters = t->parameters,
        .timeout_ms = rules->timeout_ms,
        .max_timeout_ms = rules->max_timeout_ms,
        .output_schema = t->output,
    };
    return NULL;
}

void catalog_add(struct catalog *c, const struct catalog_rules *rules, json_t *tools,
                 catalog_on_refused on_refused, void *ctx)
{
    json_t *tool;
    size_t i;

    json_array_foreach(tools, i, tool)
    {
        const char *name = json_string_value(json_object_get(tool, "name"));
        if (name != NULL && !is_allowed(rules, name))
            continue;
        const char *reason = name == NULL ? "it has no name" : add_tool(c, rules, tool, name, ctx);
        if (reason != NULL && reason != changed)
            on_refused(ctx, name == NULL ? "" : name, reason);
    }
}

/* ---- the whole ---- */

const struct parley_tool *catalog_items(const struct catalog *c, size_t *ret_count)
{
    *ret_count = c == NULL ? 0 : c->count;
    return c == NULL ? NULL : c->shown;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool tool_equals(const struct catalog *a, const struct catalog *b, size_t i)
{
    const struct catalog_tool *x = &a->tools[i], *y = &b->tools[i];

    return strcmp(x->name, y->name) == 0 && strcmp(x->description, y->description) == 0 &&
           strcmp(x->parameters, y->parameters) == 0 && is_same_text(x->output, y->output) &&
           a->shown[i].flags == b->shown[i].flags;
}

bool catalog_equals(const struct catalog *a, const struct catalog *b)
{
    if (a == NULL || b == NULL || a->count != b->count)
        return a == b;
    for (size_t i = 0; i < a->count; i++) {
        if (!tool_equals(a, b, i))
            return false;
    }
    return true;
}
