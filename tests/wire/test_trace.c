/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "recording.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <parley/exporter.h>

/* What an operator sees of a session: its turns as spans, and numbers. */

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

#define ADDED(id)                                                                                  \
    "{'type':'response.output_item.added','event_id':'e','response_id':'" id                       \
    "','output_index':0,'item':{'id':'item_a','type':'message','role':'assistant','status':'in_"   \
    "progress','content':[]}}"
#define TEXT(id)                                                                                   \
    "{'type':'response.output_text.delta','event_id':'e','response_id':'" id                       \
    "','item_id':'item_a','output_index':0,'content_index':0,'delta':'Five.'}"
#define FIVE "{'id':'item_a','type':'message','content':[{'type':'output_text','text':'Five.'}]}"
#define SPEECH_STARTED                                                                             \
    "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':0,'item_id':'u'}"
#define SPEECH_STOPPED                                                                             \
    "{'type':'input_audio_buffer.speech_stopped','event_id':'e','audio_end_ms':900,'item_id':'u'}"

/* ---- the model's side ---- */

static void say(struct wire *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct wire *w, const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    wire_model(w, text.data);
    buf_done(&text);
}

static void created(struct wire *w, const char *id)
{
    say(w,
        "{'type':'response.created','event_id':'e','response':{'object':'realtime.response','id':"
        "'%s','status':'in_progress','output':[],'conversation_id':'c'}}",
        id);
}

/* 20 tokens in, of which 5 are cached, and 4 out. */
static void done(struct wire *w, const char *id, const char *status, const char *details,
                 const char *output)
{
    say(w,
        "{'type':'response.done','event_id':'e','response':{'object':'realtime.response','id':'%s',"
        "'status':'%s','status_details':%s,'output':[%s],'conversation_id':'c','output_modalities':"
        "['text'],'usage':{'total_tokens':24,'input_tokens':20,'output_tokens':4,"
        "'input_token_details':{'text_tokens':15,'audio_tokens':5,'image_tokens':0,"
        "'cached_tokens':5,'cached_tokens_details':{'text_tokens':5,'audio_tokens':0,"
        "'image_tokens':0}},'output_token_details':{'text_tokens':4,'audio_tokens':0}}}}",
        id, status, details, output);
}

static void calls(struct wire *w, const char *response, const char *call, const char *name)
{
    static const char *const steps[] = {"added", "done"};
    static const char *const states[] = {"in_progress", "completed"};

    for (int i = 0; i < 2; i++)
        say(w,
            "{'type':'response.output_item.%s','event_id':'e','response_id':'%s','output_index':0,"
            "'item':{'id':'item_%s','object':'realtime.item','type':'function_call','status':'%s',"
            "'call_id':'%s','name':'%s','arguments':'{\\'q\\':\\'secret\\'}'}}",
            steps[i], response, call, states[i], call, name);
}

/* So many milliseconds of silence. */
static void speaks(struct wire *w, const char *response, int ms)
{
    struct buf event = {0};

    buf_printf(&event,
               "{'type':'response.output_audio.delta','event_id':'e','response_id':'%s','item_id':"
               "'item_a','output_index':0,'content_index':0,'delta':'",
               response);
    for (int i = 0; i < ms * 48 / 3; i++)
        buf_append_str(&event, "AAAA");
    buf_append_str(&event, "'}");
    wire_model(w, event.data);
    buf_done(&event);
}

static void requested(struct wire *w)
{
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
}

/* ---- what was recorded ---- */

static const json_t *span_at(struct wire *w, size_t i)
{
    const json_t *span = json_array_get(recording_spans(wire_recording(w)), i);

    if (span == NULL)
        fail_msg("there is no span %zu", i);
    return span;
}

static size_t span_count(struct wire *w)
{
    return json_array_size(recording_spans(wire_recording(w)));
}

static const json_t *attr(const json_t *span, const char *key)
{
    return json_object_get(json_object_get(span, "attrs"), key);
}

static void has(const json_t *span, const char *key, const char *value)
{
    const json_t *have = attr(span, key);

    if (!json_is_string(have) || strcmp(json_string_value(have), value) != 0)
        fail_msg("%s is %s, not %s", key, json_is_string(have) ? json_string_value(have) : "absent",
                 value);
}

static void has_int(const json_t *span, const char *key, int64_t value)
{
    assert_true(json_is_integer(attr(span, key)));
    assert_int_equal(json_integer_value(attr(span, key)), value);
}

static void has_seconds(const json_t *span, const char *key, double value)
{
    assert_true(json_is_real(attr(span, key)));
    assert_float_equal(json_real_value(attr(span, key)), value, 0.0005);
}

static void is_named(const json_t *span, const char *name)
{
    assert_string_equal(wire_text(span, "name"), name);
}

static void lasts(const json_t *span, int64_t from_ms, int64_t to_ms)
{
    assert_int_equal(json_get_int(span, "start_ms", -1), from_ms);
    assert_int_equal(json_get_int(span, "end_ms", -1), to_ms);
}

