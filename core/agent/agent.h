/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent/ owns the definition of an agent: what one [agent NAME] section says, checked, and the
 * Realtime session object that follows from it. It does not open sessions and holds no state of
 * one; an agent is immutable and belongs to its configuration generation. Thread: any, after
 * creation.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <parley/error.h>
#include <parley/options.h>

#include <jansson.h>
#include <stdbool.h>

/* Values of the ENUM options below, in the order of their `values`. */
enum agent_output { AGENT_OUTPUT_AUDIO, AGENT_OUTPUT_TEXT };
enum agent_turns { AGENT_TURNS_SERVER_VAD, AGENT_TURNS_SEMANTIC_VAD, AGENT_TURNS_NONE };
enum agent_history { AGENT_HISTORY_CUT, AGENT_HISTORY_SUMMARISE };
enum agent_store_failure { AGENT_STORE_FAILURE_CONTINUE, AGENT_STORE_FAILURE_END };
enum agent_content { AGENT_CONTENT_DEFAULT, AGENT_CONTENT_YES, AGENT_CONTENT_NO };

/* What one [agent NAME] section holds; filled through agent_options. */
struct agent_config {
    const char *description;
    struct parley_list model;
    const char *speech;
    const char *instructions;
    const char *greeting;
    const char *voice;
    double speed;
    int32_t output; /* enum agent_output */
    const char *input_format;
    const char *output_format;
    const char *transcription_model;
    const char *transcription_language;
    const char *noise_reduction;
    int32_t turn_detection; /* enum agent_turns */
    double vad_threshold;
    int64_t vad_prefix_padding_ms;
    int64_t vad_silence_ms;
    int64_t idle_timeout_ms;
    const char *eagerness;
    int32_t create_response;
    int32_t interrupt_response;
    int64_t max_output_tokens;
    struct parley_list tools;
    const char *tool_choice;
    int32_t show_tools;
    int64_t tool_timeout_ms;
    int64_t max_tool_output_bytes;
    int64_t max_tool_rounds;
    int64_t max_parallel_tools;
    struct parley_list client_may_set;
    int32_t client_trace;
    int32_t telemetry_content; /* enum agent_content */
    const char *store;
    int32_t on_store_failure; /* enum agent_store_failure */
    int64_t keep_ms;
    int32_t record;
    const char *record_dir;
    int64_t record_max_bytes;
    int64_t record_keep_ms;
    int64_t max_items;
    int64_t max_item_bytes;
    int64_t truncation_wait_ms;
    int64_t model_cooldown_ms;
    int64_t reconnect_ms;
    int64_t session_limit_ms;
    int64_t history_tokens;
    int32_t rotation_history; /* enum agent_history */
    int64_t resume_ms;
    int64_t resume_buffer_bytes;
};

/* The option table of [agent NAME]. */
extern const struct parley_option agent_options[];
extern const size_t agent_option_count;

struct agent {
    const char *name;                      /* of the section */
    const struct agent_config *config;     /* all borrowed from the configuration generation */
    const struct agent_policies *policies; /* of its tools (policies.h), or NULL */
};

/* What the table cannot check; *ret_key is the option at fault. */
int agent_check(const struct agent *a, const char **ret_key, struct parley_error *err);

/*
 * The session object that the agent asks of a model, as the `session` member of a session.update,
 * with `tools` (an array of function tools, borrowed; may be NULL). NULL without memory.
 */
json_t *agent_session_object(const struct agent *a, json_t *tools);

/* May a client change this field of the session ("voice", "audio.output.voice", "tools" ...)? */
bool agent_client_may_set(const struct agent *a, const char *path);

#endif
