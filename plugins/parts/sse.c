/* SPDX-License-Identifier: Apache-2.0 */
#include "sse.h"

#include <stdio.h>
#include <string.h>

#define MAX_RETRY_DIGITS 9

static bool is_name(struct parley_view name, const char *word)
{
    return name.len == strlen(word) && memcmp(name.data, word, name.len) == 0;
}

static void take_retry(struct sse *s, struct parley_view value)
{
    int64_t ms = 0;

    if (value.len == 0 || value.len > MAX_RETRY_DIGITS)
        return;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return;
        ms = ms * 10 + (value.data[i] - '0');
    }
    s->retry_ms = ms;
}

static void take_id(struct sse *s, struct parley_view value)
{
    if (value.len > SSE_MAX_ID || memchr(value.data, '\0', value.len) != NULL)
        return;
    text_clear(&s->id);
    s->has_id = text_append(&s->id, value, SSE_MAX_ID) && value.len > 0;
}

/* Each data line ends with LF; the last one is taken off again before the event is told. */
static int take_data(struct sse *s, struct parley_view value)
{
    static const struct parley_view lf = PARLEY_VIEW("\n");

    return text_append(&s->data, value, s->limit) && text_append(&s->data, lf, s->limit + 1)
               ? PARLEY_OK
               : PARLEY_E_TOO_LARGE;
}

static int take_field(struct sse *s, struct parley_view name, struct parley_view value)
{
    if (is_name(name, "data"))
        return take_data(s, value);
    if (is_name(name, "event"))
        (void)snprintf(s->type, sizeof(s->type), "%.*s", (int)(value.len > 64 ? 64 : value.len),
                       value.data);
    else if (is_name(name, "id"))
        take_id(s, value);
    else if (is_name(name, "retry"))
        take_retry(s, value);
    return PARLEY_OK;
}

static void dispatch(struct sse *s, sse_on_event on_event, void *ctx)
{
    struct parley_view data = text_view(&s->data);

    if (data.len > 1) /* empty data, as in a first event that only brings an id, is no message */
        on_event(ctx, s->type[0] == '\0' ? "message" : s->type,
                 (struct parley_view){data.data, data.len - 1});
    text_clear(&s->data);
    s->type[0] = '\0';
}

static int take_line(struct sse *s, sse_on_event on_event, void *ctx)
{
    struct parley_view line = text_view(&s->line);

    if (!s->is_begun && line.len >= 3 && memcmp(line.data, "\xEF\xBB\xBF", 3) == 0)
        line = (struct parley_view){line.data + 3, line.len - 3};
    s->is_begun = true;
    if (line.len == 0) {
        dispatch(s, on_event, ctx);
        return PARLEY_OK;
    }
    const char *colon = memchr(line.data, ':', line.len);
    struct parley_view name = {line.data, colon == NULL ? line.len : (size_t)(colon - line.data)};
    struct parley_view value = {"", 0};
    if (colon != NULL)
        value = (struct parley_view){colon + 1, line.len - name.len - 1};
    if (value.len > 0 && value.data[0] == ' ')
        value = (struct parley_view){value.data + 1, value.len - 1};
    return take_field(s, name, value); /* a comment has an empty name */
}

static size_t line_length(struct parley_view bytes)
{
    size_t len = 0;

    while (len < bytes.len && bytes.data[len] != '\n' && bytes.data[len] != '\r')
        len++;
    return len;
}

int sse_feed(struct sse *s, struct parley_view bytes, sse_on_event on_event, void *ctx)
{
    int r = PARLEY_OK;

    while (bytes.len > 0 && r == PARLEY_OK) {
        if (s->after_cr && bytes.data[0] == '\n') {
            bytes = (struct parley_view){bytes.data + 1, bytes.len - 1};
            s->after_cr = false;
            continue;
        }
        s->after_cr = false;
        size_t len = line_length(bytes);
        if (!text_append(&s->line, (struct parley_view){bytes.data, len}, s->limit + 8))
            return PARLEY_E_TOO_LARGE;
        if (len == bytes.len)
            return PARLEY_OK;
        s->after_cr = bytes.data[len] == '\r';
        r = take_line(s, on_event, ctx);
        text_clear(&s->line);
        bytes = (struct parley_view){bytes.data + len + 1, bytes.len - len - 1};
    }
    return r;
}

void sse_restart(struct sse *s)
{
    text_clear(&s->line);
    text_clear(&s->data);
    s->type[0] = '\0';
    s->is_begun = false;
    s->after_cr = false;
}

void sse_done(struct sse *s)
{
    text_done(&s->id);
    text_done(&s->line);
    text_done(&s->data);
}
