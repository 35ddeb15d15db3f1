/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/rules.h"

#include "base/json.h"
#include "base/utf8.h"
#include "realtime/session_object.h"

#include <string.h>

#define MAX_OUTPUT_TOKENS 4096
#define MAX_VOICE_CHARS   128
#define MAX_METADATA      16
#define MAX_META_KEY      64
#define MAX_META_VALUE    512

static const char *const modality_words[] = {"audio", "text", NULL};
static const char *const inf_words[] = {"inf", NULL};
static const char *const effort_words[] = {"none", "minimal", "low", "medium",
                                           "high", "xhigh",   NULL};
static const struct rt_rule text_element = {.is = RT_IS_STRING};
static const struct rt_rule modality_element = {.is = RT_IS_STRING, .words = modality_words};

/* Audio brings its transcript, so both at once is refused. */
static int check_modalities(const json_t *value, const struct rt_path *path, struct rt_error *fault)
{
    if (json_array_size(value) == 1)
        return PARLEY_OK;
    return rt_schema_fail(fault, RT_ERROR_INVALID_VALUE, path,
                          "Invalid value: %zu modalities. Supported values are: ['audio'] (which "
                          "always comes with a transcript) and ['text'].",
                          json_array_size(value));
}

/* --- Audio ------------------------------------------------------------------------------------ */

static const struct rt_rule pcm_format[] = {
    RT_STR("type"),
    /* min < max switches the bounds on: 24,000 is the only rate, and the fault names the side. */
    RT_MEMBER("rate", RT_IS_INT, .min = 24000, .max = 24000.5),
    RT_RULES_END,
};

static const struct rt_rule g711_format[] = {
    RT_STR("type"),
    RT_RULES_END,
};

static const struct rt_variant format_variants[] = {
    {"audio/pcm", pcm_format},
    {"audio/pcmu", g711_format},
    {"audio/pcma", g711_format},
    {NULL, NULL},
};

static const char *const noise_words[] = {"near_field", "far_field", NULL};
static const struct rt_rule noise_members[] = {
    RT_NEED_STR("type", .words = noise_words),
    RT_RULES_END,
};

/* Models' names differ from host to host: any is taken. */
static const struct rt_rule transcription_members[] = {
    RT_STR("model"),
    RT_STR_NULL("language"),
    RT_MEMBER("languages", RT_IS_ARRAY | RT_IS_NULL, .element = &text_element),
    RT_MEMBER("keywords", RT_IS_ARRAY | RT_IS_NULL, .element = &text_element),
    RT_STR_NULL("prompt"),
    RT_STR_NULL("delay"),
    RT_RULES_END,
};

/* null passes; a number is held to 5 to 30 seconds. */
#define IDLE_TIMEOUT RT_MEMBER("idle_timeout_ms", RT_IS_INT | RT_IS_NULL, .min = 5000, .max = 30000)

static const struct rt_rule server_vad_members[] = {
    RT_STR("type"),
    RT_MEMBER("threshold", RT_IS_NUMBER, .min = 0, .max = 1),
    RT_MEMBER("prefix_padding_ms", RT_IS_INT, .min = 0, .max = 60000),
    RT_MEMBER("silence_duration_ms", RT_IS_INT, .min = 0, .max = 60000),
    IDLE_TIMEOUT,
    RT_MEMBER("create_response", RT_IS_BOOL),
    RT_MEMBER("interrupt_response", RT_IS_BOOL),
    RT_RULES_END,
};

static const char *const eagerness_words[] = {"auto", "low", "medium", "high", NULL};
/* The members of the other kind are tolerated as null, which is how echoes of them look. */
static const struct rt_rule semantic_vad_members[] = {
    RT_STR("type"),
    RT_STR("eagerness", .words = eagerness_words),
    RT_MEMBER("idle_timeout_ms", RT_IS_NULL),
    RT_MEMBER("create_response", RT_IS_BOOL),
    RT_MEMBER("interrupt_response", RT_IS_BOOL),
    RT_RULES_END,
};

