/* SPDX-License-Identifier: Apache-2.0 */
/* An MCP server on standard input and output, as small as one can be: says back what it is told. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(const json_t *id, const char *member, json_t *take)
{
    json_t *message = json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, member, take);
    char *text = json_dumps(message, JSON_COMPACT);

    (void)puts(text);
    (void)fflush(stdout);
    free(text);
    json_decref(message);
}

static json_t *hello(void)
{
    return json_pack("{s:s, s:{s:{s:b}}, s:{s:s, s:s}}", "protocolVersion", "2025-06-18",
                     "capabilities", "tools", "listChanged", 1, "serverInfo", "name", "echo",
                     "version", "1");
}

static json_t *tools(void)
{
    return json_pack("{s:[{s:s, s:s, s:{s:s, s:{s:{s:s}}}}]}", "tools", "name", "echo",
                     "description", "Says it back.", "inputSchema", "type", "object", "properties",
                     "text", "type", "string");
}

static json_t *echo(const json_t *params)
{
    const json_t *text = json_object_get(json_object_get(params, "arguments"), "text");

    return json_pack("{s:[{s:s, s:s}], s:b}", "content", "type", "text", "text",
                     json_is_string(text) ? json_string_value(text) : "text is no string",
                     "isError", !json_is_string(text));
}

static void handle(const json_t *message)
{
    const json_t *id = json_object_get(message, "id");
    const char *method = json_string_value(json_object_get(message, "method"));

    if (id == NULL || method == NULL)
        return; /* a notification, or an answer to nothing that was asked */
    if (strcmp(method, "initialize") == 0)
        answer(id, "result", hello());
    else if (strcmp(method, "tools/list") == 0)
        answer(id, "result", tools());
    else if (strcmp(method, "tools/call") == 0)
        answer(id, "result", echo(json_object_get(message, "params")));
    else if (strcmp(method, "ping") == 0)
        answer(id, "result", json_object());
    else
        answer(id, "error", json_pack("{s:i, s:s}", "code", -32601, "message", "no such method"));
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        json_t *message = json_loads(line, 0, NULL);
        handle(message);
        json_decref(message);
    }
    free(line);
    return 0;
}
