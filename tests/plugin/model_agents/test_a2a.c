/* SPDX-License-Identifier: Apache-2.0 */
/* Agents over A2A, 1.0 and 0.3. */
#include "agent_bench.h"

#include <string.h>

#define RESULT(json) EVENT("{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":" json "}")
#define CARD                                                                                       \
    "{\"capabilities\":{\"streaming\":true},\"supportedInterfaces\":[{\"url\":"                    \
    "\"https://agents.example.com/old\",\"protocolBinding\":\"JSONRPC\",\"protocolVersion\":"      \
    "\"0.3\"},{\"url\":\"https://agents.example.com/rpc\",\"protocolBinding\":\"JSONRPC\","        \
    "\"protocolVersion\":\"1.0\"}]}"
#define OLD_CARD                                                                                   \
    "{\"capabilities\":{\"streaming\":true},\"protocolVersion\":\"0.3.0\",\"url\":"                \
    "\"https://agents.example.com/rpc\",\"preferredTransport\":\"JSONRPC\"}"
#define TASK(state)                                                                                \
    RESULT(                                                                                        \
        "{\"task\":{\"id\":\"t1\",\"contextId\":\"c1\",\"status\":{\"state\":\"TASK_STATE_" state  \
        "\"}}}")
#define STATUS(state, text)                                                                        \
    RESULT("{\"statusUpdate\":{\"taskId\":\"t1\",\"contextId\":\"c1\",\"status\":{\"state\":"      \
           "\"TASK_STATE_" state "\",\"message\":{\"parts\":[{\"text\":\"" text "\"}]}}}}")
#define ARTIFACT(text)                                                                             \
    RESULT("{\"artifactUpdate\":{\"taskId\":\"t1\",\"contextId\":\"c1\",\"artifact\":{"            \
           "\"artifactId\":\"a\",\"parts\":[{\"text\":\"" text "\"}]}}}")

static void open_with(const char *more)
{
    const char *const options[] = {"protocol=a2a", "base_url=https://agents.example.com", more,
                                   NULL};

    bench_open(options);
}

static void a_task_is_streamed_as_its_card_says(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = CARD;
    server.bodies[1] = TASK("SUBMITTED") STATUS("WORKING", "thinking") ARTIFACT("Hel")
        ARTIFACT("lo.") STATUS("COMPLETED", "done");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Hello.");
    assert_int_equal(told.status, PARLEY_OK);
    assert_string_equal(server.urls[0], "https://agents.example.com/.well-known/agent-card.json");
    assert_string_equal(server.urls[1], "https://agents.example.com/rpc");
    assert_non_null(strstr(server.headers[1], "A2A-Version: 1.0\n"));
    assert_asked(1, "method", "\"SendStreamingMessage\"");
    assert_asked(1, "params/message/role", "\"ROLE_USER\"");
    assert_asked(1, "params/message/parts", "[{\"text\":\"Hi\"}]");
}

static void a_context_goes_on_and_a_finished_task_does_not(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = CARD;
    server.bodies[1] = TASK("WORKING") ARTIFACT("Hello.") STATUS("COMPLETED", "");
    server.bodies[2] = TASK("WORKING") ARTIFACT("Fine.") STATUS("COMPLETED", "");
    bench_ask("[" USER("i1", "Hi") "]");
    bench_ask("[" USER("i1", "Hi") "," ASSISTANT("i2", "Hello.") "," USER("i3", "How?") "]");
    assert_asked(2, "params/message/contextId", "\"c1\"");
    assert_null(bench_asked(2, "params/message/taskId"));
    assert_asked(2, "params/message/parts", "[{\"text\":\"How?\"}]");
}

static void a_task_that_asks_back_is_answered(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = CARD;
    server.bodies[1] = TASK("WORKING") STATUS("INPUT_REQUIRED", "Which day?");
    server.bodies[2] = STATUS("WORKING", "") ARTIFACT("Booked.") STATUS("COMPLETED", "");
    server.bodies[3] = TASK("COMPLETED");
    bench_ask("[" USER("i1", "Book") "]");
    assert_string_equal(told.text, "Which day?");
    bench_ask(
        "[" USER("i1", "Book") "," ASSISTANT("i2", "Which day?") "," USER("i3", "Monday") "]");
    assert_asked(2, "params/message/taskId", "\"t1\"");
    assert_string_equal(told.text, "Booked.");
}

static void messages_are_joined_to_the_end_of_the_stream(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = CARD;
    server.bodies[1] = RESULT("{\"message\":{\"contextId\":\"c\",\"parts\":[{\"text\":\"Hel\"}]}}")
        RESULT("{\"message\":{\"contextId\":\"c\",\"parts\":[{\"text\":\"lo.\"}]}}");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Hello.");
}

