/* SPDX-License-Identifier: Apache-2.0 */
/* The whole plugin against a server over HTTP that the test plays; see played.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "played.h"

/* ---- the handshake ---- */

static void case_30_43_session_version_and_token_go_with_every_later_request(void **state)
{
    (void)state;
    connect_to_server();
    assert_non_null(strstr(asked[0].body, "\"protocolVersion\":\"2025-11-25\""));
    assert_non_null(strstr(asked[0].body, "\"capabilities\":{\"elicitation\":{}}"));
    assert_null(strstr(asked[0].headers, "Mcp-Session-Id"));
    assert_null(strstr(asked[0].headers, "MCP-Protocol-Version"));
    for (size_t i = 0; i < asked_count; i++) {
        assert_non_null(strstr(asked[i].headers, "Authorization: Bearer secret\n"));
        if (strcmp(asked[i].method, "POST") == 0)
            assert_non_null(
                strstr(asked[i].headers, "Accept: application/json, text/event-stream\n"));
        if (i == 0)
            continue;
        assert_non_null(strstr(asked[i].headers, "Mcp-Session-Id: S1\n"));
        assert_non_null(strstr(asked[i].headers, "MCP-Protocol-Version: 2025-06-18\n"));
    }
    assert_int_equal(changes, 1);
    assert_int_equal(listed(NULL), 1);
}

static void case_02_unknown_version_is_refused_without_a_greeting(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    answer(expect("POST", "\"initialize\""), "", WELCOME("2031-01-01"));
    assert_int_equal(asked_count, 1);
    assert_true(fake_host_logged("MCP 2031-01-01"));
    assert_int_equal(listed(NULL), 0);
}

static void case_12_server_that_is_down_is_tried_again_with_growing_pauses(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    end_exchange(expect("POST", "\"initialize\""), PARLEY_E_UNAVAILABLE, 0, "");
    assert_true(fake_host_logged("it broke"));
    fake_host_advance_ms(499);
    assert_int_equal(asked_count, 1);
    fake_host_advance_ms(126);
    end_exchange(expect("POST", "\"initialize\""), PARLEY_E_UNAVAILABLE, 0, "");
    fake_host_advance_ms(999);
    assert_int_equal(asked_count, 2);
    fake_host_advance_ms(251);
    greet(WELCOME("2025-03-26"), "");
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"}]}");
    assert_int_equal(listed(NULL), 1);
    assert_true(fake_host_logged("the MCP server is ready"));
}

static void silent_server_is_given_up_after_start_timeout(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "start_timeout_ms=3s", NULL};

    (void)state;
    open_plugin(options);
    fake_host_advance_ms(3000);
    assert_true(fake_host_logged("start_timeout_ms"));
    assert_true(asked[0].is_cancelled);
    settle();
}

static void case_42_page_that_is_no_endpoint_is_named_with_its_type(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    reply(expect("POST", "\"initialize\""), 200, "content-type: text/html\r\n", "<html></html>");
    assert_true(fake_host_logged("content of type \"text/html\""));
}

static void initialize_may_be_answered_by_an_event_stream(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    reply(expect("POST", "\"initialize\""), 200, "mcp-session-id: S9\r\n",
          "id: 1\ndata:\n\ndata: {\"result\":" WELCOME(
              "2025-11-25") ",\"jsonrpc\":\"2.0\",\"id\":1}\n\n");
    struct asked *greeting = expect("POST", "notifications/initialized");
    assert_non_null(strstr(greeting->headers, "Mcp-Session-Id: S9\n"));
}

/* ---- listing ---- */

static void case_44_list_is_read_page_by_page_also_with_an_empty_cursor(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "name_prefix=none", NULL};
    const struct parley_tool *items;

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-11-25"), "");
    answer(expect("POST", "\"params\":{}"), "",
           "{\"tools\":[{\"name\":\"a\"}],\"nextCursor\":\"\"}");
    answer(expect("POST", "\"cursor\":\"\""), "",
           "{\"tools\":[{\"name\":\"b\"}],\"nextCursor\":\"z\"}");
    assert_int_equal(listed(NULL), 0);
    answer(expect("POST", "\"cursor\":\"z\""), "",
           "{\"tools\":[{\"name\":\"c\"}],\"nextCursor\":null}");
    assert_int_equal(listed(&items), 3);
    assert_string_equal(items[0].name, "a");
    assert_string_equal(items[2].name, "c");
}

