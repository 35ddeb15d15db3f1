/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_bench.h"

#include <stdlib.h>
#include <string.h>

struct bench_server server;
struct bench_told told;
const char *bench_plugin;

static struct fake_plugin *plugin;
static const struct parley_chat_vtable *chat;
static void *session;

/* ---- the server ---- */

static void answer(void *ctx, const struct fake_http_request *request, struct fake_http_answer *ret)
{
    int n = server.requests++;

    (void)ctx;
    assert_true(n < BENCH_MAX);
    (void)snprintf(server.urls[n], sizeof(server.urls[n]), "%s", request->url);
    (void)snprintf(server.headers[n], sizeof(server.headers[n]), "%s", request->headers);
    server.asked[n] = json_loadb(request->body.data, request->body.len, 0, NULL);
    const char *body = server.bodies[n] == NULL ? "" : server.bodies[n];
    ret->code = server.codes[n] == 0 ? 200 : server.codes[n];
    ret->headers = "content-type: text/event-stream\r\n";
    ret->body = (struct parley_view){body, strlen(body)};
}

/* ---- the host's side ---- */

static void on_text(parley_op op, struct parley_view delta)
{
    (void)op;
    strncat(told.text, delta.data, delta.len);
}

static void note(char *into, struct parley_view name, struct parley_view arguments)
{
    strncat(into, name.data, name.len);
    strcat(into, " ");
    strncat(into, arguments.data, arguments.len);
}

static void on_call(parley_op op, struct parley_view name, struct parley_view arguments)
{
    (void)op;
    note(told.calls, name, arguments);
    strcat(told.calls, "\n");
}

static void on_agent_call(parley_op op, const struct parley_chat_agent_call *call)
{
    (void)op;
    note(told.shown, call->name, call->arguments);
    strcat(told.shown, call->status < 0 ? " failed " : " -> ");
    strncat(told.shown, call->output.data, call->output.len);
    strcat(told.shown, "\n");
}

static void on_end(parley_op op, int status, int finish, const struct parley_chat_usage *usage,
                   const struct parley_error *err)
{
    (void)op;
    told.ends++;
    told.status = status;
    told.finish = finish;
    if (usage != NULL)
        told.usage = *usage;
    if (err != NULL)
        told.err = *err;
}

static const struct parley_chat_host host = {.size = sizeof(host),
                                             .text = on_text,
                                             .call = on_call,
                                             .end = on_end,
                                             .agent_call = on_agent_call};

/* ---- a conversation ---- */

int bench_setup(void **state)
{
    (void)state;
    memset(&server, 0, sizeof(server));
    memset(&told, 0, sizeof(told));
    fake_host_reset();
    fake_http_serve(answer, NULL);
    return 0;
}

int bench_teardown(void **state)
{
    (void)state;
    if (session != NULL)
        chat->session_close(session);
    session = NULL;
    fake_plugin_close(plugin);
    plugin = NULL;
    for (int i = 0; i < BENCH_MAX; i++)
        json_decref(server.asked[i]);
    return 0;
}

void bench_open(const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    plugin = fake_plugin_open(bench_plugin, "concierge", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    chat = fake_plugin_role(plugin, PARLEY_ROLE_CHAT);
    const struct parley_chat_open open = {.size = sizeof(open),
                                          .worker = fake_host_worker(),
                                          .session_id = "sess_1",
                                          .agent = "a",
                                          .traceparent = "00-abc-def-01",
                                          .host = &host};
    assert_int_equal(chat->session_open(fake_plugin_worker(plugin), &open, &session, &err), 0);
}

void bench_refused(const char *const *options, char ret[512])
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_null(fake_plugin_open(bench_plugin, "concierge", options, &err));
    (void)snprintf(ret, 512, "%s", err.message);
}

parley_op bench_begin(const char *items, const char *tools)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_chat_request request = {
        .size = sizeof(request),
        .instructions = PARLEY_VIEW("Be brief."),
        .items = {items, strlen(items)},
        .tools = {tools, strlen(tools)},
        .tool_choice = PARLEY_VIEW("\"auto\""),
    };
    parley_op op = fake_host_op();

    memset(&told, 0, sizeof(told));
    if (chat->generate(session, &request, op, &err) < 0)
        fail_msg("%s", err.message);
    return op;
}

void bench_run(void)
{
    while (fake_net_step())
        continue;
}

void bench_cancel(parley_op op)
{
    chat->cancel(session, op);
}

void bench_ask_with(const char *items, const char *tools)
{
    (void)bench_begin(items, tools);
    bench_run();
    assert_int_equal(told.ends, 1);
}

void bench_ask(const char *items)
{
    bench_ask_with(items, "[]");
}

const json_t *bench_asked(int n, const char *path)
{
    char *copy = strdup(path), *rest = copy, *name = NULL;
    const json_t *at = server.asked[n];

    while ((name = strsep(&rest, "/")) != NULL)
        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10))
                               : json_object_get(at, name);
    free(copy);
    return at;
}

void assert_asked(int n, const char *path, const char *expected_json)
{
    const json_t *value = bench_asked(n, path);
    json_t *tree = json_loads(expected_json, JSON_DECODE_ANY, NULL);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_non_null(tree);
    if (!json_equal(value, tree))
        fail_msg("request %d: %s is %s", n, path, text == NULL ? "missing" : text);
    json_decref(tree);
    free(text);
}
