/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session object: its defaults, and what a session.update does to it. An update with one bad
 * field changes nothing. Known fields that no model here supports are taken and echoed, since
 * clients send them unasked and would lose their tools by a refusal; unknown names are refused.
 */
#ifndef REALTIME_SESSION_OBJECT_H
#define REALTIME_SESSION_OBJECT_H

#include "realtime/wire_error.h"

#include <parley/types.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define RT_MAX_TOOLS     128
#define RT_MAX_TOOL_NAME 64

enum rt_audio { RT_AUDIO_PCM24K, RT_AUDIO_PCMU, RT_AUDIO_PCMA, RT_AUDIO_COUNT };

enum rt_turns { RT_TURNS_NONE, RT_TURNS_SERVER_VAD, RT_TURNS_SEMANTIC_VAD };

/* "audio/pcm", "audio/pcmu", "audio/pcma" */
const char *rt_audio_name(enum rt_audio audio);

/* Of an object {type, rate?}; anything else is PCM. */
enum rt_audio rt_audio_of(const json_t *format);

/* 48 for PCM at 24 kHz, 8 for G.711; and 2 or 1. */
uint32_t rt_audio_bytes_per_ms(enum rt_audio audio);
uint32_t rt_audio_bytes_per_sample(enum rt_audio audio);

/* 24000 or 8000. */
uint32_t rt_audio_rate(enum rt_audio audio);

/* Whole milliseconds of so many bytes. */
int64_t rt_audio_ms(enum rt_audio audio, uint64_t bytes);

/* The paths that an update may change, one by one: "audio.output.voice"; NULL behind the last. */
const char *rt_session_field(size_t i);

/* A fresh session as session.created shows it: a new id sess_..., and all defaults. expires_at 0:
 * no end. The caller owns the tree; NULL without memory. */
json_t *rt_session_new(const char *model, int64_t expires_at);

/* Who may change what. A zeroed struct allows everything. */
struct rt_session_rules {
    /* May this field be changed? Fields are named by path: instructions, output_modalities,
     * audio.input.format, audio.input.transcription, audio.input.noise_reduction,
     * audio.input.turn_detection, audio.output.format, audio.output.voice, audio.output.speed,
     * tools, tool_choice, parallel_tool_calls, reasoning, max_output_tokens, truncation, prompt,
     * tracing, include. NULL: all. A field that may not change is checked, then kept as it is. */
    bool (*may_set)(const void *ctx, const char *path);
    const void *ctx;
    bool voice_is_fixed; /* the model has spoken: another voice is refused */
};

/*
 * Check `update` (the `session` member of a session.update), leave out what the rules keep, and
 * merge it into a copy of `current`. PARLEY_OK: *ret_session is the new effective session, and
 * *ret_accepted (may be NULL) the part of the update that was taken, itself a valid session.update
 * body with `type`. PARLEY_E_INVALID: fault says what a client needs to know, nothing else is
 * touched. PARLEY_E_NO_MEMORY likewise (server_error). The caller owns both trees.
 */
int rt_session_update(const json_t *current, const json_t *update,
                      const struct rt_session_rules *rules, json_t **ret_session,
                      json_t **ret_accepted, struct rt_error *fault);

/* The effective session in plain fields, for those who act on it. Views borrow from the tree. */
struct rt_session_view {
    struct parley_view instructions;
    struct parley_view voice; /* of a custom voice its id */
    double speed;
    bool text_only;
    enum rt_audio input_format;
    enum rt_audio output_format;
    int64_t max_output_tokens; /* 0: no limit */
    const json_t *tools;       /* array */
    const json_t *tool_choice; /* string or object */

    enum rt_turns turns;
    double threshold;
    int64_t prefix_padding_ms;
    int64_t silence_duration_ms;
    int64_t idle_timeout_ms;      /* 0: never */
    struct parley_view eagerness; /* semantic_vad: "auto", "low", "medium", "high" */
    bool create_response;         /* false when turns are RT_TURNS_NONE */
    bool interrupt_response;      /* likewise */
    bool transcribes;
    struct parley_view transcription_model;
    struct parley_view transcription_language;
};

void rt_session_read(const json_t *session, struct rt_session_view *ret_view);

/* Check a list of tools (session.tools, response.tools); `path` names it in the fault. */
int rt_tools_check(const json_t *tools, const char *path, struct rt_error *fault);

#endif
