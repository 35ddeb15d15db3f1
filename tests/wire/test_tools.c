/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Server tools: run beside, invisible, one result each, one answer for all. */

#define CREATED(id)                                                                                \
    "{'type':'response.created','event_id':'e','response':{'object':'realtime.response','id':'" id \
    "','status':'in_progress','output':[],'conversation_id':'conv_1'}}"
#define DONE(id, status, output)                                                                   \
    "{'type':'response.done','event_id':'e','response':{'object':'realtime.response','id':'" id    \
    "','status':'" status "','output':[" output                                                    \
    "],'conversation_id':'conv_1','usage':{'total_tokens':3,'input_tokens':2,'output_tokens':1,'"  \
    "input_token_details':{'text_tokens':2,'audio_tokens':0,'image_tokens':0,'cached_tokens':0,'"  \
    "cached_tokens_details':{'text_tokens':0,'audio_tokens':0,'image_tokens':0}},'output_token_"   \
    "details':{'text_tokens':1,'audio_tokens':0}}}}"
#define CALL(item, call, name, status)                                                             \
    "{'id':'" item "','object':'realtime.item','type':'function_call','status':'" status           \
    "','call_id':'" call "','name':'" name "','arguments':'{}'}"
#define OUT(kind, resp, item)                                                                      \
    "{'type':'response.output_item." kind "','event_id':'e','response_id':'" resp                  \
    "','output_index':0,'item':" item "}"
#define ADDED(item)                                                                                \
    "{'type':'conversation.item.added','event_id':'e','previous_item_id':null,'item':" item "}"
#define ITEM_DONE(item)                                                                            \
    "{'type':'conversation.item.done','event_id':'e','previous_item_id':null,'item':" item "}"

/* The events of a model that calls a tool. */
static void model_calls(struct wire *w, const char *name, const char *item, const char *call,
                        const char *resp)
{
    char text[1024];
    static const char *const forms[] = {
        OUT("added", "%s", CALL("%s", "%s", "%s", "in_progress")),
        OUT("done", "%s", CALL("%s", "%s", "%s", "completed")),
    };

    for (int i = 0; i < 2; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(text, sizeof(text), forms[i], resp, item, call, name);
#pragma GCC diagnostic pop
        wire_model(w, text);
    }
}

static void a_call_is_run_and_answered_without_the_client_hearing_of_it(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_trace = no");

    (void)state;
    wire_client(w,
                "{'type':'response.create','event_id':'q','response':{'metadata':{'turn':'7'}}}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_c", "call_1", "resp_1");
    wire_model(w, ADDED(CALL("item_c", "call_1", "slow", "in_progress")));
    wire_model(w, "{'type':'response.function_call_arguments.delta','event_id':'e','response_id':'"
                  "resp_1','item_id':'item_c','output_index':0,'call_id':'call_1','delta':'{}'}");
    wire_model(
        w, "{'type':'response.function_call_arguments.done','event_id':'e','response_id':'resp_1','"
           "item_id':'item_c','output_index':0,'call_id':'call_1','arguments':'{}','name':'slow'}");
    wire_model(w, ITEM_DONE(CALL("item_c", "call_1", "slow", "completed")));
    wire_model(w, DONE("resp_1", "completed", CALL("item_c", "call_1", "slow", "completed")));
    wire_client_gets_nothing(w);
    assert_int_equal(wire_tool_calls(w), 1);
    assert_string_equal(wire_tool_call_id(w, 0), "call_1");
    wire_tool_ends(w, 0, "it worked");
    const json_t *create = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(create, "item.type"), "function_call_output");
    assert_string_equal(wire_text(create, "item.call_id"), "call_1");
    assert_string_equal(wire_text(create, "item.output"), "it worked");
    create = wire_model_gets(w, "response.create");
    assert_string_equal(wire_text(create, "response.metadata.turn"), "7");
    assert_string_equal(wire_text(create, "response.tool_choice"), "auto");
    wire_model(w, CREATED("resp_2"));
    wire_model(w, OUT("added", "resp_2",
                      "{'id':'item_m','type':'message','role':'assistant','status':'in_progress','"
                      "content':[]}"));
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_2");
    (void)wire_client_gets(w, "response.output_item.added");
    wire_model(w, DONE("resp_2", "completed", ""));
    const json_t *done = wire_client_gets(w, "response.done");
    assert_int_equal(json_get_int(wire_at(done, "response.usage"), "total_tokens", 0), 6);
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void parallel_calls_get_one_answer(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    model_calls(w, "slow", "item_b", "call_b", "resp_1");
    assert_int_equal(wire_tool_calls(w), 2);
    wire_tool_ends(w, 1, "b");
    wire_model(w, DONE("resp_1", "completed", ""));
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.create"), "item.call_id"),
                        "call_b");
    wire_model_gets_nothing(w);
    wire_tool_ends(w, 0, "a");
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.create"), "item.call_id"),
                        "call_a");
    (void)wire_model_gets(w, "response.create");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_result_before_done_waits_for_done(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "fast", "item_a", "call_a", "resp_1");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model_gets_nothing(w);
    wire_model(w, DONE("resp_1", "completed", ""));
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void the_same_call_is_never_run_twice(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    model_calls(w, "slow", "item_b", "call_a", "resp_1");
    assert_int_equal(wire_tool_calls(w), 1);
    wire_close(w);
}

