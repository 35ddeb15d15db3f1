/* SPDX-License-Identifier: Apache-2.0 */
#include "voice_live.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

/* ---- names of events ---- */

static const char *const names[][2] = {
    {"response.audio.delta", "response.output_audio.delta"},
    {"response.audio.done", "response.output_audio.done"},
    {"response.audio_transcript.delta", "response.output_audio_transcript.delta"},
    {"response.audio_transcript.done", "response.output_audio_transcript.done"},
    {"response.text.delta", "response.output_text.delta"},
    {"response.text.done", "response.output_text.done"},
    {"conversation.item.created", "conversation.item.added"},
};

/* What only Azure's clients know. */
static const char *const left_out[] = {
    "warning",
    "session.avatar.",
    "response.audio_timestamp.",
    "response.animation_",
    "response.video.",
    "response.web_search_call.",
    "response.file_search_call.",
    "response.foundry_agent_call",
    "response.audio_transcript.annotation",
    "response.invocation.",
    "output_audio_buffer.",
};

const char *voice_live_event_in(struct parley_view type)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (type.len == strlen(names[i][0]) && memcmp(type.data, names[i][0], type.len) == 0)
            return names[i][1];
    }
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        size_t len = strlen(left_out[i]);
        if (type.len >= len && memcmp(type.data, left_out[i], len) == 0)
            return "";
    }
    return NULL;
}

/* ---- items ---- */

void voice_live_item_in(json_t *item)
{
    bool is_own = strcmp(text(item, "role"), "assistant") == 0;
    json_t *part;
    size_t i;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        if (is_own && strcmp(text(part, "type"), "text") == 0)
            json_object_set_new(part, "type", json_string("output_text"));
        else if (is_own && strcmp(text(part, "type"), "audio") == 0)
            json_object_set_new(part, "type", json_string("output_audio"));
    }
}

/* ---- the session ---- */

static json_t *format_in(const char *name)
{
    if (strcmp(name, "g711_ulaw") == 0)
        return json_pack("{s:s}", "type", "audio/pcmu");
    if (strcmp(name, "g711_alaw") == 0)
        return json_pack("{s:s}", "type", "audio/pcma");
    return json_pack("{s:s, s:i}", "type", "audio/pcm", "rate", 24000);
}

static json_t *modalities_in(const json_t *list)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), "audio") == 0)
            return json_pack("[s]", "audio");
    }
    return json_pack("[s]", "text");
}

/* Which GA has no name for: its times are told. */
static json_t *turns_in(const json_t *turns)
{
    static const char *const known[] = {"threshold",           "prefix_padding_ms",
                                        "silence_duration_ms", "create_response",
                                        "interrupt_response",  "eagerness"};
    const char *type = text(turns, "type");

    if (!json_is_object(turns))
        return json_null();
    json_t *own = json_pack("{s:s}", "type", strncmp(type, "azure_", 6) == 0 ? "server_vad" : type);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        json_t *value = json_object_get(turns, known[i]);
        if (value != NULL)
            json_object_set(own, known[i], value);
    }
    return own;
}

static json_t *or_null(json_t *value)
{
    return value == NULL ? json_null() : json_incref(value);
}

static json_t *noise_in(json_t *noise)
{
    return strncmp(text(noise, "type"), "azure_", 6) == 0 ? json_null() : or_null(noise);
}

static json_t *voice_in(json_t *voice)
{
    return json_is_object(voice) ? json_string(text(voice, "name")) : or_null(voice);
}

/* Member by member: jansson's own packing frees what it was given twice when memory is short. */
static json_t *input_in(const json_t *flat)
{
    json_t *input = json_object();

    json_object_set_new(input, "format", format_in(text(flat, "input_audio_format")));
    json_object_set_new(input, "turn_detection", turns_in(json_object_get(flat, "turn_detection")));
    json_object_set_new(input, "transcription",
                        or_null(json_object_get(flat, "input_audio_transcription")));
    json_object_set_new(input, "noise_reduction",
                        noise_in(json_object_get(flat, "input_audio_noise_reduction")));
    return input;
}

static json_t *output_in(const json_t *flat)
{
    json_t *output = json_object();

    json_object_set_new(output, "format", format_in(text(flat, "output_audio_format")));
    json_object_set_new(output, "voice", voice_in(json_object_get(flat, "voice")));
    return output;
}

json_t *voice_live_session_in(const json_t *flat)
{
    static const char *const same[] = {"id",          "model",   "instructions", "tools",
                                       "tool_choice", "include", "expires_at"};
    json_t *session = json_object(), *audio = json_object();

    json_object_set_new(audio, "input", input_in(flat));
    json_object_set_new(audio, "output", output_in(flat));
    json_object_set_new(session, "object", json_string("realtime.session"));
    json_object_set_new(session, "type", json_string("realtime"));
    json_object_set_new(session, "output_modalities",
                        modalities_in(json_object_get(flat, "modalities")));
    json_object_set_new(session, "audio", audio);
    json_object_set_new(session, "max_output_tokens",
                        or_null(json_object_get(flat, "max_response_output_tokens")));
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        json_t *value = json_object_get(flat, same[i]);
        if (value != NULL)
            json_object_set(session, same[i], value);
    }
    return session;
}

/* ---- responses ---- */

static void take(json_t *object, const char *name)
{
    json_object_del(object, name);
}

void voice_live_response_in(json_t *response)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(response, "output"), i, item) voice_live_item_in(item);
    if (json_object_get(response, "modalities") != NULL)
        json_object_set_new(response, "output_modalities",
                            modalities_in(json_object_get(response, "modalities")));
    json_t *output = json_object();
    if (json_object_get(response, "voice") != NULL)
        json_object_set_new(output, "voice", voice_in(json_object_get(response, "voice")));
    if (text(response, "output_audio_format")[0] != '\0')
        json_object_set_new(output, "format", format_in(text(response, "output_audio_format")));
    json_t *audio = json_object();
    json_object_set_new(audio, "output", output);
    json_object_set_new(response, "audio", audio);
    take(response, "modalities");
    take(response, "voice");
    take(response, "output_audio_format");
    take(response, "temperature");
}
