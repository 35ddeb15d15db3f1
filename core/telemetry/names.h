/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of attributes and names of spans. Those of OpenTelemetry's GenAI conventions may still
 * change there, so they are written down here only.
 */
#ifndef TELEMETRY_NAMES_H
#define TELEMETRY_NAMES_H

/* Spans: the operation, followed by a space and its object. */
#define NAME_INVOKE_AGENT "invoke_agent"
#define NAME_INFERENCE    "realtime_inference"
#define NAME_EXECUTE_TOOL "execute_tool"
#define NAME_CONNECT      "parley.backend.connect"

/* Events of spans. */
#define NAME_EVENT_SPEECH_START "parley.speech.start"
#define NAME_EVENT_SPEECH_END   "parley.speech.end"
#define NAME_EVENT_FIRST_EVENT  "parley.model.first_content"
#define NAME_EVENT_FIRST_OUTPUT "parley.client.first_output"
#define NAME_EVENT_LAST_OUTPUT  "parley.client.last_output"
#define NAME_EVENT_INTERRUPTION "parley.interruption"

/* Events of the log. */
#define NAME_EVENT_SESSION_OPEN "session.start"
#define NAME_EVENT_SESSION_END  "session.end"
#define NAME_EVENT_EXCEPTION    "gen_ai.client.operation.exception"

/* Attributes. */
#define NAME_OPERATION           "gen_ai.operation.name"
#define NAME_PROVIDER            "gen_ai.provider.name"
#define NAME_REQUEST_MODEL       "gen_ai.request.model"
#define NAME_RESPONSE_MODEL      "gen_ai.response.model"
#define NAME_RESPONSE_ID         "gen_ai.response.id"
#define NAME_FINISH_REASONS      "gen_ai.response.finish_reasons"
#define NAME_OUTPUT_TYPE         "gen_ai.output.type"
#define NAME_AGENT_NAME          "gen_ai.agent.name"
#define NAME_CONVERSATION_ID     "gen_ai.conversation.id"
#define NAME_REALTIME_SESSION_ID "gen_ai.realtime_session.id"
#define NAME_TOOL_NAME           "gen_ai.tool.name"
#define NAME_TOOL_CALL_ID        "gen_ai.tool.call.id"
#define NAME_TOOL_TYPE           "gen_ai.tool.type"
#define NAME_TOOL_ARGUMENTS      "gen_ai.tool.call.arguments"
#define NAME_TOOL_RESULT         "gen_ai.tool.call.result"
#define NAME_INPUT_MESSAGES      "gen_ai.input.messages"
#define NAME_OUTPUT_MESSAGES     "gen_ai.output.messages"
#define NAME_TOKEN_TYPE          "gen_ai.token.type"
#define NAME_TOKEN_MODALITY      "gen_ai.token.modality"
#define NAME_INPUT_TOKENS        "gen_ai.usage.input_tokens"
#define NAME_OUTPUT_TOKENS       "gen_ai.usage.output_tokens"
#define NAME_CACHED_TOKENS       "gen_ai.usage.cache_read.input_tokens"
#define NAME_TEXT_INPUT_TOKENS   "gen_ai.usage.text.input_tokens"
#define NAME_AUDIO_INPUT_TOKENS  "gen_ai.usage.audio.input_tokens"
#define NAME_IMAGE_INPUT_TOKENS  "gen_ai.usage.image.input_tokens"
#define NAME_TEXT_OUTPUT_TOKENS  "gen_ai.usage.text.output_tokens"
#define NAME_AUDIO_OUTPUT_TOKENS "gen_ai.usage.audio.output_tokens"
#define NAME_TEXT_CACHED_TOKENS  "gen_ai.usage.text.cache_read.input_tokens"
#define NAME_AUDIO_CACHED_TOKENS "gen_ai.usage.audio.cache_read.input_tokens"
#define NAME_IMAGE_CACHED_TOKENS "gen_ai.usage.image.cache_read.input_tokens"
#define NAME_SESSION_ID          "session.id"
#define NAME_USER_ID             "user.id"
#define NAME_ERROR_TYPE          "error.type"
#define NAME_EXCEPTION_TYPE      "exception.type"
#define NAME_EXCEPTION_MESSAGE   "exception.message"
#define NAME_TURN_NUMBER         "parley.turn.number"
#define NAME_TURN_TRIGGER        "parley.turn.trigger"
#define NAME_TURN_END_REASON     "parley.turn.end_reason"
#define NAME_RESPONSE_LATENCY    "parley.turn.response_latency"
#define NAME_MODEL_LATENCY       "parley.turn.model_latency"
#define NAME_AUDIO_SENT_MS       "parley.audio.sent_ms"
#define NAME_AUDIO_PLAYED_MS     "parley.audio.played_ms"
#define NAME_END_REASON          "parley.end_reason"
#define NAME_REJECT_REASON       "parley.reject_reason"
#define NAME_DROP_REASON         "parley.drop_reason"
#define NAME_RECONNECT_REASON    "parley.reconnect_reason"
#define NAME_DIRECTION           "parley.direction"
#define NAME_EVENT_KIND          "parley.event.kind"
#define NAME_STORE_OPERATION     "parley.store.operation"
#define NAME_TOOLS_SECTION       "parley.tools.section"
#define NAME_SPEECH_OUTCOME      "parley.speech.outcome"
#define NAME_PLUGIN              "parley.plugin.name"
#define NAME_PLUGIN_INSTANCE     "parley.plugin.instance"
#define NAME_PLUGIN_CALLBACK     "parley.plugin.callback"
#define NAME_COMPONENT_NAME      "otel.component.name"
#define NAME_HTTP_METHOD         "http.request.method"
#define NAME_HTTP_ROUTE          "http.route"
#define NAME_HTTP_STATUS         "http.response.status_code"

#endif
