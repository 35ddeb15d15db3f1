/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/str.h"
#include "net/net_state.h"

#include <stdio.h>

static void answer_text(struct http_request *r, int status, const struct buf *text)
{
    if (text->failed)
        http_respond_text(r, 500, "text/plain", "no memory for the answer\n");
    else
        http_respond(r, &(struct http_response){.status = status,
                                                .content_type = "application/json",
                                                .headers = VIEW("Cache-Control: no-store\r\n"),
                                                .body = buf_view(text)});
}

void answer_json(struct http_request *r, int status, json_t *take_body)
{
    struct buf text = {0};

    json_write(&text, take_body);
    json_decref(take_body);
    buf_append_char(&text, '\n');
    answer_text(r, status, &text);
    buf_done(&text);
}

static void append_member(struct buf *out, const char *head, const char *text)
{
    buf_append_str(out, head);
    if (text[0] == '\0')
        buf_append_str(out, "null");
    else
        buf_append_json_string(out, view_of(text));
}

/* Without a tree: what a stranger sent may stand in the message, and need not be UTF-8. */
void answer_fault(struct http_request *r, int status, const struct rt_error *fault)
{
    struct buf text = {0};

    append_member(&text, "{\"error\":{\"message\":", fault->message);
    append_member(&text, ",\"type\":", fault->type);
    append_member(&text, ",\"param\":", fault->param);
    append_member(&text, ",\"code\":", fault->code);
    buf_append_str(&text, "}}\n");
    answer_text(r, status, &text);
    buf_done(&text);
}

void answer_error(struct http_request *r, int status, const char *type, const char *code,
                  const char *format, ...)
{
    struct rt_error e;
    char message[sizeof(e.message)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args); /* cut when too long */
    va_end(args);
    rt_error_copy(&e, type, code, message);
    answer_fault(r, status, &e);
}
