/* SPDX-License-Identifier: Apache-2.0 */
/* model_chat against a server that the test plays. */
#include "vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <parley/chat.h>
#include <parley/testkit/fake_host.h>
#include <parley/testkit/fake_net.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define EVENT(json) "data: " json "\n\n"
#define DONE        "data: [DONE]\n\n"

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_chat_vtable *chat;
static void *session;

/* ---- the server ---- */

static struct {
    int requests;
    int code;
    const char *headers;
    const char *body;
    const char *second_body; /* of the second request, when it differs */
    int second_code;
    char url[256];
    char seen_headers[1024];
    json_t *asked;
} server;

static void answer(void *ctx, const struct fake_http_request *request, struct fake_http_answer *ret)
{
    (void)ctx;
    bool is_second = server.requests++ > 0 && server.second_code != 0;
    const char *body = is_second ? server.second_body : server.body;
    (void)snprintf(server.url, sizeof(server.url), "%s", request->url);
    (void)snprintf(server.seen_headers, sizeof(server.seen_headers), "%s", request->headers);
    json_decref(server.asked);
    server.asked = json_loadb(request->body.data, request->body.len, 0, NULL);
    ret->code = is_second ? server.second_code : server.code;
    ret->headers = server.headers;
    ret->body = (struct parley_view){body, strlen(body)};
}

/* ---- the host's side ---- */

static struct {
    char text[512];
    char calls[512]; /* "name arguments\n" each */
    int ends;
    int status;
    int finish;
    struct parley_chat_usage usage;
    struct parley_error err;
} told;

static void on_text(parley_op op, struct parley_view delta)
{
    (void)op;
    strncat(told.text, delta.data, delta.len);
}

static void on_call(parley_op op, struct parley_view name, struct parley_view arguments)
{
    (void)op;
    strncat(told.calls, name.data, name.len);
    strcat(told.calls, " ");
    strncat(told.calls, arguments.data, arguments.len);
    strcat(told.calls, "\n");
}

static void on_end(parley_op op, int status, int finish, const struct parley_chat_usage *usage,
                   const struct parley_error *err)
{
    (void)op;
    told.ends++;
    told.status = status;
    told.finish = finish;
    if (usage != NULL)
        told.usage = *usage;
    if (err != NULL)
        told.err = *err;
}

static const struct parley_chat_host host = {
    .size = sizeof(host), .text = on_text, .call = on_call, .end = on_end};

/* ---- a conversation ---- */

