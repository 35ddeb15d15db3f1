/* SPDX-License-Identifier: Apache-2.0 */
/* What servers list and answer, as the model gets it: tools, results, errors, HTTP answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "catalog.h"
#include "elicit.h"
#include "mirror.h"
#include "old_http.h"
#include "outcome.h"
#include "parts/header.h"
#include "stateless.h"

/* ---- messages ---- */

static enum message_kind kind_of(const char *text)
{
    json_t *tree = json_loads(text, 0, NULL);
    struct message m;

    message_read(tree, &m);
    json_decref(tree);
    return m.kind;
}

static void messages_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(kind_of("{\"result\":{},\"jsonrpc\":\"2.0\",\"id\":4}"), MESSAGE_RESULT);
    assert_int_equal(
        kind_of("{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":1,\"message\":\"\"}}"),
        MESSAGE_ERROR);
    assert_int_equal(kind_of("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1}}"),
                     MESSAGE_ERROR);
    assert_int_equal(kind_of("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"ping\"}"),
                     MESSAGE_REQUEST);
    assert_int_equal(kind_of("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}"),
                     MESSAGE_NOTIFICATION);
    assert_int_equal(kind_of("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}"),
                     MESSAGE_NONE);
    assert_int_equal(kind_of("{\"jsonrpc\":\"2.0\",\"id\":\"4\",\"result\":{}}"), MESSAGE_NONE);
    assert_int_equal(kind_of("{\"jsonrpc\":\"1.0\",\"id\":4,\"result\":{}}"), MESSAGE_NONE);
    assert_int_equal(kind_of("[]"), MESSAGE_NONE);
}

static void requests_are_written_as_the_protocol_wants(void **state)
{
    char *text = message_request(7, "tools/list", json_object());

    (void)state;
    assert_string_equal(text,
                        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\",\"params\":{}}");
    free(text);
    text = message_notification("notifications/initialized", NULL);
    assert_string_equal(text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    free(text);
}

/* ---- the catalog ---- */

static char refused[1024];

static void on_refused(void *ctx, const char *name, const char *reason)
{
    size_t len = strlen(refused);

    (void)ctx;
    (void)snprintf(refused + len, sizeof(refused) - len, "%s: %s;", name, reason);
}

static struct catalog *read_tools(const char *prefix, const struct parley_list *allow,
                                  const char *text)
{
    const struct catalog_rules rules = {.prefix = prefix, .allow = allow, .timeout_ms = 5};
    struct catalog *c = catalog_create();
    json_t *tools = json_loads(text, 0, NULL);

    assert_non_null(tools);
    refused[0] = '\0';
    catalog_add(c, &rules, tools, on_refused, NULL);
    json_decref(tools);
    return c;
}

static void case_51_schema_is_handed_on_unaltered(void **state)
{
    static const char schema[] =
        "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\","
        "\"properties\":{\"p\":{\"$ref\":\"#/$defs/x\"},\"q\":{\"$ref\":\"https://example.com/"
        "s\"}},"
        "\"$defs\":{\"x\":{\"type\":[\"string\",\"null\"]}},\"additionalProperties\":false}";
    char text[1024];
    size_t count;

    (void)state;
    (void)snprintf(text, sizeof(text), "[{\"name\":\"a\",\"inputSchema\":%s}]", schema);
    struct catalog *c = read_tools("fs_", NULL, text);
    const struct parley_tool *items = catalog_items(c, &count);
    assert_int_equal(count, 1);
    assert_string_equal(items[0].name, "fs_a");
    assert_string_equal(items[0].parameters, schema);
    assert_int_equal(items[0].timeout_ms, 5);
    catalog_destroy(c);
}

static void case_48_names_are_mapped_for_models_and_back(void **state)
{
    char text[1024], long_name[130];

    (void)state;
    memset(long_name, 'n', 128);
    long_name[128] = '\0';
    (void)snprintf(text, sizeof(text),
                   "[{\"name\":\"a.b\"},{\"name\":\"a_b\"},{\"name\":\"%s1\"},{\"name\":\"%s2\"},"
                   "{\"name\":\"\xE6\x99\x82\"}]",
                   long_name, long_name);
    struct catalog *c = read_tools("p_", NULL, text);
    size_t count;
    const struct parley_tool *items = catalog_items(c, &count);
    assert_int_equal(count, 5);
    assert_string_equal(refused, "");
    assert_string_equal(catalog_find(c, "p_a_b")->name, "a.b");
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(items[i].name) <= CATALOG_MAX_NAME);
        assert_string_equal(catalog_find(c, items[i].name)->shown_name, items[i].name);
        assert_ptr_equal(catalog_find(c, items[i].name),
                         catalog_find_own(c, catalog_find(c, items[i].name)->name));
    }
    assert_string_not_equal(items[2].name, items[3].name);
    catalog_destroy(c);
}

