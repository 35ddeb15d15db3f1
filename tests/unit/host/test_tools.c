/* SPDX-License-Identifier: Apache-2.0 */
#include "tools_rig.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void result_comes_once_and_not_on_the_stack_of_the_call(void **state)
{
    (void)state;
    plugin.ends_at_once = true;
    run("plain", "{}");
    assert_int_equal(caller.ends, 0);
    fixture_turn(&f);
    assert_int_equal(caller.ends, 1);
    assert_int_equal(caller.status, PARLEY_OK);
    assert_string_equal(caller.output, "at once");
    assert_int_equal(f.wi->open_count, 0);
}

static void second_end_is_counted_and_harmless(void **state)
{
    (void)state;
    run("plain", "");
    parley_op op = plugin.op;
    end_text(op, PARLEY_OK, "one");
    end_text(op, PARLEY_OK, "two");
    fixture_turn(&f);
    assert_int_equal(caller.ends, 1);
    assert_string_equal(caller.output, "one");
    assert_int_equal(f.worker.counters.ops_ended_twice, 1);
}

static void made_up_operations_are_counted(void **state)
{
    (void)state;
    end_text(0, PARLEY_OK, "x");
    end_text((parley_op)f.worker.id << 56 | 7, PARLEY_OK, "x");
    end_text((parley_op)f.worker.id << 56 | 0xFFFFFF, PARLEY_OK, "x");
    end_text(~(parley_op)0, PARLEY_OK, "x");
    assert_true(f.worker.counters.ops_unknown >= 2);
}

static void case_58_time_limit_ends_the_call_and_asks_to_cancel(void **state)
{
    (void)state;
    run("brief", "{}");
    fixture_advance_ms(&f, 49);
    assert_int_equal(caller.ends, 0);
    fixture_advance_ms(&f, 1);
    assert_int_equal(caller.ends, 1);
    assert_int_equal(caller.status, PARLEY_E_TIMEOUT);
    assert_int_equal(plugin.cancels, 1);
    end_text(plugin.op, PARLEY_E_CANCELLED, "");
    fixture_turn(&f);
    assert_int_equal(caller.ends, 1);
    assert_int_equal(f.worker.counters.ops_ended_late, 0); /* it was still owed */
}

static void case_60_progress_extends_the_limit_up_to_its_maximum(void **state)
{
    (void)state;
    run("steady", "{}");
    for (int i = 0; i < 3; i++) {
        fixture_advance_ms(&f, 39);
        plugin.host->progress(plugin.op, i, 0, VIEW(""));
    }
    fixture_advance_ms(&f, 2);
    assert_int_equal(caller.ends, 0);
    fixture_advance_ms(&f, 1);
    assert_int_equal(caller.status, PARLEY_E_TIMEOUT);
    assert_string_equal(caller.output, "The tool steady did not answer within 120 milliseconds.");
    assert_int_equal(plugin.cancels, 1);
    plugin.host->progress(plugin.op, 4, 0, VIEW(""));
    end_text(plugin.op, PARLEY_E_CANCELLED, "");
    fixture_turn(&f);
    assert_int_equal(caller.ends, 1);
}

static void progress_extends_nothing_where_the_function_has_no_maximum(void **state)
{
    (void)state;
    run("brief", "{}");
    fixture_advance_ms(&f, 49);
    plugin.host->progress(plugin.op, 1, 0, VIEW(""));
    fixture_advance_ms(&f, 1);
    assert_int_equal(caller.status, PARLEY_E_TIMEOUT);
    end_text(plugin.op, PARLEY_E_CANCELLED, "");
    fixture_turn(&f);
}

static void progress_just_before_the_result_is_told_before_it(void **state)
{
    (void)state;
    run("plain", "{}");
    plugin.host->progress(plugin.op, 9, 10, VIEW("nearly"));
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
    assert_int_equal(caller.progresses, 1);
    assert_int_equal(caller.ends, 1);
}

/* ---- lists that come later ---- */

static int waits_over;

static void on_list(void *ctx)
{
    (void)ctx;
    waits_over++;
}

static void list_on_its_way_is_waited_for_until_it_comes(void **state)
{
    struct tools_waiter waiter = {.on_list = on_list};

    (void)state;
    waits_over = 0;
    assert_int_equal(tools_prepare(f.wi), 0);
    plugin.wait_ms = 300;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    fixture_advance_ms(&f, 100);
    assert_int_equal(tools_prepare(f.wi), 200);
    tools_wait(f.wi, &waiter);
    plugin.wait_ms = 0;
    plugin.host->changed(&f.worker, f.wi->ctx);
    assert_int_equal(waits_over, 0);
    fixture_turn(&f);
    assert_int_equal(waits_over, 1);
    assert_int_equal(tools_prepare(f.wi), 0);
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    assert_int_equal(waits_over, 1);
    tools_wait(f.wi, &waiter);
    tools_unwait(&waiter);
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    assert_int_equal(waits_over, 1);
}