static void version_0_3_is_spoken_to_an_old_agent(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = OLD_CARD;
    server.bodies[1] = RESULT("{\"kind\":\"task\",\"id\":\"t1\",\"contextId\":\"c1\",\"status\":{"
                              "\"state\":\"submitted\"}}")
        RESULT("{\"kind\":\"artifact-update\",\"taskId\":\"t1\",\"contextId\":\"c1\",\"artifact\":"
               "{\"parts\":[{\"kind\":\"text\",\"text\":\"Hello.\"}]}}")
            RESULT("{\"kind\":\"status-update\",\"taskId\":\"t1\",\"contextId\":\"c1\",\"status\":"
                   "{\"state\":\"completed\"},\"final\":true}");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Hello.");
    assert_null(strstr(server.headers[1], "A2A-Version"));
    assert_asked(1, "method", "\"message/stream\"");
    assert_asked(1, "params/message/kind", "\"message\"");
    assert_asked(1, "params/message/parts", "[{\"kind\":\"text\",\"text\":\"Hi\"}]");
}

static void an_agent_that_does_not_stream_is_sent_a_message(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = "{\"url\":\"https://agents.example.com/rpc\"}";
    server.bodies[1] = "{\"result\":{\"kind\":\"message\",\"parts\":[{\"kind\":\"text\",\"text\":"
                       "\"Hello.\"}]}}";
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(told.text, "Hello.");
    assert_asked(1, "method", "\"message/send\"");
}

static void a_card_that_leads_elsewhere_is_refused(void **state)
{
    (void)state;
    open_with(NULL);
    server.bodies[0] = "{\"url\":\"https://agents.example.com.evil.example/rpc\"}";
    bench_ask("[" USER("i1", "Hi") "]");
    assert_int_equal(told.status, PARLEY_E_DENIED);
    assert_non_null(strstr(told.err.message, "rpc_url"));
    assert_int_equal(server.requests, 1);
}

static void a_given_rpc_url_needs_no_card(void **state)
{
    (void)state;
    open_with("rpc_url=https://other.example.com/rpc");
    server.bodies[0] = ARTIFACT("Hello.") STATUS("COMPLETED", "");
    bench_ask("[" USER("i1", "Hi") "]");
    assert_string_equal(server.urls[0], "https://other.example.com/rpc");
    assert_string_equal(told.text, "Hello.");
}

static void a_forgotten_task_is_begun_anew(void **state)
{
    (void)state;
    open_with("rpc_url=https://other.example.com/rpc");
    server.bodies[0] = STATUS("INPUT_REQUIRED", "Which day?");
    server.bodies[1] = EVENT("{\"error\":{\"code\":-32001,\"message\":\"no such task\"}}");
    server.bodies[2] = ARTIFACT("Booked.") STATUS("COMPLETED", "");
    bench_ask("[" USER("i1", "Book") "]");
    bench_ask(
        "[" USER("i1", "Book") "," ASSISTANT("i2", "Which day?") "," USER("i3", "Monday") "]");
    assert_string_equal(told.text, "Booked.");
    assert_null(bench_asked(2, "params/message/taskId"));
    assert_asked(2, "params/message/parts/0/text",
                 "\"Book\\n[You said before: Which day?]\\nMonday\"");
}

static void failures_are_told_apart(void **state)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {TASK("WORKING"), PARLEY_E_UNAVAILABLE},
        {STATUS("FAILED", "out of order"), PARLEY_E_UNAVAILABLE},
        {STATUS("REJECTED", "no"), PARLEY_E_INVALID},
        {STATUS("AUTH_REQUIRED", "sign in"), PARLEY_E_DENIED},
        {EVENT("{\"error\":{\"code\":-32601,\"message\":\"x\"}}"), PARLEY_E_UNSUPPORTED},
        {EVENT("{\"error\":{\"code\":-32603,\"message\":\"x\"}}"), PARLEY_E_UNAVAILABLE},
        {"", PARLEY_E_UNAVAILABLE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_setup(state);
        open_with("rpc_url=https://other.example.com/rpc");
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
        TEST(a_task_is_streamed_as_its_card_says),
        TEST(a_context_goes_on_and_a_finished_task_does_not),
        TEST(a_task_that_asks_back_is_answered),
        TEST(messages_are_joined_to_the_end_of_the_stream),
        TEST(version_0_3_is_spoken_to_an_old_agent),
        TEST(an_agent_that_does_not_stream_is_sent_a_message),
        TEST(a_card_that_leads_elsewhere_is_refused),
        TEST(a_given_rpc_url_needs_no_card),
        TEST(a_forgotten_task_is_begun_anew),
        TEST(failures_are_told_apart),
    };

    bench_plugin = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