static void case_45_cursor_that_never_ends_is_cut(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-11-25"), "");
    for (int i = 0; i < 64; i++) {
        answer(expect("POST", "tools/list"), "", "{\"tools\":[],\"nextCursor\":\"x\"}");
    }
    assert_int_equal(looked_at, asked_count);
    assert_true(fake_host_logged("more than 64 pages"));
}

static void case_46_server_without_tools_is_ready_all_the_same(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-11-25"), "");
    reply(expect("POST", "tools/list"), 200, "",
          "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,\"message\":\"no\"}}");
    assert_int_equal(listed(NULL), 0);
    assert_true(fake_host_logged("ready"));
    fake_host_advance_ms(120000);
    assert_int_equal(looked_at, asked_count);
}

static void case_47_burst_of_list_changed_is_one_further_listing(void **state)
{
    static const char changed[] =
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    answer(expect("POST", "\"initialize\""), "", WELCOME("2025-11-25"));
    reply(expect("POST", "notifications/initialized"), 202, "", "");
    struct asked *stream = expect("GET", "");
    assert_non_null(strstr(stream->headers, "Accept: text/event-stream\n"));
    struct asked *first = expect("POST", "tools/list");
    send_data(stream, 200, changed);
    send_data(stream, 200, changed);
    answer(first, "", "{\"tools\":[{\"name\":\"a\"}]}");
    assert_int_equal(looked_at, asked_count);
    fake_host_advance_ms(1000);
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    fake_host_advance_ms(10000);
    assert_int_equal(looked_at, asked_count);
    assert_int_equal(listed(NULL), 2);
    assert_int_equal(changes, 2);
}

/* ---- calls ---- */

static void case_27_29_call_is_answered_by_json_or_by_a_stream_alike(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(7, "web_a", "{\"x\":1}"), PARLEY_OK);
    struct asked *a = expect("POST", "\"name\":\"a\",\"arguments\":{\"x\":1}");
    assert_non_null(strstr(a->body, "\"traceparent\":\"00-1-2-01\""));
    answer(a, "", "{\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}");
    assert_int_equal(ends, 1);
    assert_string_equal(end_text, "one");
    assert_int_equal(call(8, "web_a", "{}"), PARLEY_OK);
    a = expect("POST", "tools/call");
    char stream[512];
    (void)snprintf(
        stream, sizeof(stream),
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
        "\"params\":{\"progressToken\":%lld,\"progress\":1}}\n\n"
        "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"content\":[{\"type\":"
        "\"text\",\"text\":\"two\"}]}}\n\n",
        (long long)id_of(a), (long long)id_of(a));
    reply(a, 200, "", stream);
    assert_int_equal(progresses, 1);
    assert_int_equal(ends, 2);
    assert_string_equal(end_text, "two");
}

static void case_62_63_64_requests_of_the_server_are_answered_beside_a_call(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(7, "web_a", "{}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    send_data(a, 200, "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n");
    reply(expect("POST", "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}"), 202, "", "");
    send_data(a, 200,
              "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\"}\n\n");
    reply(expect("POST", "\"code\":-32601"), 202, "", "");
    send_data(a, 200, "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"elicitation/create\"}\n\n");
    reply(expect("POST", "\"id\":2,\"result\":{\"action\":\"decline\"}"), 202, "", "");
    send_data(a, 200,
              "data: "
              "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"elicitation/"
              "create\",\"params\":{\"mode\":\"url\"}}\n\n");
    reply(expect("POST", "\"id\":3,\"error\":{\"code\":-32602"), 202, "", "");
    assert_int_equal(ends, 0);
    end_exchange(a, PARLEY_OK, 200, "");
    assert_int_equal(ends, 1);
}

static void case_58_cancel_is_told_to_the_server_and_ends_the_call(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(7, "web_a", "{}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "\"requestId\":%lld", (long long)id_of(a));
    tools->cancel(fake_plugin_worker(plugin), 7);
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_CANCELLED);
    reply(expect("POST", wanted), 200, "", "accepted");
    settle();
    tools->cancel(fake_plugin_worker(plugin), 7);
    assert_int_equal(ends, 1);
}

