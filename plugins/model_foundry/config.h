/* SPDX-License-Identifier: Apache-2.0 */
/* What a [model NAME] section of this plugin holds. */
#ifndef MODEL_FOUNDRY_CONFIG_H
#define MODEL_FOUNDRY_CONFIG_H

#include <parley/options.h>

enum foundry_service { SERVICE_AZURE_OPENAI, SERVICE_VOICE_LIVE, SERVICE_VOICE_AGENT };
enum foundry_turns { TURNS_OF_AGENT, TURNS_AZURE, TURNS_AZURE_EN, TURNS_AZURE_MULTILINGUAL };
enum foundry_voice { VOICE_BY_NAME, VOICE_OPENAI, VOICE_STANDARD, VOICE_CUSTOM, VOICE_PERSONAL };

struct foundry_config {
    int32_t service; /* enum foundry_service */
    const char *endpoint;
    const char *deployment;
    const char *model;
    const char *agent_name;
    const char *agent_project_name;
    const char *agent_version;
    const char *api_version;
    const char *api_key;
    const char *credential;
    const char *scope;
    int32_t trace_context;
    const char *ca_file;
    /* Voice Live's own. */
    int32_t voice_type; /* enum foundry_voice */
    const char *voice_endpoint_id;
    const char *voice_model;
    const char *voice_style;
    const char *voice_rate;
    int32_t turn_detection; /* enum foundry_turns */
    int32_t remove_filler_words;
    const char *end_of_utterance;
    int32_t noise_suppression;
    int32_t echo_cancellation;
    const char *transcription_model;
    struct parley_list interim_texts;
    int64_t interim_after_ms;
    int64_t connect_timeout_ms;
    int64_t ping_interval_ms;
    int64_t max_event_bytes;
    int64_t session_limit_ms;
};

#endif
