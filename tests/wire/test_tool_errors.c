/* SPDX-License-Identifier: Apache-2.0 */
/* What a model may do wrong with tools, and tools with it: it is told what was wrong and answers.
 */
#include "model_says.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A response of the model in which it calls this; the client has asked for it. */
static struct wire *open_and_call(const char *agent_lines, const char *name, const char *arguments)
{
    struct wire *w = wire_open(agent_lines);

    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    model_calls_with(w, "resp_1", "call_1", name, arguments);
    return w;
}

/* The model is told this about its call, and asked for an answer; the client hears nothing. */
static void is_told(struct wire *w, const char *wanted)
{
    const json_t *create = wire_model_gets(w, "conversation.item.create");

    assert_string_equal(wire_text(create, "item.type"), "function_call_output");
    assert_string_equal(wire_text(create, "item.call_id"), "call_1");
    assert_string_equal(wire_text(create, "item.output"), wanted);
    model_ends(w, "resp_1", "completed");
    (void)wire_model_gets(w, "response.create");
    wire_model_gets_nothing(w);
    wire_client_gets_nothing(w);
}

static void function_that_is_not_the_agents_is_answered_with_those_that_are(void **state)
{
    struct wire *w = open_and_call("tools = t.slow, t.fast\nclient_trace = no", "wipe", "{}");

    (void)state;
    is_told(w, "There is no tool wipe. The tools are slow, fast.");
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

static void function_that_is_made_up_is_not_the_clients_to_run(void **state)
{
    struct wire *w =
        open_and_call("tools = t\nclient_may_set = tools\nclient_trace = no", "teleport", "{}");

    (void)state;
    is_told(w, "There is no tool teleport. The tools are slow, fast, boom, wipe.");
    wire_close(w);
}

/* It may be called with what the model knew before the client replaced it. */
static void function_that_the_client_has_replaced_stays_the_clients(void **state)
{
    struct wire *w = wire_open("tools = t\nclient_may_set = tools");

    (void)state;
    for (int i = 0; i < 2; i++) {
        wire_client(w, i == 0
                           ? "{'type':'session.update','session':{'type':'realtime','tools':[{"
                             "'type':'function','name':'mine'}]}}"
                           : "{'type':'session.update','session':{'type':'realtime','tools':[]}}");
        (void)wire_model_gets(w, "session.update");
    }
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "mine");
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.output_item.added");
    assert_string_equal(wire_text(wire_client_gets(w, "response.output_item.done"), "item.name"),
                        "mine");
    wire_model_gets_nothing(w);
    wire_close(w);
}

/* Its functions may be its own upstream's. */
static void agent_without_tools_leaves_every_call_to_the_client(void **state)
{
    struct wire *w = open_and_call("", "teleport", "{}");

    (void)state;
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.output_item.added");
    (void)wire_client_gets(w, "response.output_item.done");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void model_that_makes_up_functions_for_ever_is_stopped(void **state)
{
    struct wire *w =
        open_and_call("tools = t\nmax_tool_rounds = 1\nclient_trace = no", "teleport", "{}");

    (void)state;
    is_told(w, "There is no tool teleport. The tools are slow, fast, boom, wipe.");
    model_begins(w, "resp_2");
    model_calls(w, "resp_2", "call_2", "teleport");
    (void)wire_model_gets(w, "conversation.item.create");
    model_ends(w, "resp_2", "completed");
    const json_t *last = wire_model_gets(w, "response.create");
    assert_string_equal(wire_text(last, "response.tool_choice"), "none");
    wire_close(w);
}

static void arguments_that_do_not_fit_are_answered_with_their_place(void **state)
{
    struct wire *w = open_and_call("tools = t\nclient_trace = no", "slow",
                                   "{\\'rooms\\':[{\\'beds\\':2},{\\'beds\\':5}]}");

    (void)state;
    is_told(w, "The tool slow was not called: arguments.rooms[1].beds: 5 is above the maximum 3.");
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

static void arguments_that_are_not_json_are_answered(void **state)
{
    struct wire *w = open_and_call("tools = t\nclient_trace = no", "slow", "{\\'rooms\\':");

    (void)state;
    const json_t *create = wire_model_gets(w, "conversation.item.create");
    assert_non_null(strstr(wire_text(create, "item.output"), "The arguments of slow: not valid"));
    assert_int_equal(wire_tool_calls(w), 0);
    wire_close(w);
}

static void schema_is_not_held_against_arguments_when_the_policy_says_so(void **state)
{
    struct wire *w = open_and_call("tools = t\nt.slow.check_arguments = no\nclient_trace = no",
                                   "slow", "{\\'rooms\\':7}");

    (void)state;
    assert_int_equal(wire_tool_calls(w), 1);
    wire_tool_ends(w, 0, "fine with me");
    is_told(w, "fine with me");
    wire_close(w);
}

static void output_above_the_limit_is_cut_and_says_so(void **state)
{
    char output[1001] = {0}, wanted[512] = {0};
    struct wire *w =
        open_and_call("tools = t\nmax_tool_output_bytes = 256\nclient_trace = no", "slow", "{}");

    (void)state;
    memset(output, 'x', 1000);
    memset(wanted, 'x', 256);
    (void)strcat(wanted, "\n[cut here: the whole output has 1000 bytes, the limit is 256]");
    wire_tool_ends(w, 0, output);
    is_told(w, wanted);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(function_that_is_not_the_agents_is_answered_with_those_that_are),
        cmocka_unit_test(function_that_is_made_up_is_not_the_clients_to_run),
        cmocka_unit_test(function_that_the_client_has_replaced_stays_the_clients),
        cmocka_unit_test(agent_without_tools_leaves_every_call_to_the_client),
        cmocka_unit_test(model_that_makes_up_functions_for_ever_is_stopped),
        cmocka_unit_test(arguments_that_do_not_fit_are_answered_with_their_place),
        cmocka_unit_test(arguments_that_are_not_json_are_answered),
        cmocka_unit_test(schema_is_not_held_against_arguments_when_the_policy_says_so),
        cmocka_unit_test(output_above_the_limit_is_cut_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
