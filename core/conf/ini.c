/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI text to sections. inih finds sections and keys; it is fed line by line through a reader of
 * ours, because its builds differ in the longest line (200 bytes on Debian), in continuation lines
 * and in comments, and parley's files must mean the same everywhere:
 *
 *   - a line is `[kind]`, `[kind name]`, `key = value`, a comment (first character ; or #) or
 * empty; spaces at both ends do not count and no line continues the one before;
 *   - a comment after a value or a section starts at a ; or # that follows a space;
 *   - a value in double quotes may hold anything: \" \\ \n \t are escapes there.
 *
 * The reader gives inih the header, or the key and its `=`; the value is taken from the text.
 */
#include "conf/conf.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "conf/secret.h"

#include <ini.h>

#include <stdio.h>

struct reader {
    struct conf *conf;
    struct conf_report *report;
    const char *file;
    struct parley_view rest;
    struct parley_view value; /* of the line that inih has, raw */
    int line;
    bool is_header;               /* the line that inih has is the marker after a header */
    struct conf_section *section; /* NULL: none yet, or a bad one whose keys are skipped */
    bool skips_keys;
    bool good;
};

__attribute__((format(printf, 2, 3))) static void fail_line(struct reader *r, const char *format,
                                                            ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    conf_report_error(r->report,
                      (struct conf_place){.file = r->file, .line = r->line, .section = r->section},
                      "%s", text);
    r->good = false;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool is_name(struct parley_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (!is_name_char(v.data[i]))
            return false;
    }
    return v.len > 0;
}

/* An option, or words with dots before it: "delete_file.approval". */
static bool is_key(struct parley_view v)
{
    struct parley_view part;

    if (v.len > CONF_MAX_KEY)
        return false;
    while (view_split(&v, '.', &part)) {
        if (!is_name(part))
            return false;
    }
    return is_name(part) && part.len <= CONF_MAX_NAME;
}

/* "kind" or "kind name": what may stand between the brackets. */
static bool is_title(struct parley_view v)
{
    struct parley_view kind;

    if (v.len > CONF_MAX_NAME || memchr(v.data, '\t', v.len) != NULL)
        return false;
    bool has_name = view_split(&v, ' ', &kind);
    return is_name(kind) && (!has_name || is_name(view_trim(v)));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_comment(char c)
{
    return c == ';' || c == '#';
}

/* Is there nothing after a closing bracket or quote but spaces and a comment? */
static bool only_comment_follows(struct parley_view v)
{
    struct parley_view rest = view_trim(v);

    return rest.len == 0 || (is_comment(rest.data[0]) && is_blank(v.data[0]));
}

/* The next line without its end; false at the end of the text. */
static bool take_line(struct reader *r, struct parley_view *ret_line)
{
    if (r->rest.len == 0)
        return false;
    view_split(&r->rest, '\n', ret_line);
    r->line++;
    return true;
}

/* What inih is to see of a header line; nothing when it is bad. */
static size_t header_text(struct reader *r, struct parley_view line, char *out, size_t room)
{
    struct parley_view after = line;
    struct parley_view inside;

    r->section = NULL;
    r->skips_keys = true;
    if (!view_split(&after, ']', &inside)) {
        fail_line(r, "the section's ] is missing");
        return 0;
    }
    inside = view_trim((struct parley_view){inside.data + 1, inside.len - 1});
    if (!only_comment_follows(after)) {
        fail_line(r, "text after the section's ]; put a comment behind a space and #");
        return 0;
    }
    if (!is_title(inside) || inside.len + 3 > room) {
        fail_line(r,
                  "no section; write [kind] or [kind name] of letters, digits, _ and -, at most %d",
                  CONF_MAX_NAME);
        return 0;
    }
    r->is_header = true;
    return (size_t)snprintf(out, room, "[%.*s]", (int)inside.len, inside.data);
}

/* What inih is to see of a line with a key; nothing when it is bad. */
static size_t key_text(struct reader *r, struct parley_view line, char *out, size_t room)
{
    struct parley_view key;

    r->value = line;
    if (!view_split(&r->value, '=', &key)) {
        fail_line(r, "neither a [section] nor \"key = value\"");
        return 0;
    }
    key = view_trim(key);
    if (!is_key(key) || key.len + 2 > room) {
        fail_line(r, "a key is 1 to %d letters, digits, _ and -, or such words with dots between",
                  CONF_MAX_NAME);
        return 0;
    }
    return (size_t)snprintf(out, room, "%.*s=", (int)key.len, key.data);
}

static size_t line_text(struct reader *r, struct parley_view raw, char *out, size_t room)
{
    struct parley_view line = view_trim(raw);

    if (raw.len > CONF_MAX_LINE_BYTES) {
        fail_line(r, "a line of %zu bytes; the longest allowed is %d", raw.len,
                  CONF_MAX_LINE_BYTES);
        return 0;
    }
    if (line.len == 0 || is_comment(line.data[0]))
        return 0;
    if (!utf8_valid(line.data, line.len) || memchr(line.data, '\0', line.len) != NULL) {
        fail_line(r, "not UTF-8 text");
        return 0;
    }
    return line.data[0] == '[' ? header_text(r, line, out, room) : key_text(r, line, out, room);
}

/* The reader that inih calls: as fgets(). After a header it hands out a line without a key, so that
 * inih tells of sections that have none. */
static char *read_line(char *out, int size, void *stream)
{
    struct reader *r = stream;
    struct parley_view line;

    if (r->is_header) {
        (void)snprintf(out, (size_t)size, "=\n");
        return out;
    }
    if (!take_line(r, &line))
        return NULL;
    size_t len = line_text(r, line, out, (size_t)size - 1);
    out[len] = '\n';
    out[len + 1] = '\0';
    return out;
}

static void open_section(struct reader *r, const char *header)
{
    struct parley_view name = view_of(header);
    struct parley_view kind;

    view_split(&name, ' ', &kind);
    name = view_trim(name);
    for (struct conf_section *s = r->conf->sections; s != NULL; s = s->next) {
        if (!view_is(kind, s->kind) || !view_is(name, s->name))
            continue;
        if (s->last_file == r->file) {
            fail_line(r, "[%s] appears twice, first in line %d; merge the two", header,
                      s->last_line);
            return;
        }
        r->section = s;
    }
    if (r->section == NULL) {
        if (r->conf->section_count >= CONF_MAX_SECTIONS) {
            fail_line(r, "more than %d sections", CONF_MAX_SECTIONS);
            return;
        }
        r->section = conf_append_section(r->conf, kind, name);
        if (r->section == NULL) {
            fail_line(r, "no memory for section [%s]", header);
            return;
        }
        r->section->file = r->file;
        r->section->line = r->line;
    }
    r->section->last_file = r->file;
    r->section->last_line = r->line;
    r->skips_keys = false;
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '"':
    case '\\':
        return c;
    default:
        return '\0';
    }
}

/* A value that starts with a quote. NULL, or what is wrong. */
static const char *read_quoted(struct parley_view raw, struct buf *out)
{
    size_t i = 1;

    for (; i < raw.len && raw.data[i] != '"'; i++) {
        char c = raw.data[i];
        if (c == '\\') {
            c = ++i < raw.len ? unescape(raw.data[i]) : '\0';
            if (c == '\0')
                return "a backslash in quotes is followed by one of \" \\ n t";
        }
        buf_append_char(out, c);
    }
    if (i >= raw.len)
        return "the closing quote is missing";
    if (!only_comment_follows((struct parley_view){raw.data + i + 1, raw.len - i - 1}))
        return "text after the closing quote; put all of the value into the quotes";
    return NULL;
}

static void read_plain(struct parley_view raw, struct buf *out)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (is_comment(raw.data[i]) && (i == 0 || is_blank(raw.data[i - 1]))) {
            raw.len = i;
            break;
        }
    }
    buf_append_view(out, view_trim(raw));
}

