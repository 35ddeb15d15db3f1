/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/log_lines.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include "telemetry/names.h"

#include <stdlib.h>
#include <string.h>

/* Fields whose meaning has a name of its own; the others stay in the text only. */
static const struct {
    const char *field;
    const char *event; /* only in lines of that event; NULL: in all */
    const char *key;
} known[] = {
    {"session", NULL, NAME_SESSION_ID},
    {"agent", NULL, NAME_AGENT_NAME},
    {"user", NULL, NAME_USER_ID},
    {"tool", NULL, NAME_TOOL_NAME},
    {"function", NULL, NAME_TOOL_NAME},
    {"call_id", NULL, NAME_TOOL_CALL_ID},
    {"instance", NULL, NAME_PLUGIN_INSTANCE},
    {"code", NULL, NAME_ERROR_TYPE},
    {"code", NAME_EVENT_EXCEPTION, NAME_EXCEPTION_TYPE},
    {"message", NAME_EVENT_EXCEPTION, NAME_EXCEPTION_MESSAGE},
    {"reason", NAME_EVENT_EXCEPTION, NAME_EXCEPTION_MESSAGE},
};

/* Keys are unique in a list: the first one stays, which no value further on can forge. */
static void add(struct log_line *l, const char *key, struct parley_view value)
{
    for (uint32_t i = 0; i < l->attr_count; i++) {
        if (strcmp(l->attrs[i].key, key) == 0)
            return;
    }
    if (value.len == 0 || l->attr_count == LOG_LINE_MAX_ATTRS)
        return;
    l->attrs[l->attr_count++] =
        (struct parley_attr){.key = key, .type = PARLEY_ATTR_STRING, .string = value};
}

static void add_field(struct log_line *l, struct parley_view field, struct parley_view value)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (view_is(field, known[i].field) &&
            (known[i].event == NULL || strcmp(known[i].event, l->entry.event) == 0))
            add(l, known[i].key, value);
    }
}

/* word, or "several words" without the quotes; *at moves behind it. */
static struct parley_view read_value(const char **at)
{
    bool is_quoted = **at == '"';
    const char *start = *at + is_quoted;
    size_t len = strcspn(start, is_quoted ? "\"" : " ");

    *at = start + len;
    if (is_quoted && **at == '"')
        (*at)++;
    return (struct parley_view){start, len};
}

static void read_fields(struct log_line *l)
{
    const char *at = l->text;

    while (*at != '\0') {
        size_t len = strcspn(at, " =");
        struct parley_view field = {at, len};
        at += len;
        if (*at == '=' && len > 0) {
            at++;
            add_field(l, field, read_value(&at));
        } else if (*at != '\0') {
            at++;
        }
    }
}

bool log_line_init(struct log_line *l, const struct log_entry *entry, const char *text,
                   const struct redact *redact)
{
    struct buf mended = {0};
    struct buf told = {0};

    utf8_append_mended(&mended, (struct parley_view){text, entry->len});
    if (redact_apply(redact, buf_view(&mended), &told)) {
        buf_done(&mended);
        mended = told;
    }
    buf_append_char(&mended, '\0');
    if (mended.failed) {
        buf_done(&mended);
        return false;
    }
    *l = (struct log_line){.entry = *entry, .text = mended.data, .len = mended.len - 1};
    read_fields(l);
    return true;
}

void log_line_done(struct log_line *l)
{
    free(l->text);
    l->text = NULL;
}

static uint32_t severity(enum log_level level)
{
    static const uint32_t numbers[] = {17, 13, 9, 5}; /* OpenTelemetry's */

    return numbers[level];
}

struct parley_log_record log_line_record(const struct log_line *l, uint64_t unix_ns)
{
    struct parley_log_record r = {.unix_ns = unix_ns,
                                  .severity = severity(l->entry.level),
                                  .body = {l->text, l->len},
                                  .attrs = {.items = l->attrs,
                                            .count = l->attr_count,
                                            .item_size = sizeof(struct parley_attr)},
                                  .event_name = l->entry.event};

    memcpy(r.trace_id, l->entry.context.trace_id, sizeof(r.trace_id));
    memcpy(r.span_id, l->entry.context.span_id, sizeof(r.span_id));
    return r;
}
