/* SPDX-License-Identifier: Apache-2.0 */
/* Server events, and the blocks that all events are built of; client events: encode_client.c. */
#include "realtime/encode.h"

#include "base/base64.h"
#include "base/id.h"
#include "base/json.h"
#include "base/str.h"
#include "base/utf8.h"

#include <assert.h>

/* --- Building blocks -------------------------------------------------------------------------- */

void rt_encode_begin(struct buf *out, enum rt_event event)
{
    char id[ID_SIZE];

    id_make(id, "event_");
    buf_append_str(out, "{\"type\":\"");
    buf_append_str(out, rt_event_name(event));
    buf_append_str(out, "\",\"event_id\":\"");
    buf_append_str(out, id);
    buf_append_char(out, '"');
}

static void append_key(struct buf *out, const char *key)
{
    buf_append_str(out, ",\"");
    buf_append_str(out, key);
    buf_append_str(out, "\":");
}

void rt_encode_string(struct buf *out, const char *key, struct parley_view text)
{
    append_key(out, key);
    buf_append_json_string(out, text);
}

void rt_encode_string_or_null(struct buf *out, const char *key, struct parley_view text)
{
    if (text.data == NULL)
        rt_encode_raw(out, key, VIEW("null"));
    else
        rt_encode_string(out, key, text);
}

void rt_encode_int(struct buf *out, const char *key, int64_t value)
{
    append_key(out, key);
    buf_printf(out, "%lld", (long long)value);
}

void rt_encode_raw(struct buf *out, const char *key, struct parley_view json)
{
    append_key(out, key);
    buf_append_view(out, json);
}

void rt_encode_tree(struct buf *out, const char *key, const json_t *tree)
{
    append_key(out, key);
    json_write(out, tree);
}

void rt_encode_end(struct buf *out)
{
    buf_append_char(out, '}');
}

static void append_place(struct buf *out, const struct rt_place *place)
{
    rt_encode_string(out, "response_id", place->response_id);
    rt_encode_string(out, "item_id", place->item_id);
    rt_encode_int(out, "output_index", place->output_index);
    rt_encode_int(out, "content_index", place->content_index);
}

static void begin_at(struct buf *out, enum rt_event event, const struct rt_place *place)
{
    rt_encode_begin(out, event);
    append_place(out, place);
}

/* --- Session and errors ----------------------------------------------------------------------- */

void rt_encode_session(struct buf *out, enum rt_event event, const json_t *session)
{
    rt_encode_begin(out, event);
    rt_encode_tree(out, "session", session);
    rt_encode_end(out);
}

static struct parley_view word_or_null(const char *word)
{
    return word[0] == '\0' ? (struct parley_view){0} : view_of(word);
}

/* Longer than the longest allowed one in escapes: not worth sending back. */
#define MAX_RAW_EVENT_ID (512 * 6)

void rt_encode_error(struct buf *out, const struct rt_error *error, struct parley_view raw_event_id)
{
    rt_encode_begin(out, RT_ERROR);
    buf_append_str(out, ",\"error\":{\"type\":");
    buf_append_json_string(out, view_of(error->type));
    rt_encode_string_or_null(out, "code", word_or_null(error->code));
    rt_encode_string(out, "message", view_of(error->message));
    rt_encode_string_or_null(out, "param", word_or_null(error->param));
    if (raw_event_id.len == 0 || raw_event_id.len > MAX_RAW_EVENT_ID ||
        !utf8_valid(raw_event_id.data, raw_event_id.len)) {
        rt_encode_raw(out, "event_id", VIEW("null"));
    } else {
        buf_append_str(out, ",\"event_id\":\"");
        buf_append_view(out, raw_event_id);
        buf_append_char(out, '"');
    }
    buf_append_str(out, "}}");
}

/* --- Items ------------------------------------------------------------------------------------ */

static void begin_item(struct buf *out, enum rt_event event, struct parley_view previous_item_id)
{
    rt_encode_begin(out, event);
    if (event != RT_ITEM_RETRIEVED)
        rt_encode_string_or_null(out, "previous_item_id", previous_item_id);
}

