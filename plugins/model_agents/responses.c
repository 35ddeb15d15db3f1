/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's Responses API as Foundry and Agent Framework host it. Hosts differ in how much they
 * send: some only text deltas without ids. So nothing is needed but `type` and the member at hand.
 */
#include <stdlib.h>
#include <string.h>

#include "talk.h"
#include "value.h"

/* ---- the request ---- */

static json_t *part_of(const json_t *part, bool is_answer)
{
    const char *words = value_str(part, "text");

    if (value_is(part, "type", "input_image"))
        return json_pack("{s:s, s:s}", "type", "input_image", "image_url",
                         value_str(part, "image_url"));
    if (words[0] == '\0')
        words = value_str(part, "transcript");
    return words[0] == '\0' ? NULL
                            : json_pack("{s:s, s:s}", "type",
                                        is_answer ? "output_text" : "input_text", "text", words);
}

static void add_message(json_t *input, const json_t *item)
{
    json_t *parts = json_array();
    const json_t *part = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        json_t *own = part_of(part, value_is(item, "role", "assistant"));
        if (own != NULL)
            json_array_append_new(parts, own);
    }
    if (json_array_size(parts) > 0)
        json_array_append_new(input, json_pack("{s:s, s:s, s:O}", "type", "message", "role",
                                               value_str(item, "role"), "content", parts));
    json_decref(parts);
}

static void add_item(json_t *input, const json_t *item)
{
    if (value_is(item, "type", "function_call"))
        json_array_append_new(input,
                              json_pack("{s:s, s:s, s:s, s:s}", "type", "function_call", "call_id",
                                        value_str(item, "call_id"), "name", value_str(item, "name"),
                                        "arguments", value_str(item, "arguments")));
    else if (value_is(item, "type", "function_call_output"))
        json_array_append_new(input, json_pack("{s:s, s:s, s:s}", "type", "function_call_output",
                                               "call_id", value_str(item, "call_id"), "output",
                                               value_str(item, "output")));
    else
        add_message(input, item);
}

static json_t *input_of(struct talk *t)
{
    if (t->server->history == HISTORY_SEND)
        talk_forget(t);
    json_t *news = talk_news(t), *input = json_array(), *item = NULL;
    size_t i = 0;

    json_array_foreach(news, i, item) add_item(input, item);
    if (json_array_size(input) == 0 && !t->server->must_pass_instructions)
        json_array_append_new(input, json_pack("{s:s, s:s, s:s}", "type", "message", "role",
                                               "system", "content", t->turn.instructions));
    json_decref(news);
    return input;
}

static void set_agent(const struct agent_server *server, json_t *body)
{
    const char *field = server->agent_field == AGENT_PLAIN ? "agent" : "agent_reference";

    if (server->agent[0] == '\0')
        return;
    json_t *agent = json_pack("{s:s, s:s}", "type", "agent_reference", "name", server->agent);
    if (server->agent_version[0] != '\0')
        json_object_set_new(agent, "version", json_string(server->agent_version));
    json_object_set_new(body, field, agent);
}

static void set_past(const struct talk *t, json_t *body)
{
    if (t->server->history == HISTORY_CONVERSATION && t->conversation[0] != '\0')
        json_object_set_new(body, "conversation", json_string(t->conversation));
    if (t->server->history == HISTORY_RESPONSE && t->response[0] != '\0')
        json_object_set_new(body, "previous_response_id", json_string(t->response));
    if (t->agent_session[0] != '\0')
        json_object_set_new(body, "agent_session_id", json_string(t->agent_session));
}

/* Hosted agents refuse what is not theirs to be told; then these are left out. */
static void set_wishes(const struct talk *t, json_t *body)
{
    const struct agent_server *server = t->server;

    if (server->model[0] != '\0')
        json_object_set_new(body, "model", json_string(server->model));
    if (server->must_pass_instructions && t->turn.instructions[0] != '\0')
        json_object_set_new(body, "instructions", json_string(t->turn.instructions));
    if (!server->must_pass_tools)
        return;
    if (t->turn.max_output_tokens > 0)
        json_object_set_new(body, "max_output_tokens", json_integer(t->turn.max_output_tokens));
    if (json_array_size(t->turn.tools) == 0)
        return;
    json_t *tools = json_deep_copy(t->turn.tools), *tool = NULL;
    size_t i = 0;
    json_array_foreach(tools, i, tool)
    {
        json_object_del(tool, "annotations");
    }
    json_object_set_new(body, "tools", tools);
    if (t->turn.tool_choice != NULL)
        json_object_set(body, "tool_choice", t->turn.tool_choice);
}

