/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "model_says.h"
#include "recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The sequencer: one response of the conversation at a time, whoever asks. */

#define CREATED(id)                                                                                \
    "{'type':'response.created','event_id':'e','response':{'object':'realtime.response','id':'" id \
    "','status':'in_progress','output':[],'conversation_id':'conv_1'}}"
#define DONE(id, status)                                                                           \
    "{'type':'response.done','event_id':'e','response':{'object':'realtime.response','id':'" id    \
    "','status':'" status "','output':[],'conversation_id':'conv_1','usage':null}}"

static void a_second_create_is_an_error_that_names_its_event(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create','event_id':'one'}");
    wire_client(w, "{'type':'response.create','event_id':'two'}");
    (void)wire_model_gets(w, "response.create");
    wire_model_gets_nothing(w);
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.code"), "conversation_already_has_active_response");
    assert_string_equal(wire_text(e, "error.event_id"), "two");
    wire_close(w);
}

static void a_create_while_a_response_runs_names_the_running_one(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, CREATED("resp_1"));
    (void)wire_client_gets(w, "response.created");
    wire_client(w, "{'type':'response.create','event_id':'b'}");
    const json_t *e = wire_client_gets(w, "error");
    assert_non_null(strstr(wire_text(e, "error.message"), "resp_1"));
    assert_string_equal(wire_text(e, "error.event_id"), "b");
    wire_model(w, DONE("resp_1", "completed"));
    (void)wire_client_gets(w, "response.done");
    wire_client(w, "{'type':'response.create','event_id':'c'}");
    (void)wire_model_gets(w, "response.create");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void cancel_with_nothing_running_is_an_error_and_not_sent_on(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.cancel','event_id':'x'}");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.code"), "response_cancel_not_active");
    assert_string_equal(wire_text(e, "error.event_id"), "x");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void cancel_that_crosses_done_is_the_models_to_answer(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    (void)wire_client_gets(w, "response.created");
    wire_client(w, "{'type':'response.cancel','event_id':'x'}");
    (void)wire_model_gets(w, "response.cancel");
    wire_model(w, DONE("resp_1", "completed")); /* it had ended already */
    (void)wire_client_gets(w, "response.done");
    wire_model(w, "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
                  "response_cancel_not_active','message':'none','param':null,'event_id':'x'}}");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "x");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void cancel_before_created_reaches_the_model_after_the_create(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_client(w, "{'type':'response.cancel'}");
    (void)wire_model_gets(w, "response.create");
    (void)wire_model_gets(w, "response.cancel");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void done_comes_once_and_nothing_after_it(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, CREATED("resp_1"));
    wire_model(w, DONE("resp_1", "completed"));
    wire_model(w, DONE("resp_1", "completed"));
    wire_model(w, "{'type':'response.output_audio.delta','event_id':'e','response_id':'resp_1','"
                  "item_id':'i','output_index':0,'content_index':0,'delta':'AAAA'}");
    wire_model(w, "{'type':'response.content_part.done','event_id':'e','response_id':'resp_1','"
                  "item_id':'i','output_index':0,'content_index':0,'part':{'type':'audio'}}");
    wire_model(w, DONE("resp_9", "completed"));
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.done");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_model_that_starts_a_second_one_ends_the_first_for_the_client(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    wire_model(w, CREATED("resp_2"));
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_1");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.id"), "resp_1");
    assert_string_equal(wire_text(done, "response.status"), "failed");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_2");
    wire_close(w);
}

static void a_created_without_a_fresh_id_is_left_out(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    (void)wire_client_gets(w, "response.created");
    wire_model(w, CREATED("resp_1"));
    wire_model(w, "{'type':'response.created','event_id':'e','response':{}}");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void out_of_band_responses_run_beside(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_client(w, "{'type':'response.create','response':{'conversation':'none'}}");
    (void)wire_model_gets(w, "response.create");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, "{'type':'response.created','event_id':'e','response':{'id':'resp_o','status':'"
                  "in_progress','output':[],'conversation_id':null}}");
    wire_model(w, CREATED("resp_1"));
    wire_model(w, "{'type':'response.done','event_id':'e','response':{'id':'resp_o','status':'"
                  "completed','output':[],'conversation_id':null,'usage':null}}");
    wire_model(w, DONE("resp_1", "completed"));
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_o");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_1");
    assert_string_equal(wire_text(wire_client_gets(w, "response.done"), "response.id"), "resp_o");
    assert_string_equal(wire_text(wire_client_gets(w, "response.done"), "response.id"), "resp_1");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_model_that_never_begins_is_told_after_a_while(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create','event_id':'slow'}");
    wire_advance_ms(w, 29999);
    wire_client_gets_nothing(w);
    wire_advance_ms(w, 2);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "slow");
    wire_client(w, "{'type':'response.create','event_id':'again'}");
    (void)wire_model_gets(w, "response.create");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

