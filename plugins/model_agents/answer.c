/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "value.h"

void answer_init(struct answer *a, const struct parley_chat_host *host, parley_op op,
                 bool must_show_calls)
{
    *a = (struct answer){
        .host = host,
        .op = op,
        .must_show_calls = must_show_calls && host->size >= sizeof(*host),
        .usage = {.size = sizeof(a->usage)},
        .err = PARLEY_ERROR_INIT,
    };
}

void answer_done(struct answer *a)
{
    for (size_t i = 0; i < a->call_count; i++) {
        text_done(&a->calls[i].id);
        text_done(&a->calls[i].name);
        text_done(&a->calls[i].arguments);
        text_done(&a->calls[i].output);
    }
    a->call_count = 0;
    text_done(&a->said);
}

void answer_fail(struct answer *a, int status, const char *format, ...)
{
    va_list args;

    if (a->err.status < 0)
        return;
    a->err.status = status;
    va_start(args, format);
    (void)vsnprintf(a->err.message, sizeof(a->err.message), format, args);
    va_end(args);
}

void answer_text(struct answer *a, struct parley_view delta)
{
    if (delta.len == 0 || a->err.status < 0)
        return;
    if (text_append(&a->said, delta, ANSWER_MAX_BYTES))
        a->host->text(a->op, delta);
    else
        answer_fail(a, PARLEY_E_TOO_LARGE, "the agent's answer is longer than 4 MiB");
}

struct answer_call *answer_call(struct answer *a, struct parley_view id)
{
    for (size_t i = 0; i < a->call_count; i++) {
        if (view_equal(text_view(&a->calls[i].id), id))
            return &a->calls[i];
    }
    if (a->call_count == ANSWER_MAX_CALLS) {
        answer_fail(a, PARLEY_E_TOO_LARGE, "the agent made more than %d calls in one answer",
                    ANSWER_MAX_CALLS);
        return NULL;
    }
    struct answer_call *call = &a->calls[a->call_count++];
    *call = (struct answer_call){0};
    answer_add(a, &call->id, id);
    return call;
}

void answer_add(struct answer *a, struct text *t, struct parley_view more)
{
    if (!text_append(t, more, ANSWER_MAX_BYTES))
        answer_fail(a, PARLEY_E_TOO_LARGE, "a call of the agent is longer than 4 MiB");
}

void answer_show(struct answer *a, struct answer_call *call)
{
    if (!a->must_show_calls || call->is_told || call->name.len == 0 || a->err.status < 0)
        return;
    call->is_told = true;
    const struct parley_chat_agent_call shown = {
        .size = sizeof(shown),
        .status = call->has_failed ? PARLEY_E_UNAVAILABLE : PARLEY_OK,
        .name = text_view(&call->name),
        .arguments = text_view(&call->arguments),
        .output = text_view(&call->output),
    };
    a->host->agent_call(a->op, &shown);
}

bool answer_is_ours(const struct answer_call *call, const json_t *tools)
{
    const json_t *tool = NULL;
    size_t i = 0;

    if (call->has_output || call->name.len == 0)
        return false;
    json_array_foreach(tools, i, tool)
    {
        if (strcmp(value_str(tool, "name"), text_str(&call->name)) == 0)
            return true;
    }
    return false;
}

/* The tool's schema tells an agent what is missing when its arguments are no object. */
static struct parley_view arguments_of(const struct answer_call *call)
{
    json_t *tree = json_loadb(text_str(&call->arguments), call->arguments.len, 0, NULL);
    bool is_good = json_is_object(tree);

    json_decref(tree);
    return is_good ? text_view(&call->arguments) : (struct parley_view)PARLEY_VIEW("{}");
}

void answer_end(struct answer *a, const json_t *tools)
{
    for (size_t i = 0; i < a->call_count && a->err.status == PARLEY_OK; i++) {
        struct answer_call *call = &a->calls[i];
        if (answer_is_ours(call, tools))
            a->host->call(a->op, text_view(&call->name), arguments_of(call));
        else
            answer_show(a, call);
    }
    if (a->err.status < 0)
        a->host->end(a->op, a->err.status, 0, NULL, &a->err);
    else
        a->host->end(a->op, PARLEY_OK, a->finish, a->has_usage ? &a->usage : NULL, NULL);
}