static void nobody_waits_for_a_list_longer_than_the_plugin_said(void **state)
{
    (void)state;
    plugin.wait_ms = 300;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    fixture_advance_ms(&f, 300);
    assert_int_equal(tools_prepare(f.wi), 0);
}

static void list_is_asked_for_again_when_it_is_not_fresh(void **state)
{
    (void)state;
    plugin.fresh_ms = 1000;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    int before = plugin.lists;
    fixture_advance_ms(&f, 999);
    (void)tools_prepare(f.wi);
    assert_int_equal(plugin.lists, before);
    fixture_advance_ms(&f, 5001); /* not by itself */
    assert_int_equal(plugin.lists, before);
    plugin.wait_ms = 70;
    assert_int_equal(tools_prepare(f.wi), 70);
    assert_int_equal(plugin.lists, before + 1);
}

static void trouble_of_a_list_is_known_and_its_functions_are_used(void **state)
{
    (void)state;
    assert_string_equal(tools_list_failure(f.wi), "");
    plugin.trouble = "the server is away";
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    assert_string_equal(tools_list_failure(f.wi), "the server is away");
    assert_non_null(tools_find(f.wi, VIEW("plain")));
    plugin.trouble = NULL;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    assert_string_equal(tools_list_failure(f.wi), "");
}

static void cancel_ends_soon_without_the_plugin(void **state)
{
    (void)state;
    struct tools_run *r = run("plain", "{}");

    tools_cancel(r);
    assert_int_equal(caller.ends, 0);
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_CANCELLED);
    assert_int_equal(plugin.cancels, 1);
    assert_int_equal(f.wi->open_count, 1);
    end_text(plugin.op, PARLEY_OK, "too late");
    fixture_turn(&f);
    assert_int_equal(caller.ends, 1);
    assert_int_equal(f.wi->open_count, 0);
}

static void abandoned_call_is_not_heard_of_again(void **state)
{
    (void)state;
    struct tools_run *r = run("plain", "{}");

    assert_null(tools_abandon(r, false));
    fixture_turn(&f);
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
    assert_int_equal(caller.ends, 0);
    assert_int_equal(plugin.cancels, 0);
}

static void unknown_function_has_a_result_too(void **state)
{
    (void)state;
    run("nothing", "{}");
    assert_int_equal(caller.ends, 0);
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_NOT_FOUND);
    assert_string_equal(caller.output, "There is no tool nothing.");
}

static void arguments_must_be_an_object(void **state)
{
    (void)state;
    run("plain", "[1]");
    run("plain", "{\"a\":");
    fixture_turn(&f);
    assert_int_equal(caller.ends, 2);
    assert_int_equal(plugin.calls, 0);
    assert_int_equal(caller.status, PARLEY_E_INVALID);
}

static void refusal_of_the_plugin_is_the_result(void **state)
{
    (void)state;
    plugin.refuses = true;
    run("plain", "{}");
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_DENIED);
    assert_string_equal(caller.output, "Not today.");
    assert_int_equal(f.wi->open_count, 0);
}

