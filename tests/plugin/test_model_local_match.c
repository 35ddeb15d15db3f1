/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine makes of sentences, with the real functions of tools_builtin beside fourteen
 * tools of other makers. Today is Monday, 5 January 2026.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <parley/tools.h>

#include "dialogue.h"
#include <parley/testkit/fake_host.h>

#define NOW_S INT64_C(1767603600)

/* Best first: what is said, the tool (NULL: none), its arguments. */
static const struct {
    const char *said;
    const char *tool;
    const char *arguments;
} cases[] = {
    /* arithmetic in words, signs and mishearings */
    {"what is two plus three", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"What is 2 + 3?", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"What's two plus three?", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"twelve times four", "calculator", "{\"expression\":\"12 * 4\"}"},
    {"twelve times for", "calculator", "{\"expression\":\"12 * 4\"}"},
    {"add to and free", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"Add to and free.", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"add two and three", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"add two to three", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"what is to plus free", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"What is due,, plus three.", "calculator", "{\"expression\":\"2 + 3\"}"},
    {"what is five, times four", "calculator", "{\"expression\":\"5 * 4\"}"},
    {"what is seven minus too", "calculator", "{\"expression\":\"7 - 2\"}"},
    {"how much is one hundred and twenty divided by six", "calculator",
     "{\"expression\":\"120 / 6\"}"},
    {"what is fifteen percent of eighty", "calculator", "{\"expression\":\"15% * 80\"}"},
    {"what is fifteen per cent of eighty", "calculator", "{\"expression\":\"15% * 80\"}"},
    {"what's 15% of 80?", "calculator", "{\"expression\":\"15% * 80\"}"},
    {"what is the square root of one hundred forty four", "calculator",
     "{\"expression\":\"sqrt(144)\"}"},
    {"subtract five from twenty", "calculator", "{\"expression\":\"20 - 5\"}"},
    {"multiply six by seven", "calculator", "{\"expression\":\"6 * 7\"}"},
    {"divide ninety by four", "calculator", "{\"expression\":\"90 / 4\"}"},
    {"what is three point five times two", "calculator", "{\"expression\":\"3.5 * 2\"}"},
    {"what's two to the power of ten", "calculator", "{\"expression\":\"2 ^ 10\"}"},
    {"what is five squared plus one", "calculator", "{\"expression\":\"5^2 + 1\"}"},
    {"can you tell me the sum of four, five and six", "calculator",
     "{\"expression\":\"4 + 5 + 6\"}"},
    {"calculate (2 + 3) * sqrt(16)", "calculator", "{\"expression\":\"(2 + 3) * sqrt(16)\"}"},
    {"what is half of thirty", "calculator", "{\"expression\":\"30 / 2\"}"},
    {"what is minus four plus ten", "calculator", "{\"expression\":\"-4 + 10\"}"},
    {"what is two thousand three hundred and five plus ten", "calculator",
     "{\"expression\":\"2305 + 10\"}"},
    {"what is 10-4", "calculator", "{\"expression\":\"10 - 4\"}"},
    /* time */
    {"what time is it", "clock_now", "{}"},
    {"What time is it in Tokyo?", "clock_now", "{\"time_zone\":\"Tokyo\"}"},
    {"what's the time in new york", "clock_now", "{\"time_zone\":\"new york\"}"},
    {"tell me the current time in Los Angeles please", "clock_now",
     "{\"time_zone\":\"Los Angeles\"}"},
    {"what day is it today", "clock_now", "{}"},
    {"what's the date", "clock_now", "{}"},
    /* notes */
    {"write down buy milk", "notes_add", "{\"text\":\"buy milk\"}"},
    {"Please make a note that the meeting is at five.", "notes_add",
     "{\"text\":\"the meeting is at five\"}"},
    {"take a note: call Bob", "notes_add", "{\"text\":\"call Bob\"}"},
    {"add a note to water the plants", "notes_add", "{\"text\":\"water the plants\"}"},
    {"what are my notes", "notes_list", "{}"},
    {"read my notes", "notes_list", "{}"},
    {"list the notes", "notes_list", "{}"},
    {"delete all my notes", "notes_clear", "{}"},
    {"clear the notes", "notes_clear", "{}"},
    /* tools of others */
    {"what's the weather in Paris", "get_weather", "{\"city\":\"Paris\"}"},
    {"will it rain in London tomorrow", "get_weather", "{\"city\":\"London\"}"},
    {"give me the forecast for san francisco in fahrenheit", "get_weather",
     "{\"city\":\"san francisco\",\"unit\":\"fahrenheit\"}"},
    {"set a timer for five minutes", "set_timer", "{\"duration_seconds\":300}"},
    {"start a timer for an hour and a half", "set_timer", "{\"duration_seconds\":5400}"},
    {"set a timer for to minutes", "set_timer", "{\"duration_seconds\":120}"},
    {"countdown of 90 seconds", "set_timer", "{\"duration_seconds\":90}"},
    {"turn on the light in the kitchen", "control_light",
     "{\"room\":\"kitchen\",\"state\":\"on\"}"},
    {"switch the living room lights off", "control_light",
     "{\"room\":\"living_room\",\"state\":\"off\"}"},
    {"send a message to Anna saying I am late", "send_message",
     "{\"recipient\":\"Anna\",\"text\":\"I am late\"}"},
    {"text Bob that dinner is ready", "send_message",
     "{\"recipient\":\"Bob\",\"text\":\"dinner is ready\"}"},
    {"send a message to anna saying i will be late", "send_message",
     "{\"recipient\":\"anna\",\"text\":\"i will be late\"}"},
    {"order three red umbrellas", "order_umbrella", "{\"color\":\"red\",\"quantity\":3}"},
    {"I'd like to buy two black umbrellas", "order_umbrella",
     "{\"color\":\"black\",\"quantity\":2}"},
    {"remind me to water the plants", "create_reminder", "{\"text\":\"water the plants\"}"},
    {"remind me tomorrow at five pm to call mom", "create_reminder",
     "{\"text\":\"call mom\",\"date\":\"2026-01-06\",\"time\":\"17:00\"}"},
    {"search the web for cheap flights to Rome", "search_web",
     "{\"query\":\"cheap flights to Rome\"}"},
    {"where is my order number 4711", "track_order", "{\"order_id\":\"4711\"}"},
    {"track order one two three four", "track_order", "{\"order_id\":\"1234\"}"},
    {"set the temperature to twenty one degrees", "set_thermostat", "{\"temperature\":21}"},
    {"set the heating to 19.5", "set_thermostat", "{\"temperature\":19.5}"},
    {"add milk and eggs to the shopping list", "add_to_shopping_list",
     "{\"items\":[\"milk\",\"eggs\"]}"},
    {"put bread on my shopping list", "add_to_shopping_list", "{\"items\":[\"bread\"]}"},
    {"play Yellow Submarine", "play_music", "{\"title\":\"Yellow Submarine\"}"},
    {"delete the file notes dot txt", "delete_file", "{\"path\":\"notes.txt\"}"},
    {"remove the file /srv/old/report.pdf", "delete_file", "{\"path\":\"/srv/old/report.pdf\"}"},
    {"save my favourite colour is blue", "save_preference",
     "{\"key\":\"favourite colour\",\"value\":\"blue\"}"},
    {"translate good morning into french", "translate",
     "{\"text\":\"good morning\",\"language\":\"french\"}"},
    {"send Bob a message saying hello", "send_message",
     "{\"recipient\":\"Bob\",\"text\":\"hello\"}"},
    {"message to John: see you tomorrow", "send_message",
     "{\"recipient\":\"John\",\"text\":\"see you tomorrow\"}"},
    {"Text my mother that I'll be home at six.", "send_message",
     "{\"recipient\":\"my mother\",\"text\":\"I'll be home at six\"}"},
    {"set a reminder to call Peter on Friday", "create_reminder",
     "{\"text\":\"call Peter\",\"date\":\"2026-01-09\"}"},
    {"google vegan restaurants", "search_web", "{\"query\":\"vegan restaurants\"}"},
    {"what did I write down", "notes_list", "{}"},
    {"forget all notes", "notes_clear", "{}"},
    {"has my order A17 shipped", "track_order", "{\"order_id\":\"A17\"}"},
    {"put apples, pears and butter on the list", "add_to_shopping_list",
     "{\"items\":[\"apples\",\"pears\",\"butter\"]}"},
    {"timer for one hour and fifteen minutes", "set_timer", "{\"duration_seconds\":4500}"},
    {"is it raining in Seattle", "get_weather", "{\"city\":\"Seattle\"}"},
    {"turn the heating up to 21", "set_thermostat", "{\"temperature\":21}"},
    /* asked back, so no call yet */
    {"take a note", NULL, NULL},
    {"what's the weather like", NULL, NULL},
    {"can I order an umbrella", NULL, NULL},
    /* no tool is meant */
    {"What a nice day", NULL, NULL},
    {"do you like music", NULL, NULL},
    {"I sent a message yesterday", NULL, NULL},
    {"the order was wrong", NULL, NULL},
    {"my light is broken", NULL, NULL},
    {"is the file system full", NULL, NULL},
    {"that was a great movie", NULL, NULL},
    {"what do you think about the weather", NULL, NULL},
    {"hello", NULL, NULL},
    {"thank you very much", NULL, NULL},
    {"what can you do", NULL, NULL},
    {"how are you", NULL, NULL},
    {"I lost my umbrella", NULL, NULL},
    {"tell me a joke", NULL, NULL},
    {"I like trains", NULL, NULL},
    {"who was the first man on the moon", NULL, NULL},
    {"that's a good idea", NULL, NULL},
    {"my phone number is 555-1234", NULL, NULL},
    {"um", NULL, NULL},
    {"I'm tired", NULL, NULL},
    {"let's have a conversation", NULL, NULL},
};