static void happened(const json_t *span, const char *event, int64_t ms)
{
    assert_int_equal(json_get_int(json_object_get(span, "events"), event, -1), ms);
}

static void is_child(const json_t *span, const json_t *parent)
{
    assert_string_equal(wire_text(span, "parent"), wire_text(parent, "id"));
    assert_string_equal(wire_text(span, "trace"), wire_text(parent, "trace"));
}

static double value(struct wire *w, const char *metric, const char *key, const char *of)
{
    return recording_value(wire_recording(w), metric, key, of);
}

/* A recorded session whose first span, of the connection, is at 0. */
static struct wire *opened(const char *agent_lines)
{
    wire_record(false, "");
    return wire_open(agent_lines);
}

/* ---- tests ---- */

static void opening_the_model_is_a_span_of_its_own(void **state)
{
    (void)state;
    wire_record(false, "");
    struct wire *w = wire_connect("");

    wire_advance_ms(w, 120);
    wire_model_created(w);
    const json_t *connect = span_at(w, 0);
    is_named(connect, "parley.backend.connect");
    assert_int_equal(json_get_int(connect, "kind", 0), PARLEY_SPAN_CLIENT);
    assert_int_equal(json_get_int(connect, "status", 9), PARLEY_SPAN_UNSET);
    lasts(connect, 0, 120);
    has(connect, "gen_ai.agent.name", "test");
    has(connect, "gen_ai.request.model", "m");
    has(connect, "gen_ai.provider.name", "wire_model_plugin");
    assert_non_null(strstr(wire_model_traceparent(w), wire_text(connect, "id")));
    assert_true(value(w, "parley.backend.connect.duration", NULL, NULL) == 1);
    assert_true(value(w, "parley.session.active", "gen_ai.agent.name", "test") == 1);
    wire_close(w);
}

static const json_t *last_span(struct wire *w)
{
    return span_at(w, span_count(w) - 1);
}

static void a_model_that_takes_over_has_a_span_with_the_reason(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", ""), "a, b");
    struct wire *w = opened("");

    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true); /* a rests, so soon */
    wire_advance_ms(w, 50);
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1011, "overloaded", true); /* b will not */
    const json_t *refused = last_span(w);
    is_named(refused, "parley.backend.connect");
    assert_int_equal(json_get_int(refused, "status", 0), PARLEY_SPAN_ERROR);
    has(refused, "error.type", "overloaded");
    has(refused, "gen_ai.request.model", "b");
    lasts(refused, 0, 50);
    wire_advance_ms(w, 30);
    wire_model_created(w);
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    const json_t *taken = last_span(w);
    is_named(taken, "parley.backend.connect");
    assert_int_equal(json_get_int(taken, "status", 9), PARLEY_SPAN_UNSET);
    has(taken, "parley.reconnect_reason", "error");
    assert_non_null(strstr(wire_model_traceparent(w), wire_text(taken, "id")));
    wire_close(w);
}

static void a_model_that_takes_over_in_a_turn_is_below_that_turn(void **state)
{
    (void)state;
    struct wire *w = opened("");

    wire_client(w, "{'type':'response.create'}");
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true);
    wire_model_created(w);
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    created(w, "resp_1");
    done(w, "resp_1", "completed", "null", "");
    wire_advance_ms(w, 60000);
    const json_t *turn = NULL, *connect = NULL;
    for (size_t i = 0; i < span_count(w); i++) {
        const json_t *span = span_at(w, i);
        if (strncmp(wire_text(span, "name"), "invoke_agent", 12) == 0)
            turn = span;
        if (attr(span, "parley.reconnect_reason") != NULL)
            connect = span;
    }
    assert_non_null(turn);
    assert_non_null(connect);
    is_child(connect, turn);
    wire_close(w);
}

/* The user has spoken, the answer has begun, and its model is lost: another is asked for it. */
static struct wire *lost_in_mid_answer(void)
{
    struct wire *w = opened("");

    wire_model(w, SPEECH_STARTED);
    wire_model(w, SPEECH_STOPPED);
    created(w, "resp_1");
    wire_model(w, ADDED("resp_1"));
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "gone", true);
    wire_model_created(w);
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    wire_advance_ms(w, 700);
    created(w, "resp_2");
    wire_model(w, TEXT("resp_2"));
    return w;
}

static void a_turn_goes_on_with_the_model_that_takes_over(void **state)
{
    struct wire *w = lost_in_mid_answer();

    (void)state;
    done(w, "resp_2", "completed", "null", FIVE);
    const json_t *turn = last_span(w);
    is_named(turn, "invoke_agent test");
    has(turn, "parley.turn.trigger", "speech");
    has(turn, "parley.turn.end_reason", "completed");
    has_int(turn, "parley.turn.number", 1);
    assert_true(value(w, "parley.turn.count", NULL, NULL) == 1);
    assert_true(recording_sum(wire_recording(w), "parley.turn.response_latency", NULL, NULL) >=
                0.7);
    wire_close(w);
}

