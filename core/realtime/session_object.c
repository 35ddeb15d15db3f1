/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/session_object.h"

#include "base/cleanup.h"
#include "base/id.h"
#include "base/json.h"
#include "base/str.h"
#include "realtime/rules.h"

#include <string.h>

#define DEFAULT_VOICE      "alloy"
#define DEFAULT_PADDING_MS 300
#define DEFAULT_SILENCE_MS 200

/* --- Making ----------------------------------------------------------------------------------- */

static json_t *server_vad_defaults(void)
{
    return json_pack("{s:s, s:f, s:i, s:i, s:n, s:b, s:b}", "type", "server_vad", "threshold", 0.5,
                     "prefix_padding_ms", DEFAULT_PADDING_MS, "silence_duration_ms",
                     DEFAULT_SILENCE_MS, "idle_timeout_ms", "create_response", 1,
                     "interrupt_response", 1);
}

static json_t *semantic_vad_defaults(void)
{
    return json_pack("{s:s, s:s, s:b, s:b}", "type", "semantic_vad", "eagerness", "auto",
                     "create_response", 1, "interrupt_response", 1);
}

static json_t *pcm_format(void)
{
    return json_pack("{s:s, s:i}", "type", "audio/pcm", "rate", 24000);
}

static json_t *audio_defaults(void)
{
    return json_pack("{s:{s:o, s:n, s:n, s:o}, s:{s:o, s:s, s:f}}", "input", "format", pcm_format(),
                     "transcription", "noise_reduction", "turn_detection", server_vad_defaults(),
                     "output", "format", pcm_format(), "voice", DEFAULT_VOICE, "speed", 1.0);
}

json_t *rt_session_new(const char *model, int64_t expires_at)
{
    char id[ID_SIZE];

    id_make(id, "sess_");
    return json_pack("{s:s, s:s, s:s, s:s, s:[s], s:s, s:[], s:s, s:s, s:n, s:s, s:n, s:I, s:o, "
                     "s:n}",
                     "type", "realtime", "object", "realtime.session", "id", id, "model", model,
                     "output_modalities", "audio", "instructions", "", "tools", "tool_choice",
                     "auto", "max_output_tokens", "inf", "tracing", "truncation", "auto", "prompt",
                     "expires_at", (json_int_t)expires_at, "audio", audio_defaults(), "include");
}

/* --- Updating --------------------------------------------------------------------------------- */

/* Fields that change as a whole, by path. */
static const char *const fields[] = {
    "output_modalities",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "max_output_tokens",
    "truncation",
    "prompt",
    "tracing",
    "include",
    "audio.input.format",
    "audio.input.transcription",
    "audio.input.noise_reduction",
    "audio.input.turn_detection",
    "audio.output.format",
    "audio.output.voice",
    "audio.output.speed",
};

const char *rt_session_field(size_t i)
{
    return i < ARRAY_LEN(fields) ? fields[i] : NULL;
}

/* One change of a session: what it is, where to. */
struct change {
    const char *path;
    const json_t *old; /* NULL when absent so far */
    json_t *value;     /* as the session shows it; owned */
};

/* Cut the first name off a path; true when more follow. */
static bool next_name(const char **path, char name[32])
{
    size_t len = strcspn(*path, ".");

    view_copy(name, 32, (struct parley_view){*path, len});
    *path += len;
    if (**path == '.')
        (*path)++;
    return **path != '\0';
}

static const json_t *get_path(const json_t *object, const char *path)
{
    char name[32];
    bool more = true;

    while (more && object != NULL) {
        more = next_name(&path, name);
        object = json_object_get(object, name);
    }
    return object;
}

/* Steals value. False without memory. */
static bool set_path(json_t *object, const char *path, json_t *value)
{
    char name[32];

    while (next_name(&path, name)) {
        json_t *inner = json_object_get(object, name);
        if (inner == NULL) {
            inner = json_object();
            if (json_object_set_new(object, name, inner) != 0) {
                json_decref(value);
                return false;
            }
        }
        object = inner;
    }
    return json_object_set_new(object, name, value) == 0;
}