static struct catalog catalog;
static const char *builtin_path;
static const char *tools_path;

static void add_builtin(json_t *tools)
{
    struct parley_tool_list list;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct fake_plugin *plugin = fake_plugin_open(builtin_path, "builtin", NULL, &err);

    if (plugin == NULL)
        fail_msg("%s", err.message);
    const struct parley_tools_vtable *vtable = fake_plugin_role(plugin, PARLEY_ROLE_TOOLS);
    assert_int_equal(vtable->list(fake_plugin_worker(plugin), &list, &err), PARLEY_OK);
    for (size_t i = 0; i < list.count; i++) {
        const struct parley_tool *tool = &list.items[i];
        const char *parameters = tool->parameters != NULL ? tool->parameters : "{}";
        json_array_append_new(
            tools, json_pack("{s:s,s:s,s:s,s:o,s:{s:b,s:b}}", "type", "function", "name",
                             tool->name, "description", tool->description, "parameters",
                             json_loads(parameters, 0, NULL), "annotations", "readOnlyHint",
                             (tool->flags & PARLEY_TOOL_READ_ONLY) != 0, "destructiveHint",
                             (tool->flags & PARLEY_TOOL_DESTRUCTIVE) != 0));
    }
    fake_plugin_close(plugin);
}

static int open_catalog(void **state)
{
    json_t *tools = json_load_file(tools_path, 0, NULL);

    (void)state;
    assert_non_null(tools);
    add_builtin(tools);
    char *text = json_dumps(tools, 0);
    bool is_read = catalog_read(&catalog, (struct parley_view){text, strlen(text)});
    free(text);
    json_decref(tools);
    return is_read ? 0 : -1;
}

