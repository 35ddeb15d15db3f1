/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <parley/model.h>

#include "fake_ws.h"
#include <parley/testkit/fake_host.h>

#include <stdlib.h>

#define KEY "sk-proj-abcdefghijklmnop"

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_model_vtable *model;
static void *session;

/* What the host was told. */
static struct {
    char opened[512];
    char event[2048];
    uint32_t event_flags;
    int events;
    int writable;
    int closed;
    struct parley_model_closed why;
    char code[64];
    char type[64];
    char message[512];
} told;

static void on_open(void *ctx, struct parley_view session_created)
{
    (void)ctx;
    (void)snprintf(told.opened, sizeof(told.opened), "%.*s", (int)session_created.len,
                   session_created.data);
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    told.events++;
    told.event_flags = flags;
    (void)snprintf(told.event, sizeof(told.event), "%.*s", (int)event.len, event.data);
}

static void on_writable(void *ctx)
{
    (void)ctx;
    told.writable++;
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    (void)ctx;
    told.closed++;
    told.why = *closed;
    (void)snprintf(told.code, sizeof(told.code), "%s", closed->code);
    (void)snprintf(told.type, sizeof(told.type), "%s", closed->type);
    (void)snprintf(told.message, sizeof(told.message), "%s", closed->message);
}

