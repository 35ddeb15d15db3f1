/* SPDX-License-Identifier: Apache-2.0 */
/* The whole plugin on the way to a token: the test plays the MCP server and the authorization
 * servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "played.h"

static const char *const by_secret[] = {"url=https://h/mcp", "auth=client_credentials",
                                        "client_id=me", "client_secret=s3cret", NULL};

#define CHALLENGE "www-authenticate: Bearer resource_metadata=\"https://h/prm\"\r\n"
#define RESOURCE  "{\"resource\":\"https://h/mcp\",\"authorization_servers\":[\"https://as\"]}"
#define SERVER    "{\"issuer\":\"https://as\",\"token_endpoint\":\"https://as/token\"}"
#define TOKEN(name, seconds)                                                                       \
    "{\"access_token\":\"" name "\",\"token_type\":\"Bearer\",\"expires_in\":" seconds "}"

/* ---- playing ---- */

/* A document, as of a server that collects it for the end. */
static void give_typed(struct asked *a, int status, int code, const char *headers, const char *body)
{
    const struct parley_http_response response = {
        .size = sizeof(response),
        .status = status,
        .code = code,
        .headers = {headers, strlen(headers)},
        .body = {body, strlen(body)},
        .message = status == PARLEY_E_TIMEOUT ? "as: it did not answer in time"
                   : status < 0               ? "as: the answer is above the limit on its size"
                                              : "",
    };

    assert_true(a->is_open);
    a->is_open = false;
    a->events.on_end(a->ctx, &response);
    fake_host_advance_ms(1);
}

static void give(struct asked *a, int code, const char *body)
{
    give_typed(a, PARLEY_OK, code, "content-type: application/json\r\n", body);
}

static struct asked *expect_at(const char *method, const char *url)
{
    struct asked *a = expect(method, "");

    assert_string_equal(a->url, url);
    return a;
}

static void refuse(struct asked *a, int code, const char *headers)
{
    reply(a, code, headers, "");
    fake_host_advance_ms(1);
}

/* From the authorization server's description to the request for a token. */
static struct asked *ask_server_described_as(const char *description)
{
    give(expect_at("GET", "https://as/.well-known/oauth-authorization-server"), 200, description);
    return expect_at("POST", "https://as/token");
}

static struct asked *ask_as(void)
{
    return ask_server_described_as(SERVER);
}

/* Up to the request for a token. */
static struct asked *discover(void)
{
    open_plugin(by_secret);
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    give(expect_at("GET", "https://h/prm"), 200, RESOURCE);
    return ask_as();
}

/* Connected, with token T1 for 1000 s and the tool `a`. */
static void connect_with_token(void)
{
    give(discover(), 200, TOKEN("T1", "1000"));
    greet(WELCOME("2025-06-18"), "");
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"}]}");
}

static bool carries(const struct asked *a, const char *token)
{
    char line[80];

    (void)snprintf(line, sizeof(line), "Authorization: Bearer %s\n", token);
    return strstr(a->headers, line) != NULL;
}

/* ---- where ---- */

static void case_74_metadata_is_found_where_the_refusal_says(void **state)
{
    (void)state;
    struct asked *token = discover();
    assert_non_null(strstr(token->body, "grant_type=client_credentials"));
    assert_non_null(strstr(token->body, "resource=https%3A%2F%2Fh%2Fmcp"));
    assert_non_null(strstr(token->headers, "Authorization: Basic bWU6czNjcmV0\n"));
    give(token, 200, TOKEN("T1", "1000"));
    assert_true(carries(expect("POST", "initialize"), "T1"));
}

static void case_74_metadata_is_looked_for_at_the_path_and_then_at_the_root(void **state)
{
    (void)state;
    open_plugin(by_secret);
    struct asked *first = expect("POST", "initialize");
    assert_null(strstr(first->headers, "Authorization"));
    refuse(first, 401, "");
    give(expect_at("GET", "https://h/.well-known/oauth-protected-resource/mcp"), 404, "");
    give(expect_at("GET", "https://h/.well-known/oauth-protected-resource"), 200, RESOURCE);
    struct asked *token = ask_as();
    assert_non_null(strstr(token->body, "resource=https%3A%2F%2Fh%2Fmcp"));
    assert_int_equal(unseen(), 0);
}

