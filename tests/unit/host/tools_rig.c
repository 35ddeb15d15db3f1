/* SPDX-License-Identifier: Apache-2.0 */
#include "tools_rig.h"

#include <string.h>

/* ---- the plugin ---- */

struct tools_rig_plugin plugin;

const struct parley_tool usual[4] = {
    {.name = "plain", .description = "A tool.", .parameters = "{\"type\":\"object\"}"},
    {.name = "slow", .flags = PARLEY_TOOL_BLOCKING},
    {.name = "brief", .timeout_ms = 50, .flags = PARLEY_TOOL_READ_ONLY},
    {.name = "steady", .timeout_ms = 50, .max_timeout_ms = 120},
};

static void attach(void *wi, const struct parley_tools_host *host)
{
    (void)wi;
    plugin.host = host;
}

static int list(void *wi, struct parley_tool_list *ret, struct parley_error *err)
{
    (void)wi;
    (void)err;
    ret->item_size = sizeof(struct parley_tool);
    ret->items = plugin.items;
    ret->count = plugin.count;
    ret->wait_ms = plugin.wait_ms;
    ret->fresh_ms = plugin.fresh_ms;
    ret->trouble = plugin.trouble;
    plugin.lists++;
    return PARLEY_OK;
}

void end_text(parley_op op, int status, const char *text)
{
    const struct parley_tool_result result = {
        .size = sizeof(result), .status = status, .output = view_of(text)};

    plugin.host->end(op, &result);
}

void end_whole(parley_op op, const char *content, const char *structured)
{
    const struct parley_tool_result result = {
        .size = sizeof(result),
        .output = VIEW("words"),
        .content = view_of(content),
        .structured = view_of(structured),
    };

    plugin.host->end(op, &result);
}

static int call(void *wi, const struct parley_tool_call *c, parley_op op, struct parley_error *err)
{
    (void)wi;
    plugin.calls++;
    if (plugin.refuses)
        return parley_fail(err, PARLEY_E_DENIED, "Not today.");
    plugin.op = op;
    (void)snprintf(plugin.authorization, sizeof(plugin.authorization), "%s", c->authorization);
    view_copy(plugin.arguments, sizeof(plugin.arguments), c->arguments);
    if (plugin.content != NULL)
        end_whole(op, plugin.content, plugin.structured);
    else if (strcmp(c->name, "slow") == 0 || plugin.ends_at_once)
        end_text(op, PARLEY_OK, "at once");
    return PARLEY_OK;
}

static void cancel(void *wi, parley_op op)
{
    (void)wi;
    (void)op;
    plugin.cancels++;
}

static void session_closed(void *wi, const char *session_id)
{
    (void)wi;
    (void)snprintf(plugin.closed_session, sizeof(plugin.closed_session), "%s", session_id);
}

static const struct parley_tools_vtable table = {
    .size = sizeof(table),
    .attach = attach,
    .list = list,
    .call = call,
    .cancel = cancel,
    .session_closed = session_closed,
};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("tools_test", PARLEY_ROLE_TOOLS, &table);

/* ---- the caller ---- */

struct tools_rig_caller caller;

static void on_progress(void *ctx, double done, double total, struct parley_view message)
{
    (void)ctx;
    (void)total;
    (void)message;
    assert_int_equal(caller.ends, 0);
    caller.progresses++;
    caller.progress = done;
}

static void on_end(void *ctx, const struct tools_result *result)
{
    (void)ctx;
    caller.ends++;
    caller.has_ended = true;
    caller.status = result->status;
    caller.is_cut = result->is_cut;
    view_copy(caller.output, sizeof(caller.output), result->output);
    view_copy(caller.content, sizeof(caller.content), result->content);
    view_copy(caller.structured, sizeof(caller.structured), result->structured);
}

const struct tools_events events = {.on_progress = on_progress, .on_end = on_end};

struct host_fixture f;

int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    memset(&caller, 0, sizeof(caller));
    plugin.items = usual;
    plugin.count = 4;
    fixture_open(&f);
    fixture_start(&f, &descriptor, "tools");
    return 0;
}

int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

struct tools_run *run(const char *name, const char *arguments)
{
    const struct tools_call c = {.session_id = "sess_1",
                                 .call_id = "call_1",
                                 .name = name,
                                 .arguments = view_of(arguments),
                                 .max_output_bytes = 64};
    struct tools_run *r = tools_call(f.wi, &c, &events, NULL);

    assert_non_null(r);
    return r;
}

void list_again(const struct parley_tool *items, size_t count)
{
    plugin.items = items;
    plugin.count = count;
    plugin.host->changed(&f.worker, f.wi->ctx);
    fixture_turn(&f);
}
