/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <parley/tools.h>

#include <parley/testkit/fake_host.h>

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_tools_vtable *tools;
static char answer[65536];
static int answer_status;
static size_t answer_count;
static char structured[1024];
static uint32_t answer_flags;

static void on_end(parley_op op, const struct parley_tool_result *result)
{
    (void)op;
    answer_count++;
    answer_status = result->status;
    assert_true(result->output.len < sizeof(answer));
    memcpy(answer, result->output.data, result->output.len);
    answer[result->output.len] = '\0';
    assert_true(result->structured.len < sizeof(structured));
    (void)snprintf(structured, sizeof(structured), "%.*s", (int)result->structured.len,
                   result->structured.len == 0 ? "" : result->structured.data);
    answer_flags = result->flags;
}

static const struct parley_tools_host tools_host = {.size = sizeof(tools_host), .end = on_end};

static void start(const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    plugin = fake_plugin_open(plugin_path, "builtin", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    tools = fake_plugin_role(plugin, PARLEY_ROLE_TOOLS);
    tools->attach(fake_plugin_worker(plugin), &tools_host);
}

static int open_plugin(void **state)
{
    (void)state;
    fake_host_reset();
    start(NULL);
    return 0;
}

static int close_plugin(void **state)
{
    (void)state;
    fake_plugin_close(plugin);
    plugin = NULL;
    return 0;
}

static parley_op last_op;

/* Begin a call that need not end at once. */
static int begin(const char *session_id, const char *name, const char *arguments)
{
    const struct parley_tool_call request = {
        .size = sizeof(request),
        .worker = fake_host_worker(),
        .session_id = session_id,
        .agent = "a",
        .user = "",
        .call_id = "call_1",
        .name = name,
        .arguments = {arguments, strlen(arguments)},
        .traceparent = "",
    };
    struct parley_error err = PARLEY_ERROR_INIT;

    answer_count = 0;
    last_op = fake_host_op();
    return tools->call(fake_plugin_worker(plugin), &request, last_op, &err);
}

static int call(const char *session_id, const char *name, const char *arguments)
{
    int r = begin(session_id, name, arguments);

    if (r < 0)
        return r;
    assert_int_equal(answer_count, 1);
    return answer_status;
}

static void every_function_has_a_description_and_a_valid_schema(void **state)
{
    struct parley_tool_list list;

    (void)state;
    assert_int_equal(tools->list(fake_plugin_worker(plugin), &list, NULL), PARLEY_OK);
    assert_int_equal(list.count, 7);
    for (size_t i = 0; i < list.count; i++) {
        assert_true(strlen(list.items[i].description) > 40);
        if (list.items[i].parameters == NULL)
            continue;
        json_t *schema = json_loads(list.items[i].parameters, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(schema, "type")), "object");
        json_decref(schema);
    }
    assert_string_equal(list.items[4].name, "notes_clear");
    assert_true(list.items[4].flags & PARLEY_TOOL_DESTRUCTIVE);
}

static void calculator_answers_with_the_expression_and_its_value(void **state)
{
    (void)state;
    assert_int_equal(call("s", "calculator", "{\"expression\":\"2 + 3\"}"), PARLEY_OK);
    assert_string_equal(answer, "2 + 3 = 5");
    assert_string_equal(structured, "{\"result\":5}");
    assert_int_equal(call("s", "calculator", "{\"expression\":\"1/0\"}"), PARLEY_E_INVALID);
    assert_string_equal(answer, "A division by zero has no result.");
    assert_int_equal(call("s", "calculator", "{}"), PARLEY_E_INVALID);
    assert_int_equal(call("s", "calculator", "{\"expression\":7}"), PARLEY_E_INVALID);
    assert_string_equal(answer, "The expression is missing; give one, such as 2 + 3.");
}

static void clock_tells_the_time_of_a_place(void **state)
{
    (void)state;
    fake_host_advance_ms(5 * 60000);
    assert_int_equal(call("s", "clock_now", "{\"time_zone\":\"Tokyo\"}"), PARLEY_OK);
    assert_string_equal(answer, "It is 6:05 PM on Monday, 5 January 2026 in Tokyo, time zone JST.");
    assert_string_equal(structured,
                        "{\"time\":\"2026-01-05T18:05:00+09:00\",\"weekday\":\"Monday\","
                        "\"place\":\"Tokyo\"}");
    assert_int_equal(call("s", "clock_now", "{\"time_zone\":\"Atlantis\"}"), PARLEY_E_NOT_FOUND);
}