static int setup(void **state)
{
    (void)state;
    memset(&server, 0, sizeof(server));
    memset(&told, 0, sizeof(told));
    server.code = 200;
    server.headers = "content-type: text/event-stream\r\n";
    server.body = EVENT("{\"choices\":[{\"delta\":{\"content\":\"Hello.\"},\"finish_reason\":"
                        "\"stop\"}]}") DONE;
    fake_host_reset();
    vault_setup();
    fake_http_serve(answer, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (session != NULL)
        chat->session_close(session);
    session = NULL;
    fake_plugin_close(plugin);
    plugin = NULL;
    json_decref(server.asked);
    return 0;
}

static void open_with(const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    plugin = fake_plugin_open(plugin_path, "llm", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    chat = fake_plugin_role(plugin, PARLEY_ROLE_CHAT);
    const struct parley_chat_open open = {.size = sizeof(open),
                                          .worker = fake_host_worker(),
                                          .session_id = "sess_1",
                                          .agent = "a",
                                          .host = &host,
                                          .traceparent = "00-1-2-01"};
    assert_int_equal(chat->session_open(fake_plugin_worker(plugin), &open, &session, &err), 0);
}

static void open_usual(void)
{
    static const char *const options[] = {"model=small", "base_url=https://chat.example.com/v1/",
                                          "api_key=sk-1", NULL};

    open_with(options);
}

static parley_op begin(const char *items, const char *tools, const char *choice)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_chat_request request = {
        .size = sizeof(request),
        .instructions = PARLEY_VIEW("Be brief."),
        .items = {items, strlen(items)},
        .tools = {tools, strlen(tools)},
        .tool_choice = {choice, strlen(choice)},
        .max_output_tokens = 50,
    };
    parley_op op = fake_host_op();

    if (chat->generate(session, &request, op, &err) < 0)
        fail_msg("%s", err.message);
    return op;
}

static void run(void)
{
    while (fake_net_step())
        continue;
}

static void ask(const char *items)
{
    (void)begin(items, "[]", "\"auto\"");
    run();
}

#define USER(text)                                                                                 \
    "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"      \
    "\"" text "\"}]}"

/* What was asked, as compact JSON. */
static void assert_asked(const char *key, const char *expected)
{
    json_t *value = json_object_get(server.asked, key);
    json_t *tree = json_loads(expected, JSON_DECODE_ANY, NULL);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_non_null(tree);
    if (!json_equal(value, tree))
        fail_msg("%s is %s", key, text == NULL ? "missing" : text);
    json_decref(tree);
    free(text);
}

/* ---- requests ---- */

static void a_server_of_one_s_own_gets_the_trace_context(void **state)
{
    static const char *const options[] = {"model=small", "base_url=http://127.0.0.1:9000/v1",
                                          "trace_context=yes", NULL};

    (void)state;
    open_with(options);
    ask("[" USER("Hi") "]");
    assert_non_null(strstr(server.seen_headers, "traceparent: 00-1-2-01\n"));
}

static void a_conversation_becomes_messages(void **state)
{
    (void)state;
    open_usual();
    ask("[" USER("Hi") ",{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
                       "\"output_audio\",\"transcript\":\"Hello.\"}]},{\"type\":\"message\","
                       "\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"transcript\":"
                       "\"What time is it?\"}]}]");
    assert_string_equal(server.url, "https://chat.example.com/v1/chat/completions");
    assert_non_null(strstr(server.seen_headers, "Authorization: Bearer sk-1\n"));
    assert_null(strstr(server.seen_headers, "traceparent")); /* a stranger's */
    assert_asked("model", "\"small\"");
    assert_asked("stream", "true");
    assert_asked("max_tokens", "50");
    assert_asked("stream_options", "{\"include_usage\":true}");
    assert_asked("messages", "[{\"role\":\"system\",\"content\":\"Be brief.\"},"
                             "{\"role\":\"user\",\"content\":\"Hi\"},"
                             "{\"role\":\"assistant\",\"content\":\"Hello.\"},"
                             "{\"role\":\"user\",\"content\":\"What time is it?\"}]");
    assert_null(json_object_get(server.asked, "tools"));
}

static void results_stand_directly_behind_their_calls(void **state)
{
    (void)state;
    open_usual();
    ask("[" USER("Go") ",{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"look\","
                       "\"arguments\":\"{\\\"at\\\":1}\"},{\"type\":\"function_call\",\"call_id\":"
                       "\"c2\",\"name\":\"look\",\"arguments\":\"\"},{\"type\":"
                       "\"function_call_output\",\"call_id\":\"c2\",\"output\":\"two\"}," USER(
                           "And?") ",{\"type\":\"function_call_output\",\"call_id\":\"c1\","
                                   "\"output\":\"one\"}]");
    assert_asked(
        "messages",
        "[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":\"Go\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":"
        "\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"at\\\":1}\"}},{\"id\":"
        "\"c2\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"one\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"two\"},"
        "{\"role\":\"user\",\"content\":\"And?\"}]");
}

static void a_call_without_a_result_gets_one_in_words(void **state)
{
    (void)state;
    open_usual();
    ask("[{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"look\",\"arguments\":\"{}\"}]");
    json_t *last = json_array_get(json_object_get(server.asked, "messages"), 2);
    assert_string_equal(json_string_value(json_object_get(last, "content")),
                        "The result of this call is not known.");
}

static void an_image_is_a_part_of_its_message(void **state)
{
    (void)state;
    open_usual();
    ask("[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
        "\"What is this?\"},{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AA==\"}"
        "]}]");
    json_t *message = json_array_get(json_object_get(server.asked, "messages"), 1);
    json_t *part = json_array_get(json_object_get(message, "content"), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(part, "image_url"), "url")),
        "data:image/png;base64,AA==");
}