static int ask(struct talk *t, struct errand *ret, struct parley_error *err)
{
    json_t *body = json_pack("{s:b, s:o}", "stream", 1, "input", input_of(t));

    set_agent(t->server, body);
    set_past(t, body);
    set_wishes(t, body);
    t->next_response[0] = '\0';
    *ret = (struct errand){
        .method = "POST",
        .url = talk_url(t->server->base_url, "/responses"),
        .body = body == NULL ? NULL : json_dumps(body, JSON_COMPACT),
    };
    json_decref(body);
    return ret->url != NULL && ret->body != NULL
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request");
}

static bool prepare(const struct talk *t, struct errand *ret)
{
    if (t->server->history != HISTORY_CONVERSATION || t->conversation[0] != '\0')
        return false;
    const char *given = t->server->conversations_url;
    *ret = (struct errand){
        .method = "POST",
        .url = given[0] != '\0' ? strdup(given) : talk_url(t->server->base_url, "/conversations"),
        .body = strdup("{}"),
    };
    return true;
}

static int prepared(struct talk *t, struct parley_view body, struct parley_error *err)
{
    json_t *tree = json_loadb(body.data, body.len, 0, NULL);

    talk_keep(t->conversation, value_str(tree, "id"));
    json_decref(tree);
    return t->conversation[0] != '\0'
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_PROTOCOL,
                             "the agent's host made a conversation without an id; check base_url, "
                             "or conversations_url, or use history = response");
}

/* ---- the stream ---- */

static void read_usage(struct answer *a, const json_t *usage)
{
    if (!json_is_object(usage))
        return;
    a->has_usage = true;
    a->usage.input_tokens = value_count(usage, "input_tokens");
    a->usage.output_tokens = value_count(usage, "output_tokens");
    a->usage.cached_tokens =
        value_count(json_object_get(usage, "input_tokens_details"), "cached_tokens");
}

static void read_response(struct talk *t, const json_t *response)
{
    const json_t *session = json_object_get(response, "agent_session_id");

    t->answer.is_begun = true;
    talk_keep(t->next_response, value_str(response, "id"));
    if (json_is_string(session))
        talk_keep(t->agent_session, json_string_value(session));
    read_usage(&t->answer, json_object_get(response, "usage"));
}

/* A code that the caller can branch on, and whether trying again may help. */
static int status_of(const char *code)
{
    if (strcmp(code, "rate_limit_exceeded") == 0)
        return PARLEY_E_BUSY;
    if (strncmp(code, "invalid", 7) == 0)
        return PARLEY_E_INVALID;
    return PARLEY_E_UNAVAILABLE;
}

static void read_error(struct answer *a, const json_t *error)
{
    const char *code = value_str(error, "code"), *words = value_str(error, "message");

    answer_fail(a, status_of(code), "the agent failed: %.300s", words[0] == '\0' ? code : words);
    (void)snprintf(a->err.code, sizeof(a->err.code), "%.63s", code);
}

/* The id under which a call's output and its pieces are found. */
static struct answer_call *call_of(struct answer *a, const json_t *item)
{
    const char *key = value_str(item, "call_id")[0] != '\0' ? "call_id" : "id";

    return answer_call(a, value_view(item, key));
}

static void read_call(struct answer *a, const json_t *item)
{
    struct answer_call *call = call_of(a, item);

    if (call == NULL)
        return;
    text_clear(&call->name);
    text_clear(&call->arguments);
    answer_add(a, &call->name, value_view(item, "name"));
    answer_add(a, &call->arguments, value_view(item, "arguments"));
}

