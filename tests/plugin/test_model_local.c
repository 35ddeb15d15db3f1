/* SPDX-License-Identifier: Apache-2.0 */
/* Whole turns through the plugin: what it asks, calls and says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <parley/chat.h>

#include <parley/testkit/fake_host.h>

static const char tools_json[] =
    "[{\"type\":\"function\",\"name\":\"get_weather\",\"description\":\"Get the weather for a "
    "city.\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},"
    "\"required\":[\"city\"]},\"annotations\":{\"readOnlyHint\":true}},"
    "{\"type\":\"function\",\"name\":\"set_timer\",\"description\":\"Start a countdown timer.\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"minutes\":{\"type\":\"integer\"}},"
    "\"required\":[\"minutes\"]}},"
    "{\"type\":\"function\",\"name\":\"paint_wall\",\"description\":\"Paint a wall.\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"colour\":{\"type\":\"string\","
    "\"enum\":[\"red\",\"green\"]}},\"required\":[\"colour\"]}},"
    "{\"type\":\"function\",\"name\":\"delete_file\",\"description\":\"Deletes a file. Careful.\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}},"
    "\"required\":[\"path\"]},\"annotations\":{\"destructiveHint\":true}}]";

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_chat_vtable *chat;
static void *session;
static char said[4096]; /* what the agent said, or "CALL name arguments" */
static int ended, finish_reason;
static int message_number; /* so that each message has its own id */