static void tools_and_the_choice_among_them_are_wrapped(void **state)
{
    (void)state;
    open_usual();
    (void)begin("[" USER("Go") "]",
                "[{\"type\":\"function\",\"name\":\"look\",\"description\":\"Looks.\","
                "\"parameters\":{\"type\":\"object\"},\"annotations\":{\"readOnlyHint\":true}}]",
                "{\"type\":\"function\",\"name\":\"look\"}");
    run();
    assert_asked("tools", "[{\"type\":\"function\",\"function\":{\"name\":\"look\","
                          "\"description\":\"Looks.\",\"parameters\":{\"type\":\"object\"}}}]");
    assert_asked("tool_choice", "{\"type\":\"function\",\"function\":{\"name\":\"look\"}}");
}

/* ---- answers ---- */

static void text_is_told_as_it_streams_and_usage_at_the_end(void **state)
{
    (void)state;
    server.body =
        ": keep-alive\n\n" EVENT("{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":"
                                 "\"\"}}]}")
            EVENT("{\"choices\":[{\"delta\":{\"content\":\"Ten \"}}]}")
                EVENT("{\"choices\":[{\"delta\":{\"content\":\"past.\"},\"finish_reason\":"
                      "\"stop\"}]}")
                    EVENT("{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,"
                          "\"prompt_tokens_details\":{\"cached_tokens\":8}}}") DONE;
    open_usual();
    ask("[" USER("Time?") "]");
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.status, PARLEY_OK);
    assert_string_equal(told.text, "Ten past.");
    assert_int_equal(told.usage.input_tokens, 12);
    assert_int_equal(told.usage.cached_tokens, 8);
    assert_int_equal(told.usage.output_tokens, 3);
}

static void calls_that_come_in_pieces_are_told_whole(void **state)
{
    (void)state;
    server.body =
        EVENT("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{"
              "\"name\":\"look\",\"arguments\":\"\"}}]}}]}")
            EVENT("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\","
                  "\"function\":{\"name\":\"wait\",\"arguments\":\"{}\"}}]}}]}")
                EVENT("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
                      "\"arguments\":\"{\\\"at\\\":\"}}]}}]}")
                    EVENT("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
                          "\"arguments\":\"2}\"}}]},\"finish_reason\":\"tool_calls\"}]}") DONE;
    open_usual();
    ask("[" USER("Go") "]");
    assert_int_equal(told.status, PARLEY_OK);
    assert_string_equal(told.calls, "look {\"at\":2}\nwait {}\n");
}

static void arguments_that_are_no_object_become_none(void **state)
{
    (void)state;
    server.body = EVENT("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
                        "\"name\":\"look\",\"arguments\":\"{\\\"at\\\":\"}}]},\"finish_reason\":"
                        "\"tool_calls\"}]}");
    open_usual();
    ask("[" USER("Go") "]");
    assert_string_equal(told.calls, "look {}\n");
}

static void an_answer_without_a_stream_is_taken(void **state)
{
    (void)state;
    server.headers = "content-type: application/json\r\n";
    server.body = "{\"choices\":[{\"message\":{\"content\":\"Hi.\",\"tool_calls\":[{\"id\":\"a\","
                  "\"function\":{\"name\":\"look\",\"arguments\":{\"at\":1}}}]},"
                  "\"finish_reason\":\"stop\"}]}";
    open_usual();
    ask("[" USER("Hi") "]");
    assert_int_equal(told.status, PARLEY_OK);
    assert_string_equal(told.text, "Hi.");
    assert_string_equal(told.calls, "look {\"at\":1}\n");
}

static void what_was_cut_is_told_with_its_reason(void **state)
{
    (void)state;
    server.body = EVENT("{\"choices\":[{\"delta\":{\"content\":\"And\"},\"finish_reason\":"
                        "\"length\"}]}") DONE;
    open_usual();
    ask("[" USER("Go on") "]");
    assert_int_equal(told.finish, PARLEY_CHAT_MAX_TOKENS);
}

