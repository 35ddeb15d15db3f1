/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "model_says.h"
#include "recording.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <parley/types.h>

/* A session that goes over from one session of a model to another: what the client sees of it, and
 * what the new model is told. */

#define LIMITED WIRE_MODEL("m", "limit_ms = 20s")

/* ---- what models say ---- */

#define CALL(id, name, status)                                                                     \
    "'type':'function_call','status':'" status "','call_id':'" id "','name':'" name                \
    "','arguments':'{}'"

/* A delta of an answer's words. */
static void says_words(struct wire *w, const char *response, const char *item, const char *words)
{
    char event[512];

    (void)snprintf(
        event, sizeof(event),
        "{'type':'response.output_audio_transcript.delta','event_id':'event_4','response_"
        "id':'%s','item_id':'%s','output_index':0,'content_index':0,'delta':'%s'}",
        response, item, words);
    wire_model(w, event);
}

/* One second of audio. */
static void says_sound(struct wire *w, const char *response, const char *item)
{
    static char event[65000];
    static char sound[64001];

    memset(sound, 'A', sizeof(sound) - 1);
    (void)snprintf(event, sizeof(event),
                   "{'type':'response.output_audio.delta','event_id':'event_5','response_id':'%s','"
                   "item_id':'%s','output_index':0,'content_index':0,'delta':'%s'}",
                   response, item, sound);
    wire_model(w, event);
}

/* The user writes, the model shows it. */
static void writes(struct wire *w, const char *item)
{
    char event[512];

    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.create','item':{'id':'%s'," USER("hello") "}}",
                   item);
    wire_client(w, event);
    const json_t *told = wire_model_gets(w, "conversation.item.create");
    char id[64];
    view_copy(id, sizeof(id), view_of(wire_text(told, "item.id")));
    model_shows(w, "added", id, USER("hello"));
    model_shows(w, "done", id, USER("hello"));
}

/* ---- a lost model ---- */

static void a_lost_model_is_replaced_and_the_client_sees_nothing_of_it(void **state)
{
    (void)state;
    wire_record(false, "");
    struct wire *w = wire_open("");

    writes(w, "item_u");
    model_answers(w, "resp_1", "item_1", SPOKEN("Hello to you."));
    wire_client_forget(w);
    model_is_lost(w);
    assert_int_equal(wire_model_opens(w), 2);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "user", "hello");
    (void)wire_model_gets_item(w, "message", "assistant", "Hello to you.");
    wire_model_gets_nothing(w);
    wire_client_gets_nothing(w);
    assert_true(recording_value(wire_recording(w), "parley.backend.reconnects",
                                "parley.reconnect_reason", "error") == 1);
    wire_close(w);
}

static void the_new_model_has_the_settings_as_the_client_changed_them(void **state)
{
    (void)state;
    struct wire *w = wire_open("client_may_set = *");

    wire_client(w,
                "{'type':'session.update','session':{'type':'realtime','instructions':'Sing.'}}");
    model_is_lost(w);
    (void)wire_model_created(w);
    assert_string_equal(wire_text(wire_model_gets(w, "session.update"), "session.instructions"),
                        "Sing.");
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    /* The lost one had not answered the client's update. */
    assert_string_equal(wire_text(wire_client_gets(w, "session.updated"), "session.instructions"),
                        "Sing.");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void what_the_client_sends_meanwhile_waits(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_is_lost(w);
    wire_client_speaks(w, 64);
    wire_client(w, "{'type':'conversation.item.create','item':{" USER("hello") "}}");
    wire_client(w, "{'type':'response.create'}");
    model_agrees(w);
    (void)wire_model_gets(w, "input_audio_buffer.append");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    wire_model_gets_nothing(w);
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void more_than_can_wait_ends_the_session(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_is_lost(w);
    for (int i = 0; i < 3; i++)
        wire_client_speaks(w, 1000000);
    assert_true(wire_client_is_paused(w));
    for (int i = 0; i < 3; i++)
        wire_client_speaks(w, 1000000);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "model_not_ready");
    wire_client_is_closed(w, 1013);
    wire_close(w);
}

static void a_request_that_had_no_answer_is_asked_again(void **state)
{
    (void)state;
    struct wire *w = wire_open("client_may_set = *");

    wire_client(w, "{'type':'response.create','event_id':'mine','response':{'instructions':'Sing.'"
                   "}}");
    (void)wire_model_gets(w, "response.create");
    model_is_lost(w);
    model_agrees(w);
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.instructions"),
                        "Sing.");
    model_begins(w, "resp_1");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_1_m2");
    wire_close(w);
}