static void a_failure_that_a_model_made_good_is_none_of_the_turn(void **state)
{
    struct wire *w = lost_in_mid_answer();

    (void)state;
    wire_client_leaves(w);
    const json_t *turn = last_span(w);
    is_named(turn, "invoke_agent test");
    has(turn, "parley.turn.end_reason", "closed");
    assert_int_equal(json_get_int(turn, "status", 9), PARLEY_SPAN_UNSET);
    wire_close(w);
}

static void a_model_that_does_not_begin_fails_the_turn(void **state)
{
    struct wire *w = opened("");

    (void)state;
    requested(w);
    wire_advance_ms(w, 120000);
    const json_t *turn = last_span(w);
    is_named(turn, "invoke_agent test");
    has(turn, "parley.turn.end_reason", "failed");
    has(turn, "error.type", "model_silent");
    assert_true(value(w, "parley.turn.count", "parley.turn.end_reason", "failed") == 1);
    wire_close(w);
}

static void a_request_that_the_model_refuses_fails_the_turn(void **state)
{
    struct wire *w = opened("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    const char *id = wire_text(wire_model_gets(w, "response.create"), "event_id");
    say(w,
        "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':"
        "'rate_limit_exceeded','message':'no','event_id':'%s'}}",
        id);
    const json_t *turn = last_span(w);
    is_named(turn, "invoke_agent test");
    has(turn, "error.type", "rate_limit_exceeded");
    assert_true(value(w, "parley.turn.count", "parley.turn.end_reason", "failed") == 1);
    wire_close(w);
}

static void a_session_that_ends_meanwhile_ends_the_span(void **state)
{
    (void)state;
    struct wire *w = opened("");

    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true);
    wire_client_leaves(w);
    has(last_span(w), "error.type", "abandoned");
    wire_close(w);
}

static void a_model_that_cannot_be_opened_fails_its_span(void **state)
{
    (void)state;
    wire_record(false, "");
    struct wire *w = wire_connect("");

    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 0, "invalid_api_key", false);
    const json_t *connect = span_at(w, 0);
    assert_int_equal(json_get_int(connect, "status", 0), PARLEY_SPAN_ERROR);
    has(connect, "error.type", "invalid_api_key");
    assert_true(value(w, "parley.backend.connect.duration", "error.type", "invalid_api_key") == 1);
    assert_true(value(w, "parley.backend.errors", "error.type", "invalid_api_key") == 1);
    assert_true(value(w, "parley.session.duration", "parley.end_reason", "error") == 1);
    assert_true(value(w, "parley.session.active", NULL, NULL) == 0);
    wire_close(w);
}

static void a_written_turn_is_a_root_with_its_answer(void **state)
{
    struct wire *w = opened("");

    (void)state;
    wire_advance_ms(w, 1000);
    requested(w);
    wire_advance_ms(w, 100);
    created(w, "resp_1");
    wire_model(w, ADDED("resp_1"));
    wire_advance_ms(w, 150);
    wire_model(w, TEXT("resp_1"));
    wire_advance_ms(w, 50);
    done(w, "resp_1", "completed", "null", FIVE);

    assert_int_equal(span_count(w), 3);
    const json_t *answer = span_at(w, 1);
    const json_t *root = span_at(w, 2);
    is_named(root, "invoke_agent test");
    assert_string_equal(wire_text(root, "parent"), "");
    assert_int_equal(json_get_int(root, "kind", 0), PARLEY_SPAN_INTERNAL);
    lasts(root, 1000, 1300);
    has(root, "gen_ai.operation.name", "invoke_agent");
    has(root, "gen_ai.agent.name", "test");
    has(root, "session.id", session_id(wire_session(w)));
    has(root, "gen_ai.conversation.id", session_id(wire_session(w)));
    has(root, "user.id", "tester");
    has(root, "parley.turn.trigger", "text");
    has(root, "parley.turn.end_reason", "completed");
    has_int(root, "parley.turn.number", 1);
    has_seconds(root, "parley.turn.response_latency", 0.25);
    has_seconds(root, "parley.turn.model_latency", 0.25);
    has_int(root, "gen_ai.usage.input_tokens", 20);
    has_int(root, "gen_ai.usage.cache_read.input_tokens", 5);
    has_int(root, "gen_ai.usage.output_tokens", 4);
    happened(root, "parley.client.first_output", 1250);
    happened(root, "parley.client.last_output", 1300);

    is_child(answer, root);
    is_named(answer, "realtime_inference m");
    assert_int_equal(json_get_int(answer, "kind", 0), PARLEY_SPAN_CLIENT);
    lasts(answer, 1100, 1300);
    has(answer, "gen_ai.operation.name", "realtime_inference");
    has(answer, "gen_ai.provider.name", "wire_model_plugin");
    has(answer, "gen_ai.request.model", "m");
    has(answer, "gen_ai.realtime_session.id", "sess_model");
    has(answer, "gen_ai.response.model", "wire-1");
    has(answer, "gen_ai.response.id", "resp_1");
    has(answer, "gen_ai.response.finish_reasons", "completed");
    has(answer, "gen_ai.output.type", "text");
    has_int(answer, "gen_ai.usage.audio.input_tokens", 5);
    happened(answer, "parley.model.first_content", 1250);

    assert_true(value(w, "parley.turn.count", "parley.turn.end_reason", "completed") == 1);
    assert_true(value(w, "gen_ai.invoke_agent.duration", NULL, NULL) == 1);
    assert_true(value(w, "gen_ai.client.operation.duration", NULL, NULL) == 1);
    assert_float_equal(recording_sum(wire_recording(w), "parley.turn.response_latency", NULL, NULL),
                       0.25, 0.0005);
    assert_true(value(w, "gen_ai.client.inference.usage.detailed.input_tokens",
                      "gen_ai.token.modality", "text") == 15);
    wire_close(w);
}

