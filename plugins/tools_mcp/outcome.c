/* SPDX-License-Identifier: Apache-2.0 */
#include "outcome.h"

#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SAID 400 /* of a server's own words in an error */

/* As much as there is room for: the host cuts at a whole character, and says so. */
static void say_view(struct outcome *o, struct parley_view view)
{
    size_t room = OUTCOME_MAX_BYTES - o->output.len;

    if (view.len > room)
        view.len = room;
    (void)text_append(&o->output, view, OUTCOME_MAX_BYTES);
}

static void say(struct outcome *o, const char *text)
{
    say_view(o, (struct parley_view){text, strlen(text)});
}

static const char *str(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value == NULL ? "" : value;
}

static void say_separator(struct outcome *o)
{
    if (o->output.len > 0)
        say(o, "\n");
}

/* ---- content ---- */

static void say_text(struct outcome *o, const json_t *text)
{
    if (json_is_string(text))
        say_view(o, (struct parley_view){json_string_value(text), json_string_length(text)});
}

static void say_kind(struct outcome *o, const char *what, const char *type)
{
    char text[160];

    (void)snprintf(text, sizeof(text), type[0] == '\0' ? "[%s%s]" : "[%s of type %.80s]", what,
                   type);
    say(o, text);
}

/* The first image goes to models that can see. */
static void take_image(struct outcome *o, const json_t *block)
{
    const char *type = str(block, "mimeType");
    json_t *data = json_object_get(block, "data");
    const struct parley_view parts[] = {PARLEY_VIEW("data:"),
                                        {type, strlen(type)},
                                        PARLEY_VIEW(";base64,"),
                                        {json_string_value(data), json_string_length(data)}};

    say_kind(o, "image", type);
    if (o->image.len > 0 || !json_is_string(data) || strncmp(type, "image/", 6) != 0 ||
        strlen(type) > 80)
        return;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (text_append(&o->image, parts[i], OUTCOME_MAX_IMAGE))
            continue;
        text_done(&o->image); /* too large: the words say that there was one */
        return;
    }
}

static void say_resource(struct outcome *o, const json_t *resource)
{
    json_t *text = json_object_get(resource, "text");

    if (json_is_string(text)) {
        say_text(o, text);
        return;
    }
    say_kind(o, "file", str(resource, "mimeType"));
    say(o, " ");
    say(o, str(resource, "uri"));
}

static void say_link(struct outcome *o, const json_t *block)
{
    const char *description = str(block, "description");

    say(o, str(block, "name"));
    say(o, ": ");
    say(o, str(block, "uri"));
    if (description[0] == '\0')
        return;
    say(o, " (");
    say(o, description);
    say(o, ")");
}

/* Annotated for the user's eyes alone. */
static bool is_for_user_only(const json_t *block)
{
    json_t *audience = json_object_get(json_object_get(block, "annotations"), "audience");
    const char *first = json_string_value(json_array_get(audience, 0));

    return json_array_size(audience) == 1 && first != NULL && strcmp(first, "user") == 0;
}

static void say_block(struct outcome *o, const json_t *block)
{
    const char *type = str(block, "type");

    if (is_for_user_only(block))
        return;
    say_separator(o);
    if (strcmp(type, "text") == 0)
        say_text(o, json_object_get(block, "text"));
    else if (strcmp(type, "image") == 0)
        take_image(o, block);
    else if (strcmp(type, "audio") == 0)
        say_kind(o, "audio", str(block, "mimeType"));
    else if (strcmp(type, "resource_link") == 0)
        say_link(o, block);
    else if (strcmp(type, "resource") == 0)
        say_resource(o, json_object_get(block, "resource"));
    else
        say_kind(o, "content that parley does not know,", type);
}

static void say_structured(struct outcome *o, const json_t *structured)
{
    char *text = dump(structured);

    if (text != NULL)
        say(o, text);
    free(text);
}

/* Too large or without memory: the words are there all the same. */
static void keep(struct text *whole, const json_t *value)
{
    char *text = dump(value);

    if (text != NULL)
        (void)text_append(whole, (struct parley_view){text, strlen(text)}, OUTCOME_MAX_WHOLE);
    free(text);
}

void outcome_of_result(struct outcome *o, const char *tool, json_t *result)
{
    json_t *structured = json_object_get(result, "structuredContent");
    json_t *block;
    size_t i;

    if (!json_is_object(result)) {
        outcome_of_fault(o, tool, PARLEY_E_PROTOCOL);
        return;
    }
    json_array_foreach(json_object_get(result, "content"), i, block) say_block(o, block);
    /* The text is a copy of it, as a rule; the model needs one of them. */
    if (o->output.len == 0 && structured != NULL && !json_is_null(structured))
        say_structured(o, structured);
    if (json_is_array(json_object_get(result, "content")))
        keep(&o->content, json_object_get(result, "content"));
    keep(&o->structured, structured);
    if (json_is_true(json_object_get(result, "isError")))
        o->status = PARLEY_E_INVALID;
}

/* ---- failures ---- */

void outcome_of_error(struct outcome *o, const char *tool, const struct message *m)
{
    char text[MAX_SAID + 200];
    char *said = text_tidy(m->error_message, MAX_SAID);

    o->status = m->error_code == MESSAGE_INVALID_PARAMS     ? PARLEY_E_INVALID
                : m->error_code == MESSAGE_METHOD_NOT_FOUND ? PARLEY_E_NOT_FOUND
                                                            : PARLEY_E_PROTOCOL;
    if (m->error_code == MESSAGE_NEEDS_URL)
        (void)snprintf(
            text, sizeof(text),
            "The tool %s needs a step in a web browser first, which cannot be done here.", tool);
    else if (said == NULL || said[0] == '\0')
        (void)snprintf(text, sizeof(text), "The tool %s failed.", tool);
    else
        (void)snprintf(text, sizeof(text), "The tool %s failed: %s", tool, said);
    free(said);
    say(o, text);
}

static const char *words_for(int status)
{
    switch (status) {
    case PARLEY_E_DENIED:
        return "The tool %s is unavailable: its server does not let parley in.";
    case PARLEY_E_TIMEOUT:
        return "The tool %s did not answer in time.";
    case PARLEY_E_CANCELLED:
        return "The call of the tool %s was stopped.";
    case PARLEY_E_BUSY:
        return "The tool %s is busy; try again in a moment.";
    case PARLEY_E_TOO_LARGE:
        return "The tool %s answered with more than can be read here.";
    case PARLEY_E_PROTOCOL:
        return "The tool %s failed: its server gave no proper answer.";
    default:
        return "The tool %s is unavailable at the moment.";
    }
}

void outcome_of_fault(struct outcome *o, const char *tool, int status)
{
    char text[200];

    o->status = status;
    (void)snprintf(text, sizeof(text), words_for(status), tool);
    say(o, text);
}

void outcome_done(struct outcome *o)
{
    text_done(&o->output);
    text_done(&o->image);
    text_done(&o->content);
    text_done(&o->structured);
}
