/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over HTTP: what servers answer in place of a plain result, and what they say meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "played.h"

static const char *const stateless[] = {"protocol=2026-07-28", "url=http://127.0.0.1/mcp", NULL};

#define TEXT(text) "{\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"

static void connect_stateless(const char *list)
{
    open_plugin(stateless);
    answer(expect("POST", "server/discover"), "",
           "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}");
    answer(expect("POST", "tools/list"), "", list);
    (void)listed(NULL);
}

#define ONE_TOOL "{\"tools\":[{\"name\":\"a\"}],\"ttlMs\":3600000}"

static struct asked *begin_call(parley_op op)
{
    assert_int_equal(call(op, "web_a", "{}"), PARLEY_OK);
    return expect("POST", "tools/call");
}

static void answer_error(struct asked *a, int http, const char *error)
{
    char body[512];

    (void)snprintf(body, sizeof(body), "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":%s}",
                   (long long)id_of(a), error);
    reply(a, http, "", body);
}

/* One event on the stream of this request; `%lld` in the text is the request's id. */
static void send_event(struct asked *a, const char *before, json_int_t id, const char *after)
{
    char text[1024];

    (void)snprintf(text, sizeof(text), "data: {\"jsonrpc\":\"2.0\",%s%lld%s}\n\n", before,
                   (long long)id, after);
    send_data(a, 200, text);
}

static void send_result(struct asked *a, json_int_t id, const char *text)
{
    char after[256];

    (void)snprintf(after, sizeof(after),
                   ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}", text);
    send_event(a, "\"id\":", id, after);
}

static void send_progress(struct asked *a, json_int_t token, int done)
{
    char after[64];

    (void)snprintf(after, sizeof(after), ",\"progress\":%d,\"total\":1000}", done);
    send_event(a, "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":", token,
               after);
}

/* ---- answers ---- */

static void case_55_error_for_an_unknown_tool_fails_the_call_alone(void **state)
{
    (void)state;
    connect_to_server();
    answer_error(begin_call(1), 200, "{\"code\":-32602,\"message\":\"Unknown tool: a\"}");
    assert_int_equal(end_status, PARLEY_E_INVALID);
    assert_non_null(strstr(end_text, "Unknown tool: a"));
    answer(begin_call(2), "", TEXT("still here"));
    assert_string_equal(end_text, "still here");
    assert_false(fake_host_logged("unavailable"));
}

static void case_56_answers_that_belong_to_nobody_are_ignored(void **state)
{
    (void)state;
    connect_to_server();
    struct asked *a = begin_call(1);
    send_result(a, 4711, "a stranger's");
    assert_int_equal(ends, 0);
    send_result(a, id_of(a), "the first");
    assert_int_equal(ends, 1);
    send_result(a, id_of(a), "the second");
    end_exchange(a, PARLEY_OK, 200, "");
    assert_int_equal(ends, 1);
    assert_string_equal(end_text, "the first");
}

static void case_65_step_in_a_browser_is_said_and_not_taken(void **state)
{
    (void)state;
    connect_to_server();
    answer_error(begin_call(1), 200,
                 "{\"code\":-32042,\"message\":\"x\",\"data\":{\"elicitations\":[{\"url\":"
                 "\"http://elsewhere.example/\"}]}}");
    assert_true(end_status < 0);
    assert_non_null(strstr(end_text, "web browser"));
    assert_int_equal(unseen(), 0);
}

static void case_70_result_without_a_kind_is_complete(void **state)
{
    static const char *const wrong[] = {"{\"resultType\":\"surprise\",\"content\":[]}",
                                        "{\"resultType\":\"task\",\"taskId\":\"1\"}",
                                        "{\"resultType\":7,\"content\":[]}"};

    (void)state;
    connect_stateless(ONE_TOOL);
    answer(begin_call(1), "", TEXT("plain"));
    assert_string_equal(end_text, "plain");
    for (size_t i = 0; i < 3; i++) {
        answer(begin_call(2 + i), "", wrong[i]);
        assert_int_equal(ends, 2 + i);
        assert_int_equal(end_status, PARLEY_E_PROTOCOL);
    }
}

/* ---- progress ---- */

static void case_57_progress_is_told_at_a_bearable_rate_and_the_last_one_is_not_lost(void **state)
{
    (void)state;
    connect_to_server();
    struct asked *a = begin_call(1);
    for (int i = 1; i <= 1000; i++) {
        send_progress(a, id_of(a), i);
        fake_host_advance_ms(1);
    }
    assert_true(progresses >= 9 && progresses <= 11);
    send_progress(a, id_of(a) + 100, 7); /* of nobody */
    assert_true(last_progress < 1000);
    send_result(a, id_of(a), "done");
    assert_true(last_progress == 1000);
    unsigned told = progresses;
    send_progress(a, id_of(a), 8); /* after the end */
    assert_int_equal(progresses, told);
    end_exchange(a, PARLEY_OK, 200, "");
    assert_int_equal(ends, 1);
}

