/* SPDX-License-Identifier: Apache-2.0 */
#include "completion.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void completion_init(struct completion *c, const struct parley_chat_host *host, parley_op op)
{
    *c = (struct completion){
        .host = host,
        .op = op,
        .sse = {.limit = COMPLETION_MAX_BYTES},
        .usage = {.size = sizeof(c->usage)},
        .err = PARLEY_ERROR_INIT,
    };
}

static struct parley_view view_of(const json_t *string)
{
    return json_is_string(string)
               ? (struct parley_view){json_string_value(string), json_string_length(string)}
               : (struct parley_view){"", 0};
}

static bool fail(struct completion *c, int status, const char *what)
{
    if (c->err.status == PARLEY_OK)
        (void)parley_fail(&c->err, status, "%s", what);
    return false;
}

/* ---- pieces of calls ---- */

static size_t place_of(const struct completion *c, const json_t *piece)
{
    const json_t *index = json_object_get(piece, "index");

    if (json_is_integer(index) && json_integer_value(index) >= 0)
        return (size_t)json_integer_value(index);
    /* A server that leaves the index out sends calls whole, one after another. */
    return c->call_count;
}

/* Arguments are text in pieces; some servers send them as an object, at once. */
static bool add_arguments(struct completion_call *call, const json_t *arguments)
{
    if (json_is_object(arguments)) {
        char *text = json_dumps(arguments, JSON_COMPACT);
        bool is_kept =
            text != NULL && text_append(&call->arguments, (struct parley_view){text, strlen(text)},
                                        COMPLETION_MAX_BYTES);
        free(text);
        return is_kept;
    }
    return text_append(&call->arguments, view_of(arguments), COMPLETION_MAX_BYTES);
}

static bool add_call_piece(struct completion *c, const json_t *piece)
{
    const json_t *function = json_object_get(piece, "function");
    size_t at = place_of(c, piece);

    if (at >= COMPLETION_MAX_CALLS)
        return fail(c, PARLEY_E_TOO_LARGE, "the model made more calls at once than are taken");
    struct completion_call *call = &c->calls[at];
    if (at >= c->call_count)
        c->call_count = at + 1;
    return (text_append(&call->name, view_of(json_object_get(function, "name")), 256) &&
            add_arguments(call, json_object_get(function, "arguments"))) ||
           fail(c, PARLEY_E_TOO_LARGE, "a call's name or arguments are longer than is taken");
}

static bool add_calls(struct completion *c, const json_t *pieces)
{
    const json_t *piece = NULL;
    size_t i = 0;

    json_array_foreach(pieces, i, piece)
    {
        if (!add_call_piece(c, piece))
            return false;
    }
    return true;
}

/* ---- chunks ---- */

static void read_finish(struct completion *c, const json_t *reason)
{
    if (!json_is_string(reason))
        return;
    c->is_over = true;
    if (strcmp(json_string_value(reason), "length") == 0)
        c->finish = PARLEY_CHAT_MAX_TOKENS;
    else if (strcmp(json_string_value(reason), "content_filter") == 0)
        c->finish = PARLEY_CHAT_CONTENT_FILTER;
}

static void read_usage(struct completion *c, const json_t *usage)
{
    if (!json_is_object(usage))
        return;
    c->has_usage = true;
    c->usage.input_tokens = json_integer_value(json_object_get(usage, "prompt_tokens"));
    c->usage.output_tokens = json_integer_value(json_object_get(usage, "completion_tokens"));
    c->usage.cached_tokens = json_integer_value(
        json_object_get(json_object_get(usage, "prompt_tokens_details"), "cached_tokens"));
}

static bool read_error(struct completion *c, const json_t *error)
{
    struct parley_view message = view_of(json_object_get(error, "message"));

    if (message.len == 0)
        message = view_of(error);
    (void)parley_fail(&c->err, PARLEY_E_UNAVAILABLE, "the model's server gave up: %.*s",
                      (int)(message.len > 300 ? 300 : message.len), message.data);
    return false;
}