static void case_74_metadata_at_the_path_is_taken_without_asking_at_the_root(void **state)
{
    (void)state;
    open_plugin(by_secret);
    refuse(expect("POST", "initialize"), 401, "");
    give(expect_at("GET", "https://h/.well-known/oauth-protected-resource/mcp"), 200, RESOURCE);
    struct asked *token = ask_as();
    assert_non_null(strstr(token->body, "resource=https%3A%2F%2Fh%2Fmcp"));
    assert_int_equal(unseen(), 0);
}

static void case_75_issuer_with_a_path_is_asked_in_three_forms_and_never_at_the_root(void **state)
{
    (void)state;
    open_plugin(by_secret);
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    give(expect_at("GET", "https://h/prm"), 200,
         "{\"resource\":\"https://h\",\"authorization_servers\":[\"https://as/t\"]}");
    give(expect_at("GET", "https://as/.well-known/oauth-authorization-server/t"), 404, "");
    give(expect_at("GET", "https://as/.well-known/openid-configuration/t"), 404, "");
    give(expect_at("GET", "https://as/t/.well-known/openid-configuration"), 200,
         "{\"issuer\":\"https://as/t\",\"token_endpoint\":\"https://as/t/token\"}");
    struct asked *token = expect_at("POST", "https://as/t/token");
    assert_non_null(strstr(token->body, "resource=https%3A%2F%2Fh"));
}

static void case_76_another_issuer_or_resource_ends_it_before_any_token_is_asked_for(void **state)
{
    open_plugin(by_secret);
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    give(expect_at("GET", "https://h/prm"), 200,
         "{\"resource\":\"https://evil/mcp\",\"authorization_servers\":[\"https://as\"]}");
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("the metadata is for the resource"));
    (void)teardown(state);
    (void)setup(state);
    open_plugin(by_secret);
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    give(expect_at("GET", "https://h/prm"), 200, RESOURCE);
    give(expect_at("GET", "https://as/.well-known/oauth-authorization-server"), 200,
         "{\"issuer\":\"https://as/\",\"token_endpoint\":\"https://as/token\"}");
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("names another issuer"));
}

/* ---- who asks ---- */

#define SERVER_WITH(methods)                                                                       \
    "{\"issuer\":\"https://as\",\"token_endpoint\":\"https://as/token\","                          \
    "\"token_endpoint_auth_methods_supported\":[" methods "]}"

static struct asked *discover_with(const char *description)
{
    open_plugin(by_secret);
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    give(expect_at("GET", "https://h/prm"), 200, RESOURCE);
    return ask_server_described_as(description);
}

static void case_77_secret_is_shown_where_the_server_lists_basic_alone(void **state)
{
    (void)state;
    struct asked *token = discover_with(SERVER_WITH("\"client_secret_basic\""));
    assert_non_null(strstr(token->headers, "Authorization: Basic bWU6czNjcmV0\n"));
    assert_null(strstr(token->body, "client_secret"));
    give(token, 200, TOKEN("T1", "1000"));
    assert_true(carries(expect("POST", "initialize"), "T1"));
}

static void case_77_secret_is_in_the_form_where_the_server_lists_post_alone(void **state)
{
    (void)state;
    struct asked *token = discover_with(SERVER_WITH("\"client_secret_post\""));
    assert_null(strstr(token->headers, "Authorization"));
    assert_non_null(strstr(token->body, "client_id=me&client_secret=s3cret"));
}

static void case_77_secret_stays_at_home_where_the_server_lists_none_alone(void **state)
{
    (void)state;
    struct asked *token = discover_with(SERVER_WITH("\"none\""));
    assert_null(strstr(token->headers, "Authorization"));
    assert_non_null(strstr(token->body, "client_id=me"));
    assert_null(strstr(token->body, "s3cret"));
}

/* ---- later ---- */

static void case_78_token_is_renewed_early_once_for_all_calls(void **state)
{
    (void)state;
    connect_with_token();
    fake_host_advance_ms(900 * 1000);
    looked_at = asked_count;
    (void)call(1, "web_a", "{}");
    (void)call(2, "web_a", "{}");
    struct asked *token = expect_at("POST", "https://as/token");
    struct asked *one = expect("POST", "tools/call"), *two = expect("POST", "tools/call");
    assert_int_equal(unseen(), 0);
    assert_true(carries(one, "T1") && carries(two, "T1")); /* which is still good */
    give(token, 200, TOKEN("T2", "1000"));
    (void)call(3, "web_a", "{}");
    assert_true(carries(expect("POST", "tools/call"), "T2"));
}

