/* SPDX-License-Identifier: Apache-2.0 */
/* Client events, as a session sends them to its model. */
#include "realtime/encode.h"

#include "base/base64.h"
#include "base/str.h"

static void begin(struct buf *out, enum rt_event event, struct parley_view event_id)
{
    buf_append_str(out, "{\"type\":\"");
    buf_append_str(out, rt_event_name(event));
    buf_append_char(out, '"');
    if (event_id.len > 0)
        rt_encode_string(out, "event_id", event_id);
}

void rt_encode_bare(struct buf *out, enum rt_event event, struct parley_view event_id)
{
    begin(out, event, event_id);
    rt_encode_end(out);
}

void rt_encode_append(struct buf *out, const void *bytes, size_t len)
{
    begin(out, RT_INPUT_AUDIO_APPEND, (struct parley_view){0});
    buf_append_str(out, ",\"audio\":\"");
    base64_encode(out, bytes, len);
    buf_append_str(out, "\"}");
}

void rt_encode_session_update(struct buf *out, struct parley_view event_id, const json_t *session)
{
    begin(out, RT_SESSION_UPDATE, event_id);
    rt_encode_tree(out, "session", session);
    rt_encode_end(out);
}

static void begin_create(struct buf *out, struct parley_view event_id,
                         struct parley_view previous_item_id)
{
    begin(out, RT_ITEM_CREATE, event_id);
    if (previous_item_id.len > 0)
        rt_encode_string(out, "previous_item_id", previous_item_id);
}

void rt_encode_item_create(struct buf *out, struct parley_view event_id,
                           struct parley_view previous_item_id, const struct rt_item *item)
{
    begin_create(out, event_id, previous_item_id);
    buf_append_str(out, ",\"item\":");
    rt_item_write(out, item);
    rt_encode_end(out);
}

void rt_encode_item_create_tree(struct buf *out, struct parley_view event_id,
                                struct parley_view previous_item_id, const json_t *item)
{
    begin_create(out, event_id, previous_item_id);
    rt_encode_tree(out, "item", item);
    rt_encode_end(out);
}

void rt_encode_function_output(struct buf *out, struct parley_view event_id,
                               struct parley_view item_id, struct parley_view call_id,
                               struct parley_view output)
{
    struct rt_item item = {
        .kind = RT_ITEM_FUNCTION_CALL_OUTPUT,
        .call_id = call_id,
        .output = output.data == NULL ? VIEW("") : output,
    };

    if (item_id.len > 0)
        item.id = item_id;
    rt_encode_item_create(out, event_id, (struct parley_view){0}, &item);
}

void rt_encode_item_request(struct buf *out, enum rt_event event, struct parley_view event_id,
                            struct parley_view item_id)
{
    begin(out, event, event_id);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_end(out);
}

void rt_encode_item_truncate(struct buf *out, struct parley_view event_id,
                             struct parley_view item_id, int64_t content_index,
                             int64_t audio_end_ms)
{
    begin(out, RT_ITEM_TRUNCATE, event_id);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_int(out, "content_index", content_index);
    rt_encode_int(out, "audio_end_ms", audio_end_ms);
    rt_encode_end(out);
}

void rt_encode_response_create(struct buf *out, struct parley_view event_id, const json_t *response)
{
    begin(out, RT_RESPONSE_CREATE, event_id);
    if (response != NULL)
        rt_encode_tree(out, "response", response);
    rt_encode_end(out);
}

void rt_encode_response_cancel(struct buf *out, struct parley_view event_id,
                               struct parley_view response_id)
{
    begin(out, RT_RESPONSE_CANCEL, event_id);
    if (response_id.len > 0)
        rt_encode_string(out, "response_id", response_id);
    rt_encode_end(out);
}
