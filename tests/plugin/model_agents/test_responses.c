/* SPDX-License-Identifier: Apache-2.0 */
/* Agents over the Responses API, as different hosts stream it. */
#include "agent_bench.h"

#include <string.h>

#define CREATED(id) EVENT("{\"type\":\"response.created\",\"response\":{\"id\":\"" id "\"}}")
#define DELTA(text) EVENT("{\"type\":\"response.output_text.delta\",\"delta\":\"" text "\"}")
#define COMPLETED(id)                                                                              \
    EVENT("{\"type\":\"response.completed\",\"response\":{\"id\":\"" id                            \
          "\",\"output\":[],\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{"              \
          "\"cached_tokens\":4},\"output_tokens\":3}}}")
#define SAYS(id, text) CREATED(id) DELTA(text) COMPLETED(id)
#define TOOL           "[{\"type\":\"function\",\"name\":\"look\"}]"

static void open_with(const char *more)
{
    const char *const options[] = {"protocol=responses", "base_url=https://agents.example.com/v1/",
                                   "api_key=sk-1", more, NULL};

    bench_open(options);
}

static void an_answer_is_streamed_and_counted(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = CREATED("r1") DELTA("Hel") DELTA("lo.") COMPLETED("r1");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Hello.");
    assert_int_equal(told.status, PARLEY_OK);
    assert_int_equal(told.usage.input_tokens, 9);
    assert_int_equal(told.usage.cached_tokens, 4);
    assert_string_equal(server.urls[0], "https://agents.example.com/v1/responses");
    assert_non_null(strstr(server.headers[0], "Authorization: Bearer sk-1\n"));
    assert_asked(0, "input",
                 "[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
                 "\"text\":\"Hi\"}]}]");
    assert_null(bench_asked(0, "instructions"));
    assert_null(bench_asked(0, "model"));
}

static void a_trace_is_told_only_if_so_wished(void **state)
{
    (void)state;
    open_with("trace_context=yes");
    server.bodies[0] = SAYS("r1", "Hello.");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_non_null(strstr(server.headers[0], "traceparent: 00-abc-def-01\n"));
    bench_teardown(state);
    bench_setup(state);
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "Hello.");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_null(strstr(server.headers[0], "traceparent"));
}

static void a_silent_host_is_given_up(void **state)
{
    (void)state;
    open_with("idle_timeout_ms=100");
    server.bodies[0] = SAYS("r1", "Hello.");
    (void)bench_begin("[" USER("i1", "Hi") "]", "[]");
    fake_host_advance_ms(200);
    bench_run();
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.status, PARLEY_E_TIMEOUT);
}

static void a_thin_stream_is_understood(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = EVENT("{\"type\":\"response.created\"}") DELTA("Hello.")
        EVENT("{\"type\":\"response.completed\"}");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Hello.");
    assert_int_equal(told.status, PARLEY_OK);
}

static void an_answer_that_is_no_stream_is_understood(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = "{\"object\":\"response\",\"id\":\"r1\",\"status\":\"completed\",\"output\":"
                       "[" ASSISTANT("m", "Whole.") "]}";
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Whole.");
}

static void the_next_request_brings_only_the_news(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "Hello there.");
    server.bodies[1] = SAYS("r2", "Fine.");
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hello there.") "," USER("i3", "How?") "]");
    assert_asked(1, "previous_response_id", "\"r1\"");
    assert_int_equal(json_array_size(bench_asked(1, "input")), 1);
    assert_asked(1, "input/0/content/0/text", "\"How?\"");
}

static void the_agent_is_told_what_was_heard(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "One. Two. Three.");
    server.bodies[1] = SAYS("r2", "Fine.");
    bench_ask("[" USER("i1", "Count") "]");
    bench_ask("[" USER("i1", "Count") "," ASSISTANT("i2", "One. Two.") "," USER("i3", "Stop") "]");
    assert_asked(1, "input/0/role", "\"system\"");
    assert_asked(1, "input/0/content/0/text",
                 "\"[The user interrupted. Of your last answer only this was heard: \\\"One. "
                 "Two.\\\"]\"");
    assert_asked(1, "input/1/content/0/text", "\"Stop\"");
}

static void an_answer_of_which_nothing_was_heard_is_told_too(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "One.");
    server.bodies[1] = SAYS("r2", "Fine.");
    bench_ask("[" USER("i1", "Count") "]");
    bench_ask("[" USER("i1", "Count") "," USER("i3", "Stop") "]");
    assert_asked(1, "input/0/content/0/text",
                 "\"[The user interrupted. Nothing of your last answer was heard.]\"");
}