static void case_60_limits_reach_the_host_which_keeps_them(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "timeout_ms=5s",
                                          "max_timeout_ms=40s", NULL};
    const struct parley_tool *items;

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-11-25"), "");
    answer(expect("POST", "tools/list"), "", ONE_TOOL);
    assert_int_equal(listed(&items), 1);
    assert_int_equal(items[0].timeout_ms, 5000);
    assert_int_equal(items[0].max_timeout_ms, 40000);
}

static void case_60_maximum_is_two_minutes_when_nothing_is_said(void **state)
{
    const struct parley_tool *items;

    (void)state;
    connect_to_server();
    assert_int_equal(listed(&items), 1);
    assert_int_equal(items[0].timeout_ms, 0);
    assert_int_equal(items[0].max_timeout_ms, 120000);
}

/* ---- questions ---- */

static void ask_user(struct asked *a, const char *params)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"elicitation/create\","
                   "\"params\":%s}\n\n",
                   params);
    send_data(a, 200, text);
}

static void case_64_question_in_a_revision_without_them_is_an_unknown_method(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "protocol=2025-03-26", NULL};

    (void)state;
    open_plugin(options);
    assert_non_null(strstr(asked[0].body, "\"capabilities\":{}"));
    greet(WELCOME("2025-03-26"), "");
    answer(expect("POST", "tools/list"), "", ONE_TOOL);
    ask_user(begin_call(1), "{}");
    (void)expect("POST", "\"id\":9,\"error\":{\"code\":-32601");
}

static void case_64_question_is_answered_by_its_own_defaults_where_that_is_allowed(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "elicitation=accept-defaults",
                                          NULL};

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-11-25"), "");
    answer(expect("POST", "tools/list"), "", ONE_TOOL);
    ask_user(begin_call(1), "{\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"size\":{"
                            "\"type\":\"string\",\"default\":\"small\"}}}}");
    (void)expect("POST", "\"result\":{\"action\":\"accept\",\"content\":{\"size\":\"small\"}}");
}

static void case_69_parallel_call_carries_nothing_of_the_one_that_was_asked_about(void **state)
{
    (void)state;
    connect_stateless(ONE_TOOL);
    struct asked *first = begin_call(1), *second = begin_call(2);
    answer(first, "",
           "{\"resultType\":\"input_required\",\"requestState\":\"secret state\",\"inputRequests\":"
           "{\"k\":{\"method\":\"elicitation/create\",\"params\":{}}}}");
    struct asked *again = expect("POST", "inputResponses");
    assert_non_null(strstr(again->body, "secret state"));
    struct asked *third = begin_call(3);
    assert_null(strstr(third->body, "inputResponses"));
    assert_null(strstr(third->body, "requestState"));
    answer(second, "", TEXT("second"));
    assert_string_equal(end_text, "second");
    answer(third, "", TEXT("third"));
    answer(again, "", TEXT("first"));
    assert_int_equal(ends, 3);
    assert_string_equal(end_text, "first");
}

static void case_66_question_that_was_not_offered_fails_the_call(void **state)
{
    (void)state;
    connect_stateless(ONE_TOOL);
    answer(begin_call(1), "",
           "{\"resultType\":\"input_required\",\"inputRequests\":{\"k\":{\"method\":"
           "\"sampling/createMessage\",\"params\":{}}}}");
    assert_int_equal(end_status, PARLEY_E_PROTOCOL);
    assert_int_equal(unseen(), 0);
}

