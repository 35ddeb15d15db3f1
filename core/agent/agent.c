/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "conf/nearest.h"
#include "realtime/session_object.h"

#include <string.h>

static bool is_one_of(const char *value, const char *const *allowed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, allowed[i]) == 0)
            return true;
    }
    return false;
}

static int check_format(const char *value, struct parley_error *err)
{
    static const char *const formats[] = {"audio/pcm", "audio/pcmu", "audio/pcma"};

    if (is_one_of(value, formats, ARRAY_LEN(formats)))
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_INVALID,
                       "\"%s\" is not an audio format; use audio/pcm, audio/pcmu or audio/pcma",
                       value);
}

static int check_words(const struct agent_config *c, const char **ret_key, struct parley_error *err)
{
    static const char *const eagerness[] = {"auto", "low", "medium", "high"};
    static const char *const choice[] = {"auto", "none", "required"};
    static const char *const noise[] = {"", "near_field", "far_field"};

    *ret_key = "eagerness";
    if (!is_one_of(c->eagerness, eagerness, ARRAY_LEN(eagerness)))
        return parley_fail(err, PARLEY_E_INVALID,
                           "\"%s\" is unknown; use auto, low, medium or high", c->eagerness);
    *ret_key = "tool_choice";
    if (!is_one_of(c->tool_choice, choice, ARRAY_LEN(choice)))
        return parley_fail(err, PARLEY_E_INVALID, "\"%s\" is unknown; use auto, none or required",
                           c->tool_choice);
    *ret_key = "noise_reduction";
    if (!is_one_of(c->noise_reduction, noise, ARRAY_LEN(noise)))
        return parley_fail(err, PARLEY_E_INVALID,
                           "\"%s\" is unknown; use near_field, far_field or leave it empty",
                           c->noise_reduction);
    return PARLEY_OK;
}

static int check_numbers(const struct agent_config *c, const char **ret_key,
                         struct parley_error *err)
{
    *ret_key = "speed";
    if (c->speed < 0.25 || c->speed > 1.5)
        return parley_fail(err, PARLEY_E_INVALID, "%g is outside 0.25 to 1.5", c->speed);
    *ret_key = "vad_threshold";
    if (c->vad_threshold < 0 || c->vad_threshold > 1)
        return parley_fail(err, PARLEY_E_INVALID, "%g is outside 0 to 1", c->vad_threshold);
    *ret_key = "idle_timeout_ms";
    if (c->idle_timeout_ms != 0 && c->idle_timeout_ms < 5000)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%lld is below the least the protocol allows; use 5s to 30s, or 0 for "
                           "never",
                           (long long)c->idle_timeout_ms);
    return PARLEY_OK;
}

static int check_recording(const struct agent_config *c, const char **ret_key,
                           struct parley_error *err)
{
    *ret_key = "record_dir";
    if (c->record == 0 || c->record_dir[0] != '\0')
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_INVALID,
                       "is empty, and record = yes needs a folder; name one, such as "
                       "/var/lib/parley/recordings");
}

/* "audio.output.voice" is covered by "audio", "audio.output", by itself, and by its last word
 * "voice". */
static bool covers(const char *allowed, const char *path)
{
    size_t len = strlen(allowed);
    size_t path_len = strlen(path);

    if (strcmp(allowed, "*") == 0)
        return true;
    if (strncmp(path, allowed, len) == 0 && (path[len] == '\0' || path[len] == '.'))
        return true;
    return path_len > len && path[path_len - len - 1] == '.' &&
           strcmp(path + path_len - len, allowed) == 0;
}

static int check_may_set(const struct agent_config *c, const char **ret_key,
                         struct parley_error *err)
{
    *ret_key = "client_may_set";
    for (size_t i = 0; i < c->client_may_set.count; i++) {
        const char *allowed = c->client_may_set.items[i];
        struct nearest n = nearest_to(allowed);
        bool is_known = false;
        char hint[80];
        const char *field;
        for (size_t f = 0; (field = rt_session_field(f)) != NULL && !is_known; f++) {
            const char *dot = strrchr(field, '.');
            nearest_offer(&n, dot == NULL ? field : dot + 1);
            is_known = covers(allowed, field);
        }
        if (!is_known)
            return parley_fail(err, PARLEY_E_INVALID, "the session has no field \"%s\"%s", allowed,
                               nearest_hint(&n, hint, sizeof(hint)));
    }
    return PARLEY_OK;
}