/* `defaults` (stolen) with what the update says. */
static json_t *over_defaults(json_t *defaults, const json_t *update)
{
    if (defaults != NULL && json_object_update(defaults, (json_t *)(uintptr_t)update) != 0) {
        json_decref(defaults);
        return NULL;
    }
    return defaults;
}

static json_t *turn_detection_value(const json_t *update)
{
    if (!json_is_object(update))
        return json_null();
    if (strcmp(json_get_str(update, "type", "server_vad"), "semantic_vad") != 0)
        return over_defaults(server_vad_defaults(), update);

    json_t *vad = over_defaults(semantic_vad_defaults(), update);
    if (vad != NULL)
        (void)json_object_del(vad, "idle_timeout_ms"); /* allowed as null only; may be absent */
    return vad;
}

static json_t *format_value(const json_t *update)
{
    if (rt_audio_of(update) == RT_AUDIO_PCM24K)
        return pcm_format();
    return json_deep_copy(update);
}

/* The rest of a transcription stays when only its language is changed. */
static json_t *transcription_value(const json_t *old, const json_t *update)
{
    json_t *base = json_is_object(old) ? json_deep_copy(old) : json_object();

    return json_is_object(update) ? over_defaults(base, update) : (json_decref(base), json_null());
}

/* What a field looks like after the update; NULL without memory. */
static json_t *new_value(const char *path, const json_t *old, const json_t *update)
{
    if (strcmp(path, "audio.input.turn_detection") == 0)
        return turn_detection_value(update);
    if (strcmp(path, "audio.input.format") == 0 || strcmp(path, "audio.output.format") == 0)
        return format_value(update);
    if (strcmp(path, "audio.input.transcription") == 0)
        return transcription_value(old, update);
    if (strcmp(path, "tools") == 0 && json_is_null(update))
        return json_array();
    if (strcmp(path, "instructions") == 0 && json_is_null(update))
        return json_string("");
    return json_deep_copy(update);
}

static int fail_memory(struct rt_error *fault)
{
    (void)rt_error_set(fault, RT_ERROR_SERVER, NULL,
                       "The server is out of memory; the session was not changed. Try again.");
    return PARLEY_E_NO_MEMORY;
}

static int check_voice(const struct rt_session_rules *rules, const struct change *c,
                       struct rt_error *fault)
{
    if (!rules->voice_is_fixed || strcmp(c->path, "audio.output.voice") != 0 ||
        json_equal(c->old, c->value))
        return PARLEY_OK;
    return rt_error_set(fault, RT_ERROR_VOICE_FIXED, "session.audio.output.voice",
                        "Cannot update a conversation's voice if assistant audio is present. Keep "
                        "the voice, or start a new session.");
}

/* The server's own fields may be repeated, not changed. `model` is let pass whatever it says: a
 * client that names its favourite unasked would lose its tools, and the echo tells the truth. */
static int check_read_only(const json_t *current, const json_t *update, struct rt_error *fault)
{
    static const char *const names[] = {"object", "id", "expires_at"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const json_t *value = json_object_get(update, names[i]);
        if (value == NULL || json_equal(value, json_object_get(current, names[i])))
            continue;
        char param[64];
        (void)snprintf(param, sizeof(param), "session.%s", names[i]);
        return rt_error_set(fault, RT_ERROR_INVALID_VALUE, param,
                            "Invalid value: '%s' is set by the server and cannot be changed; leave "
                            "it out.",
                            param);
    }
    return PARLEY_OK;
}

struct update {
    const json_t *current;
    const json_t *update;
    const struct rt_session_rules *rules;
    json_t *session;
    json_t *accepted;
};

