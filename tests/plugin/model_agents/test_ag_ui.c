/* SPDX-License-Identifier: Apache-2.0 */
/* Agents over AG-UI. */
#include "agent_bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STARTED  EVENT("{\"type\":\"RUN_STARTED\",\"threadId\":\"t\",\"runId\":\"r\"}")
#define FINISHED EVENT("{\"type\":\"RUN_FINISHED\",\"threadId\":\"t\",\"runId\":\"r\"}")
#define CONTENT(text)                                                                              \
    EVENT("{\"type\":\"TEXT_MESSAGE_CONTENT\",\"messageId\":\"m\",\"delta\":\"" text "\"}")
#define CALL(id, name)                                                                             \
    EVENT("{\"type\":\"TOOL_CALL_START\",\"toolCallId\":\"" id "\",\"toolCallName\":\"" name       \
          "\"}")                                                                                   \
    EVENT("{\"type\":\"TOOL_CALL_ARGS\",\"toolCallId\":\"" id "\",\"delta\":\"{\\\"a\\\"\"}")      \
    EVENT("{\"type\":\"TOOL_CALL_ARGS\",\"toolCallId\":\"" id "\",\"delta\":\":1}\"}")             \
    EVENT("{\"type\":\"TOOL_CALL_END\",\"toolCallId\":\"" id "\"}")
#define TOOL "[{\"type\":\"function\",\"name\":\"look\"}]"

static void open_with(const char *more)
{
    const char *const options[] = {"protocol=ag-ui", "base_url=https://agents.example.com/agent",
                                   more, NULL};

    bench_open(options);
}

static void a_run_is_streamed(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = ": keep-alive\n\n" STARTED CONTENT("Hel") CONTENT("lo.") FINISHED;
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Hello.");
    assert_int_equal(told.status, PARLEY_OK);
    assert_string_equal(server.urls[0], "https://agents.example.com/agent");
    assert_asked(0, "threadId", "\"sess_1\"");
    assert_asked(0, "messages", "[{\"id\":\"i1\",\"role\":\"user\",\"content\":\"Hi\"}]");
    assert_asked(0, "tools", "[]");
}

static void the_thread_goes_on_with_what_was_heard(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = STARTED CONTENT("One. Two.") FINISHED;
    server.bodies[1] = STARTED CONTENT("Fine.") FINISHED;
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "One.") "," USER("i3", "Stop") "]");
    assert_asked(1, "threadId", "\"sess_1\"");
    assert_asked(1, "messages/1", "{\"id\":\"i2\",\"role\":\"assistant\",\"content\":\"One.\"}");
    assert_int_equal(json_array_size(bench_asked(1, "messages")), 3);
}

static void the_agents_own_calls_are_shown(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = STARTED CALL("c1", "weather")
        EVENT("{\"type\":\"TOOL_CALL_RESULT\",\"toolCallId\":\"c1\",\"content\":\"rain\"}")
            CONTENT("Rain.") FINISHED;
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.shown, "weather {\"a\":1} -> rain\n");
    assert_string_equal(told.calls, "");
}

static void calls_are_not_shown_unless_wished(void **state)
{
    (void)state;
    open_with("show_calls=no");
    server.bodies[0] = STARTED CALL("c1", "weather") CONTENT("Rain.") FINISHED;
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.shown, "");
}

static void our_tools_are_called_and_answered(void **state)
{
    static const char items[] =
        "[" USER("i1", "Look") ",{\"id\":\"i2\",\"type\":\"function_call\",\"call_id\":\"ours\","
                               "\"name\":\"look\",\"arguments\":\"{}\"},{\"id\":\"i3\",\"type\":"
                               "\"function_call_output\","
                               "\"call_id\":\"ours\",\"output\":\"a cat\"}]";

    (void)state;
    open_with("pass_tools=yes");
    server.bodies[0] = STARTED CALL("c1", "look") FINISHED;
    server.bodies[1] = STARTED CONTENT("A cat.") FINISHED;
    bench_ask_with("[" USER("i1", "Look") "]", TOOL);
    assert_string_equal(told.calls, "look {\"a\":1}\n");
    bench_ask_with(items, TOOL);
    assert_asked(1, "messages/1/toolCalls/0/id", "\"ours\"");
    assert_asked(1, "messages/2/toolCallId", "\"ours\"");
    assert_asked(1, "messages/2/content", "\"a cat\"");
}

