/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The session object, the beginning and the end. */

static void session_created_comes_first_and_shows_the_effective_session(void **state)
{
    struct wire *w = wire_connect("instructions = Be kind.\nvoice = marin\ntools = t");

    (void)state;
    wire_client_gets_nothing(w);
    wire_model_created(w);
    const json_t *update = wire_model_gets(w, "session.update");
    assert_string_equal(wire_text(update, "session.type"), "realtime");
    assert_string_equal(wire_text(update, "session.instructions"), "Be kind.");
    assert_int_equal(json_array_size(wire_at(update, "session.tools")), 4);
    assert_null(wire_at(update, "session.tools.0.annotations"));
    assert_null(wire_at(update, "session.model"));
    const json_t *created = wire_client_gets(w, "session.created");
    assert_true(strncmp(wire_text(created, "session.id"), "sess_", 5) == 0);
    assert_string_equal(wire_text(created, "session.model"), "test");
    assert_string_equal(wire_text(created, "session.audio.output.voice"), "marin");
    assert_int_equal(json_array_size(wire_at(created, "session.tools")), 0);
    assert_true(
        json_is_true(wire_at(created, "session.audio.input.turn_detection.interrupt_response")));
    assert_int_equal(json_get_int(wire_at(created, "session"), "expires_at", 0), 0);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void events_before_session_created_are_handled_in_order_after_it(void **state)
{
    struct wire *w = wire_connect("client_may_set = *");

    (void)state;
    wire_client(w,
                "{'type':'session.update','session':{'type':'realtime','instructions':'Mine.'}}");
    wire_client(w, "{'type':'input_audio_buffer.append','audio':'AAAA'}");
    wire_client_gets_nothing(w);
    wire_model_gets_nothing(w);
    wire_model_created(w);
    (void)wire_client_gets(w, "session.created");
    (void)wire_model_gets(w, "session.update");
    assert_string_equal(wire_text(wire_model_gets(w, "session.update"), "session.instructions"),
                        "Mine.");
    (void)wire_model_gets(w, "input_audio_buffer.append");
    wire_close(w);
}

static void much_before_session_created_makes_the_client_wait(void **state)
{
    struct wire *w = wire_connect("");

    (void)state;
    wire_client_speaks(w, 1048576);
    assert_false(wire_client_is_paused(w));
    wire_client_speaks(w, 1048576);
    assert_true(wire_client_is_paused(w));
    wire_model_created(w);
    assert_false(wire_client_is_paused(w));
    (void)wire_client_gets(w, "session.created");
    (void)wire_model_gets(w, "session.update");
    (void)wire_model_gets(w, "input_audio_buffer.append");
    (void)wire_model_gets(w, "input_audio_buffer.append");
    wire_close(w);
}

static void too_much_before_session_created_ends_the_session(void **state)
{
    struct wire *w = wire_connect("");

    (void)state;
    for (int i = 0; i < 5; i++) /* as from a client that cannot be stopped */
        wire_client_speaks(w, 1048576);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "model_not_ready");
    wire_client_is_closed(w, 1013);
    wire_close(w);
}

