/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl tools: functions and results, for people and for programs. */
#include "ctl/tools_request.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/utf8.h"
#include "ctl/command.h"
#include "ctl/term.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME_COLUMN 44

/* ---- the list for programs ---- */

/* With the section in front where that alone tells two functions apart: a name for tools call. */
static json_t *name_json(struct tools_request *q, const struct worker_instance *wi,
                         const struct tools_function *f)
{
    if (tools_request_is_ambiguous(q, wi, f->name))
        return json_sprintf("%s.%s", wi->instance->name, f->name);
    return json_string(f->name);
}

/* A tool in MCP's words, and whose it is. */
static json_t *function_json(struct tools_request *q, const struct worker_instance *wi,
                             const struct tools_function *f)
{
    json_t *tool = json_pack("{s:o, s:s, s:O}", "name", name_json(q, wi, f), "description",
                             f->description, "inputSchema", f->parameters);

    if (tool == NULL)
        return NULL;
    if (f->output_schema != NULL)
        json_object_set(tool, "outputSchema", f->output_schema);
    json_object_set_new(tool, "annotations", tools_hints_json(f->flags));
    json_object_set_new(tool, "instance", json_string(wi->instance->name));
    return tool;
}

/* ---- the list for people ---- */

struct table {
    size_t name_width;
    size_t width; /* of the terminal */
};

static struct parley_view first_line(const char *text)
{
    return (struct parley_view){text, strcspn(text, "\r\n")};
}

/* As many characters as there is room for; "..." says that there are more. */
static void print_cut(const char *text, size_t room)
{
    struct parley_view line = first_line(text);
    size_t at = 0, chars = 0;
    bool is_cut = text[line.len] != '\0';

    while (at < line.len && chars < room) {
        size_t len = utf8_char_len(line.data + at, line.len - at);
        at += len == 0 ? 1 : len;
        chars++;
    }
    is_cut = is_cut || at < line.len;
    if (is_cut && chars + 3 > room && chars >= 3)
        for (int i = 0; i < 3; i++) /* make room, by whole characters */
            while (at > 0 && ((unsigned char)line.data[--at] & 0xC0) == 0x80)
                continue;
    term_safe(stdout, (struct parley_view){line.data, at});
    (void)fputs(is_cut ? "...\n" : "\n", stdout);
}

/* "path, head?": those with ? may be left out. */
static void write_arguments(struct buf *out, const struct tools_function *f)
{
    const json_t *required = json_object_get(f->parameters, "required");
    const char *name;
    json_t *schema, *word;
    size_t i;

    json_object_foreach(json_object_get(f->parameters, "properties"), name, schema)
    {
        bool is_required = false;
        json_array_foreach(required, i, word) is_required =
            is_required || view_is(json_view(word), name);
        buf_printf(out, "%s%s%s", out->len > 0 ? ", " : "", name, is_required ? "" : "?");
    }
    buf_append_char(out, '\0');
}

static const char *hint_of(const struct tools_function *f)
{
    if ((f->flags & PARLEY_TOOL_DESTRUCTIVE) != 0)
        return "changes";
    return (f->flags & PARLEY_TOOL_READ_ONLY) != 0 ? "reads" : "";
}

static void print_row(const struct table *t, const struct worker_instance *wi,
                      const struct tools_function *f)
{
    _cleanup_(buf_done) struct buf arguments = {0};
    _cleanup_(buf_done) struct buf name = {0};
    size_t indent = t->name_width + 2;

    buf_printf(&name, "%s.%s", wi->instance->name, f->name);
    write_arguments(&arguments, f);
    (void)printf("%s%-*s%s  ", term_style(stdout, TERM_BOLD), (int)t->name_width,
                 name.data == NULL ? f->name : name.data, term_style(stdout, TERM_PLAIN));
    (void)printf("%-8s ", hint_of(f));
    print_cut(f->description, t->width > indent + 9 ? t->width - indent - 9 : 20);
    if (arguments.len <= 1 || arguments.data == NULL)
        return;
    (void)printf("%*s%s", (int)indent + 9, "", term_style(stdout, TERM_CYAN));
    print_cut(arguments.data, t->width > indent + 9 ? t->width - indent - 9 : 20);
    (void)fputs(term_style(stdout, TERM_PLAIN), stdout);
}

static struct table measure(struct tools_request *q)
{
    struct table t = {.name_width = strlen("FUNCTION"), .width = term_width(stdout)};

    for (struct worker_instance *wi = NULL; (wi = tools_request_next(q, wi)) != NULL;) {
        size_t count;
        const struct tools_function *functions = tools_functions(wi, &count);
        for (size_t i = 0; i < count; i++) {
            size_t len = strlen(wi->instance->name) + 1 + strlen(functions[i].name);
            t.name_width = len > t.name_width ? len : t.name_width;
        }
    }
    if (t.name_width > MAX_NAME_COLUMN)
        t.name_width = MAX_NAME_COLUMN;
    return t;
}