static void an_answer_that_is_cut_ends_as_failed_and_is_asked_again(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    model_puts_out(w, "added", "resp_1", "item_1", UNSPOKEN);
    model_shows(w, "added", "item_1", UNSPOKEN);
    says_words(w, "resp_1", "item_1", "Once \\\"upon\\\" ");
    says_words(w, "resp_1", "item_1", "a time");
    wire_client_forget(w);
    model_is_lost(w);
    const json_t *item = wire_client_gets(w, "conversation.item.done");
    assert_string_equal(wire_text(item, "item.status"), "incomplete");
    assert_string_equal(wire_text(item, "item.content.0.transcript"), "Once \"upon\" a time");
    const json_t *output = wire_client_gets(w, "response.output_item.done");
    assert_string_equal(wire_text(output, "item.id"), "item_1");
    assert_string_equal(wire_text(output, "response_id"), "resp_1");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.status"), "failed");
    assert_string_equal(wire_text(done, "response.status_details.error.code"), "model_lost");
    assert_string_equal(wire_text(done, "response.output.0.id"), "item_1");
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "assistant", "Once \"upon\" a time");
    (void)wire_model_gets(w, "response.create");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void an_answer_that_the_client_has_not_heard_of_is_asked_again_unseen(void **state)
{
    (void)state;
    struct wire *w = wire_open("tools = t");

    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    wire_client_gets_nothing(w); /* it may turn out to be nothing but calls */
    model_is_lost(w);
    wire_client_gets_nothing(w);
    model_agrees(w);
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    says_words(w, "resp_1", "item_1", "Hello.");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_1_m2");
    (void)wire_client_gets(w, "response.output_audio_transcript.delta");
    wire_close(w);
}

static void an_answer_that_was_cancelled_is_not_asked_again(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    (void)wire_client_gets(w, "response.created");
    wire_client(w, "{'type':'response.cancel'}");
    model_is_lost(w);
    assert_string_equal(wire_text(wire_client_gets(w, "response.done"), "response.status"),
                        "cancelled");
    model_agrees(w);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_greeting_is_not_spoken_twice(void **state)
{
    (void)state;
    struct wire *w = wire_open("greeting = Say hello.");

    (void)wire_model_gets(w, "response.create");
    model_answers(w, "resp_1", "item_1", SPOKEN("Hello."));
    wire_client_forget(w);
    model_is_lost(w);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "assistant", "Hello.");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void an_item_that_the_lost_model_did_not_show_is_not_lost(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    wire_client(w, "{'type':'conversation.item.create','item':{" USER("hello") "}}");
    (void)wire_model_gets(w, "conversation.item.create");
    model_is_lost(w);
    model_agrees(w);
    char id[64];
    view_copy(id, sizeof(id),
              view_of(wire_text(wire_model_gets_item(w, "message", "user", "hello"), "item.id")));
    model_shows(w, "added", id, USER("hello"));
    model_shows(w, "done", id, USER("hello"));
    (void)wire_client_gets(w, "conversation.item.added");
    (void)wire_client_gets(w, "conversation.item.done");
    wire_client_gets_nothing(w);
    wire_close(w);
}

/* ---- tools ---- */

static void a_call_in_flight_gives_its_result_to_the_new_model(void **state)
{
    (void)state;
    struct wire *w = wire_open("tools = t");

    model_begins(w, "resp_1");
    model_puts_out(w, "added", "resp_1", "item_c", CALL("call_1", "slow", "in_progress"));
    model_shows(w, "done", "item_c", CALL("call_1", "slow", "completed"));
    model_puts_out(w, "done", "resp_1", "item_c", CALL("call_1", "slow", "completed"));
    model_ends(w, "resp_1", "completed");
    assert_int_equal(wire_tool_calls(w), 1);
    model_is_lost(w);
    model_agrees(w);
    char call_id[64];
    view_copy(call_id, sizeof(call_id),
              view_of(wire_text(wire_model_gets_item(w, "function_call", "", ""), "item.call_id")));
    wire_tool_ends(w, 0, "42");
    const json_t *result = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(result, "item.type"), "function_call_output");
    assert_string_equal(wire_text(result, "item.call_id"), call_id);
    assert_string_equal(wire_text(result, "item.output"), "42");
    (void)wire_model_gets(w, "response.create");
    assert_int_equal(wire_tool_calls(w), 1);
    wire_close(w);
}

