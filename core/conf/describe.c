/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/show.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "conf/parse.h"
#include "conf/variable.h"

const char *describe_type(uint32_t type)
{
    static const char *const names[] = {"?",       "string", "secret", "text",   "path",
                                        "integer", "number", "yes/no", "choice", "duration",
                                        "size",    "list",   "lines"};

    return type < ARRAY_LEN(names) ? names[type] : names[0];
}

static bool has_bounds(const struct parley_option *o)
{
    return o->min < o->max && (o->type == PARLEY_TYPE_INT || o->type == PARLEY_TYPE_NUMBER ||
                               o->type == PARLEY_TYPE_DURATION || o->type == PARLEY_TYPE_SIZE);
}

/* "1ms to 1m", "a, b, c" or nothing. */
static void write_range(struct buf *out, const struct parley_option *o)
{
    struct parley_view rest = view_of(o->values);
    struct parley_view word;

    if (has_bounds(o)) {
        parse_write_whole(o->type, o->min, out);
        buf_append_str(out, " to ");
        parse_write_whole(o->type, o->max, out);
        return;
    }
    while (o->type == PARLEY_TYPE_ENUM && rest.len > 0) {
        view_split(&rest, '|', &word);
        buf_append_view(out, word);
        buf_append_str(out, rest.len > 0 ? ", " : "");
    }
}

static bool is_required(const struct parley_option *o)
{
    return (o->flags & PARLEY_OPTION_REQUIRED) != 0;
}

void describe_text(struct buf *out, const struct options_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct parley_option o = options_at(table, i);
        buf_printf(out, "  %s  (%s", o.name, describe_type(o.type));
        size_t before = out->len;
        buf_append_str(out, ", ");
        size_t start = out->len;
        write_range(out, &o);
        if (out->len == start && !out->failed)
            out->len = before;
        buf_append_str(out, is_required(&o) ? ", required)\n" : ")\n");
        if (o.help != NULL)
            buf_printf(out, "      %s\n", o.help);
        if (o.default_value != NULL && o.default_value[0] != '\0')
            buf_printf(out, "      Default: %s\n", o.default_value);
        if (o.example != NULL)
            buf_printf(out, "      Example: %s = %s\n", o.name, o.example);
        if (o.variable != NULL)
            buf_printf(out, "      Else from: %s\n", o.variable);
    }
}

static json_t *describe_option(const struct parley_option *o)
{
    json_t *item = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:b}", "name", o->name, "type",
                             describe_type(o->type), "help", o->help == NULL ? "" : o->help,
                             "default", o->default_value, "example", o->example, "variable",
                             o->variable, "required", (int)is_required(o));
    struct parley_view rest = view_of(o->values);
    struct parley_view word;

    if (item == NULL || o->type != PARLEY_TYPE_ENUM) {
        if (item != NULL && has_bounds(o)) {
            (void)json_object_set_new(item, "min", json_integer(o->min));
            (void)json_object_set_new(item, "max", json_integer(o->max));
        }
        return item;
    }
    json_t *values = json_array();
    while (rest.len > 0) {
        view_split(&rest, '|', &word);
        (void)json_array_append_new(values, json_stringn(word.data, word.len));
    }
    (void)json_object_set_new(item, "values", values);
    return item;
}

json_t *describe_json(const struct options_table *table)
{
    json_t *all = json_array();

    for (uint32_t i = 0; all != NULL && i < table->count; i++) {
        struct parley_option o = options_at(table, i);
        if (json_array_append_new(all, describe_option(&o)) < 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

/* Text inside a Markdown table's cell. */
static void write_cell(struct buf *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '|')
            buf_append_char(out, '\\');
        buf_append_char(out, *text == '\n' ? ' ' : *text);
    }
}

static void write_code(struct buf *out, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    buf_append_char(out, '`');
    write_cell(out, text);
    buf_append_char(out, '`');
}

void describe_markdown(struct buf *out, const struct options_table *table)
{
    buf_append_str(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < table->count; i++) {
        struct parley_option o = options_at(table, i);
        buf_printf(out, "| `%s` | %s", o.name, describe_type(o.type));
        if (has_bounds(&o) || o.type == PARLEY_TYPE_ENUM) {
            buf_append_str(out, ": ");
            write_range(out, &o);
        }
        buf_append_str(out, " | ");
        if (is_required(&o))
            buf_append_str(out, "required");
        else
            write_code(out, o.default_value);
        buf_append_str(out, " | ");
        write_cell(out, o.help);
        if (o.example != NULL) {
            buf_append_str(out, " Example: ");
            write_code(out, o.example);
        }
        if (o.variable != NULL) {
            buf_append_str(out, " Else ");
            variable_describe(&o, out);
            buf_append_char(out, '.');
        }
        buf_append_str(out, " |\n");
    }
}