static void an_update_is_answered_with_the_whole_session(void **state)
{
    struct wire *w = wire_open("client_may_set = *");

    (void)state;
    wire_model(
        w, "{'type':'session.updated','event_id':'e','session':{}}"); /* answers the agent's own */
    wire_client_gets_nothing(w);
    wire_client(w, "{'type':'session.update','event_id':'u','session':{'type':'realtime','audio':{'"
                   "output':{'voice':'cedar'}},'tracing':'auto'}}");
    const json_t *update = wire_model_gets(w, "session.update");
    assert_string_equal(wire_text(update, "session.audio.output.voice"), "cedar");
    assert_null(wire_at(update, "session.instructions"));
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{'audio':{'output':{'voice':'"
                  "cedar'}}}}");
    const json_t *updated = wire_client_gets(w, "session.updated");
    assert_string_equal(wire_text(updated, "session.audio.output.voice"), "cedar");
    assert_string_equal(wire_text(updated, "session.audio.output.format.type"), "audio/pcm");
    assert_true(
        json_is_true(wire_at(updated, "session.audio.input.turn_detection.interrupt_response")));
    assert_string_equal(wire_text(updated, "session.tracing"), "auto");
    wire_close(w);
}

static void what_the_agent_keeps_is_kept_and_the_echo_shows_it(void **state)
{
    struct wire *w = wire_open("instructions = Be kind.\nclient_may_set = voice");

    (void)state;
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    wire_client(w, "{'type':'session.update','session':{'type':'realtime','instructions':'Be "
                   "rude.','audio':{'output':{'voice':'ash'}}}}");
    const json_t *update = wire_model_gets(w, "session.update");
    assert_null(wire_at(update, "session.instructions"));
    assert_string_equal(wire_text(update, "session.audio.output.voice"), "ash");
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    assert_string_equal(wire_text(wire_client_gets(w, "session.updated"), "session.instructions"),
                        "Be kind.");
    wire_close(w);
}

static void a_refused_update_keeps_the_one_that_came_after_it(void **state)
{
    struct wire *w = wire_open("client_may_set = *");
    char refusal[512];

    (void)state;
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    wire_client(w, "{'type':'session.update','event_id':'u1','session':{'type':'realtime','audio':{"
                   "'output':{'voice':'ash'}}}}");
    wire_client(w, "{'type':'session.update','event_id':'u2','session':{'type':'realtime','"
                   "instructions':'Second.'}}");
    (void)snprintf(refusal, sizeof(refusal),
                   "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
                   "invalid_value','message':'no such voice','param':null,'event_id':'%s'}}",
                   wire_text(wire_model_gets(w, "session.update"), "event_id"));
    wire_model(w, refusal);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "u1");
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    const json_t *updated = wire_client_gets(w, "session.updated");
    assert_string_equal(wire_text(updated, "session.instructions"), "Second.");
    assert_string_not_equal(wire_text(updated, "session.audio.output.voice"), "ash");
    wire_close(w);
}

static void a_bad_update_changes_nothing(void **state)
{
    struct wire *w = wire_open("client_may_set = *\ninstructions = Old.");

    (void)state;
    wire_client(w, "{'type':'session.update','event_id':'u','session':{'type':'realtime','"
                   "instructions':'New.','temperature':0.7}}");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.code"), "unknown_parameter");
    assert_string_equal(wire_text(e, "error.param"), "session.temperature");
    assert_string_equal(wire_text(e, "error.event_id"), "u");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void an_update_that_the_model_refuses_is_taken_back(void **state)
{
    struct wire *w = wire_open("client_may_set = *\nvoice = marin");

    (void)state;
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    wire_client(w, "{'type':'session.update','event_id':'mine','session':{'type':'realtime','audio'"
                   ":{'output':{'voice':'nobody'}}}}");
    char refusal[512];
    (void)snprintf(
        refusal, sizeof(refusal),
        "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'invalid_"
        "value','message':'no such voice','param':'session.audio.output.voice','event_id':'%s'}}",
        wire_text(wire_model_gets(w, "session.update"), "event_id"));
    wire_model(w, refusal);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "mine");
    wire_client(
        w,
        "{'type':'session.update','session':{'type':'realtime','audio':{'output':{'speed':1.2}}}}");
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    assert_string_equal(
        wire_text(wire_client_gets(w, "session.updated"), "session.audio.output.voice"), "marin");
    wire_close(w);
}

static void an_agent_that_the_model_refuses_ends_the_session(void **state)
{
    struct wire *w = wire_connect("");

    (void)state;
    wire_model_created(w);
    char refusal[512];
    (void)snprintf(refusal, sizeof(refusal),
                   "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
                   "invalid_value','message':'no','param':'session.x','event_id':'%s'}}",
                   wire_text(wire_model_gets(w, "session.update"), "event_id"));
    (void)wire_client_gets(w, "session.created");
    wire_model(w, refusal);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"),
                        "agent_refused_by_model");
    wire_client_is_closed(w, 4000);
    wire_close(w);
}

static void a_refusal_while_connecting_is_told_truthfully(void **state)
{
    struct wire *w = wire_connect("");

    (void)state;
    wire_model_closes(w, PARLEY_E_DENIED, 3000, "invalid_api_key", false);
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.code"), "invalid_api_key");
    assert_string_equal(wire_text(e, "error.message"), "the model says no");
    wire_client_is_closed(w, 3000);
    wire_close(w);
}

static void a_quota_that_is_used_up_keeps_its_code(void **state)
{
    struct wire *w = wire_connect("");

    (void)state;
    wire_model_closes(w, PARLEY_E_DENIED, 1013, "credit_balance_exhausted", false);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"),
                        "credit_balance_exhausted");
    wire_client_is_closed(w, 1013);
    wire_close(w);
}

static void a_useless_retry_is_not_invited(void **state)
{
    struct wire *w = wire_connect("");

    (void)state;
    wire_model_closes(w, PARLEY_E_DENIED, 401, "", false);
    (void)wire_client_gets(w, "error");
    wire_client_is_closed(w, 4000);
    wire_close(w);
}

static void a_model_that_dies_ends_what_runs(void **state)
{
    struct wire *w = wire_open("reconnect_ms = 0");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, "{'type':'response.created','event_id':'e','response':{'id':'resp_1','status':'"
                  "in_progress','output':[],'conversation_id':'c'}}");
    (void)wire_client_gets(w, "response.created");
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true);
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.status"), "failed");
    assert_string_equal(wire_text(done, "response.id"), "resp_1");
    (void)wire_client_gets(w, "error");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void a_busy_model_pauses_the_client_and_loses_nothing(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model_busy(w, true);
    wire_client(w, "{'type':'input_audio_buffer.append','audio':'AAAA'}");
    wire_client(w, "{'type':'input_audio_buffer.commit'}");
    assert_true(wire_client_is_paused(w));
    wire_model_gets_nothing(w);
    wire_model_busy(w, false);
    assert_false(wire_client_is_paused(w));
    (void)wire_model_gets(w, "input_audio_buffer.append");
    (void)wire_model_gets(w, "input_audio_buffer.commit");
    wire_close(w);
}

