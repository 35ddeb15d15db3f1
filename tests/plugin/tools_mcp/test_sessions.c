/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over HTTP: how they begin, what they fall back to, how they are lost and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <parley/service/metrics.h>

#include "played.h"

static const char *const plain[] = {"url=http://127.0.0.1/mcp", NULL};
static const char *const finds_out[] = {"protocol=auto", "url=http://127.0.0.1/mcp", NULL};

#define ONE_TOOL "{\"tools\":[{\"name\":\"a\"}]}"
#define AN_ERROR(code, text)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":" code ",\"message\":\"" text "\"}}"

/* ---- the handshake ---- */

static void case_01_older_version_is_taken_and_said_in_the_header(void **state)
{
    static const char *const versions[] = {WELCOME("2024-11-05"), WELCOME("2025-03-26"),
                                           WELCOME("2025-06-18"), WELCOME("2025-11-25")};
    static const char *const headers[] = {"2024-11-05\n", "2025-03-26\n", "2025-06-18\n",
                                          "2025-11-25\n"};

    for (size_t i = 0; i < 4; i++) {
        char wanted[64];
        (void)setup(state);
        open_plugin(plain);
        greet(versions[i], "");
        struct asked *a = expect("POST", "tools/list");
        (void)snprintf(wanted, sizeof(wanted), "MCP-Protocol-Version: %s", headers[i]);
        assert_non_null(strstr(a->headers, wanted));
        (void)teardown(state);
    }
}

static void case_03_error_to_initialize_fails_the_server_without_a_storm(void **state)
{
    (void)state;
    open_plugin(plain);
    reply(expect("POST", "\"initialize\""), 200, "", AN_ERROR("-32603", "no licence"));
    assert_true(fake_host_logged("error -32603: no licence"));
    assert_int_equal(unseen(), 0); /* not even a greeting */
    fake_host_advance_ms(499);
    assert_int_equal(unseen(), 0);
    fake_host_advance_ms(126);
    (void)expect("POST", "\"initialize\"");
}

static void case_07_common_version_in_a_refusal_is_spoken(void **state)
{
    (void)state;
    open_plugin(finds_out);
    reply(expect("POST", "server/discover"), 400, "",
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{"
          "\"supported\":[\"2026-07-28\"]}}}");
    answer(expect("POST", "tools/list"), "", ONE_TOOL);
    assert_int_equal(listed(NULL), 1);
}

static void case_11_refused_entry_decides_nothing_about_the_revision(void **state)
{
    static const int codes[] = {401, 403};

    for (size_t i = 0; i < 2; i++) {
        (void)setup(state);
        open_plugin(finds_out);
        reply(expect("POST", "server/discover"), codes[i], "", "");
        assert_int_equal(unseen(), 0);
        fake_host_advance_ms(625);
        (void)expect("POST", "server/discover");
        (void)teardown(state);
    }
}

static void case_26_notification_is_taken_with_and_without_a_body(void **state)
{
    static const struct {
        int code;
        const char *body;
    } answers[] = {{202, ""}, {202, "accepted"}, {200, "{}"}, {200, "ok"}, {204, ""}};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        (void)setup(state);
        open_plugin(plain);
        answer(expect("POST", "\"initialize\""), "", WELCOME("2025-11-25"));
        reply(expect("POST", "notifications/initialized"), answers[i].code, "", answers[i].body);
        (void)expect("GET", "");
        (void)expect("POST", "tools/list");
        (void)teardown(state);
    }
}

static void case_35_server_without_a_stream_of_its_own_is_good_all_the_same(void **state)
{
    static const int codes[] = {405, 400, 404, 501};

    for (size_t i = 0; i < 4; i++) {
        (void)setup(state);
        open_plugin(plain);
        answer(expect("POST", "\"initialize\""), "", WELCOME("2025-11-25"));
        reply(expect("POST", "notifications/initialized"), 202, "", "");
        reply(expect("GET", ""), codes[i], "", "");
        answer(expect("POST", "tools/list"), "", ONE_TOOL);
        assert_int_equal(listed(NULL), 1);
        fake_host_advance_ms(60000);
        assert_int_equal(unseen(), 0); /* it is not asked for again */
        (void)teardown(state);
    }
}

/* ---- sessions that are lost ---- */

static void case_32_session_of_before_a_restart_is_renewed_on_400(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    reply(expect("POST", "tools/call"), 400, "",
          "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"Bad Request: "
          "No valid session ID provided\"}}");
    greet(WELCOME("2025-06-18"), "mcp-session-id: S2\r\n");
    answer(expect("POST", "tools/list"), "", ONE_TOOL);
    struct asked *again = expect("POST", "tools/call");
    assert_non_null(strstr(again->headers, "Mcp-Session-Id: S2\n"));
    answer(again, "", "{\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}");
    assert_string_equal(end_text, "one");
    assert_int_equal(ends, 1);
}