static void case_31_32_33_lost_session_is_renewed_once_for_all_calls(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    assert_int_equal(call(2, "web_a", "{}"), PARLEY_OK);
    struct asked *first = expect("POST", "tools/call"), *second = expect("POST", "tools/call");
    reply(first, 404, "", "");
    struct asked *again = expect("POST", "\"initialize\"");
    assert_null(strstr(again->headers, "Mcp-Session-Id"));
    reply(second, 400, "", "no valid session");
    answer(again, "mcp-session-id: S2\r\n", WELCOME("2025-06-18"));
    reply(expect("POST", "notifications/initialized"), 202, "", "");
    reply(expect("GET", ""), 405, "", "");
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"}]}");
    first = expect("POST", "tools/call");
    assert_non_null(strstr(first->headers, "Mcp-Session-Id: S2\n"));
    answer(first, "", "{\"content\":[]}");
    assert_int_equal(ends, 1);
    reply(expect("POST", "tools/call"), 404, "", "");
    assert_int_equal(ends, 2);
    assert_int_equal(end_status, PARLEY_E_UNAVAILABLE);
    assert_int_equal(looked_at, asked_count);
    assert_int_equal(changes, 1); /* the list is the same */
}

static void case_36_stream_that_was_cut_is_resumed_where_it_stopped(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    char rest[256];
    (void)snprintf(rest, sizeof(rest),
                   "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"content\":[]}}\n\n",
                   (long long)id_of(a));
    reply(a, 200, "", "id: e5\nretry: 500\ndata:\n\n");
    fake_host_advance_ms(499);
    assert_int_equal(looked_at, asked_count);
    fake_host_advance_ms(1);
    a = expect("GET", "");
    assert_non_null(strstr(a->headers, "Last-Event-ID: e5\n"));
    assert_non_null(strstr(a->headers, "Mcp-Session-Id: S1\n"));
    reply(a, 200, "", rest);
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_OK);
}

static void case_37_stream_that_was_cut_without_a_place_fails_the_call_at_once(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    send_data(a, 200, ": hello\n\n");
    end_exchange(a, PARLEY_E_UNAVAILABLE, 200, "");
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_PROTOCOL);
    assert_int_equal(listed(NULL), 1);
}

static void calls_wait_for_the_first_attempt_to_come_back_and_no_longer(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    end_exchange(expect("POST", "tools/call"), PARLEY_E_UNAVAILABLE, 0, "");
    assert_int_equal(ends, 1);
    assert_string_equal(end_text, "The tool web_a is unavailable at the moment.");
    assert_int_equal(call(2, "web_a", "{}"), PARLEY_OK);
    assert_int_equal(listed(NULL), 1);
    fake_host_advance_ms(625);
    end_exchange(expect("POST", "\"initialize\""), PARLEY_E_UNAVAILABLE, 0, "");
    assert_int_equal(ends, 2);
    assert_int_equal(listed(NULL), 0);
    assert_int_equal(call(3, "web_a", "{}"), PARLEY_E_UNAVAILABLE);
}

static void case_56_error_without_an_id_belongs_to_its_post(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    reply(expect("POST", "tools/call"), 200, "",
          "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"bad\"}}");
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_PROTOCOL);
}

static void answer_by_array(struct asked *a)
{
    char body[256];

    (void)snprintf(body, sizeof(body),
                   "[{\"jsonrpc\":\"2.0\",\"method\":\"x\"},{\"jsonrpc\":\"2.0\",\"id\":%lld,"
                   "\"result\":{\"content\":[]}}]",
                   (long long)id_of(a));
    reply(a, 200, "", body);
}

static void case_88_arrays_of_messages_are_read_one_by_one(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", NULL};

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-03-26"), "");
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"}]}");
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    answer_by_array(expect("POST", "tools/call"));
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_OK);
}

static void case_88_array_of_another_revision_is_no_answer(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    answer_by_array(expect("POST", "tools/call"));
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_PROTOCOL);
    assert_true(fake_host_logged("not of revision \"2025-06-18\""));
}

/* The oldest call that is under way gets its answer; then the next one may go. */
static void answer_one(void)
{
    answer(expect("POST", "tools/call"), "", "{\"content\":[]}");
    fake_host_advance_ms(0);
}

