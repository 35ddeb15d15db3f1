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

/* What the next model is not told any more, it is told as a summary by the model before it. */

#define LIMITED WIRE_MODEL("m", "limit_ms = 20s")

/* ---- a summary of the older part ---- */

#define SUMMARISES "history_tokens = 40\nrotation_history = summarise"

/* The limit is near, the next model is there, and the first one is asked. */
static void is_asked_for_a_summary(struct wire *w, char id[64])
{
    model_answers(w, "resp_2", "item_1", SPOKEN("The first answer, of so and so many words."));
    model_answers(w, "resp_3", "item_2", SPOKEN("The second answer."));
    model_answers(w, "resp_4", "item_3", SPOKEN("The third answer."));
    wire_client_forget(w);
    wire_advance_ms(w, 15000);
    wire_model_use(w, 1);
    model_agrees(w);
    wire_model_gets_nothing(w); /* the move waits */
    wire_model_use(w, 0);
    assert_false(wire_model_is_closed(w));
    const json_t *ask = wire_model_gets(w, "response.create");
    assert_string_equal(wire_text(ask, "response.conversation"), "none");
    assert_string_equal(wire_text(ask, "response.output_modalities.0"), "text");
    assert_string_equal(wire_text(ask, "response.input.0.content.0.text"),
                        "assistant: The first answer, of so and so many words.\n");
    view_copy(id, 64, view_of(wire_text(ask, "event_id")));
}

static void summary_begins(struct wire *w, const char *id)
{
    char event[512];

    (void)snprintf(event, sizeof(event),
                   "{'type':'response.created','event_id':'e','response':{'id':'resp_s','status':"
                   "'in_progress','conversation_id':null,'metadata':{'parley_summary':'%s'},"
                   "'output':[]}}",
                   id);
    wire_model(w, event);
    wire_model(w, "{'type':'response.output_text.delta','event_id':'e','response_id':'resp_s','"
                  "item_id':'i_s','output_index':0,'content_index':0,'delta':'They'}");
}

#define SUMMARY_ENDS(status, text)                                                                 \
    "{'type':'response.done','event_id':'e','response':{'id':'resp_s','status':'" status           \
    "','conversation_id':null,'output':[{'id':'i_s','type':'message','role':'assistant','content'" \
    ":[{'type':'output_text','text':'" text "'}]}],'usage':{'total_tokens':30,'input_tokens':20,"  \
    "'output_tokens':10,'input_token_details':{'text_tokens':20},'output_token_details':{"         \
    "'text_tokens':10}}}}"

static void is_told_the_rest(struct wire *w)
{
    (void)wire_model_gets_item(w, "message", "assistant", "The second answer.");
    (void)wire_model_gets_item(w, "message", "assistant", "The third answer.");
    wire_model_gets_nothing(w);
    wire_client_gets_nothing(w);
}

static void what_does_not_fit_is_told_as_a_summary(void **state)
{
    char id[64], item[64], event[400];

    (void)state;
    wire_record(false, "");
    wire_models(LIMITED, "m");
    struct wire *w = wire_open(SUMMARISES);
    is_asked_for_a_summary(w, id);
    summary_begins(w, id);
    wire_client_gets_nothing(w);
    wire_model(w, SUMMARY_ENDS("completed", "They met."));
    assert_true(wire_model_is_closed(w));
    wire_model_use(w, 1);
    const json_t *told = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(told, "item.role"), "system");
    assert_non_null(strstr(wire_text(told, "item.content.0.text"), "Summary of the earlier part"));
    assert_non_null(strstr(wire_text(told, "item.content.0.text"), "They met."));
    view_copy(item, sizeof(item), view_of(wire_text(told, "item.id")));
    is_told_the_rest(w);
    (void)snprintf(event, sizeof(event),
                   "'type':'message','role':'system','content':[{'type':'input_text','text':'s'}]");
    model_shows(w, "added", item, event);
    model_shows(w, "done", item, event);
    wire_client_gets_nothing(w); /* the client does not see it */
    assert_true(recording_sum(wire_recording(w), "gen_ai.client.token.usage", "gen_ai.token.type",
                              "output") >= 10);
    wire_close(w);
}

static void a_summary_costs_something_too(void **state)
{
    char id[64];

    (void)state;
    wire_record(false, "");
    wire_models(LIMITED "[price m]\ninput_text = 1000\noutput_text = 2000\n", "m");
    struct wire *w = wire_open(SUMMARISES);
    is_asked_for_a_summary(w, id);
    double before = recording_value(wire_recording(w), "parley.cost", NULL, NULL);
    summary_begins(w, id);
    wire_model(w, SUMMARY_ENDS("completed", "They met."));
    assert_float_equal(recording_value(wire_recording(w), "parley.cost", NULL, NULL) - before, 0.04,
                       1e-9);
    wire_close(w);
}

static void a_summary_that_fails_is_done_without(void **state)
{
    char id[64];

    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open(SUMMARISES);
    is_asked_for_a_summary(w, id);
    summary_begins(w, id);
    wire_model(w, SUMMARY_ENDS("failed", ""));
    assert_true(wire_model_is_closed(w));
    wire_model_use(w, 1);
    is_told_the_rest(w);
    wire_close(w);
}

static void a_summary_that_is_refused_is_done_without(void **state)
{
    char id[64], event[300];

    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open(SUMMARISES);
    is_asked_for_a_summary(w, id);
    (void)snprintf(event, sizeof(event),
                   "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':"
                   "'invalid_value','message':'no','event_id':'%s'}}",
                   id);
    wire_model(w, event);
    assert_true(wire_model_is_closed(w));
    wire_model_use(w, 1);
    is_told_the_rest(w);
    wire_close(w);
}

static void a_summary_is_not_waited_for_when_time_is_up(void **state)
{
    char id[64];

    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open(SUMMARISES);
    is_asked_for_a_summary(w, id);
    summary_begins(w, id);
    wire_advance_ms(w, 3750);
    assert_true(wire_model_is_closed(w));
    wire_model_use(w, 1);
    is_told_the_rest(w);
    wire_close(w);
}

static void a_summary_is_not_waited_for_when_the_model_is_lost(void **state)
{
    char id[64];

    (void)state;
    wire_models(LIMITED, "m");
    struct wire *w = wire_open(SUMMARISES);
    is_asked_for_a_summary(w, id);
    summary_begins(w, id);
    model_is_lost(w);
    wire_model_use(w, 1);
    is_told_the_rest(w);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_told_as_a_summary),
        cmocka_unit_test(a_summary_costs_something_too),
        cmocka_unit_test(a_summary_that_fails_is_done_without),
        cmocka_unit_test(a_summary_that_is_refused_is_done_without),
        cmocka_unit_test(a_summary_is_not_waited_for_when_time_is_up),
        cmocka_unit_test(a_summary_is_not_waited_for_when_the_model_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