static const struct parley_model_host model_host = {
    .size = sizeof(model_host),
    .on_open = on_open,
    .on_event = on_event,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static void load_with(const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    plugin = fake_plugin_open(plugin_path, "openai", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    model = fake_plugin_role(plugin, PARLEY_ROLE_MODEL);
}

static int setup(void **state)
{
    static const char *const options[] = {"api_key=" KEY, "project=proj_1", NULL};

    (void)state;
    fake_host_reset();
    memset(&fake_ws, 0, sizeof(fake_ws));
    memset(&told, 0, sizeof(told));
    fake_host_provide(PARLEY_SERVICE_WS, &fake_ws_table);
    load_with(options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (fake_ws.is_open)
        fake_ws_end_with(1000, "");
    fake_plugin_close(plugin);
    return 0;
}

static int try_open(const char *safety_identifier, struct parley_error *err)
{
    const struct parley_model_open open = {
        .size = sizeof(open),
        .worker = fake_host_worker(),
        .session_id = "sess_1",
        .safety_identifier = safety_identifier,
        .traceparent = "00-aa-bb-01",
        .tracestate = "vendor=1",
        .agent = "a",
        .session = PARLEY_VIEW("{}"),
        .host = &model_host,
    };

    return model->open(fake_plugin_worker(plugin), &open, &session, err);
}

#define CREATED "{\"type\":\"session.created\",\"event_id\":\"e\",\"session\":{\"id\":\"s\"}}"

static void begin(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_int_equal(try_open("user-1", &err), PARLEY_OK);
}

static void begin_open(void)
{
    begin();
    fake_ws_accept();
    fake_ws_say(CREATED);
    assert_string_equal(told.opened, CREATED);
}

static void assert_closed(int status, int retryable, const char *code)
{
    assert_int_equal(told.closed, 1);
    assert_int_equal(told.why.status, status);
    assert_int_equal(told.why.retryable, retryable);
    assert_string_equal(told.code, code);
    assert_string_not_equal(told.message, "");
}

/* --- Connecting ------------------------------------------------------------------------------- */

static void connects_with_the_headers_of_the_service_and_never_the_beta_one(void **state)
{
    (void)state;
    begin();
    assert_string_equal(fake_ws.url, "wss://api.openai.com/v1/realtime?model=gpt-realtime");
    assert_non_null(strstr(fake_ws.headers, "Authorization: Bearer " KEY "\n"));
    assert_non_null(strstr(fake_ws.headers, "OpenAI-Project: proj_1\n"));
    assert_non_null(strstr(fake_ws.headers, "OpenAI-Safety-Identifier: user-1\n"));
    assert_null(strstr(fake_ws.headers, "traceparent")); /* a stranger's */
    assert_null(strstr(fake_ws.headers, "OpenAI-Organization"));
    assert_null(strstr(fake_ws.headers, "OpenAI-Beta"));
}

static void a_safety_identifier_that_is_no_header_value_is_left_out(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(try_open("a\r\nX-Evil: 1", &err), PARLEY_OK);
    assert_null(strstr(fake_ws.headers, "OpenAI-Safety-Identifier"));
    assert_null(strstr(fake_ws.headers, "Evil"));
}

static void is_open_on_session_created_and_not_before(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    begin();
    fake_ws_accept();
    assert_string_equal(told.opened, "");
    assert_int_equal(model->send(session, (struct parley_view)PARLEY_VIEW("{}"), 0, &err),
                     PARLEY_E_UNAVAILABLE);
    fake_ws_say(CREATED);
    assert_string_equal(told.opened, CREATED);
    assert_int_equal(told.events, 0);
    assert_int_equal(fake_host_timers(), 0);
}

static void a_server_that_stays_silent_is_given_up(void **state)
{
    (void)state;
    begin();
    fake_ws_accept();
    fake_host_advance_ms(9999);
    assert_int_equal(fake_ws.close_code, 0);
    fake_host_advance_ms(1);
    assert_int_equal(fake_ws.close_code, 1000);
    fake_ws_end_with(1000, "");
    assert_closed(PARLEY_E_TIMEOUT, 1, "");
    assert_int_equal(told.why.close_code, 0);
}

static void a_server_of_another_protocol_is_given_up(void **state)
{
    (void)state;
    begin();
    fake_ws_accept();
    fake_ws_say("{\"hello\":1}");
    assert_int_equal(fake_ws.close_code, 1002);
    fake_ws_end_with(1006, "");
    assert_closed(PARLEY_E_PROTOCOL, 0, "");
}

static void a_connection_that_cannot_begin_is_refused_at_once(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    fake_ws.connect_status = PARLEY_E_UNAVAILABLE;
    assert_int_equal(try_open("", &err), PARLEY_E_UNAVAILABLE);
    assert_string_equal(err.message, "no route");
    assert_int_equal(fake_host_timers(), 0);
}

/* --- Events ----------------------------------------------------------------------------------- */

static void events_pass_as_bytes_both_ways_with_their_room(void **state)
{
    static const char delta[] = "{\"type\":\"response.output_audio.delta\",\"delta\":\"AAAA\"}";
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    begin_open();
    fake_ws.events.on_message(fake_ws.ctx, (struct parley_view){delta, sizeof(delta) - 1}, 0,
                              PARLEY_EVENT_ROOM);
    assert_string_equal(told.event, delta);
    assert_int_equal(told.event_flags, PARLEY_EVENT_ROOM);
    assert_int_equal(
        model->send(session, (struct parley_view)PARLEY_VIEW("{\"a\":1}"), PARLEY_EVENT_ROOM, &err),
        PARLEY_OK);
    assert_string_equal(fake_ws.sent, "{\"a\":1}");
    assert_int_equal(fake_ws.sent_flags, PARLEY_EVENT_ROOM);
}

static void a_full_queue_is_told_and_room_again_too(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    begin_open();
    fake_ws.send_status = PARLEY_E_BUSY;
    assert_int_equal(model->send(session, (struct parley_view)PARLEY_VIEW("{}"), 0, &err),
                     PARLEY_E_BUSY);
    fake_ws.events.on_writable(fake_ws.ctx);
    assert_int_equal(told.writable, 1);
}

static void a_slow_client_pauses_the_socket(void **state)
{
    (void)state;
    begin_open();
    model->pause(session, 1);
    assert_true(fake_ws.paused);
    model->pause(session, 0);
    assert_false(fake_ws.paused);
}

static void binary_messages_are_dropped_and_logged_once(void **state)
{
    (void)state;
    begin_open();
    fake_ws.events.on_message(fake_ws.ctx, (struct parley_view)PARLEY_VIEW("x"), 1, 0);
    assert_int_equal(told.events, 0);
    assert_true(fake_host_logged("binary"));
}

static void an_error_event_is_passed_on_without_the_key(void **state)
{
    (void)state;
    begin_open();
    fake_ws_say("{\"type\":\"error\",\"event_id\":\"e\",\"error\":{\"type\":\"x\",\"message\":"
                "\"Incorrect API key provided: sk-proj-abc***mnop.\",\"event_id\":\"c1\"}}");
    assert_int_equal(told.events, 1);
    assert_null(strstr(told.event, "sk-proj"));
    assert_non_null(strstr(told.event, "[hidden]"));
    assert_non_null(strstr(told.event, "\"c1\""));
    fake_ws_say("{\"type\":\"error\",\"error\":{\"message\":\"plain\"}}");
    assert_string_equal(told.event, "{\"type\":\"error\",\"error\":{\"message\":\"plain\"}}");
}

/* --- Endings ---------------------------------------------------------------------------------- */

static void error_then_close(const char *type, const char *code, int close_code)
{
    char event[512];
    char reason[124];

    begin();
    fake_ws_accept();
    (void)snprintf(event, sizeof(event),
                   "{\"type\":\"error\",\"event_id\":\"e\",\"error\":{\"type\":\"%s\",\"code\":"
                   "\"%s\",\"message\":\"No: " KEY ".\",\"param\":null,\"event_id\":null}}",
                   type, code);
    fake_ws_say(event);
    (void)snprintf(reason, sizeof(reason), "%s.%s", type, code);
    fake_ws_end_with(close_code, reason);
    assert_int_equal(told.events, 0);
    assert_int_equal(told.why.close_code, close_code);
    assert_string_equal(told.message, "No: [hidden].");
}

static void a_wrong_key_is_final(void **state)
{
    (void)state;
    error_then_close("invalid_request_error", "invalid_api_key", 3000);
    assert_closed(PARLEY_E_DENIED, 0, "invalid_api_key");
    assert_string_equal(told.type, "invalid_request_error");
}

static void an_unknown_model_is_final(void **state)
{
    (void)state;
    error_then_close("invalid_request_error", "model_not_found", 4004);
    assert_closed(PARLEY_E_NOT_FOUND, 0, "model_not_found");
}

static void a_wrong_kind_of_model_is_final(void **state)
{
    (void)state;
    error_then_close("invalid_request_error", "invalid_model", 4000);
    assert_closed(PARLEY_E_INVALID, 0, "invalid_model");
}

/* 1013 means "try again later", which does not help here. */
static void no_credit_is_final_in_spite_of_its_close_code(void **state)
{
    (void)state;
    error_then_close("insufficient_quota", "credit_balance_exhausted", 1013);
    assert_closed(PARLEY_E_DENIED, 0, "credit_balance_exhausted");
    assert_string_equal(told.type, "insufficient_quota");
}

static void a_rate_limit_may_pass(void **state)
{
    (void)state;
    error_then_close("tokens", "rate_limit_exceeded", 1013);
    assert_closed(PARLEY_E_BUSY, 1, "rate_limit_exceeded");
}

static void an_expired_session_may_be_opened_anew(void **state)
{
    (void)state;
    begin_open();
    fake_ws_say("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"code\":"
                "\"session_expired\",\"message\":\"Over.\"}}");
    fake_ws_end_with(1001, "");
    assert_closed(PARLEY_E_UNAVAILABLE, 1, "session_expired");
}

static void an_old_error_does_not_explain_a_later_close(void **state)
{
    (void)state;
    begin_open();
    fake_ws_say("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"code\":"
                "\"invalid_value\",\"message\":\"x\"}}");
    fake_ws_say("{\"type\":\"response.created\"}");
    fake_ws_end_with(1011, "");
    assert_closed(PARLEY_E_UNAVAILABLE, 1, "");
}

static void a_reason_tells_what_a_missed_error_would_have(void **state)
{
    (void)state;
    begin_open();
    fake_ws_end_with(1013, "insufficient_quota.credit_balance_exhausted");
    assert_closed(PARLEY_E_DENIED, 0, "credit_balance_exhausted");
}

static void refuse(int http_status, const char *body, const char *headers)
{
    const struct parley_ws_closed closed = {
        .size = sizeof(closed),
        .status = PARLEY_E_PROTOCOL,
        .close_code = 1006,
        .http_status = http_status,
        .reason = {body, strlen(body)},
        .message = "api.openai.com:443 refused",
        .headers = {headers, strlen(headers)},
    };

    begin();
    fake_ws_end(&closed);
    assert_int_equal(told.why.close_code, http_status);
}

static void a_refused_handshake_is_told_apart_by_its_status(void **state)
{
    static const struct {
        int http_status;
        int status;
        int retryable;
    } table[] = {
        {400, PARLEY_E_INVALID, 0},     {401, PARLEY_E_DENIED, 0},      {403, PARLEY_E_DENIED, 0},
        {404, PARLEY_E_NOT_FOUND, 0},   {408, PARLEY_E_TIMEOUT, 1},     {429, PARLEY_E_BUSY, 1},
        {500, PARLEY_E_UNAVAILABLE, 1}, {503, PARLEY_E_UNAVAILABLE, 1}, {302, PARLEY_E_PROTOCOL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        told.closed = 0;
        refuse(table[i].http_status, "", "");
        assert_closed(table[i].status, table[i].retryable, "");
    }
}

static void a_refusal_says_when_to_come_back(void **state)
{
    (void)state;
    refuse(429, "{\"error\":{\"code\":\"429\",\"message\":\"Slow down\"}}",
           "x-request-id: req_7\r\nRetry-After: 12\r\n");
    assert_closed(PARLEY_E_BUSY, 1, "429");
    assert_int_equal(told.why.retry_after_ms, 12000);
    assert_string_equal(told.message, "Slow down");
    assert_true(fake_host_logged("req_7"));
}

static void a_refusal_for_want_of_credit_is_final(void **state)
{
    (void)state;
    refuse(429,
           "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\","
           "\"message\":\"No credit\"}}",
           "");
    assert_closed(PARLEY_E_DENIED, 0, "insufficient_quota");
}

static void the_status_of_a_refusal_outweighs_a_general_type(void **state)
{
    (void)state;
    refuse(404,
           "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"not_found\",\"message\":"
           "\"No\"}}",
           "");
    assert_closed(PARLEY_E_NOT_FOUND, 0, "not_found");
}

static void a_connection_that_breaks_off_has_no_close_code(void **state)
{
    (void)state;
    begin_open();
    fake_ws_end_with(1006, "");
    assert_closed(PARLEY_E_UNAVAILABLE, 1, "");
    assert_int_equal(told.why.close_code, 0);
}

static void closing_ends_in_order_whatever_comes(void **state)
{
    (void)state;
    begin_open();
    model->close(session);
    assert_int_equal(fake_ws.close_code, 1000);
    fake_ws_say("{\"type\":\"response.created\"}");
    assert_int_equal(told.events, 0);
    fake_ws_end_with(1006, "");
    assert_int_equal(told.closed, 1);
    assert_int_equal(told.why.status, PARLEY_OK);
}

static void closing_while_connecting_is_fine(void **state)
{
    (void)state;
    begin();
    model->close(session);
    model->close(session);
    fake_ws_end_with(1000, "");
    assert_int_equal(told.why.status, PARLEY_OK);
    assert_int_equal(fake_host_timers(), 0);
}

/* --- Options ---------------------------------------------------------------------------------- */

static void assert_address(const char *base_url, const char *model_name, const char *expected)
{
    char base_option[256];
    char model_option[256];
    const char *const options[] = {base_option, model_option, NULL};

    (void)snprintf(base_option, sizeof(base_option), "base_url=%s", base_url);
    (void)snprintf(model_option, sizeof(model_option), "model=%s", model_name);
    fake_plugin_close(plugin);
    load_with(options);
    begin();
    assert_string_equal(fake_ws.url, expected);
    fake_ws_end_with(1000, "");
}

static void any_compatible_server_can_be_named(void **state)
{
    (void)state;
    assert_address("http://127.0.0.1:9000/v1", "m", "ws://127.0.0.1:9000/v1/realtime?model=m");
    assert_address("https://h/openai/v1/", "a b&c", "wss://h/openai/v1/realtime?model=a%20b%26c");
    assert_address("ws://[::1]:80/v1", "m/1", "ws://[::1]:80/v1/realtime?model=m%2F1");
    assert_null(strstr(fake_ws.headers, "Authorization"));
}

static void a_server_of_one_s_own_gets_the_trace_context(void **state)
{
    static const char *const options[] = {"base_url=http://127.0.0.1:9000/v1", "trace_context=yes",
                                          NULL};

    (void)state;
    fake_plugin_close(plugin);
    load_with(options);
    begin();
    assert_non_null(strstr(fake_ws.headers, "traceparent: 00-aa-bb-01\n"));
    assert_non_null(strstr(fake_ws.headers, "tracestate: vendor=1\n"));
    fake_ws_end_with(1000, "");
}

static void assert_refused(const char *const *options, const char *says)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct fake_plugin *second = fake_plugin_open(plugin_path, "x", options, &err);

    assert_null(second);
    if (strstr(err.message, says) == NULL)
        fail_msg("%s", err.message);
    assert_null(strstr(err.message, KEY));
}

static void wrong_options_are_refused_with_what_would_be_right(void **state)
{
    (void)state;
    assert_refused((const char *const[]){NULL}, "OPENAI_API_KEY");
    assert_refused((const char *const[]){"api_key=k", "base_url=api.openai.com/v1", NULL},
                   "wss://");
    assert_refused((const char *const[]){"api_key=k", "base_url=wss://h/v1/realtime", NULL}, "/v1");
    assert_refused((const char *const[]){"api_key=k", "base_url=wss://h/v1?x=1", NULL}, "/v1");
    assert_refused((const char *const[]){"api_key=k", "base_url=wss://me:" KEY "@h/v1", NULL},
                   "api_key");
    assert_refused((const char *const[]){"api_key=" KEY "\n", NULL}, "api_key");
    assert_refused((const char *const[]){"api_key=k", "model=", NULL}, "model");
}

static void caps_are_those_of_the_service(void **state)
{
    struct parley_model_caps caps = {.size = sizeof(caps)};

    (void)state;
    model->caps(fake_plugin_instance(plugin), &caps);
    assert_int_equal(caps.session_limit_ms, 3600000);
    assert_int_equal(caps.max_id_chars, 32);
    assert_true(caps.flags & PARLEY_CAP_TRUNCATE);
    assert_true(caps.input_formats & PARLEY_AUDIO_PCMU);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(connects_with_the_headers_of_the_service_and_never_the_beta_one),
        TEST(a_safety_identifier_that_is_no_header_value_is_left_out),
        TEST(is_open_on_session_created_and_not_before),
        TEST(a_server_that_stays_silent_is_given_up),
        TEST(a_server_of_another_protocol_is_given_up),
        TEST(a_connection_that_cannot_begin_is_refused_at_once),
        TEST(events_pass_as_bytes_both_ways_with_their_room),
        TEST(a_full_queue_is_told_and_room_again_too),
        TEST(a_slow_client_pauses_the_socket),
        TEST(binary_messages_are_dropped_and_logged_once),
        TEST(an_error_event_is_passed_on_without_the_key),
        TEST(a_wrong_key_is_final),
        TEST(an_unknown_model_is_final),
        TEST(a_wrong_kind_of_model_is_final),
        TEST(no_credit_is_final_in_spite_of_its_close_code),
        TEST(a_rate_limit_may_pass),
        TEST(an_expired_session_may_be_opened_anew),
        TEST(an_old_error_does_not_explain_a_later_close),
        TEST(a_reason_tells_what_a_missed_error_would_have),
        TEST(a_refused_handshake_is_told_apart_by_its_status),
        TEST(a_refusal_says_when_to_come_back),
        TEST(a_refusal_for_want_of_credit_is_final),
        TEST(the_status_of_a_refusal_outweighs_a_general_type),
        TEST(a_connection_that_breaks_off_has_no_close_code),
        TEST(closing_ends_in_order_whatever_comes),
        TEST(closing_while_connecting_is_fine),
        TEST(any_compatible_server_can_be_named),
        TEST(a_server_of_one_s_own_gets_the_trace_context),
        TEST(wrong_options_are_refused_with_what_would_be_right),
        TEST(caps_are_those_of_the_service),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests_name("model_openai", tests, NULL, NULL);
}