static void a_spoken_turn_counts_from_the_end_of_the_speech(void **state)
{
    struct wire *w = opened("vad_silence_ms = 500");

    (void)state;
    wire_advance_ms(w, 1000);
    wire_model(w, SPEECH_STARTED);
    wire_advance_ms(w, 2000);
    wire_model(w, SPEECH_STOPPED);
    wire_advance_ms(w, 100);
    created(w, "resp_1");
    wire_model(w, ADDED("resp_1"));
    wire_advance_ms(w, 200);
    speaks(w, "resp_1", 1000);
    done(w, "resp_1", "completed", "null", "");

    assert_int_equal(span_count(w), 2); /* its audio still plays */
    wire_advance_ms(w, 1100);
    assert_int_equal(span_count(w), 3);
    const json_t *root = span_at(w, 2);
    lasts(root, 2500, 3300);
    has(root, "parley.turn.trigger", "speech");
    has(root, "parley.turn.end_reason", "completed");
    has_seconds(root, "parley.turn.response_latency", 0.8);
    has_int(root, "parley.audio.sent_ms", 1000);
    happened(root, "parley.speech.start", 1000);
    happened(root, "parley.speech.end", 2500);
    happened(root, "parley.client.first_output", 3300);
    assert_float_equal(value(w, "parley.audio.duration", "parley.direction", "out"), 1, 0.001);
    wire_close(w);
}

/* Recorded speech may come in a burst. */
static void speech_does_not_end_before_it_began(void **state)
{
    struct wire *w = opened("vad_silence_ms = 500");

    (void)state;
    wire_advance_ms(w, 1000);
    wire_model(w, SPEECH_STARTED);
    wire_advance_ms(w, 30);
    wire_model(w, SPEECH_STOPPED);
    created(w, "resp_1");
    wire_advance_ms(w, 200);
    wire_model(w, ADDED("resp_1"));
    wire_model(w, TEXT("resp_1"));
    done(w, "resp_1", "completed", "null", FIVE);
    const json_t *root = span_at(w, 2);
    happened(root, "parley.speech.start", 1000);
    happened(root, "parley.speech.end", 1000);
    lasts(root, 1000, 1230);
    has_seconds(root, "parley.turn.response_latency", 0.23);
    wire_close(w);
}

static void tools_are_spans_between_the_answers(void **state)
{
    struct wire *w = opened("tools = t");

    (void)state;
    requested(w);
    created(w, "resp_1");
    wire_advance_ms(w, 100);
    calls(w, "resp_1", "call_1", "slow");
    assert_int_equal(wire_tool_calls(w), 1);
    done(w, "resp_1", "completed", "null", "");
    wire_advance_ms(w, 300);
    wire_tool_ends(w, 0, "the secret result");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    created(w, "resp_2");
    wire_advance_ms(w, 50);
    wire_model(w, ADDED("resp_2"));
    wire_model(w, TEXT("resp_2"));
    done(w, "resp_2", "completed", "null", FIVE);

    assert_int_equal(span_count(w), 5);
    const json_t *tool = span_at(w, 2);
    const json_t *root = span_at(w, 4);
    is_named(root, "invoke_agent test");
    is_child(span_at(w, 1), root);
    is_child(tool, root);
    is_child(span_at(w, 3), root);
    is_named(tool, "execute_tool slow");
    assert_int_equal(json_get_int(tool, "kind", 0), PARLEY_SPAN_INTERNAL);
    assert_int_equal(json_get_int(tool, "status", 9), PARLEY_SPAN_UNSET);
    lasts(tool, 100, 400);
    lasts(root, 0, 450);
    has(tool, "gen_ai.operation.name", "execute_tool");
    has(tool, "gen_ai.tool.name", "slow");
    has(tool, "gen_ai.tool.call.id", "call_1");
    has(tool, "gen_ai.tool.type", "function");
    has_int(root, "gen_ai.usage.input_tokens", 40);
    has_seconds(root, "parley.turn.response_latency", 0.45);
    assert_true(value(w, "gen_ai.execute_tool.duration", "gen_ai.tool.name", "slow") == 1);

    char *all = json_dumps(recording_spans(wire_recording(w)), 0);
    assert_null(strstr(all, "secret"));
    assert_null(strstr(all, "Five"));
    free(all);
    wire_close(w);
}

