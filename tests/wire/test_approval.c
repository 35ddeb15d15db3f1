/* SPDX-License-Identifier: Apache-2.0 */
#include "model_says.h"
#include "recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A tool that a person approves: the client is asked, the model learns what came of the call. */

#define AGENT "tools = t\nt.slow.approval = always\nt.slow.approval_timeout_ms = 30s\n"

#define TOOL_TIME "gen_ai.execute_tool.duration"

static char request[64];

/* The events that ask, from the response's start. */
static void asked(struct wire *w)
{
    (void)wire_client_gets(w, "response.created");
    const json_t *item = wire_at(wire_client_gets(w, "response.output_item.added"), "item");
    assert_string_equal(wire_text(item, "type"), "mcp_approval_request");
    assert_string_equal(wire_text(item, "server_label"), "t");
    assert_string_equal(wire_text(item, "name"), "slow");
    assert_string_equal(wire_text(item, "arguments"), "{\"id\":7}");
    (void)snprintf(request, sizeof(request), "%s", wire_text(item, "id"));
    item = wire_at(wire_client_gets(w, "conversation.item.added"), "item");
    assert_string_equal(wire_text(item, "id"), request);
    item = wire_at(wire_client_gets(w, "conversation.item.done"), "item");
    assert_string_equal(wire_text(item, "type"), "mcp_approval_request");
    (void)wire_client_gets(w, "response.output_item.done");
}

static struct wire *with_request(const char *more)
{
    char lines[256];

    (void)snprintf(lines, sizeof(lines), AGENT "%s", more);
    struct wire *w = wire_open(lines);
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    model_calls_with(w, "resp_1", "call_1", "slow", "{\\\"id\\\":7}");
    asked(w);
    return w;
}

/* The same, with the response over. */
static struct wire *with_open_request(const char *more)
{
    struct wire *w = with_request(more);

    model_ends(w, "resp_1", "completed");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.output.0.id"), request);
    wire_client_gets_nothing(w);
    wire_model_gets_nothing(w);
    assert_int_equal(wire_tool_calls(w), 0);
    return w;
}

static void answers(struct wire *w, const char *id, const char *approve, const char *more)
{
    char event[400];

    (void)snprintf(
        event, sizeof(event),
        "{'type':'conversation.item.create','event_id':'q','previous_item_id':'%s','item'"
        ":{'type':'mcp_approval_response','approval_request_id':'%s','approve':%s%s}}",
        request, id, approve, more);
    wire_client(w, event);
}

static void answer_is_shown(struct wire *w)
{
    const json_t *added = wire_client_gets(w, "conversation.item.added");

    assert_string_equal(wire_text(added, "previous_item_id"), request);
    assert_string_equal(wire_text(added, "item.type"), "mcp_approval_response");
    assert_true(strlen(wire_text(added, "item.id")) > 0);
    (void)wire_client_gets(w, "conversation.item.done");
}

static void output_is(struct wire *w, const char *part)
{
    const json_t *create = wire_model_gets(w, "conversation.item.create");

    assert_string_equal(wire_text(create, "item.call_id"), "call_1");
    if (strstr(wire_text(create, "item.output"), part) == NULL)
        fail_msg("%s", wire_text(create, "item.output"));
}

static void an_approved_call_runs_and_is_answered(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    answers(w, request, "true", "");
    answer_is_shown(w);
    assert_int_equal(wire_tool_calls(w), 1);
    wire_model_gets_nothing(w); /* the answer is parley's alone */
    wire_tool_ends(w, 0, "deleted");
    output_is(w, "deleted");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_2");
    assert_true(wire_tool_calls(w) == 1);
    model_speaks(w, "resp_2");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_2");
    wire_close(w);
}