static void case_78_refused_calls_share_one_renewal_and_are_sent_again(void **state)
{
    (void)state;
    connect_with_token();
    (void)call(1, "web_a", "{}");
    (void)call(2, "web_a", "{}");
    struct asked *one = expect("POST", "tools/call"), *two = expect("POST", "tools/call");
    refuse(one, 401, "");
    refuse(two, 401, "");
    give(expect_at("POST", "https://as/token"), 200, TOKEN("T2", "1000"));
    one = expect("POST", "tools/call");
    two = expect("POST", "tools/call");
    assert_int_equal(unseen(), 0);
    assert_true(carries(one, "T2") && carries(two, "T2"));
    answer(one, "", "{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]}");
    answer(two, "", "{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]}");
    assert_int_equal(ends, 2);
    assert_int_equal(end_status, PARLEY_OK);
}

static void case_79_fresh_token_that_is_refused_ends_in_an_error(void **state)
{
    (void)state;
    connect_with_token();
    (void)call(1, "web_a", "{}");
    refuse(expect("POST", "tools/call"), 401, "");
    give(expect_at("POST", "https://as/token"), 200, TOKEN("T2", "1000"));
    refuse(expect("POST", "tools/call"), 401, "");
    assert_int_equal(unseen(), 0);
    assert_int_equal(ends, 1);
    assert_int_equal(end_status, PARLEY_E_DENIED);
    (void)call(2, "web_a", "{}");
    refuse(expect("POST", "tools/call"), 401, ""); /* no further token for that one */
    assert_int_equal(unseen(), 0);
    assert_int_equal(ends, 2);
}

#define WANTS(scope)                                                                               \
    "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"" scope "\"\r\n"

static void case_80_further_scope_is_asked_for_with_those_before_once(void **state)
{
    (void)state;
    connect_with_token();
    (void)call(1, "web_a", "{}");
    refuse(expect("POST", "tools/call"), 403, WANTS("read"));
    struct asked *token = expect_at("POST", "https://as/token");
    assert_non_null(strstr(token->body, "scope=read&"));
    give(token, 200, TOKEN("T2", "1000"));
    refuse(expect("POST", "tools/call"), 403, WANTS("write"));
    token = expect_at("POST", "https://as/token");
    assert_non_null(strstr(token->body, "scope=read%20write&"));
    give(token, 200, TOKEN("T3", "1000"));
    refuse(expect("POST", "tools/call"), 403, WANTS("write"));
    assert_int_equal(unseen(), 0);
    assert_int_equal(end_status, PARLEY_E_DENIED);
    assert_true(fake_host_logged("which was asked for already"));
}

static void case_81_another_authorization_server_is_not_given_the_secret(void **state)
{
    (void)state;
    connect_with_token();
    (void)call(1, "web_a", "{}");
    refuse(expect("POST", "tools/call"), 401, CHALLENGE);
    give(expect_at("GET", "https://h/prm"), 200,
         "{\"resource\":\"https://h/mcp\",\"authorization_servers\":[\"https://new\"]}");
    give(expect_at("GET", "https://new/.well-known/oauth-authorization-server"), 200,
         "{\"issuer\":\"https://new\",\"token_endpoint\":\"https://new/token\"}");
    assert_int_equal(unseen(), 0);
    assert_int_equal(ends, 1);
    assert_true(fake_host_logged("is not given the credentials"));
}

/* ---- strangers ---- */

static void case_82_addresses_of_this_machine_and_without_https_are_not_asked(void **state)
{
    static const char *const bad[] = {"http://h/prm",
                                      "https://localhost/prm",
                                      "https://127.0.0.1/prm",
                                      "https://[::1]/prm",
                                      "http://10.0.0.1/x",
                                      "file:///etc/passwd",
                                      "http://169.254.169.254/latest/meta-data"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char headers[200];
        (void)setup(state);
        open_plugin(by_secret);
        (void)snprintf(headers, sizeof(headers),
                       "www-authenticate: Bearer resource_metadata=\"%s\"\r\n", bad[i]);
        refuse(expect("POST", "initialize"), 401, headers);
        if (unseen() != 0)
            fail_msg("%s was asked", bad[i]);
        (void)teardown(state);
    }
    (void)setup(state);
    (void)discover();
    for (size_t i = 1; i < asked_count; i++) /* what a name leads to, the host looks at */
        assert_int_equal(asked[i].flags, PARLEY_HTTP_PUBLIC_ONLY);
}