static void long_output_is_cut_between_characters_with_a_note(void **state)
{
    char text[202] = {0};

    (void)state;
    for (size_t i = 0; i < 200; i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    text[200] = 'x';
    run("plain", "{}");
    end_text(plugin.op, PARLEY_OK, text);
    fixture_turn(&f);
    assert_true(caller.is_cut);
    assert_memory_equal(caller.output, text, 64);
    assert_non_null(strstr(caller.output, "the whole output has 201 bytes, the limit is 64"));
}

static void output_that_is_not_utf8_is_mended(void **state)
{
    (void)state;
    run("plain", "{}");
    end_text(plugin.op, PARLEY_OK,
             "a\xFF"
             "b");
    fixture_turn(&f);
    assert_string_equal(caller.output, "a\xEF\xBF\xBD"
                                       "b");
}

static void empty_results_say_something(void **state)
{
    (void)state;
    run("plain", "{}");
    end_text(plugin.op, PARLEY_OK, "");
    fixture_turn(&f);
    assert_string_equal(caller.output, "The tool finished without output.");
    run("plain", "{}");
    end_text(plugin.op, PARLEY_E_UNAVAILABLE, "");
    fixture_turn(&f);
    assert_string_equal(caller.output, "The tool plain failed.");
}

static void progress_is_passed_on_in_order_and_before_the_end(void **state)
{
    (void)state;
    run("plain", "{}");
    plugin.host->progress(plugin.op, 1, 10, VIEW("one"));
    plugin.host->progress(plugin.op, 2, 10, VIEW("two"));
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
    assert_int_equal(caller.progresses, 2);
    assert_true(caller.progress == 2);
    assert_int_equal(caller.ends, 1);
}

static void burst_of_progress_is_bounded_and_ends_with_the_newest(void **state)
{
    (void)state;
    run("plain", "{}");
    for (int i = 1; i <= 1000; i++)
        plugin.host->progress(plugin.op, i, 1000, VIEW(""));
    fixture_turn(&f);
    assert_int_equal(caller.progresses, TOOLS_MAX_PROGRESS);
    assert_true(caller.progress == 1000);
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
}

static void blocking_function_runs_on_the_pool(void **state)
{
    (void)state;
    fixture_start_pool(&f);
    run("slow", "{}");
    fixture_run_until(&f, &caller.has_ended);
    assert_int_equal(caller.ends, 1);
    assert_string_equal(caller.output, "at once");
}

/* However long tools block, stores get their threads. */
static void blocking_function_leaves_the_pool_of_stores_alone(void **state)
{
    (void)state;
    fixture_start_pool(&f);
    f.worker.offload = NULL;
    run("slow", "{}");
    fixture_run_until(&f, &caller.has_ended);
    assert_int_equal(caller.status, PARLEY_OK);
    f.worker.offload = f.offload;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static bool gate_is_passed;

static void wait_at_gate(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void on_gate_passed(void *arg, int status)
{
    (void)arg;
    (void)status;
    gate_is_passed = true;
}

static void blocking_call_that_is_cancelled_in_the_queue_never_begins(void **state)
{
    (void)state;
    fixture_start_pool(&f);
    gate_is_passed = false;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 2; i++) /* both threads */
        assert_int_equal(offload_run(f.offload, f.loop, NULL, wait_at_gate, on_gate_passed, NULL),
                         PARLEY_OK);
    struct tools_run *call = run("slow", "{}");
    tools_cancel(call);
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_CANCELLED);
    pthread_mutex_unlock(&gate);
    fixture_run_until(&f, &gate_is_passed);
    fixture_close(&f);
    assert_int_equal(plugin.calls, 0);
    assert_int_equal(plugin.cancels, 0);
    fixture_open(&f);
}

static void blocking_function_without_a_pool_is_refused(void **state)
{
    (void)state;
    run("slow", "{}");
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_UNAVAILABLE);
}

static void functions_that_are_wrong_are_left_out(void **state)
{
    static const struct parley_tool bad[] = {
        {.name = NULL},
        {.name = "has space"},
        {.name = "good"},
        {.name = "good"},
        {.name = "array", .parameters = "{\"type\":\"array\"}"},
        {.name = "broken", .parameters = "{"},
        {.name = "latin", .description = "\xE4"},
        {.name = "0123456789012345678901234567890123456789012345678901234567890123x"},
    };
    size_t count = 0;

    (void)state;
    uint64_t before = tools_version(f.wi);
    plugin.items = bad;
    plugin.count = 8;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    const struct tools_function *functions = tools_functions(f.wi, &count);
    assert_int_equal(count, 1);
    assert_string_equal(functions[0].name, "good");
    assert_true(tools_version(f.wi) > before);
}

static void schemas_are_kept_as_they_came(void **state)
{
    static const char input[] = "{\"$defs\":{\"x\":{\"const\":1}},\"properties\":{\"a\":{\"$ref\":"
                                "\"#/$defs/x\"}},\"additionalProperties\":false,\"x-own\":[]}";
    static const struct parley_tool tools[] = {
        {.name = "kept", .parameters = input, .output_schema = "{\"type\":\"array\"}"},
        {.name = "broken", .output_schema = "{"},
        {.name = "wrong", .output_schema = "7"},
    };
    size_t count = 0;

    (void)state;
    plugin.items = tools;
    plugin.count = 3;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    const struct tools_function *functions = tools_functions(f.wi, &count);
    assert_int_equal(count, 1);
    char *text = json_dumps(functions[0].parameters, JSON_COMPACT);
    assert_string_equal(text, input);
    free(text);
    text = json_dumps(functions[0].output_schema, JSON_COMPACT);
    assert_string_equal(text, "{\"type\":\"array\"}");
    free(text);
    json_t *shown = tools_function_json(&functions[0], false); /* models want to hear its type */
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(shown, "parameters"), "type")), "object");
    json_decref(shown);
}