static void a_tool_that_refuses_gives_the_model_words(void **state)
{
    struct wire *w = wire_open("tools = t.boom");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "boom", "item_a", "call_a", "resp_1");
    const json_t *create = wire_model_gets(w, "conversation.item.create");
    assert_true(strlen(wire_text(create, "item.output")) > 0);
    wire_model(w, DONE("resp_1", "completed", ""));
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_tool_that_takes_too_long_ends_as_timed_out(void **state)
{
    struct wire *w = wire_open("tools = t\ntool_timeout_ms = 5s");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_model(w, DONE("resp_1", "completed", ""));
    wire_model_gets_nothing(w);
    wire_advance_ms(w, 5001);
    const json_t *create = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(create, "item.call_id"), "call_a");
    (void)wire_model_gets(w, "response.create");
    assert_true(wire_tool_was_cancelled(w, 0));
    wire_tool_ends(w, 0, "too late"); /* counted by the host, and harmless */
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void the_client_leaves_while_a_tool_runs(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_client_leaves(w);
    assert_true(wire_tool_was_cancelled(w, 0));
    wire_tool_ends(w, 0, "nobody listens");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void cancel_during_the_tools_ends_the_turn_for_the_client(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_model(w, DONE("resp_1", "completed", ""));
    wire_client_gets_nothing(w);
    wire_client(w, "{'type':'response.cancel'}");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_1");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.status"), "cancelled");
    assert_string_equal(wire_text(done, "response.status_details.reason"), "client_cancelled");
    wire_tool_ends(w, 0, "late"); /* its result is kept, but asks for no answer */
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void turn_detection_that_was_faster_does_not_lose_the_answer(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "fast", "item_a", "call_a", "resp_1");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("resp_1", "completed", ""));
    char refusal[512];
    const char *id = wire_text(wire_model_gets(w, "response.create"), "event_id");
    (void)snprintf(
        refusal, sizeof(refusal),
        "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
        "conversation_already_has_active_response','message':'busy','param':null,'event_id':'%s'}}",
        id);
    wire_model(w, CREATED("resp_v")); /* of turn detection */
    wire_model(w, refusal);
    wire_model_gets_nothing(w);
    wire_model(w, DONE("resp_v", "completed", ""));
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void rounds_end_with_a_spoken_answer(void **state)
{
    struct wire *w = wire_open("tools = t\nmax_tool_rounds = 2");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("r1"));
    model_calls(w, "fast", "i1", "c1", "r1");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("r1", "completed", ""));
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.tool_choice"),
                        "auto");
    wire_model(w, CREATED("r2"));
    model_calls(w, "fast", "i2", "c2", "r2");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("r2", "completed", ""));
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("r3"));
    model_calls(w, "fast", "i3", "c3", "r3");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("r3", "completed", ""));
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.tool_choice"),
                        "none");
    wire_close(w);
}