static void case_71_tools_that_cannot_be_offered_are_left_out_with_a_reason(void **state)
{
    struct catalog *c = read_tools(
        "", NULL,
        "[{\"name\":\"good\"},{\"name\":\"good\"},{\"name\":\"\"},{},{\"name\":\"b\\u0007\"},"
        "{\"name\":\"s\",\"inputSchema\":[]},"
        "{\"name\":\"t\",\"execution\":{\"taskSupport\":\"required\"}}, 3]");
    size_t count;

    (void)state;
    (void)catalog_items(c, &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(refused, "good: the server lists a tool of this name twice;"));
    assert_non_null(strstr(refused, ": it has no name;"));
    assert_non_null(strstr(refused, "control characters"));
    assert_non_null(strstr(refused, "s: its inputSchema is no object;"));
    assert_non_null(strstr(refused, "t: it runs only as a task"));
    catalog_destroy(c);
}

static void schema_that_is_nested_too_deep_is_left_out(void **state)
{
    char text[2048] = "[{\"name\":\"deep\",\"inputSchema\":";
    size_t count;

    (void)state;
    for (int i = 0; i < 70; i++)
        (void)strcat(text, "{\"not\":");
    (void)strcat(text, "{}");
    for (int i = 0; i < 70; i++)
        (void)strcat(text, "}");
    (void)strcat(text, "},{\"name\":\"flat\"}]");
    struct catalog *c = read_tools("", NULL, text);
    assert_string_equal(catalog_items(c, &count)[0].name, "flat");
    assert_int_equal(count, 1);
    assert_non_null(strstr(refused, "deep: its inputSchema is nested more than 64 deep"));
    catalog_destroy(c);
}

static void only_allowed_tools_are_offered(void **state)
{
    const char *const names[] = {"b", "absent"};
    const struct parley_list allow = {names, 2};
    struct catalog *c =
        read_tools("", &allow, "[{\"name\":\"a\"},{\"name\":\"b\",\"title\":\"The b\"}]");
    size_t count;
    const struct parley_tool *items = catalog_items(c, &count);

    (void)state;
    assert_int_equal(count, 1);
    assert_string_equal(items[0].name, "b");
    assert_string_equal(items[0].description, "The b");
    assert_string_equal(refused, "");
    assert_null(catalog_find(c, "a"));
    catalog_destroy(c);
}

static void ten_thousand_tools_are_cut(void **state)
{
    json_t *tools = json_array();
    const struct catalog_rules rules = {.prefix = ""};
    struct catalog *c = catalog_create();
    char name[16];
    size_t count;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(name, sizeof(name), "t%d", i);
        (void)json_array_append_new(tools, json_pack("{s:s}", "name", name));
    }
    refused[0] = '\0';
    catalog_add(c, &rules, tools, on_refused, NULL);
    (void)catalog_items(c, &count);
    assert_int_equal(count, CATALOG_MAX_TOOLS);
    assert_non_null(strstr(refused, "t256: there are more than 256 tools"));
    json_decref(tools);
    catalog_destroy(c);
}

static void hints_have_the_meaning_of_the_protocol(void **state)
{
    struct catalog *c = read_tools(
        "", NULL,
        "[{\"name\":\"a\"},{\"name\":\"b\",\"annotations\":{\"readOnlyHint\":true}},"
        "{\"name\":\"c\",\"annotations\":{\"destructiveHint\":false,\"idempotentHint\":true,"
        "\"openWorldHint\":false}}]");
    size_t count;
    const struct parley_tool *items = catalog_items(c, &count);

    (void)state;
    assert_int_equal(items[0].flags, PARLEY_TOOL_DESTRUCTIVE | PARLEY_TOOL_OPEN_WORLD);
    assert_int_equal(items[1].flags, PARLEY_TOOL_READ_ONLY | PARLEY_TOOL_OPEN_WORLD);
    assert_int_equal(items[2].flags, PARLEY_TOOL_IDEMPOTENT);
    catalog_destroy(c);
}

