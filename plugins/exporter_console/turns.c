/* SPDX-License-Identifier: Apache-2.0 */
#include "turns.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct parley_attr *attr_at(const struct parley_attrs *attrs, uint32_t i)
{
    return (const void *)((const char *)attrs->items + (size_t)i * attrs->item_size);
}

static const struct parley_attr *find(const struct parley_span *s, const char *key)
{
    for (uint32_t i = 0; i < s->attrs.count; i++) {
        const struct parley_attr *a = attr_at(&s->attrs, i);
        if (strcmp(a->key, key) == 0)
            return a;
    }
    return NULL;
}

/* Append, cut between characters when it does not fit. */
static void append(char *out, size_t size, const char *text, size_t len)
{
    size_t at = strlen(out);

    if (len > size - 1 - at) {
        len = size - 1 - at;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(out + at, text, len);
    out[at + len] = '\0';
}

static void copy_attr(char *out, size_t size, const struct parley_span *s, const char *key)
{
    const struct parley_attr *a = find(s, key);

    if (a == NULL || (a->type != PARLEY_ATTR_STRING && a->type != PARLEY_ATTR_LIST))
        return;
    out[0] = '\0';
    append(out, size, a->string.data, a->string.len);
}

static int64_t int_attr(const struct parley_span *s, const char *key)
{
    const struct parley_attr *a = find(s, key);

    return a != NULL && a->type == PARLEY_ATTR_INT ? a->integer : 0;
}

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 0;
}

static bool is_operation(const struct parley_span *s, const char *operation)
{
    size_t len = strlen(operation);

    return strncmp(s->name, operation, len) == 0 && (s->name[len] == '\0' || s->name[len] == ' ');
}

static struct turn *turn_of(struct turns *turns, const uint8_t trace_id[16],
                            const uint8_t root_id[8])
{
    struct turn *oldest = &turns->open[0];

    for (size_t i = 0; i < TURNS_MAX_OPEN; i++) {
        struct turn *t = &turns->open[i];
        if (t->serial != 0 && memcmp(t->trace_id, trace_id, 16) == 0 &&
            memcmp(t->root_id, root_id, 8) == 0)
            return t;
        if (t->serial < oldest->serial) /* also free places, whose serial is 0 */
            oldest = t;
    }
    *oldest = (struct turn){.serial = ++turns->last_serial, .first_seconds = -1};
    memcpy(oldest->trace_id, trace_id, 16);
    memcpy(oldest->root_id, root_id, 8);
    return oldest;
}

static void add_tool(struct turn *t, const struct parley_span *s)
{
    if (t->tool_count++ >= TURN_MAX_TOOLS)
        return;
    struct turn_tool *tool = &t->tools[t->tool_count - 1];
    *tool = (struct turn_tool){.seconds = seconds_between(s->start_unix_ns, s->end_unix_ns)};
    copy_attr(tool->name, sizeof(tool->name), s, "gen_ai.tool.name");
    if (s->status != PARLEY_SPAN_ERROR)
        return;
    (void)snprintf(tool->error, sizeof(tool->error), "failed");
    copy_attr(tool->error, sizeof(tool->error), s, "error.type");
}

static void add_tokens(struct turn *t, const struct parley_span *s)
{
    t->input_tokens += int_attr(s, "gen_ai.usage.input_tokens");
    t->output_tokens += int_attr(s, "gen_ai.usage.output_tokens");
}

/* Text parts of the last message of a list as the GenAI conventions shape it. */
static void copy_said(char *out, size_t size, const struct parley_span *s, const char *key)
{
    const struct parley_attr *a = find(s, key);
    json_t *list =
        a == NULL ? NULL : json_loadb(a->string.data, a->string.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *message = json_array_get(list, json_array_size(list) - 1);
    size_t i;
    json_t *part;

    json_array_foreach(json_object_get(message, "parts"), i, part)
    {
        const char *text = json_string_value(json_object_get(part, "content"));
        if (text == NULL)
            continue;
        append(out, size, " ", out[0] == '\0' ? 0 : 1);
        append(out, size, text, strlen(text));
    }
    json_decref(list);
}

/* The instant is an attribute of the root, or follows from its events. */
static double first_output(const struct parley_span *s)
{
    const struct parley_attr *a = find(s, "parley.turn.response_latency");

    if (a != NULL && a->type == PARLEY_ATTR_DOUBLE)
        return a->number;
    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct parley_span_event *e =
            (const void *)((const char *)s->events + (size_t)i * s->event_size);
        if (strcmp(e->name, "parley.client.first_output") == 0)
            return seconds_between(s->start_unix_ns, e->unix_ns);
    }
    return -1;
}

static void finish(struct turn *t, const struct parley_span *s, bool with_content)
{
    t->end_unix_ns = s->end_unix_ns;
    t->seconds = seconds_between(s->start_unix_ns, s->end_unix_ns);
    t->first_seconds = first_output(s);
    t->number = int_attr(s, "parley.turn.number");
    copy_attr(t->agent, sizeof(t->agent), s, "gen_ai.agent.name");
    copy_attr(t->session, sizeof(t->session), s, "session.id");
    copy_attr(t->model, sizeof(t->model), s, "gen_ai.request.model");
    copy_attr(t->end_reason, sizeof(t->end_reason), s, "parley.turn.end_reason");
    copy_attr(t->trigger, sizeof(t->trigger), s, "parley.turn.trigger");
    t->is_spoken = int_attr(s, "parley.audio.sent_ms") > 0;
    if (s->status == PARLEY_SPAN_ERROR) {
        (void)snprintf(t->error, sizeof(t->error), "failed");
        copy_attr(t->error, sizeof(t->error), s, "error.type");
    }
    if (find(s, "gen_ai.usage.input_tokens") != NULL) {
        t->input_tokens = t->output_tokens = 0;
        add_tokens(t, s);
    }
    if (with_content) {
        copy_said(t->user_said, sizeof(t->user_said), s, "gen_ai.input.messages");
        copy_said(t->agent_said, sizeof(t->agent_said), s, "gen_ai.output.messages");
    }
}

const struct turn *turns_add(struct turns *turns, const struct parley_span *span, bool with_content)
{
    bool is_root = is_operation(span, "invoke_agent");
    bool is_tool = is_operation(span, "execute_tool");
    bool is_answer = is_operation(span, "realtime_inference") || is_operation(span, "chat");

    if (!is_root && !is_tool && !is_answer)
        return NULL;
    struct turn *t = turn_of(turns, span->trace_id, is_root ? span->span_id : span->parent_span_id);
    if (is_tool)
        add_tool(t, span);
    if (is_answer) {
        add_tokens(t, span);
        copy_attr(t->model, sizeof(t->model), span, "gen_ai.request.model");
    }
    if (!is_root)
        return NULL;
    finish(t, span, with_content);
    t->serial = 0; /* free; its content stays until the next call */
    return t;
}