static void case_86_hundred_calls_at_once_all_get_their_answers_within_the_limits(void **state)
{
    char session[8];

    (void)state;
    connect_to_server();
    for (parley_op op = 1; op <= 100; op++) {
        (void)snprintf(session, sizeof(session), "s%d", (int)(op % 25));
        assert_int_equal(call_in(session, op, "web_a", "{}"), PARLEY_OK);
    }
    for (unsigned done = 0; done < 100; done++) {
        assert_int_equal(ends, done);
        assert_int_equal(unseen(), 100 - done < 16 ? 100 - done : 16);
        answer_one();
    }
    assert_int_equal(ends, 100);
    assert_int_equal(end_status, PARLEY_OK);
}

static void case_86_one_conversation_does_not_take_all_the_room(void **state)
{
    (void)state;
    connect_to_server();
    for (parley_op op = 1; op <= 20; op++)
        assert_int_equal(call_in("greedy", op, "web_a", "{\"who\":\"greedy\"}"), PARLEY_OK);
    assert_int_equal(unseen(), 4);
    assert_int_equal(call_in("other", 21, "web_a", "{\"who\":\"other\"}"), PARLEY_OK);
    assert_int_equal(unseen(), 5);
    for (int i = 0; i < 4; i++)
        (void)expect("POST", "greedy");
    (void)expect("POST", "other");
}

static void case_86_too_many_calls_are_refused(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "max_calls=1", NULL};

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-06-18"), "");
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"}]}");
    for (parley_op op = 1; op <= 256; op++)
        assert_int_equal(call(op, "web_a", "{}"), PARLEY_OK);
    assert_int_equal(unseen(), 1);
    assert_int_equal(call(257, "web_a", "{}"), PARLEY_E_BUSY);
}

/* ---- the stateless revision ---- */

static const char *const finds_out[] = {"protocol=auto", "url=http://127.0.0.1/mcp", NULL};

static void connect_stateless(void)
{
    open_plugin(finds_out);
    answer(expect("POST", "server/discover"), "",
           "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}");
    answer(expect("POST", "tools/list"), "",
           "{\"resultType\":\"complete\",\"tools\":[{\"name\":\"a\"}]}");
    assert_int_equal(listed(NULL), 1);
}

