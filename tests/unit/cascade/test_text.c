/* SPDX-License-Identifier: Apache-2.0 */
/* Turns in writing: no speech instance at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"

#include <string.h>

#define SAY_HELLO                                                                                  \
    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\","     \
    "\"content\":[{\"type\":\"input_text\",\"text\":\"Hello\"}]}}"
#define CREATE "{\"type\":\"response.create\"}"

static int open_text(void **state)
{
    static struct rig r;

    rig_open(&r, 0);
    *state = &r;
    return 0;
}

static int close_rig(void **state)
{
    rig_close(*state);
    return 0;
}

static void a_text_turn_has_the_order_of_the_protocol(void **state)
{
    struct rig *r = *state;

    rig_send(r, SAY_HELLO);
    rig_run(r);
    EXPECT(r, "conversation.item.added", "conversation.item.done");
    rig_send(r, CREATE);
    rig_run(r);
    EXPECT(r, "response.created");
    fake_text(0, "Hi ");
    fake_text(0, "there.");
    rig_run(r);
    EXPECT(r, "response.output_item.added", "conversation.item.added",
           "response.content_part.added", "response.output_text.delta");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    EXPECT(r, "response.output_text.done", "response.content_part.done", "conversation.item.done",
           "response.output_item.done", "response.done");

    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "completed");
    assert_string_equal(rig_text(done, "response.output.0.content.0.text"), "Hi there.");
    assert_string_equal(rig_text(done, "response.output.0.content.0.type"), "output_text");
    assert_int_equal(rig_number(done, "response.usage.input_tokens"), 10);
    assert_int_equal(rig_number(done, "response.usage.input_token_details.cached_tokens"), 4);
    assert_int_equal(rig_number(done, "response.usage.output_tokens"), 6);
    assert_true(strncmp(rig_text(done, "response.id"), "resp_", 5) == 0);
    assert_true(strncmp(rig_text(done, "response.output.0.id"), "item_", 5) == 0);
    assert_true(strncmp(rig_text(done, "response.conversation_id"), "conv_", 5) == 0);
}

static void the_model_is_shown_the_conversation(void **state)
{
    struct rig *r = *state;

    rig_update(r, "{\"type\":\"realtime\",\"instructions\":\"Be kind.\",\"tools\":[{\"type\":"
                  "\"function\",\"name\":\"add\"}],\"max_output_tokens\":77}");
    rig_send(r, SAY_HELLO);
    rig_send(r, CREATE);
    assert_string_equal(fakes.instructions, "Be kind.");
    assert_non_null(strstr(fakes.items, "Hello"));
    assert_non_null(strstr(fakes.tools, "\"name\":\"add\""));
    assert_string_equal(fakes.tool_choice, "\"auto\"");
    assert_int_equal(fakes.max_tokens, 77);
}

static void a_response_may_override_the_session(void **state)
{
    struct rig *r = *state;

    rig_send(r, SAY_HELLO);
    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Rhyme.\","
                "\"tool_choice\":\"none\",\"max_output_tokens\":5,\"metadata\":{\"k\":\"v\"},"
                "\"input\":[]}}");
    rig_run(r);
    assert_string_equal(fakes.instructions, "Rhyme.");
    assert_string_equal(fakes.items, "[]");
    assert_string_equal(fakes.tool_choice, "\"none\"");
    assert_int_equal(fakes.max_tokens, 5);
    assert_string_equal(rig_text(rig_last(r, "response.created"), "response.metadata.k"), "v");
}

static void a_call_that_the_agent_runs_itself_is_shown_with_its_result(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    rig_run(r);
    EXPECT(r, "response.created");
    fake_agent_call(0, "weather", "rain", PARLEY_OK);
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    json_t *done = rig_last(r, "response.output_item.done");
    assert_string_equal(rig_text(done, "item.type"), "mcp_call");
    assert_string_equal(rig_text(done, "item.name"), "weather");
    assert_string_equal(rig_text(done, "item.output"), "rain");
    EXPECT(r, "response.output_item.added", "conversation.item.added",
           "response.mcp_call.in_progress", "response.mcp_call_arguments.done",
           "response.mcp_call.completed", "conversation.item.done", "response.output_item.done",
           "response.done");
}

static void a_call_that_failed_at_the_agent_is_shown_as_failed(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    rig_run(r);
    fake_agent_call(0, "radar", "down", PARLEY_E_UNAVAILABLE);
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    json_t *done = rig_last(r, "response.output_item.done");
    assert_string_equal(rig_text(done, "item.error.message"), "down");
    assert_non_null(rig_last(r, "response.mcp_call.failed"));
}

static void a_call_is_completed_only_at_its_end(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    rig_run(r);
    EXPECT(r, "response.created");
    fake_call(0, "add", "{\"a\":2}");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    json_t *added = rig_last(r, "response.output_item.added");
    assert_string_equal(rig_text(added, "item.status"), "in_progress");
    assert_string_equal(rig_text(added, "item.arguments"), "");
    json_t *arguments = rig_last(r, "response.function_call_arguments.done");
    assert_string_equal(rig_text(arguments, "name"), "add");
    assert_string_equal(rig_text(arguments, "arguments"), "{\"a\":2}");
    json_t *done = rig_last(r, "response.output_item.done");
    assert_string_equal(rig_text(done, "item.status"), "completed");
    assert_string_equal(rig_text(done, "item.call_id"), rig_text(added, "item.call_id"));
    assert_true(strncmp(rig_text(done, "item.call_id"), "call_", 5) == 0);
    EXPECT(r, "response.output_item.added", "conversation.item.added",
           "response.function_call_arguments.delta", "response.function_call_arguments.done",
           "conversation.item.done", "response.output_item.done", "response.done");
    assert_string_equal(rig_text(rig_last(r, "response.done"), "response.output.0.type"),
                        "function_call");
}

static void the_answer_after_a_call_sees_call_and_result(void **state)
{
    struct rig *r = *state;
    char event[512];

    rig_send(r, CREATE);
    fake_text(0, "Let me see.");
    fake_call(0, "add", "{}");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    assert_int_equal(rig_number(rig_last(r, "response.output_item.done"), "output_index"), 1);
    snprintf(event, sizeof(event),
             "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\","
             "\"call_id\":\"%s\",\"output\":\"5\"}}",
             rig_text(rig_last(r, "response.output_item.done"), "item.call_id"));
    rig_send(r, event);
    rig_send(r, CREATE);
    assert_int_equal(fakes.generations, 2);
    assert_non_null(strstr(fakes.items, "\"function_call\""));
    assert_non_null(strstr(fakes.items, "\"function_call_output\""));
    assert_non_null(strstr(fakes.items, "Let me see."));
}

static void a_call_without_a_result_has_words_in_its_place(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_call(0, "add", "{}");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    rig_send(r, CREATE);
    assert_int_equal(fakes.generations, 2);
    assert_non_null(strstr(fakes.items, "has no result yet"));
}

static void given_words_are_said_as_they_are(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say it.\","
                "\"metadata\":{\"parley_filler\":\"One moment.\"}}}");
    rig_run(r);
    assert_int_equal(fakes.generations, 0);
    assert_string_equal(rig_text(rig_last(r, "response.output_text.done"), "text"), "One moment.");
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "completed");
    assert_string_equal(rig_text(done, "response.metadata.parley_filler"), "One moment.");
}

static void a_second_response_is_refused_with_the_clients_event_id(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    rig_send(r, "{\"type\":\"response.create\",\"event_id\":\"mine\"}");
    rig_run(r);
    EXPECT(r, "response.created", "error");
    json_t *error = rig_last(r, "error");
    assert_string_equal(rig_text(error, "error.code"), "conversation_already_has_active_response");
    assert_string_equal(rig_text(error, "error.event_id"), "mine");
    assert_non_null(strstr(rig_text(error, "error.message"),
                           rig_text(rig_last(r, "response.created"), "response.id")));
}

static void a_cancelled_response_closes_what_is_open(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "One two");
    rig_run(r);
    rig_skip(r);
    rig_send(r, "{\"type\":\"response.cancel\"}");
    rig_run(r);
    EXPECT(r, "response.output_text.done", "response.content_part.done", "conversation.item.done",
           "response.output_item.done", "response.done");
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "cancelled");
    assert_string_equal(rig_text(done, "response.status_details.reason"), "client_cancelled");
    assert_string_equal(rig_text(done, "response.output.0.status"), "incomplete");
    fake_text(0, " three");
    rig_run(r);
    EXPECT_NONE(r);
    assert_int_equal(fakes.cancels, 1);
}

static void a_response_cancelled_before_it_said_anything_has_no_output(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    rig_send(r, "{\"type\":\"response.cancel\"}");
    rig_run(r);
    EXPECT(r, "response.created", "response.done");
    json_t *done = rig_last(r, "response.done");
    assert_int_equal(json_array_size(rig_member(done, "response.output")), 0);
    assert_int_equal(rig_number(done, "response.usage.total_tokens"), 0);
}

static void a_response_right_after_a_cancel_waits_for_the_model(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    rig_send(r, "{\"type\":\"response.cancel\"}");
    rig_send(r, CREATE);
    assert_int_equal(fakes.generations, 1);
    rig_run(r);
    assert_int_equal(fakes.generations, 2);
    fake_text(0, "Again.");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "response.done"), "response.status"), "completed");
}

static void a_cancel_without_a_response_is_an_error_and_no_harm(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"response.cancel\",\"event_id\":\"e1\"}");
    rig_run(r);
    EXPECT(r, "error");
    assert_string_equal(rig_text(rig_last(r, "error"), "error.code"), "response_cancel_not_active");
    assert_string_equal(rig_text(rig_last(r, "error"), "error.event_id"), "e1");
}

static void a_model_that_fails_fails_the_response(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "Half");
    fake_end(0, PARLEY_E_UNAVAILABLE, 0);
    rig_run(r);
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "failed");
    assert_string_equal(rig_text(done, "response.status_details.error.type"), "server_error");
    assert_int_equal(rig_count(r, "error"), 0);
    assert_int_equal(rig_count(r, "response.output_item.done"), 1);
}

static void a_model_that_refuses_fails_the_response(void **state)
{
    struct rig *r = *state;

    fakes.refuse_generate = PARLEY_E_UNAVAILABLE;
    rig_send(r, CREATE);
    rig_run(r);
    EXPECT(r, "response.created", "response.done");
    assert_string_equal(rig_text(rig_last(r, "response.done"), "response.status"), "failed");
}

static void an_answer_cut_at_its_limit_is_incomplete(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "A long");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_MAX_TOKENS);
    rig_run(r);
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "incomplete");
    assert_string_equal(rig_text(done, "response.status_details.reason"), "max_output_tokens");
}

static void an_out_of_band_response_leaves_the_conversation_alone(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    rig_run(r);
    rig_skip(r);
    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"conversation\":\"none\","
                "\"metadata\":{\"topic\":\"mood\"}}}");
    fake_text(1, "Glad.");
    fake_end(1, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    EXPECT(r, "response.created", "response.output_item.added", "response.content_part.added",
           "response.output_text.delta", "response.output_text.done", "response.content_part.done",
           "response.output_item.done", "response.done");
    json_t *done = rig_last(r, "response.done");
    assert_true(json_is_null(rig_member(done, "response.conversation_id")));
    assert_string_equal(rig_text(done, "response.metadata.topic"), "mood");
    fake_text(0, "First.");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_send(r, CREATE);
    assert_null(strstr(fakes.items, "Glad."));
    assert_non_null(strstr(fakes.items, "First."));
}

static void out_of_band_responses_are_limited(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 5; i++)
        rig_send(r, "{\"type\":\"response.create\",\"response\":{\"conversation\":\"none\"}}");
    rig_run(r);
    assert_int_equal(rig_count(r, "response.created"), 4);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.code"), "rate_limit_exceeded");
}

static void items_go_where_the_client_says(void **state)
{
    struct rig *r = *state;
    const char *item = "\"item\":{\"id\":\"%s\",\"type\":\"message\",\"role\":\"user\","
                       "\"content\":[{\"type\":\"input_text\",\"text\":\"%s\"}]}}";
    char event[512], body[256];

    snprintf(body, sizeof(body), item, "a", "A");
    snprintf(event, sizeof(event), "{\"type\":\"conversation.item.create\",%s", body);
    rig_send(r, event);
    snprintf(body, sizeof(body), item, "b", "B");
    snprintf(event, sizeof(event),
             "{\"type\":\"conversation.item.create\",\"previous_item_id\":\"root\",%s", body);
    rig_send(r, event);
    snprintf(body, sizeof(body), item, "c", "C");
    snprintf(event, sizeof(event),
             "{\"type\":\"conversation.item.create\",\"previous_item_id\":\"b\",%s", body);
    rig_send(r, event);
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "conversation.item.added"), "previous_item_id"), "b");
    rig_send(r, event);
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.param"), "item.id");
    rig_send(r, CREATE);
    const char *b = strstr(fakes.items, "\"B\""), *c = strstr(fakes.items, "\"C\"");
    const char *a = strstr(fakes.items, "\"A\"");
    assert_true(b != NULL && b < c && c < a);
}

static void items_are_retrieved_and_deleted(void **state)
{
    struct rig *r = *state;

    rig_send(r, SAY_HELLO);
    rig_run(r);
    const char *id = rig_text(rig_last(r, "conversation.item.done"), "item.id");
    char event[256];
    snprintf(event, sizeof(event), "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"%s\"}",
             id);
    rig_send(r, event);
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "conversation.item.retrieved"), "item.content.0.text"),
                        "Hello");
    snprintf(event, sizeof(event), "{\"type\":\"conversation.item.delete\",\"item_id\":\"%s\"}",
             id);
    rig_send(r, event);
    rig_send(r, event);
    rig_run(r);
    assert_int_equal(rig_count(r, "conversation.item.deleted"), 1);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.code"),
                        "item_delete_invalid_item_id");
    rig_send(r, CREATE);
    assert_string_equal(fakes.items, "[]");
}

static void without_speech_audio_is_refused_once(void **state)
{
    struct rig *r = *state;

    assert_true(json_is_null(rig_member(r->created, "session.audio.input.turn_detection")));
    assert_string_equal(rig_text(r->created, "session.output_modalities.0"), "text");
    rig_send(r, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\",\"event_id\":\"x\"}");
    rig_send(r, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\"}");
    rig_run(r);
    EXPECT(r, "error");
    assert_int_equal(rig_count(r, "error"), 1);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.event_id"), "x");
    rig_update(r, "{\"type\":\"realtime\",\"output_modalities\":[\"audio\"],\"audio\":{\"input\":"
                  "{\"turn_detection\":{\"type\":\"semantic_vad\"}}}}");
    json_t *updated = rig_last(r, "session.updated");
    assert_string_equal(rig_text(updated, "session.output_modalities.0"), "text");
    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"output_modalities\":[\"audio\"]}}");
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.param"),
                        "response.output_modalities");
}

static void bad_events_are_answered_and_survived(void **state)
{
    struct rig *r = *state;

    rig_send(r, "not json");
    rig_send(r, "{\"no\":\"type\"}");
    rig_send(r, "{\"type\":\"no.such.event\",\"event_id\":\"e9\"}");
    rig_send(r, "{\"type\":\"conversation.item.truncate\",\"item_id\":\"nope\",\"content_index\":0,"
                "\"audio_end_ms\":0}");
    rig_run(r);
    assert_int_equal(rig_count(r, "error"), 4);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.code"),
                        "item_truncate_invalid_item_id");
    rig_send(r, CREATE);
    rig_run(r);
    assert_int_equal(rig_count(r, "response.created"), 1);
}

static void a_bad_session_update_changes_nothing(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"session.update\",\"event_id\":\"u\",\"session\":{\"type\":"
                "\"realtime\",\"instructions\":\"X\",\"nonsense\":1}}");
    rig_run(r);
    EXPECT(r, "error");
    assert_string_equal(rig_text(rig_last(r, "error"), "error.event_id"), "u");
    rig_update(r, "{\"type\":\"realtime\"}");
    assert_string_not_equal(rig_text(rig_last(r, "session.updated"), "session.instructions"), "X");
}

/* A host that sends from inside an event, as the session does. */
static void answer_at_once(struct rig *r, const char *type)
{
    if (strcmp(type, "response.done") == 0 && rig_count(r, "response.done") == 1)
        rig_send(r, CREATE);
}