/* A turn with a call, of a client with a trace of its own. */
static struct wire *turn_of_a_client_with_a_trace(enum telemetry_joining joining)
{
    wire_record(false, "00-" TRACE "-" PARENT "-01");
    wire_tracestate("vendor=a1");
    wire_traces(joining);
    struct wire *w = wire_open("tools = t");

    requested(w);
    created(w, "resp_1");
    calls(w, "resp_1", "call_1", "slow");
    done(w, "resp_1", "completed", "null", "");
    wire_client_leaves(w);
    return w;
}

static void tools_and_model_get_the_context_of_their_span_below_the_clients(void **state)
{
    (void)state;
    struct wire *w = turn_of_a_client_with_a_trace(TELEMETRY_JOIN);
    const json_t *root = last_span(w);

    is_named(root, "invoke_agent test");
    assert_string_equal(wire_text(root, "trace"), TRACE);
    assert_string_equal(wire_text(root, "parent"), PARENT);
    assert_string_equal(wire_text(span_at(w, 0), "parent"), PARENT);
    char expected[64];
    const json_t *tool = NULL;
    for (size_t i = 0; i < span_count(w) && tool == NULL; i++) {
        if (strcmp(wire_text(span_at(w, i), "name"), "execute_tool slow") == 0)
            tool = span_at(w, i);
    }
    assert_non_null(tool);
    assert_string_equal(wire_text(tool, "parent"), wire_text(root, "id"));
    (void)snprintf(expected, sizeof(expected), "00-%s-%s-01", TRACE, wire_text(tool, "id"));
    assert_string_equal(wire_tool_traceparent(w, 0), expected);
    wire_close(w);
}

static void a_client_s_trace_is_passed_over_where_traces_begin_here(void **state)
{
    (void)state;
    struct wire *w = turn_of_a_client_with_a_trace(TELEMETRY_BEGIN);
    const json_t *root = last_span(w);

    is_named(root, "invoke_agent test");
    assert_string_not_equal(wire_text(root, "trace"), TRACE);
    assert_string_equal(wire_text(root, "parent"), "");
    assert_non_null(strstr(wire_tool_traceparent(w, 0), wire_text(root, "trace")));
    assert_null(strstr(wire_model_traceparent(w), TRACE));
    assert_string_not_equal(wire_model_traceparent(w), "");
    assert_string_equal(wire_model_tracestate(w), "");
    wire_close(w);
}

static void nobody_is_told_of_a_trace_where_they_stay_here(void **state)
{
    (void)state;
    struct wire *w = turn_of_a_client_with_a_trace(TELEMETRY_ALONE);

    assert_string_not_equal(wire_text(last_span(w), "trace"), TRACE);
    assert_string_equal(wire_tool_traceparent(w, 0), "");
    assert_string_equal(wire_model_tracestate(w), "");
    assert_string_equal(wire_model_traceparent(w), "");
    wire_close(w);
}

static void a_failed_tool_fails_its_span_and_not_the_turn(void **state)
{
    struct wire *w = opened("tools = t");

    (void)state;
    requested(w);
    created(w, "resp_1");
    calls(w, "resp_1", "call_1", "slow");
    done(w, "resp_1", "completed", "null", "");
    wire_tool_fails(w, 0, "The secret drawer is stuck.");
    created(w, "resp_2");
    done(w, "resp_2", "completed", "null", FIVE);

    const json_t *tool = span_at(w, 2);
    is_named(tool, "execute_tool slow");
    assert_int_equal(json_get_int(tool, "status", 0), PARLEY_SPAN_ERROR);
    has(tool, "error.type", "failed");
    assert_null(strstr(wire_text(tool, "message"), "secret"));
    assert_int_equal(json_get_int(span_at(w, 4), "status", 9), PARLEY_SPAN_UNSET);
    assert_true(value(w, "gen_ai.execute_tool.duration", "error.type", "failed") == 1);
    wire_close(w);
}

static void speech_into_an_answer_interrupts_its_turn(void **state)
{
    struct wire *w = opened("");

    (void)state;
    requested(w);
    created(w, "resp_1");
    wire_model(w, ADDED("resp_1"));
    speaks(w, "resp_1", 2000);
    wire_advance_ms(w, 700);
    wire_model(w, SPEECH_STARTED);
    wire_advance_ms(w, 30);
    speaks(w, "resp_1", 100);
    done(w, "resp_1", "cancelled", "{'type':'cancelled','reason':'turn_detected'}", "");

    const json_t *answer = span_at(w, 1);
    const json_t *root = span_at(w, 2);
    has(answer, "gen_ai.response.finish_reasons", "turn_detected");
    assert_int_equal(json_get_int(answer, "status", 9), PARLEY_SPAN_UNSET);
    assert_int_equal(json_get_int(root, "status", 9), PARLEY_SPAN_UNSET);
    has(root, "parley.turn.end_reason", "interrupted");
    happened(root, "parley.interruption", 700);
    has_int(root, "parley.audio.played_ms", 700);
    has_int(root, "parley.audio.sent_ms", 2100);
    assert_true(value(w, "parley.turn.count", "parley.turn.end_reason", "interrupted") == 1);
    assert_float_equal(
        recording_sum(wire_recording(w), "parley.turn.interruption.stop_latency", NULL, NULL), 0.03,
        0.0005);
    wire_close(w);
}