static void case_33_session_that_is_lost_again_fails_the_call(void **state)
{
    (void)state;
    connect_to_server();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    reply(expect("POST", "tools/call"), 404, "", "");
    greet(WELCOME("2025-06-18"), "mcp-session-id: S2\r\n");
    answer(expect("POST", "tools/list"), "", ONE_TOOL);
    reply(expect("POST", "tools/call"), 404, "", "");
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_UNAVAILABLE);
    assert_int_equal(unseen(), 0);
    fake_host_advance_ms(60000);
    assert_int_equal(unseen(), 0);
}

static void case_34_server_that_takes_no_goodbye_is_left_all_the_same(void **state)
{
    (void)state;
    open_plugin(plain);
    answer(expect("POST", "\"initialize\""), "mcp-session-id: S1\r\n", WELCOME("2031-01-01"));
    struct asked *goodbye = expect("DELETE", "");
    assert_non_null(strstr(goodbye->headers, "Mcp-Session-Id: S1\n"));
    reply(goodbye, 405, "", "");
    assert_int_equal(unseen(), 0);
    fake_host_advance_ms(625);
    assert_null(strstr(expect("POST", "\"initialize\"")->headers, "Mcp-Session-Id"));
}

static void case_41_redirect_is_not_followed(void **state)
{
    static const char *const with_token[] = {"url=http://127.0.0.1/mcp", "token=secret", NULL};

    (void)state;
    open_plugin(with_token);
    reply(expect("POST", "\"initialize\""), 307, "location: http://elsewhere.example/mcp\r\n", "");
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("points elsewhere, which is not followed"));
    fake_host_advance_ms(625);
    assert_string_equal(expect("POST", "\"initialize\"")->url, "http://127.0.0.1/mcp");
    assert_false(fake_host_logged("secret"));
}

static void case_12_server_that_wants_to_be_left_alone_is(void **state)
{
    (void)state;
    open_plugin(plain);
    reply(expect("POST", "\"initialize\""), 503, "retry-after: 20\r\n", "");
    fake_host_advance_ms(19999);
    assert_int_equal(unseen(), 0);
    fake_host_advance_ms(5001);
    (void)expect("POST", "\"initialize\"");
}

/* ---- what operators can see ---- */

static char counted[256];

static int count(struct parley_worker *worker, const char *name, double value,
                 const struct parley_metric_label *labels, size_t label_count)
{
    size_t len = strlen(counted);

    (void)worker;
    assert_string_equal(name, "parley.tools.connections");
    assert_true(value == 1);
    assert_string_equal(labels[0].key, "parley.tools.section");
    (void)snprintf(counted + len, sizeof(counted) - len, "%s:%s ", labels[0].value,
                   label_count > 1 ? labels[1].value : "good");
    return PARLEY_OK;
}

static void case_21_state_of_the_connection_is_counted(void **state)
{
    static const struct parley_service_metrics metrics = {.size = sizeof(metrics), .add = count};

    (void)state;
    counted[0] = '\0';
    fake_host_provide(PARLEY_SERVICE_METRICS, &metrics);
    open_plugin(plain);
    end_exchange(expect("POST", "\"initialize\""), PARLEY_E_UNAVAILABLE, 0, "");
    fake_host_advance_ms(625);
    greet(WELCOME("2025-11-25"), "");
    answer(expect("POST", "tools/list"), "", ONE_TOOL);
    assert_int_equal(listed(NULL), 1);
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    end_exchange(expect("POST", "tools/call"), PARLEY_E_UNAVAILABLE, 0, "");
    assert_string_equal(counted, "web:unavailable web:good web:lost ");
}

/* ---- the transport of 2024-11-05 ---- */

/* What a message of the server looks like on its one stream. */
static void stream_answer(struct asked *stream, const struct asked *a, const char *result)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":%s}\n\n",
                   (long long)id_of(a), result);
    send_data(stream, 200, text);
}

/* From the stream on. */
static struct asked *greet_by_stream(void)
{
    struct asked *stream = expect("GET", "");

    send_data(stream, 200, "event: endpoint\ndata: /messages?session=7\n\n");
    struct asked *a = expect("POST", "\"initialize\"");
    assert_string_equal(a->url, "http://127.0.0.1/messages?session=7");
    reply(a, 202, "", "Accepted");
    stream_answer(stream, a, WELCOME("2024-11-05"));
    reply(expect("POST", "notifications/initialized"), 202, "", "");
    a = expect("POST", "tools/list");
    reply(a, 202, "", "");
    stream_answer(stream, a, ONE_TOOL);
    assert_int_equal(listed(NULL), 1);
    return stream;
}