static void case_13_stateless_server_is_found_out_and_needs_no_handshake(void **state)
{
    (void)state;
    connect_stateless();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    for (size_t i = 0; i < asked_count; i++) {
        assert_non_null(strstr(asked[i].headers, "MCP-Protocol-Version: 2026-07-28\n"));
        assert_null(strstr(asked[i].headers, "Mcp-Session-Id"));
        assert_non_null(
            strstr(asked[i].body, "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""));
        assert_non_null(strstr(asked[i].body, "\"io.modelcontextprotocol/clientCapabilities\":{"));
    }
    struct asked *a = expect("POST", "tools/call");
    assert_non_null(strstr(a->headers, "Mcp-Method: tools/call\nMcp-Name: a\n"));
    answer(a, "", "{\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}");
    assert_string_equal(end_text, "one");
}

static void case_09_10_older_server_is_greeted_after_it_refused_to_be_discovered(void **state)
{
    static const struct {
        int code;
        const char *body;
    } refusals[] = {
        {400,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no session\"}}"},
        {400, ""},
        {404, "not here"},
        {200, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"},
        {200, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"what\"}}"},
    };

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        (void)setup(state);
        open_plugin(finds_out);
        reply(expect("POST", "server/discover"), refusals[i].code, "", refusals[i].body);
        assert_null(strstr(asked[1].headers, "Mcp-Method"));
        assert_null(strstr(asked[1].headers, "MCP-Protocol-Version"));
        greet(WELCOME("2025-11-25"), "");
        struct asked *a = expect("POST", "tools/list");
        assert_null(strstr(a->body, "_meta"));
        (void)teardown(state);
    }
}

static void case_12_outage_decides_nothing(void **state)
{
    (void)state;
    open_plugin(finds_out);
    reply(expect("POST", "server/discover"), 500, "", "");
    assert_int_equal(looked_at, asked_count);
    fake_host_advance_ms(700);
    end_exchange(expect("POST", "server/discover"), PARLEY_E_UNAVAILABLE, 0, "");
    assert_int_equal(looked_at, asked_count);
}

static void case_08_server_of_other_stateless_revisions_is_named_and_not_greeted(void **state)
{
    (void)state;
    open_plugin(finds_out);
    reply(expect("POST", "server/discover"), 400, "",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{"
          "\"supported\":[\"2031-01-01\"],\"requested\":\"2026-07-28\"}}}");
    assert_int_equal(looked_at, asked_count);
    assert_true(fake_host_logged("2031-01-01"));
}

static void case_49_50_arguments_are_repeated_in_headers_where_the_schema_wants_it(void **state)
{
    (void)state;
    open_plugin(finds_out);
    answer(expect("POST", "server/discover"), "", "{\"supportedVersions\":[\"2026-07-28\"]}");
    answer(expect("POST", "tools/list"), "",
           "{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
           "\"s\":{\"type\":\"string\",\"x-mcp-header\":\"S\"},"
           "\"i\":{\"type\":\"integer\",\"x-mcp-header\":\"I\"},"
           "\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"},"
           "\"n\":{\"type\":\"string\",\"x-mcp-header\":\"N\"},"
           "\"e\":{\"type\":\"string\",\"x-mcp-header\":\"E\"}}}},"
           "{\"name\":\"bad\",\"inputSchema\":{\"properties\":{\"x\":{\"type\":\"string\","
           "\"x-mcp-header\":\"\"}}}}]}");
    assert_int_equal(listed(NULL), 1);
    assert_true(fake_host_logged("tool=\"bad\""));
    assert_int_equal(call(1, "web_a", "{\"s\":\" x\",\"i\":-7,\"b\":true,\"n\":null,\"e\":\"\"}"),
                     PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    assert_non_null(strstr(a->headers, "Mcp-Param-S: =?base64?IHg=?=\n"));
    assert_non_null(strstr(a->headers, "Mcp-Param-I: -7\n"));
    assert_non_null(strstr(a->headers, "Mcp-Param-B: true\n"));
    assert_non_null(strstr(a->headers, "Mcp-Param-E;\n"));
    assert_null(strstr(a->headers, "Mcp-Param-N"));
    assert_non_null(strstr(a->headers, "Mcp-Name: a\n"));
}

static void case_66_67_68_result_that_asks_is_answered_by_the_call_again(void **state)
{
    (void)state;
    connect_stateless();
    assert_int_equal(call(1, "web_a", "{\"x\":1}"), PARLEY_OK);
    struct asked *first = expect("POST", "tools/call");
    json_int_t id = id_of(first);
    answer(first, "",
           "{\"resultType\":\"input_required\",\"requestState\":\"s \\u00fc\",\"inputRequests\":{"
           "\"k\":{\"method\":\"elicitation/create\",\"params\":{}}}}");
    struct asked *again = expect("POST", "\"arguments\":{\"x\":1}");
    assert_true(id_of(again) != id);
    assert_non_null(strstr(again->body, "\"inputResponses\":{\"k\":{\"action\":\"decline\"}}"));
    assert_non_null(strstr(again->body, "\"requestState\":\"s \xC3\xBC\""));
    answer(again, "", "{\"resultType\":\"input_required\",\"inputRequests\":{}}");
    assert_int_equal(unseen(), 0);
    fake_host_advance_ms(250);
    again = expect("POST", "tools/call");
    assert_null(strstr(again->body, "requestState"));
    assert_null(strstr(again->body, "inputResponses"));
    answer(again, "", "{\"resultType\":\"input_required\"}");
    fake_host_advance_ms(250);
    answer(expect("POST", "tools/call"), "", "{\"resultType\":\"input_required\"}");
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_PROTOCOL);
    assert_int_equal(looked_at, asked_count);
}

static void case_70_result_of_an_unknown_kind_is_a_failure(void **state)
{
    (void)state;
    connect_stateless();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    answer(expect("POST", "tools/call"), "", "{\"resultType\":\"task\",\"content\":[]}");
    assert_int_equal(end_status, PARLEY_E_PROTOCOL);
}

static void case_59_stateless_call_is_cancelled_by_closing_its_stream(void **state)
{
    (void)state;
    connect_stateless();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    tools->cancel(fake_plugin_worker(plugin), 1);
    assert_true(a->is_cancelled);
    assert_int_equal(ends, 1);
    assert_int_equal(looked_at, asked_count);
    settle();
}

static void case_38_stateless_stream_that_was_cut_is_not_resumed(void **state)
{
    (void)state;
    connect_stateless();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    send_data(a, 200, "id: 1\ndata:\n\n");
    end_exchange(a, PARLEY_E_UNAVAILABLE, 200, "");
    assert_int_equal(ends, 1);
    fake_host_advance_ms(5000);
    assert_int_equal(looked_at, asked_count);
}

/* ---- the end ---- */

static void case_34_session_is_ended_at_the_stop(void **state)
{
    (void)state;
    connect_to_server();
    fake_plugin_close(plugin);
    plugin = NULL;
    struct asked *a = expect("DELETE", "");
    assert_non_null(strstr(a->headers, "Mcp-Session-Id: S1\n"));
    assert_int_equal(a->flags, PARLEY_HTTP_DETACHED);
}

/* ---- options ---- */

static void refuse(const char *const *options, const char *text)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_null(fake_plugin_open(plugin_path, "web", options, &err));
    if (strstr(err.message, text) == NULL)
        fail_msg("wanted %s in %s", text, err.message);
}

static void options_that_do_not_fit_are_refused_by_name(void **state)
{
    (void)state;
    refuse((const char *const[]){NULL}, "command or url is missing");
    refuse((const char *const[]){"command=x", "url=http://a/", NULL}, "command and url");
    refuse((const char *const[]){"transport=stdio", "url=http://a/", NULL}, "command: transport");
    refuse((const char *const[]){"transport=http", "command=x", NULL},
           "url: transport = http or sse");
    refuse((const char *const[]){"url=ftp://a/", NULL}, "url: \"ftp://a/\"");
    refuse((const char *const[]){"command=x", "env=NO", NULL}, "env: line 1 is not NAME=value");
    refuse((const char *const[]){"url=http://a/", "token=a b", NULL}, "token: holds blanks");
    refuse((const char *const[]){"url=http://a/", "token=a", "token_file=/b", NULL},
           "token, token_file and credential");
    refuse((const char *const[]){"url=http://a/", "token_file=/nowhere/x", NULL},
           "token_file: /nowhere/x cannot be read");
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(case_30_43_session_version_and_token_go_with_every_later_request),
        T(case_02_unknown_version_is_refused_without_a_greeting),
        T(case_12_server_that_is_down_is_tried_again_with_growing_pauses),
        T(silent_server_is_given_up_after_start_timeout),
        T(case_42_page_that_is_no_endpoint_is_named_with_its_type),
        T(initialize_may_be_answered_by_an_event_stream),
        T(case_44_list_is_read_page_by_page_also_with_an_empty_cursor),
        T(case_45_cursor_that_never_ends_is_cut),
        T(case_46_server_without_tools_is_ready_all_the_same),
        T(case_47_burst_of_list_changed_is_one_further_listing),
        T(case_27_29_call_is_answered_by_json_or_by_a_stream_alike),
        T(case_62_63_64_requests_of_the_server_are_answered_beside_a_call),
        T(case_58_cancel_is_told_to_the_server_and_ends_the_call),
        T(case_31_32_33_lost_session_is_renewed_once_for_all_calls),
        T(case_36_stream_that_was_cut_is_resumed_where_it_stopped),
        T(case_37_stream_that_was_cut_without_a_place_fails_the_call_at_once),
        T(calls_wait_for_the_first_attempt_to_come_back_and_no_longer),
        T(case_56_error_without_an_id_belongs_to_its_post),
        T(case_88_arrays_of_messages_are_read_one_by_one),
        T(case_88_array_of_another_revision_is_no_answer),
        T(case_86_hundred_calls_at_once_all_get_their_answers_within_the_limits),
        T(case_86_one_conversation_does_not_take_all_the_room),
        T(case_86_too_many_calls_are_refused),
        T(case_13_stateless_server_is_found_out_and_needs_no_handshake),
        T(case_09_10_older_server_is_greeted_after_it_refused_to_be_discovered),
        T(case_12_outage_decides_nothing),
        T(case_08_server_of_other_stateless_revisions_is_named_and_not_greeted),
        T(case_49_50_arguments_are_repeated_in_headers_where_the_schema_wants_it),
        T(case_66_67_68_result_that_asks_is_answered_by_the_call_again),
        T(case_70_result_of_an_unknown_kind_is_a_failure),
        T(case_59_stateless_call_is_cancelled_by_closing_its_stream),
        T(case_38_stateless_stream_that_was_cut_is_not_resumed),
        T(case_34_session_is_ended_at_the_stop),
        T(options_that_do_not_fit_are_refused_by_name),
    };

    if (argc != 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
