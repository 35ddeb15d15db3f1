/* SPDX-License-Identifier: Apache-2.0 */
#include "messages.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NO_RESULT "The result of this call is not known."

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static bool is_type(const json_t *item, const char *type)
{
    return strcmp(text_of(item, "type"), type) == 0;
}

/* ---- content ---- */

static void add_text_part(json_t *parts, const char *text)
{
    if (text[0] != '\0')
        json_array_append_new(parts, json_pack("{s:s, s:s}", "type", "text", "text", text));
}

/* Typed, or what was heard; an image by its data: URI. What was never transcribed is left out. */
static json_t *content_parts(const json_t *item)
{
    json_t *parts = json_array(), *part = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        if (is_type(part, "input_image"))
            json_array_append_new(parts, json_pack("{s:s, s:{s:s}}", "type", "image_url",
                                                   "image_url", "url", text_of(part, "image_url")));
        add_text_part(parts, text_of(part, "text"));
        add_text_part(parts, text_of(part, "transcript"));
    }
    return parts;
}

static bool is_all_text(const json_t *parts)
{
    const json_t *part = NULL;
    size_t i = 0;

    json_array_foreach(parts, i, part)
    {
        if (!is_type(part, "text"))
            return false;
    }
    return true;
}

/* One string where that says the same: not every server takes parts. */
static json_t *joined(const json_t *parts)
{
    size_t len = 1, i = 0;
    const json_t *part = NULL;

    json_array_foreach(parts, i, part) len += strlen(text_of(part, "text")) + 1;
    char *text = calloc(1, len);
    if (text == NULL)
        return NULL;
    json_array_foreach(parts, i, part)
    {
        if (text[0] != '\0')
            strcat(text, " "); /* the sum above has room for it */
        strcat(text, text_of(part, "text"));
    }
    json_t *string = json_string(text);
    free(text);
    return string;
}

/* Takes the parts. NULL: nothing was said. */
static json_t *content_of(json_t *parts)
{
    if (json_array_size(parts) == 0) {
        json_decref(parts);
        return NULL;
    }
    if (!is_all_text(parts))
        return parts;
    json_t *text = joined(parts);
    json_decref(parts);
    return text;
}

static void add_message(json_t *messages, const char *role, const json_t *item)
{
    json_t *content = content_of(content_parts(item));

    if (content != NULL)
        json_array_append_new(messages, json_pack("{s:s, s:o}", "role", role, "content", content));
}

/* ---- calls and their results ---- */

static const char *output_for(const json_t *items, const char *call_id)
{
    const json_t *item = NULL;
    size_t i = 0;

    json_array_foreach(items, i, item)
    {
        if (is_type(item, "function_call_output") && strcmp(text_of(item, "call_id"), call_id) == 0)
            return text_of(item, "output");
    }
    return NO_RESULT;
}

static json_t *call_of(const json_t *item)
{
    const char *arguments = text_of(item, "arguments");

    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", text_of(item, "call_id"), "type", "function",
                     "function", "name", text_of(item, "name"), "arguments",
                     arguments[0] == '\0' ? "{}" : arguments);
}

/* What the assistant said just before its calls is the same message. */
static json_t *message_of_calls(json_t *messages)
{
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);

    if (last != NULL && strcmp(text_of(last, "role"), "assistant") == 0 &&
        json_object_get(last, "tool_calls") == NULL)
        return last;
    json_array_append_new(messages, json_pack("{s:s, s:n}", "role", "assistant", "content"));
    return json_array_get(messages, json_array_size(messages) - 1);
}

/* Calls that stand together were made together. Returns the place of the last one. */
static size_t add_calls(json_t *messages, const json_t *items, size_t first)
{
    json_t *message = message_of_calls(messages), *calls = json_array(), *call = NULL;
    size_t at = first, i = 0;

    while (is_type(json_array_get(items, at), "function_call"))
        json_array_append_new(calls, call_of(json_array_get(items, at++)));
    json_object_set_new(message, "tool_calls", calls);
    json_array_foreach(calls, i, call)
    {
        const char *id = text_of(call, "id");
        json_array_append_new(messages, json_pack("{s:s, s:s, s:s}", "role", "tool", "tool_call_id",
                                                  id, "content", output_for(items, id)));
    }
    return at - 1;
}