static void calls_go_by_stream(struct asked *stream)
{
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    struct asked *a = expect("POST", "tools/call");
    reply(a, 202, "", "");
    stream_answer(stream, a, "{\"content\":[{\"type\":\"text\",\"text\":\"old\"}]}");
    assert_string_equal(end_text, "old");
}

static void case_39_endpoint_that_takes_no_post_may_be_of_the_older_transport(void **state)
{
    static const struct {
        int code;
        const char *body;
    } refusals[] = {{405, ""}, {404, "<html>Cannot POST</html>"}};

    for (size_t i = 0; i < 2; i++) {
        (void)setup(state);
        open_plugin(finds_out);
        reply(expect("POST", "server/discover"), refusals[i].code, "", refusals[i].body);
        reply(expect("POST", "\"initialize\""), refusals[i].code, "", refusals[i].body);
        calls_go_by_stream(greet_by_stream());
        (void)teardown(state);
    }
}

static void case_39_refusal_in_the_words_of_the_protocol_is_not_the_older_transport(void **state)
{
    (void)state;
    open_plugin(plain);
    reply(expect("POST", "\"initialize\""), 404, "", AN_ERROR("-32601", "no such method"));
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("no such method"));
}

static void case_39_address_that_is_no_server_at_all_is_tried_from_the_beginning(void **state)
{
    (void)state;
    open_plugin(plain);
    reply(expect("POST", "\"initialize\""), 404, "", "");
    reply(expect("GET", ""), 404, "", "");
    assert_true(fake_host_logged("is url the MCP endpoint?"));
    fake_host_advance_ms(625);
    (void)expect("POST", "\"initialize\"");
}

static void case_39_transport_that_was_chosen_stays(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "transport=http", NULL};

    (void)state;
    open_plugin(options);
    reply(expect("POST", "\"initialize\""), 405, "", "");
    assert_int_equal(unseen(), 0);
}

static void case_40_endpoint_of_another_origin_is_refused(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/sse", "transport=sse",
                                          "token=secret", NULL};
    static const char *const addresses[] = {"http://elsewhere.example/m", "//elsewhere.example/m",
                                            "http://127.0.0.1.elsewhere.example/m",
                                            "https://127.0.0.1/m"};

    for (size_t i = 0; i < 4; i++) {
        char event[128];
        (void)setup(state);
        open_plugin(options);
        struct asked *stream = expect("GET", "");
        (void)snprintf(event, sizeof(event), "event: endpoint\ndata: %s\n\n", addresses[i]);
        send_data(stream, 200, event);
        assert_int_equal(unseen(), 0);
        assert_true(fake_host_logged("of another origin than url"));
        settle();
        (void)teardown(state);
    }
}

static void older_transport_that_ends_fails_its_calls_and_comes_back(void **state)
{
    static const char *const options[] = {"url=http://127.0.0.1/sse", "transport=sse", NULL};

    (void)state;
    open_plugin(options);
    struct asked *stream = greet_by_stream();
    assert_int_equal(call(1, "web_a", "{}"), PARLEY_OK);
    reply(expect("POST", "tools/call"), 202, "", "");
    end_exchange(stream, PARLEY_OK, 200, "");
    assert_int_equal(end_status, PARLEY_E_UNAVAILABLE);
    fake_host_advance_ms(625);
    calls_go_by_stream(greet_by_stream());
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(case_01_older_version_is_taken_and_said_in_the_header),
        T(case_03_error_to_initialize_fails_the_server_without_a_storm),
        T(case_07_common_version_in_a_refusal_is_spoken),
        T(case_11_refused_entry_decides_nothing_about_the_revision),
        T(case_26_notification_is_taken_with_and_without_a_body),
        T(case_35_server_without_a_stream_of_its_own_is_good_all_the_same),
        T(case_32_session_of_before_a_restart_is_renewed_on_400),
        T(case_33_session_that_is_lost_again_fails_the_call),
        T(case_34_server_that_takes_no_goodbye_is_left_all_the_same),
        T(case_41_redirect_is_not_followed),
        T(case_12_server_that_wants_to_be_left_alone_is),
        T(case_21_state_of_the_connection_is_counted),
        T(case_39_endpoint_that_takes_no_post_may_be_of_the_older_transport),
        T(case_39_refusal_in_the_words_of_the_protocol_is_not_the_older_transport),
        T(case_39_address_that_is_no_server_at_all_is_tried_from_the_beginning),
        T(case_39_transport_that_was_chosen_stays),
        T(case_40_endpoint_of_another_origin_is_refused),
        T(older_transport_that_ends_fails_its_calls_and_comes_back),
    };

    if (argc != 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