static void a_model_that_only_calls_is_stopped(void **state)
{
    struct wire *w = wire_open("tools = t\nmax_tool_rounds = 1");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("r1"));
    model_calls(w, "fast", "i1", "c1", "r1");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("r1", "completed", ""));
    (void)wire_model_gets(w, "response.create");
    wire_model(w, "{'type':'rate_limits.updated','event_id':'e','rate_limits':[]}");
    wire_model(w, CREATED("r2"));
    model_calls(w, "fast", "i2", "c2", "r2");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("r2", "completed", ""));
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.tool_choice"),
                        "none");
    wire_client_gets_nothing(w);
    wire_model(w, CREATED("r3"));
    model_calls(w, "fast", "i3", "c3", "r3"); /* although it was told to speak */
    assert_int_equal(wire_tool_calls(w), 2);
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("r3", "completed", ""));
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"), "r3");
    (void)wire_client_gets(w, "response.done");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_call_without_an_id_asks_for_no_answer(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("r1"));
    model_calls(w, "fast", "i1", "", "r1");
    wire_model(w, DONE("r1", "completed", ""));
    assert_int_equal(wire_tool_calls(w), 0);
    wire_model_gets_nothing(w);
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.done");
    wire_close(w);
}

static void a_create_that_waits_for_the_tools_is_answered_when_cancelled(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED("resp_1")); /* of turn detection: the client cannot know */
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_model(w, DONE("resp_1", "completed", ""));
    wire_client(w, "{'type':'response.create','event_id':'q','response':{'metadata':{'n':'1'}}}");
    wire_client_gets_nothing(w);
    wire_client(w, "{'type':'response.cancel'}");
    (void)wire_client_gets(w, "response.created"); /* the one that was hidden */
    (void)wire_client_gets(w, "response.done");
    const json_t *created = wire_client_gets(w, "response.created");
    assert_string_equal(wire_text(created, "response.metadata.n"), "1");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.status"), "cancelled");
    assert_string_equal(wire_text(done, "response.status_details.reason"), "client_cancelled");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_create_that_waits_for_the_tools_is_interrupted_by_speech(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_model(w, DONE("resp_1", "completed", ""));
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':1,'"
                  "item_id':'item_u'}");
    (void)wire_client_gets(w, "response.created");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(done, "response.status_details.reason"), "turn_detected");
    (void)wire_client_gets(w, "input_audio_buffer.speech_started");
    wire_tool_ends(w, 0, "late");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model_gets_nothing(w); /* the user's turn gets the answer */
    wire_close(w);
}

static void tokens_of_a_hidden_response_are_told_with_a_cancelled_one(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_model(w, DONE("resp_1", "completed", ""));
    wire_client(w, "{'type':'response.cancel'}");
    (void)wire_client_gets(w, "response.created");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_int_equal(json_get_int(wire_at(done, "response.usage"), "total_tokens", 0), 3);
    wire_close(w);
}

static void tokens_of_a_hidden_response_go_to_its_own_answer_only(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "fast", "item_a", "call_a", "resp_1");
    wire_model(w, DONE("resp_1", "completed", ""));
    wire_model(w, CREATED("resp_2"));
    wire_model(w, "{'type':'response.done','event_id':'e','response':{'id':'resp_2','status':'"
                  "completed','output':[],'conversation_id':'conv_1','usage':null}}");
    (void)wire_client_gets(w, "response.created");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_int_equal(json_get_int(wire_at(done, "response.usage"), "total_tokens", 0), 3);
    wire_model(w, CREATED("resp_3"));
    wire_model(w, DONE("resp_3", "completed", ""));
    (void)wire_client_gets(w, "response.created");
    done = wire_client_gets(w, "response.done");
    assert_int_equal(json_get_int(wire_at(done, "response.usage"), "total_tokens", 0), 3);
    wire_close(w);
}

static void refuse_as_busy(struct wire *w, const char *event_id)
{
    char text[512];

    (void)snprintf(
        text, sizeof(text),
        "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
        "conversation_already_has_active_response','message':'busy','param':null,'event_id':'%s'}}",
        event_id);
    wire_model(w, text);
}