/* `said` is the delta of a chunk or the message of a whole answer. */
static bool read_said(struct completion *c, const json_t *said)
{
    struct parley_view text = view_of(json_object_get(said, "content"));

    if (text.len > 0)
        c->host->text(c->op, text);
    return add_calls(c, json_object_get(said, "tool_calls"));
}

static bool read_chunk(struct completion *c, const json_t *chunk)
{
    const json_t *error = json_object_get(chunk, "error");
    const json_t *choice = json_array_get(json_object_get(chunk, "choices"), 0);
    const json_t *said = json_object_get(choice, "delta");

    if (error != NULL && !json_is_null(error))
        return read_error(c, error);
    c->has_chunk = true;
    read_usage(c, json_object_get(chunk, "usage"));
    if (!read_said(c, said != NULL ? said : json_object_get(choice, "message")))
        return false;
    read_finish(c, json_object_get(choice, "finish_reason"));
    return true;
}

static bool read_text(struct completion *c, struct parley_view text)
{
    json_t *chunk = json_loadb(text.data, text.len, 0, NULL);
    bool is_good = chunk == NULL ? fail(c, PARLEY_E_PROTOCOL, "the server sent no JSON")
                                 : read_chunk(c, chunk);

    json_decref(chunk);
    return is_good;
}

static void on_event(void *ctx, const char *type, struct parley_view data)
{
    struct completion *c = ctx;

    (void)type;
    if (c->err.status < 0)
        return;
    if (data.len == 6 && memcmp(data.data, "[DONE]", 6) == 0)
        c->is_over = true;
    else
        (void)read_text(c, data);
}

/* ---- the body ---- */

/* An object begins with a brace, a stream never does. */
static bool is_object(struct parley_view data)
{
    size_t at = 0;

    while (at < data.len && strchr(" \t\r\n", data.data[at]) != NULL)
        at++;
    return at < data.len && data.data[at] == '{';
}

bool completion_feed(struct completion *c, struct parley_view data)
{
    if (!c->is_stream && c->body.len == 0 && !is_object(data))
        c->is_stream = true;
    if (!c->is_stream)
        return text_append(&c->body, data, COMPLETION_MAX_BYTES) ||
               fail(c, PARLEY_E_TOO_LARGE, "the server's answer is longer than 4 MiB");
    if (sse_feed(&c->sse, data, on_event, c) < 0)
        return fail(c, PARLEY_E_TOO_LARGE, "an event of the server is longer than 4 MiB");
    return c->err.status == PARLEY_OK;
}

/* A model may write arguments that are no object; then the tool's schema tells it what is missing.
 */
static bool is_arguments(struct parley_view text)
{
    json_t *tree = json_loadb(text.data, text.len, 0, NULL);
    bool is_good = json_is_object(tree);

    json_decref(tree);
    return is_good;
}

static void tell_calls(struct completion *c)
{
    static const struct parley_view none = PARLEY_VIEW("{}");

    for (size_t i = 0; i < c->call_count; i++) {
        const struct completion_call *call = &c->calls[i];
        struct parley_view arguments = text_view(&call->arguments);
        if (call->name.len > 0)
            c->host->call(c->op, text_view(&call->name),
                          is_arguments(arguments) ? arguments : none);
    }
}

void completion_finish(struct completion *c)
{
    if (!c->is_stream && c->body.len > 0 && c->err.status == PARLEY_OK)
        (void)read_text(c, text_view(&c->body));
    if (c->err.status == PARLEY_OK && (!c->has_chunk || (c->is_stream && !c->is_over)))
        (void)fail(c, PARLEY_E_UNAVAILABLE,
                   c->has_chunk ? "the server's answer broke off" : "the server answered nothing");
    if (c->err.status < 0) {
        c->host->end(c->op, c->err.status, 0, NULL, &c->err);
        return;
    }
    tell_calls(c);
    c->host->end(c->op, PARLEY_OK, c->finish, c->has_usage ? &c->usage : NULL, NULL);
}

void completion_done(struct completion *c)
{
    for (size_t i = 0; i < COMPLETION_MAX_CALLS; i++) {
        text_done(&c->calls[i].name);
        text_done(&c->calls[i].arguments);
    }
    text_done(&c->body);
    sse_done(&c->sse);
}
