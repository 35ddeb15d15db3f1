/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DIM    "\033[2m"
#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define GREEN  "\033[32m"

#define SLOW_SECONDS 1.5 /* longer feels like waiting */

struct line {
    char *out;
    size_t len;
    bool with_colours;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(l->out + l->len, LINE_SIZE - l->len, format, args);
    va_end(args);
    if (n > 0)
        l->len += (size_t)n < LINE_SIZE - l->len ? (size_t)n : LINE_SIZE - l->len - 1;
}

static void colour(struct line *l, const char *code)
{
    if (l->with_colours)
        add(l, "%s", code);
}

/* <1 ms, 12 ms, 1.24 s, 2 m 05 s */
static void add_time(struct line *l, double seconds)
{
    if (seconds < 0.001)
        add(l, "<1 ms");
    else if (seconds < 1)
        add(l, "%.0f ms", seconds * 1000);
    else if (seconds < 60)
        add(l, "%.2f s", seconds);
    else
        add(l, "%d m %02d s", (int)(seconds / 60), (int)seconds % 60);
}

/* Length of a control character at the text: of ASCII, or U+0080 to U+009F. */
static size_t control_len(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
        return 2;
    return c[0] < ' ' || c[0] == 127 ? 1 : 0;
}

/* Control characters would let what people say play with the terminal. */
static void add_said(struct line *l, const char *text)
{
    while (*text != '\0') {
        size_t control = control_len(text);
        add(l, "%c", control > 0 ? ' ' : *text);
        text += control > 0 ? control : 1;
    }
}

static void add_start(struct line *l, const struct turn *t)
{
    time_t seconds = (time_t)(t->end_unix_ns / UINT64_C(1000000000));
    struct tm local = {0};
    char clock[16] = "";

    if (localtime_r(&seconds, &local) != NULL)
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    colour(l, DIM);
    add(l, "%s  ", clock);
    colour(l, "\033[0m" BOLD);
    add_said(l, t->agent[0] != '\0' ? t->agent : "(no agent)");
    colour(l, "\033[0m");
    if (t->number > 0)
        add(l, " turn %lld", (long long)t->number);
    if (t->trigger[0] != '\0') {
        add(l, " by ");
        add_said(l, t->trigger);
    }
}

/* What people feel, so its colour tells before it is read. */
static void add_first_output(struct line *l, const struct turn *t)
{
    if (t->first_seconds < 0)
        return;
    add(l, "  first %s ", t->is_spoken ? "audio" : "text");
    colour(l, t->first_seconds > SLOW_SECONDS ? YELLOW : GREEN);
    add_time(l, t->first_seconds);
    colour(l, "\033[0m");
}

/* For whoever looks the conversation up. */
static void add_session(struct line *l, const struct turn *t)
{
    if (t->session[0] == '\0')
        return;
    colour(l, DIM);
    add(l, "  ");
    add_said(l, t->session);
    colour(l, "\033[0m");
}

static void add_tools(struct line *l, const struct turn *t)
{
    unsigned kept = t->tool_count < TURN_MAX_TOOLS ? t->tool_count : TURN_MAX_TOOLS;

    for (unsigned i = 0; i < kept; i++) {
        const struct turn_tool *tool = &t->tools[i];
        add(l, i == 0 ? "  tools " : ", ");
        add_said(l, tool->name);
        add(l, " ");
        add_time(l, tool->seconds);
        if (tool->error[0] == '\0')
            continue;
        colour(l, RED);
        add(l, " (");
        add_said(l, tool->error);
        add(l, ")");
        colour(l, "\033[0m");
    }
    if (t->tool_count > kept)
        add(l, " and %u more", t->tool_count - kept);
}

static void add_end(struct line *l, const struct turn *t)
{
    if (t->error[0] != '\0') {
        colour(l, RED);
        add(l, "  failed: ");
        add_said(l, t->error);
        colour(l, "\033[0m");
    } else if (t->end_reason[0] != '\0' && strcmp(t->end_reason, "completed") != 0) {
        colour(l, YELLOW);
        add(l, "  ");
        add_said(l, t->end_reason);
        colour(l, "\033[0m");
    }
}