static void an_answer_that_is_asked_for_again_keeps_its_request(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create','response':{'metadata':{'n':'1'}}}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "fast", "item_a", "call_a", "resp_1");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("resp_1", "completed", ""));
    refuse_as_busy(w, wire_text(wire_model_gets(w, "response.create"), "event_id"));
    const json_t *again = wire_model_gets(w, "response.create");
    assert_string_equal(wire_text(again, "response.metadata.n"), "1");
    wire_close(w);
}

static void a_model_that_is_busy_with_nothing_is_not_asked_for_ever(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "fast", "item_a", "call_a", "resp_1");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, DONE("resp_1", "completed", ""));
    for (int i = 0; i < 4; i++)
        refuse_as_busy(w, wire_text(wire_model_gets(w, "response.create"), "event_id"));
    wire_model_gets_nothing(w);
    (void)wire_client_gets(w, "response.created");
    assert_string_equal(wire_text(wire_client_gets(w, "response.done"), "response.status"),
                        "failed");
    wire_close(w);
}

static void a_hidden_call_without_an_id_stays_hidden(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    wire_model(w, DONE("resp_1", "failed",
                       "{'type':'function_call','name':'wipe','call_id':'c','arguments':'{}'}"));
    (void)wire_client_gets(w, "response.created");
    const json_t *done = wire_client_gets(w, "response.done");
    assert_int_equal(json_array_size(wire_at(done, "response.output")), 0);
    wire_close(w);
}

static void what_follows_nothing_but_hidden_items_follows_nothing(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_model(w, "{'type':'input_audio_buffer.committed','event_id':'e','item_id':'item_u','"
                  "previous_item_id':'item_a'}");
    const json_t *committed = wire_client_gets(w, "input_audio_buffer.committed");
    assert_true(json_is_null(json_object_get(committed, "previous_item_id")));
    wire_close(w);
}

static void tools_of_one_response_come_beside_the_agents(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_may_set = tools");

    (void)state;
    wire_client(w, "{'type':'response.create','response':{'tools':[{'type':'function','name':'"
                   "mine'}]}}");
    const json_t *create = wire_model_gets(w, "response.create");
    assert_int_equal(json_array_size(wire_at(create, "response.tools")), 5);
    wire_close(w);
}