static void the_host_may_send_inside_an_event(void **state)
{
    struct rig *r = *state;

    r->on_event = answer_at_once;
    rig_send(r, CREATE);
    rig_run(r);
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    assert_int_equal(rig_count(r, "response.created"), 2);
}

static void close_at_once(struct rig *r, const char *type)
{
    if (strcmp(type, "response.output_text.delta") == 0)
        r->vtable->close(r->session);
}

static void the_host_may_close_inside_an_event(void **state)
{
    struct rig *r = *state;

    r->on_event = close_at_once;
    rig_send(r, CREATE);
    fake_text(0, "Hello");
    rig_run(r);
    assert_int_equal(r->closes, 1);
    assert_int_equal(r->closed.status, PARLEY_OK);
    assert_int_equal(rig_count(r, "response.output_text.delta"), 1);
    assert_true(fakes.chats[0]->is_closed);
}

static void a_paused_host_gets_its_events_later(void **state)
{
    struct rig *r = *state;

    r->vtable->pause(r->session, 1);
    rig_send(r, CREATE);
    fake_text(0, "Hello");
    rig_run(r);
    EXPECT_NONE(r);
    r->vtable->pause(r->session, 0);
    rig_run(r);
    EXPECT(r, "response.created", "response.output_item.added", "conversation.item.added",
           "response.content_part.added", "response.output_text.delta");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_text, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_turn_has_the_order_of_the_protocol),
        TEST(the_model_is_shown_the_conversation),
        TEST(a_response_may_override_the_session),
        TEST(a_call_is_completed_only_at_its_end),
        TEST(a_call_that_the_agent_runs_itself_is_shown_with_its_result),
        TEST(a_call_that_failed_at_the_agent_is_shown_as_failed),
        TEST(the_answer_after_a_call_sees_call_and_result),
        TEST(a_call_without_a_result_has_words_in_its_place),
        TEST(given_words_are_said_as_they_are),
        TEST(a_second_response_is_refused_with_the_clients_event_id),
        TEST(a_cancelled_response_closes_what_is_open),
        TEST(a_response_cancelled_before_it_said_anything_has_no_output),
        TEST(a_response_right_after_a_cancel_waits_for_the_model),
        TEST(a_cancel_without_a_response_is_an_error_and_no_harm),
        TEST(a_model_that_fails_fails_the_response),
        TEST(a_model_that_refuses_fails_the_response),
        TEST(an_answer_cut_at_its_limit_is_incomplete),
        TEST(an_out_of_band_response_leaves_the_conversation_alone),
        TEST(out_of_band_responses_are_limited),
        TEST(items_go_where_the_client_says),
        TEST(items_are_retrieved_and_deleted),
        TEST(without_speech_audio_is_refused_once),
        TEST(bad_events_are_answered_and_survived),
        TEST(a_bad_session_update_changes_nothing),
        TEST(the_host_may_send_inside_an_event),
        TEST(the_host_may_close_inside_an_event),
        TEST(a_paused_host_gets_its_events_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