static void append_item(struct buf *out, const struct rt_item *item)
{
    append_key(out, "item");
    rt_item_write(out, item);
    rt_encode_end(out);
}

void rt_encode_item(struct buf *out, enum rt_event event, struct parley_view previous_item_id,
                    const struct rt_item *item)
{
    begin_item(out, event, previous_item_id);
    append_item(out, item);
}

void rt_encode_item_tree(struct buf *out, enum rt_event event, struct parley_view previous_item_id,
                         const json_t *item)
{
    begin_item(out, event, previous_item_id);
    rt_encode_tree(out, "item", item);
    rt_encode_end(out);
}

void rt_encode_item_truncated(struct buf *out, struct parley_view item_id, int content_index,
                              int64_t audio_end_ms)
{
    rt_encode_begin(out, RT_ITEM_TRUNCATED);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_int(out, "content_index", content_index);
    rt_encode_int(out, "audio_end_ms", audio_end_ms);
    rt_encode_end(out);
}

void rt_encode_item_deleted(struct buf *out, struct parley_view item_id)
{
    rt_encode_begin(out, RT_ITEM_DELETED);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_end(out);
}

static void begin_transcription(struct buf *out, enum rt_event event, struct parley_view item_id,
                                int content_index)
{
    rt_encode_begin(out, event);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_int(out, "content_index", content_index);
}

void rt_encode_transcription_delta(struct buf *out, struct parley_view item_id, int content_index,
                                   struct parley_view delta)
{
    begin_transcription(out, RT_INPUT_TRANSCRIPTION_DELTA, item_id, content_index);
    rt_encode_string(out, "delta", delta);
    rt_encode_end(out);
}

void rt_encode_transcription_completed(struct buf *out, struct parley_view item_id,
                                       int content_index, struct parley_view transcript,
                                       double seconds)
{
    long long thousandths = (long long)(seconds < 0 ? 0 : seconds * 1000 + 0.5);

    begin_transcription(out, RT_INPUT_TRANSCRIPTION_COMPLETED, item_id, content_index);
    rt_encode_string(out, "transcript", transcript);
    /* By whole numbers, since printf would write the locale's decimal point. */
    buf_printf(out, ",\"usage\":{\"type\":\"duration\",\"seconds\":%lld.%03lld}",
               thousandths / 1000, thousandths % 1000);
    rt_encode_end(out);
}

void rt_encode_transcription_failed(struct buf *out, struct parley_view item_id, int content_index,
                                    const struct rt_error *error)
{
    begin_transcription(out, RT_INPUT_TRANSCRIPTION_FAILED, item_id, content_index);
    buf_append_str(out, ",\"error\":{\"type\":");
    buf_append_json_string(out, view_of(error->type));
    if (error->code[0] != '\0')
        rt_encode_string(out, "code", view_of(error->code));
    rt_encode_string(out, "message", view_of(error->message));
    if (error->param[0] != '\0')
        rt_encode_string(out, "param", view_of(error->param));
    buf_append_str(out, "}}");
}

/* --- The user's audio ------------------------------------------------------------------------- */

void rt_encode_speech_started(struct buf *out, int64_t audio_start_ms, struct parley_view item_id)
{
    rt_encode_begin(out, RT_SPEECH_STARTED);
    rt_encode_int(out, "audio_start_ms", audio_start_ms);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_end(out);
}

void rt_encode_speech_stopped(struct buf *out, int64_t audio_end_ms, struct parley_view item_id)
{
    rt_encode_begin(out, RT_SPEECH_STOPPED);
    rt_encode_int(out, "audio_end_ms", audio_end_ms);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_end(out);
}

void rt_encode_committed(struct buf *out, struct parley_view item_id,
                         struct parley_view previous_item_id)
{
    rt_encode_begin(out, RT_INPUT_AUDIO_COMMITTED);
    rt_encode_string_or_null(out, "previous_item_id", previous_item_id);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_end(out);
}

void rt_encode_cleared(struct buf *out)
{
    rt_encode_begin(out, RT_INPUT_AUDIO_CLEARED);
    rt_encode_end(out);
}