static struct conf_key *key_of(struct reader *r, const char *name)
{
    for (struct conf_key *k = r->section->keys; k != NULL; k = k->next) {
        if (strcmp(k->name, name) != 0)
            continue;
        if (k->values != NULL && k->values->file != r->file)
            conf_clear_values(k); /* of an earlier layer */
        if (k->value_count < CONF_MAX_VALUES)
            return k;
        fail_line(r, "%s: repeated more than %d times", name, CONF_MAX_VALUES);
        return NULL;
    }
    if (r->section->key_count >= CONF_MAX_KEYS) {
        fail_line(r, "%s: more than %d keys in one section", name, CONF_MAX_KEYS);
        return NULL;
    }
    struct conf_key *k = conf_append_key(r->section, view_of(name));
    if (k == NULL)
        fail_line(r, "%s: no memory", name);
    return k;
}

static void add_value(struct reader *r, const char *name)
{
    _cleanup_(secret_buf_done) struct buf text = {0};
    struct parley_view raw = view_trim(r->value);
    const char *wrong = NULL;

    if (raw.len > 0 && raw.data[0] == '"')
        wrong = read_quoted(raw, &text);
    else
        read_plain(raw, &text);
    if (wrong != NULL) {
        fail_line(r, "%s: %s", name, wrong);
        return;
    }
    struct conf_key *k = key_of(r, name);
    if (k == NULL)
        return;
    struct conf_value *v = text.failed ? NULL : conf_append_value(k, buf_view(&text));
    if (v == NULL) {
        fail_line(r, "%s: no memory", name);
        return;
    }
    v->file = r->file;
    v->line = r->line;
}

/* What inih calls for each key, and for the marker after each header. */
static int on_key(void *ctx, const char *section, const char *name, const char *value)
{
    struct reader *r = ctx;

    (void)value; /* read_line() gave it none */
    if (r->is_header) {
        r->is_header = false;
        open_section(r, section);
    } else if (r->section != NULL) {
        add_value(r, name);
    } else if (!r->skips_keys) {
        fail_line(r, "%s: stands before the first [section]", name);
    }
    return 1;
}

static struct parley_view without_bom(struct parley_view text)
{
    if (view_starts_with(text, VIEW("\xef\xbb\xbf")))
        return (struct parley_view){text.data + 3, text.len - 3};
    return text;
}

bool conf_add_layer(struct conf *c, struct parley_view text, const char *file,
                    struct conf_report *report)
{
    struct reader r = {.conf = c, .report = report, .rest = without_bom(text), .good = true};

    if (c->file_count >= CONF_MAX_LAYERS || text.len > CONF_MAX_FILE_BYTES) {
        conf_report_error(report, (struct conf_place){.file = file},
                          "is too much: at most %d files of %d bytes", CONF_MAX_LAYERS,
                          CONF_MAX_FILE_BYTES);
        return false;
    }
    c->files[c->file_count] = strdup(file);
    if (c->files[c->file_count] == NULL) {
        conf_report_error(report, (struct conf_place){.file = file}, "no memory");
        return false;
    }
    r.file = c->files[c->file_count++];
    /* Its own result says which line it could not read; read_line() has reported that already. */
    (void)ini_parse_stream(read_line, &r, on_key, &r);
    return r.good;
}
