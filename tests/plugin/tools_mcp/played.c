/* SPDX-License-Identifier: Apache-2.0 */
#include "played.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *plugin_path;
struct fake_plugin *plugin;
const struct parley_tools_vtable *tools;
struct asked asked[MAX_REQUESTS];
size_t asked_count, looked_at;
unsigned changes, ends, progresses;
int end_status;
char end_text[1024];
double last_progress;

/* ---- the service ---- */

static int start(struct parley_worker *worker, const struct parley_http_request *request,
                 const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
                 struct parley_error *err)
{
    struct asked *a = &asked[asked_count];

    (void)worker;
    (void)err;
    assert_true(asked_count < MAX_REQUESTS);
    *a = (struct asked){.is_open = true,
                        .flags = request->flags,
                        .timeout_ms = request->timeout_ms,
                        .events = *events,
                        .ctx = ctx};
    (void)snprintf(a->method, sizeof(a->method), "%s", request->method);
    (void)snprintf(a->url, sizeof(a->url), "%s", request->url);
    (void)snprintf(a->body, sizeof(a->body), "%.*s", (int)request->body.len, request->body.data);
    for (uint32_t i = 0; i < request->header_count; i++) {
        size_t len = strlen(a->headers);
        (void)snprintf(a->headers + len, sizeof(a->headers) - len, "%s\n", request->headers[i]);
    }
    *ret_request = ++asked_count;
    return PARLEY_OK;
}

static void cancel(struct parley_worker *worker, uint64_t request)
{
    (void)worker;
    if (asked[request - 1].is_open)
        asked[request - 1].is_cancelled = true;
}

static const struct parley_service_http service = {
    .size = sizeof(service), .start = start, .cancel = cancel};

void end_exchange(struct asked *a, int status, int code, const char *headers)
{
    const struct parley_http_response response = {
        .size = sizeof(response),
        .status = a->is_cancelled ? PARLEY_E_CANCELLED : status,
        .code = code,
        .headers = {headers, strlen(headers)},
        .message = status < 0 ? "localhost: it broke" : "",
    };

    assert_true(a->is_open);
    a->is_open = false;
    a->events.on_end(a->ctx, &response);
}

void send_data(struct asked *a, int code, const char *data)
{
    if (a->events.on_data != NULL) /* else it would be collected for the end */
        a->events.on_data(a->ctx, code, (struct parley_view){data, strlen(data)});
}

void reply(struct asked *a, int code, const char *headers, const char *body)
{
    if (body[0] != '\0')
        send_data(a, code, body);
    end_exchange(a, PARLEY_OK, code, headers);
}

/* What was cancelled ends in the next turn of the loop. */
void settle(void)
{
    for (size_t i = 0; i < asked_count; i++) {
        if (asked[i].is_open && asked[i].is_cancelled)
            end_exchange(&asked[i], PARLEY_E_CANCELLED, 0, "");
    }
}

/* The next request that the plugin makes must hold this text. */
struct asked *expect(const char *method, const char *text)
{
    if (looked_at == asked_count)
        fail_msg("no request came; wanted %s %s", method, text);
    struct asked *a = &asked[looked_at++];
    assert_string_equal(a->method, method);
    if (strstr(a->body, text) == NULL)
        fail_msg("wanted %s in %s", text, a->body);
    return a;
}

json_int_t id_of(const struct asked *a)
{
    json_t *tree = json_loads(a->body, 0, NULL);
    json_int_t id = json_integer_value(json_object_get(tree, "id"));

    json_decref(tree);
    return id;
}

void answer(struct asked *a, const char *headers, const char *result)
{
    char body[4096];

    (void)snprintf(body, sizeof(body), "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":%s}",
                   (long long)id_of(a), result);
    reply(a, 200, headers, body);
}

/* ---- the host ---- */

static void on_end(parley_op op, const struct parley_tool_result *result)
{
    (void)op;
    ends++;
    end_status = result->status;
    (void)snprintf(end_text, sizeof(end_text), "%.*s", (int)result->output.len,
                   result->output.data);
}

static void on_progress(parley_op op, double done, double total, struct parley_view message)
{
    (void)op;
    (void)total;
    last_progress = done;
    (void)message;
    progresses++;
}

static void on_changed(struct parley_worker *worker, void *worker_instance)
{
    (void)worker;
    assert_ptr_equal(worker_instance, fake_plugin_worker(plugin));
    changes++;
}

static const struct parley_tools_host host = {
    .size = sizeof(host), .end = on_end, .progress = on_progress, .changed = on_changed};

size_t listed(const struct parley_tool **ret_items)
{
    struct parley_tool_list list = {.size = sizeof(list)};
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_int_equal(tools->list(fake_plugin_worker(plugin), &list, &err), PARLEY_OK);
    if (ret_items != NULL)
        *ret_items = list.items;
    return list.count;
}

int call(parley_op op, const char *name, const char *arguments)
{
    return call_in("s", op, name, arguments);
}

int call_in(const char *session, parley_op op, const char *name, const char *arguments)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_tool_call c = {.size = sizeof(c),
                                       .worker = fake_host_worker(),
                                       .session_id = session,
                                       .name = name,
                                       .arguments = {arguments, strlen(arguments)},
                                       .traceparent = "00-1-2-01"};

    return tools->call(fake_plugin_worker(plugin), &c, op, &err);
}

/* Against a server of a known kind, unless the options name another. */
void open_plugin(const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *all[24] = {"protocol=legacy"};
    size_t count = 1;

    for (size_t i = 0; options[i] != NULL; i++) {
        bool is_protocol = strncmp(options[i], "protocol=", 9) == 0;
        all[is_protocol ? 0 : count++] = options[i];
    }
    fake_host_provide(PARLEY_SERVICE_HTTP, &service);
    plugin = fake_plugin_open(plugin_path, "web", all, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    tools = fake_plugin_role(plugin, PARLEY_ROLE_TOOLS);
    tools->attach(fake_plugin_worker(plugin), &host);
    fake_host_advance_ms(1);
}

int setup(void **state)
{
    (void)state;
    fake_host_reset();
    asked_count = looked_at = 0;
    changes = ends = progresses = 0;
    return 0;
}

int teardown(void **state)
{
    (void)state;
    fake_plugin_close(plugin);
    plugin = NULL;
    return 0;
}

void greet(const char *version_result, const char *session)
{
    answer(expect("POST", "\"initialize\""), session, version_result);
    reply(expect("POST", "notifications/initialized"), 202, "", "");
    reply(expect("GET", ""), 405, "", "");
}

void connect_to_server(void)
{
    static const char *const options[] = {"url=http://127.0.0.1/mcp", "token=secret", NULL};

    open_plugin(options);
    greet(WELCOME("2025-06-18"), "mcp-session-id: S1\r\n");
    answer(expect("POST", "tools/list"), "", "{\"tools\":[{\"name\":\"a\"}]}");
}