void rt_encode_timeout_triggered(struct buf *out, int64_t audio_start_ms, int64_t audio_end_ms,
                                 struct parley_view item_id)
{
    rt_encode_begin(out, RT_INPUT_AUDIO_TIMEOUT);
    rt_encode_int(out, "audio_start_ms", audio_start_ms);
    rt_encode_int(out, "audio_end_ms", audio_end_ms);
    rt_encode_string(out, "item_id", item_id);
    rt_encode_end(out);
}

/* --- Responses -------------------------------------------------------------------------------- */

void rt_encode_response(struct buf *out, enum rt_event event, const struct rt_response *response)
{
    rt_encode_begin(out, event);
    append_key(out, "response");
    rt_response_write(out, response);
    rt_encode_end(out);
}

void rt_encode_output_item(struct buf *out, enum rt_event event, struct parley_view response_id,
                           int output_index, const struct rt_item *item)
{
    rt_encode_begin(out, event);
    rt_encode_string(out, "response_id", response_id);
    rt_encode_int(out, "output_index", output_index);
    append_item(out, item);
}

void rt_encode_content_part(struct buf *out, enum rt_event event, const struct rt_place *place,
                            bool is_audio, struct parley_view text)
{
    begin_at(out, event, place);
    buf_append_str(out, is_audio ? ",\"part\":{\"type\":\"audio\",\"transcript\":"
                                 : ",\"part\":{\"type\":\"text\",\"text\":");
    buf_append_json_string(out, text);
    buf_append_str(out, "}}");
}

void rt_encode_delta(struct buf *out, enum rt_event event, const struct rt_place *place,
                     struct parley_view delta)
{
    begin_at(out, event, place);
    rt_encode_string(out, "delta", delta);
    rt_encode_end(out);
}

void rt_encode_audio_delta(struct buf *out, const struct rt_place *place, const void *bytes,
                           size_t len)
{
    begin_at(out, RT_OUTPUT_AUDIO_DELTA, place);
    buf_append_str(out, ",\"delta\":\"");
    base64_encode(out, bytes, len);
    buf_append_str(out, "\"}");
}

void rt_encode_text_done(struct buf *out, enum rt_event event, const struct rt_place *place,
                         struct parley_view text)
{
    begin_at(out, event, place);
    rt_encode_string(out, event == RT_OUTPUT_TEXT_DONE ? "text" : "transcript", text);
    rt_encode_end(out);
}

void rt_encode_audio_done(struct buf *out, const struct rt_place *place)
{
    begin_at(out, RT_OUTPUT_AUDIO_DONE, place);
    rt_encode_end(out);
}

static void begin_arguments(struct buf *out, enum rt_event event, const struct rt_place *place,
                            struct parley_view call_id)
{
    rt_encode_begin(out, event);
    rt_encode_string(out, "response_id", place->response_id);
    rt_encode_string(out, "item_id", place->item_id);
    rt_encode_int(out, "output_index", place->output_index);
    rt_encode_string(out, "call_id", call_id);
}

void rt_encode_arguments_delta(struct buf *out, const struct rt_place *place,
                               struct parley_view call_id, struct parley_view delta)
{
    begin_arguments(out, RT_FUNCTION_ARGUMENTS_DELTA, place, call_id);
    rt_encode_string(out, "delta", delta);
    rt_encode_end(out);
}

void rt_encode_arguments_done(struct buf *out, const struct rt_place *place,
                              struct parley_view call_id, struct parley_view name,
                              struct parley_view arguments)
{
    begin_arguments(out, RT_FUNCTION_ARGUMENTS_DONE, place, call_id);
    rt_encode_string(out, "name", name);
    rt_encode_string(out, "arguments", arguments);
    rt_encode_end(out);
}

void rt_encode_rate_limits(struct buf *out, int64_t limit, int64_t remaining, double reset_seconds)
{
    long long thousandths = (long long)(reset_seconds * 1000);

    rt_encode_begin(out, RT_RATE_LIMITS_UPDATED);
    buf_printf(out,
               ",\"rate_limits\":[{\"name\":\"tokens\",\"limit\":%lld,\"remaining\":%lld,"
               "\"reset_seconds\":%lld.%03lld}]",
               (long long)limit, (long long)remaining, thousandths / 1000, thousandths % 1000);
    rt_encode_end(out);
}