static void speech_into_what_still_plays_interrupts_the_turn_too(void **state)
{
    struct wire *w = opened("");

    (void)state;
    requested(w);
    created(w, "resp_1");
    wire_model(w, ADDED("resp_1"));
    speaks(w, "resp_1", 5000);
    done(w, "resp_1", "completed", "null", "");
    wire_advance_ms(w, 1200);
    wire_model(w, SPEECH_STARTED);

    const json_t *root = span_at(w, 2);
    has(root, "parley.turn.end_reason", "interrupted");
    happened(root, "parley.interruption", 1200);
    has_int(root, "parley.audio.played_ms", 1200);
    lasts(root, 0, 0);
    const char *latency = "parley.turn.interruption.stop_latency"; /* nothing was left to send */
    assert_float_equal(recording_value(wire_recording(w), latency, NULL, NULL), 1, 0);
    assert_float_equal(recording_sum(wire_recording(w), latency, NULL, NULL), 0, 0);
    wire_close(w);
}

static void an_answer_that_ends_after_the_next_turn_began_stays_with_its_own(void **state)
{
    struct wire *w = opened("vad_silence_ms = 200");

    (void)state;
    requested(w);
    created(w, "resp_1");
    wire_model(w, ADDED("resp_1"));
    speaks(w, "resp_1", 2000);
    wire_advance_ms(w, 500);
    wire_model(w, SPEECH_STARTED);
    wire_advance_ms(w, 800);
    wire_model(w, SPEECH_STOPPED);
    assert_int_equal(span_count(w), 1);
    done(w, "resp_1", "cancelled", "{'type':'cancelled','reason':'turn_detected'}", "");
    assert_int_equal(span_count(w), 3);
    is_child(span_at(w, 1), span_at(w, 2));
    lasts(span_at(w, 2), 0, 1300);
    has(span_at(w, 2), "parley.turn.end_reason", "interrupted");
    has_int(span_at(w, 2), "gen_ai.usage.input_tokens", 20);
    created(w, "resp_2");
    done(w, "resp_2", "completed", "null", FIVE);
    has_int(span_at(w, 4), "parley.turn.number", 2);
    has_int(span_at(w, 4), "gen_ai.usage.input_tokens", 20);
    is_child(span_at(w, 3), span_at(w, 4));
    wire_close(w);
}

static void a_tool_that_outlives_its_turn_keeps_the_root_until_its_end(void **state)
{
    struct wire *w = opened("tools = t\nt.on_interrupt = keep");

    (void)state;
    requested(w);
    created(w, "resp_1");
    calls(w, "resp_1", "call_1", "slow");
    done(w, "resp_1", "completed", "null", "");
    wire_advance_ms(w, 100);
    wire_model(w, SPEECH_STARTED); /* the user does not wait */
    wire_advance_ms(w, 400);
    assert_int_equal(span_count(w), 2);
    wire_tool_ends(w, 0, "late");
    assert_int_equal(span_count(w), 4);
    is_named(span_at(w, 2), "execute_tool slow");
    lasts(span_at(w, 2), 0, 500);
    is_child(span_at(w, 2), span_at(w, 3));
    lasts(span_at(w, 3), 0, 100);
    has(span_at(w, 3), "parley.turn.end_reason", "interrupted");
    wire_close(w);
}

static void speech_that_goes_on_before_an_answer_is_one_turn(void **state)
{
    struct wire *w = opened("");

    (void)state;
    wire_model(w, SPEECH_STARTED);
    wire_model(w, SPEECH_STOPPED);
    wire_model(w, SPEECH_STARTED);
    wire_model(w, SPEECH_STOPPED);
    created(w, "resp_1");
    done(w, "resp_1", "completed", "null", FIVE);
    assert_int_equal(span_count(w), 3);
    assert_true(value(w, "parley.turn.count", NULL, NULL) == 1);
    wire_close(w);
}

static void a_failed_answer_fails_its_turn(void **state)
{
    struct wire *w = opened("");

    (void)state;
    requested(w);
    created(w, "resp_1");
    done(w, "resp_1", "failed",
         "{'type':'failed','error':{'type':'server_error','code':'overloaded','message':'Busy.'}}",
         "");
    has(span_at(w, 1), "error.type", "overloaded");
    has(span_at(w, 2), "error.type", "overloaded");
    assert_string_equal(wire_text(span_at(w, 2), "message"), "Busy.");
    has(span_at(w, 2), "parley.turn.end_reason", "failed");
    assert_true(value(w, "gen_ai.client.operation.duration", "error.type", "overloaded") == 1);
    assert_true(value(w, "parley.backend.errors", "error.type", "overloaded") == 1);
    wire_close(w);
}