/* ---- faults ---- */

static void a_stream_that_breaks_off_is_a_failure(void **state)
{
    (void)state;
    server.body = EVENT("{\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}");
    open_usual();
    ask("[" USER("Hi") "]");
    assert_int_equal(told.status, PARLEY_E_UNAVAILABLE);
    assert_string_equal(told.err.message, "the server's answer broke off");
}

static void an_error_in_the_stream_is_told_in_the_server_s_words(void **state)
{
    (void)state;
    server.body = EVENT("{\"error\":{\"message\":\"out of slots\"}}");
    open_usual();
    ask("[" USER("Hi") "]");
    assert_string_equal(told.err.message, "the model's server gave up: out of slots");
}

static void a_key_that_the_server_quotes_is_hidden(void **state)
{
    (void)state;
    server.body = EVENT("{\"error\":{\"message\":\"no quota for sk-proj-abc, sorry\"}}");
    open_usual();
    ask("[" USER("Hi") "]");
    assert_string_equal(told.err.message,
                        "the model's server gave up: no quota for [hidden], sorry");
    server.code = 500;
    server.body = "{\"error\":{\"message\":\"no quota for sk-proj-abc, sorry\"}}";
    ask("[" USER("Hi") "]");
    assert_null(strstr(told.err.message, "sk-proj"));
    assert_non_null(strstr(told.err.message, "[hidden]"));
}

static void junk_is_a_failure(void **state)
{
    (void)state;
    server.body = "<html>sorry</html>";
    open_usual();
    ask("[" USER("Hi") "]");
    assert_int_equal(told.ends, 1);
    assert_true(told.status < 0);
}

static void a_refused_key_is_told_without_the_server_s_words(void **state)
{
    (void)state;
    server.code = 401;
    server.body = "{\"error\":{\"message\":\"Incorrect API key provided: sk-1\","
                  "\"code\":\"invalid_api_key\"}}";
    open_usual();
    ask("[" USER("Hi") "]");
    assert_int_equal(told.status, PARLEY_E_DENIED);
    assert_string_equal(told.err.message,
                        "the server refuses the key (HTTP 401); check api_key or credential");
    assert_string_equal(told.err.code, "invalid_api_key");
}

static void a_busy_server_says_when_to_come_back(void **state)
{
    (void)state;
    server.code = 429;
    server.headers = "content-type: text/plain\r\nretry-after: 7\r\n";
    server.body = "slow down";
    open_usual();
    ask("[" USER("Hi") "]");
    assert_int_equal(told.status, PARLEY_E_BUSY);
    assert_int_equal(told.err.retry_after_ms, 7000);
}

static void a_cancelled_answer_ends_once(void **state)
{
    (void)state;
    open_usual();
    parley_op op = begin("[" USER("Hi") "]", "[]", "\"auto\"");
    chat->cancel(session, op);
    chat->cancel(session, op);
    run();
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.status, PARLEY_E_CANCELLED);
    assert_string_equal(told.text, "");
}

/* ---- credentials ---- */

static void open_with_credential(void)
{
    static const char *const options[] = {"model=small", "base_url=https://c.example.com/openai/v1",
                                          "credential=azure", NULL};

    open_with(options);
}

static void a_token_is_asked_for_and_sent(void **state)
{
    (void)state;
    open_with_credential();
    ask("[" USER("Hi") "]");
    assert_int_equal(server.requests, 0);
    assert_string_equal(vault.scope, "https://cognitiveservices.azure.com/.default");
    vault_hand_over("tok-1");
    run();
    assert_non_null(strstr(server.seen_headers, "Authorization: Bearer tok-1\n"));
    assert_string_equal(told.text, "Hello.");
}

