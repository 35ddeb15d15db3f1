/* SPDX-License-Identifier: Apache-2.0 */
/* Places and reasons, in words that a model or an operator can act on. */
#include "base/json_schema_check.h"

#include "base/json.h"
#include "base/str.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME_IN_PATH 48
#define MAX_QUOTED       40

/* A text that was cut ends with a whole character. */
static size_t whole_chars(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t one = utf8_char_len(text + at, len - at);
        if (one == 0)
            break;
        at += one;
    }
    return at;
}

/* ---- the path ---- */

static bool is_plain_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (const char *c = name; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return false;
    }
    return strlen(name) <= MAX_NAME_IN_PATH;
}

static size_t enter(struct check *c, const char *text)
{
    size_t mark = c->path_len;

    (void)snprintf(c->path + mark, sizeof(c->path) - mark, "%s", text);
    c->path_len = strlen(c->path);
    c->path_depth++;
    return mark;
}

size_t path_enter_member(struct check *c, const char *name)
{
    char text[MAX_NAME_IN_PATH + 8];

    if (c->silence > 0) {
        c->path_depth++;
        return c->path_len;
    }
    if (is_plain_name(name)) {
        (void)snprintf(text, sizeof(text), ".%s", name);
        return enter(c, text);
    }
    size_t len = strnlen(name, MAX_NAME_IN_PATH + 1);
    if (len > MAX_NAME_IN_PATH)
        len = whole_chars(name, MAX_NAME_IN_PATH);
    (void)snprintf(text, sizeof(text), "[\"%.*s\"]", (int)len, name);
    return enter(c, text);
}

size_t path_enter_item(struct check *c, size_t index)
{
    char text[32];

    if (c->silence > 0) {
        c->path_depth++;
        return c->path_len;
    }
    (void)snprintf(text, sizeof(text), "[%zu]", index);
    return enter(c, text);
}

void path_leave(struct check *c, size_t mark)
{
    c->path_depth--;
    if (c->silence > 0)
        return;
    c->path_len = mark;
    c->path[mark] = '\0';
}

/* ---- reasons ---- */

/* Names and patterns in a reason are cut by their bytes: half a character goes. */
static void drop_halves(char *text)
{
    size_t left = strlen(text);
    char *to = text;

    for (const char *from = text; left > 0;) {
        size_t one = utf8_char_len(from, left);
        size_t step = one == 0 ? 1 : one;
        memmove(to, from, one);
        to += one;
        from += step;
        left -= step;
    }
    *to = '\0';
}

static unsigned rank_of(const struct check *c, enum weight weight)
{
    return 1 + 2 * c->path_depth + weight;
}

bool schema_is_heard(const struct check *c, enum weight weight)
{
    return c->silence == 0 && rank_of(c, weight) > c->fault.rank;
}

enum json_schema_verdict schema_refuse(struct check *c, enum weight weight, const char *format, ...)
{
    char what[SCHEMA_MAX_MESSAGE];
    va_list args;

    if (!schema_is_heard(c, weight))
        return JSON_SCHEMA_MISFIT;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args); /* cut when too long */
    va_end(args);
    drop_halves(what);
    c->fault.rank = rank_of(c, weight);
    (void)snprintf(c->fault.text, sizeof(c->fault.text), "%s: %s", c->path, what);
    return JSON_SCHEMA_MISFIT;
}

const char *schema_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "a boolean";
    }
}

static void write_text(struct buf *out, struct parley_view text, size_t limit)
{
    bool is_cut = text.len > limit;

    if (is_cut)
        text.len = whole_chars(text.data, limit);
    buf_append_json_string(out, text);
    if (is_cut) {
        out->len -= out->failed ? 0 : 1; /* its last quote */
        buf_append_str(out, "...\"");
    }
}

void schema_write(struct buf *out, const json_t *value, size_t limit)
{
    if (json_is_string(value))
        write_text(out, json_view(value), limit);
    else if (json_is_object(value) || json_is_array(value))
        buf_append_str(out, schema_kind(value));
    else
        json_write(out, value);
}

const char *schema_quote(const struct check *c, const json_t *value, char *out, size_t size)
{
    struct buf text = {0};

    if (!c->words->hides_value && !json_is_object(value) && !json_is_array(value))
        schema_write(&text, value, MAX_QUOTED);
    (void)snprintf(out, size, "%s", text.len == 0 || text.failed ? "it" : text.data);
    buf_done(&text);
    return out;
}

const char *schema_type_words(const char *type)
{
    static const struct {
        const char *type;
        const char *words;
    } known[] = {
        {"string", "a string"},   {"integer", "an integer"}, {"number", "a number"},
        {"boolean", "a boolean"}, {"object", "an object"},   {"array", "an array"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(type, known[i].type) == 0)
            return known[i].words;
    }
    return type; /* null, and what nobody knows */
}