static const struct rt_variant turn_variants[] = {
    {"server_vad", server_vad_members},
    {"semantic_vad", semantic_vad_members},
    {NULL, NULL},
};

static const struct rt_rule voice_members[] = {
    RT_NEED_STR("id", .max = MAX_VOICE_CHARS),
    RT_RULES_END,
};

#define FORMAT RT_MEMBER("format", RT_IS_OBJECT, .variants = format_variants)
#define VOICE                                                                                      \
    RT_MEMBER("voice", RT_IS_STRING | RT_IS_OBJECT, .max = MAX_VOICE_CHARS,                        \
              .members = voice_members)

static const struct rt_rule input_members[] = {
    FORMAT,
    RT_MEMBER("transcription", RT_IS_OBJECT | RT_IS_NULL, .members = transcription_members),
    RT_MEMBER("noise_reduction", RT_IS_OBJECT | RT_IS_NULL, .members = noise_members),
    RT_MEMBER("turn_detection", RT_IS_OBJECT | RT_IS_NULL, .variants = turn_variants,
              .default_type = "server_vad"),
    RT_RULES_END,
};

static const struct rt_rule output_members[] = {
    FORMAT,
    VOICE,
    RT_MEMBER("speed", RT_IS_NUMBER, .min = 0.25, .max = 1.5),
    RT_RULES_END,
};

static const struct rt_rule audio_members[] = {
    RT_MEMBER("input", RT_IS_OBJECT, .members = input_members),
    RT_MEMBER("output", RT_IS_OBJECT, .members = output_members),
    RT_RULES_END,
};

/* --- What sessions and responses share -------------------------------------------------------- */

static const struct rt_rule reasoning_members[] = {
    RT_STR_NULL("effort", .words = effort_words),
    RT_RULES_END,
};

static const struct rt_rule prompt_members[] = {
    RT_NEED_STR("id"),
    RT_STR_NULL("version"),
    RT_MEMBER("variables", RT_IS_OBJECT | RT_IS_NULL),
    RT_RULES_END,
};

#define SHARED                                                                                     \
    RT_MEMBER("output_modalities", RT_IS_ARRAY, .max = 2, .element = &modality_element,            \
              .check = check_modalities),                                                          \
        RT_STR_NULL("instructions"),                                                               \
        RT_MEMBER("tools", RT_IS_ARRAY | RT_IS_NULL, .max = RT_MAX_TOOLS,                          \
                  .element = &rt_rule_tool, .check = rt_check_tool_names),                         \
        RT_MEMBER("tool_choice", RT_IS_STRING | RT_IS_OBJECT, .words = rt_tool_choice_words,       \
                  .variants = rt_tool_choice_variants),                                            \
        RT_MEMBER("parallel_tool_calls", RT_IS_BOOL | RT_IS_NULL),                                 \
        RT_MEMBER("reasoning", RT_IS_OBJECT | RT_IS_NULL, .members = reasoning_members),           \
        RT_MEMBER("max_output_tokens", RT_IS_INT | RT_IS_STRING, .min = 1,                         \
                  .max = MAX_OUTPUT_TOKENS, .words = inf_words),                                   \
        RT_MEMBER("prompt", RT_IS_OBJECT | RT_IS_NULL, .members = prompt_members),                 \
        RT_MOVED("temperature", "")

/* --- Session ---------------------------------------------------------------------------------- */

static const char *const truncation_words[] = {"auto", "disabled", NULL};
static const struct rt_rule token_limit_members[] = {
    RT_MEMBER("post_instructions", RT_IS_INT, .min = 0, .max = 1e9),
    RT_RULES_END,
};
static const struct rt_rule retention_members[] = {
    RT_STR("type"),
    RT_MEMBER("retention_ratio", RT_IS_NUMBER | RT_REQUIRED, .min = 0, .max = 1),
    RT_MEMBER("token_limits", RT_IS_OBJECT | RT_IS_NULL, .members = token_limit_members),
    RT_RULES_END,
};
static const struct rt_variant truncation_variants[] = {
    {"retention_ratio", retention_members},
    {NULL, NULL},
};