static void clock_uses_the_configured_zone_when_asked_for_none(void **state)
{
    (void)state;
    close_plugin(NULL);
    start((const char *const[]){"time_zone=Europe/Berlin", NULL});
    assert_int_equal(call("s", "clock_now", "{}"), PARLEY_OK);
    assert_string_equal(answer,
                        "It is 10:00 AM on Monday, 5 January 2026 in Berlin, time zone CET.");
}

static void notes_belong_to_one_session_and_end_with_it(void **state)
{
    (void)state;
    assert_int_equal(call("s1", "notes_add", "{\"text\":\"buy milk\"}"), PARLEY_OK);
    assert_int_equal(call("s1", "notes_add", "{\"text\":\"call Bob\"}"), PARLEY_OK);
    call("s2", "notes_list", "{}");
    assert_string_equal(answer, "There are no notes.");
    call("s1", "notes_list", "{}");
    assert_string_equal(answer, "There are 2 notes. 1: buy milk. 2: call Bob.");
    tools->session_closed(fake_plugin_worker(plugin), "s1");
    call("s1", "notes_list", "{}");
    assert_string_equal(answer, "There are no notes.");
}

static void notes_clear_deletes_all_of_the_session(void **state)
{
    (void)state;
    call("s1", "notes_add", "{\"text\":\"one\"}");
    call("s2", "notes_add", "{\"text\":\"other\"}");
    assert_int_equal(call("s1", "notes_clear", "{}"), PARLEY_OK);
    assert_string_equal(answer, "1 note was deleted.");
    call("s2", "notes_list", "{}");
    assert_string_equal(answer, "There is 1 note. 1: other.");
}

static void notes_are_limited_in_number_and_length(void **state)
{
    (void)state;
    close_plugin(NULL);
    start((const char *const[]){"max_notes=1", "max_note_bytes=5", NULL});
    assert_int_equal(call("s", "notes_add", "{\"text\":\"123456\"}"), PARLEY_E_TOO_LARGE);
    assert_int_equal(call("s", "notes_add", "{\"text\":\"\"}"), PARLEY_E_INVALID);
    assert_int_equal(call("s", "notes_add", "{\"text\":\"12345\"}"), PARLEY_OK);
    assert_int_equal(call("s", "notes_add", "{\"text\":\"1\"}"), PARLEY_E_TOO_LARGE);
    assert_string_equal(answer, "There are 1 notes already, which is the limit; clear them first.");
}

static void wait_ends_when_its_time_has_passed(void **state)
{
    (void)state;
    assert_int_equal(begin("s", "wait", "{\"seconds\":2.5}"), PARLEY_OK);
    fake_host_advance_ms(2499);
    assert_int_equal(answer_count, 0);
    fake_host_advance_ms(1);
    assert_int_equal(answer_count, 1);
    assert_string_equal(answer, "2.5 seconds have passed.");
    assert_string_equal(structured, "{\"seconds\":2.5}");
    assert_int_equal(fake_host_timers(), 0);
}

static void wait_that_is_cancelled_ends_at_once_and_once(void **state)
{
    (void)state;
    assert_int_equal(begin("s", "wait", "{\"seconds\":10}"), PARLEY_OK);
    tools->cancel(fake_plugin_worker(plugin), last_op);
    assert_int_equal(answer_count, 1);
    assert_int_equal(answer_status, PARLEY_E_CANCELLED);
    tools->cancel(fake_plugin_worker(plugin), last_op);
    fake_host_advance_ms(20000);
    assert_int_equal(answer_count, 1);
}

