/* SPDX-License-Identifier: Apache-2.0 */
/* The session object: flat with the preview's names there, nested here. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "dialect/state.h"
#include "realtime/session_object.h"

#include <string.h>

/* ---- small words ---- */

static const struct {
    const char *name;
    enum rt_audio audio;
} formats[] = {
    {"pcm16", RT_AUDIO_PCM24K}, {"g711_ulaw", RT_AUDIO_PCMU}, {"g711_alaw", RT_AUDIO_PCMA}};

json_t *voice_live_format_in(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i].name, name) != 0)
            continue;
        json_t *format = json_pack("{s:s}", "type", rt_audio_name(formats[i].audio));
        if (formats[i].audio == RT_AUDIO_PCM24K)
            json_object_set_new(format, "rate", json_integer(24000));
        return format;
    }
    return NULL;
}

const char *voice_live_format_out(const json_t *format)
{
    enum rt_audio audio = rt_audio_of(format);

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (formats[i].audio == audio)
            return formats[i].name;
    }
    return "pcm16";
}

const char *voice_live_voice_name(const json_t *voice)
{
    return json_is_string(voice) ? json_string_value(voice) : json_get_str(voice, "name", NULL);
}

static json_t *refuse(struct rt_error *fault, const char *param, const char *what)
{
    (void)rt_error_set(fault, RT_ERROR_INVALID_VALUE, param, "%s", what);
    return NULL;
}

json_t *voice_live_modalities_in(const json_t *list, const char *param, struct rt_error *fault)
{
    bool speaks = false;
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        struct parley_view word = json_view(one);
        if (view_is(word, "audio"))
            speaks = true;
        else if (!view_is(word, "text"))
            return refuse(fault, param,
                          "Avatars and animation are not served; leave \"text\" and \"audio\".");
    }
    return json_pack("[s]", speaks ? "audio" : "text");
}

/* ---- in: one field after the other ---- */

/* What a field does: it writes into `ga`, or into `kept`, or both. False with *fault. */
struct field {
    const char *name;
    bool (*take)(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault);
    const char *same_as; /* no function: a field of the same meaning; "": it is only kept */
};

static json_t *below(json_t *object, const char *key)
{
    json_t *child = json_object_get(object, key);

    if (child == NULL) {
        child = json_object();
        json_object_set_new(object, key, child);
    }
    return child;
}

static json_t *input_of(json_t *ga)
{
    return below(below(ga, "audio"), "input");
}

static json_t *output_of(json_t *ga)
{
    return below(below(ga, "audio"), "output");
}

static void keep(json_t *kept, const char *key, const json_t *value)
{
    json_object_set(kept, key, (json_t *)(uintptr_t)value);
}

static bool take_modalities(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    json_t *modalities = voice_live_modalities_in(value, "session.modalities", fault);

    (void)kept;
    json_object_set_new(ga, "output_modalities", modalities);
    return modalities != NULL;
}

static bool take_voice(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    const char *name = voice_live_voice_name(value);

    if (name == NULL) {
        (void)refuse(fault, "session.voice", "A voice is a name, or an object with a name.");
        return false;
    }
    json_object_set_new(output_of(ga), "voice", json_string(name));
    if (json_is_object(value))
        keep(kept, "voice", value);
    return true;
}

static bool take_format(const json_t *value, json_t *side, const char *param,
                        struct rt_error *fault)
{
    json_t *format = voice_live_format_in(json_is_string(value) ? json_string_value(value) : "");

    if (format == NULL)
        (void)refuse(fault, param,
                     "The formats that are served are pcm16 (24 kHz), g711_ulaw and g711_alaw.");
    else
        json_object_set_new(side, "format", format);
    return format != NULL;
}

static bool take_input_format(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    (void)kept;
    return take_format(value, input_of(ga), "session.input_audio_format", fault);
}

static bool take_output_format(const json_t *value, json_t *ga, json_t *kept,
                               struct rt_error *fault)
{
    (void)kept;
    return take_format(value, output_of(ga), "session.output_audio_format", fault);
}

