/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a [credential], and answers that are called off on their way. */
#include "agent_bench.h"
#include "vault.h"

#include <string.h>

#define SAYS                                                                                       \
    EVENT("{\"type\":\"response.output_text.delta\",\"delta\":\"Hello.\"}")                        \
    EVENT("{\"type\":\"response.completed\",\"response\":{\"id\":\"r1\"}}")

/* ---- credentials ---- */

static int setup(void **state)
{
    int r = bench_setup(state);

    vault_setup();
    return r;
}

static void open_named(const char *name)
{
    const char *const options[] = {"protocol=responses", "base_url=https://agents.example.com/v1",
                                   name, NULL};

    bench_open(options);
}

/* ---- tests ---- */

static void a_token_goes_along(void **state)
{
    (void)state;
    open_named("credential=azure");
    server.bodies[0] = SAYS;
    (void)bench_begin("[" USER("i1", "Hi") "]", "[]");
    assert_int_equal(server.requests, 0);
    assert_string_equal(vault.scope, "https://ai.azure.com/.default");
    vault_hand_over("tok-1");
    bench_run();
    assert_non_null(strstr(server.headers[0], "Authorization: Bearer tok-1\n"));
    assert_string_equal(told.text, "Hello.");
}

static void a_refused_token_is_fetched_anew_once(void **state)
{
    (void)state;
    open_named("credential=azure");
    server.codes[0] = server.codes[1] = 401;
    (void)bench_begin("[" USER("i1", "Hi") "]", "[]");
    vault_hand_over("tok-1");
    bench_run();
    assert_int_equal(vault.refused, 1);
    assert_int_equal(told.ends, 0);
    vault_hand_over("tok-2");
    bench_run();
    assert_int_equal(vault.asked, 2);
    assert_int_equal(told.status, PARLEY_E_DENIED);
    assert_int_equal(told.ends, 1);
    assert_null(strstr(told.err.message, "tok-"));
}

static void a_token_that_the_agent_quotes_is_hidden(void **state)
{
    (void)state;
    open_named("credential=azure");
    server.bodies[0] = EVENT("{\"type\":\"response.failed\",\"response\":{\"id\":\"r1\",\"error\":{"
                             "\"code\":\"server_error\",\"message\":\"bad token "
                             "tok-0123456789 from you\"}}}");
    (void)bench_begin("[" USER("i1", "Hi") "]", "[]");
    vault_hand_over("tok-0123456789");
    bench_run();
    assert_int_equal(told.ends, 1);
    assert_true(told.status < 0);
    assert_non_null(strstr(told.err.message, "bad token [hidden] from you"));
}

static void a_token_is_not_waited_for_after_a_cancel(void **state)
{
    (void)state;
    open_named("credential=azure");
    bench_cancel(bench_begin("[" USER("i1", "Hi") "]", "[]"));
    assert_int_equal(vault.cancelled, 1);
    assert_int_equal(told.status, PARLEY_E_CANCELLED);
    assert_int_equal(server.requests, 0);
}

static void a_credential_that_is_not_there_is_refused(void **state)
{
    static const char *const options[] = {"protocol=a2a", "base_url=https://agents.example.com",
                                          "credential=gone", NULL};
    static const char *const both[] = {"protocol=a2a", "base_url=https://agents.example.com",
                                       "credential=azure", "api_key=k", NULL};
    char why[512];

    (void)state;
    bench_refused(options, why);
    assert_non_null(strstr(why, "[credential gone]"));
    bench_refused(both, why);
    assert_non_null(strstr(why, "give one of them"));
}

static void a_task_that_waits_is_cancelled_by_name(void **state)
{
    static const char *const options[] = {"protocol=a2a", "base_url=https://agents.example.com",
                                          "rpc_url=https://agents.example.com/rpc", NULL};

    (void)state;
    bench_open(options);
    server.bodies[0] =
        EVENT("{\"result\":{\"statusUpdate\":{\"taskId\":\"t1\",\"contextId\":\"c1\",\"status\":{"
              "\"state\":\"TASK_STATE_INPUT_REQUIRED\",\"message\":{\"parts\":[{\"text\":\"Day?\"}]"
              "}}}}}");
    bench_ask("[" USER("i1", "Book") "]");
    bench_cancel(bench_begin(
        "[" USER("i1", "Book") "," ASSISTANT("i2", "Day?") "," USER("i3", "No") "]", "[]"));
    bench_run();
    assert_int_equal(told.status, PARLEY_E_CANCELLED);
    int last = server.requests - 1;
    assert_asked(last, "method", "\"CancelTask\"");
    assert_asked(last, "params", "{\"id\":\"t1\"}");
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_token_goes_along),
        TEST(a_refused_token_is_fetched_anew_once),
        TEST(a_token_that_the_agent_quotes_is_hidden),
        TEST(a_token_is_not_waited_for_after_a_cancel),
        TEST(a_credential_that_is_not_there_is_refused),
        TEST(a_task_that_waits_is_cancelled_by_name),
    };

    bench_plugin = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
