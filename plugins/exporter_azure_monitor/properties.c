/* SPDX-License-Identifier: Apache-2.0 */
#include "properties.h"

#include "tags.h"

#include "parts/otlp/dress.h"

#include <stdio.h>
#include <string.h>

#define ROOM_FOR_END 256 /* what follows the properties of an item */

static bool begins(const char *key, const char *with)
{
    return strncmp(key, with, strlen(with)) == 0;
}

static bool is_one_of(const char *key, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(key, *names) == 0)
            return true;
    }
    return false;
}

/* Microsoft's own switches, but for those that its views of agents read. */
static bool is_microsofts(const char *key)
{
    static const char *const read[] = {
        "microsoft.gen_ai.main_agent.name", "microsoft.gen_ai.main_agent.id",
        "microsoft.gen_ai.main_agent.version", "microsoft.gen_ai.main_agent.conversation_id", NULL};

    return begins(key, "microsoft.") && !is_one_of(key, read);
}

static bool is_mapped(const struct properties *p, const struct parley_attr *a)
{
    static const char *const fields[] = {"user.id", "enduser.id", "enduser.pseudo.id",
                                         "ai.operation.name", NULL};
    static const char *const exceptions[] = {"exception.type", "exception.message",
                                             "exception.stacktrace", NULL};

    if (is_microsofts(a->key))
        return true;
    if (p->is_metric)
        return false;
    if (p->is_exception && is_one_of(a->key, exceptions))
        return true;
    if (p->is_http &&
        (begins(a->key, "http.") || begins(a->key, "url.") || begins(a->key, "network.") ||
         begins(a->key, "server.") || begins(a->key, "client.") || begins(a->key, "user_agent.")))
        return true;
    if (strcmp(a->key, "session.id") == 0)
        return a->string.len <= TAG_SESSION; /* a longer one is whole only here */
    return is_one_of(a->key, fields);
}

static size_t limit_of(const char *key)
{
    static const char *const said[] = {"gen_ai.input.messages",         "gen_ai.output.messages",
                                       "gen_ai.system_instructions",    "gen_ai.tool.definitions",
                                       "gen_ai.tool.call.arguments",    "gen_ai.tool.call.result",
                                       "gen_ai.evaluation.explanation", NULL};

    return is_one_of(key, said) ? PROPERTY_SAID : PROPERTY_VALUE;
}

void properties_begin(struct properties *p)
{
    json_key(p->out, "properties");
    json_raw(p->out, "{");
}

void properties_add(struct properties *p, const char *key, struct parley_view text)
{
    struct json *out = p->out;
    size_t limit = limit_of(key), before = out->len;
    struct parley_view name = {key, json_cut((struct parley_view){key, strlen(key)}, PROPERTY_KEY)};

    if (text.len == 0 || name.len == 0)
        return;
    if (out->len > 0 && out->data[out->len - 1] != '{')
        json_raw(out, ",");
    json_text(out, name, PROPERTY_KEY);
    json_raw(out, ":");
    json_text(out, text, limit);
    if (limit == PROPERTY_SAID) {
        p->said += out->len - before;
    } else if (out->len - p->item_at - p->said > PROPERTY_ITEM - ROOM_FOR_END) {
        out->len = before;
        p->left_out++;
    }
}

/* The parts of a list, which a NUL stands between, as JSON. */
static void add_list(struct properties *p, const char *key, struct parley_view list)
{
    struct json text = {0};

    json_raw(&text, "[");
    while (list.len > 0) {
        const char *end = memchr(list.data, '\0', list.len);
        size_t len = end == NULL ? list.len : (size_t)(end - list.data);
        if (text.len > 1)
            json_raw(&text, ",");
        json_text(&text, (struct parley_view){list.data, len}, PROPERTY_VALUE);
        list.data += len + (end != NULL);
        list.len -= len + (end != NULL);
    }
    json_raw(&text, "]");
    if (text.failed)
        p->out->failed = true;
    else
        properties_add(p, key, (struct parley_view){text.data, text.len});
    json_done(&text);
}

static void add_number(struct properties *p, const struct parley_attr *a)
{
    char text[40];

    if (a->type == PARLEY_ATTR_DOUBLE)
        (void)snprintf(text, sizeof(text), "%.15g", a->number);
    else if (a->type == PARLEY_ATTR_BOOL)
        (void)snprintf(text, sizeof(text), "%s", a->integer != 0 ? "true" : "false");
    else
        (void)snprintf(text, sizeof(text), "%lld", (long long)a->integer);
    properties_add(p, a->key, (struct parley_view){text, strlen(text)});
}

static void add_attr(struct properties *p, const struct parley_attr *a)
{
    switch (a->type) {
    case PARLEY_ATTR_INT:
    case PARLEY_ATTR_DOUBLE:
    case PARLEY_ATTR_BOOL:
        add_number(p, a);
        break;
    case PARLEY_ATTR_LIST:
        add_list(p, a->key, a->string);
        break;
    case PARLEY_ATTR_STRING:
        properties_add(p, a->key, a->string);
        break;
    default: /* of a newer host */
        break;
    }
}

void properties_add_attrs(struct properties *p, const struct parley_attrs *attrs)
{
    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct parley_attr *a = attr_at(attrs, i);
        bool is_secret = (a->flags & PARLEY_ATTR_CONTENT) != 0 && !p->with_content;
        if (!is_secret && !is_mapped(p, a))
            add_attr(p, a);
    }
}

void properties_end(struct properties *p)
{
    char text[16];

    if (p->left_out > 0) {
        (void)snprintf(text, sizeof(text), "%u", (unsigned)p->left_out);
        p->item_at = p->out->len; /* the reserve is for this */
        p->said = 0;
        properties_add(p, "parley.properties_left_out", (struct parley_view){text, strlen(text)});
    }
    json_raw(p->out, "}");
}