static void catalogs_are_equal_when_nothing_of_a_tool_has_changed(void **state)
{
    static const char text[] = "[{\"name\":\"a\",\"description\":\"x\"}]";
    struct catalog *a = read_tools("", NULL, text), *b = read_tools("", NULL, text);
    struct catalog *c = read_tools("", NULL, "[{\"name\":\"a\",\"description\":\"y\"}]");

    (void)state;
    assert_true(catalog_equals(a, b));
    assert_false(catalog_equals(a, c));
    assert_false(catalog_equals(a, NULL));
    assert_true(catalog_equals(NULL, NULL));
    catalog_destroy(a);
    catalog_destroy(b);
    catalog_destroy(c);
}

/* ---- results ---- */

static struct outcome outcome;

static int teardown(void **state)
{
    (void)state;
    outcome_done(&outcome);
    outcome = (struct outcome){0};
    return 0;
}

static const char *result(const char *text)
{
    json_t *tree = json_loads(text, 0, NULL);

    assert_non_null(tree);
    outcome_of_result(&outcome, "t", tree);
    json_decref(tree);
    return text_str(&outcome.output);
}

static void case_52_content_of_all_kinds_becomes_words(void **state)
{
    (void)state;
    assert_string_equal(
        result(
            "{\"content\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"text\",\"text\":"
            "\"two\"},"
            "{\"type\":\"image\",\"data\":\"AAAA\",\"mimeType\":\"image/png\"},"
            "{\"type\":\"audio\",\"data\":\"AAAA\",\"mimeType\":\"audio/wav\"},"
            "{\"type\":\"resource_link\",\"uri\":\"file:///"
            "a\",\"name\":\"A\",\"description\":\"d\"},"
            "{\"type\":\"resource\",\"resource\":{\"uri\":\"x:1\",\"text\":\"inside\"}},"
            "{\"type\":\"resource\",\"resource\":{\"uri\":\"x:2\",\"blob\":\"AA\"}},"
            "{\"type\":\"hologram\"},"
            "{\"type\":\"text\",\"text\":\"hidden\",\"annotations\":{\"audience\":[\"user\"]}}]}"),
        "one\ntwo\n[image of type image/png]\n[audio of type audio/wav]\nA: file:///a (d)\ninside\n"
        "[file] x:2\n[content that parley does not know, of type hologram]");
    assert_int_equal(outcome.status, PARLEY_OK);
    assert_string_equal(text_str(&outcome.image), "data:image/png;base64,AAAA");
}

static void case_53_whole_result_is_kept_as_it_came(void **state)
{
    (void)state;
    assert_string_equal(
        result("{\"content\":[{\"type\":\"text\",\"text\":\"a\",\"_meta\":{\"k\":[]}}, {\"type\":"
               "\"hologram\"}], \"structuredContent\":[1, null]}"),
        "a\n[content that parley does not know, of type hologram]");
    assert_string_equal(text_str(&outcome.content),
                        "[{\"type\":\"text\",\"text\":\"a\",\"_meta\":{\"k\":[]}},{\"type\":"
                        "\"hologram\"}]");
    assert_string_equal(text_str(&outcome.structured), "[1,null]");
}

static void case_53_structured_content_is_given_when_there_is_no_text(void **state)
{
    (void)state;
    assert_string_equal(result("{\"structuredContent\":{\"a\":1}}"), "{\"a\":1}");
    assert_int_equal(outcome.status, PARLEY_OK);
}

static void case_53_structured_content_beside_its_text_is_not_given_twice(void **state)
{
    (void)state;
    assert_string_equal(result("{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"a\\\":1}\"}],"
                               "\"structuredContent\":{\"a\":1}}"),
                        "{\"a\":1}");
}

static void case_54_tool_error_keeps_its_words(void **state)
{
    (void)state;
    assert_string_equal(
        result("{\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":\"No such city.\"}]}"),
        "No such city.");
    assert_int_equal(outcome.status, PARLEY_E_INVALID);
}

static void result_that_is_no_object_is_a_failure(void **state)
{
    (void)state;
    assert_string_equal(result("[]"), "The tool t failed: its server gave no proper answer.");
    assert_int_equal(outcome.status, PARLEY_E_PROTOCOL);
}