static int close_catalog(void **state)
{
    (void)state;
    catalog_done(&catalog);
    return 0;
}

static bool is_as_expected(size_t i, const struct dialogue_reply *reply)
{
    if (cases[i].tool == NULL || !reply->is_call)
        return reply->is_call == (cases[i].tool != NULL);
    json_t *wanted = json_loads(cases[i].arguments, 0, NULL);
    json_t *got = json_loads(reply->arguments, 0, NULL);
    bool same = strcmp(reply->tool, cases[i].tool) == 0 && json_equal(wanted, got);
    json_decref(wanted);
    json_decref(got);
    return same;
}

static void sentences_find_their_tool_and_its_arguments(void **state)
{
    static const struct dialogue_rules rules = {.confirm = CONFIRM_NONE, .min_score = 1.3};
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dialogue dialogue = {0};
        struct dialogue_reply reply;
        dialogue_turn(&dialogue, &catalog,
                      (struct parley_view){cases[i].said, strlen(cases[i].said)}, &rules, NOW_S,
                      &reply);
        if (!is_as_expected(i, &reply)) {
            wrong++;
            print_error("'%s': wanted %s %s, got %s %s (score %.2f, second %s %.2f)\n",
                        cases[i].said, cases[i].tool != NULL ? cases[i].tool : "no tool",
                        cases[i].arguments != NULL ? cases[i].arguments : "",
                        reply.is_call ? reply.tool : reply.say.text,
                        reply.is_call ? reply.arguments : "", reply.choice.score,
                        reply.choice.second, reply.choice.second_score);
        }
        dialogue_reply_done(&reply);
        dialogue_done(&dialogue);
    }
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sentences_find_their_tool_and_its_arguments, open_catalog,
                                        close_catalog),
    };

    if (argc != 3) {
        fprintf(stderr, "usage: %s TOOLS_BUILTIN TOOLS_JSON\n", argv[0]);
        return 2;
    }
    builtin_path = argv[1];
    tools_path = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
