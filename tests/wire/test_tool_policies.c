/* SPDX-License-Identifier: Apache-2.0 */
#include "model_says.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <parley/types.h>

/* What the operator decides about a tool: interruptions, duplicates, side effects, limits. */

#define SPEAKS_FOR_ITSELF "\nclient_trace = no"

/* A turn of speech that calls a tool; the response with the call is over. */
static struct wire *with_call(const char *agent_lines, const char *tool)
{
    struct wire *w = wire_open(agent_lines);

    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", tool);
    model_ends(w, "resp_1", "completed");
    wire_client_gets_nothing(w);
    wire_model_gets_nothing(w);
    return w;
}

static void output_is(struct wire *w, const char *call_id, const char *part)
{
    const json_t *create = wire_model_gets(w, "conversation.item.create");

    assert_string_equal(wire_text(create, "item.type"), "function_call_output");
    assert_string_equal(wire_text(create, "item.call_id"), call_id);
    if (strstr(wire_text(create, "item.output"), part) == NULL)
        fail_msg("%s", wire_text(create, "item.output"));
}

static void the_client_hears(struct wire *w, const char *type)
{
    (void)wire_client_gets(w, type);
}

/* ---- keep ---- */

static void a_kept_call_whose_result_the_next_response_sees_asks_for_no_other(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = keep" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    assert_false(wire_tool_was_cancelled(w, 0));
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_ends(w, "resp_2", "completed");
    wire_advance_ms(w, 60000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void
a_kept_call_whose_result_came_too_late_for_the_response_is_answered_after_it(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = keep" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    model_hears_silence(w);
    model_begins(w, "resp_2"); /* it does not know the result */
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    wire_model_gets_nothing(w);
    model_ends(w, "resp_2", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_kept_result_is_told_when_what_was_heard_led_to_no_response(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = keep" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    model_hears_silence(w); /* a cough */
    wire_model_gets_nothing(w);
    wire_advance_ms(w, 5001);
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_kept_result_is_not_spoken_into_the_users_speech(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = keep" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_ends(w, "resp_2", "completed");
    model_hears_speech(w);
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    wire_model_gets_nothing(w);
    model_hears_silence(w);
    model_begins(w, "resp_3"); /* sees it */
    model_ends(w, "resp_3", "completed");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_client_that_cancels_because_of_speech_still_hears_of_a_kept_result(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = keep" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    wire_client(w, "{'type':'response.cancel'}");
    model_hears_silence(w);
    model_begins(w, "resp_2");
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    model_ends(w, "resp_2", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_kept_result_is_told_with_that_of_the_next_turns_calls(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = keep" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_2", "wipe");
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    model_ends(w, "resp_2", "completed");
    wire_model_gets_nothing(w); /* the call of this turn still runs */
    wire_tool_ends(w, 1, "wiped");
    output_is(w, "call_2", "wiped");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_3");
    model_ends(w, "resp_3", "completed");
    wire_advance_ms(w, 60000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_model_that_refuses_the_late_answer_is_not_asked_for_ever(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = keep" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_ends(w, "resp_2", "completed");
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    for (int i = 0; i < 4; i++)
        model_is_busy(w, wire_text(wire_model_gets(w, "response.create"), "event_id"));
    wire_advance_ms(w, 60000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_kept_call_does_not_hold_up_what_the_client_asks_for(void **state)
{
    struct wire *w = with_call(
        "tools = t\nt.on_interrupt = keep\nturn_detection = none" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    wire_client(w, "{'type':'response.cancel'}");
    the_client_hears(w, "response.created"); /* the hidden one, and its end */
    the_client_hears(w, "response.done");
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_2");
    wire_tool_ends(w, 0, "late");
    output_is(w, "call_1", "late");
    model_ends(w, "resp_2", "completed");
    wire_model_gets_nothing(w); /* who cancels asks again */
    wire_close(w);
}

/* ---- cancel ---- */

static void a_call_without_side_effects_is_cancelled_by_speech(void **state)
{
    struct wire *w = with_call("tools = t" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    assert_true(wire_tool_was_cancelled(w, 0));
    output_is(w, "call_1", "the user began to speak. It changed nothing");
    wire_tool_ends(w, 0, "too late");
    model_hears_silence(w);
    wire_advance_ms(w, 60000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_cancelled_call_with_side_effects_is_not_called_undone(void **state)
{
    struct wire *w = with_call("tools = t\nt.wipe.on_interrupt = cancel" SPEAKS_FOR_ITSELF, "wipe");

    (void)state;
    model_hears_speech(w);
    assert_true(wire_tool_was_cancelled(w, 0));
    output_is(w, "call_1", "Whether it took effect is not known");
    wire_close(w);
}

static void a_result_that_was_there_before_the_cancel_counts(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "fast");
    output_is(w, "call_1", "done");
    model_hears_speech(w);
    model_ends(w, "resp_1", "cancelled");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void speech_that_does_not_interrupt_stops_no_tool(void **state)
{
    struct wire *w = with_call("tools = t\ninterrupt_response = no" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    assert_false(wire_tool_was_cancelled(w, 0));
    wire_tool_ends(w, 0, "found");
    output_is(w, "call_1", "found");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

/* ---- detach ---- */

static void a_detached_call_has_a_result_at_once_and_is_told_of_when_it_ends(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = detach" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    assert_false(wire_tool_was_cancelled(w, 0));
    output_is(w, "call_1", "goes on in the background");
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_ends(w, "resp_2", "completed");
    wire_tool_ends(w, 0, "the table is booked");
    const json_t *note = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(note, "item.role"), "system");
    assert_non_null(strstr(wire_text(note, "item.content.0.text"), "the table is booked"));
    assert_non_null(strstr(wire_text(note, "item.content.0.text"), "call_1"));
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void the_note_of_a_detached_call_waits_for_the_running_response(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = detach" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    output_is(w, "call_1", "goes on in the background");
    model_hears_silence(w);
    model_begins(w, "resp_2");
    wire_tool_ends(w, 0, "booked");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model_gets_nothing(w);
    model_ends(w, "resp_2", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void the_note_is_hidden_like_the_call(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = detach" SPEAKS_FOR_ITSELF, "slow");
    char echo[512];

    (void)state;
    model_hears_speech(w);
    the_client_hears(w, "input_audio_buffer.speech_started");
    output_is(w, "call_1", "background");
    wire_tool_ends(w, 0, "secret");
    const json_t *note = wire_model_gets(w, "conversation.item.create");
    (void)snprintf(echo, sizeof(echo),
                   "{'type':'conversation.item.added','event_id':'e','previous_item_id':null,'item'"
                   ":{'id':'%s','type':'message','role':'system','content':[{'type':'input_text','"
                   "text':'secret'}]}}",
                   wire_text(note, "item.id"));
    wire_model(w, echo);
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_detached_call_that_takes_too_long_is_told_of_as_failed(void **state)
{
    struct wire *w = with_call(
        "tools = t\nt.on_interrupt = detach\nt.timeout_ms = 3s" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    output_is(w, "call_1", "background");
    wire_advance_ms(w, 3001);
    const json_t *note = wire_model_gets(w, "conversation.item.create");
    assert_non_null(strstr(wire_text(note, "item.content.0.text"), "has failed"));
    wire_close(w);
}

static void a_call_is_detached_once(void **state)
{
    struct wire *w = with_call("tools = t\nt.on_interrupt = detach" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    model_hears_speech(w);
    output_is(w, "call_1", "background");
    model_hears_silence(w);
    model_hears_speech(w);
    wire_model_gets_nothing(w);
    wire_close(w);
}

/* ---- duplicates ---- */

static void call_again(struct wire *w, const char *tool, const char *first, const char *second)
{
    model_begins(w, "resp_1");
    model_calls_with(w, "resp_1", "call_1", tool, first);
    model_calls_with(w, "resp_1", "call_2", tool, second);
}

static void duplicates_run_beside_each_other_when_they_change_nothing(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    call_again(w, "slow", "{}", "{}");
    assert_int_equal(wire_tool_calls(w), 2);
    wire_close(w);
}

static void a_duplicate_is_rejected_while_the_first_runs(void **state)
{
    struct wire *w = wire_open("tools = t\nt.slow.on_duplicate = reject" SPEAKS_FOR_ITSELF);

    (void)state;
    call_again(w, "slow", "{\\\"a\\\":1,\\\"b\\\":2}", "{ \\\"b\\\":2, \\\"a\\\":1 }");
    assert_int_equal(wire_tool_calls(w), 1);
    output_is(w, "call_2", "still runs");
    model_calls_with(w, "resp_1", "call_3", "slow", "{\\\"a\\\":2,\\\"b\\\":2}");
    assert_int_equal(wire_tool_calls(w), 2);
    model_ends(w, "resp_1", "completed");
    wire_tool_ends(w, 0, "x");
    wire_tool_ends(w, 1, "y");
    output_is(w, "call_1", "x");
    output_is(w, "call_3", "y");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_2");
    model_calls_with(w, "resp_2", "call_4", "slow", "{\\\"a\\\":1,\\\"b\\\":2}");
    assert_int_equal(wire_tool_calls(w), 3); /* the first has ended */
    wire_close(w);
}

static void a_duplicate_replaces_the_first(void **state)
{
    struct wire *w = wire_open("tools = t\nt.slow.on_duplicate = replace" SPEAKS_FOR_ITSELF);

    (void)state;
    call_again(w, "slow", "{}", "{}");
    assert_int_equal(wire_tool_calls(w), 2);
    assert_true(wire_tool_was_cancelled(w, 0));
    output_is(w, "call_1", "replaces it");
    model_ends(w, "resp_1", "completed");
    wire_tool_ends(w, 1, "found");
    output_is(w, "call_2", "found");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_duplicate_with_side_effects_is_rejected_unless_said_otherwise(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    call_again(w, "wipe", "{}", "{}");
    assert_int_equal(wire_tool_calls(w), 1);
    output_is(w, "call_2", "still runs");
    wire_close(w);
}

/* ---- side effects ---- */

static void a_retried_response_does_not_start_it_twice(void **state)
{
    struct wire *w = wire_open("tools = t\nt.on_duplicate = allow" SPEAKS_FOR_ITSELF);

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    model_ends(w, "resp_1", "failed");
    wire_client(w, "{'type':'response.create'}");
    wire_model_gets_nothing(w); /* it waits for the tool */
    wire_tool_ends(w, 0, "wiped");
    output_is(w, "call_1", "wiped");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_2", "wipe");
    assert_int_equal(wire_tool_calls(w), 1);
    output_is(w, "call_2", "wiped");
    model_ends(w, "resp_2", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_call_that_ended_before_its_response_failed_is_not_started_again(void **state)
{
    struct wire *w = wire_open("tools = t\nt.on_duplicate = allow" SPEAKS_FOR_ITSELF);

    (void)state;
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    wire_tool_ends(w, 0, "wiped");
    output_is(w, "call_1", "wiped");
    model_ends(w, "resp_1", "failed");
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_2", "wipe");
    assert_int_equal(wire_tool_calls(w), 1);
    output_is(w, "call_2", "wiped");
    wire_close(w);
}

static void a_call_of_a_response_that_ended_well_may_be_made_again(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    wire_tool_ends(w, 0, "wiped one");
    model_calls(w, "resp_1", "call_2", "wipe"); /* one by one */
    assert_int_equal(wire_tool_calls(w), 2);
    wire_tool_ends(w, 1, "wiped two");
    model_ends(w, "resp_1", "completed");
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_3", "wipe");
    assert_int_equal(wire_tool_calls(w), 3);
    wire_close(w);
}

static void a_model_that_takes_over_does_not_start_it_twice(void **state)
{
    struct wire *w = wire_open("tools = t\nt.on_duplicate = allow" SPEAKS_FOR_ITSELF);

    (void)state;
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true);
    wire_model_created(w);
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_9", "wipe"); /* while the first runs */
    assert_int_equal(wire_tool_calls(w), 1);
    wire_tool_ends(w, 0, "wiped");
    model_ends(w, "resp_1", "completed");
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_10", "wipe"); /* and after it */
    assert_int_equal(wire_tool_calls(w), 1);
    wire_close(w);
}

static void after_new_words_of_the_user_the_same_call_is_meant(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    model_ends(w, "resp_1", "failed");
    wire_tool_ends(w, 0, "wiped");
    output_is(w, "call_1", "wiped");
    model_hears_speech(w);
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_2", "wipe");
    assert_int_equal(wire_tool_calls(w), 2);
    wire_close(w);
}

static void what_changes_nothing_may_run_again_after_a_failure(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "slow");
    model_ends(w, "resp_1", "failed");
    wire_tool_ends(w, 0, "x");
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_2", "slow");
    assert_int_equal(wire_tool_calls(w), 2);
    wire_close(w);
}

static void the_store_has_the_record_before_the_tool_starts(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    wire_store_holds(w, true);
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    model_calls(w, "resp_1", "call_2", "fast"); /* changes nothing: need not wait */
    assert_int_equal(wire_tool_calls(w), 1);
    assert_string_equal(wire_tool_call_id(w, 0), "call_2");
    output_is(w, "call_2", "done");
    wire_store_holds(w, false);
    assert_int_equal(wire_tool_calls(w), 2);
    assert_string_equal(wire_tool_call_id(w, 1), "call_1");
    wire_tool_ends(w, 1, "wiped");
    const char *stored = wire_stored(w);
    const char *first = strstr(stored, "call call_1\n");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "call call_1\n")); /* started, then its result */
    wire_close(w);
}

static void a_store_that_is_slow_does_not_keep_the_user_waiting(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    wire_store_holds(w, true);
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    assert_int_equal(wire_tool_calls(w), 0);
    wire_advance_ms(w, 2001);
    assert_int_equal(wire_tool_calls(w), 1);
    wire_store_holds(w, false);
    assert_int_equal(wire_tool_calls(w), 1);
    wire_close(w);
}

static void a_store_that_has_failed_is_not_waited_for(void **state)
{
    struct wire *w = wire_open("tools = t" SPEAKS_FOR_ITSELF);

    (void)state;
    wire_store_fails(w);
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    assert_int_equal(wire_tool_calls(w), 1);
    model_calls(w, "resp_1", "call_2", "slow");
    assert_int_equal(wire_tool_calls(w), 2);
    wire_close(w);
}

static void speech_before_the_start_means_it_never_started(void **state)
{
    struct wire *w = wire_open("tools = t\nt.on_interrupt = cancel" SPEAKS_FOR_ITSELF);

    (void)state;
    wire_store_holds(w, true);
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    model_hears_speech(w);
    output_is(w, "call_1", "It had not begun");
    wire_store_holds(w, false);
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

/* ---- limits, images, progress ---- */

static void a_policy_limits_time_and_size(void **state)
{
    struct wire *w = wire_open("tools = t\ntool_timeout_ms = 60s\nt.slow.timeout_ms = 2s\n"
                               "t.max_output_bytes = 256" SPEAKS_FOR_ITSELF);
    char text[400];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "slow");
    model_calls(w, "resp_1", "call_2", "wipe");
    wire_advance_ms(w, 2001);
    output_is(w, "call_1", "did not answer within 2000 milliseconds");
    wire_tool_ends(w, 1, text);
    output_is(w, "call_2", "the limit is 256");
    wire_close(w);
}

#define PNG "data:image/png;base64,iVBORw0KGgo="

static void an_image_follows_the_output_for_a_model_that_sees(void **state)
{
    struct wire *w = with_call("tools = t" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    wire_tool_shows(w, 0, "a chart", PNG);
    output_is(w, "call_1", "a chart");
    const json_t *image = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(image, "item.role"), "user");
    assert_string_equal(wire_text(image, "item.content.1.type"), "input_image");
    assert_string_equal(wire_text(image, "item.content.1.image_url"), PNG);
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_model_that_cannot_see_is_told_that_there_was_an_image(void **state)
{
    wire_models(WIRE_MODEL("m", "lacks = images"), "m");
    struct wire *w = with_call("tools = t" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    wire_tool_shows(w, 0, "a chart", PNG);
    output_is(w, "call_1",
              "a chart\n[the tool also returned an image, which this model cannot see]");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void an_image_of_another_kind_is_left_out(void **state)
{
    struct wire *w = with_call("tools = t" SPEAKS_FOR_ITSELF, "slow");

    (void)state;
    wire_tool_shows(w, 0, "a film", "data:video/mp4;base64,AAAA");
    output_is(w, "call_1", "an image, of a kind that cannot be shown");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void an_image_that_would_fill_the_conversation_is_left_out(void **state)
{
    struct wire *w = with_call("tools = t\nmax_item_bytes = 4096" SPEAKS_FOR_ITSELF, "slow");
    char image[3000] = "data:image/png;base64,";

    (void)state;
    memset(image + strlen(image), 'A', sizeof(image) - 1 - strlen(image));
    image[sizeof(image) - 1] = '\0';
    wire_tool_shows(w, 0, "a chart", image);
    output_is(w, "call_1", "an image, too large to be shown");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void progress_is_shown_to_who_asked_for_a_trace(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_trace = yes");

    (void)state;
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "slow");
    the_client_hears(w, "parley.tool_call.started");
    wire_tool_progress(w, 0, 2, 4, "half");
    const json_t *progress = wire_client_gets(w, "parley.tool_call.progress");
    assert_string_equal(wire_text(progress, "call_id"), "call_1");
    assert_string_equal(wire_text(progress, "message"), "half");
    assert_int_equal(json_number_value(wire_at(progress, "total")), 4);
    wire_tool_progress(w, 0, 3, 0, "more");
    assert_null(wire_at(wire_client_gets(w, "parley.tool_call.progress"), "total"));
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_call_whose_result_the_next_response_sees_asks_for_no_other),
        cmocka_unit_test(
            a_kept_call_whose_result_came_too_late_for_the_response_is_answered_after_it),
        cmocka_unit_test(a_kept_result_is_told_when_what_was_heard_led_to_no_response),
        cmocka_unit_test(a_kept_result_is_not_spoken_into_the_users_speech),
        cmocka_unit_test(a_client_that_cancels_because_of_speech_still_hears_of_a_kept_result),
        cmocka_unit_test(a_kept_result_is_told_with_that_of_the_next_turns_calls),
        cmocka_unit_test(a_model_that_refuses_the_late_answer_is_not_asked_for_ever),
        cmocka_unit_test(a_kept_call_does_not_hold_up_what_the_client_asks_for),
        cmocka_unit_test(a_call_without_side_effects_is_cancelled_by_speech),
        cmocka_unit_test(a_cancelled_call_with_side_effects_is_not_called_undone),
        cmocka_unit_test(a_result_that_was_there_before_the_cancel_counts),
        cmocka_unit_test(speech_that_does_not_interrupt_stops_no_tool),
        cmocka_unit_test(a_detached_call_has_a_result_at_once_and_is_told_of_when_it_ends),
        cmocka_unit_test(the_note_of_a_detached_call_waits_for_the_running_response),
        cmocka_unit_test(the_note_is_hidden_like_the_call),
        cmocka_unit_test(a_detached_call_that_takes_too_long_is_told_of_as_failed),
        cmocka_unit_test(a_call_is_detached_once),
        cmocka_unit_test(duplicates_run_beside_each_other_when_they_change_nothing),
        cmocka_unit_test(a_duplicate_is_rejected_while_the_first_runs),
        cmocka_unit_test(a_duplicate_replaces_the_first),
        cmocka_unit_test(a_duplicate_with_side_effects_is_rejected_unless_said_otherwise),
        cmocka_unit_test(a_retried_response_does_not_start_it_twice),
        cmocka_unit_test(a_call_that_ended_before_its_response_failed_is_not_started_again),
        cmocka_unit_test(a_call_of_a_response_that_ended_well_may_be_made_again),
        cmocka_unit_test(a_model_that_takes_over_does_not_start_it_twice),
        cmocka_unit_test(after_new_words_of_the_user_the_same_call_is_meant),
        cmocka_unit_test(what_changes_nothing_may_run_again_after_a_failure),
        cmocka_unit_test(the_store_has_the_record_before_the_tool_starts),
        cmocka_unit_test(a_store_that_is_slow_does_not_keep_the_user_waiting),
        cmocka_unit_test(a_store_that_has_failed_is_not_waited_for),
        cmocka_unit_test(speech_before_the_start_means_it_never_started),
        cmocka_unit_test(a_policy_limits_time_and_size),
        cmocka_unit_test(an_image_follows_the_output_for_a_model_that_sees),
        cmocka_unit_test(a_model_that_cannot_see_is_told_that_there_was_an_image),
        cmocka_unit_test(an_image_of_another_kind_is_left_out),
        cmocka_unit_test(an_image_that_would_fill_the_conversation_is_left_out),
        cmocka_unit_test(progress_is_shown_to_who_asked_for_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
