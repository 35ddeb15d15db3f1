/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

#define MAX_FIELDS       5
#define MAX_ITEMS        5
#define MAX_DEPTH        3
#define MAX_ABILITIES    5
#define MAX_ABILITY      60
#define MAX_ENUM_CHOICES 6

__attribute__((format(printf, 2, 3))) void say(struct say *s, const char *format, ...)
{
    size_t room = sizeof(s->text) - s->len;
    va_list args;

    va_start(args, format);
    int len = vsnprintf(s->text + s->len, room, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len < room) {
        s->len += (size_t)len;
        return;
    }
    s->len = SAY_MAX_BYTES;
    while (s->len > 0 && ((unsigned char)s->text[s->len - 1] & 0xc0) == 0x80)
        s->len--; /* back over the rest of a cut character, then over its first byte */
    if (s->len > 0 && (unsigned char)s->text[s->len - 1] >= 0xc0)
        s->len--;
    s->text[s->len] = '\0';
}

/* --- Results ------------------------------------------------------------------------------------
 */

/* "2 + 3 = 5" is read out as words; other texts have no such line. */
static bool is_equation(struct parley_view text)
{
    bool has_equals = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        has_equals = has_equals || c == '=';
        bool is_ours = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                       (c != '\0' && strchr(" .+-*/^%()=,", c) != NULL);
        if (!is_ours)
            return false;
    }
    return has_equals;
}

static void say_equation(struct say *s, struct parley_view text)
{
    static const struct {
        char sign;
        const char *word;
    } signs[] = {{'+', "plus"},    {'*', "times"}, {'/', "divided by"}, {'^', "to the power of"},
                 {'%', "percent"}, {'=', "equals"}};

    for (size_t i = 0; i < text.len; i++) {
        const char *word = NULL;
        char c = text.data[i];
        for (size_t k = 0; k < sizeof(signs) / sizeof(signs[0]); k++)
            word = signs[k].sign == c ? signs[k].word : word;
        bool is_spaced = s->len > 0 && s->text[s->len - 1] == ' ';
        if (c == '-' && i + 1 < text.len && text.data[i + 1] == ' ')
            word = "minus";
        if (word != NULL)
            say(s, "%s%s%s", is_spaced ? "" : " ", word,
                i + 1 < text.len && text.data[i + 1] != ' ' ? " " : "");
        else if (c == '-')
            say(s, "minus ");
        else
            say(s, "%c", c);
    }
    say(s, ".");
}

/* Names of fields as words: wind_speed, windSpeed. */
static void say_name(struct say *s, const char *name)
{
    struct utterance words;

    utterance_read_name(&words, (struct parley_view){name, strlen(name)});
    for (size_t i = 0; i < words.count; i++)
        say(s, "%s%s", i > 0 ? " " : "", words.tokens[i].word);
}

static void say_value(struct say *s, json_t *value, int depth);

static void say_object(struct say *s, json_t *object, int depth)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t count = 0;

    json_object_foreach(object, name, value)
    {
        if (count == MAX_FIELDS)
            break;
        if (json_is_null(value) || (depth == MAX_DEPTH && json_is_object(value)))
            continue;
        say(s, "%s", count++ > 0 ? ", " : "");
        say_name(s, name);
        say(s, " ");
        say_value(s, value, depth + 1);
    }
}

static void say_array(struct say *s, json_t *array, int depth)
{
    size_t count = json_array_size(array);
    size_t most = count < MAX_ITEMS ? count : MAX_ITEMS;

    if (count == 0)
        say(s, "nothing");
    for (size_t i = 0; i < most; i++) {
        bool is_last = i + 1 == most && count == most;
        say(s, "%s", i == 0 ? "" : is_last ? " and " : ", ");
        say_value(s, json_array_get(array, i), depth + 1);
    }
    if (count > most)
        say(s, " and %zu more", count - most);
}