static void a_refused_token_is_fetched_anew_once(void **state)
{
    (void)state;
    server.second_body = server.body;
    server.second_code = 200;
    server.code = 401;
    server.body = "{}";
    open_with_credential();
    ask("[" USER("Hi") "]");
    vault_hand_over("tok-1");
    run();
    assert_int_equal(vault.refused, 1);
    assert_int_equal(vault.asked, 2);
    vault_hand_over("tok-2");
    run();
    assert_non_null(strstr(server.seen_headers, "Authorization: Bearer tok-2\n"));
    assert_int_equal(told.status, PARLEY_OK);
}

static void a_second_refusal_is_the_end(void **state)
{
    (void)state;
    server.code = 401;
    server.body = "{}";
    open_with_credential();
    ask("[" USER("Hi") "]");
    vault_hand_over("tok-1");
    run();
    vault_hand_over("tok-2");
    run();
    assert_int_equal(vault.asked, 2);
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.status, PARLEY_E_DENIED);
}

static void a_cancel_while_the_token_is_fetched_ends_at_once(void **state)
{
    (void)state;
    open_with_credential();
    parley_op op = begin("[" USER("Hi") "]", "[]", "\"auto\"");
    chat->cancel(session, op);
    assert_int_equal(vault.cancelled, 1);
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.status, PARLEY_E_CANCELLED);
}

/* ---- options ---- */

static void assert_refused(const char *const *options, const char *expected)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_null(fake_plugin_open(plugin_path, "llm", options, &err));
    if (strstr(err.message, expected) == NULL)
        fail_msg("%s", err.message);
}

static void options_that_cannot_work_are_refused_with_the_way_out(void **state)
{
    static const char *const no_key[] = {"model=m", NULL};
    static const char *const both[] = {"model=m", "api_key=k", "credential=azure", NULL};
    static const char *const whole[] = {"model=m", "api_key=k",
                                        "base_url=https://c.example.com/v1/chat/completions", NULL};
    static const char *const query[] = {"model=m", "api_key=k",
                                        "base_url=https://c.example.com/v1?api-version=1", NULL};
    static const char *const unknown[] = {"model=m", "credential=azur", NULL};
    static const char *const header[] = {"model=m", "api_key=k", "headers=X-One", NULL};

    (void)state;
    assert_refused(no_key, "api_key: it is empty, and api.openai.com wants one");
    assert_refused(both, "give one of them");
    assert_refused(whole, "leave out /chat/completions");
    assert_refused(query, "has a query");
    assert_refused(unknown, "credential: there is no [credential azur] section");
    assert_refused(header, "headers: line 1 is not Name: value");
    const char *many[28] = {"model=m", "api_key=k"};
    for (int i = 0; i < 25; i++)
        many[2 + i] = "headers=X: y";
    assert_refused(many, "headers: there are 25 lines; at most 24 fit");
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_conversation_becomes_messages),
        TEST(a_server_of_one_s_own_gets_the_trace_context),
        TEST(results_stand_directly_behind_their_calls),
        TEST(a_call_without_a_result_gets_one_in_words),
        TEST(an_image_is_a_part_of_its_message),
        TEST(tools_and_the_choice_among_them_are_wrapped),
        TEST(text_is_told_as_it_streams_and_usage_at_the_end),
        TEST(calls_that_come_in_pieces_are_told_whole),
        TEST(arguments_that_are_no_object_become_none),
        TEST(an_answer_without_a_stream_is_taken),
        TEST(what_was_cut_is_told_with_its_reason),
        TEST(a_stream_that_breaks_off_is_a_failure),
        TEST(an_error_in_the_stream_is_told_in_the_server_s_words),
        TEST(a_key_that_the_server_quotes_is_hidden),
        TEST(junk_is_a_failure),
        TEST(a_refused_key_is_told_without_the_server_s_words),
        TEST(a_busy_server_says_when_to_come_back),
        TEST(a_cancelled_answer_ends_once),
        TEST(a_token_is_asked_for_and_sent),
        TEST(a_refused_token_is_fetched_anew_once),
        TEST(a_second_refusal_is_the_end),
        TEST(a_cancel_while_the_token_is_fetched_ends_at_once),
        TEST(options_that_cannot_work_are_refused_with_the_way_out),
    };

    plugin_path = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
