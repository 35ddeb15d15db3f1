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

static void move(json_t *to, const char *name, const json_t *from, const char *member)
{
    json_t *value = json_object_get(from, member);

    if (value != NULL)
        json_object_set(to, name, value);
}

/* ---- items ---- */

void voice_live_item_out(json_t *item)
{
    json_t *part;
    size_t i;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        if (strcmp(text(part, "type"), "output_text") == 0)
            json_object_set_new(part, "type", json_string("text"));
        else if (strcmp(text(part, "type"), "output_audio") == 0)
            json_object_set_new(part, "type", json_string("audio"));
    }
}

/* ---- the session ---- */

static json_t *format_out(const json_t *format)
{
    const char *type = text(format, "type");

    return json_string(strcmp(type, "audio/pcmu") == 0   ? "g711_ulaw"
                       : strcmp(type, "audio/pcma") == 0 ? "g711_alaw"
                                                         : "pcm16");
}

static json_t *modalities_out(const json_t *list)
{
    const char *first = json_string_value(json_array_get(list, 0));
    bool is_text = first != NULL && strcmp(first, "text") == 0;

    return is_text ? json_pack("[s]", "text") : json_pack("[s,s]", "text", "audio");
}

/* "en-US-AvaNeural", "en-US-Ava:DragonHDLatestNeural": a language comes first. */
static bool is_azures_name(const char *name)
{
    return strlen(name) > 6 && name[2] == '-' && strchr(name + 3, '-') != NULL;
}

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value[0] != '\0')
        json_object_set_new(object, name, json_string(value));
}

static json_t *voice_out(const json_t *voice, const struct foundry_config *c)
{
    static const char *const types[] = {
        [VOICE_STANDARD] = "azure-standard",
        [VOICE_CUSTOM] = "azure-custom",
        [VOICE_PERSONAL] = "azure-personal",
    };
    const char *name = json_is_string(voice) ? json_string_value(voice) : text(voice, "id");
    int kind = c->voice_type;

    if (kind == VOICE_BY_NAME)
        kind = is_azures_name(name) ? VOICE_STANDARD : VOICE_OPENAI;
    if (kind == VOICE_OPENAI)
        return json_string(name);
    json_t *object = json_pack("{s:s, s:s}", "type", types[kind], "name", name);
    set_text(object, "endpoint_id", kind == VOICE_CUSTOM ? c->voice_endpoint_id : "");
    set_text(object, "model", kind == VOICE_PERSONAL ? c->voice_model : "");
    set_text(object, "style", c->voice_style);
    set_text(object, "rate", c->voice_rate);
    return object;
}

/* The agent says whether and when; how Azure finds the end of a turn is the instance's affair. */
static json_t *turns_out(const json_t *turns, const struct foundry_config *c)
{
    static const char *const types[] = {
        [TURNS_AZURE] = "azure_semantic_vad",
        [TURNS_AZURE_EN] = "azure_semantic_vad_en",
        [TURNS_AZURE_MULTILINGUAL] = "azure_semantic_vad_multilingual",
    };
    json_t *own;

    if (!json_is_object(turns))
        return json_null();
    own = json_deep_copy(turns);
    json_object_del(own, "idle_timeout_ms");
    if (c->turn_detection != TURNS_OF_AGENT) {
        json_object_del(own, "eagerness");
        json_object_set_new(own, "type", json_string(types[c->turn_detection]));
        if (c->remove_filler_words)
            json_object_set_new(own, "remove_filler_words", json_true());
    }
    if (c->end_of_utterance[0] != '\0')
        json_object_set_new(own, "end_of_utterance_detection",
                            json_pack("{s:s}", "model", c->end_of_utterance));
    return own;
}

static json_t *transcription_out(const json_t *transcription, const struct foundry_config *c)
{
    json_t *own;

    if (!json_is_object(transcription))
        return json_null();
    own = json_object();
    set_text(own, "model",
             c->transcription_model[0] != '\0' ? c->transcription_model
                                               : text(transcription, "model"));
    set_text(own, "language", text(transcription, "language"));
    return own;
}