static void say_value(struct say *s, json_t *value, int depth)
{
    if (depth > MAX_DEPTH)
        return;
    switch (json_typeof(value)) {
    case JSON_STRING:
        say(s, "%s", json_string_value(value));
        break;
    case JSON_INTEGER:
        say(s, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        say(s, "%.6g", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        say(s, "%s", json_is_true(value) ? "yes" : "no");
        break;
    case JSON_OBJECT:
        say_object(s, value, depth);
        break;
    case JSON_ARRAY:
        say_array(s, value, depth);
        break;
    case JSON_NULL:
        say(s, "nothing");
        break;
    }
}

/* {"error": "..."} and {"error": {"message": "..."}} */
static const char *error_of(json_t *result)
{
    json_t *error = json_object_get(result, "error");
    json_t *message = json_object_get(error, "message");

    if (json_is_string(error))
        return json_string_value(error);
    return json_is_string(message) ? json_string_value(message) : NULL;
}

static void say_json(struct say *s, json_t *result)
{
    const char *error = error_of(result);

    if (error != NULL) {
        say(s, "Sorry, that did not work. %s", error);
        return;
    }
    say_value(s, result, 0);
    if (s->len > 0 && strchr(".!?", s->text[s->len - 1]) == NULL)
        say(s, ".");
}

void say_result(struct say *s, struct parley_view output)
{
    json_t *result = NULL;

    if (output.len > 0 && (output.data[0] == '{' || output.data[0] == '[' || output.data[0] == '"'))
        result = json_loadb(output.data, output.len, JSON_DECODE_ANY, NULL);
    if (result != NULL)
        say_json(s, result);
    else if (output.len == 0)
        say(s, "Done.");
    else if (is_equation(output))
        say_equation(s, output);
    else
        say(s, "%.*s", (int)(output.len < SAY_MAX_BYTES ? output.len : SAY_MAX_BYTES), output.data);
    json_decref(result);
}

/* --- Questions ----------------------------------------------------------------------------------
 */

static void say_choices(struct say *s, json_t *values)
{
    size_t count = json_array_size(values);
    size_t most = count < MAX_ENUM_CHOICES ? count : MAX_ENUM_CHOICES;

    for (size_t i = 0; i < most; i++) {
        const char *between = i == 0 ? ": " : i + 1 == most ? " or " : ", ";
        json_t *value = json_array_get(values, i);
        say(s, "%s", between);
        say_value(s, value, MAX_DEPTH);
    }
}

static const char *unit_name(double unit_seconds)
{
    if (unit_seconds < 1)
        return "milliseconds";
    if (unit_seconds < 60)
        return "seconds";
    if (unit_seconds < 3600)
        return "minutes";
    return unit_seconds < 86400 ? "hours" : "days";
}

void say_question(struct say *s, const struct parameter *parameter)
{
    static const char *const starts[] = {
        [SLOT_TEXT] = "What is the ",   [SLOT_EXPRESSION] = "What shall I calculate",
        [SLOT_ENUM] = "Which ",         [SLOT_BOOL] = "Yes or no: ",
        [SLOT_NUMBER] = "What is the ", [SLOT_DATE] = "What is the ",
        [SLOT_TIME] = "What is the ",   [SLOT_FILE] = "Which ",
        [SLOT_ID] = "What is the ",     [SLOT_KEY] = "What is the ",
        [SLOT_VALUE] = "What is the ",  [SLOT_PERSON] = "Who is the ",
        [SLOT_PLACE] = "Which ",        [SLOT_NAME] = "What is the ",
        [SLOT_LIST] = "What are the ",  [SLOT_OTHER] = "What is the ",
    };

    if (parameter->kind == SLOT_NUMBER && parameter->unit_seconds > 0) {
        say(s, "How many %s?", unit_name(parameter->unit_seconds));
        return;
    }
    say(s, "%s", starts[parameter->kind]);
    if (parameter->kind != SLOT_EXPRESSION)
        say_name(s, parameter->name);
    if (parameter->kind == SLOT_ENUM)
        say_choices(s, parameter->values);
    say(s, "?");
}

/* --- What tools do ------------------------------------------------------------------------------
 */

/* "Deletes all notes for good. Use it ..." -> "delete all notes for good", at most `max` bytes. */
static void say_deed(struct say *s, const char *description, const char *ends, size_t max)
{
    char first[32] = {0};
    size_t word = strcspn(description, " ");
    size_t len = strcspn(description, ends);

    if (len > max) {
        len = max;
        while (len > word && description[len] != ' ')
            len--;
    }
    if (word >= sizeof(first) || word > len) {
        say(s, "%.*s", (int)len, description);
        return;
    }
    memcpy(first, description, word);
    if (first[0] >= 'A' && first[0] <= 'Z' && !(first[1] >= 'A' && first[1] <= 'Z'))
        first[0] = (char)(first[0] - 'A' + 'a');
    bool is_third_person = word > 3 && first[word - 1] == 's' && first[word - 2] != 's';
    bool is_long_ending = word > 4 && (strcmp(first + word - 4, "ches") == 0 ||
                                       strcmp(first + word - 4, "shes") == 0);
    first[word - (is_third_person ? 1 : 0) - (is_long_ending ? 1 : 0)] = '\0';
    say(s, "%s%.*s", first, (int)(len - word), description + word);
}

static void say_tool_name(struct say *s, const struct tool *tool)
{
    say(s, "use ");
    say_name(s, tool->name);
}

void say_confirmation(struct say *s, const struct tool *tool, json_t *arguments)
{
    say(s, "Shall I ");
    if (tool->description[0] != '\0')
        say_deed(s, tool->description, ".\n", SAY_MAX_BYTES / 4);
    else
        say_tool_name(s, tool);
    if (json_object_size(arguments) > 0) {
        say(s, ", ");
        say_object(s, arguments, 0);
    }
    say(s, "?");
}

void say_abilities(struct say *s, const struct catalog *catalog)
{
    size_t most = catalog->count < MAX_ABILITIES ? catalog->count : MAX_ABILITIES;

    if (most == 0) {
        say(s, "I have no tools, so there is little that I can do.");
        return;
    }
    say(s, "I can ");
    for (size_t i = 0; i < most; i++) {
        const struct tool *tool = &catalog->tools[i];
        bool is_last = i + 1 == most && catalog->count == most;
        say(s, "%s", i == 0 ? "" : is_last ? ", and " : ", ");
        if (tool->description[0] != '\0')
            say_deed(s, tool->description, ".,:;(\n", MAX_ABILITY);
        else
            say_tool_name(s, tool);
    }
    if (catalog->count > most)
        say(s, ", and %zu more things", catalog->count - most);
    say(s, ".");
}
