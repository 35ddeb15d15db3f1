/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl tools match: what a text model would call. */
#include "ctl/tools_request.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "ctl/command.h"
#include "ctl/term.h"
#include "host/chat.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_WAIT_MS 600000

struct match {
    struct tools_request *request;
    struct buf text;
    json_t *calls;
};

static void on_text(void *ctx, struct parley_view delta)
{
    struct match *m = ctx;

    buf_append_view(&m->text, delta);
}

static void on_call(void *ctx, struct parley_view name, struct parley_view arguments)
{
    struct match *m = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    json_t *tree = json_parse(arguments, &err);

    json_array_append_new(m->calls,
                          json_pack("{s:o, s:o}", "name", json_from_view(name), "arguments",
                                    tree != NULL ? tree : json_from_view(arguments)));
}

static void print_match(const struct match *m)
{
    json_t *one;
    size_t i;

    json_array_foreach(m->calls, i, one)
    {
        char *arguments = json_dumps(json_object_get(one, "arguments"), JSON_COMPACT);
        (void)printf("%s%s%s %s\n", term_style(stdout, TERM_BOLD), json_get_str(one, "name", ""),
                     term_style(stdout, TERM_PLAIN), arguments == NULL ? "" : arguments);
        free(arguments);
    }
    if (m->text.len > 0) {
        (void)printf("%s%s",
                     json_array_size(m->calls) == 0 ? "No call. It would say: " : "It says: ", "");
        term_safe(stdout, buf_view(&m->text));
        (void)fputc('\n', stdout);
    }
}

static void on_match_end(void *ctx, int status, int finish, const struct parley_chat_usage *usage,
                         const struct parley_error *err)
{
    struct match *m = ctx;
    struct tools_request *q = m->request;

    (void)finish;
    (void)usage;
    q->code = status >= 0 && json_array_size(m->calls) > 0 ? CTL_DONE : CTL_FAILED;
    if (status < 0)
        (void)command_failed(&command_tools, err);
    else if (q->is_json)
        term_json(
            json_pack("{s:O, s:o}", "calls", m->calls, "text", json_from_view(buf_view(&m->text))));
    else
        print_match(m);
    local_done(&q->local);
}

static const struct chat_events match_events = {on_text, on_call, on_match_end};

static struct worker_instance *text_model(struct tools_request *q, struct parley_error *err)
{
    struct worker_instance *wi = NULL;

    while ((wi = worker_instances_next(q->local.instances, wi)) != NULL) {
        if (wi->instance->kind == INSTANCE_MODEL && wi->instance->role == ROLE_CHAT &&
            (q->model == NULL || strcmp(q->model, wi->instance->name) == 0))
            return wi;
    }
    (void)parley_fail(err, PARLEY_E_NOT_FOUND,
                      "%s has no text model%s%s; match needs one, such as plugin = model_local",
                      q->source.path, q->model == NULL ? "" : " called ",
                      q->model == NULL ? "" : q->model);
    return NULL;
}

static void add_tools(struct tools_request *q, json_t *tools)
{
    for (struct worker_instance *wi = NULL; (wi = tools_request_next(q, wi)) != NULL;) {
        size_t count;
        const struct tools_function *functions = tools_functions(wi, &count);
        for (size_t i = 0; i < count; i++)
            json_array_append_new(tools, tools_function_json(&functions[i], true));
    }
}

static int generate(struct match *m, struct chat_session *chat, const char *text,
                    struct parley_error *err)
{
    json_t *tools = json_array();
    json_t *items =
        json_pack("[{s:s, s:s, s:s, s:[{s:s, s:s}]}]", "id", "item_1", "type", "message", "role",
                  "user", "content", "type", "input_text", "text", text);
    add_tools(m->request, tools);
    _cleanup_free_ char *items_text = json_dumps(items, JSON_COMPACT);
    _cleanup_free_ char *tools_text = json_dumps(tools, JSON_COMPACT);
    const struct parley_chat_request request = {
        .items = view_of(items_text),
        .tools = view_of(tools_text),
        .tool_choice = VIEW("\"auto\""),
    };

    json_decref(items);
    json_decref(tools);
    int r = items_text == NULL ? parley_fail(err, PARLEY_E_INVALID, "the text is not UTF-8")
                               : chat_generate(chat, &request, err);
    if (r == PARLEY_OK && !local_wait(&m->request->local, ANSWER_WAIT_MS))
        r = parley_fail(err, PARLEY_E_TIMEOUT, "the model did not answer");
    return r;
}

int tools_match(struct tools_request *q, const char *text, struct parley_error *err)
{
    const struct chat_open open = {.session_id = "parleyctl", .agent = "parleyctl"};
    struct match m = {.request = q, .calls = json_array()};
    struct chat_session *chat = NULL;
    struct worker_instance *wi = text_model(q, err);

    tools_request_settle(q);
    int r = wi == NULL ? err->status : chat_open(wi, &open, &match_events, &m, &chat, err);
    if (r == PARLEY_OK)
        r = generate(&m, chat, text, err);
    chat_close(chat);
    buf_done(&m.text);
    json_decref(m.calls);
    return r;
}