static void tools_of_one_response_cannot_take_a_servers_name(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_may_set = tools");

    (void)state;
    wire_client(w, "{'type':'response.create','event_id':'r','response':{'tools':[{'type':'"
                   "function','name':'wipe'}]}}");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.param"), "response.tools");
    assert_string_equal(wire_text(e, "error.event_id"), "r");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_response_beside_the_conversation_has_the_clients_tools_only(void **state)
{
    struct wire *w = wire_open("tools = t\ntool_choice = required");

    (void)state;
    wire_client(w, "{'type':'response.create','response':{'conversation':'none'}}");
    const json_t *create = wire_model_gets(w, "response.create");
    assert_non_null(wire_at(create, "response.tools"));
    assert_int_equal(json_array_size(wire_at(create, "response.tools")), 0);
    assert_string_equal(wire_text(create, "response.tool_choice"), "auto");
    wire_close(w);
}

static void a_clients_own_tool_is_the_clients_to_run(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_may_set = tools");

    (void)state;
    wire_client(w, "{'type':'session.update','session':{'type':'realtime','tools':[{'type':'"
                   "function','name':'mine'}]}}");
    const json_t *update = wire_model_gets(w, "session.update");
    assert_int_equal(json_array_size(wire_at(update, "session.tools")), 5);
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    const json_t *updated = wire_client_gets(w, "session.updated");
    assert_int_equal(json_array_size(wire_at(updated, "session.tools")), 1);
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "mine", "item_a", "call_a", "resp_1");
    (void)wire_client_gets(w, "response.created");
    assert_string_equal(wire_text(wire_client_gets(w, "response.output_item.added"), "item.status"),
                        "in_progress");
    assert_string_equal(wire_text(wire_client_gets(w, "response.output_item.done"), "item.name"),
                        "mine");
    assert_int_equal(wire_tool_calls(w), 0);
    wire_model(w, DONE("resp_1", "completed", ""));
    (void)wire_client_gets(w, "response.done");
    wire_model_gets_nothing(w);
    wire_client(w, "{'type':'conversation.item.create','item':{'type':'function_call_output','call_"
                   "id':'call_a','output':'ok'}}");
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void a_client_cannot_answer_a_servers_call(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    wire_client(w, "{'type':'conversation.item.create','event_id':'f','item':{'type':'function_"
                   "call_output','call_id':'call_a','output':'forged'}}");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.param"), "item.call_id");
    assert_string_equal(wire_text(e, "error.event_id"), "f");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_clients_tool_cannot_take_a_servers_name(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_may_set = tools");

    (void)state;
    wire_client(w, "{'type':'session.update','event_id':'u','session':{'type':'realtime','tools':[{"
                   "'type':'function','name':'wipe'}]}}");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "u");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void shown_tools_are_seen(void **state)
{
    struct wire *w = wire_open("tools = t\nshow_tools = yes");

    (void)state;
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.output_item.added");
    (void)wire_client_gets(w, "response.output_item.done");
    assert_int_equal(wire_tool_calls(w), 1);
    wire_close(w);
}

static void trace_events_tell_of_calls_and_turns(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_trace = yes");

    (void)state;
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, CREATED("resp_1"));
    model_calls(w, "slow", "item_a", "call_a", "resp_1");
    assert_string_equal(wire_text(wire_client_gets(w, "parley.tool_call.started"), "name"), "slow");
    wire_advance_ms(w, 40);
    wire_tool_ends(w, 0, "out");
    const json_t *done = wire_client_gets(w, "parley.tool_call.done");
    assert_string_equal(wire_text(done, "output"), "out");
    assert_int_equal(json_get_int(done, "duration_ms", -1), 40);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_run_and_answered_without_the_client_hearing_of_it),
        cmocka_unit_test(parallel_calls_get_one_answer),
        cmocka_unit_test(a_result_before_done_waits_for_done),
        cmocka_unit_test(the_same_call_is_never_run_twice),
        cmocka_unit_test(a_tool_that_refuses_gives_the_model_words),
        cmocka_unit_test(a_tool_that_takes_too_long_ends_as_timed_out),
        cmocka_unit_test(the_client_leaves_while_a_tool_runs),
        cmocka_unit_test(cancel_during_the_tools_ends_the_turn_for_the_client),
        cmocka_unit_test(turn_detection_that_was_faster_does_not_lose_the_answer),
        cmocka_unit_test(rounds_end_with_a_spoken_answer),
        cmocka_unit_test(a_model_that_only_calls_is_stopped),
        cmocka_unit_test(a_call_without_an_id_asks_for_no_answer),
        cmocka_unit_test(a_clients_own_tool_is_the_clients_to_run),
        cmocka_unit_test(a_client_cannot_answer_a_servers_call),
        cmocka_unit_test(a_clients_tool_cannot_take_a_servers_name),
        cmocka_unit_test(shown_tools_are_seen),
        cmocka_unit_test(trace_events_tell_of_calls_and_turns),
        cmocka_unit_test(a_create_that_waits_for_the_tools_is_answered_when_cancelled),
        cmocka_unit_test(a_create_that_waits_for_the_tools_is_interrupted_by_speech),
        cmocka_unit_test(tokens_of_a_hidden_response_are_told_with_a_cancelled_one),
        cmocka_unit_test(tokens_of_a_hidden_response_go_to_its_own_answer_only),
        cmocka_unit_test(an_answer_that_is_asked_for_again_keeps_its_request),
        cmocka_unit_test(a_model_that_is_busy_with_nothing_is_not_asked_for_ever),
        cmocka_unit_test(a_hidden_call_without_an_id_stays_hidden),
        cmocka_unit_test(tools_of_one_response_come_beside_the_agents),
        cmocka_unit_test(what_follows_nothing_but_hidden_items_follows_nothing),
        cmocka_unit_test(tools_of_one_response_cannot_take_a_servers_name),
        cmocka_unit_test(a_response_beside_the_conversation_has_the_clients_tools_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