static void a_result_that_comes_while_no_model_answers_is_not_lost(void **state)
{
    (void)state;
    struct wire *w = wire_open("tools = t");

    model_begins(w, "resp_1");
    model_puts_out(w, "done", "resp_1", "item_c", CALL("call_1", "slow", "completed"));
    model_ends(w, "resp_1", "completed");
    model_is_lost(w);
    wire_tool_ends(w, 0, "42");
    model_agrees(w);
    (void)wire_model_gets_item(w, "function_call", "", "");
    const json_t *result = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(result, "item.output"), "42");
    (void)wire_model_gets(w, "response.create");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_call_of_the_new_model_runs_though_it_counts_from_one_again(void **state)
{
    (void)state;
    struct wire *w = wire_open("tools = t");

    for (int i = 0; i < 2; i++) {
        model_begins(w, "resp_1");
        model_puts_out(w, "done", "resp_1", "item_c", CALL("call_1", "slow", "completed"));
        model_ends(w, "resp_1", "completed");
        assert_int_equal(wire_tool_calls(w), i + 1);
        wire_tool_ends(w, i, "42");
        wire_model_forget(w);
        if (i > 0)
            break;
        model_is_lost(w);
        model_agrees(w);
        wire_model_forget(w);
    }
    assert_string_equal(wire_tool_call_id(w, 0), "call_1");
    assert_string_equal(wire_tool_call_id(w, 1), "call_1_m2");
    wire_close(w);
}

/* ---- names ---- */

static void names_of_two_models_do_not_meet(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_answers(w, "resp_1", "item_1", SPOKEN("First."));
    wire_client_forget(w);
    model_is_lost(w);
    model_agrees(w);
    wire_model_forget(w);
    model_begins(w, "resp_1");
    const json_t *e = wire_client_gets(w, "response.created");
    assert_string_equal(wire_text(e, "response.id"), "resp_1_m2");
    model_puts_out(w, "added", "resp_1", "item_1", UNSPOKEN);
    e = wire_client_gets(w, "response.output_item.added");
    assert_string_equal(wire_text(e, "item.id"), "item_1_m2");
    assert_string_equal(wire_text(e, "response_id"), "resp_1_m2");
    assert_string_equal(wire_text(e, "event_id"), "e_m2");
    says_sound(w, "resp_1", "item_1");
    e = wire_client_gets(w, "response.output_audio.delta");
    assert_string_equal(wire_text(e, "item_id"), "item_1_m2");
    assert_string_equal(wire_text(e, "response_id"), "resp_1_m2");
    wire_client(w, "{'type':'response.cancel','response_id':'resp_1_m2'}");
    assert_string_equal(wire_text(wire_model_gets(w, "response.cancel"), "response_id"), "resp_1");
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1_m2','content_index':0,'"
                   "audio_end_ms':500}");
    e = wire_model_gets(w, "conversation.item.truncate");
    assert_string_equal(wire_text(e, "item_id"), "item_1");
    wire_close(w);
}

static void items_of_before_keep_their_names_for_the_client(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_answers(w, "resp_1", "item_1", SPOKEN("First."));
    wire_client_forget(w);
    model_is_lost(w);
    model_agrees(w);
    char id[64];
    view_copy(
        id, sizeof(id),
        view_of(wire_text(wire_model_gets_item(w, "message", "assistant", "First."), "item.id")));
    assert_string_not_equal(id, "item_1");
    model_shows(w, "added", id, SPOKEN("First."));
    model_shows(w, "done", id, SPOKEN("First."));
    wire_client_gets_nothing(w); /* it knows it */
    wire_client(w, "{'type':'conversation.item.delete','item_id':'item_1'}");
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.delete"), "item_id"), id);
    wire_close(w);
}

static void a_model_that_names_items_itself_is_understood(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    writes(w, "item_u");
    wire_client_forget(w);
    model_is_lost(w);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "user", "hello");
    model_shows(w, "added", "msg_77", USER("hello"));
    model_shows(w, "done", "msg_77", USER("hello"));
    wire_client_gets_nothing(w);
    wire_client(w, "{'type':'conversation.item.delete','item_id':'item_u'}");
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.delete"), "item_id"),
                        "msg_77");
    wire_close(w);
}