/* Of pcm16; G.711 has one rate only. */
static bool take_rate(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    json_int_t rate = json_integer_value(value);

    (void)ga;
    if (rate != 24000 && rate != 8000) {
        (void)refuse(fault, "session.input_audio_sampling_rate",
                     "The rates that are served are 24000, and 8000 with G.711.");
        return false;
    }
    keep(kept, "input_audio_sampling_rate", value);
    return true;
}

/* Azure's detectors have no counterpart; their thresholds and times have. */
static bool take_turns(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    static const char *const numbers[] = {"threshold", "prefix_padding_ms", "silence_duration_ms",
                                          "create_response", "interrupt_response"};
    const char *type = json_get_str(value, "type", "server_vad");

    (void)fault;
    if (!json_is_object(value) || strncmp(type, "azure_", 6) != 0) {
        json_t *same = json_deep_copy(value);
        json_object_del(same, "auto_truncate");
        json_object_del(same, "end_of_utterance_detection");
        json_object_set_new(input_of(ga), "turn_detection", same);
        if (json_object_size(value) != json_object_size(same))
            keep(kept, "turn_detection", value);
        return true;
    }
    json_t *turns = json_pack("{s:s}", "type", "server_vad");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        json_object_set(turns, numbers[i], json_object_get(value, numbers[i]));
    json_object_set_new(input_of(ga), "turn_detection", turns);
    keep(kept, "turn_detection", value);
    return true;
}

/* Azure's transcribers have no counterpart: the agent's own goes on. */
static bool take_transcription(const json_t *value, json_t *ga, json_t *kept,
                               struct rt_error *fault)
{
    const char *model = json_get_str(value, "model", "");
    bool is_azures = strncmp(model, "azure-", 6) == 0 || strncmp(model, "mai-", 4) == 0;

    (void)fault;
    if (!json_is_object(value)) {
        json_object_set_new(input_of(ga), "transcription", json_null());
        return true;
    }
    keep(kept, "input_audio_transcription", value);
    if (is_azures)
        return true;
    json_t *same = json_pack("{s:s}", "model", model);
    json_object_set(same, "language", json_object_get(value, "language"));
    json_object_set_new(input_of(ga), "transcription", same);
    return true;
}

static bool take_noise(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    (void)fault;
    if (strncmp(json_get_str(value, "type", ""), "azure_", 6) == 0)
        keep(kept, "input_audio_noise_reduction", value);
    else
        json_object_set(input_of(ga), "noise_reduction", (json_t *)(uintptr_t)value);
    return true;
}

/* Two interleaved channels would be heard as one at half the speed. */
static bool take_echo(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    (void)ga;
    if (json_get_int(value, "channels", 1) != 1) {
        (void)refuse(fault, "session.input_audio_echo_cancellation.channels",
                     "A second channel is not served; send one, of what the microphone hears.");
        return false;
    }
    keep(kept, "input_audio_echo_cancellation", value);
    return true;
}

static bool take_tools(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    const json_t *tool;
    size_t i;

    (void)kept;
    json_array_foreach(value, i, tool)
    {
        if (strcmp(json_get_str(tool, "type", ""), "foundry_agent") == 0) {
            (void)refuse(fault, "session.tools",
                         "Tools of type foundry_agent are not served; agents are parley's own.");
            return false;
        }
    }
    json_object_set(ga, "tools", (json_t *)(uintptr_t)value);
    return true;
}

static bool take_none(const json_t *value, json_t *ga, json_t *kept, struct rt_error *fault)
{
    (void)ga;
    (void)kept;
    if (json_is_null(value))
        return true;
    (void)refuse(fault, "session.avatar", "Avatars and animation are not served.");
    return false;
}

