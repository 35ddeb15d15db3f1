/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void wire_id(struct session *s, const char *prefix, char out[ID_SIZE])
{
    (void)snprintf(out, ID_SIZE, "%.20s_%" PRIu64, prefix, ++s->next_id);
}

json_t *wire_event(struct session *s, const char *type)
{
    char id[ID_SIZE];

    wire_id(s, "event", id);
    return json_pack("{s:s, s:s}", "type", type, "event_id", id);
}

json_t *wire_event_with(struct session *s, const char *type, const char *key, json_t *value)
{
    json_t *event = wire_event(s, type);

    json_object_set_new(event, key, value);
    return event;
}

static json_t *string_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

json_t *wire_error(struct session *s, const char *type, const char *code, const char *message,
                   const json_t *trigger)
{
    json_t *error = json_pack("{s:s, s:o, s:s, s:n, s:o}", "type", type, "code",
                              string_or_null(code), "message", message, "param", "event_id",
                              string_or_null(value_str(trigger, "event_id", NULL)));

    return wire_event_with(s, "error", "error", error);
}

json_t *wire_session_new(struct session *s)
{
    json_t *vad = json_pack("{s:s, s:f, s:i, s:i, s:n, s:b, s:b}", "type", "server_vad",
                            "threshold", 0.5, "prefix_padding_ms", 300, "silence_duration_ms", 200,
                            "idle_timeout_ms", "create_response", 1, "interrupt_response", 1);
    json_t *audio = json_pack(
        "{s:{s:{s:s, s:i}, s:n, s:n, s:o}, s:{s:{s:s, s:i}, s:s, s:f}}", "input", "format", "type",
        "audio/pcm", "rate", 24000, "transcription", "noise_reduction", "turn_detection", vad,
        "output", "format", "type", "audio/pcm", "rate", 24000, "voice", "alloy", "speed", 1.0);

    return json_pack("{s:s, s:s, s:s, s:s, s:[s], s:s, s:[], s:s, s:s, s:n, s:s, s:n, s:i, s:o, "
                     "s:n}",
                     "type", "realtime", "object", "realtime.session", "id", s->id, "model",
                     "script", "output_modalities", "audio", "instructions", "You are a script.",
                     "tools", "tool_choice", "auto", "max_output_tokens", "inf", "tracing",
                     "truncation", "auto", "prompt", "expires_at", 0, "audio", audio, "include");
}

static bool is_taken_whole(const char *key)
{
    return strcmp(key, "turn_detection") == 0 || strcmp(key, "format") == 0;
}

void wire_merge(json_t *base, const json_t *over)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)over, key, value)
    {
        json_t *old = json_object_get(base, key);
        if (json_is_object(old) && json_is_object(value) && !is_taken_whole(key))
            wire_merge(old, value);
        else
            json_object_set_new(base, key, json_deep_copy(value));
    }
}

const char *wire_output_format(const struct session *s)
{
    const json_t *type = value_at(s->session, "audio.output.format.type");

    return json_is_string(type) ? json_string_value(type) : "audio/pcm";
}

bool wire_is_text_only(const struct session *s)
{
    const json_t *modality = value_at(s->session, "output_modalities.0");

    return json_is_string(modality) && strcmp(json_string_value(modality), "text") == 0;
}
