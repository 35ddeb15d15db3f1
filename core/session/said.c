/* SPDX-License-Identifier: Apache-2.0 */
#include "session/said.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "telemetry/names.h"

bool said_add(struct buf *said, struct parley_view text)
{
    if (text.len == 0)
        return true;
    if (said->len + text.len > SAID_MAX_BYTES)
        return false;
    if (said->len > 0)
        buf_append_char(said, ' ');
    buf_append_view(said, text);
    return true;
}

bool said_add_item(struct buf *said, const json_t *item)
{
    bool fits = true;
    size_t i;
    json_t *part;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        fits &= said_add(said, json_get_view(part, "text"));
        fits &= said_add(said, json_get_view(part, "transcript"));
    }
    return fits;
}

bool said_add_response(struct buf *said, const json_t *response)
{
    bool fits = true;
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(response, "output"), i, item)
    {
        fits &= said_add_item(said, item);
    }
    return fits;
}

static void set_json(struct span *span, const char *key, json_t *take_messages)
{
    _cleanup_json_ json_t *messages = take_messages;
    _cleanup_(buf_done) struct buf text = {0};

    if (messages == NULL)
        return;
    json_write(&text, messages);
    if (!text.failed)
        span_set_content(span, key, buf_view(&text));
}

static json_t *text_part(struct parley_view text)
{
    return json_pack("{s:s, s:o}", "type", "text", "content", json_from_view(text));
}

void said_set(struct span *span, const char *key, const char *role, const struct buf *said)
{
    if (said->len == 0 || !span_captures_content(span))
        return;
    set_json(span, key,
             json_pack("[{s:s, s:[o]}]", "role", role, "parts", text_part(buf_view(said))));
}

static json_t *call_part(const json_t *item)
{
    json_t *arguments = json_parse(json_get_view(item, "arguments"), NULL);

    return json_pack("{s:s, s:s, s:s, s:o}", "type", "tool_call", "id",
                     json_get_str(item, "call_id", ""), "name", json_get_str(item, "name", ""),
                     "arguments", arguments == NULL ? json_object() : arguments);
}

void said_set_response(struct span *span, const json_t *response)
{
    json_t *parts = json_array();
    _cleanup_(buf_done) struct buf said = {0};
    size_t i;
    json_t *item;

    said_add_response(&said, response);
    if (said.len > 0)
        (void)json_array_append_new(parts, text_part(buf_view(&said)));
    json_array_foreach(json_object_get(response, "output"), i, item)
    {
        if (view_is(json_get_view(item, "type"), "function_call"))
            (void)json_array_append_new(parts, call_part(item));
    }
    if (json_array_size(parts) == 0) {
        json_decref(parts);
        return;
    }
    set_json(span, NAME_OUTPUT_MESSAGES,
             json_pack("[{s:s, s:o}]", "role", "assistant", "parts", parts));
}