static const struct field fields[] = {
    {"modalities", take_modalities, NULL},
    {"voice", take_voice, NULL},
    {"input_audio_format", take_input_format, NULL},
    {"input_audio_sampling_rate", take_rate, NULL},
    {"output_audio_format", take_output_format, NULL},
    {"turn_detection", take_turns, NULL},
    {"input_audio_transcription", take_transcription, NULL},
    {"input_audio_noise_reduction", take_noise, NULL},
    {"input_audio_echo_cancellation", take_echo, NULL},
    {"tools", take_tools, NULL},
    {"avatar", take_none, NULL},
    {"animation", take_none, NULL},
    {"instructions", NULL, "instructions"},
    {"tool_choice", NULL, "tool_choice"},
    {"max_response_output_tokens", NULL, "max_output_tokens"},
    {"include", NULL, "include"},
    {"tracing", NULL, "tracing"},
    {"model", NULL, ""},
    {"temperature", NULL, ""},
    {"reasoning_effort", NULL, ""},
    {"parallel_tool_calls", NULL, ""},
    {"interim_response", NULL, ""},
    {"output_audio_timestamp_types", NULL, ""},
    {"metadata", NULL, ""},
};

static bool take(const char *name, const json_t *value, json_t *ga, json_t *kept,
                 struct rt_error *fault)
{
    char param[160];

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *f = &fields[i];
        if (strcmp(f->name, name) != 0)
            continue;
        json_object_del(kept, name); /* of an earlier update */
        if (f->take != NULL)
            return f->take(value, ga, kept, fault);
        if (f->same_as[0] != '\0')
            json_object_set(ga, f->same_as, (json_t *)(uintptr_t)value);
        else if (strcmp(name, "model") != 0)
            keep(kept, name, value);
        return true;
    }
    (void)snprintf(param, sizeof(param), "session.%.140s", name);
    (void)rt_error_set(fault, RT_ERROR_UNKNOWN_PARAMETER, param, "Unknown parameter: '%s'.", param);
    return false;
}

json_t *voice_live_session_in(const json_t *flat, json_t *kept, struct rt_error *fault)
{
    json_t *ga = json_pack("{s:s}", "type", "realtime");
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)flat, name, value)
    {
        if (take(name, value, ga, kept, fault))
            continue;
        json_decref(ga);
        return NULL;
    }
    return ga;
}

/* ---- out ---- */

static void move(json_t *to, const char *name, const json_t *from, const char *member)
{
    json_t *value = json_object_get(from, member);

    if (value != NULL)
        json_object_set(to, name, value);
}

static void flatten_audio(json_t *flat, const json_t *audio)
{
    const json_t *input = json_object_get(audio, "input");
    const json_t *output = json_object_get(audio, "output");
    const json_t *format = json_object_get(input, "format");

    json_object_set_new(flat, "input_audio_format", json_string(voice_live_format_out(format)));
    json_object_set_new(flat, "input_audio_sampling_rate",
                        json_integer(rt_audio_rate(rt_audio_of(format))));
    json_object_set_new(flat, "output_audio_format",
                        json_string(voice_live_format_out(json_object_get(output, "format"))));
    move(flat, "turn_detection", input, "turn_detection");
    move(flat, "input_audio_transcription", input, "transcription");
    move(flat, "input_audio_noise_reduction", input, "noise_reduction");
    move(flat, "voice", output, "voice");
}

static bool is_text_only(const json_t *session)
{
    const json_t *first = json_array_get(json_object_get(session, "output_modalities"), 0);

    return view_is(json_view(first), "text");
}

json_t *voice_live_session_out(const json_t *session, const json_t *kept)
{
    static const char *const gone[] = {"audio", "output_modalities", "max_output_tokens", "type"};
    json_t *flat = json_copy((json_t *)(uintptr_t)session);

    for (size_t i = 0; i < ARRAY_LEN(gone); i++)
        json_object_del(flat, gone[i]);
    json_object_set_new(flat, "modalities",
                        is_text_only(session) ? json_pack("[s]", "text")
                                              : json_pack("[s,s]", "text", "audio"));
    move(flat, "max_response_output_tokens", session, "max_output_tokens");
    flatten_audio(flat, json_object_get(session, "audio"));
    json_object_update(flat, (json_t *)(uintptr_t)kept);
    return flat;
}