static json_t *messages_of(const struct messages_config *config, const json_t *items,
                           struct parley_view instructions)
{
    json_t *messages = json_array();

    if (instructions.len > 0)
        json_array_append_new(messages, json_pack("{s:s, s:s%}", "role", config->system_role,
                                                  "content", instructions.data, instructions.len));
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const char *role = text_of(item, "role");
        if (is_type(item, "function_call"))
            i = add_calls(messages, items, i);
        else if (is_type(item, "message") || role[0] != '\0')
            add_message(messages, strcmp(role, "system") == 0 ? config->system_role : role, item);
    }
    return messages;
}

/* ---- tools ---- */

/* Realtime has a function's members beside `type`, Chat Completions has them in `function`. */
static json_t *tools_of(const json_t *tools)
{
    json_t *out = json_array();
    const json_t *tool = NULL;
    size_t i = 0;

    json_array_foreach(tools, i, tool)
    {
        json_t *parameters = json_object_get(tool, "parameters");
        json_array_append_new(out,
                              json_pack("{s:s, s:{s:s, s:s, s:O*}}", "type", "function", "function",
                                        "name", text_of(tool, "name"), "description",
                                        text_of(tool, "description"), "parameters", parameters));
    }
    return out;
}

/* A name in Realtime's form is wrapped as the tools are. */
static json_t *choice_of(json_t *take_choice)
{
    if (!json_is_object(take_choice))
        return take_choice;
    json_t *choice = json_pack("{s:s, s:{s:s}}", "type", "function", "function", "name",
                               text_of(take_choice, "name"));
    json_decref(take_choice);
    return choice;
}

static void set_tools(json_t *body, const struct messages_config *config, const json_t *tools,
                      struct parley_view tool_choice)
{
    if (json_array_size(tools) == 0)
        return;
    json_object_set_new(body, "tools", tools_of(tools));
    json_t *choice = json_loadb(tool_choice.data, tool_choice.len, JSON_DECODE_ANY, NULL);
    if (choice != NULL)
        json_object_set_new(body, "tool_choice", choice_of(choice));
    if (!config->parallel_calls)
        json_object_set_new(body, "parallel_tool_calls", json_false());
}

/* ---- the body ---- */

static void set_limits(json_t *body, const struct messages_config *config, int64_t max_tokens)
{
    if (config->temperature >= 0)
        json_object_set_new(body, "temperature", json_real(config->temperature));
    if (max_tokens > 0)
        json_object_set_new(body, config->token_limit, json_integer(max_tokens));
    if (config->wants_usage)
        json_object_set_new(body, "stream_options", json_pack("{s:b}", "include_usage", 1));
}

static json_t *parse(struct parley_view text, const char *what, struct parley_error *err)
{
    json_t *tree = text.len == 0 ? json_array() : json_loadb(text.data, text.len, 0, NULL);

    if (json_is_array(tree))
        return tree;
    json_decref(tree);
    (void)parley_fail(err, PARLEY_E_INVALID, "the host's %s are no JSON array", what);
    return NULL;
}

static char *write_body(const struct messages_config *config, const json_t *items,
                        const json_t *tools, const struct parley_chat_request *request)
{
    json_t *body = json_pack("{s:s, s:b, s:o}", "model", config->model, "stream", 1, "messages",
                             messages_of(config, items, request->instructions));

    if (body == NULL)
        return NULL;
    set_tools(body, config, tools, request->tool_choice);
    set_limits(body, config, request->max_output_tokens);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

char *messages_body(const struct messages_config *config, const struct parley_chat_request *request,
                    struct parley_error *err)
{
    json_t *items = parse(request->items, "items", err);
    json_t *tools = items == NULL ? NULL : parse(request->tools, "tools", err);
    char *text = tools == NULL ? NULL : write_body(config, items, tools, request);

    if (tools != NULL && text == NULL)
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for the request, or it is not UTF-8");
    json_decref(items);
    json_decref(tools);
    return text;
}