static void case_82_https_address_of_a_private_network_is_left_to_the_hosts_refusal(void **state)
{
    static const char *const inside[] = {"https://10.0.0.1/x", "https://192.168.1.1/x",
                                         "https://169.254.169.254/latest", "https://[fd00::1]/x"};

    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        char headers[200];
        (void)setup(state);
        open_plugin(by_secret);
        (void)snprintf(headers, sizeof(headers),
                       "www-authenticate: Bearer resource_metadata=\"%s\"\r\n", inside[i]);
        refuse(expect("POST", "initialize"), 401, headers);
        struct asked *a = expect_at("GET", inside[i]);
        assert_int_equal(a->flags, PARLEY_HTTP_PUBLIC_ONLY);
        give_typed(a, PARLEY_E_DENIED, 0, "", ""); /* before anything is sent */
        assert_int_equal(unseen(), 0);
        assert_true(fake_host_logged(inside[i]));
        if (i + 1 < sizeof(inside) / sizeof(inside[0]))
            (void)teardown(state);
    }
}

static void case_82_redirect_is_not_followed(void **state)
{
    (void)state;
    open_plugin(by_secret);
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    give_typed(expect_at("GET", "https://h/prm"), PARLEY_OK, 302,
               "location: http://169.254.169.254/\r\n", "");
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("which is not followed"));
}

static void case_83_token_endpoint_with_a_page_or_too_much_is_a_clear_error(void **state)
{
    give_typed(discover(), PARLEY_OK, 200, "content-type: text/html\r\n", "<html>");
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("the token endpoint https://as/token answered with content of "
                                 "type \"text/html\""));
    (void)teardown(state);
    (void)setup(state);
    give_typed(discover(), PARLEY_E_TOO_LARGE, 200, "", "");
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("above the limit"));
}

static void case_83_token_endpoint_that_is_slow_is_given_up(void **state)
{
    (void)state;
    struct asked *token = discover();
    assert_true(token->timeout_ms > 0 && token->timeout_ms <= 30 * 1000);
    give_typed(token, PARLEY_E_TIMEOUT, 0, "", ""); /* as the host's client ends it */
    assert_int_equal(unseen(), 0);
    assert_true(fake_host_logged("https://as/token"));
    assert_true(fake_host_logged("did not answer in time"));
}

static void case_84_no_secret_is_in_an_address(void **state)
{
    (void)state;
    connect_with_token();
    (void)call(1, "web_a", "{}");
    refuse(expect("POST", "tools/call"), 401, "");
    give(expect_at("POST", "https://as/token"), 200, TOKEN("T2", "1000"));
    for (size_t i = 0; i < asked_count; i++) {
        assert_null(strstr(asked[i].url, "s3cret"));
        assert_null(strstr(asked[i].url, "T1"));
        assert_null(strstr(asked[i].url, "T2"));
    }
}

static void case_84_no_secret_reaches_the_log(void **state)
{
    (void)state;
    give(discover(), 401,
         "{\"error\":\"invalid_client\",\"error_description\":\"bad secret s3cret\"}");
    assert_true(fake_host_logged("invalid_client"));
    assert_false(fake_host_logged("s3cret"));
    assert_false(fake_host_logged("bWU6czNjcmV0"));
    (void)teardown(state);
    (void)setup(state);
    connect_with_token();
    assert_true(fake_host_logged("a token was obtained"));
    assert_false(fake_host_logged("T1"));
}

static unsigned asked_for_tokens(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < asked_count; i++)
        count += strcmp(asked[i].url, "https://as/token") == 0;
    return count;
}

static void refused_credentials_are_not_tried_again_at_once(void **state)
{
    (void)state;
    give(discover(), 400, "{\"error\":\"invalid_client\"}");
    assert_true(fake_host_logged("invalid_client"));
    fake_host_advance_ms(5000); /* the connection is tried again */
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    assert_int_equal(asked_for_tokens(), 1);
}

/* ---- a person's sign-in ---- */

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

/* The connection is tried again and again, until a token is asked for. */
static struct asked *wait_for_token_request(void)
{
    for (int i = 0; i < 30; i++) {
        fake_host_advance_ms(10 * 1000);
        settle();
        (void)fake_host_run();
        fake_host_advance_ms(1);
        if (asked[asked_count - 1].is_open &&
            strcmp(asked[asked_count - 1].url, "https://as/token") == 0)
            return &asked[asked_count - 1];
    }
    fail_msg("no token was asked for");
    return NULL;
}