/* The model refuses the event that it was told last. */
static void model_refuses(struct wire *w, const char *code, const char *event_id)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
                   "%s','message':'no','param':null,'event_id':'%s'}}",
                   code, event_id);
    wire_model(w, text);
}

static void a_refused_create_frees_the_way(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create','event_id':'a\\u00e9'}");
    model_refuses(w, "invalid_value", wire_text(wire_model_gets(w, "response.create"), "event_id"));
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "a\xC3\xA9");
    wire_client(w, "{'type':'response.create','event_id':'b'}");
    (void)wire_model_gets(w, "response.create");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_refused_create_without_an_id_frees_the_way(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    model_refuses(w, "invalid_value", wire_text(wire_model_gets(w, "response.create"), "event_id"));
    const json_t *e = wire_client_gets(w, "error");
    assert_true(json_is_null(wire_at(e, "error.event_id")));
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_refusal_that_names_no_event_is_of_the_create_that_waits(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create','event_id':'a'}");
    wire_model(w, "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
                  "conversation_already_has_active_response','message':'no'}}");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "a");
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_late_refusal_does_not_touch_the_next_create(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create','event_id':'a'}");
    char first[64];
    (void)snprintf(first, sizeof(first), "%s",
                   wire_text(wire_model_gets(w, "response.create"), "event_id"));
    wire_model(w, CREATED("resp_v")); /* turn detection was faster */
    wire_model(w, DONE("resp_v", "completed"));
    wire_client(w, "{'type':'response.create','event_id':'b'}");
    model_refuses(w, "conversation_already_has_active_response", first);
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "a");
    wire_client(w, "{'type':'response.create','event_id':'c'}");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "c");
    wire_close(w);
}

static void new_events_of_a_response_end_with_it(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    (void)wire_client_gets(w, "response.created");
    wire_model(w, "{'type':'response.new.thing','event_id':'e','response_id':'resp_1'}");
    (void)wire_client_gets(w, "response.new.thing");
    wire_model(w, DONE("resp_1", "completed"));
    (void)wire_client_gets(w, "response.done");
    wire_model(w, "{'type':'response.new.thing','event_id':'e','response_id':'resp_1'}");
    wire_client_gets_nothing(w);
    wire_model(w, "{'type':'new.thing','event_id':'e'}");
    (void)wire_client_gets(w, "new.thing");
    wire_close(w);
}

static void a_model_cannot_begin_responses_without_end(void **state)
{
    struct wire *w = wire_open("");
    char text[256];

    (void)state;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof(text),
                       "{'type':'response.created','event_id':'e','response':{'id':'resp_%d','"
                       "status':'in_progress','output':[],'conversation_id':null}}",
                       i);
        wire_model(w, text);
    }
    for (int i = 0; i < 64; i++)
        (void)wire_client_gets(w, "response.created");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void the_agent_greets_first(void **state)
{
    struct wire *w = wire_open("greeting = Say hello.");

    (void)state;
    const json_t *create = wire_model_gets(w, "response.create");
    assert_string_equal(wire_text(create, "response.instructions"), "Say hello.");
    wire_model(w, CREATED("resp_1"));
    wire_model(w, DONE("resp_1", "completed"));
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.done");
    wire_close(w);
}

static void a_client_cannot_give_instructions_that_the_agent_keeps(void **state)
{
    struct wire *w = wire_open("instructions = Be kind.\nclient_may_set = output_modalities");

    (void)state;
    wire_client(w, "{'type':'response.create','response':{'instructions':'Be "
                   "rude.','output_modalities':['text'],'metadata':{'k':'v'}}}");
    const json_t *create = wire_model_gets(w, "response.create");
    assert_null(wire_at(create, "response.instructions"));
    assert_string_equal(wire_text(create, "response.output_modalities.0"), "text");
    assert_string_equal(wire_text(create, "response.metadata.k"), "v");
    wire_close(w);
}

