/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/counters.h"
#include "realtime/encode.h"
#include "realtime/session_object.h"

static const struct rt_place place = {
    .response_id = {"resp_1", 6}, .item_id = {"item_1", 6}, .output_index = 1, .content_index = 2};

static void assert_place(const json_t *event)
{
    wire_assert_str(event, "response_id", "resp_1");
    wire_assert_str(event, "item_id", "item_1");
    wire_assert_int(event, "output_index", 1);
    wire_assert_int(event, "content_index", 2);
}

static void event_ids_are_unique(void **state)
{
    struct buf a = {0};
    struct buf b = {0};

    (void)state;
    rt_encode_cleared(&a);
    rt_encode_cleared(&b);
    assert_string_not_equal(a.data, b.data);
    json_decref(wire_take_server(&a, "input_audio_buffer.cleared"));
    json_decref(wire_take_server(&b, "input_audio_buffer.cleared"));
}

static void an_error_answers_the_event_at_fault(void **state)
{
    struct buf out = {0};
    struct rt_error e;

    (void)state;
    (void)rt_error_set(&e, RT_ERROR_INVALID_VALUE, "session.a", "say \"what\"");
    rt_encode_error(&out, &e, VIEW("a\\\"b"));
    json_t *event = wire_take_server(&out, "error");
    wire_assert_str(event, "error.type", "invalid_request_error");
    wire_assert_str(event, "error.code", "invalid_value");
    wire_assert_str(event, "error.param", "session.a");
    wire_assert_str(event, "error.message", "say \"what\"");
    wire_assert_str(event, "error.event_id", "a\"b");
    json_decref(event);

    (void)rt_error_set(&e, RT_ERROR_SERVER, NULL, "x");
    rt_encode_error(&out, &e, (struct parley_view){0});
    event = wire_take_server(&out, "error");
    wire_assert_null(event, "error.code");
    wire_assert_null(event, "error.param");
    wire_assert_null(event, "error.event_id");
    json_decref(event);
}

static void without_an_event_id_it_is_null(void **state)
{
    struct buf out = {0};
    struct rt_error e;

    (void)state;
    (void)rt_error_set(&e, RT_ERROR_INVALID_API_KEY, NULL, "x");
    rt_encode_error(&out, &e, VIEW(""));
    json_t *event = wire_take_server(&out, "error");
    wire_assert_null(event, "error.event_id");
    json_decref(event);
}

static void an_absurdly_long_event_id_is_not_sent_back(void **state)
{
    static char id[5000];
    struct buf out = {0};
    struct rt_error e;

    (void)state;
    memset(id, 'x', sizeof(id));
    (void)rt_error_set(&e, RT_ERROR_STRING_TOO_LONG, "event_id", "x");
    rt_encode_error(&out, &e, (struct parley_view){id, sizeof(id)});
    json_t *event = wire_take_server(&out, "error");
    wire_assert_null(event, "error.event_id");
    json_decref(event);
}

static void a_session_is_shown_whole(void **state)
{
    struct buf out = {0};
    json_t *session = rt_session_new("m", 0);

    (void)state;
    rt_encode_session(&out, RT_SESSION_UPDATED, session);
    json_t *event = wire_take_server(&out, "session.updated");
    assert_true(json_equal(wire_at(event, "session"), session));
    json_decref(event);
    json_decref(session);
}