static void case_55_65_protocol_errors_become_sentences(void **state)
{
    const struct message unknown = {
        .kind = MESSAGE_ERROR, .error_code = -32602, .error_message = "Unknown tool:\x07 t"};
    const struct message url = {
        .kind = MESSAGE_ERROR, .error_code = -32042, .error_message = "see https://evil"};

    (void)state;
    outcome_of_error(&outcome, "t", &unknown);
    assert_string_equal(text_str(&outcome.output), "The tool t failed: Unknown tool:  t");
    assert_int_equal(outcome.status, PARLEY_E_INVALID);
    outcome_done(&outcome);
    outcome_of_error(&outcome, "t", &url);
    assert_null(strstr(text_str(&outcome.output), "evil"));
}

/* ---- questions ---- */

static void answer_with_defaults(const char *schema, const char *wanted)
{
    json_t *params = json_pack("{s:o}", "requestedSchema", json_loads(schema, 0, NULL));
    json_t *answer = elicit_answer(params, true);
    char *text = json_dumps(answer, JSON_COMPACT);

    assert_string_equal(text, wanted);
    free(text);
    json_decref(answer);
    json_decref(params);
}

static void case_64_question_is_answered_by_the_defaults_of_its_form(void **state)
{
    (void)state;
    answer_with_defaults("{\"properties\":{\"a\":{\"type\":\"integer\",\"default\":3},"
                         "\"b\":{\"type\":\"boolean\",\"default\":false},\"c\":{}},"
                         "\"required\":[\"a\"]}",
                         "{\"action\":\"accept\",\"content\":{\"a\":3,\"b\":false}}");
    answer_with_defaults("{\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}",
                         "{\"action\":\"decline\"}");
    answer_with_defaults("{}", "{\"action\":\"accept\",\"content\":{}}");
}

/* ---- headers of the stateless revision ---- */

static void case_49_header_values_are_plain_or_in_base64(void **state)
{
    static const char *const pairs[][2] = {
        {"plain name", "plain name"},
        {"", ""},
        {"Hello, \xE4\xB8\x96\xE7\x95\x8C", "=?base64?SGVsbG8sIOS4lueVjA==?="},
        {" padded", "=?base64?IHBhZGRlZA==?="},
        {"=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="},
    };
    char out[STATELESS_MAX_HEADER], long_value[STATELESS_MAX_HEADER + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_true(stateless_header(pairs[i][0], out));
        assert_string_equal(out, pairs[i][1]);
    }
    memset(long_value, 'x', STATELESS_MAX_HEADER);
    long_value[STATELESS_MAX_HEADER] = '\0';
    assert_false(stateless_header(long_value, out));
}

static const char *check_schema(const char *text)
{
    json_t *schema = json_loads(text, 0, NULL);
    const char *reason = mirror_check(schema);

    assert_non_null(schema);
    json_decref(schema);
    return reason;
}

static void case_50_wishes_for_headers_that_cannot_be_met_are_refused(void **state)
{
#define ONE(wish) "{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":" wish "}}}"
    (void)state;
    assert_null(check_schema(ONE("\"Region\"")));
    assert_null(check_schema("{\"properties\":{\"o\":{\"properties\":{\"a\":{\"type\":\"integer\","
                             "\"x-mcp-header\":\"A\"}}},\"x-mcp-header\":{\"type\":\"string\"}}}"));
    assert_non_null(check_schema(ONE("\"\"")));
    assert_non_null(check_schema(ONE("{}")));
    assert_non_null(check_schema(ONE("\"a b\"")));
    assert_non_null(check_schema(ONE("\"a:\"")));
    assert_non_null(check_schema(ONE("\"\\u00fc\"")));
    assert_non_null(
        check_schema("{\"properties\":{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}}"));
    assert_non_null(
        check_schema("{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"},"
                     "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}"));
    assert_non_null(check_schema("{\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":"
                                 "\"string\",\"x-mcp-header\":\"A\"}}}}"));
#undef ONE
}

/* ---- HTTP answers ---- */

static int fault(int code, const char *headers, const char *body, bool has_session, char *why)
{
    const struct parley_http_response response = {
        .size = sizeof(response),
        .code = code,
        .headers = {headers, strlen(headers)},
        .message = "",
    };

    return answer_fault(&response, (struct parley_view){body, strlen(body)}, has_session, why);
}