static void the_state_comes_back(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = STARTED EVENT(
        "{\"type\":\"STATE_SNAPSHOT\",\"snapshot\":{\"list\":[1],\"old\":1,\"a/b\":0}}")
        EVENT("{\"type\":\"STATE_DELTA\",\"delta\":[{\"op\":\"add\",\"path\":\"/list/-\","
              "\"value\":2},{\"op\":\"remove\",\"path\":\"/old\"},{\"op\":\"replace\",\"path\":"
              "\"/a~1b\",\"value\":7},{\"op\":\"remove\",\"path\":\"/none/1\"}]}") FINISHED;
    server.bodies[1] = STARTED FINISHED;
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," USER("i2", "Again") "]");
    assert_asked(0, "state", "{}");
    assert_asked(1, "state", "{\"list\":[1,2],\"a/b\":7}");
}

static char *text_of(const char *first, const char *many, int count, const char *last)
{
    size_t size = strlen(first) + strlen(many) * (size_t)count + strlen(last) + 1;
    char *text = malloc(size), *at = text;

    assert_non_null(text);
    at = stpcpy(at, first);
    for (int i = 0; i < count; i++)
        at = stpcpy(at, many);
    (void)stpcpy(at, last);
    return text;
}

/* Whatever the state's length, a change costs its own: else an agent stops all conversations. */
static void many_changes_of_a_long_state_cost_little(void **state)
{
    char *begin = text_of("data: {\"type\":\"STATE_SNAPSHOT\",\"snapshot\":{\"list\":[0", ",0",
                          120000, "]}}\n\n");
    char *body = text_of(begin,
                         EVENT("{\"type\":\"STATE_DELTA\",\"delta\":[{\"op\":\"add\","
                               "\"path\":\"/n\",\"value\":1}]}"),
                         5000, FINISHED);

    (void)state;
    open_with(NULL);
    server.bodies[0] = body;
    server.bodies[1] = STARTED FINISHED;
    clock_t before = clock();
    bench_ask("[" USER("i1", "Hi") "]");
    assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 10);
    bench_ask("[" USER("i1", "Hi") "," USER("i2", "Again") "]");
    assert_asked(1, "state/n", "1");
    assert_int_equal(json_array_size(bench_asked(1, "state/list")), 120001);
    free(body);
    free(begin);
}

static void state_that_grows_too_long_is_forgotten(void **state)
{
    char *body = text_of(STARTED,
                         EVENT("{\"type\":\"STATE_DELTA\",\"delta\":[{\"op\":\"add\","
                               "\"path\":\"/list\",\"value\":[]},{\"op\":\"add\","
                               "\"path\":\"/old\",\"value\":1}]}"),
                         1,
                         "data: {\"type\":\"STATE_DELTA\",\"delta\":[{\"op\":\"add\","
                         "\"path\":\"/list\",\"value\":[0");
    char *all = text_of(body, ",0", 140000, "]}]}\n\n" FINISHED);

    (void)state;
    open_with(NULL);
    server.bodies[0] = all;
    server.bodies[1] = STARTED FINISHED;
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," USER("i2", "Again") "]");
    assert_asked(1, "state", "{}");
    free(all);
    free(body);
}

static void failures_are_told_apart(void **state)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {STARTED CONTENT("Hel"), PARLEY_E_UNAVAILABLE},
        {STARTED EVENT("{\"type\":\"RUN_ERROR\",\"message\":\"x\"}"), PARLEY_E_UNAVAILABLE},
        {EVENT("{\"type\":\"RUN_ERROR\",\"message\":\"x\",\"code\":\"429\"}"), PARLEY_E_BUSY},
        {STARTED EVENT("{\"type\":\"RUN_FINISHED\",\"outcome\":{\"type\":\"interrupt\"}}"),
         PARLEY_E_UNSUPPORTED},
        {"<html>", PARLEY_E_UNAVAILABLE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_setup(state);
        open_with(NULL);
        server.bodies[0] = cases[i].body;
        bench_ask("[" USER("i1", "Hi") "]");
        if (told.status != cases[i].status)
            fail_msg("case %zu: status %d, %s", i, told.status, told.err.message);
        bench_teardown(state);
    }
    bench_setup(state);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_run_is_streamed),
        TEST(the_thread_goes_on_with_what_was_heard),
        TEST(the_agents_own_calls_are_shown),
        TEST(calls_are_not_shown_unless_wished),
        TEST(our_tools_are_called_and_answered),
        TEST(the_state_comes_back),
        TEST(many_changes_of_a_long_state_cost_little),
        TEST(state_that_grows_too_long_is_forgotten),
        TEST(failures_are_told_apart),
    };

    bench_plugin = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