static void a_refused_call_never_runs_and_the_model_knows_why(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    answers(w, request, "false", ",'reason':'wrong customer'");
    answer_is_shown(w);
    assert_int_equal(wire_tool_calls(w), 0);
    output_is(w, "the user did not approve it, and said: wrong customer");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

/* A tool's time is what operators look at when turns are slow. */
static void a_tool_s_time_does_not_hold_what_people_think_about(void **state)
{
    (void)state;
    wire_record(false, "");
    struct wire *w = with_request("t.on_duplicate = replace\n");

    wire_advance_ms(w, 5000);
    model_calls_with(w, "resp_1", "call_2", "slow", "{\\\"id\\\":7}"); /* asked anew */
    wire_client_forget(w);
    assert_true(recording_value(wire_recording(w), TOOL_TIME, "error.type", "cancelled") == 1);
    model_ends(w, "resp_1", "completed");
    wire_advance_ms(w, 7000);
    const json_t *done = wire_client_gets(w, "response.done");
    answers(w, wire_text(done, "response.output.1.id"), "false", "");
    assert_true(recording_value(wire_recording(w), TOOL_TIME, "error.type", "denied") == 1);
    assert_true(recording_sum(wire_recording(w), TOOL_TIME, "error.type", "denied") == 0);
    assert_true(recording_sum(wire_recording(w), TOOL_TIME, "error.type", "cancelled") == 0);
    wire_close(w);
}

static void a_refused_call_that_is_made_again_does_not_ask_again(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    answers(w, request, "false", "");
    answer_is_shown(w);
    output_is(w, "did not approve it");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_2");
    model_calls_with(w, "resp_2", "call_2", "slow", "{\\\"id\\\":7}"); /* it does not give up */
    const json_t *again = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(again, "item.call_id"), "call_2");
    assert_non_null(strstr(wire_text(again, "item.output"), "did not approve it"));
    wire_client_gets_nothing(w);
    model_ends(w, "resp_2", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_client(w, "{'type':'conversation.item.create','item':{'type':'message','role':'user','"
                   "content':[{'type':'input_text','text':'do it'}]}}");
    (void)wire_model_gets(w, "conversation.item.create");
    model_begins(w, "resp_3");
    model_calls_with(w, "resp_3", "call_3", "slow", "{\\\"id\\\":7}"); /* a new request */
    asked(w);
    wire_close(w);
}

static void nobody_answers_in_time(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    wire_advance_ms(w, 30001);
    assert_int_equal(wire_tool_calls(w), 0);
    output_is(w, "nobody gave it in time");
    (void)wire_model_gets(w, "response.create");
    answers(w, request, "true", "");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.param"), "item.approval_request_id");
    assert_non_null(strstr(wire_text(e, "error.message"), "settled already"));
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

static void a_second_answer_is_an_error(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    answers(w, request, "true", "");
    answer_is_shown(w);
    answers(w, request, "false", "");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.event_id"), "q");
    assert_non_null(strstr(wire_text(e, "error.message"), "settled already"));
    assert_int_equal(wire_tool_calls(w), 1);
    wire_close(w);
}

static void an_answer_to_nothing_is_an_error(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    answers(w, "mcpr_made_up", "true", "");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.code"), "invalid_value");
    assert_non_null(strstr(wire_text(e, "error.message"), "mcpr_made_up"));
    answers(w, request, "'yes'", "");
    e = wire_client_gets(w, "error");
    assert_non_null(strstr(wire_text(e, "error.param"), "approve"));
    wire_model_gets_nothing(w);
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

static void a_request_of_the_models_own_is_answered_to_the_model(void **state)
{
    struct wire *w = wire_open(AGENT);

    (void)state;
    wire_model(w, "{'type':'conversation.item.added','event_id':'e','previous_item_id':null,'item':"
                  "{'id':'mcpr_theirs','type':'mcp_approval_request','server_label':'x','name':'n',"
                  "'arguments':'{}'}}");
    (void)wire_client_gets(w, "conversation.item.added");
    (void)snprintf(request, sizeof(request), "mcpr_theirs");
    answers(w, "mcpr_theirs", "true", "");
    const json_t *create = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(create, "item.approval_request_id"), "mcpr_theirs");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void the_conversation_goes_on_meanwhile(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    wire_client(w, "{'type':'response.create','response':{'metadata':{'n':'2'}}}");
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.metadata.n"),
                        "2");
    model_begins(w, "resp_2");
    model_speaks(w, "resp_2");
    answers(w, request, "true", "");
    wire_tool_ends(w, 0, "deleted");
    output_is(w, "deleted");
    wire_model_gets_nothing(w);
    model_ends(w, "resp_2", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void speech_does_not_take_the_request_back(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    model_hears_speech(w);
    model_hears_silence(w);
    model_begins(w, "resp_2");
    model_ends(w, "resp_2", "completed");
    answers(w, request, "true", "");
    assert_int_equal(wire_tool_calls(w), 1);
    wire_tool_ends(w, 0, "deleted");
    output_is(w, "deleted");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void an_answer_while_the_response_still_runs_waits_for_its_end(void **state)
{
    struct wire *w = with_request("");

    (void)state;
    answers(w, request, "true", "");
    answer_is_shown(w);
    wire_tool_ends(w, 0, "deleted");
    output_is(w, "deleted");
    wire_model_gets_nothing(w);
    model_ends(w, "resp_1", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void other_calls_of_the_response_do_not_wait_for_the_person(void **state)
{
    struct wire *w = with_request("");

    (void)state;
    model_calls(w, "resp_1", "call_2", "fast");
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.create"), "item.call_id"),
                        "call_2");
    model_ends(w, "resp_1", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void nobody_is_asked_about_arguments_that_cannot_be(void **state)
{
    struct wire *w = wire_open(AGENT);

    (void)state;
    model_begins(w, "resp_1");
    model_calls_with(w, "resp_1", "call_1", "slow", "[1, 2]");
    output_is(w, "not a JSON object");
    wire_client_gets_nothing(w);
    model_ends(w, "resp_1", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void the_client_leaves_and_nothing_runs(void **state)
{
    struct wire *w = with_open_request("");

    (void)state;
    wire_client_leaves(w);
    wire_model_gets_nothing(w);
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

static void the_same_call_is_not_asked_about_twice(void **state)
{
    struct wire *w = with_request("t.on_duplicate = reject\n");

    (void)state;
    model_calls_with(w, "resp_1", "call_2", "slow", "{\\\"id\\\":7}");
    const json_t *create = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(create, "item.call_id"), "call_2");
    assert_non_null(strstr(wire_text(create, "item.output"), "waits for the user's approval"));
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_request_that_was_replaced_is_settled(void **state)
{
    struct wire *w = with_request("t.on_duplicate = replace\n");
    char first[64];

    (void)state;
    (void)snprintf(first, sizeof(first), "%s", request);
    model_calls_with(w, "resp_1", "call_2", "slow", "{\\\"id\\\":7}");
    output_is(w, "replaces it");
    assert_string_equal(wire_text(wire_client_gets(w, "response.output_item.added"), "item.type"),
                        "mcp_approval_request");
    (void)wire_client_gets(w, "conversation.item.added");
    (void)wire_client_gets(w, "conversation.item.done");
    (void)wire_client_gets(w, "response.output_item.done");
    answers(w, first, "true", "");
    assert_non_null(strstr(wire_text(wire_client_gets(w, "error"), "error.message"), "settled"));
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

static void the_request_can_be_retrieved_and_deleted_but_not_at_the_model(void **state)
{
    struct wire *w = with_open_request("");
    char event[200];

    (void)state;
    (void)snprintf(event, sizeof(event), "{'type':'conversation.item.retrieve','item_id':'%s'}",
                   request);
    wire_client(w, event);
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.retrieved"), "item.type"),
                        "mcp_approval_request");
    (void)snprintf(event, sizeof(event), "{'type':'conversation.item.delete','item_id':'%s'}",
                   request);
    wire_client(w, event);
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.deleted"), "item_id"),
                        request);
    wire_model_gets_nothing(w);
    answers(w, request, "true", ""); /* the place is gone, and with it the order of the items */
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.param"), "previous_item_id");
    wire_close(w);
}

static void an_item_behind_the_request_is_put_where_the_model_knows_a_place(void **state)
{
    struct wire *w = with_open_request("");
    char event[300];

    (void)state;
    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.create','previous_item_id':'%s','item':{'type':"
                   "'message','role':'user','content':[{'type':'input_text','text':'hi'}]}}",
                   request);
    wire_client(w, event);
    assert_string_equal(
        wire_text(wire_model_gets(w, "conversation.item.create"), "previous_item_id"),
        "item_call_1");
    wire_close(w);
}

static void what_was_asked_and_answered_is_kept(void **state)
{
    struct wire *w = with_open_request("");
    char line[100];

    (void)state;
    answers(w, request, "true", "");
    (void)snprintf(line, sizeof(line), "item %s", request);
    assert_non_null(strstr(wire_stored(w), line));
    wire_close(w);
}

static void a_client_that_is_away_is_asked_and_answers_when_it_is_back(void **state)
{
    char id[64], token[64];

    (void)state;
    wire_resumable();
    struct wire *w = wire_connect(AGENT "resume_ms = 60s\n");
    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    const json_t *created = wire_client_gets(w, "session.created");
    (void)snprintf(id, sizeof(id), "%s", wire_text(created, "session.id"));
    (void)snprintf(token, sizeof(token), "%s", wire_text(created, "parley.resume_token"));
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    assert_true(wire_client_loses(w));
    model_calls_with(w, "resp_1", "call_1", "slow", "{\\\"id\\\":7}");
    model_ends(w, "resp_1", "completed");
    wire_model_gets_nothing(w); /* it is not refused */
    wire_advance_ms(w, 20000);
    const struct session_resume by = {
        .id = id, .token = token, .user = "tester", .agent = "", .last_event_id = ""};
    assert_int_equal(wire_client_resumes(w, &by), SESSION_RESUMED);
    (void)wire_client_gets(w, "session.created");
    asked(w);
    (void)wire_client_gets(w, "response.done");
    answers(w, request, "true", "");
    answer_is_shown(w);
    assert_int_equal(wire_tool_calls(w), 1);
    wire_tool_ends(w, 0, "deleted");
    output_is(w, "deleted");
    wire_close(w);
}

static void a_client_that_stays_away_has_not_answered(void **state)
{
    (void)state;
    wire_resumable();
    struct wire *w = wire_connect(AGENT "resume_ms = 60s\n");
    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    model_begins(w, "resp_1");
    assert_true(wire_client_loses(w));
    model_calls_with(w, "resp_1", "call_1", "slow", "{\\\"id\\\":7}");
    model_ends(w, "resp_1", "completed");
    wire_model_gets_nothing(w);
    wire_advance_ms(w, 30001);
    output_is(w, "nobody gave it in time");
    assert_int_equal(wire_tool_calls(w), 0);
    wire_advance_ms(w, 60000);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approved_call_runs_and_is_answered),
        cmocka_unit_test(a_refused_call_never_runs_and_the_model_knows_why),
        cmocka_unit_test(a_tool_s_time_does_not_hold_what_people_think_about),
        cmocka_unit_test(a_refused_call_that_is_made_again_does_not_ask_again),
        cmocka_unit_test(nobody_answers_in_time),
        cmocka_unit_test(a_second_answer_is_an_error),
        cmocka_unit_test(an_answer_to_nothing_is_an_error),
        cmocka_unit_test(a_request_of_the_models_own_is_answered_to_the_model),
        cmocka_unit_test(the_conversation_goes_on_meanwhile),
        cmocka_unit_test(speech_does_not_take_the_request_back),
        cmocka_unit_test(an_answer_while_the_response_still_runs_waits_for_its_end),
        cmocka_unit_test(other_calls_of_the_response_do_not_wait_for_the_person),
        cmocka_unit_test(nobody_is_asked_about_arguments_that_cannot_be),
        cmocka_unit_test(the_client_leaves_and_nothing_runs),
        cmocka_unit_test(the_same_call_is_not_asked_about_twice),
        cmocka_unit_test(a_request_that_was_replaced_is_settled),
        cmocka_unit_test(the_request_can_be_retrieved_and_deleted_but_not_at_the_model),
        cmocka_unit_test(an_item_behind_the_request_is_put_where_the_model_knows_a_place),
        cmocka_unit_test(what_was_asked_and_answered_is_kept),
        cmocka_unit_test(a_client_that_is_away_is_asked_and_answers_when_it_is_back),
        cmocka_unit_test(a_client_that_stays_away_has_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
