/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/show.h"

#include "base/str.h"

/* Could the plain text be read back as it is? */
static bool needs_quotes(const char *text)
{
    size_t len = strlen(text);

    if (len == 0)
        return false;
    return text[0] == '"' || text[0] == ' ' || text[len - 1] == ' ' || strpbrk(text, "\n\t") ||
           strstr(text, " #") || strstr(text, " ;") || text[0] == '#' || text[0] == ';';
}

/* A value as it could stand in an INI file. */
static void write_value(struct buf *out, const char *text)
{
    bool quotes = needs_quotes(text);

    if (quotes)
        buf_append_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '$' && c[1] == '{')
            buf_append_str(out, "$$");
        else if (quotes && (*c == '"' || *c == '\\'))
            buf_printf(out, "\\%c", *c);
        else if (quotes && *c == '\n')
            buf_append_str(out, "\\n");
        else if (quotes && *c == '\t')
            buf_append_str(out, "\\t");
        else
            buf_append_char(out, *c);
    }
    if (quotes)
        buf_append_char(out, '"');
}

static void write_source(struct buf *out, const struct options_setting *s)
{
    if (s->origin == OPTIONS_FROM_VARIABLE) {
        buf_printf(out, "the variable %s", s->environment);
        return;
    }
    if (s->origin == OPTIONS_FROM_FILE)
        buf_printf(out, "%s:%d", s->file, s->line);
    else
        buf_append_str(out, s->origin == OPTIONS_FROM_DEFAULT ? "default" : "not set");
    if (s->environment[0] != '\0')
        buf_printf(out, ", from the environment: %s", s->environment);
}

static bool is_given(const struct options_setting *s)
{
    return s->origin == OPTIONS_FROM_FILE || s->origin == OPTIONS_FROM_VARIABLE;
}

static bool has_key(const struct options_values *values, const char *name)
{
    for (size_t i = 0; values != NULL && i < options_count(values); i++) {
        if (strcmp(options_setting(values, i).name, name) == 0)
            return true;
    }
    return false;
}

static void write_lines(struct buf *out, const struct options_values *values,
                        const struct options_values *shown, bool with_defaults)
{
    for (size_t i = 0; i < options_count(values); i++) {
        struct options_setting s = options_setting(values, i);
        if ((!is_given(&s) && !with_defaults) || has_key(shown, s.name))
            continue;
        size_t start = out->len;
        buf_printf(out, "%s = ", s.name);
        write_value(out, s.text);
        size_t width = out->len - start;
        buf_printf(out, "%*s  # ", width < 48 ? (int)(48 - width) : 0, "");
        write_source(out, &s);
        buf_append_char(out, '\n');
    }
}

void show_values_text(struct buf *out, const char *title, const struct options_values *values,
                      bool with_defaults)
{
    buf_printf(out, "[%s]\n", title);
    write_lines(out, values, NULL, with_defaults);
}

void show_set_text(struct buf *out, const struct options_values *values,
                   const struct options_values *shown)
{
    write_lines(out, values, shown, false);
}

static bool write_object(json_t *object, const struct options_values *values, bool with_defaults)
{
    static const char *const sources[] = {"none", "default", "file", "variable"};

    for (size_t i = 0; i < options_count(values); i++) {
        struct options_setting s = options_setting(values, i);
        if (!is_given(&s) && !with_defaults)
            continue;
        json_t *item = json_pack("{s:s, s:s, s:s, s:i, s:s, s:b}", "value", s.text, "source",
                                 sources[s.origin], "file", s.file, "line", s.line, "environment",
                                 s.environment, "secret", (int)s.is_secret);
        if (json_object_set_new(object, s.name, item) < 0) /* also when item is NULL */
            return false;
    }
    return true;
}

bool show_values_json(json_t *object, const struct options_values *values)
{
    return write_object(object, values, true);
}

bool show_set_json(json_t *object, const struct options_values *values)
{
    return write_object(object, values, false);
}