/* A user's audio always has the member `transcript`: the Agents SDK dies without it. */
static void a_users_audio_has_a_transcript_even_when_it_is_unknown(void **state)
{
    struct buf out = {0};
    struct rt_part part = {.kind = RT_PART_INPUT_AUDIO};
    struct rt_item item = {.kind = RT_ITEM_MESSAGE,
                           .role = RT_ROLE_USER,
                           .status = RT_ITEM_COMPLETED,
                           .id = VIEW("item_1"),
                           .parts = &part,
                           .part_count = 1};

    (void)state;
    rt_encode_item(&out, RT_ITEM_ADDED, (struct parley_view){0}, &item);
    json_t *event = wire_take_server(&out, "conversation.item.added");
    wire_assert_null(event, "previous_item_id");
    wire_assert_str(event, "item.object", "realtime.item");
    wire_assert_str(event, "item.content.0.type", "input_audio");
    wire_assert_null(event, "item.content.0.transcript");
    wire_assert_absent(event, "item.content.0.audio");
    wire_assert_absent(event, "item.call_id");
    json_decref(event);

    part.text = VIEW("hello");
    part.audio = VIEW("AAAA");
    rt_encode_item(&out, RT_ITEM_RETRIEVED, VIEW("x"), &item);
    event = wire_take_server(&out, "conversation.item.retrieved");
    wire_assert_absent(event, "previous_item_id");
    wire_assert_str(event, "item.content.0.transcript", "hello");
    wire_assert_str(event, "item.content.0.audio", "AAAA");
    json_decref(event);
}

static void an_item_tree_is_passed_as_it_is(void **state)
{
    struct buf out = {0};
    json_t *item = wire_tree("{'id':'i','type':'message','future':[1]}");

    (void)state;
    rt_encode_item_tree(&out, RT_ITEM_DONE, VIEW("item_0"), item);
    json_t *event = wire_take_server(&out, "conversation.item.done");
    wire_assert_str(event, "previous_item_id", "item_0");
    assert_true(json_equal(wire_at(event, "item"), item));
    json_decref(event);
    json_decref(item);
}

static void truncated_and_deleted_name_their_item(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_item_truncated(&out, VIEW("i"), 0, 1500);
    json_t *event = wire_take_server(&out, "conversation.item.truncated");
    wire_assert_str(event, "item_id", "i");
    wire_assert_int(event, "content_index", 0);
    wire_assert_int(event, "audio_end_ms", 1500);
    json_decref(event);
    rt_encode_item_deleted(&out, VIEW("i"));
    event = wire_take_server(&out, "conversation.item.deleted");
    wire_assert_str(event, "item_id", "i");
    json_decref(event);
}

static void transcription_comes_as_delta_completed_or_failed(void **state)
{
    struct buf out = {0};
    struct rt_error e;

    (void)state;
    rt_encode_transcription_delta(&out, VIEW("i"), 0, VIEW("hel"));
    json_t *event = wire_take_server(&out, "conversation.item.input_audio_transcription.delta");
    wire_assert_str(event, "delta", "hel");
    json_decref(event);
    rt_encode_transcription_completed(&out, VIEW("i"), 0, VIEW("hello"), 1.25);
    event = wire_take_server(&out, "conversation.item.input_audio_transcription.completed");
    wire_assert_str(event, "transcript", "hello");
    wire_assert_str(event, "usage.type", "duration");
    assert_true(json_number_value(wire_at(event, "usage.seconds")) == 1.25);
    json_decref(event);
    (void)rt_error_set(&e, RT_ERROR_SERVER, NULL, "the recogniser failed");
    rt_encode_transcription_failed(&out, VIEW("i"), 0, &e);
    event = wire_take_server(&out, "conversation.item.input_audio_transcription.failed");
    wire_assert_str(event, "error.message", "the recogniser failed");
    wire_assert_absent(event, "error.code");
    wire_assert_absent(event, "error.param");
    json_decref(event);
}

static void the_turn_of_a_user_is_told_by_four_events(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_speech_started(&out, 700, VIEW("i"));
    json_t *event = wire_take_server(&out, "input_audio_buffer.speech_started");
    wire_assert_int(event, "audio_start_ms", 700);
    json_decref(event);
    rt_encode_speech_stopped(&out, 1900, VIEW("i"));
    event = wire_take_server(&out, "input_audio_buffer.speech_stopped");
    wire_assert_int(event, "audio_end_ms", 1900);
    json_decref(event);
    rt_encode_committed(&out, VIEW("i"), (struct parley_view){0});
    event = wire_take_server(&out, "input_audio_buffer.committed");
    wire_assert_null(event, "previous_item_id");
    json_decref(event);
    rt_encode_timeout_triggered(&out, 100, 6100, VIEW("i"));
    event = wire_take_server(&out, "input_audio_buffer.timeout_triggered");
    wire_assert_int(event, "audio_end_ms", 6100);
    json_decref(event);
}

