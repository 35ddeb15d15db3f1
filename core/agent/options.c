/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "base/cleanup.h"

#define C struct agent_config

const struct parley_option agent_options[] = {
    PARLEY_STRING(C, description, .help = "What the agent is for, shown where people choose one."),
    PARLEY_LIST(C, model, .flags = PARLEY_OPTION_REQUIRED, .example = "openai",
                .help = "The [model NAME] that answers; further names take over, in this order, "
                        "when it cannot be reached."),
    PARLEY_STRING(C, speech, .example = "local",
                  .help = "The [speech NAME] that hears and speaks for a text model, or a realtime "
                          "[model NAME] as "
                          "ears and voice; empty takes the only [speech NAME] there is."),
    PARLEY_TEXT(C, instructions, .example = "@agents/receptionist.md",
                .help = "The system prompt."),
    PARLEY_TEXT(C, greeting,
                .help = "What the agent is told to say first; empty waits for the user."),
    PARLEY_STRING(C, voice, .example = "marin",
                  .help = "A voice of the model; empty takes the model's default."),
    PARLEY_NUMBER(C, speed, .default_value = "1", .help = "Speed of the voice, 0.25 to 1.5."),
    PARLEY_ENUM(C, output, .values = "audio|text", .default_value = "audio",
                .help = "Answers in speech with a transcript, or in text only."),
    PARLEY_STRING(C, input_format, .default_value = "audio/pcm",
                  .help = "Audio from clients: audio/pcm (24 kHz), audio/pcmu or audio/pcma."),
    PARLEY_STRING(C, output_format, .default_value = "audio/pcm",
                  .help = "Audio to clients: audio/pcm (24 kHz), audio/pcmu or audio/pcma."),
    PARLEY_STRING(C, transcription_model, .default_value = "gpt-4o-mini-transcribe",
                  .help = "Model that writes down what the user says; \"none\" switches it off."),
    PARLEY_STRING(C, transcription_language, .example = "en",
                  .help = "Language of the user, ISO 639-1; empty lets the model find out."),
    PARLEY_STRING(C, noise_reduction, .example = "near_field",
                  .help = "near_field or far_field; empty for none."),
    PARLEY_ENUM(C, turn_detection, .values = "server_vad|semantic_vad|none",
                .default_value = "server_vad", .help = "Who finds the end of the user's turn."),
    PARLEY_NUMBER(C, vad_threshold, .default_value = "0.5",
                  .help = "How sure server_vad must be that it hears speech, 0 to 1."),
    PARLEY_DURATION_MS(C, vad_prefix_padding_ms, .default_value = "300", .min = 0, .max = 5000,
                       .help = "Audio kept from before the start of speech."),
    PARLEY_DURATION_MS(C, vad_silence_ms, .default_value = "500", .min = 50, .max = 10000,
                       .help = "Silence that ends a turn under server_vad."),
    PARLEY_DURATION_MS(C, idle_timeout_ms, .default_value = "0", .min = 0, .max = 30000,
                       .help = "Silence after which the agent speaks up, 5s to 30s; 0 never."),
    PARLEY_STRING(C, eagerness, .default_value = "auto",
                  .help = "How soon semantic_vad answers: low, medium, high or auto."),
    PARLEY_BOOL(C, create_response, .default_value = "yes",
                .help = "Answer by itself when the user's turn ends."),
    PARLEY_BOOL(C, interrupt_response, .default_value = "yes",
                .help = "Stop speaking when the user does."),
    PARLEY_INT(C, max_output_tokens, .default_value = "0", .min = 0, .max = 4096,
               .help = "Longest answer in tokens; 0 sets no limit."),
    PARLEY_LIST(C, tools, .example = "files, clock.now",
                .help = "Tools that parley runs: a [tools NAME] for all its functions, or "
                        "NAME.FUNCTION for one."),
    PARLEY_STRING(C, tool_choice, .default_value = "auto", .help = "auto, none or required."),
    PARLEY_BOOL(C, show_tools, .default_value = "no",
                .help = "Let clients see the calls of the tools that parley runs."),
    PARLEY_DURATION_MS(C, tool_timeout_ms, .default_value = "20s", .min = 1, .max = 3600000,
                       .help = "Longest run of a tool, when the tool does not say."),
    PARLEY_SIZE(C, max_tool_output_bytes, .default_value = "64k", .min = 256, .max = 16777216,
                .help = "Longest result of a tool; the rest is cut with a note to the model."),
    PARLEY_INT(C, max_tool_rounds, .default_value = "8", .min = 1, .max = 100,
               .help = "Most times in one turn that results lead to further calls."),
    PARLEY_INT(C, max_parallel_tools, .default_value = "16", .min = 1, .max = 256,
               .help = "Most tools of one session that run at once."),
    PARLEY_LIST(C, client_may_set, .example = "voice, tools, turn_detection",
                .help =
                    "Fields of the session that a client may change; * for all, empty for none."),
    PARLEY_ENUM(C, telemetry_content, .values = "default|yes|no", .default_value = "default",
                .help = "Record what is said with this agent, and what its tools return, for "
                        "exporters that want it; default: as [telemetry] content."),
    PARLEY_BOOL(C, client_trace, .default_value = "no",
                .help =
                    "Send tool calls and turn timings as parley.* events to clients that ask for "
                    "them with trace=on."),
    PARLEY_STRING(C, store, .example = "main",
                  .help =
                      "The [store NAME] that keeps conversations; empty takes the only one there "
                      "is, \"none\" keeps nothing."),
    PARLEY_ENUM(C, on_store_failure, .values = "continue|end", .default_value = "continue",
                .help = "Whether a session goes on when its store fails."),
    PARLEY_DURATION_MS(C, keep_ms, .default_value = "0", .min = 0, .max = INT64_C(315360000000),
                       .help =
                           "How long a conversation is kept after its last change; 0 for ever."),
    PARLEY_BOOL(C, record, .default_value = "no",
                .help = "Record what client and agent say: a WAV file of each session that has "
                        "audio, the client on the left, the agent as it was heard on the right."),
    PARLEY_PATH(C, record_dir, .example = "/var/lib/parley/recordings",
                .help = "Folder of the recordings, in one folder for each agent; created for "
                        "parley's user alone. Needed with record = yes."),
    PARLEY_SIZE(C, record_max_bytes, .default_value = "1g", .min = 65536,
                .max = INT64_C(4194304000),
                .help = "Largest recording, at 346 MB an hour; the session goes on without it "
                        "from there."),
    PARLEY_DURATION_MS(C, record_keep_ms, .default_value = "0", .min = 0,
                       .max = INT64_C(315360000000),
                       .help = "How long a recording is kept after it was last written; 0 for "
                               "ever."),
    PARLEY_INT(C, max_items, .default_value = "1000", .min = 2, .max = 100000,
               .help =
                   "Most items in a conversation; the oldest are dropped from memory beyond it."),
    PARLEY_SIZE(C, max_item_bytes, .default_value = "4m", .min = 4096, .max = 268435456,
                .help = "Most bytes that the items of a conversation may hold, audio not counted."),
    PARLEY_DURATION_MS(C, truncation_wait_ms, .default_value = "1s", .min = 0, .max = 60000,
                       .help = "How long a client has to say how much of an interrupted answer was "
                               "heard, before parley's clock decides; 0 leaves it to the client."),
    PARLEY_DURATION_MS(C, model_cooldown_ms, .default_value = "10s", .min = 0, .max = 3600000,
                       .help = "How long a model that failed is passed by while there are others; "
                               "doubled by each further failure, up to 32 times."),
    PARLEY_DURATION_MS(C, reconnect_ms, .default_value = "15s", .min = 0, .max = 600000,
                       .help = "How long a session that lost its model looks for one before it "
                               "ends; 0 ends it at once."),
    PARLEY_DURATION_MS(C, session_limit_ms, .default_value = "0", .min = 0, .max = 86400000,
                       .help = "Longest time with one session of a model, before the end of which "
                               "another is opened; 0 takes the limit that the model has."),
    PARLEY_INT(C, history_tokens, .default_value = "16000", .min = 0, .max = 1000000,
               .help = "Most of the conversation, in tokens by estimate, that a model is told when "
                       "it takes over; the oldest is left out."),
    PARLEY_ENUM(C, rotation_history, .values = "cut|summarise", .default_value = "cut",
                .help = "What the next model is told of what does not fit into history_tokens: "
                        "nothing, or a summary by the model before it."),
    PARLEY_DURATION_MS(C, resume_ms, .default_value = "30s", .min = 0, .max = 86400000,
                       .help = "How long a session waits for a client that connected with "
                               "resume=on and lost its connection; 0 never."),
    PARLEY_SIZE(C, resume_buffer_bytes, .default_value = "1m", .min = 1024, .max = 67108864,
                .help = "Most bytes of events that are kept for such a client; beyond it, it gets "
                        "the conversation anew."),
};

const size_t agent_option_count = ARRAY_LEN(agent_options);