static void a_model_that_leaves_in_mid_turn_fails_it(void **state)
{
    struct wire *w = opened("tools = t\nreconnect_ms = 0");

    (void)state;
    requested(w);
    created(w, "resp_1");
    calls(w, "resp_1", "call_1", "slow");
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "connection_lost", true);
    assert_int_equal(span_count(w), 4);
    has(span_at(w, 1), "error.type", "connection_lost");
    has(span_at(w, 2), "error.type", "cancelled");
    const json_t *root = span_at(w, 3);
    is_child(span_at(w, 1), root);
    is_child(span_at(w, 2), root);
    has(root, "parley.turn.end_reason", "failed");
    has(root, "error.type", "connection_lost");
    wire_close(w);
}

static void a_client_that_leaves_in_mid_turn_leaves_no_span_behind(void **state)
{
    struct wire *w = opened("tools = t");

    (void)state;
    requested(w);
    created(w, "resp_1");
    calls(w, "resp_1", "call_1", "slow");
    done(w, "resp_1", "completed", "null", "");
    created(w, "resp_2");
    wire_client_leaves(w);
    const json_t *root = span_at(w, span_count(w) - 1);
    is_named(root, "invoke_agent test");
    has(root, "parley.turn.end_reason", "closed");
    assert_int_equal(json_get_int(root, "status", 9), PARLEY_SPAN_UNSET);
    assert_true(value(w, "parley.session.duration", "parley.end_reason", "client") == 1);
    wire_close(w); /* counts the spans */
}

static void a_session_that_dies_while_connecting_leaves_no_span_behind(void **state)
{
    (void)state;
    wire_record(false, "");
    struct wire *w = wire_connect("");

    wire_client_leaves(w);
    has(span_at(w, 0), "error.type", "abandoned");
    wire_close(w);
}

static void an_answer_outside_the_conversation_is_a_span_without_a_turn(void **state)
{
    struct wire *w = opened("");

    (void)state;
    wire_client(w, "{'type':'response.create','response':{'conversation':'none'}}");
    wire_model(w, "{'type':'response.created','event_id':'e','response':{'id':'resp_x','status':'"
                  "in_progress','output':[],'conversation_id':null}}");
    done(w, "resp_x", "completed", "null", FIVE);
    assert_int_equal(span_count(w), 2);
    assert_string_equal(wire_text(span_at(w, 1), "parent"), "");
    assert_true(value(w, "parley.turn.count", NULL, NULL) == 0);
    wire_close(w);
}

static void content_is_kept_when_it_is_switched_on(void **state)
{
    (void)state;
    wire_record(true, "");
    struct wire *w = wire_open("tools = t");

    wire_client(w, "{'type':'conversation.item.create','item':{'type':'message','role':'user','"
                   "content':[{'type':'input_text','text':'two and three?'}]}}");
    (void)wire_model_gets(w, "conversation.item.create");
    requested(w);
    created(w, "resp_1");
    calls(w, "resp_1", "call_1", "slow");
    done(w, "resp_1", "completed", "null", "");
    wire_tool_ends(w, 0, "5");
    created(w, "resp_2");
    done(w, "resp_2", "completed", "null", FIVE);
    has(span_at(w, 2), "gen_ai.tool.call.arguments", "{\"q\":\"secret\"}");
    has(span_at(w, 2), "gen_ai.tool.call.result", "5");
    const json_t *root = span_at(w, 4);
    has(root, "gen_ai.input.messages",
        "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"two and three?\"}]}]");
    has(root, "gen_ai.output.messages",
        "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"Five.\"}]}]");
    wire_close(w);
}

static void what_was_said_before_the_speech_went_on_is_part_of_the_turn(void **state)
{
    static const char *const words[] = {"My number", "is five."};

    (void)state;
    wire_record(true, "");
    struct wire *w = wire_open("");
    for (int i = 0; i < 2; i++) {
        wire_model(w, SPEECH_STARTED);
        wire_model(w, SPEECH_STOPPED);
        say(w,
            "{'type':'conversation.item.input_audio_transcription.completed','event_id':'e',"
            "'item_id':'u','content_index':0,'transcript':'%s'}",
            words[i]);
    }
    created(w, "resp_1");
    done(w, "resp_1", "completed", "null", FIVE);
    assert_non_null(strstr(json_string_value(attr(span_at(w, 2), "gen_ai.input.messages")),
                           "My number is five."));
    wire_close(w);
}

static void what_began_a_turn_is_told(void **state)
{
    struct wire *w = opened("greeting = Say hello.");

    (void)state;
    created(w, "resp_1");
    done(w, "resp_1", "completed", "null", FIVE);
    has(span_at(w, 2), "parley.turn.trigger", "greeting");
    created(w, "resp_2"); /* the model by itself */
    done(w, "resp_2", "completed", "null", FIVE);
    has(span_at(w, 4), "parley.turn.trigger", "model");
    wire_client(w, "{'type':'conversation.item.create','item':{'type':'function_call_output','"
                   "call_id':'call_9','output':'5'}}");
    wire_client(w, "{'type':'response.create'}");
    created(w, "resp_3");
    done(w, "resp_3", "completed", "null", FIVE);
    has(span_at(w, 6), "parley.turn.trigger", "tools");
    has_int(span_at(w, 6), "parley.turn.number", 3);
    wire_close(w);
}