static void append(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void append(const char *format, ...)
{
    size_t len = strlen(said);
    va_list args;

    va_start(args, format);
    vsnprintf(said + len, sizeof(said) - len, format, args);
    va_end(args);
}

static void on_text(parley_op op, struct parley_view delta)
{
    (void)op;
    append("%.*s", (int)delta.len, delta.data);
}

static void on_call(parley_op op, struct parley_view name, struct parley_view arguments)
{
    (void)op;
    append("CALL %.*s %.*s", (int)name.len, name.data, (int)arguments.len, arguments.data);
}

static void on_end(parley_op op, int status, int finish, const struct parley_chat_usage *usage,
                   const struct parley_error *err)
{
    (void)op;
    (void)usage;
    (void)err;
    assert_int_equal(status, PARLEY_OK);
    ended++;
    finish_reason = finish;
}

static const struct parley_chat_host chat_host = {
    .size = sizeof(chat_host),
    .text = on_text,
    .call = on_call,
    .end = on_end,
};

static void start(const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_chat_open open = {
        .size = sizeof(open),
        .worker = fake_host_worker(),
        .session_id = "s1",
        .agent = "a",
        .host = &chat_host,
    };

    plugin = fake_plugin_open(plugin_path, "local", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    chat = fake_plugin_role(plugin, PARLEY_ROLE_CHAT);
    assert_int_equal(chat->session_open(fake_plugin_worker(plugin), &open, &session, &err),
                     PARLEY_OK);
}

static void stop(void)
{
    chat->session_close(session);
    fake_plugin_close(plugin);
}

static int open_session(void **state)
{
    (void)state;
    fake_host_reset();
    start(NULL);
    return 0;
}

static int close_session(void **state)
{
    (void)state;
    stop();
    return 0;
}

static struct parley_view view(const char *text)
{
    return (struct parley_view){text, strlen(text)};
}

static int generate(const char *items, const char *tool_choice, int64_t max_tokens)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_chat_request request = {
        .size = sizeof(request),
        .items = view(items),
        .tools = view(tools_json),
        .tool_choice = view(tool_choice),
        .max_output_tokens = max_tokens,
    };

    said[0] = '\0';
    ended = 0;
    int r = chat->generate(session, &request, fake_host_op(), &err);
    assert_int_equal(ended, r == PARLEY_OK);
    return r;
}

/* One more message of the user; returns what the agent did. */
static const char *hear_with(const char *text, const char *tool_choice)
{
    char items[2048];

    snprintf(items, sizeof(items),
             "[{\"id\":\"item_%d\",\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
             "\"input_audio\",\"transcript\":\"%s\"}]}]",
             ++message_number, text);
    assert_int_equal(generate(items, tool_choice, 0), PARLEY_OK);
    return said;
}

static const char *hear(const char *text)
{
    return hear_with(text, "\"auto\"");
}

static const char *hear_result(const char *output)
{
    char items[2048];

    snprintf(
        items, sizeof(items),
        "[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
        "\"x\"}]},{\"type\":\"function_call\",\"name\":\"t\",\"call_id\":\"c\",\"arguments\":"
        "\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"%s\"}]",
        output);
    assert_int_equal(generate(items, "\"auto\"", 0), PARLEY_OK);
    return said;
}

static void a_request_with_all_it_needs_is_a_call(void **state)
{
    (void)state;
    assert_string_equal(hear("What's the weather in Oslo?"),
                        "CALL get_weather {\"city\":\"Oslo\"}");
    assert_true(fake_host_logged("tools matched session=s1 tool=get_weather score="));
    assert_false(fake_host_logged("Oslo"));
}

static void a_missing_argument_is_asked_for_and_taken_from_the_answer(void **state)
{
    (void)state;
    assert_string_equal(hear("what's the weather"), "Which city?");
    assert_string_equal(hear("In New York, please."), "CALL get_weather {\"city\":\"New York\"}");
    assert_string_equal(hear("set a timer"), "How many minutes?");
    assert_string_equal(hear("half an hour"), "CALL set_timer {\"minutes\":30}");
    assert_string_equal(hear("set a timer"), "How many minutes?");
    assert_string_equal(hear("free"), "CALL set_timer {\"minutes\":3}");
    assert_string_equal(hear("paint the wall"), "Which colour: red or green?");
    assert_string_equal(hear("uh green"), "CALL paint_wall {\"colour\":\"green\"}");
}

static void a_question_is_asked_twice_and_then_left(void **state)
{
    (void)state;
    hear("paint the wall");
    assert_string_equal(hear("elephants"),
                        "Sorry, I did not understand. Which colour: red or green?");
    assert_string_equal(hear("elephants"), "Sorry, I did not understand. Let us leave that.");
    assert_string_equal(hear("yes"), "All right.");
}

static void never_mind_drops_what_was_asked(void **state)
{
    (void)state;
    hear("what's the weather");
    assert_string_equal(hear("never mind"), "All right, never mind.");
    assert_string_equal(hear("set a timer for five minutes"), "CALL set_timer {\"minutes\":5}");
}

static void another_request_replaces_what_was_asked(void **state)
{
    (void)state;
    hear("paint the wall");
    assert_string_equal(hear("set a timer for five minutes"), "CALL set_timer {\"minutes\":5}");
}

static void a_destructive_tool_is_called_only_after_a_yes(void **state)
{
    (void)state;
    assert_string_equal(hear("delete the file a.txt"), "Shall I delete a file, path a.txt?");
    assert_string_equal(hear("No."), "All right, I will not do that.");
    hear("delete the file a.txt");
    assert_string_equal(hear("Yes, please."), "CALL delete_file {\"path\":\"a.txt\"}");
    hear("delete the file a.txt");
    assert_string_equal(hear("elephants"),
                        "Sorry, I did not understand. Shall I delete a file, path a.txt?");
    assert_string_equal(hear("go ahead"), "CALL delete_file {\"path\":\"a.txt\"}");
}

static void confirm_all_asks_before_whatever_changes_something(void **state)
{
    (void)state;
    stop();
    start((const char *const[]){"confirm=all", NULL});
    assert_string_equal(hear("set a timer for two minutes"),
                        "Shall I start a countdown timer, minutes 2?");
    hear("yes");
    assert_string_equal(hear("weather in Rome"), "CALL get_weather {\"city\":\"Rome\"}");
}

static void confirm_none_never_asks(void **state)
{
    (void)state;
    stop();
    start((const char *const[]){"confirm=none", NULL});
    assert_string_equal(hear("delete the file a.txt"), "CALL delete_file {\"path\":\"a.txt\"}");
}

static void results_are_read_out(void **state)
{
    (void)state;
    assert_string_equal(hear_result("It is 6:05 PM."), "It is 6:05 PM.");
    assert_string_equal(hear_result("2 + 3 = 5"), "2 plus 3 equals 5.");
    assert_string_equal(hear_result("-4 - 1 = -5"), "minus 4 minus 1 equals minus 5.");
    assert_string_equal(hear_result("15% * 80 = 12"), "15 percent times 80 equals 12.");
    assert_string_equal(hear_result("sqrt(144) = 12"), "sqrt(144) equals 12.");
    assert_string_equal(
        hear_result("{\\\"temperature\\\":18,\\\"windSpeed\\\":2.5,\\\"raining\\\":false}"),
        "temperature 18, wind speed 2.5, raining no.");
    assert_string_equal(hear_result("[\\\"milk\\\",\\\"bread\\\",\\\"tea\\\"]"),
                        "milk, bread and tea.");
    assert_string_equal(hear_result("{\\\"error\\\":{\\\"message\\\":\\\"No such city.\\\"}}"),
                        "Sorry, that did not work. No such city.");
    assert_string_equal(hear_result(""), "Done.");
    assert_string_equal(hear("say that again"), "Done.");
}

static void several_results_are_read_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(generate("[{\"type\":\"function_call_output\",\"output\":\"One.\"},"
                              "{\"type\":\"function_call_output\",\"output\":\"Two.\"}]",
                              "\"auto\"", 0),
                     PARLEY_OK);
    assert_string_equal(said, "One. Two.");
}