static void wait_is_limited_and_the_host_is_told_how_long_it_may_take(void **state)
{
    struct parley_tool_list list;

    (void)state;
    close_plugin(NULL);
    start((const char *const[]){"functions=wait", "max_wait_ms=90s", NULL});
    assert_int_equal(tools->list(fake_plugin_worker(plugin), &list, NULL), PARLEY_OK);
    assert_int_equal(list.items[0].timeout_ms, 95000);
    assert_int_equal(call("s", "wait", "{\"seconds\":91}"), PARLEY_E_TOO_LARGE);
    assert_string_equal(answer, "90 seconds at most can be waited for.");
    assert_int_equal(call("s", "wait", "{\"seconds\":0}"), PARLEY_E_INVALID);
    assert_int_equal(call("s", "wait", "{}"), PARLEY_E_INVALID);
}

static void waits_of_a_worker_that_stops_are_no_leak(void **state)
{
    (void)state;
    assert_int_equal(begin("s", "wait", "{\"seconds\":10}"), PARLEY_OK);
    close_plugin(NULL);
    start(NULL);
    fake_host_advance_ms(20000);
    assert_int_equal(answer_count, 0); /* the host had ended it */
}

static void end_conversation_asks_for_last_words_and_the_end(void **state)
{
    (void)state;
    assert_int_equal(call("s", "end_conversation", "{}"), PARLEY_OK);
    assert_int_equal(answer_flags, PARLEY_TOOL_RESULT_FAREWELL);
    assert_non_null(strstr(answer, "say goodbye"));
    assert_int_equal(call("s", "clock_now", "{}"), PARLEY_OK);
    assert_int_equal(answer_flags, 0);
}

static void functions_restrict_what_is_offered(void **state)
{
    struct parley_tool_list list;

    (void)state;
    close_plugin(NULL);
    start((const char *const[]){"functions=calculator, clock_now, calculator", NULL});
    assert_int_equal(tools->list(fake_plugin_worker(plugin), &list, NULL), PARLEY_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].name, "calculator");
    assert_int_equal(call("s", "notes_list", "{}"), PARLEY_E_NOT_FOUND);
}

static void wrong_options_are_refused_by_name(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_null(
        fake_plugin_open(plugin_path, "b", (const char *const[]){"functions=sing", NULL}, &err));
    assert_non_null(strstr(err.message, "functions: 'sing' is none of"));
    assert_null(
        fake_plugin_open(plugin_path, "b", (const char *const[]){"time_zone=Nowhere", NULL}, &err));
    assert_non_null(strstr(err.message, "time_zone: 'Nowhere'"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_function_has_a_description_and_a_valid_schema,
                                        open_plugin, close_plugin),
        cmocka_unit_test_setup_teardown(calculator_answers_with_the_expression_and_its_value,
                                        open_plugin, close_plugin),
        cmocka_unit_test_setup_teardown(clock_tells_the_time_of_a_place, open_plugin, close_plugin),
        cmocka_unit_test_setup_teardown(clock_uses_the_configured_zone_when_asked_for_none,
                                        open_plugin, close_plugin),
        cmocka_unit_test_setup_teardown(notes_belong_to_one_session_and_end_with_it, open_plugin,
                                        close_plugin),
        cmocka_unit_test_setup_teardown(notes_clear_deletes_all_of_the_session, open_plugin,
                                        close_plugin),
        cmocka_unit_test_setup_teardown(notes_are_limited_in_number_and_length, open_plugin,
                                        close_plugin),
        cmocka_unit_test_setup_teardown(wait_ends_when_its_time_has_passed, open_plugin,
                                        close_plugin),
        cmocka_unit_test_setup_teardown(wait_that_is_cancelled_ends_at_once_and_once, open_plugin,
                                        close_plugin),
        cmocka_unit_test_setup_teardown(wait_is_limited_and_the_host_is_told_how_long_it_may_take,
                                        open_plugin, close_plugin),
        cmocka_unit_test_setup_teardown(waits_of_a_worker_that_stops_are_no_leak, open_plugin,
                                        close_plugin),
        cmocka_unit_test_setup_teardown(end_conversation_asks_for_last_words_and_the_end,
                                        open_plugin, close_plugin),
        cmocka_unit_test_setup_teardown(functions_restrict_what_is_offered, open_plugin,
                                        close_plugin),
        cmocka_unit_test_setup_teardown(wrong_options_are_refused_by_name, open_plugin,
                                        close_plugin),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
