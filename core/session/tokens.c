/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of the client's own for sections of tools, handed in as MCP tools without an address:
 *
 *     {"type": "mcp", "server_label": "crm", "authorization": "..."}
 *
 * They are kept here and nowhere else: they are taken out of an update before anything is made of
 * it, so that neither the model nor the echo, the store or the log ever has them.
 */
#include "base/json.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TOKENS 16
#define MAX_TOKEN  16384

struct token {
    struct token *next;
    char *label; /* the section's name */
    char *text;
};

static void token_free(struct token *t)
{
    if (t->text != NULL)
        explicit_bzero(t->text, strlen(t->text));
    free(t->text);
    free(t->label);
    free(t);
}

/* ---- which entries ---- */

static bool is_token(const json_t *tool)
{
    static const char *const addresses[] = {"server_url", "connector_id", "tunnel_id"};

    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        json_t *address = json_object_get(tool, addresses[i]);
        if (address != NULL && !json_is_null(address))
            return false;
    }
    return view_is(json_get_view(tool, "type"), "mcp") &&
           json_object_get(tool, "authorization") != NULL;
}

static bool has_any(const json_t *tools)
{
    size_t i;
    json_t *tool;

    json_array_foreach(tools, i, tool)
    {
        if (is_token(tool))
            return true;
    }
    return false;
}

/* ---- what is wrong with one ---- */

/* One of the agent's, or NULL. */
static const struct worker_instance *section_of(const struct session *s, struct parley_view label)
{
    const struct parley_list *list = &s->agent->config->tools;

    for (size_t i = 0; i < list->count; i++) {
        struct parley_view rest = view_of(list->items[i]), head;
        char name[64];
        (void)view_split(&rest, '.', &head);
        if (!view_equal(head, label))
            continue;
        view_copy(name, sizeof(name), head);
        return worker_generation_tools(s->wg, name);
    }
    return NULL;
}

static bool is_printable(struct parley_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return text.len > 0 && text.len <= MAX_TOKEN;
}

/* False after it was said. The value itself is not repeated in any message. */
static bool check(struct session *s, const json_t *tool, size_t place, struct parley_view event_id)
{
    struct parley_view label = json_get_view(tool, "server_label");
    json_t *value = json_object_get(tool, "authorization");
    const struct worker_instance *wi = section_of(s, label);
    char param[64];

    (void)snprintf(param, sizeof(param), "session.tools[%zu].%s", place,
                   wi == NULL ? "server_label" : "authorization");
    if (wi == NULL) {
        say_fault(s, RT_ERROR_INVALID_VALUE, param, event_id,
                  "The agent has no tools called '%.*s'; an MCP tool without an address hands in a "
                  "token for some that it has.",
                  (int)(label.len > 60 ? 60 : label.len), label.data);
        return false;
    }
    if (!instance_takes_session_token(wi->instance)) {
        say_fault(s, RT_ERROR_INVALID_VALUE, param, event_id,
                  "The tools '%s' take no authorization from clients.", wi->instance->name);
        return false;
    }
    if (json_is_null(value) || (json_is_string(value) && is_printable(json_view(value))))
        return true;
    say_fault(s, RT_ERROR_INVALID_VALUE, param, event_id,
              "A token is a string of 1 to %d visible ASCII characters, without 'Bearer' in front "
              "of it; null takes it away.",
              MAX_TOKEN);
    return false;
}

/* ---- taking them out ---- */

/* Both get new references. */
static void split(const json_t *tools, json_t *rest, json_t *tokens)
{
    size_t i;
    json_t *tool;

    json_array_foreach(tools, i, tool)
    {
        json_array_append(is_token(tool) ? tokens : rest, tool);
    }
}

bool tokens_split(struct session *s, const json_t *update, struct parley_view event_id,
                  json_t **ret_rest, json_t **ret_tokens)
{
    const json_t *tools = json_object_get(update, "tools");
    size_t i;
    json_t *tool;

    *ret_tokens = NULL;
    *ret_rest = NULL;
    if (!has_any(tools))
        return true;
    json_array_foreach(tools, i, tool)
    {
        if (is_token(tool) && !check(s, tool, i, event_id))
            return false;
    }
    json_t *rest = json_array(), *tokens = json_array();
    split(tools, rest, tokens);
    *ret_rest = json_copy((json_t *)(uintptr_t)update);
    *ret_tokens = tokens;
    /* An update of nothing but tokens leaves the client's own tools as they are. */
    if (json_array_size(rest) > 0)
        (void)json_object_set(*ret_rest, "tools", rest);
    else
        (void)json_object_del(*ret_rest, "tools");
    json_decref(rest);
    return true;
}

/* ---- keeping them ---- */

static void drop(struct session *s, struct parley_view label)
{
    for (struct token **at = &s->tokens; *at != NULL; at = &(*at)->next) {
        struct token *t = *at;
        if (!view_is(label, t->label))
            continue;
        *at = t->next;
        token_free(t);
        return;
    }
}

static size_t count(const struct session *s)
{
    size_t n = 0;

    for (const struct token *t = s->tokens; t != NULL; t = t->next)
        n++;
    return n;
}

static void keep(struct session *s, struct parley_view label, struct parley_view text)
{
    struct token *t = count(s) < MAX_TOKENS ? calloc(1, sizeof(*t)) : NULL;

    if (t == NULL)
        return; /* the call is made without, and the server refuses it */
    t->label = view_dup(label);
    t->text = view_dup(text);
    if (t->label == NULL || t->text == NULL) {
        token_free(t);
        return;
    }
    t->next = s->tokens;
    s->tokens = t;
}

void tokens_keep(struct session *s, const json_t *tokens)
{
    size_t i;
    json_t *tool;

    json_array_foreach(tokens, i, tool)
    {
        struct parley_view label = json_get_view(tool, "server_label");
        json_t *value = json_object_get(tool, "authorization");
        drop(s, label);
        if (json_is_string(value))
            keep(s, label, json_view(value));
    }
}

const char *tokens_find(const struct session *s, const char *label)
{
    for (const struct token *t = s->tokens; t != NULL; t = t->next) {
        if (strcmp(t->label, label) == 0)
            return t->text;
    }
    return NULL;
}

void tokens_done(struct session *s)
{
    struct token *t;

    while ((t = s->tokens) != NULL) {
        s->tokens = t->next;
        token_free(t);
    }
}