static int apply_field(struct update *u, const char *path, struct rt_error *fault)
{
    const json_t *asked = get_path(u->update, path);
    struct change c = {path, get_path(u->current, path), NULL};

    if (asked == NULL)
        return PARLEY_OK;
    if (u->rules->may_set != NULL && !u->rules->may_set(u->rules->ctx, path))
        return PARLEY_OK;
    c.value = new_value(path, c.old, asked);
    if (c.value == NULL)
        return fail_memory(fault);
    int r = check_voice(u->rules, &c, fault);
    if (r < 0) {
        json_decref(c.value);
        return r;
    }
    bool is_set = set_path(u->session, path, json_incref(c.value));
    is_set &= set_path(u->accepted, path, c.value);
    return is_set ? PARLEY_OK : fail_memory(fault);
}

static int apply_fields(struct update *u, struct rt_error *fault)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        int r = apply_field(u, fields[i], fault);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

int rt_session_update(const json_t *current, const json_t *update,
                      const struct rt_session_rules *rules, json_t **ret_session,
                      json_t **ret_accepted, struct rt_error *fault)
{
    static const struct rt_session_rules no_rules = {0};
    struct rt_path here = {NULL, "session", 0};

    int r = rt_schema_check(update, &rt_rule_session, &here, fault);
    if (r == PARLEY_OK)
        r = check_read_only(current, update, fault);
    if (r < 0)
        return r;

    _cleanup_json_ json_t *session = json_deep_copy(current);
    _cleanup_json_ json_t *accepted = json_pack("{s:s}", "type", "realtime");
    if (session == NULL || accepted == NULL)
        return fail_memory(fault);
    struct update u = {current, update, rules == NULL ? &no_rules : rules, session, accepted};
    r = apply_fields(&u, fault);
    if (r < 0)
        return r;
    if (ret_accepted != NULL) {
        json_t *copy = json_deep_copy(accepted); /* shares no value with the session */
        if (copy == NULL)
            return fail_memory(fault);
        *ret_accepted = copy;
    }
    *ret_session = TAKE(session);
    return PARLEY_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void read_turns(const json_t *turns, struct rt_session_view *v)
{
    if (!json_is_object(turns))
        return;
    bool is_semantic = strcmp(json_get_str(turns, "type", ""), "semantic_vad") == 0;
    v->turns = is_semantic ? RT_TURNS_SEMANTIC_VAD : RT_TURNS_SERVER_VAD;
    v->threshold = json_get_number(turns, "threshold", 0.5);
    v->prefix_padding_ms = json_get_int(turns, "prefix_padding_ms", DEFAULT_PADDING_MS);
    v->silence_duration_ms = json_get_int(turns, "silence_duration_ms", DEFAULT_SILENCE_MS);
    v->idle_timeout_ms = json_get_int(turns, "idle_timeout_ms", 0);
    v->eagerness = view_of(json_get_str(turns, "eagerness", "auto"));
    v->create_response = json_get_bool(turns, "create_response", true);
    v->interrupt_response = json_get_bool(turns, "interrupt_response", true);
}

static void read_transcription(const json_t *transcription, struct rt_session_view *v)
{
    v->transcribes = json_is_object(transcription);
    v->transcription_model = json_get_view(transcription, "model");
    v->transcription_language = json_get_view(transcription, "language");
}

void rt_session_read(const json_t *session, struct rt_session_view *ret_view)
{
    const json_t *input = get_path(session, "audio.input");
    const json_t *output = get_path(session, "audio.output");
    const json_t *voice = json_object_get(output, "voice");
    const json_t *modalities = json_object_get(session, "output_modalities");

    *ret_view = (struct rt_session_view){
        .instructions = json_get_view(session, "instructions"),
        .voice = json_is_object(voice) ? json_get_view(voice, "id") : json_view(voice),
        .speed = json_get_number(output, "speed", 1.0),
        .text_only = view_is(json_view(json_array_get(modalities, 0)), "text"),
        .input_format = rt_audio_of(json_object_get(input, "format")),
        .output_format = rt_audio_of(json_object_get(output, "format")),
        .max_output_tokens = json_get_int(session, "max_output_tokens", 0),
        .tools = json_object_get(session, "tools"),
        .tool_choice = json_object_get(session, "tool_choice"),
    };
    read_turns(json_object_get(input, "turn_detection"), ret_view);
    read_transcription(json_object_get(input, "transcription"), ret_view);
}