static void ten_thousand_functions_are_cut_to_the_first_ones(void **state)
{
    struct parley_tool *many = calloc(10000, sizeof(*many));
    char(*names)[16] = calloc(10000, sizeof(*names));
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < 10000; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
        many[i].name = names[i];
    }
    plugin.items = many;
    plugin.count = 10000;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    (void)tools_functions(f.wi, &count);
    assert_int_equal(count, TOOLS_MAX_FUNCTIONS);
    assert_non_null(tools_find(f.wi, VIEW("f1023")));
    assert_null(tools_find(f.wi, VIEW("f1024")));
    plugin.items = usual;
    plugin.count = 3;
    free(names);
    free(many);
}

static void name_of_the_section_may_be_left_out(void **state)
{
    static const struct parley_tool tools[] = {
        {.name = "x_read"}, {.name = "read"}, {.name = "x_go"}};

    (void)state;
    plugin.items = tools;
    plugin.count = 3;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    assert_string_equal(tools_resolve(f.wi, VIEW("read"))->name, "read");
    assert_string_equal(tools_resolve(f.wi, VIEW("x_read"))->name, "x_read");
    assert_string_equal(tools_resolve(f.wi, VIEW("go"))->name, "x_go");
    assert_null(tools_resolve(f.wi, VIEW("o")));
    assert_null(tools_resolve(f.wi, VIEW("")));
}

static void function_is_shown_as_a_realtime_tool(void **state)
{
    (void)state;
    json_t *tool = tools_function_json(tools_find(f.wi, VIEW("brief")), true);
    char *text = json_dumps(tool, JSON_COMPACT);

    assert_string_equal(text, "{\"type\":\"function\",\"name\":\"brief\",\"description\":\"\","
                              "\"parameters\":{\"type\":\"object\",\"properties\":{}},"
                              "\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false,"
                              "\"idempotentHint\":false,\"openWorldHint\":false}}");
    free(text);
    json_decref(tool);
}

static void closed_session_is_told(void **state)
{
    (void)state;
    tools_session_closed(f.wi, "sess_7");
    assert_string_equal(plugin.closed_session, "sess_7");
}

static void stop_ends_what_is_open_as_cancelled(void **state)
{
    (void)state;
    run("plain", "{}");
    parley_op op = plugin.op;
    fixture_close(&f); /* the plugin never ends it */
    assert_int_equal(caller.ends, 1);
    assert_int_equal(caller.status, PARLEY_E_CANCELLED);
    assert_int_equal(plugin.cancels, 1);
    end_text(op, PARLEY_OK, "after the worker has gone");
    fixture_open(&f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(result_comes_once_and_not_on_the_stack_of_the_call),
        T(second_end_is_counted_and_harmless),
        T(made_up_operations_are_counted),
        T(case_58_time_limit_ends_the_call_and_asks_to_cancel),
        T(case_60_progress_extends_the_limit_up_to_its_maximum),
        T(progress_extends_nothing_where_the_function_has_no_maximum),
        T(progress_just_before_the_result_is_told_before_it),
        T(list_on_its_way_is_waited_for_until_it_comes),
        T(nobody_waits_for_a_list_longer_than_the_plugin_said),
        T(list_is_asked_for_again_when_it_is_not_fresh),
        T(trouble_of_a_list_is_known_and_its_functions_are_used),
        T(cancel_ends_soon_without_the_plugin),
        T(abandoned_call_is_not_heard_of_again),
        T(unknown_function_has_a_result_too),
        T(arguments_must_be_an_object),
        T(refusal_of_the_plugin_is_the_result),
        T(long_output_is_cut_between_characters_with_a_note),
        T(output_that_is_not_utf8_is_mended),
        T(empty_results_say_something),
        T(progress_is_passed_on_in_order_and_before_the_end),
        T(burst_of_progress_is_bounded_and_ends_with_the_newest),
        T(schemas_are_kept_as_they_came),
        T(ten_thousand_functions_are_cut_to_the_first_ones),
        T(name_of_the_section_may_be_left_out),
        T(blocking_function_runs_on_the_pool),
        T(blocking_function_leaves_the_pool_of_stores_alone),
        T(blocking_call_that_is_cancelled_in_the_queue_never_begins),
        T(blocking_function_without_a_pool_is_refused),
        T(functions_that_are_wrong_are_left_out),
        T(function_is_shown_as_a_realtime_tool),
        T(closed_session_is_told),
        T(stop_ends_what_is_open_as_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