/* ---- what is told ---- */

static void what_was_interrupted_is_told_as_far_as_it_was_heard(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_begins(w, "resp_1");
    model_puts_out(w, "added", "resp_1", "item_1", UNSPOKEN);
    model_shows(w, "added", "item_1", UNSPOKEN);
    for (int i = 0; i < 4; i++)
        says_sound(w, "resp_1", "item_1");
    model_shows(w, "done", "item_1", SPOKEN("one two three four five six seven eight"));
    model_ends(w, "resp_1", "completed");
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':2000}");
    model_is_lost(w);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "assistant", "one two three four ...");
    wire_close(w);
}

static void an_interruption_after_the_move_is_told_in_the_new_models_terms(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_begins(w, "resp_1");
    model_puts_out(w, "added", "resp_1", "item_1", UNSPOKEN);
    model_shows(w, "added", "item_1", UNSPOKEN);
    for (int i = 0; i < 4; i++)
        says_sound(w, "resp_1", "item_1");
    model_shows(w, "done", "item_1", SPOKEN("one two three four five six seven eight"));
    model_ends(w, "resp_1", "completed");
    wire_client_forget(w);
    model_is_lost(w);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "assistant",
                               "one two three four five six seven eight");
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':2000}");
    (void)wire_model_gets(w, "conversation.item.delete");
    const json_t *e = wire_model_gets_item(w, "message", "assistant", "one two three four ...");
    assert_string_equal(wire_text(e, "previous_item_id"), "root");
    wire_model_gets_nothing(w);
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.truncated"), "item_id"),
                        "item_1");
    wire_close(w);
}

static void the_oldest_part_is_left_out_beyond_the_budget(void **state)
{
    (void)state;
    struct wire *w = wire_open("tools = t\nhistory_tokens = 40");

    model_begins(w, "resp_1");
    model_puts_out(w, "done", "resp_1", "item_c", CALL("call_1", "fast", "completed"));
    model_ends(w, "resp_1", "completed");
    wire_advance_ms(w, 1);
    wire_model_forget(w);
    model_answers(w, "resp_2", "item_1", SPOKEN("The first answer, of so and so many words."));
    model_answers(w, "resp_3", "item_2", SPOKEN("The second answer."));
    model_answers(w, "resp_4", "item_3", SPOKEN("The third answer."));
    wire_client_forget(w);
    model_is_lost(w);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "assistant", "The second answer.");
    (void)wire_model_gets_item(w, "message", "assistant", "The third answer.");
    wire_model_gets_nothing(w);
    wire_client(w, "{'type':'conversation.item.retrieve','item_id':'item_1'}");
    (void)wire_client_gets(w, "conversation.item.retrieved");
    wire_client(w, "{'type':'conversation.item.delete','item_id':'item_1'}");
    (void)wire_client_gets(w, "conversation.item.deleted");
    wire_close(w);
}

#define HEARD(n) "{'type':'input_audio_buffer.append','audio':'AAA" n "'}"

static void is_told_sound(struct wire *w, const char *sound)
{
    assert_string_equal(wire_text(wire_model_gets(w, "input_audio_buffer.append"), "audio"), sound);
}

