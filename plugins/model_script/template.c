/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME 64

static void append(char **text, const char *more, size_t len)
{
    size_t old = *text == NULL ? 0 : strlen(*text);
    char *grown = realloc(*text, old + len + 1);

    if (grown == NULL)
        return; /* a script's text is cut rather than its test host ended */
    memcpy(grown + old, more, len);
    grown[old + len] = '\0';
    *text = grown;
}

static void append_line(char **text, const char *line)
{
    if (line == NULL || line[0] == '\0')
        return;
    if (*text != NULL)
        append(text, " | ", 3);
    append(text, line, strlen(line));
}

/* A new id: {{new_item}}, {{new_call}}, {{new_response}}, {{new_event}}. */
static json_t *new_id(struct session *s, const char *prefix)
{
    char id[ID_SIZE];

    wire_id(s, strcmp(prefix, "response") == 0 ? "resp" : prefix, id);
    return json_string(id);
}

/* What the session knows by that name, NULL when nothing. */
static json_t *of_session(struct session *s, const char *name)
{
    const struct {
        const char *name;
        const char *value;
    } table[] = {
        {"session_id", s->id},     {"response_id", s->last_response},
        {"item_id", s->last_item}, {"call_id", s->last_call},
        {"text", s->last_text},    {"output", s->last_output},
    };

    if (strncmp(name, "new_", 4) == 0)
        return new_id(s, name + 4);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(name, table[i].name) == 0)
            return json_string(table[i].value); /* NULL gives NULL */
    }
    return NULL;
}

/* Every text and result of the conversation, in order: what a model that remembers could say. */
static json_t *whole_conversation(const struct session *s)
{
    char *text = NULL;
    size_t i;
    size_t n;
    json_t *item;
    json_t *part;

    json_array_foreach(s->items, i, item)
    {
        append_line(&text, value_str(item, "output", NULL));
        json_array_foreach(json_object_get(item, "content"), n, part)
        {
            append_line(&text, value_str(part, "text", NULL));
            append_line(&text, value_str(part, "transcript", NULL));
        }
    }
    json_t *all = json_string(text == NULL ? "" : text);
    free(text);
    return all;
}

json_t *template_value(struct session *s, const char *name, const json_t *trigger)
{
    const json_t *value = value_at(trigger, name);

    if (value == NULL && strcmp(name, "conversation") == 0)
        return whole_conversation(s);
    return value != NULL ? json_deep_copy(value) : of_session(s, name);
}

/* "" for what neither the event nor the session has. */
static json_t *look_up(struct session *s, const char *name, const json_t *trigger)
{
    json_t *value = template_value(s, name, trigger);

    return value != NULL ? value : json_string("");
}

/* The name between braces at `at`, or false; *ret_end is behind it. */
static bool name_at(const char *at, char name[MAX_NAME], const char **ret_end)
{
    const char *close = strncmp(at, "{{", 2) == 0 ? strstr(at, "}}") : NULL;

    if (close == NULL || (size_t)(close - at - 2) >= MAX_NAME)
        return false;
    (void)snprintf(name, MAX_NAME, "%.*s", (int)(close - at - 2), at + 2);
    *ret_end = close + 2;
    return true;
}

static void append_value(char **text, const json_t *value)
{
    char *other = json_is_string(value) ? NULL : value_text(value);
    const char *words = json_is_string(value) ? json_string_value(value) : other;

    if (words != NULL)
        append(text, words, strlen(words));
    free(other);
}

static json_t *fill_string(struct session *s, const char *text, const json_t *trigger)
{
    char name[MAX_NAME];
    const char *end;
    char *filled = NULL;

    if (name_at(text, name, &end) && *end == '\0')
        return look_up(s, name, trigger); /* all of it: keeps its kind */
    while (*text != '\0') {
        if (name_at(text, name, &end)) {
            json_t *value = look_up(s, name, trigger);
            append_value(&filled, value);
            json_decref(value);
            text = end;
        } else {
            append(&filled, text, 1);
            text++;
        }
    }
    json_t *result = json_string(filled == NULL ? "" : filled);
    free(filled);
    return result;
}

static json_t *fill_object(struct session *s, const json_t *object, const json_t *trigger)
{
    json_t *copy = json_object();
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        json_object_set_new(copy, key, template_fill(s, value, trigger));
    return copy;
}

static json_t *fill_array(struct session *s, const json_t *array, const json_t *trigger)
{
    json_t *copy = json_array();
    size_t i;
    json_t *value;

    json_array_foreach(array, i, value)
        json_array_append_new(copy, template_fill(s, value, trigger));
    return copy;
}

json_t *template_fill(struct session *s, const json_t *value, const json_t *trigger)
{
    if (json_is_object(value))
        return fill_object(s, value, trigger);
    if (json_is_array(value))
        return fill_array(s, value, trigger);
    if (json_is_string(value))
        return fill_string(s, json_string_value(value), trigger);
    return json_deep_copy(value);
}