static void input_out(json_t *flat, const json_t *input, const struct foundry_config *c)
{
    const json_t *format = json_object_get(input, "format");
    const json_t *turns = json_object_get(input, "turn_detection");
    const json_t *transcription = json_object_get(input, "transcription");

    if (format != NULL)
        json_object_set_new(flat, "input_audio_format", format_out(format));
    if (turns != NULL)
        json_object_set_new(flat, "turn_detection", turns_out(turns, c));
    if (transcription != NULL)
        json_object_set_new(flat, "input_audio_transcription", transcription_out(transcription, c));
    move(flat, "input_audio_noise_reduction", input, "noise_reduction");
}

static void output_out(json_t *flat, const json_t *output, const struct foundry_config *c)
{
    const json_t *format = json_object_get(output, "format");
    const json_t *voice = json_object_get(output, "voice");

    if (format != NULL)
        json_object_set_new(flat, "output_audio_format", format_out(format));
    if (voice != NULL)
        json_object_set_new(flat, "voice", voice_out(voice, c));
}

static void interim_out(json_t *flat, const struct foundry_config *c)
{
    json_t *texts = json_array();

    for (size_t i = 0; i < c->interim_texts.count; i++)
        json_array_append_new(texts, json_string(c->interim_texts.items[i]));
    json_t *interim =
        json_pack("{s:s, s:[s,s], s:I}", "type", "static_interim_response", "triggers", "latency",
                  "tool", "latency_threshold_ms", (json_int_t)c->interim_after_ms);
    json_object_set_new(interim, "texts", texts);
    json_object_set_new(flat, "interim_response", interim);
}

/* What the instance says of sound, for every session. */
static void own_out(json_t *flat, const struct foundry_config *c)
{
    if (c->noise_suppression)
        json_object_set_new(flat, "input_audio_noise_reduction",
                            json_pack("{s:s}", "type", "azure_deep_noise_suppression"));
    if (c->echo_cancellation)
        json_object_set_new(flat, "input_audio_echo_cancellation",
                            json_pack("{s:s}", "type", "server_echo_cancellation"));
    if (c->interim_texts.count > 0)
        interim_out(flat, c);
}

json_t *voice_live_session_out(const json_t *session, const struct foundry_config *c)
{
    json_t *flat = json_object();
    const json_t *audio = json_object_get(session, "audio");
    const json_t *modalities = json_object_get(session, "output_modalities");

    if (modalities != NULL)
        json_object_set_new(flat, "modalities", modalities_out(modalities));
    if (c->agent_name[0] == '\0') { /* else the agent's own instructions and tools rule */
        move(flat, "instructions", session, "instructions");
        move(flat, "tools", session, "tools");
        move(flat, "tool_choice", session, "tool_choice");
    }
    move(flat, "max_response_output_tokens", session, "max_output_tokens");
    input_out(flat, json_object_get(audio, "input"), c);
    output_out(flat, json_object_get(audio, "output"), c);
    own_out(flat, c);
    return flat;
}

/* ---- response.create ---- */

void voice_live_response_out(json_t *response, const struct foundry_config *c)
{
    const json_t *audio = json_object_get(response, "audio");
    const json_t *modalities = json_object_get(response, "output_modalities");
    json_t *item;
    size_t i;

    if (modalities != NULL)
        json_object_set_new(response, "modalities", modalities_out(modalities));
    json_object_del(response, "output_modalities");
    output_out(response, json_object_get(audio, "output"), c);
    json_object_del(response, "audio");
    move(response, "input_items", response, "input");
    json_object_del(response, "input");
    json_array_foreach(json_object_get(response, "input_items"), i, item) voice_live_item_out(item);
    /* The host has its own order of responses. */
    json_object_set_new(response, "cancel_previous", json_false());
}