static const char *const tracing_words[] = {"auto", NULL};
static const struct rt_rule tracing_members[] = {
    RT_STR_NULL("workflow_name"),
    RT_STR_NULL("group_id"),
    RT_MEMBER("metadata", RT_IS_OBJECT | RT_IS_NULL),
    RT_RULES_END,
};

static const char *const session_types[] = {"realtime", NULL};

static const struct rt_rule session_members[] = {
    RT_NEED_STR("type", .words = session_types),
    RT_STR("object"),
    RT_STR("id"),
    RT_STR("model"),
    RT_MEMBER("expires_at", RT_IS_INT),
    SHARED,
    RT_MEMBER("audio", RT_IS_OBJECT, .members = audio_members),
    RT_MEMBER("truncation", RT_IS_STRING | RT_IS_OBJECT, .words = truncation_words,
              .variants = truncation_variants),
    RT_MEMBER("tracing", RT_IS_STRING | RT_IS_OBJECT | RT_IS_NULL, .words = tracing_words,
              .members = tracing_members),
    RT_MEMBER("include", RT_IS_ARRAY | RT_IS_NULL, .element = &text_element),
    RT_MOVED("modalities", "session.output_modalities"),
    RT_MOVED("voice", "session.audio.output.voice"),
    RT_MOVED("speed", "session.audio.output.speed"),
    RT_MOVED("output_audio_format", "session.audio.output.format"),
    RT_MOVED("input_audio_format", "session.audio.input.format"),
    RT_MOVED("turn_detection", "session.audio.input.turn_detection"),
    RT_MOVED("input_audio_transcription", "session.audio.input.transcription"),
    RT_MOVED("input_audio_noise_reduction", "session.audio.input.noise_reduction"),
    RT_MOVED("max_response_output_tokens", "session.max_output_tokens"),
    RT_RULES_END,
};

const struct rt_rule rt_rule_session = {.is = RT_IS_OBJECT, .members = session_members};

/* --- Response --------------------------------------------------------------------------------- */

static const char *const conversation_words[] = {"auto", "none", NULL};

static int check_metadata(const json_t *value, const struct rt_path *path, struct rt_error *fault)
{
    const char *key;
    json_t *text;

    if (json_object_size(value) > MAX_METADATA)
        return rt_schema_fail(fault, RT_ERROR_INVALID_VALUE, path,
                              "Metadata holds at most %d pairs, but got %zu.", MAX_METADATA,
                              json_object_size(value));
    json_object_foreach((json_t *)(uintptr_t)value, key, text)
    {
        struct rt_path here = {path, key, 0};
        static const struct rt_rule rule = {.is = RT_IS_STRING, .max = MAX_META_VALUE};
        if (utf8_count(key, strlen(key)) > MAX_META_KEY)
            return rt_schema_fail(
                fault, RT_ERROR_STRING_TOO_LONG, path,
                "A key of metadata has at most %d characters; '%.80s...' has more.", MAX_META_KEY,
                key);
        int r = rt_schema_check(text, &rule, &here, fault);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

static const struct rt_rule response_output_members[] = {
    FORMAT,
    VOICE,
    RT_RULES_END,
};

static const struct rt_rule response_audio_members[] = {
    RT_MEMBER("output", RT_IS_OBJECT, .members = response_output_members),
    RT_RULES_END,
};

static const struct rt_rule response_members[] = {
    SHARED,
    RT_MEMBER("audio", RT_IS_OBJECT, .members = response_audio_members),
    RT_STR("conversation", .words = conversation_words),
    RT_MEMBER("metadata", RT_IS_OBJECT | RT_IS_NULL, .check = check_metadata),
    RT_MEMBER("input", RT_IS_ARRAY | RT_IS_NULL, .element = &rt_rule_input_item),
    RT_MOVED("modalities", "response.output_modalities"),
    RT_MOVED("voice", "response.audio.output.voice"),
    RT_MOVED("output_audio_format", "response.audio.output.format"),
    RT_RULES_END,
};

const struct rt_rule rt_rule_response = {.is = RT_IS_OBJECT, .members = response_members};