void line_text(const struct turn *t, bool with_colours, char out[LINE_SIZE])
{
    struct line l = {.out = out, .with_colours = with_colours};

    out[0] = '\0';
    add_start(&l, t);
    if (t->user_said[0] != '\0') {
        add(&l, "  \"");
        add_said(&l, t->user_said);
        add(&l, "\"");
    }
    if (t->agent_said[0] != '\0') {
        add(&l, " -> \"");
        add_said(&l, t->agent_said);
        add(&l, "\"");
    }
    add_first_output(&l, t);
    add(&l, "  total ");
    add_time(&l, t->seconds);
    add_tools(&l, t);
    if (t->input_tokens > 0 || t->output_tokens > 0)
        add(&l, "  tokens %lld in %lld out", (long long)t->input_tokens,
            (long long)t->output_tokens);
    add_end(&l, t);
    add_session(&l, t);
}

static json_t *milliseconds(double seconds)
{
    return json_integer((json_int_t)(seconds * 1000 + 0.5));
}

static void set_word(json_t *object, const char *key, const char *word)
{
    if (word[0] != '\0')
        (void)json_object_set_new(object, key, json_string(word)); /* left out without memory */
}

void line_iso_time(uint64_t unix_ns, char out[LINE_ISO_SIZE])
{
    time_t seconds = (time_t)(unix_ns / UINT64_C(1000000000));
    struct tm utc = {0};
    size_t len = 0;

    if (gmtime_r(&seconds, &utc) != NULL)
        len = strftime(out, LINE_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out + len, LINE_ISO_SIZE - len, ".%03uZ",
                   (unsigned)(unix_ns / UINT64_C(1000000) % 1000));
}

static json_t *tools_json(const struct turn *t)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < t->tool_count && i < TURN_MAX_TOOLS; i++) {
        json_t *tool = json_object();
        set_word(tool, "name", t->tools[i].name);
        (void)json_object_set_new(tool, "ms", milliseconds(t->tools[i].seconds));
        set_word(tool, "error", t->tools[i].error);
        (void)json_array_append_new(list, tool);
    }
    return list;
}

static json_t *turn_json(const struct turn *t)
{
    json_t *o = json_object();
    char time_text[LINE_ISO_SIZE];

    line_iso_time(t->end_unix_ns, time_text);
    set_word(o, "time", time_text);
    set_word(o, "agent", t->agent);
    set_word(o, "session", t->session);
    if (t->number > 0)
        (void)json_object_set_new(o, "turn", json_integer(t->number));
    set_word(o, "trigger", t->trigger);
    set_word(o, "model", t->model);
    if (t->first_seconds >= 0)
        (void)json_object_set_new(o, "first_output_ms", milliseconds(t->first_seconds));
    (void)json_object_set_new(o, "total_ms", milliseconds(t->seconds));
    (void)json_object_set_new(o, "tools", tools_json(t));
    (void)json_object_set_new(o, "input_tokens", json_integer(t->input_tokens));
    (void)json_object_set_new(o, "output_tokens", json_integer(t->output_tokens));
    set_word(o, "end_reason", t->end_reason);
    set_word(o, "error", t->error);
    set_word(o, "user_said", t->user_said);
    set_word(o, "agent_said", t->agent_said);
    return o;
}

void line_json(const struct turn *t, char out[LINE_SIZE])
{
    json_t *o = turn_json(t);
    size_t len = o == NULL ? 0 : json_dumpb(o, out, LINE_SIZE - 1, JSON_COMPACT);

    /* With TURN_MAX_TOOLS long names of tools it may not fit: then without them. */
    if (len >= LINE_SIZE) {
        (void)json_object_del(o, "tools");
        len = json_dumpb(o, out, LINE_SIZE - 1, JSON_COMPACT);
    }
    out[len < LINE_SIZE ? len : 0] = '\0';
    json_decref(o);
}
