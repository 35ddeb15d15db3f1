/* SPDX-License-Identifier: Apache-2.0 */
#include "tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <parley/service/offload.h>

#define DEFAULT_TIMEOUT_MS 30000
#define GRACE_MS           1000 /* between cancel and the end */
#define START_MS           30000
#define NAME_CHARS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static bool has_changed;

/* ---- what the plugin tells ---- */

static void check_result(const struct parley_tool_result *result)
{
    if (!kit_is_utf8(result->output))
        kit_fail("results-are-utf8", "its output is not UTF-8");
    if (result->status < 0 && result->output.len == 0)
        kit_fail("failures-have-words",
                 "it failed with status %d and no output; the model needs one sentence that it can "
                 "say",
                 result->status);
    if (PARLEY_HAS(result, content) && result->content.len > 0 &&
        !kit_is_json(result->content, '['))
        kit_fail("results-are-json", "its content is no JSON array");
    if (PARLEY_HAS(result, structured) && result->structured.len > 0 &&
        !kit_is_json(result->structured, 0))
        kit_fail("results-are-json", "its structured content is no JSON");
}

static void on_end(parley_op op, const struct parley_tool_result *result)
{
    kit_op_ended(op, "end", result->status);
    kit_pause();
    check_result(result);
    kit_resume();
}

static void on_progress(parley_op op, double done, double total, struct parley_view message)
{
    (void)done;
    (void)total;
    kit_op_told(op, "progress");
    if (!kit_is_utf8(message))
        kit_fail("results-are-utf8", "the message of progress() is not UTF-8");
}

static void on_changed(struct parley_worker *worker, void *worker_instance)
{
    (void)worker;
    (void)worker_instance;
    if (strcmp(kit_report->callback, "list") == 0)
        kit_fail("list-does-not-change-itself",
                 "changed() was called from list(): the host lists again, without end");
    has_changed = true;
}

static const struct parley_tools_host host = {
    .size = sizeof(host),
    .end = on_end,
    .progress = on_progress,
    .changed = on_changed,
};

bool tools_take_changed(void)
{
    bool changed = has_changed;

    has_changed = false;
    return changed;
}

/* ---- the list ---- */

static void check_schema(const char *tool, const char *member, const char *schema)
{
    if (schema != NULL && !kit_is_json(kit_view(schema), '{'))
        kit_fail("schemas-are-json", "tool \"%s\": its %s are no JSON object", tool, member);
}

static void keep_tool(struct tools_client *c, const struct parley_tool *tool)
{
    if (tool->name == NULL || tool->name[0] == '\0' || strlen(tool->name) > 64 ||
        strspn(tool->name, NAME_CHARS) != strlen(tool->name))
        kit_fail("tools-have-names",
                 "a tool is called \"%.80s\": a name is 1 to 64 letters, digits, _ and -",
                 tool->name == NULL ? "" : tool->name);
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->items[i].name, tool->name) == 0)
            kit_fail("tools-have-names", "two tools are called \"%s\"", tool->name);
    }
    if (tool->description == NULL || tool->description[0] == '\0')
        kit_fail("tools-have-descriptions",
                 "tool \"%s\" has no description; the model chooses by it", tool->name);
    check_schema(tool->name, "parameters", tool->parameters);
    check_schema(tool->name, "output_schema", tool->output_schema);
    (void)snprintf(c->items[c->count].name, sizeof(c->items[0].name), "%s", tool->name);
    c->items[c->count].flags = tool->flags;
    c->items[c->count].timeout_ms = tool->timeout_ms;
    c->count++;
}

void tools_list(struct tools_client *c)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_tool_list list = {.size = sizeof(list)};

    int r = KIT_CALL("list", KIT_WORKER, c->tools->list(c->worker, &list, &err));
    kit_check_refusal(r, &err);
    c->count = 0;
    if (r < 0)
        return;
    if (list.count > 0 &&
        (list.items == NULL || list.item_size < offsetof(struct parley_tool, output_schema)))
        kit_fail("lists-say-their-size",
                 "list() says %zu tools of %u bytes each; set item_size = sizeof(struct "
                 "parley_tool)",
                 list.count, list.item_size);
    for (size_t i = 0; i < list.count && c->count < TOOLS_MAX; i++) {
        struct parley_tool tool = {0};
        size_t size = list.item_size < sizeof(tool) ? list.item_size : sizeof(tool);
        memcpy(&tool, (const char *)list.items + i * list.item_size, size);
        keep_tool(c, &tool);
    }
}

/* ---- life ---- */

static bool is_unchanged(void)
{
    return !has_changed;
}

static void attach(struct tools_client *c)
{
    c->tools = fake_plugin_role(c->plugin, PARLEY_ROLE_TOOLS);
    c->worker = fake_plugin_worker(c->plugin);
    has_changed = false;
    KIT_DO("attach", KIT_WORKER, c->tools->attach(c->worker, &host));
    tools_list(c);
    if (c->count > 0)
        return;
    kit_settle_while(is_unchanged, START_MS); /* it finds its functions at a peer, or never will */
    has_changed = false;
    tools_list(c);
}