static void a_response_starts_without_output_and_usage(void **state)
{
    struct buf out = {0};
    struct rt_response r = {.id = VIEW("resp_1"), .conversation_id = VIEW("conv_1")};

    (void)state;
    rt_encode_response(&out, RT_RESPONSE_CREATED, &r);
    json_t *event = wire_take_server(&out, "response.created");
    wire_assert_str(event, "response.object", "realtime.response");
    wire_assert_str(event, "response.status", "in_progress");
    wire_assert_null(event, "response.status_details");
    assert_int_equal(json_array_size(wire_at(event, "response.output")), 0);
    wire_assert_null(event, "response.usage");
    wire_assert_null(event, "response.metadata");
    wire_assert_str(event, "response.max_output_tokens", "inf");
    wire_assert_absent(event, "response.audio.output.voice");
    json_decref(event);
}

static void a_finished_response_has_complete_usage(void **state)
{
    struct buf out = {0};
    struct rt_response r = {
        .id = VIEW("resp_1"),
        .status = RT_RESPONSE_CANCELLED,
        .reason = VIEW(RT_REASON_TURN_DETECTED),
        .output = VIEW("{\"id\":\"a\"},{\"id\":\"b\"}"),
        .voice = VIEW("marin"),
        .metadata = VIEW("{\"k\":\"v\"}"),
        .max_output_tokens = 50,
        .has_usage = true,
        .usage = {.input_text = 3, .input_audio = 4, .output_text = 5, .output_audio = 6},
    };

    (void)state;
    rt_encode_response(&out, RT_RESPONSE_DONE, &r);
    json_t *event = wire_take_server(&out, "response.done");
    wire_assert_str(event, "response.status_details.type", "cancelled");
    wire_assert_str(event, "response.status_details.reason", "turn_detected");
    wire_assert_str(event, "response.output.1.id", "b");
    wire_assert_str(event, "response.metadata.k", "v");
    wire_assert_null(event, "response.conversation_id");
    wire_assert_int(event, "response.max_output_tokens", 50);
    wire_assert_str(event, "response.audio.output.voice", "marin");
    wire_assert_int(event, "response.usage.total_tokens", 18);
    wire_assert_int(event, "response.usage.input_tokens", 7);
    wire_assert_int(event, "response.usage.output_tokens", 11);
    wire_assert_int(event, "response.usage.input_token_details.audio_tokens", 4);
    wire_assert_int(event, "response.usage.input_token_details.cached_tokens_details.image_tokens",
                    0);
    wire_assert_int(event, "response.usage.output_token_details.audio_tokens", 6);
    json_decref(event);
}

static void a_function_call_is_told_by_item_and_arguments(void **state)
{
    struct buf out = {0};
    struct rt_item item = {.kind = RT_ITEM_FUNCTION_CALL,
                           .status = RT_ITEM_IN_PROGRESS,
                           .id = VIEW("item_1"),
                           .call_id = VIEW("call_1"),
                           .name = VIEW("f"),
                           .arguments = VIEW("")};

    (void)state;
    rt_encode_output_item(&out, RT_OUTPUT_ITEM_ADDED, VIEW("resp_1"), 1, &item);
    json_t *event = wire_take_server(&out, "response.output_item.added");
    wire_assert_str(event, "item.status", "in_progress");
    wire_assert_str(event, "item.arguments", "");
    wire_assert_absent(event, "item.content");
    json_decref(event);
    rt_encode_arguments_delta(&out, &place, VIEW("call_1"), VIEW("{\"a\""));
    event = wire_take_server(&out, "response.function_call_arguments.delta");
    wire_assert_str(event, "delta", "{\"a\"");
    wire_assert_absent(event, "content_index");
    json_decref(event);
    rt_encode_arguments_done(&out, &place, VIEW("call_1"), VIEW("f"), VIEW("{\"a\":1}"));
    event = wire_take_server(&out, "response.function_call_arguments.done");
    wire_assert_str(event, "name", "f");
    wire_assert_str(event, "call_id", "call_1");
    wire_assert_str(event, "arguments", "{\"a\":1}");
    json_decref(event);
}