static void add_output(struct answer *a, struct answer_call *call, const json_t *output)
{
    char *text = json_is_string(output) ? NULL : json_dumps(output, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *words = json_is_string(output) ? json_string_value(output) : text;

    if (words != NULL && !json_is_null(output))
        answer_add(a, &call->output, (struct parley_view){words, strlen(words)});
    free(text);
}

static void read_output(struct answer *a, const json_t *item)
{
    struct answer_call *call = call_of(a, item);

    if (call == NULL)
        return;
    if (!call->has_output)
        add_output(a, call, json_object_get(item, "output"));
    call->has_output = true;
    answer_show(a, call);
}

/* Whole calls of MCP, and of tools that the service has itself: web_search_call, ... */
static void read_hosted_call(struct answer *a, const json_t *item, const char *type)
{
    struct answer_call *call = answer_call(a, value_view(item, "id"));
    const char *name = value_str(item, "name")[0] == '\0' ? type : value_str(item, "name");
    const json_t *error = json_object_get(item, "error");

    if (call == NULL || call->is_told)
        return;
    answer_add(a, &call->name, (struct parley_view){name, strlen(name)});
    answer_add(a, &call->arguments, value_view(item, "arguments"));
    call->has_failed = value_is(item, "status", "failed") || (error && !json_is_null(error));
    add_output(a, call, json_object_get(item, call->has_failed ? "error" : "output"));
    call->has_output = true;
    answer_show(a, call);
}

static bool ends_in(const char *text, const char *tail)
{
    size_t len = strlen(text), more = strlen(tail);

    return len > more && strcmp(text + len - more, tail) == 0;
}

/* Hosts that do not stream, or send messages whole, have the text in the item alone. */
static void read_message(struct answer *a, const json_t *item)
{
    const json_t *part = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        answer_text(a, value_view(part, value_is(part, "type", "refusal") ? "refusal" : "text"));
    }
}

static void read_item(struct answer *a, const json_t *item)
{
    const char *type = value_str(item, "type");

    if (strcmp(type, "function_call") == 0)
        read_call(a, item);
    else if (ends_in(type, "_call_output"))
        read_output(a, item);
    else if (ends_in(type, "_call"))
        read_hosted_call(a, item, type);
    else if (strcmp(type, "message") == 0 && a->said.len == 0)
        read_message(a, item);
}

static void read_output_items(struct answer *a, const json_t *response)
{
    const json_t *item = NULL;
    bool is_silent = a->said.len == 0;
    size_t i = 0;

    json_array_foreach(json_object_get(response, "output"), i, item)
    {
        if (value_is(item, "type", "message") && is_silent)
            read_message(a, item);
        else
            read_item(a, item);
    }
}

static void read_incomplete(struct answer *a, const json_t *response)
{
    const json_t *details = json_object_get(response, "incomplete_details");

    a->finish = value_is(details, "reason", "content_filter") ? PARLEY_CHAT_CONTENT_FILTER
                                                              : PARLEY_CHAT_MAX_TOKENS;
}

/* The last word of a response, by an event or by its status. */
static void read_end(struct talk *t, const json_t *response, const char *status)
{
    struct answer *a = &t->answer;

    read_response(t, response);
    a->is_over = true;
    if (strcmp(status, "failed") == 0)
        read_error(a, json_object_get(response, "error"));
    else if (strcmp(status, "cancelled") == 0)
        answer_fail(a, PARLEY_E_UNAVAILABLE, "the agent's host has cancelled the answer");
    else if (strcmp(status, "incomplete") == 0)
        read_incomplete(a, response);
    read_output_items(a, response);
}

static bool is_end(const char *status)
{
    static const char *const ends[] = {"completed", "failed", "incomplete", "cancelled"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(status, ends[i]) == 0)
            return true;
    }
    return false;
}

static void event(struct talk *t, const json_t *event)
{
    const char *type = value_str(event, "type");
    const json_t *response = json_object_get(event, "response");
    struct answer *a = &t->answer;

    if (strcmp(type, "response.output_text.delta") == 0 ||
        strcmp(type, "response.refusal.delta") == 0)
        answer_text(a, value_view(event, "delta"));
    else if (strcmp(type, "response.output_item.done") == 0)
        read_item(a, json_object_get(event, "item"));
    else if (strcmp(type, "error") == 0)
        read_error(a, json_is_object(json_object_get(event, "error"))
                          ? json_object_get(event, "error")
                          : event);
    else if (strncmp(type, "response.", 9) == 0 && is_end(type + 9))
        read_end(t, response, type + 9);
    else if (response != NULL)
        read_response(t, response);
    else if (value_is(event, "object", "response"))
        read_end(t, event, value_str(event, "status"));
}

static void over(struct talk *t)
{
    if (!t->answer.is_over)
        answer_fail(&t->answer, PARLEY_E_UNAVAILABLE,
                    t->answer.is_begun || t->answer.said.len > 0
                        ? "the agent's answer broke off"
                        : "the agent's host answered nothing that a Responses server says; check "
                          "base_url, which ends before /responses");
}

/* Only responses in the background can be cancelled by a call. */
static bool call_off(const struct talk *t, struct errand *ret)
{
    (void)t;
    (void)ret;
    return false;
}

const struct protocol protocol_responses = {
    .prepare = prepare,
    .prepared = prepared,
    .ask = ask,
    .event = event,
    .over = over,
    .call_off = call_off,
};