static void question_in_the_stateless_revision_gets_no_answer(void **state)
{
    (void)state;
    connect_stateless(ONE_TOOL);
    struct asked *a = begin_call(1);
    send_data(a, 200, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
    assert_int_equal(unseen(), 0);
    send_result(a, id_of(a), "done");
    assert_string_equal(end_text, "done");
    end_exchange(a, PARLEY_OK, 200, "");
}

/* ---- servers that want it otherwise ---- */

static void call_is_made_again_when_the_server_wants_it_later(void **state)
{
    (void)state;
    connect_to_server();
    reply(begin_call(1), 429, "retry-after: 3\r\n", "");
    fake_host_advance_ms(2999);
    assert_int_equal(unseen(), 0);
    assert_int_equal(ends, 0);
    fake_host_advance_ms(1);
    reply(expect("POST", "tools/call"), 503, "retry-after: Mon, 05 Jan 2026 09:00:05 GMT\r\n", "");
    fake_host_advance_ms(2100);
    answer(expect("POST", "tools/call"), "", TEXT("at last"));
    assert_string_equal(end_text, "at last");
    assert_false(fake_host_logged("unavailable"));
}

static void call_is_busy_when_the_server_wants_it_too_late_or_too_often(void **state)
{
    (void)state;
    connect_to_server();
    reply(begin_call(1), 429, "retry-after: 20\r\n", ""); /* the limit is 20 s */
    assert_int_equal(end_status, PARLEY_E_BUSY);
    struct asked *a = begin_call(2);
    for (int i = 0; i < 3; i++) {
        reply(a, 503, "retry-after: 1\r\n", "");
        fake_host_advance_ms(1000);
        a = expect("POST", "tools/call");
    }
    reply(a, 503, "retry-after: 1\r\n", "");
    assert_int_equal(ends, 2);
    assert_int_equal(end_status, PARLEY_E_BUSY);
    assert_int_equal(listed(NULL), 1);
}

#define MIRRORING(header)                                                                          \
    "{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"city\":{"  \
    "\"type\":\"string\"" header "}}}}],\"ttlMs\":3600000}"

static void case_49_call_with_wrong_headers_is_made_again_after_a_listing(void **state)
{
    (void)state;
    connect_stateless(MIRRORING(""));
    fake_host_advance_ms(5000);
    assert_int_equal(call(1, "web_a", "{\"city\":\"Rome\"}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    assert_null(strstr(a->headers, "Mcp-Param"));
    answer_error(a, 400, "{\"code\":-32020,\"message\":\"Mcp-Param-City is missing\"}");
    fake_host_advance_ms(0);
    answer(expect("POST", "tools/list"), "", MIRRORING(",\"x-mcp-header\":\"City\""));
    a = expect("POST", "tools/call");
    assert_non_null(strstr(a->headers, "Mcp-Param-City: Rome\n"));
    answer_error(a, 400, "{\"code\":-32020,\"message\":\"still wrong\"}");
    assert_int_equal(ends, 1); /* once is enough */
    assert_true(end_status < 0);
    fake_host_advance_ms(5000);
    assert_int_equal(unseen(), 0);
}

/* ---- what it says meanwhile ---- */

static void words_of_the_server_go_to_the_log_at_ten_a_minute(void **state)
{
    (void)state;
    connect_to_server();
    struct asked *a = begin_call(1);
    for (int i = 0; i < 50; i++)
        send_event(a,
                   "\"method\":\"notifications/message\",\"params\":{\"level\":\"error\",\"data\":"
                   "{\"line\":",
                   i, "}}");
    assert_true(fake_host_logged("the MCP server says \"{\"line\":9}\""));
    assert_false(fake_host_logged("{\"line\":10}"));
    fake_host_advance_ms(60000);
    send_event(a, "\"method\":\"notifications/message\",\"params\":{\"data\":\"", 1, " more\"}");
    assert_true(fake_host_logged("were not logged lines=40"));
    send_result(a, id_of(a), "done");
    assert_string_equal(end_text, "done");
    end_exchange(a, PARLEY_OK, 200, "");
}

static void endless_line_is_given_up_at_its_limit(void **state)
{
    size_t size = (size_t)1 << 20;
    char *piece = malloc(size + 1);
    unsigned sent = 0;

    (void)state;
    memset(piece, 'x', size);
    piece[size] = '\0';
    connect_to_server();
    struct asked *a = begin_call(1);
    send_data(a, 200, "data: ");
    while (!a->is_cancelled && sent < 2048) { /* 2 GiB, if nobody stopped it */
        send_data(a, 200, piece);
        sent++;
    }
    free(piece);
    assert_int_equal(sent, 5);
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_TOO_LARGE);
    settle();
    answer(begin_call(2), "", TEXT("still here"));
    assert_string_equal(end_text, "still here");
}

static void case_28_stream_is_read_with_everything_that_streams_may_hold(void **state)
{
    char text[512];

    (void)state;
    connect_to_server();
    struct asked *a = begin_call(1);
    (void)snprintf(text, sizeof(text),
                   "\xEF\xBB\xBFid: 1\ndata:\n\n: keep-alive\r\n\r\nevent: other\ndata: {}\n\n"
                   "event: message\rdata: {\"jsonrpc\":\"2.0\",\"id\":%lld,\rdata: \"result\":"
                   "{\"content\":[{\"type\":\"text\",\"text\":\"whole\"}]}}\r\r",
                   (long long)id_of(a));
    reply(a, 200, "content-type: text/event-stream\r\n", text);
    assert_int_equal(ends, 1);
    assert_string_equal(end_text, "whole");
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(case_55_error_for_an_unknown_tool_fails_the_call_alone),
        T(case_56_answers_that_belong_to_nobody_are_ignored),
        T(case_65_step_in_a_browser_is_said_and_not_taken),
        T(case_70_result_without_a_kind_is_complete),
        T(case_57_progress_is_told_at_a_bearable_rate_and_the_last_one_is_not_lost),
        T(case_60_limits_reach_the_host_which_keeps_them),
        T(case_60_maximum_is_two_minutes_when_nothing_is_said),
        T(case_64_question_in_a_revision_without_them_is_an_unknown_method),
        T(case_64_question_is_answered_by_its_own_defaults_where_that_is_allowed),
        T(case_69_parallel_call_carries_nothing_of_the_one_that_was_asked_about),
        T(case_66_question_that_was_not_offered_fails_the_call),
        T(question_in_the_stateless_revision_gets_no_answer),
        T(call_is_made_again_when_the_server_wants_it_later),
        T(call_is_busy_when_the_server_wants_it_too_late_or_too_often),
        T(case_49_call_with_wrong_headers_is_made_again_after_a_listing),
        T(words_of_the_server_go_to_the_log_at_ten_a_minute),
        T(endless_line_is_given_up_at_its_limit),
        T(case_28_stream_is_read_with_everything_that_streams_may_hold),
    };

    if (argc != 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