static void parts_use_the_short_names(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_content_part(&out, RT_CONTENT_PART_ADDED, &place, true, VIEW(""));
    json_t *event = wire_take_server(&out, "response.content_part.added");
    assert_place(event);
    wire_assert_str(event, "part.type", "audio");
    wire_assert_str(event, "part.transcript", "");
    json_decref(event);
    rt_encode_content_part(&out, RT_CONTENT_PART_DONE, &place, false, VIEW("hi"));
    event = wire_take_server(&out, "response.content_part.done");
    wire_assert_str(event, "part.type", "text");
    wire_assert_str(event, "part.text", "hi");
    json_decref(event);
}

static void deltas_and_their_ends_carry_the_place(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_delta(&out, RT_OUTPUT_TEXT_DELTA, &place, VIEW("a\nb"));
    json_t *event = wire_take_server(&out, "response.output_text.delta");
    assert_place(event);
    wire_assert_str(event, "delta", "a\nb");
    json_decref(event);
    rt_encode_audio_delta(&out, &place, "\0\1\2\3", 4);
    event = wire_take_server(&out, "response.output_audio.delta");
    assert_place(event);
    wire_assert_str(event, "delta", "AAECAw==");
    json_decref(event);
    rt_encode_text_done(&out, RT_OUTPUT_TEXT_DONE, &place, VIEW("all"));
    event = wire_take_server(&out, "response.output_text.done");
    wire_assert_str(event, "text", "all");
    json_decref(event);
    rt_encode_text_done(&out, RT_OUTPUT_TRANSCRIPT_DONE, &place, VIEW("all"));
    event = wire_take_server(&out, "response.output_audio_transcript.done");
    wire_assert_str(event, "transcript", "all");
    json_decref(event);
    rt_encode_audio_done(&out, &place);
    event = wire_take_server(&out, "response.output_audio.done");
    assert_place(event);
    wire_assert_absent(event, "delta");
    json_decref(event);
    rt_encode_rate_limits(&out, 40000, 39000, 1.5);
    event = wire_take_server(&out, "rate_limits.updated");
    wire_assert_str(event, "rate_limits.0.name", "tokens");
    json_decref(event);
}

static void writing_a_delta_builds_no_tree(void **state)
{
    struct buf out = {0};
    struct rt_counters before = rt_counters_now();

    (void)state;
    rt_encode_audio_delta(&out, &place, "\0\1\2\3", 4);
    struct rt_counters cost = rt_counters_since(before);
    assert_int_equal(cost.trees, 0);
    assert_int_equal(cost.base64_decodes, 0);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_ids_are_unique),
        cmocka_unit_test(an_error_answers_the_event_at_fault),
        cmocka_unit_test(without_an_event_id_it_is_null),
        cmocka_unit_test(an_absurdly_long_event_id_is_not_sent_back),
        cmocka_unit_test(a_session_is_shown_whole),
        cmocka_unit_test(a_users_audio_has_a_transcript_even_when_it_is_unknown),
        cmocka_unit_test(an_item_tree_is_passed_as_it_is),
        cmocka_unit_test(truncated_and_deleted_name_their_item),
        cmocka_unit_test(transcription_comes_as_delta_completed_or_failed),
        cmocka_unit_test(the_turn_of_a_user_is_told_by_four_events),
        cmocka_unit_test(a_response_starts_without_output_and_usage),
        cmocka_unit_test(a_finished_response_has_complete_usage),
        cmocka_unit_test(a_function_call_is_told_by_item_and_arguments),
        cmocka_unit_test(parts_use_the_short_names),
        cmocka_unit_test(deltas_and_their_ends_carry_the_place),
        cmocka_unit_test(writing_a_delta_builds_no_tree),
    };
    return cmocka_run_group_tests_name("realtime/encode", tests, NULL, NULL);
}
