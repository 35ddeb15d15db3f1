/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of tools that are on their way while a session opens: a server that was started a moment
 * ago, or a list that has grown old. They are waited for beside the connecting of the model, no
 * longer than the plugin allows (parley_tool_list.wait_ms); then the session opens with what is
 * there.
 */
#include "base/log.h"
#include "base/str.h"
#include "session/state.h"

#include <stdlib.h>

/* One tools instance of the agent whose list is waited for. */
struct awaited_list {
    struct tools_waiter waiter;
    struct session *session;
    struct worker_instance *wi;
};

static void forget(struct session *s)
{
    struct tool_wait *w = &s->tool_wait;

    for (size_t i = 0; i < w->count; i++)
        tools_unwait(&w->lists[i].waiter);
    w->count = w->missing = 0;
    loop_timer_stop(&w->limit);
}

static void finish(struct session *s)
{
    struct tool_wait *w = &s->tool_wait;

    log_debug("waited for the tools session=%s agent=%s ms=%llu missing=%zu", s->id, s->agent->name,
              (unsigned long long)((clock_now_us() - s->opened_us) / 1000), w->missing);
    forget(s);
    if (settings_collect_tools(s) < 0)
        session_end_soon(s, 1011, "server_error", "no memory for the tools of a session");
    else if (w->is_held)
        session_begin(s, buf_view(&w->created));
}

static void on_limit(void *ctx)
{
    finish(ctx);
}

/* It may have come without being whole yet. */
static void on_list(void *ctx)
{
    struct awaited_list *list = ctx;
    struct session *s = list->session;

    if (tools_prepare(list->wi) > 0)
        tools_wait(list->wi, &list->waiter);
    else if (--s->tool_wait.missing == 0)
        finish(s);
}

static bool is_awaited(const struct tool_wait *w, const struct worker_instance *wi)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->lists[i].wi == wi)
            return true;
    }
    return false;
}

static struct worker_instance *instance_of(const struct session *s, const char *entry)
{
    char name[64];
    struct parley_view rest = view_of(entry), head;

    (void)view_split(&rest, '.', &head);
    view_copy(name, sizeof(name), head);
    return worker_generation_tools(s->wg, name);
}

/* Returns how long this one may be waited for. */
static int64_t await(struct session *s, const char *entry)
{
    struct tool_wait *w = &s->tool_wait;
    struct worker_instance *wi = instance_of(s, entry);
    int64_t wait_ms = wi == NULL || is_awaited(w, wi) ? 0 : tools_prepare(wi);

    if (wait_ms <= 0)
        return 0;
    struct awaited_list *list = &w->lists[w->count++];
    *list =
        (struct awaited_list){.waiter = {.on_list = on_list, .ctx = list}, .session = s, .wi = wi};
    tools_wait(wi, &list->waiter);
    w->missing++;
    return wait_ms;
}

void tool_wait_begin(struct session *s)
{
    const struct parley_list *tools = &s->agent->config->tools;
    struct tool_wait *w = &s->tool_wait;
    int64_t longest = 0;

    w->lists = tools->count == 0 ? NULL : calloc(tools->count, sizeof(*w->lists));
    for (size_t i = 0; w->lists != NULL && i < tools->count; i++) {
        int64_t wait_ms = await(s, tools->items[i]);
        if (wait_ms > longest)
            longest = wait_ms;
    }
    if (w->missing > 0)
        loop_timer_start(s->env->loop, &w->limit, longest, on_limit, s);
}

bool tool_wait_holds(struct session *s, struct parley_view session_created)
{
    struct tool_wait *w = &s->tool_wait;

    if (w->missing == 0)
        return false;
    buf_append_view(&w->created, session_created);
    w->is_held = true;
    return true;
}

void tool_wait_done(struct session *s)
{
    forget(s);
    free(s->tool_wait.lists);
    s->tool_wait.lists = NULL;
    buf_done(&s->tool_wait.created);
}
