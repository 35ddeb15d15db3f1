/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into a tool and what comes out: checked by its schemas, kept as it is. */
#include "tools_rig.h"

#include <stdlib.h>
#include <string.h>

/* ---- whole results ---- */

#define BLOCKS "[{\"type\":\"text\",\"text\":\"words\",\"_meta\":{\"x\":1.50}}]"

static struct tools_run *run_for_content(const char *name)
{
    const struct tools_call c = {
        .session_id = "sess_1",
        .name = name,
        .authorization = "secret-of-this-session",
        .wants_content = true,
    };

    return tools_call(f.wi, &c, &events, NULL);
}

static void content_and_structured_value_come_as_the_plugin_gave_them(void **state)
{
    (void)state;
    (void)run_for_content("plain");
    end_whole(plugin.op, BLOCKS, "{\"b\":1,\"a\":[2]}");
    fixture_turn(&f);
    assert_string_equal(caller.output, "words");
    assert_string_equal(caller.content, BLOCKS);
    assert_string_equal(caller.structured, "{\"b\":1,\"a\":[2]}");
}

static void content_is_not_kept_for_callers_that_want_words(void **state)
{
    (void)state;
    run("plain", "{}");
    end_whole(plugin.op, BLOCKS, "1");
    fixture_turn(&f);
    assert_string_equal(caller.output, "words");
    assert_string_equal(caller.content, "");
    assert_string_equal(caller.structured, "");
}

static void content_crosses_from_the_pool(void **state)
{
    (void)state;
    fixture_start_pool(&f);
    plugin.content = BLOCKS;
    plugin.structured = "null";
    (void)run_for_content("slow");
    fixture_run_until(&f, &caller.has_ended);
    assert_string_equal(caller.content, BLOCKS);
    assert_string_equal(caller.structured, "null");
    assert_string_equal(plugin.authorization, "secret-of-this-session");
}

static void content_that_is_not_json_is_left_out(void **state)
{
    (void)state;
    (void)run_for_content("plain");
    end_whole(plugin.op, "[oops", "{");
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_OK);
    assert_string_equal(caller.output, "words");
    assert_string_equal(caller.content, "");
    assert_string_equal(caller.structured, "");
}

static void content_above_the_limit_is_left_out(void **state)
{
    char *big = malloc(TOOLS_MAX_CONTENT + 2);

    (void)state;
    memset(big, ' ', TOOLS_MAX_CONTENT);
    memcpy(big + TOOLS_MAX_CONTENT - 1, "[]", 3);
    (void)run_for_content("plain");
    end_whole(plugin.op, big, big + TOOLS_MAX_CONTENT - 1);
    free(big);
    fixture_turn(&f);
    assert_string_equal(caller.content, "");
    assert_string_equal(caller.structured, "[]");
}

/* ---- schemas ---- */

#define COUNT_SCHEMA                                                                               \
    "{\"type\":\"object\",\"properties\":{\"items\":{\"type\":\"array\",\"items\":{"               \
    "\"properties\":{"                                                                             \
    "\"count\":{\"type\":\"integer\",\"maximum\":3}}}},\"brief\":{\"type\":\"boolean\"}},"         \
    "\"required\":[\"items\"]}"

static const struct parley_tool strict[] = {
    {.name = "count", .parameters = COUNT_SCHEMA, .output_schema = COUNT_SCHEMA},
    {.name = "strange",
     .parameters =
         "{\"$schema\":\"https://example.com/own\",\"type\":\"object\",\"required\":[\"x\"]}"},
};

static void list_strict(void)
{
    list_again(strict, 2);
}

static void run_with(const char *name, const char *arguments, bool takes_any)
{
    const struct tools_call c = {.name = name,
                                 .arguments = view_of(arguments),
                                 .takes_any_arguments = takes_any,
                                 .wants_content = true};

    (void)tools_call(f.wi, &c, &events, NULL);
}

static void arguments_that_do_not_fit_never_reach_the_plugin(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{\"items\":[{},{},{\"count\":5}]}", false);
    fixture_turn(&f);
    assert_int_equal(plugin.calls, 0);
    assert_int_equal(caller.status, PARLEY_E_INVALID);
    assert_string_equal(caller.output, "The tool count was not called: arguments.items[2].count: 5 "
                                       "is above the maximum 3.");
    run_with("count", "", false);
    fixture_turn(&f);
    assert_int_equal(plugin.calls, 0);
    assert_string_equal(caller.output, "The tool count was not called: arguments.items: it is "
                                       "missing; it must be an array.");
}