static void a_server_that_stops_waits_for_the_running_response(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, CREATED("resp_1"));
    (void)wire_client_gets(w, "response.created");
    wire_drain(w, 5000);
    wire_advance_ms(w, 100);
    assert_false(wire_client_was_closed(w));
    wire_model(w, DONE("resp_1", "completed"));
    (void)wire_client_gets(w, "response.done");
    wire_advance_ms(w, 0);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "server_stopping");
    wire_client_is_closed(w, 1001);
    wire_close(w);
}

static void a_server_that_stops_cuts_a_response_that_takes_too_long(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, CREATED("resp_1"));
    (void)wire_client_gets(w, "response.created");
    wire_drain(w, 5000);
    wire_advance_ms(w, 5000);
    assert_string_equal(wire_text(wire_client_gets(w, "response.done"), "response.status"),
                        "failed");
    (void)wire_client_gets(w, "error");
    wire_client_is_closed(w, 1001);
    wire_close(w);
}

static void hears(struct wire *w, const char *item, const char *words)
{
    char event[300];

    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.input_audio_transcription.completed','event_id':'e',"
                   "'item_id':'%s','content_index':0,'transcript':'%s'}",
                   item, words);
    wire_model(w, event);
}

#define HEARD                                                                                      \
    "'type':'message','role':'user','status':'completed','content':[{'type':'input_audio'}]"

/* Transcription is slower than some answers are long. */
static void words_that_come_after_their_turn_are_none_of_the_next(void **state)
{
    (void)state;
    wire_record(true, "");
    struct wire *w = wire_open("");
    model_hears_speech(w);
    model_hears_silence(w);
    model_shows(w, "added", "item_u", HEARD);
    model_answers(w, "resp_1", "item_a", SPOKEN("Yes."));
    hears(w, "item_u", "Are you there?");
    model_hears_speech(w);
    model_hears_silence(w);
    model_shows(w, "added", "item_v", HEARD);
    hears(w, "item_v", "What is the time?");
    model_answers(w, "resp_2", "item_b", SPOKEN("Ten."));
    char *all = json_dumps(recording_spans(wire_recording(w)), 0);
    assert_non_null(strstr(all, "What is the time?"));
    assert_null(strstr(all, "Are you there?"));
    free(all);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_create_is_an_error_that_names_its_event),
        cmocka_unit_test(a_create_while_a_response_runs_names_the_running_one),
        cmocka_unit_test(cancel_with_nothing_running_is_an_error_and_not_sent_on),
        cmocka_unit_test(cancel_that_crosses_done_is_the_models_to_answer),
        cmocka_unit_test(cancel_before_created_reaches_the_model_after_the_create),
        cmocka_unit_test(done_comes_once_and_nothing_after_it),
        cmocka_unit_test(a_model_that_starts_a_second_one_ends_the_first_for_the_client),
        cmocka_unit_test(a_created_without_a_fresh_id_is_left_out),
        cmocka_unit_test(out_of_band_responses_run_beside),
        cmocka_unit_test(a_model_that_never_begins_is_told_after_a_while),
        cmocka_unit_test(a_refused_create_frees_the_way),
        cmocka_unit_test(a_refused_create_without_an_id_frees_the_way),
        cmocka_unit_test(a_refusal_that_names_no_event_is_of_the_create_that_waits),
        cmocka_unit_test(a_late_refusal_does_not_touch_the_next_create),
        cmocka_unit_test(new_events_of_a_response_end_with_it),
        cmocka_unit_test(a_model_cannot_begin_responses_without_end),
        cmocka_unit_test(the_agent_greets_first),
        cmocka_unit_test(a_client_cannot_give_instructions_that_the_agent_keeps),
        cmocka_unit_test(a_server_that_stops_waits_for_the_running_response),
        cmocka_unit_test(words_that_come_after_their_turn_are_none_of_the_next),
        cmocka_unit_test(a_server_that_stops_cuts_a_response_that_takes_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