static void case_31_32_41_42_http_answers_without_a_result_are_understood(void **state)
{
    static const char explained[] =
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32602,\"message\":\"wrong\"}}";
    static const char unexplained[] = "{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32000,"
                                      "\"message\":\"no valid session\"}}";
    char why[ANSWER_MAX_WHY];

    (void)state;
    assert_int_equal(fault(404, "", "", true, why), PARLEY_E_GONE);
    assert_int_equal(fault(404, "", explained, false, why), PARLEY_E_PROTOCOL);
    assert_int_equal(fault(405, "", "", false, why), PARLEY_E_NOT_FOUND);
    assert_int_equal(fault(404, "", "", false, why), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(why, "MCP endpoint"));
    assert_int_equal(fault(400, "", unexplained, true, why), PARLEY_E_GONE);
    assert_non_null(strstr(why, "no valid session"));
    assert_int_equal(fault(400, "", explained, true, why), PARLEY_E_PROTOCOL);
    assert_int_equal(fault(401, "", "", true, why), PARLEY_E_DENIED);
    assert_int_equal(fault(429, "", "", true, why), PARLEY_E_BUSY);
    assert_int_equal(fault(503, "", "", true, why), PARLEY_E_UNAVAILABLE);
    assert_int_equal(fault(500, "", "", true, why), PARLEY_E_INTERNAL);
    assert_int_equal(fault(307, "location: http://b/\r\n", "", true, why), PARLEY_E_PROTOCOL);
    assert_non_null(strstr(why, "not followed"));
    assert_int_equal(fault(200, "content-type: text/html; x\r\n", "<html>", false, why),
                     PARLEY_E_PROTOCOL);
    assert_non_null(strstr(why, "\"text/html; x\""));
}

static bool resolve(const char *url, const char *endpoint, const char *wanted)
{
    char out[OLD_HTTP_MAX_URL];

    return old_http_resolve(url, (struct parley_view){endpoint, strlen(endpoint)}, out) &&
           strcmp(out, wanted) == 0;
}

static void case_40_endpoint_of_the_old_transport_stays_at_its_origin(void **state)
{
    (void)state;
    assert_true(resolve("http://a:1/sse?x", "/m?s=1", "http://a:1/m?s=1"));
    assert_true(resolve("http://a:1/sse", "http://a:1/m", "http://a:1/m"));
    assert_true(resolve("http://a:1", "/m", "http://a:1/m"));
    assert_false(resolve("http://a:1/sse", "http://a:12/m", "http://a:12/m"));
    assert_false(resolve("http://a:1/sse", "https://a:1/m", "https://a:1/m"));
    assert_false(resolve("http://a:1/sse", "//b/m", "http:////b/m"));
    assert_false(resolve("http://a:1/sse", "http://a:1@b/m", "http://a:1@b/m"));
    assert_false(resolve("http://a:1/sse", "", "http://a:1"));
}

static void headers_are_found_by_name(void **state)
{
    static const struct parley_view headers =
        PARLEY_VIEW("x: 1\r\nmcp-session-id: abc \r\nmcp-session-id-2: no\r\n");
    struct parley_view value = header_value(headers, "mcp-session-id");

    (void)state;
    assert_int_equal(value.len, 3);
    assert_memory_equal(value.data, "abc", 3);
    assert_int_equal(header_value(headers, "absent").len, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        T(messages_are_told_apart),
        T(requests_are_written_as_the_protocol_wants),
        T(case_51_schema_is_handed_on_unaltered),
        T(case_48_names_are_mapped_for_models_and_back),
        T(case_71_tools_that_cannot_be_offered_are_left_out_with_a_reason),
        T(schema_that_is_nested_too_deep_is_left_out),
        T(only_allowed_tools_are_offered),
        T(ten_thousand_tools_are_cut),
        T(hints_have_the_meaning_of_the_protocol),
        T(catalogs_are_equal_when_nothing_of_a_tool_has_changed),
        T(case_52_content_of_all_kinds_becomes_words),
        T(case_53_whole_result_is_kept_as_it_came),
        T(case_53_structured_content_is_given_when_there_is_no_text),
        T(case_53_structured_content_beside_its_text_is_not_given_twice),
        T(case_54_tool_error_keeps_its_words),
        T(result_that_is_no_object_is_a_failure),
        T(case_55_65_protocol_errors_become_sentences),
        T(case_64_question_is_answered_by_the_defaults_of_its_form),
        T(case_49_header_values_are_plain_or_in_base64),
        T(case_50_wishes_for_headers_that_cannot_be_met_are_refused),
        T(case_31_32_41_42_http_answers_without_a_result_are_understood),
        T(case_40_endpoint_of_the_old_transport_stays_at_its_origin),
        T(headers_are_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
