/* SPDX-License-Identifier: Apache-2.0 */
#include "model_says.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What the agent says while a tool takes long: one response of its own, in a quiet moment. */

#define AGENT                                                                                      \
    "client_may_set = output_modalities\ntools = t\nt.filler = One moment.\nt.filler_after_ms = "  \
    "2s\n"
#define FILLER "{'parley_filler':'One moment.'}"

static struct wire *asked(const char *more)
{
    char lines[256];

    (void)snprintf(lines, sizeof(lines), AGENT "%s", more);
    struct wire *w = wire_open(lines);
    wire_client(w, "{'type':'response.create','response':{'output_modalities':['text'],'metadata':"
                   "{'n':'1'}}}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "slow");
    return w;
}

static struct wire *waiting(const char *more)
{
    struct wire *w = asked(more);

    model_ends(w, "resp_1", "completed");
    wire_client_gets_nothing(w);
    return w;
}

static void gets_filler(struct wire *w)
{
    const json_t *create = wire_model_gets(w, "response.create");

    assert_string_equal(wire_text(create, "response.metadata.parley_filler"), "One moment.");
    assert_string_equal(wire_text(create, "response.tool_choice"), "none");
    assert_string_equal(wire_text(create, "response.output_modalities.0"), "text");
    assert_non_null(strstr(wire_text(create, "response.instructions"), "One moment."));
}

static void a_call_that_takes_long_has_a_filler_spoken(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 1999);
    wire_model_gets_nothing(w);
    wire_advance_ms(w, 2);
    gets_filler(w);
    model_begins_with(w, "resp_f", FILLER);
    model_speaks(w, "resp_f");
    const json_t *created = wire_client_gets(w, "response.created");
    assert_string_equal(wire_text(created, "response.id"), "resp_f");
    assert_string_equal(wire_text(created, "response.metadata.parley_filler"), "One moment.");
    (void)wire_client_gets(w, "response.output_item.added");
    model_ends(w, "resp_f", "completed");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_int_equal(json_get_int(wire_at(done, "response.usage"), "total_tokens", 0), 3);
    wire_tool_ends(w, 0, "found");
    (void)wire_model_gets(w, "conversation.item.create");
    const json_t *answer = wire_model_gets(w, "response.create");
    assert_string_equal(wire_text(answer, "response.metadata.n"), "1");
    model_begins(w, "resp_2");
    model_speaks(w, "resp_2");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_2");
    (void)wire_client_gets(w, "response.output_item.added");
    model_ends(w, "resp_2", "completed");
    done = wire_client_gets(w, "response.done");
    assert_int_equal(json_get_int(wire_at(done, "response.usage"), "total_tokens", 0), 6);
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_call_that_is_quick_has_none(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 1000);
    wire_tool_ends(w, 0, "found");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_2");
    wire_advance_ms(w, 5000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void the_answer_waits_for_the_end_of_the_filler(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 2001);
    gets_filler(w);
    wire_tool_ends(w, 0, "found"); /* before it began, even */
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model_gets_nothing(w);
    model_begins_with(w, "resp_f", FILLER);
    model_speaks(w, "resp_f");
    wire_model_gets_nothing(w);
    model_ends(w, "resp_f", "completed");
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.metadata.n"),
                        "1");
    wire_close(w);
}

