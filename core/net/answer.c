/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/str.h"
#include "net/net_state.h"

#include <stdio.h>

void answer_json(struct http_request *r, int status, json_t *take_body)
{
    struct buf text = {0};

    json_write(&text, take_body);
    json_decref(take_body);
    buf_append_char(&text, '\n');
    if (text.failed)
        http_respond_text(r, 500, "text/plain", "no memory for the answer\n");
    else
        http_respond(r, &(struct http_response){.status = status,
                                                .content_type = "application/json",
                                                .headers = VIEW("Cache-Control: no-store\r\n"),
                                                .body = buf_view(&text)});
    buf_done(&text);
}

void answer_fault(struct http_request *r, int status, const struct rt_error *fault)
{
    answer_json(r, status,
                json_pack("{s:{s:s, s:s, s:s?, s:s?}}", "error", "message", fault->message, "type",
                          fault->type, "param", fault->param[0] == '\0' ? NULL : fault->param,
                          "code", fault->code[0] == '\0' ? NULL : fault->code));
}

void answer_error(struct http_request *r, int status, const char *type, const char *code,
                  const char *format, ...)
{
    char message[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args); /* cut when too long */
    va_end(args);
    answer_json(r, status,
                json_pack("{s:{s:s, s:s, s:n, s:s?}}", "error", "message", message, "type", type,
                          "param", "code", code));
}
