/* SPDX-License-Identifier: Apache-2.0 */
#include "trace_span.h"

#include <string.h>

bool trace_span_is_wanted(const struct parley_span *span)
{
    return span_has_ids(span) && span_role(span) != SPAN_ROLE_OTHER;
}

/* Conversations are judged by their thread: the session. */
static void add_trace(struct dress *d, const struct trace_span_config *config,
                      const struct parley_attrs *a, struct parley_attr *tags)
{
    dress_text(d, "confident.trace.name", attr_text(a, "gen_ai.agent.name"), 0);
    dress_text(d, "confident.trace.thread_id", attr_text(a, "session.id"), 0);
    dress_text(d, "confident.trace.user_id", attr_text(a, "user.id"), 0);
    dress_str(d, "confident.trace.environment", config->environment);
    dress_str(d, "confident.trace.metric_collection", config->metric_collection);
    if (tags->string.len > 0)
        dress_copy(d, tags);
}

/* The list's items with a NUL between two, as attributes hold them. */
static struct parley_attr tags_attr(const struct parley_list *tags, struct arena *arena)
{
    struct parley_attr a = {.key = "confident.trace.tags", .type = PARLEY_ATTR_LIST};
    size_t len = 0, at = 0;

    for (size_t i = 0; i < tags->count; i++)
        len += strlen(tags->items[i]) + 1;
    char *text = len == 0 ? NULL : arena_alloc(arena, len);
    for (size_t i = 0; text != NULL && i < tags->count; i++) {
        size_t n = strlen(tags->items[i]) + 1;
        memcpy(text + at, tags->items[i], n);
        at += n;
    }
    if (text != NULL)
        a.string = (struct parley_view){text, len - 1};
    return a;
}

static void add_content(struct dress *d, const char *key, const struct parley_attrs *a,
                        const char *from)
{
    dress_text(d, key, attr_text(a, from), PARLEY_ATTR_CONTENT);
}

static void add_turn(struct dress *d, const struct parley_attrs *a)
{
    dress_str(d, "confident.span.type", "agent");
    dress_text(d, "confident.agent.name", attr_text(a, "gen_ai.agent.name"), 0);
    add_content(d, "confident.span.input", a, "gen_ai.input.messages");
    add_content(d, "confident.span.output", a, "gen_ai.output.messages");
    add_content(d, "confident.trace.input", a, "gen_ai.input.messages");
    add_content(d, "confident.trace.output", a, "gen_ai.output.messages");
}

static void add_answer(struct dress *d, const struct parley_attrs *a)
{
    struct parley_view model = attr_text(a, "gen_ai.response.model");

    dress_str(d, "confident.span.type", "llm");
    dress_text(d, "confident.llm.model",
               model.len > 0 ? model : attr_text(a, "gen_ai.request.model"), 0);
    dress_text(d, "confident.span.provider", attr_text(a, "gen_ai.provider.name"), 0);
    if (attr_find(a, "gen_ai.usage.input_tokens") != NULL)
        dress_int(d, "confident.llm.input_token_count", attr_int(a, "gen_ai.usage.input_tokens"));
    if (attr_find(a, "gen_ai.usage.output_tokens") != NULL)
        dress_int(d, "confident.llm.output_token_count", attr_int(a, "gen_ai.usage.output_tokens"));
    add_content(d, "confident.span.output", a, "gen_ai.output.messages");
}

static void add_tool(struct dress *d, const struct parley_attrs *a)
{
    dress_str(d, "confident.span.type", "tool");
    dress_text(d, "confident.tool.name", attr_text(a, "gen_ai.tool.name"), 0);
    add_content(d, "confident.span.input", a, "gen_ai.tool.call.arguments");
    add_content(d, "confident.span.output", a, "gen_ai.tool.call.result");
}

static void add_own(struct dress *d, const struct parley_span *span)
{
    switch (span_role(span)) {
    case SPAN_ROLE_TURN:
        add_turn(d, &span->attrs);
        break;
    case SPAN_ROLE_ANSWER:
        add_answer(d, &span->attrs);
        break;
    case SPAN_ROLE_TOOL:
        add_tool(d, &span->attrs);
        break;
    case SPAN_ROLE_OTHER:
        dress_str(d, "confident.span.type", "base");
        break;
    }
}

bool trace_span_dress(const struct trace_span_config *config, const struct parley_span *span,
                      struct arena *arena, struct parley_span *ret)
{
    struct parley_attr tags = tags_attr(config->tags, arena);
    struct dress d;

    if (!dress_begin(&d, arena))
        return false;
    add_own(&d, span);
    add_trace(&d, config, &span->attrs, &tags);
    for (uint32_t i = 0; i < span->attrs.count; i++)
        dress_copy(&d, attr_at(&span->attrs, i));
    *ret = *span;
    ret->attrs = dress_attrs(&d);
    /* A parent of the client's own is not there, and what it is the parent of would hang loose: a
     * turn, and an answer or a tool call beside the turns. */
    if (span_role(span) == SPAN_ROLE_TURN || (span->flags & PARLEY_SPAN_PARENT_REMOTE) != 0) {
        memset(ret->parent_span_id, 0, sizeof(ret->parent_span_id));
        ret->flags &= ~PARLEY_SPAN_PARENT_REMOTE;
    }
    return true;
}