static void what_the_user_was_saying_is_said_to_the_next_model(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    wire_client(w, HEARD("A"));
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','item_id':'u'}");
    wire_client(w, HEARD("B"));
    wire_model_forget(w);
    model_is_lost(w);
    wire_client(w, HEARD("C"));
    model_agrees(w);
    is_told_sound(w, "AAAA");
    is_told_sound(w, "AAAB");
    is_told_sound(w, "AAAC");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void what_a_lost_model_had_heard_whole_is_not_said_again(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    wire_client(w, HEARD("A"));
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','item_id':'u'}");
    wire_model(w, "{'type':'input_audio_buffer.speech_stopped','event_id':'e','item_id':'u'}");
    wire_model(w, "{'type':'input_audio_buffer.committed','event_id':'e','item_id':'u'}");
    wire_client(w, HEARD("B"));
    wire_model_forget(w);
    model_is_lost(w);
    model_agrees(w);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_turn_that_the_client_commits_is_said_and_committed_again(void **state)
{
    (void)state;
    struct wire *w = wire_open("turn_detection = none");

    wire_client(w, HEARD("A"));
    wire_client(w, "{'type':'input_audio_buffer.commit'}");
    wire_model_forget(w);
    model_is_lost(w);
    model_agrees(w);
    is_told_sound(w, "AAAA");
    (void)wire_model_gets(w, "input_audio_buffer.commit");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void speech_is_told_in_its_words_or_as_unknown(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_shows(
        w, "added", "item_1",
        "'type':'message','role':'user','content':[{'type':'input_audio','transcript':null}]");
    model_shows(
        w, "added", "item_2",
        "'type':'message','role':'user','content':[{'type':'input_audio','transcript':null}]");
    wire_model(w, "{'type':'conversation.item.input_audio_transcription.completed','event_id':'e','"
                  "item_id':'item_2','content_index':0,'transcript':'What is it?'}");
    model_is_lost(w);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "user", "(spoken, and not written down)");
    (void)wire_model_gets_item(w, "message", "user", "What is it?");
    wire_close(w);
}

/* ---- which model ---- */

static void when_the_model_stays_away_the_next_takes_over(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", ""), "a, b");
    struct wire *w = wire_open("");

    wire_advance_ms(w, 60000);
    model_is_lost(w);
    assert_string_equal(wire_model_name(w), "a");
    model_is_lost(w);
    assert_string_equal(wire_model_name(w), "b");
    model_agrees(w);
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_model_that_refuses_the_settings_is_passed_over(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", ""), "a, b");
    struct wire *w = wire_open("");

    wire_advance_ms(w, 60000);
    model_is_lost(w);
    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    wire_model(w, "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
                  "invalid_value','message':'no such voice'}}");
    assert_string_equal(wire_model_name(w), "b");
    model_agrees(w);
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_model_that_stays_away_is_asked_again_until_time_is_up(void **state)
{
    (void)state;
    struct wire *w = wire_open("reconnect_ms = 3s");

    model_is_lost(w);
    model_is_lost(w);
    wire_advance_ms(w, 500);
    assert_int_equal(wire_model_opens(w), 3);
    model_is_lost(w);
    wire_advance_ms(w, 1000);
    assert_int_equal(wire_model_opens(w), 4);
    wire_client_gets_nothing(w);
    model_is_lost(w);
    (void)wire_client_gets(w, "error");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void a_model_that_is_lost_time_and_again_ends_the_session(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    for (int i = 0; i < 5; i++) {
        model_is_lost(w);
        model_agrees(w);
        wire_model_forget(w);
    }
    model_is_lost(w);
    (void)wire_client_gets(w, "error");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void what_would_fail_again_is_told(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    wire_model_closes(w, PARLEY_E_DENIED, 3000, "invalid_api_key", false);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "invalid_api_key");
    wire_client_is_closed(w, 3000);
    wire_close(w);
}

/* ---- rotation ---- */

static void before_its_limit_a_model_is_replaced_in_a_quiet_moment(void **state)
{
    (void)state;
    wire_record(false, "");
    wire_models(LIMITED, "m");
    struct wire *w = wire_open("");

    wire_advance_ms(w, 14999);
    assert_int_equal(wire_model_opens(w), 1);
    wire_advance_ms(w, 1);
    assert_int_equal(wire_model_opens(w), 2);
    wire_model_use(w, 0);
    assert_false(wire_model_is_closed(w)); /* the new one is there first */
    wire_model_use(w, 1);
    model_agrees(w);
    wire_model_use(w, 0);
    assert_true(wire_model_is_closed(w));
    wire_client_gets_nothing(w);
    assert_true(recording_value(wire_recording(w), "parley.backend.reconnects",
                                "parley.reconnect_reason", "limit") == 1);
    wire_close(w);
}

static void a_limit_that_is_none_moves_nothing(void **state)
{
    static const char *const said[] = {
        "9223372036854775807", "-9223372036854775808", "0", "null", "\"soon\"", "1e300"};

    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        struct wire *w = wire_connect("");
        wire_model_created_until(w, said[i]);
        wire_advance_ms(w, 3600000);
        assert_int_equal(wire_model_opens(w), 1);
        wire_close(w);
    }
}

static void nobody_is_cut_off_by_a_rotation(void **state)
{
    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open("");

    model_begins(w, "resp_1");
    model_puts_out(w, "added", "resp_1", "item_1", UNSPOKEN);
    says_sound(w, "resp_1", "item_1");
    wire_advance_ms(w, 15000);
    model_agrees(w);
    wire_model_use(w, 0);
    assert_false(wire_model_is_closed(w)); /* it speaks */
    says_sound(w, "resp_1", "item_1");
    model_ends(w, "resp_1", "completed");
    assert_false(wire_model_is_closed(w)); /* it is heard */
    wire_advance_ms(w, 900);
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':1,'"
                  "item_id':'item_2'}");
    wire_advance_ms(w, 1500);
    assert_false(wire_model_is_closed(w)); /* the user speaks */
    wire_model(w, "{'type':'input_audio_buffer.cleared','event_id':'e'}");
    assert_true(wire_model_is_closed(w));
    wire_close(w);
}

static void at_last_it_goes_without_a_quiet_moment(void **state)
{
    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open("");

    model_begins(w, "resp_1");
    (void)wire_client_gets(w, "response.created");
    wire_advance_ms(w, 15000);
    model_agrees(w);
    wire_advance_ms(w, 3749);
    wire_client_gets_nothing(w);
    wire_advance_ms(w, 1);
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.status"), "failed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_lost_model_does_not_wait_for_a_quiet_moment(void **state)
{
    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open("");

    model_begins(w, "resp_1");
    (void)wire_client_gets(w, "response.created");
    wire_advance_ms(w, 15000);
    model_agrees(w);
    wire_model_use(w, 0);
    model_is_lost(w);
    (void)wire_client_gets(w, "response.done");
    wire_model_use(w, 1);
    (void)wire_model_gets(w, "response.create");
    assert_int_equal(wire_model_opens(w), 2);
    wire_close(w);
}

static void six_rotations_are_one_session(void **state)
{
    char item[32];
    char response[32];

    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open("tools = t");

    writes(w, "item_code");
    model_begins(w, "resp_1");
    model_puts_out(w, "done", "resp_1", "item_c", CALL("call_1", "fast", "completed"));
    model_ends(w, "resp_1", "completed");
    wire_advance_ms(w, 1);
    wire_model_forget(w);
    for (int i = 0; i < 6; i++) {
        (void)snprintf(item, sizeof(item), "item_%d", i + 10);
        (void)snprintf(response, sizeof(response), "resp_%d", i + 10);
        model_answers(w, response, item, SPOKEN("Yes."));
        wire_client_forget(w);
        wire_advance_ms(w, 15000);
        wire_advance_ms(w, 0);
        assert_int_equal(wire_model_opens(w), i + 2);
        model_agrees(w);
        const json_t *told = wire_model_gets_item(w, "message", "user", "hello");
        model_shows(w, "added", wire_text(told, "item.id"), USER("hello"));
        char call_id[64];
        view_copy(
            call_id, sizeof(call_id),
            view_of(wire_text(wire_model_gets_item(w, "function_call", "", ""), "item.call_id")));
        told = wire_model_gets_item(w, "function_call_output", "", "");
        assert_string_equal(wire_text(told, "item.output"), "done");
        assert_string_equal(wire_text(told, "item.call_id"), call_id);
        for (int n = 0; n <= i; n++)
            (void)wire_model_gets_item(w, "message", "assistant", "Yes.");
        wire_model_gets_nothing(w);
        wire_client_gets_nothing(w);
    }
    assert_int_equal(wire_tool_calls(w), 1);
    assert_false(wire_client_was_closed(w));
    wire_close(w);
}

/* ---- by hand ---- */

static int answers;
static char answered[256];

static void on_moved(void *ctx, const char *fault)
{
    (void)ctx;
    answers++;
    view_copy(answered, sizeof(answered), view_of(fault == NULL ? "moved" : fault));
}

static void is_asked_to_move(struct wire *w, const char *model)
{
    answers = 0;
    assert_int_equal(
        worker_sessions_move(wire_sessions(w), session_id(wire_session(w)), model, on_moved, NULL),
        PARLEY_OK);
    wire_advance_ms(w, 0);
}

static void an_operator_moves_a_session_to_another_model(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", ""), "a, b");
    struct wire *w = wire_open("");

    model_answers(w, "resp_1", "item_1", SPOKEN("Hello."));
    wire_client_forget(w);
    is_asked_to_move(w, "b");
    assert_string_equal(wire_model_name(w), "b");
    assert_int_equal(answers, 0);
    model_agrees(w);
    (void)wire_model_gets_item(w, "message", "assistant", "Hello.");
    wire_client_gets_nothing(w);
    assert_string_equal(answered, "moved");
    assert_int_equal(answers, 1);
    wire_close(w);
}

static void a_move_that_fails_leaves_the_session_where_it_is(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", ""), "a, b");
    struct wire *w = wire_open("");

    is_asked_to_move(w, "b");
    model_is_lost(w);
    assert_string_equal(answered, "the model says no");
    wire_model_use(w, 0);
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_move_to_where_it_cannot_go_is_refused_in_words(void **state)
{
    (void)state;
    wire_models(WIRE_MODEL("a", "") WIRE_MODEL("b", "lacks = tools"), "a, b");
    struct wire *w = wire_open("tools = t");

    is_asked_to_move(w, "c");
    assert_non_null(strstr(answered, "no model \"c\""));
    is_asked_to_move(w, "b");
    assert_non_null(strstr(answered, "tools"));
    is_asked_to_move(w, "a");
    assert_int_equal(answers, 0);
    (void)worker_sessions_move(wire_sessions(w), session_id(wire_session(w)), "a", on_moved, NULL);
    assert_non_null(strstr(answered, "already"));
    wire_client_leaves(w);
    assert_int_equal(answers, 2);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_model_is_replaced_and_the_client_sees_nothing_of_it),
        cmocka_unit_test(the_new_model_has_the_settings_as_the_client_changed_them),
        cmocka_unit_test(what_the_client_sends_meanwhile_waits),
        cmocka_unit_test(more_than_can_wait_ends_the_session),
        cmocka_unit_test(a_request_that_had_no_answer_is_asked_again),
        cmocka_unit_test(an_answer_that_is_cut_ends_as_failed_and_is_asked_again),
        cmocka_unit_test(an_answer_that_the_client_has_not_heard_of_is_asked_again_unseen),
        cmocka_unit_test(an_answer_that_was_cancelled_is_not_asked_again),
        cmocka_unit_test(a_greeting_is_not_spoken_twice),
        cmocka_unit_test(an_item_that_the_lost_model_did_not_show_is_not_lost),
        cmocka_unit_test(a_call_in_flight_gives_its_result_to_the_new_model),
        cmocka_unit_test(a_result_that_comes_while_no_model_answers_is_not_lost),
        cmocka_unit_test(a_call_of_the_new_model_runs_though_it_counts_from_one_again),
        cmocka_unit_test(names_of_two_models_do_not_meet),
        cmocka_unit_test(items_of_before_keep_their_names_for_the_client),
        cmocka_unit_test(a_model_that_names_items_itself_is_understood),
        cmocka_unit_test(what_was_interrupted_is_told_as_far_as_it_was_heard),
        cmocka_unit_test(an_interruption_after_the_move_is_told_in_the_new_models_terms),
        cmocka_unit_test(the_oldest_part_is_left_out_beyond_the_budget),
        cmocka_unit_test(what_the_user_was_saying_is_said_to_the_next_model),
        cmocka_unit_test(what_a_lost_model_had_heard_whole_is_not_said_again),
        cmocka_unit_test(a_turn_that_the_client_commits_is_said_and_committed_again),
        cmocka_unit_test(speech_is_told_in_its_words_or_as_unknown),
        cmocka_unit_test(when_the_model_stays_away_the_next_takes_over),
        cmocka_unit_test(a_model_that_refuses_the_settings_is_passed_over),
        cmocka_unit_test(a_model_that_stays_away_is_asked_again_until_time_is_up),
        cmocka_unit_test(a_model_that_is_lost_time_and_again_ends_the_session),
        cmocka_unit_test(what_would_fail_again_is_told),
        cmocka_unit_test(before_its_limit_a_model_is_replaced_in_a_quiet_moment),
        cmocka_unit_test(a_limit_that_is_none_moves_nothing),
        cmocka_unit_test(nobody_is_cut_off_by_a_rotation),
        cmocka_unit_test(at_last_it_goes_without_a_quiet_moment),
        cmocka_unit_test(a_lost_model_does_not_wait_for_a_quiet_moment),
        cmocka_unit_test(six_rotations_are_one_session),
        cmocka_unit_test(an_operator_moves_a_session_to_another_model),
        cmocka_unit_test(a_move_that_fails_leaves_the_session_where_it_is),
        cmocka_unit_test(a_move_to_where_it_cannot_go_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
