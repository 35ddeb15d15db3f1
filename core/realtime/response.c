/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/response.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

static const char *const status_names[RT_RESPONSE_STATUS_COUNT] = {
    [RT_RESPONSE_IN_PROGRESS] = "in_progress", [RT_RESPONSE_COMPLETED] = "completed",
    [RT_RESPONSE_CANCELLED] = "cancelled",     [RT_RESPONSE_FAILED] = "failed",
    [RT_RESPONSE_INCOMPLETE] = "incomplete",
};

const char *rt_response_status_name(enum rt_response_status status)
{
    return status_names[status];
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void write_string_or_null(struct buf *out, struct parley_view text)
{
    if (text.data == NULL)
        buf_append_str(out, "null");
    else
        buf_append_json_string(out, text);
}

static void write_error(struct buf *out, const struct rt_response *r)
{
    bool has_type = r->error_type.len > 0;

    buf_append_str(out, ",\"error\":{\"type\":");
    buf_append_json_string(out, has_type ? r->error_type : VIEW("server_error"));
    buf_append_str(out, ",\"code\":");
    write_string_or_null(out, r->error_code.len == 0 ? (struct parley_view){0} : r->error_code);
    if (r->error_message.len > 0) {
        buf_append_str(out, ",\"message\":");
        buf_append_json_string(out, r->error_message);
    }
    buf_append_char(out, '}');
}

static void write_status(struct buf *out, const struct rt_response *r)
{
    const char *name = status_names[r->status];

    buf_printf(out, ",\"status\":\"%s\",\"status_details\":", name);
    if (r->status == RT_RESPONSE_IN_PROGRESS || r->status == RT_RESPONSE_COMPLETED) {
        buf_append_str(out, "null");
        return;
    }
    buf_printf(out, "{\"type\":\"%s\"", name);
    if (r->reason.len > 0) {
        buf_append_str(out, ",\"reason\":");
        buf_append_json_string(out, r->reason);
    }
    if (r->status == RT_RESPONSE_FAILED)
        write_error(out, r);
    buf_append_char(out, '}');
}

static void write_audio(struct buf *out, const struct rt_response *r)
{
    buf_printf(out, ",\"audio\":{\"output\":{\"format\":{\"type\":\"%s\"",
               rt_audio_name(r->output_format));
    if (r->output_format == RT_AUDIO_PCM24K)
        buf_append_str(out, ",\"rate\":24000");
    buf_append_char(out, '}');
    if (r->voice.len > 0) {
        buf_append_str(out, ",\"voice\":");
        buf_append_json_string(out, r->voice);
    }
    buf_append_str(out, "}}");
}

void rt_response_write(struct buf *out, const struct rt_response *r)
{
    buf_append_str(out, "{\"object\":\"realtime.response\",\"id\":");
    buf_append_json_string(out, r->id);
    write_status(out, r);
    buf_append_str(out, ",\"output\":[");
    buf_append_view(out, r->output);
    buf_append_str(out, "],\"conversation_id\":");
    write_string_or_null(out, r->conversation_id);
    buf_printf(out, ",\"output_modalities\":[\"%s\"],\"max_output_tokens\":",
               r->text_only ? "text" : "audio");
    if (r->max_output_tokens > 0)
        buf_printf(out, "%lld", (long long)r->max_output_tokens);
    else
        buf_append_str(out, "\"inf\"");
    write_audio(out, r);
    buf_append_str(out, ",\"usage\":");
    if (r->has_usage)
        rt_usage_write(out, &r->usage);
    else
        buf_append_str(out, "null");
    buf_append_str(out, ",\"metadata\":");
    buf_append_view(out, r->metadata.len > 0 ? r->metadata : VIEW("null"));
    buf_append_char(out, '}');
}

void rt_usage_write(struct buf *out, const struct rt_usage *u)
{
    long long input = u->input_text + u->input_audio + u->input_image;
    long long cached = u->cached_text + u->cached_audio + u->cached_image;
    long long output = u->output_text + u->output_audio;

    buf_printf(out, "{\"total_tokens\":%lld,\"input_tokens\":%lld,\"output_tokens\":%lld,",
               input + output, input, output);
    buf_printf(out,
               "\"input_token_details\":{\"text_tokens\":%lld,\"audio_tokens\":%lld,"
               "\"image_tokens\":%lld,\"cached_tokens\":%lld,",
               (long long)u->input_text, (long long)u->input_audio, (long long)u->input_image,
               cached);
    buf_printf(out,
               "\"cached_tokens_details\":{\"text_tokens\":%lld,\"audio_tokens\":%lld,"
               "\"image_tokens\":%lld}},",
               (long long)u->cached_text, (long long)u->cached_audio, (long long)u->cached_image);
    buf_printf(out, "\"output_token_details\":{\"text_tokens\":%lld,\"audio_tokens\":%lld}}",
               (long long)u->output_text, (long long)u->output_audio);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static enum rt_response_status status_of(struct parley_view name)
{
    for (unsigned i = 0; i < RT_RESPONSE_STATUS_COUNT; i++) {
        if (view_is(name, status_names[i]))
            return (enum rt_response_status)i;
    }
    return RT_RESPONSE_COMPLETED;
}

void rt_response_read(const json_t *tree, struct rt_response *ret)
{
    const json_t *details = json_object_get(tree, "status_details");
    const json_t *error = json_object_get(details, "error");
    const json_t *output = json_object_get(json_object_get(tree, "audio"), "output");
    const json_t *modalities = json_object_get(tree, "output_modalities");

    *ret = (struct rt_response){
        .id = json_get_view(tree, "id"),
        .status = status_of(json_get_view(tree, "status")),
        .reason = json_get_view(details, "reason"),
        .error_type = json_get_view(error, "type"),
        .error_code = json_get_view(error, "code"),
        .error_message = json_get_view(error, "message"),
        .conversation_id = json_get_view(tree, "conversation_id"),
        .voice = json_get_view(output, "voice"),
        .text_only = view_is(json_view(json_array_get(modalities, 0)), "text"),
        .output_format = rt_audio_of(json_object_get(output, "format")),
        .max_output_tokens = json_get_int(tree, "max_output_tokens", 0),
    };
    ret->has_usage = rt_usage_read(json_object_get(tree, "usage"), &ret->usage);
}

/* An upstream may report anything; sums of counts below this cannot overflow. */
#define COUNT_MAX (INT64_C(1) << 56)

static int64_t clamp(int64_t count)
{
    return count < 0 ? 0 : count > COUNT_MAX ? COUNT_MAX : count;
}

static int64_t count_of(const json_t *object, const char *key)
{
    return clamp(json_get_int(object, key, 0));
}

/* What a total holds beyond its details is text: reasoning, or all where there are no details. */
static void add_rest(int64_t *text, const json_t *object, const char *total, int64_t others)
{
    int64_t rest = count_of(object, total) - *text - others;

    if (rest > 0)
        *text += rest;
}

bool rt_usage_read(const json_t *tree, struct rt_usage *ret)
{
    const json_t *input = json_object_get(tree, "input_token_details");
    const json_t *cached = json_object_get(input, "cached_tokens_details");
    const json_t *output = json_object_get(tree, "output_token_details");

    memset(ret, 0, sizeof(*ret));
    if (!json_is_object(tree))
        return false;
    ret->input_text = count_of(input, "text_tokens");
    ret->input_audio = count_of(input, "audio_tokens");
    ret->input_image = count_of(input, "image_tokens");
    ret->cached_text = count_of(cached, "text_tokens");
    ret->cached_audio = count_of(cached, "audio_tokens");
    ret->cached_image = count_of(cached, "image_tokens");
    ret->output_text = count_of(output, "text_tokens");
    ret->output_audio = count_of(output, "audio_tokens");
    add_rest(&ret->input_text, tree, "input_tokens", ret->input_audio + ret->input_image);
    add_rest(&ret->cached_text, input, "cached_tokens", ret->cached_audio + ret->cached_image);
    add_rest(&ret->output_text, tree, "output_tokens", ret->output_audio);
    return true;
}

static void add(int64_t *total, int64_t more)
{
    *total = clamp(*total + clamp(more));
}

void rt_usage_add(struct rt_usage *total, const struct rt_usage *more)
{
    add(&total->input_text, more->input_text);
    add(&total->input_audio, more->input_audio);
    add(&total->input_image, more->input_image);
    add(&total->cached_text, more->cached_text);
    add(&total->cached_audio, more->cached_audio);
    add(&total->cached_image, more->cached_image);
    add(&total->output_text, more->output_text);
    add(&total->output_audio, more->output_audio);
}