static void it_is_said_once_a_turn(void **state)
{
    struct wire *w = asked("");

    (void)state;
    model_calls(w, "resp_1", "call_2", "wipe");
    model_ends(w, "resp_1", "completed");
    wire_advance_ms(w, 2001);
    gets_filler(w);
    model_begins_with(w, "resp_f", FILLER);
    model_ends(w, "resp_f", "completed");
    wire_advance_ms(w, 10000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void another_response_goes_first(void **state)
{
    struct wire *w = asked("");

    (void)state;
    wire_advance_ms(w, 2001); /* the response with the call still runs */
    wire_model_gets_nothing(w);
    model_ends(w, "resp_1", "completed");
    wire_model_gets_nothing(w);
    wire_advance_ms(w, 2001);
    gets_filler(w);
    wire_close(w);
}

static void it_is_never_spoken_into_the_users_speech(void **state)
{
    struct wire *w = waiting("interrupt_response = no\n");

    (void)state;
    model_hears_speech(w);
    wire_advance_ms(w, 2001);
    wire_model_gets_nothing(w);
    model_hears_silence(w);
    model_begins(w, "resp_2");
    wire_advance_ms(w, 2001);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void an_interrupted_turn_needs_none(void **state)
{
    struct wire *w = waiting("t.on_interrupt = keep\n");

    (void)state;
    model_hears_speech(w);
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_ends(w, "resp_2", "completed");
    wire_advance_ms(w, 10000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void speech_into_the_filler_interrupts_the_turn(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 2001);
    gets_filler(w);
    model_begins_with(w, "resp_f", FILLER);
    model_speaks(w, "resp_f");
    model_hears_speech(w);
    assert_true(wire_tool_was_cancelled(w, 0));
    model_ends(w, "resp_f", "cancelled");
    (void)wire_model_gets(w, "conversation.item.create"); /* what became of the call */
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_client_that_takes_it_for_the_answer_may_go_on(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 2001);
    gets_filler(w);
    model_begins_with(w, "resp_f", FILLER);
    model_speaks(w, "resp_f");
    model_ends(w, "resp_f", "completed");
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.output_item.added");
    (void)wire_client_gets(w, "response.done");
    wire_client(w, "{'type':'response.create','response':{'metadata':{'n':'2'}}}");
    wire_client_gets_nothing(w); /* it waits for the tool, and is no error */
    wire_tool_ends(w, 0, "found");
    (void)wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.metadata.n"),
                        "2");
    model_begins(w, "resp_2");
    model_speaks(w, "resp_2");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_2");
    (void)wire_client_gets(w, "response.output_item.added");
    model_ends(w, "resp_2", "completed");
    (void)wire_client_gets(w, "response.done");
    wire_client_gets_nothing(w);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void cancelling_the_filler_cancels_the_turn(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 2001);
    gets_filler(w);
    model_begins_with(w, "resp_f", FILLER);
    model_speaks(w, "resp_f");
    wire_client(w, "{'type':'response.cancel'}");
    assert_true(wire_tool_was_cancelled(w, 0));
    (void)wire_model_gets(w, "response.cancel");
    (void)wire_model_gets(w, "conversation.item.create");
    model_ends(w, "resp_f", "cancelled");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void turn_detection_that_was_faster_is_no_filler(void **state)
{
    struct wire *w = waiting("t.on_interrupt = keep\n");

    (void)state;
    wire_advance_ms(w, 2001);
    const json_t *create = wire_model_gets(w, "response.create");
    char id[64];
    (void)snprintf(id, sizeof(id), "%s", wire_text(create, "event_id"));
    model_begins(w, "resp_v");
    model_is_busy(w, id);
    model_speaks(w, "resp_v");
    (void)wire_client_gets(w, "response.created"); /* the one that was hidden: replaced */
    (void)wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_v");
    wire_close(w);
}

static void a_model_that_refuses_it_answers_all_the_same(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 2001);
    model_is_busy(w, wire_text(wire_model_gets(w, "response.create"), "event_id"));
    wire_client_gets_nothing(w);
    wire_tool_ends(w, 0, "found");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_filler_that_calls_tools_runs_none(void **state)
{
    struct wire *w = waiting("");

    (void)state;
    wire_advance_ms(w, 2001);
    gets_filler(w);
    model_begins_with(w, "resp_f", FILLER);
    model_calls(w, "resp_f", "call_2", "wipe");
    assert_int_equal(wire_tool_calls(w), 1);
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.create"), "item.call_id"),
                        "call_2");
    model_ends(w, "resp_f", "completed");
    wire_tool_ends(w, 0, "found");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_client_cannot_have_a_response_pass_for_a_filler(void **state)
{
    struct wire *w = wire_open(AGENT);

    (void)state;
    wire_client(w, "{'type':'response.create','response':{'metadata':{'parley_filler':'hey','n':"
                   "'1'}}}");
    const json_t *create = wire_model_gets(w, "response.create");
    assert_null(wire_at(create, "response.metadata.parley_filler"));
    assert_string_equal(wire_text(create, "response.metadata.n"), "1");
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_takes_long_has_a_filler_spoken),
        cmocka_unit_test(a_call_that_is_quick_has_none),
        cmocka_unit_test(the_answer_waits_for_the_end_of_the_filler),
        cmocka_unit_test(it_is_said_once_a_turn),
        cmocka_unit_test(another_response_goes_first),
        cmocka_unit_test(it_is_never_spoken_into_the_users_speech),
        cmocka_unit_test(an_interrupted_turn_needs_none),
        cmocka_unit_test(speech_into_the_filler_interrupts_the_turn),
        cmocka_unit_test(a_client_that_takes_it_for_the_answer_may_go_on),
        cmocka_unit_test(cancelling_the_filler_cancels_the_turn),
        cmocka_unit_test(turn_detection_that_was_faster_is_no_filler),
        cmocka_unit_test(a_model_that_refuses_it_answers_all_the_same),
        cmocka_unit_test(a_filler_that_calls_tools_runs_none),
        cmocka_unit_test(a_client_cannot_have_a_response_pass_for_a_filler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