static void server_looks_for_a_sign_in_as_long_as_it_has_none(void **state)
{
    char path[] = "/tmp/parley-login-XXXXXX", option[80];
    const char *options[] = {"url=https://h/mcp", "auth=authorization_code", option, NULL};
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    (void)unlink(path);
    (void)snprintf(option, sizeof(option), "login_file=%s", path);
    open_plugin(options);
    refuse(expect("POST", "initialize"), 401, CHALLENGE);
    (void)fake_host_run();
    fake_host_advance_ms(1);
    give(expect_at("GET", "https://h/prm"), 200, RESOURCE);
    give(expect_at("GET", "https://as/.well-known/oauth-authorization-server"), 200, SERVER);
    assert_true(fake_host_logged("somebody has to sign in"));
    put(path, "{\"url\":\"https://h/mcp\",\"issuer\":\"https://as\",\"client_id\":\"me\","
              "\"refresh_token\":\"R1\"}");
    struct asked *token = wait_for_token_request();
    assert_non_null(strstr(token->body, "grant_type=refresh_token&refresh_token=R1"));
    assert_false(fake_host_logged("R1"));
    (void)unlink(path);
}

/* ---- tokens of conversations ---- */

static void sessions_own_token_goes_over_a_connection_of_its_own(void **state)
{
    static const char *const options[] = {"url=https://h/mcp", "token=shared", "session_token=yes",
                                          NULL};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_tool_call call = {
        .size = sizeof(call),
        .session_id = "s1",
        .agent = "",
        .user = "",
        .call_id = "c1",
        .name = "web_a",
        .arguments = {"{}", 2},
        .traceparent = "",
        .authorization = "mine",
    };

    (void)state;
    open_plugin(options);
    greet(WELCOME("2025-06-18"), "mcp-session-id: S1\r\n");
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"}]}");
    assert_int_equal(tools->call(fake_plugin_worker(plugin), &call, 7, &err), PARLEY_OK);
    struct asked *a = expect("POST", "initialize");
    assert_true(carries(a, "mine") && strstr(a->headers, "S1") == NULL);
    answer(a, "mcp-session-id: S2\r\n", WELCOME("2025-06-18"));
    reply(expect("POST", "notifications/initialized"), 202, "", "");
    reply(expect("GET", ""), 405, "", "");
    a = expect("POST", "tools/call");
    assert_true(carries(a, "mine") && strstr(a->headers, "Mcp-Session-Id: S2\n") != NULL);
    answer(a, "", "{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}]}");
    assert_int_equal(end_status, PARLEY_OK);
    tools->session_closed(fake_plugin_worker(plugin), "s1");
    a = expect("DELETE", "");
    assert_true(carries(a, "mine") && strstr(a->headers, "Mcp-Session-Id: S2\n") != NULL);
    assert_false(fake_host_logged("mine"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(case_74_metadata_is_found_where_the_refusal_says, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            case_74_metadata_is_looked_for_at_the_path_and_then_at_the_root, setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_74_metadata_at_the_path_is_taken_without_asking_at_the_root, setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_75_issuer_with_a_path_is_asked_in_three_forms_and_never_at_the_root, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            case_76_another_issuer_or_resource_ends_it_before_any_token_is_asked_for, setup,
            teardown),
        cmocka_unit_test_setup_teardown(case_77_secret_is_shown_where_the_server_lists_basic_alone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_77_secret_is_in_the_form_where_the_server_lists_post_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_77_secret_stays_at_home_where_the_server_lists_none_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(case_78_token_is_renewed_early_once_for_all_calls, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(case_78_refused_calls_share_one_renewal_and_are_sent_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(case_79_fresh_token_that_is_refused_ends_in_an_error, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(case_80_further_scope_is_asked_for_with_those_before_once,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_81_another_authorization_server_is_not_given_the_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_82_addresses_of_this_machine_and_without_https_are_not_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_82_https_address_of_a_private_network_is_left_to_the_hosts_refusal, setup,
            teardown),
        cmocka_unit_test_setup_teardown(case_82_redirect_is_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            case_83_token_endpoint_with_a_page_or_too_much_is_a_clear_error, setup, teardown),
        cmocka_unit_test_setup_teardown(case_83_token_endpoint_that_is_slow_is_given_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(case_84_no_secret_is_in_an_address, setup, teardown),
        cmocka_unit_test_setup_teardown(case_84_no_secret_reaches_the_log, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_credentials_are_not_tried_again_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(server_looks_for_a_sign_in_as_long_as_it_has_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sessions_own_token_goes_over_a_connection_of_its_own, setup,
                                        teardown),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