static void it_greets_and_says_what_it_can_do(void **state)
{
    const char *abilities =
        "I can get the weather for a city, start a countdown timer, paint a wall, "
        "and delete a file.";
    char expected[256];

    (void)state;
    snprintf(expected, sizeof(expected), "Hello. %s", abilities);
    assert_int_equal(generate("[]", "\"auto\"", 0), PARLEY_OK);
    assert_string_equal(said, expected);
    assert_string_equal(hear("What can you do?"), abilities);
    snprintf(expected, sizeof(expected), "Sorry, I have no tool for that. %s", abilities);
    assert_string_equal(hear("sing me a song"), expected);
    assert_string_equal(hear("Good morning!"), "Hello. What can I do for you?");
}

static void the_greeting_can_be_configured(void **state)
{
    (void)state;
    stop();
    start((const char *const[]){"greeting=Welcome to Contoso.", NULL});
    generate("[{\"type\":\"message\",\"role\":\"system\",\"content\":[]}]", "\"auto\"", 0);
    assert_string_equal(said, "Welcome to Contoso.");
}

static void silence_is_not_a_request(void **state)
{
    (void)state;
    assert_string_equal(hear(""), "Sorry, I did not catch that.");
    assert_string_equal(hear("..."), "Sorry, I did not catch that.");
    assert_string_equal(hear("um, uh"), "Sorry, I did not catch that.");
}

static void the_same_message_is_no_answer_to_its_own_question(void **state)
{
    (void)state;
    assert_string_equal(hear("what's the weather"), "Which city?");
    message_number--;
    assert_string_equal(hear("what's the weather"), "Which city?");
}

static void tool_choice_is_obeyed(void **state)
{
    (void)state;
    assert_non_null(strstr(hear_with("weather in Rome", "\"none\""), "Sorry"));
    assert_string_equal(
        hear_with("it is cold in Rome", "{\"type\":\"function\",\"name\":\"get_weather\"}"),
        "CALL get_weather {\"city\":\"Rome\"}");
    assert_string_equal(hear_with("is it a bad day in Rome, weather permitting", "\"required\""),
                        "CALL get_weather {\"city\":\"Rome\"}");
}

static void an_answer_is_cut_at_max_output_tokens(void **state)
{
    (void)state;
    assert_int_equal(generate("[]", "\"auto\"", 5), PARLEY_OK);
    assert_string_equal(said, "Hello. I can get the");
    assert_int_equal(finish_reason, PARLEY_CHAT_MAX_TOKENS);
}

static void wrong_json_is_refused_and_named(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_chat_request bad_tools = {
        .size = sizeof(bad_tools), .items = view("[]"), .tools = view("{nonsense")};

    (void)state;
    assert_int_equal(generate("{}", "\"auto\"", 0), PARLEY_E_INVALID);
    assert_int_equal(chat->generate(session, &bad_tools, fake_host_op(), &err), PARLEY_E_INVALID);
    assert_non_null(strstr(err.message, "tools: 9 bytes"));
}

#define TURN(name) cmocka_unit_test_setup_teardown(name, open_session, close_session)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TURN(a_request_with_all_it_needs_is_a_call),
        TURN(a_missing_argument_is_asked_for_and_taken_from_the_answer),
        TURN(a_question_is_asked_twice_and_then_left),
        TURN(never_mind_drops_what_was_asked),
        TURN(another_request_replaces_what_was_asked),
        TURN(a_destructive_tool_is_called_only_after_a_yes),
        TURN(confirm_all_asks_before_whatever_changes_something),
        TURN(confirm_none_never_asks),
        TURN(results_are_read_out),
        TURN(several_results_are_read_in_their_order),
        TURN(it_greets_and_says_what_it_can_do),
        TURN(the_greeting_can_be_configured),
        TURN(silence_is_not_a_request),
        TURN(the_same_message_is_no_answer_to_its_own_question),
        TURN(tool_choice_is_obeyed),
        TURN(an_answer_is_cut_at_max_output_tokens),
        TURN(wrong_json_is_refused_and_named),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
