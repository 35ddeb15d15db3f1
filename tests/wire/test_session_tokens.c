/* SPDX-License-Identifier: Apache-2.0 */
#include "model_says.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* Tokens that a client hands in for the agent's tools. */

#define TOKEN(label, value)                                                                        \
    "{'type':'session.update','event_id':'evt_1','session':{'type':'realtime','tools':[{'type':"   \
    "'mcp','server_label':'" label "','authorization':" value "}]}}"

/* With the agent's own update answered. */
static struct wire *open_with_tokens(const char *agent_lines)
{
    wire_tools_take_tokens();
    struct wire *w = wire_open(agent_lines);
    wire_model(w, "{'type':'session.updated','session':{}}");
    return w;
}

static void call_slow(struct wire *w, const char *response, const char *call_id)
{
    model_begins(w, response);
    model_calls(w, response, call_id, "slow");
    model_ends(w, response, "completed");
}

/* Nothing that goes to this side holds the text. */
static void holds_none(const json_t *event, const char *secret)
{
    char *text = json_dumps(event, JSON_COMPACT);

    assert_null(strstr(text, secret));
    free(text);
}

static void expect_refusal(struct wire *w, const char *param, const char *part)
{
    const json_t *error = wire_client_gets(w, "error");

    assert_string_equal(wire_text(error, "error.code"), "invalid_value");
    assert_string_equal(wire_text(error, "error.param"), param);
    assert_string_equal(wire_text(error, "error.event_id"), "evt_1");
    if (strstr(wire_text(error, "error.message"), part) == NULL)
        fail_msg("%s", wire_text(error, "error.message"));
    wire_model_gets_nothing(w);
}

static void a_token_reaches_the_tools_and_nobody_else(void **state)
{
    struct wire *w = open_with_tokens("tools = t\nclient_trace = no");

    (void)state;
    wire_client(w, TOKEN("t", "'tok-1'"));
    const json_t *update = wire_model_gets(w, "session.update");
    holds_none(update, "tok-1");
    assert_null(wire_at(update, "session.tools"));
    wire_model(w, "{'type':'session.updated','session':{}}");
    holds_none(wire_client_gets(w, "session.updated"), "tok-1");
    call_slow(w, "resp_1", "call_1");
    assert_string_equal(wire_tool_authorization(w, 0), "tok-1");
    assert_null(strstr(wire_stored(w), "tok-1"));
    wire_close(w);
}

static void a_call_without_a_token_carries_none(void **state)
{
    struct wire *w = open_with_tokens("tools = t\nclient_trace = no");

    (void)state;
    call_slow(w, "resp_1", "call_1");
    assert_string_equal(wire_tool_authorization(w, 0), "");
    wire_close(w);
}

static void a_later_token_takes_the_place_and_null_takes_it_away(void **state)
{
    struct wire *w = open_with_tokens("tools = t\nclient_trace = no");

    (void)state;
    wire_client(w, TOKEN("t", "'tok-1'"));
    wire_client(w, TOKEN("t", "'tok-2'"));
    call_slow(w, "resp_1", "call_1");
    assert_string_equal(wire_tool_authorization(w, 0), "tok-2");
    wire_tool_ends(w, 0, "done");
    wire_client(w, TOKEN("t", "null"));
    call_slow(w, "resp_2", "call_2");
    assert_string_equal(wire_tool_authorization(w, 1), "");
    wire_close(w);
}

static void a_section_that_takes_no_tokens_refuses_the_update(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_trace = no\nclient_may_set = *");

    (void)state;
    wire_client(w, TOKEN("t", "'tok-1'"));
    expect_refusal(w, "session.tools[0].authorization", "take no authorization from clients");
    call_slow(w, "resp_1", "call_1");
    assert_string_equal(wire_tool_authorization(w, 0), "");
    wire_close(w);
}

static void a_section_that_is_not_the_agents_is_refused(void **state)
{
    struct wire *w = open_with_tokens("client_trace = no");

    (void)state;
    wire_client(w, TOKEN("t", "'tok-1'"));
    expect_refusal(w, "session.tools[0].server_label", "no tools called 't'");
    wire_close(w);
}

static void what_is_no_token_is_refused_without_being_repeated(void **state)
{
    static const char *const values[] = {"'with a blank'", "''", "'line\\nend'", "7", "true", "{}"};
    struct wire *w = open_with_tokens("tools = t\nclient_trace = no");

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char event[256];
        (void)snprintf(event, sizeof(event), TOKEN("t", "%s"), values[i]);
        wire_client(w, event);
        expect_refusal(w, "session.tools[0].authorization", "visible ASCII");
    }
    wire_close(w);
}

static void tools_of_the_client_beside_a_token_are_taken_without_it(void **state)
{
    struct wire *w = open_with_tokens("tools = t\nclient_trace = no\nclient_may_set = *");

    (void)state;
    wire_client(w, "{'type':'session.update','session':{'type':'realtime','tools':[{'type':'mcp',"
                   "'server_label':'t','authorization':'tok-1'},{'type':'function','name':'mine'}]}"
                   "}");
    const json_t *update = wire_model_gets(w, "session.update");
    holds_none(update, "tok-1");
    assert_int_equal(json_array_size(wire_at(update, "session.tools")), 5);
    wire_model(w, "{'type':'session.updated','session':{}}");
    const json_t *updated = wire_client_gets(w, "session.updated");
    assert_int_equal(json_array_size(wire_at(updated, "session.tools")), 1);
    assert_string_equal(wire_text(updated, "session.tools.0.name"), "mine");
    wire_close(w);
}

static void an_update_that_is_refused_keeps_no_token(void **state)
{
    struct wire *w = open_with_tokens("tools = t\nclient_trace = no\nclient_may_set = *");

    (void)state;
    wire_client(w, "{'type':'session.update','event_id':'evt_1','session':{'type':'realtime',"
                   "'instructions':7,'tools':[{'type':'mcp','server_label':'t','authorization':"
                   "'tok-1'}]}}");
    (void)wire_client_gets(w, "error");
    call_slow(w, "resp_1", "call_1");
    assert_string_equal(wire_tool_authorization(w, 0), "");
    wire_close(w);
}

static void a_server_of_the_clients_own_is_the_models_affair(void **state)
{
    struct wire *w = open_with_tokens("tools = t\nclient_trace = no\nclient_may_set = *");

    (void)state;
    wire_client(w, "{'type':'session.update','session':{'type':'realtime','tools':[{'type':'mcp',"
                   "'server_label':'t','server_url':'https://mcp.example.com','authorization':"
                   "'theirs'}]}}");
    const json_t *update = wire_model_gets(w, "session.update");
    assert_string_equal(wire_text(update, "session.tools.4.authorization"), "theirs");
    call_slow(w, "resp_1", "call_1");
    assert_string_equal(wire_tool_authorization(w, 0), "");
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_reaches_the_tools_and_nobody_else),
        cmocka_unit_test(a_call_without_a_token_carries_none),
        cmocka_unit_test(a_later_token_takes_the_place_and_null_takes_it_away),
        cmocka_unit_test(a_section_that_takes_no_tokens_refuses_the_update),
        cmocka_unit_test(a_section_that_is_not_the_agents_is_refused),
        cmocka_unit_test(what_is_no_token_is_refused_without_being_repeated),
        cmocka_unit_test(tools_of_the_client_beside_a_token_are_taken_without_it),
        cmocka_unit_test(an_update_that_is_refused_keeps_no_token),
        cmocka_unit_test(a_server_of_the_clients_own_is_the_models_affair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