void tools_open(struct tools_client *c)
{
    memset(c, 0, sizeof(*c));
    c->plugin = kit_open();
    attach(c);
}

void tools_open_beside(struct tools_client *c, struct tools_client *first)
{
    memset(c, 0, sizeof(*c));
    c->plugin = kit_open_beside(first->plugin);
    attach(c);
}

void tools_close(struct tools_client *c)
{
    kit_close(c->plugin);
    memset(c, 0, sizeof(*c));
}

/* ---- calls ---- */

static size_t place_of(const struct tools_client *c, const char *tool)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->items[i].name, tool) == 0)
            return i;
    }
    return TOOLS_MAX;
}

/* The call of a host of interface 1.0: behind its last member there is nothing to be read. */
static struct parley_tool_call *old_call(const struct parley_tool_call *call)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = offsetof(struct parley_tool_call, authorization);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (two == MAP_FAILED || mprotect(two + page, page, PROT_NONE) != 0)
        kit_fail("kit", "no memory for a call");
    struct parley_tool_call *old = (void *)(two + page - size);
    memcpy(old, call, size);
    old->size = (uint32_t)size;
    return old;
}

static int ask(struct tools_client *c, const char *tool, const char *arguments, parley_op op,
               enum kit_thread thread)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_tool_call call = {
        .size = sizeof(call),
        .worker = fake_plugin_on(c->plugin),
        .session_id = "sess_1",
        .agent = "receptionist",
        .user = "user-7",
        .call_id = "call_1",
        .name = tool,
        .arguments = kit_view(arguments),
        .traceparent = "",
        .tracestate = "",
        .authorization = "",
    };
    bool is_old = fake_host_table()->minor == 0;

    const struct parley_tool_call *as_seen = is_old ? old_call(&call) : &call;
    int r = KIT_CALL("call", thread, c->tools->call(c->worker, as_seen, op, &err));
    if (is_old)
        (void)munmap((void *)((uintptr_t)as_seen & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1)),
                     2 * (size_t)sysconf(_SC_PAGESIZE));
    kit_op_answered(op, r, &err);
    return r;
}

struct blocking_call {
    struct tools_client *client;
    parley_op op;
    char tool[80];
    char *arguments;
};

static void run_blocking(void *arg)
{
    struct blocking_call *b = arg;

    (void)ask(b->client, b->tool, b->arguments, b->op, KIT_OFFLOAD);
}

static void blocking_done(void *arg, int status)
{
    struct blocking_call *b = arg;

    (void)status;
    kit_pause();
    free(b->arguments);
    free(b);
    kit_resume();
}

static parley_op begin_blocking(struct tools_client *c, const char *tool, const char *arguments,
                                parley_op op)
{
    struct blocking_call *b = calloc(1, sizeof(*b));
    const struct parley_service_offload *pool = kit_pool();

    if (b == NULL || (b->arguments = strdup(arguments)) == NULL)
        abort();
    b->client = c;
    b->op = op;
    (void)snprintf(b->tool, sizeof(b->tool), "%s", tool);
    if (pool->run(fake_host_worker(), NULL, run_blocking, blocking_done, b) == PARLEY_OK)
        return op;
    kit_op_answered(op, PARLEY_E_BUSY, NULL);
    free(b->arguments);
    free(b);
    return 0;
}

parley_op tools_begin(struct tools_client *c, const char *tool, const char *arguments)
{
    size_t place = place_of(c, tool);
    parley_op op = kit_op_begin("tool \"%s\"", tool);

    if (place < TOOLS_MAX && (c->items[place].flags & PARLEY_TOOL_BLOCKING) != 0)
        return begin_blocking(c, tool, arguments, op);
    return ask(c, tool, arguments, op, KIT_WORKER) < 0 ? 0 : op;
}

void tools_cancel(struct tools_client *c, parley_op op)
{
    if (c->tools->size > offsetof(struct parley_tools_vtable, cancel) && c->tools->cancel != NULL)
        KIT_DO("cancel", KIT_WORKER, c->tools->cancel(c->worker, op));
}

void tools_finish(struct tools_client *c, parley_op op, const char *tool)
{
    size_t place = place_of(c, tool);
    int64_t limit_ms = place < TOOLS_MAX ? c->items[place].timeout_ms : 0;

    if (op == 0)
        return;
    kit_settle_for(limit_ms > 0 ? limit_ms : DEFAULT_TIMEOUT_MS);
    if (!kit_op_is_open(op))
        return;
    tools_cancel(c, op);
    kit_settle_for(GRACE_MS);
    if (!kit_op_is_open(op))
        return;
    (void)snprintf(kit_report->callback, sizeof(kit_report->callback), "call");
    kit_fail("ends-once",
             "tool \"%s\": the call was accepted and never ended, not even after its time limit "
             "and cancel()",
             tool);
}

int tools_run(struct tools_client *c, const char *tool, const char *arguments)
{
    parley_op op = tools_begin(c, tool, arguments);

    tools_finish(c, op, tool);
    return op == 0 ? PARLEY_E_INVALID : kit_op_status(op);
}