static void a_client_that_leaves_closes_the_model(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client_leaves(w);
    assert_true(wire_model_is_closed(w));
    wire_close(w);
}

static void the_server_that_stops_says_so(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    session_end(wire_session(w), 1001, "server_stopping", "The server is stopping.");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "server_stopping");
    wire_client_is_closed(w, 1001);
    wire_close(w);
}

/* ---- tools whose list is on its way ---- */

/* How many tools the model is told of in the update that opens the session. */
static size_t tools_at_the_opening(struct wire *w)
{
    const json_t *update = wire_model_gets(w, "session.update");

    return json_array_size(json_object_get(json_object_get(update, "session"), "tools"));
}

static void tools_on_their_way_are_waited_for_beside_the_model(void **state)
{
    (void)state;
    wire_tools_come_later(1000);
    struct wire *w = wire_connect("tools = t, t.fast");
    wire_model_created(w);
    wire_client_gets_nothing(w);
    wire_client(w, "{'type':'input_audio_buffer.commit'}");
    wire_tools_come(w);
    (void)wire_client_gets(w, "session.created");
    assert_int_equal(tools_at_the_opening(w), 4);
    (void)wire_model_gets(w, "input_audio_buffer.commit");
    wire_close(w);
}

static void tools_that_come_before_the_model_cost_nothing(void **state)
{
    (void)state;
    wire_tools_come_later(1000);
    struct wire *w = wire_connect("tools = t");
    wire_tools_come(w);
    wire_model_created(w);
    (void)wire_client_gets(w, "session.created");
    assert_int_equal(tools_at_the_opening(w), 4);
    wire_close(w);
}

static void tools_that_never_come_delay_a_session_by_their_limit_and_no_longer(void **state)
{
    (void)state;
    wire_tools_come_later(1000);
    struct wire *w = wire_connect("tools = t");
    wire_model_created(w);
    wire_advance_ms(w, 999);
    wire_client_gets_nothing(w);
    wire_advance_ms(w, 1);
    (void)wire_client_gets(w, "session.created");
    assert_int_equal(tools_at_the_opening(w), 0);
    wire_close(w);
}

static void a_client_that_leaves_while_tools_are_waited_for_leaves_nothing(void **state)
{
    (void)state;
    wire_tools_come_later(1000);
    struct wire *w = wire_connect("tools = t");
    wire_model_created(w);
    wire_client_leaves(w);
    wire_tools_come(w);
    wire_close(w);
}

static void an_agent_without_those_tools_does_not_wait(void **state)
{
    (void)state;
    wire_tools_come_later(1000);
    struct wire *w = wire_connect("");
    wire_model_created(w);
    (void)wire_client_gets(w, "session.created");
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_created_comes_first_and_shows_the_effective_session),
        cmocka_unit_test(events_before_session_created_are_handled_in_order_after_it),
        cmocka_unit_test(much_before_session_created_makes_the_client_wait),
        cmocka_unit_test(too_much_before_session_created_ends_the_session),
        cmocka_unit_test(an_update_is_answered_with_the_whole_session),
        cmocka_unit_test(what_the_agent_keeps_is_kept_and_the_echo_shows_it),
        cmocka_unit_test(a_bad_update_changes_nothing),
        cmocka_unit_test(an_update_that_the_model_refuses_is_taken_back),
        cmocka_unit_test(an_agent_that_the_model_refuses_ends_the_session),
        cmocka_unit_test(a_refusal_while_connecting_is_told_truthfully),
        cmocka_unit_test(a_quota_that_is_used_up_keeps_its_code),
        cmocka_unit_test(a_useless_retry_is_not_invited),
        cmocka_unit_test(a_model_that_dies_ends_what_runs),
        cmocka_unit_test(a_busy_model_pauses_the_client_and_loses_nothing),
        cmocka_unit_test(a_client_that_leaves_closes_the_model),
        cmocka_unit_test(the_server_that_stops_says_so),
        cmocka_unit_test(tools_on_their_way_are_waited_for_beside_the_model),
        cmocka_unit_test(tools_that_come_before_the_model_cost_nothing),
        cmocka_unit_test(tools_that_never_come_delay_a_session_by_their_limit_and_no_longer),
        cmocka_unit_test(a_client_that_leaves_while_tools_are_waited_for_leaves_nothing),
        cmocka_unit_test(an_agent_without_those_tools_does_not_wait),
        cmocka_unit_test(a_refused_update_keeps_the_one_that_came_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