static void arguments_that_fit_reach_the_plugin(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{\"items\":[{\"count\":3}],\"more\":1}", false);
    assert_int_equal(plugin.calls, 1);
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
}

static void null_in_the_place_of_what_may_be_missing_is_left_out(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{\"items\":[], \"brief\":null}", false);
    assert_string_equal(plugin.arguments, "{\"items\":[]}");
    end_text(plugin.op, PARLEY_OK, "x");
    run_with("count", "{\"items\":[], \"more\":null}", false); /* it fits as it is */
    assert_string_equal(plugin.arguments, "{\"items\":[], \"more\":null}");
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
    assert_int_equal(plugin.calls, 2);
    run_with("count", "{\"items\":null, \"brief\":null}", false);
    fixture_turn(&f);
    assert_int_equal(plugin.calls, 2);
    assert_memory_equal(caller.output, "The tool count was not called: arguments.",
                        strlen("The tool count was not called: arguments."));
}

static void schema_of_an_unknown_dialect_refuses_nothing(void **state)
{
    (void)state;
    list_strict();
    run_with("strange", "{}", false);
    assert_int_equal(plugin.calls, 1);
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
}

static void schema_that_is_not_trusted_refuses_only_what_is_no_object(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{}", true);
    assert_int_equal(plugin.calls, 1);
    end_text(plugin.op, PARLEY_OK, "x");
    run_with("count", "[]", true);
    assert_int_equal(plugin.calls, 1);
    fixture_turn(&f);
}

static void structured_value_that_breaks_its_promise_is_a_failed_call(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{\"items\":[]}", false);
    end_whole(plugin.op, BLOCKS, "{\"items\":[{\"count\":\"my secret\"}]}");
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_PROTOCOL);
    assert_string_equal(caller.output,
                        "The tool count failed: its result is not what it promises "
                        "(result.items[0].count: it is a string; it must be an integer).");
    assert_string_equal(caller.content, "");
    assert_string_equal(caller.structured, "");
}

static void promise_of_a_call_is_that_of_its_start(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{\"items\":[]}", false);
    plugin.items = usual;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
    end_whole(plugin.op, BLOCKS, "{}");
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_PROTOCOL);
}

static void structured_value_that_fits_or_is_missing_is_taken(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{\"items\":[]}", false);
    end_whole(plugin.op, BLOCKS, "{\"items\":[]}");
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_OK);
    assert_string_equal(caller.structured, "{\"items\":[]}");
    run_with("count", "{\"items\":[]}", false);
    end_text(plugin.op, PARLEY_OK, "only words");
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_OK);
}

static void failed_call_may_say_why_in_any_form(void **state)
{
    (void)state;
    list_strict();
    run_with("count", "{\"items\":[]}", false);
    const struct parley_tool_result result = {.size = sizeof(result),
                                              .status = PARLEY_E_INVALID,
                                              .output = VIEW("No."),
                                              .structured = VIEW("7")};
    plugin.host->end(plugin.op, &result);
    fixture_turn(&f);
    assert_int_equal(caller.status, PARLEY_E_INVALID);
    assert_string_equal(caller.output, "No.");
    assert_string_equal(caller.structured, "7");
}

static void token_of_the_session_reaches_the_plugin_or_is_empty(void **state)
{
    (void)state;
    (void)run_for_content("plain");
    assert_string_equal(plugin.authorization, "secret-of-this-session");
    end_text(plugin.op, PARLEY_OK, "x");
    run("plain", "{}");
    assert_string_equal(plugin.authorization, "");
    end_text(plugin.op, PARLEY_OK, "x");
    fixture_turn(&f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(content_and_structured_value_come_as_the_plugin_gave_them),
        T(content_is_not_kept_for_callers_that_want_words),
        T(content_crosses_from_the_pool),
        T(content_that_is_not_json_is_left_out),
        T(content_above_the_limit_is_left_out),
        T(arguments_that_do_not_fit_never_reach_the_plugin),
        T(arguments_that_fit_reach_the_plugin),
        T(null_in_the_place_of_what_may_be_missing_is_left_out),
        T(schema_of_an_unknown_dialect_refuses_nothing),
        T(schema_that_is_not_trusted_refuses_only_what_is_no_object),
        T(structured_value_that_breaks_its_promise_is_a_failed_call),
        T(promise_of_a_call_is_that_of_its_start),
        T(structured_value_that_fits_or_is_missing_is_taken),
        T(failed_call_may_say_why_in_any_form),
        T(token_of_the_session_reaches_the_plugin_or_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