static void a_cancelled_turn_is_told_anew(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "One.");
    server.bodies[1] = SAYS("r2", "Fine.");
    bench_cancel(bench_begin("[" USER("i1", "Count") "]", "[]"));
    bench_run();
    assert_int_equal(told.status, PARLEY_E_CANCELLED);
    int first = server.requests;
    bench_ask("[" USER("i1", "Count") "," USER("i3", "Stop") "]");
    assert_null(bench_asked(first, "previous_response_id"));
    assert_int_equal(json_array_size(bench_asked(first, "input")), 2);
}

static void a_conversation_is_made_first(void **state)
{
    (void)state;
    open_with("history=conversation");
    server.bodies[0] = "{\"id\":\"conv_1\"}";
    server.bodies[1] = SAYS("r1", "Hello.");
    server.bodies[2] = SAYS("r2", "Fine.");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(server.urls[0], "https://agents.example.com/v1/conversations");
    assert_asked(1, "conversation", "\"conv_1\"");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hello.") "," USER("i3", "How?") "]");
    assert_asked(2, "conversation", "\"conv_1\"");
    assert_null(bench_asked(2, "previous_response_id"));
}

static void conversations_may_be_made_elsewhere(void **state)
{
    const char *const options[] = {
        "protocol=responses", "base_url=https://agents.example.com/echo/v1", "history=conversation",
        "conversations_url=https://agents.example.com/v1/conversations", NULL};

    (void)state;
    bench_open(options);
    server.bodies[0] = "{\"id\":\"conv_1\"}";
    server.bodies[1] = SAYS("r1", "Hello.");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(server.urls[0], "https://agents.example.com/v1/conversations");
    assert_string_equal(server.urls[1], "https://agents.example.com/echo/v1/responses");
}

static void a_conversation_that_began_elsewhere_is_told_whole(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "Fine.");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hello.") "," USER("i3", "How?") "]");
    assert_int_equal(json_array_size(bench_asked(0, "input")), 3);
    assert_asked(0, "input/1/role", "\"assistant\"");
    assert_null(bench_asked(0, "previous_response_id"));
}

static void everything_is_sent_each_time_if_so_wished(void **state)
{
    (void)state;
    open_with("history=send");
    server.bodies[0] = SAYS("r1", "Hello.");
    server.bodies[1] = SAYS("r2", "Fine.");
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hello.") "," USER("i3", "How?") "]");
    assert_int_equal(json_array_size(bench_asked(1, "input")), 3);
    assert_asked(1, "input/1/content/0/type", "\"output_text\"");
    assert_null(bench_asked(1, "previous_response_id"));
}

static void a_forgotten_response_is_told_anew_once(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "Hello.");
    server.codes[1] = 400;
    server.bodies[1] = "{\"error\":{\"code\":\"previous_response_not_found\",\"message\":\"no\"}}";
    server.bodies[2] = SAYS("r3", "Fine.");
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hello.") "," USER("i3", "How?") "]");
    assert_string_equal(told.text, "Fine.");
    assert_null(bench_asked(2, "previous_response_id"));
    assert_int_equal(json_array_size(bench_asked(2, "input")), 3);
}

static void the_agents_own_calls_are_shown(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = CREATED("r1") EVENT(
        "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"id\":\"f\","
        "\"call_id\":\"c1\",\"name\":\"weather\",\"arguments\":\"{\\\"at\\\":1}\"}}")
        EVENT("{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call_output\","
              "\"call_id\":\"c1\",\"output\":\"rain\"}}")
            EVENT("{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"web_search_call\","
                  "\"id\":\"w\",\"status\":\"failed\"}}") DELTA("Rain.") COMPLETED("r1");
    bench_ask_with("[" USER("i1", "Hi") "]", TOOL);
    assert_string_equal(told.shown, "weather {\"at\":1} -> rain\nweb_search_call  failed \n");
    assert_string_equal(told.calls, "");
    assert_null(bench_asked(0, "tools"));
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
    server.bodies[0] = CREATED("r1") EVENT(
        "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"id\":\"f\","
        "\"call_id\":\"theirs\",\"name\":\"look\",\"arguments\":\"{}\"}}") COMPLETED("r1");
    server.bodies[1] = SAYS("r2", "A cat.");
    bench_ask_with("[" USER("i1", "Look") "]", TOOL);
    assert_string_equal(told.calls, "look {}\n");
    assert_string_equal(told.shown, "");
    assert_asked(0, "tools/0/name", "\"look\"");
    bench_ask_with(items, TOOL);
    assert_asked(1, "input",
                 "[{\"type\":\"function_call_output\",\"call_id\":\"theirs\",\"output\":\"a "
                 "cat\"}]");
}