static void print_head(const struct table *t)
{
    (void)printf("%s%-*s  %-8s %s%s\n", term_style(stdout, TERM_DIM), (int)t->name_width,
                 "FUNCTION", "", "WHAT IT IS FOR, AND ITS ARGUMENTS",
                 term_style(stdout, TERM_PLAIN));
}

/* ---- the list ---- */

static size_t show_instance(struct tools_request *q, struct worker_instance *wi,
                            const struct table *t, json_t *json)
{
    size_t count;
    const struct tools_function *functions = tools_functions(wi, &count);

    for (size_t i = 0; i < count; i++) {
        if (json != NULL)
            json_array_append_new(json, function_json(q, wi, &functions[i]));
        else
            print_row(t, wi, &functions[i]);
    }
    return count;
}

/* Why an instance has nothing to show, or not what it should. */
static bool has_failed(const struct worker_instance *wi, struct parley_error *err)
{
    const char *failure = tools_list_failure(wi);

    if (failure[0] != '\0')
        (void)parley_fail(err, PARLEY_E_INTERNAL, "%s: %s", wi->instance->title, failure);
    else if (!tools_are_settled(wi))
        (void)parley_fail(err, PARLEY_E_TIMEOUT,
                          "%s has not told its functions yet; PARLEY_LOG=debug shows why, "
                          "--timeout SECONDS waits longer",
                          wi->instance->title);
    return err->status < 0;
}

static int show_failures(struct tools_request *q)
{
    int code = CTL_DONE;

    for (struct worker_instance *wi = NULL; (wi = tools_request_next(q, wi)) != NULL;) {
        struct parley_error err = PARLEY_ERROR_INIT;
        if (!has_failed(wi, &err))
            continue;
        (void)command_failed(&command_tools, &err);
        code = CTL_FAILED;
    }
    return code;
}

int tools_show_list(struct tools_request *q)
{
    struct table t = {0};
    json_t *json = q->is_json ? json_array() : NULL;
    size_t total = 0;

    if (!q->is_json) {
        t = measure(q);
        print_head(&t);
    }
    for (struct worker_instance *wi = NULL; (wi = tools_request_next(q, wi)) != NULL;)
        total += show_instance(q, wi, &t, json);
    term_json(json);
    if (!q->is_json && total == 0)
        (void)printf("There is no function; does the configuration have a [tools NAME] section?\n");
    return show_failures(q);
}

/* ---- results ---- */

static json_t *content_json(const struct tools_result *result)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    json_t *content = result->content.len == 0 ? NULL : json_parse(result->content, &err);

    if (json_is_array(content))
        return content;
    json_decref(content);
    return json_pack("[{s:s, s:o}]", "type", "text", "text", json_from_view(result->output));
}

static void print_result_json(const struct tools_result *result)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    json_t *tree =
        json_pack("{s:b, s:o}", "isError", result->status < 0, "content", content_json(result));

    if (tree != NULL && result->structured.len > 0)
        json_object_set_new(tree, "structuredContent", json_parse(result->structured, &err));
    term_json(tree);
}

static void print_result(const struct tools_result *result)
{
    bool is_good = result->status >= 0;

    (void)fputs(term_style(stdout, is_good ? TERM_PLAIN : TERM_RED), stdout);
    term_safe(stdout, result->output);
    (void)fputs(term_style(stdout, TERM_PLAIN), stdout);
    (void)fputc('\n', stdout);
    if (result->structured.len > 0 && !view_equal(result->structured, result->output)) {
        (void)printf("%sstructured:%s ", term_style(stdout, TERM_DIM),
                     term_style(stdout, TERM_PLAIN));
        term_safe(stdout, result->structured);
        (void)fputc('\n', stdout);
    }
    (void)fprintf(stderr, "%s%s after %" PRId64 " ms%s\n", term_style(stderr, TERM_DIM),
                  is_good ? "done" : "failed", result->took_ms, term_style(stderr, TERM_PLAIN));
}

void tools_show_result(const struct tools_request *q, const struct tools_result *result)
{
    if (q->is_json)
        print_result_json(result);
    else
        print_result(result);
}

/* 3, not 3.0, as it was sent. */
static json_t *number_json(double value)
{
    bool is_whole = value >= -1e15 && value <= 1e15 && trunc(value) == value;

    return is_whole ? json_integer((json_int_t)value) : json_real(value);
}

void tools_show_progress(double done, double total, struct parley_view message)
{
    _cleanup_json_ json_t *line = json_object();

    json_object_set_new(line, "progress", number_json(done));
    if (total > 0)
        json_object_set_new(line, "total", number_json(total));
    if (message.len > 0)
        json_object_set_new(line, "message", json_from_view(message));
    (void)json_dumpf(line, stderr, JSON_COMPACT | json_digits(line));
    (void)fputc('\n', stderr);
}