static void events_and_audio_are_counted(void **state)
{
    struct wire *w = opened("");

    (void)state;
    for (int i = 0; i < 3; i++)
        wire_client(w, "{'type':'input_audio_buffer.append','audio':'AAAAAAAAAAAAAAAA'}");
    wire_client(w, "{'type':'input_audio_buffer.clear'}");
    wire_client(w, "{'type':'something.new'}");
    wire_client_leaves(w);
    assert_true(value(w, "parley.events", "parley.event.kind", "hot") == 3);
    assert_true(value(w, "parley.events", "parley.event.kind", "known") == 1);
    assert_true(value(w, "parley.events", "parley.event.kind", "unknown") == 1);
    assert_float_equal(value(w, "parley.audio.duration", "parley.direction", "in"), 36.0 / 48000,
                       0.000001);
    wire_close(w);
}

/* What is dropped are events, of which the audio is only a part. */
static void dropped_audio_is_counted_without_what_is_around_it(void **state)
{
    struct wire *w = opened("output_format = audio/pcmu");

    (void)state;
    requested(w);
    created(w, "resp_1");
    wire_model(w, ADDED("resp_1"));
    wire_client_forget(w);
    wire_model(w, "{'type':'response.output_audio.delta','event_id':'e','response_id':'resp_1','"
                  "item_id':'item_a','output_index':0,'content_index':0,'delta':'AAAAAAAAAAAAAAAA"
                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}"); /* 48 bytes */
    char *event = json_dumps(wire_client_gets(w, "response.output_audio.delta"), JSON_COMPACT);
    session_client_dropped(wire_session(w), 1, strlen(event));
    free(event);
    assert_float_equal(value(w, "parley.audio.dropped", "parley.direction", "out"), 0.006, 1e-6);
    wire_close(w);
}

static void the_store_is_timed(void **state)
{
    struct wire *w = opened("store = s");

    (void)state;
    wire_store_fails(w);
    wire_model(w, "{'type':'conversation.item.done','event_id':'e','previous_item_id':null,'item':{"
                  "'id':'item_u','type':'message','role':'user','content':[]}}");
    assert_true(value(w, "parley.store.operation.duration", "parley.store.operation", "create") ==
                1);
    assert_true(value(w, "parley.store.operation.duration", "error.type", "failed") == 1);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_the_model_is_a_span_of_its_own),
        cmocka_unit_test(a_model_that_cannot_be_opened_fails_its_span),
        cmocka_unit_test(a_model_that_takes_over_has_a_span_with_the_reason),
        cmocka_unit_test(a_model_that_takes_over_in_a_turn_is_below_that_turn),
        cmocka_unit_test(a_turn_goes_on_with_the_model_that_takes_over),
        cmocka_unit_test(a_failure_that_a_model_made_good_is_none_of_the_turn),
        cmocka_unit_test(a_model_that_does_not_begin_fails_the_turn),
        cmocka_unit_test(a_request_that_the_model_refuses_fails_the_turn),
        cmocka_unit_test(a_session_that_ends_meanwhile_ends_the_span),
        cmocka_unit_test(a_written_turn_is_a_root_with_its_answer),
        cmocka_unit_test(a_spoken_turn_counts_from_the_end_of_the_speech),
        cmocka_unit_test(speech_does_not_end_before_it_began),
        cmocka_unit_test(tools_are_spans_between_the_answers),
        cmocka_unit_test(tools_and_model_get_the_context_of_their_span_below_the_clients),
        cmocka_unit_test(a_failed_tool_fails_its_span_and_not_the_turn),
        cmocka_unit_test(speech_into_an_answer_interrupts_its_turn),
        cmocka_unit_test(speech_into_what_still_plays_interrupts_the_turn_too),
        cmocka_unit_test(an_answer_that_ends_after_the_next_turn_began_stays_with_its_own),
        cmocka_unit_test(a_tool_that_outlives_its_turn_keeps_the_root_until_its_end),
        cmocka_unit_test(speech_that_goes_on_before_an_answer_is_one_turn),
        cmocka_unit_test(a_failed_answer_fails_its_turn),
        cmocka_unit_test(a_model_that_leaves_in_mid_turn_fails_it),
        cmocka_unit_test(a_client_s_trace_is_passed_over_where_traces_begin_here),
        cmocka_unit_test(nobody_is_told_of_a_trace_where_they_stay_here),
        cmocka_unit_test(a_client_that_leaves_in_mid_turn_leaves_no_span_behind),
        cmocka_unit_test(a_session_that_dies_while_connecting_leaves_no_span_behind),
        cmocka_unit_test(an_answer_outside_the_conversation_is_a_span_without_a_turn),
        cmocka_unit_test(content_is_kept_when_it_is_switched_on),
        cmocka_unit_test(what_was_said_before_the_speech_went_on_is_part_of_the_turn),
        cmocka_unit_test(what_began_a_turn_is_told),
        cmocka_unit_test(events_and_audio_are_counted),
        cmocka_unit_test(dropped_audio_is_counted_without_what_is_around_it),
        cmocka_unit_test(the_store_is_timed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