static void an_agent_is_named_and_keeps_its_session(void **state)
{
    const char *const options[] = {"protocol=responses", "base_url=https://p.example.com/openai/v1",
                                   "agent=concierge", "agent_version=3", NULL};

    (void)state;
    bench_open(options);
    server.bodies[0] =
        EVENT("{\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"agent_session_id\":"
              "\"s1\"}}") DELTA("Hi.") COMPLETED("r1");
    server.bodies[1] = SAYS("r2", "Fine.");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_asked(0, "agent_reference",
                 "{\"type\":\"agent_reference\",\"name\":\"concierge\",\"version\":\"3\"}");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hi.") "," USER("i3", "How?") "]");
    assert_asked(1, "agent_session_id", "\"s1\"");
}

static void one_answer_more_without_news_is_empty(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = SAYS("r1", "Hello.");
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hello.") "]");
    assert_int_equal(server.requests, 1);
    assert_int_equal(told.status, PARLEY_OK);
    assert_string_equal(told.text, "");
}

static void failures_are_told_apart(void **state)
{
    static const struct {
        int code;
        const char *body;
        int status;
    } cases[] = {
        {401, "{}", PARLEY_E_DENIED},
        {404, "{}", PARLEY_E_NOT_FOUND},
        {429, "{}", PARLEY_E_BUSY},
        {503, "{}", PARLEY_E_UNAVAILABLE},
        {400, "{\"error\":{\"message\":\"unsupported\"}}", PARLEY_E_INVALID},
        {200, CREATED("r1") DELTA("Hel"), PARLEY_E_UNAVAILABLE},
        {200, "", PARLEY_E_UNAVAILABLE},
        {200, EVENT("no JSON"), PARLEY_E_PROTOCOL},
        {200,
         EVENT("{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":"
               "\"rate_limit_exceeded\",\"message\":\"slow\"}}}"),
         PARLEY_E_BUSY},
        {200, EVENT("{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"x\"}"),
         PARLEY_E_UNAVAILABLE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_setup(state);
        open_with(NULL);
        server.codes[0] = cases[i].code;
        server.bodies[0] = cases[i].body;
        bench_ask("[" USER("i1", "Hi") "]");
        if (told.status != cases[i].status)
            fail_msg("case %zu: status %d, %s", i, told.status, told.err.message);
        bench_teardown(state);
    }
    bench_setup(state);
}

static void a_cut_answer_says_why(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = DELTA("Hel")
        EVENT("{\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":"
              "\"content_filter\"}}}");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_int_equal(told.status, PARLEY_OK);
    assert_int_equal(told.finish, PARLEY_CHAT_CONTENT_FILTER);
}

static void wrong_sections_are_refused(void **state)
{
    static const struct {
        const char *options[4];
        const char *why;
    } cases[] = {
        {{"protocol=responses", "base_url=ftp://x", NULL}, "does not begin with https://"},
        {{"protocol=responses", "base_url=http://agents.example.com", NULL}, "in the clear"},
        {{"protocol=responses", "base_url=http://localhost.example.com", NULL}, "in the clear"},
        {{"protocol=responses", "base_url=http://localhost:x@example.com", NULL}, "a password"},
        {{"protocol=a2a", "base_url=https://x", "rpc_url=https://me:x@x/a", NULL}, "a password"},
        {{"protocol=responses", "base_url=https://x/responses", NULL}, "leave out /responses"},
        {{"protocol=responses", "base_url=https://x?api-version=1", NULL}, "has a query"},
        {{"protocol=a2a", "base_url=https://x", "pass_tools=yes", NULL}, "A2A has no tools"},
        {{"protocol=ag-ui", "base_url=https://x", "agent=a", NULL}, "only protocol = responses"},
    };
    char why[512];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_refused(cases[i].options, why);
        if (strstr(why, cases[i].why) == NULL)
            fail_msg("case %zu: %s", i, why);
    }
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_streamed_and_counted),
        TEST(a_trace_is_told_only_if_so_wished),
        TEST(a_silent_host_is_given_up),
        TEST(a_thin_stream_is_understood),
        TEST(an_answer_that_is_no_stream_is_understood),
        TEST(the_next_request_brings_only_the_news),
        TEST(the_agent_is_told_what_was_heard),
        TEST(an_answer_of_which_nothing_was_heard_is_told_too),
        TEST(a_cancelled_turn_is_told_anew),
        TEST(a_conversation_is_made_first),
        TEST(conversations_may_be_made_elsewhere),
        TEST(a_conversation_that_began_elsewhere_is_told_whole),
        TEST(everything_is_sent_each_time_if_so_wished),
        TEST(a_forgotten_response_is_told_anew_once),
        TEST(the_agents_own_calls_are_shown),
        TEST(our_tools_are_called_and_answered),
        TEST(an_agent_is_named_and_keeps_its_session),
        TEST(one_answer_more_without_news_is_empty),
        TEST(failures_are_told_apart),
        TEST(a_cut_answer_says_why),
        TEST(wrong_sections_are_refused),
    };

    bench_plugin = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