int agent_check(const struct agent *a, const char **ret_key, struct parley_error *err)
{
    *ret_key = "input_format";
    int r = check_format(a->config->input_format, err);
    if (r == PARLEY_OK) {
        *ret_key = "output_format";
        r = check_format(a->config->output_format, err);
    }
    if (r == PARLEY_OK)
        r = check_recording(a->config, ret_key, err);
    if (r == PARLEY_OK)
        r = check_words(a->config, ret_key, err);
    if (r == PARLEY_OK)
        r = check_numbers(a->config, ret_key, err);
    return r == PARLEY_OK ? check_may_set(a->config, ret_key, err) : r;
}

static json_t *format_object(const char *name)
{
    if (strcmp(name, "audio/pcm") == 0)
        return json_pack("{s:s, s:i}", "type", name, "rate", 24000);
    return json_pack("{s:s}", "type", name);
}

static json_t *turn_detection_object(const struct agent_config *c)
{
    if (c->turn_detection == AGENT_TURNS_NONE)
        return json_null();
    if (c->turn_detection == AGENT_TURNS_SEMANTIC_VAD)
        return json_pack("{s:s, s:s, s:b, s:b}", "type", "semantic_vad", "eagerness", c->eagerness,
                         "create_response", c->create_response, "interrupt_response",
                         c->interrupt_response);
    json_t *vad =
        json_pack("{s:s, s:f, s:I, s:I, s:b, s:b}", "type", "server_vad", "threshold",
                  c->vad_threshold, "prefix_padding_ms", (json_int_t)c->vad_prefix_padding_ms,
                  "silence_duration_ms", (json_int_t)c->vad_silence_ms, "create_response",
                  c->create_response, "interrupt_response", c->interrupt_response);
    if (vad != NULL && c->idle_timeout_ms > 0)
        json_object_set_new(vad, "idle_timeout_ms", json_integer(c->idle_timeout_ms));
    return vad;
}

static json_t *transcription_object(const struct agent_config *c)
{
    if (strcmp(c->transcription_model, "none") == 0)
        return json_null();
    json_t *t = json_pack("{s:s}", "model", c->transcription_model);
    if (t != NULL && c->transcription_language[0] != '\0')
        json_object_set_new(t, "language", json_string(c->transcription_language));
    return t;
}

static json_t *input_object(const struct agent_config *c)
{
    json_t *noise = c->noise_reduction[0] == '\0' ? json_null()
                                                  : json_pack("{s:s}", "type", c->noise_reduction);

    return json_pack("{s:o, s:o, s:o, s:o}", "format", format_object(c->input_format),
                     "transcription", transcription_object(c), "noise_reduction", noise,
                     "turn_detection", turn_detection_object(c));
}

static json_t *output_object(const struct agent_config *c)
{
    json_t *out = json_pack("{s:o}", "format", format_object(c->output_format));

    if (out != NULL && c->voice[0] != '\0')
        json_object_set_new(out, "voice", json_string(c->voice));
    if (out != NULL && c->speed != 1.0)
        json_object_set_new(out, "speed", json_real(c->speed));
    return out;
}

json_t *agent_session_object(const struct agent *a, json_t *tools)
{
    const struct agent_config *c = a->config;
    json_t *limit =
        c->max_output_tokens == 0 ? json_string("inf") : json_integer(c->max_output_tokens);

    return json_pack("{s:s, s:s, s:[s], s:{s:o, s:o}, s:o, s:s, s:o}", "type", "realtime",
                     "instructions", c->instructions, "output_modalities",
                     c->output == AGENT_OUTPUT_TEXT ? "text" : "audio", "audio", "input",
                     input_object(c), "output", output_object(c), "tools",
                     tools == NULL ? json_array() : json_incref(tools), "tool_choice",
                     c->tool_choice, "max_output_tokens", limit);
}

bool agent_client_may_set(const struct agent *a, const char *path)
{
    for (size_t i = 0; i < a->config->client_may_set.count; i++) {
        if (covers(a->config->client_may_set.items[i], path))
            return true;
    }
    return false;
}
