/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of parley.tools/1. */
#include "tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parley/testkit/fake_net.h>

#define AT_ONCE        20
#define UNKNOWN_STATUS (-99)
#define LONG_BYTES     100000

static struct tools_client c;

/* What is called when the author has named no call that works: whatever it answers, it answers. */
static const char *const odd_arguments[] = {
    "{}",
    "{\"no_such_argument\": [1, {\"deep\": null}, \"\\u0000\"]}",
    "{\"text\": 17, \"name\": {}, \"value\": \"many\", \"query\": [], \"path\": false}",
    "{\"value\": 1e308, \"count\": -9223372036854775808, \"seconds\": -1, \"text\": \"\"}",
};

struct step {
    const char *tool;
    const char *arguments;
};

/* The n-th call of a tour through everything it has; false when there are no more. */
static bool tour(size_t n, struct step *ret)
{
    const struct testkit_subject *s = kit_subject();

    if (n < s->call_count) {
        *ret = (struct step){s->calls[n].tool, s->calls[n].arguments};
        return true;
    }
    n -= s->call_count;
    if (n >= c.count)
        return false;
    *ret = (struct step){c.items[n].name, "{}"};
    return true;
}

static void open_and_look(void)
{
    tools_open(&c);
    if (c.count == 0)
        kit_skip("it lists no tools here");
}

/* ---- the list ---- */

static void list(void)
{
    tools_open(&c); /* checks every tool */
    size_t count = c.count;
    tools_take_changed();
    kit_settle();
    tools_list(&c);
    if (c.count != count && !tools_take_changed())
        kit_broken("list() had %zu tools, then %zu, and changed() was not called", count, c.count);
    tools_close(&c);
}

static void list_changes(void)
{
    tools_open(&c);
    for (int i = 0; i < 10; i++) {
        kit_pass(60000);
        tools_list(&c); /* each look may move what the one before told */
        tools_list(&c);
    }
    tools_close(&c);
}

/* ---- calls ---- */

static void known_calls(void)
{
    const struct testkit_subject *s = kit_subject();

    if (s->call_count == 0)
        kit_skip("no call is known to work; see --call");
    tools_open(&c);
    for (size_t i = 0; i < s->call_count; i++) {
        int status = tools_run(&c, s->calls[i].tool, s->calls[i].arguments);
        if (status < 0)
            kit_broken("tool \"%s\" with %.200s: status %d, and it should have worked",
                       s->calls[i].tool, s->calls[i].arguments, status);
    }
    tools_close(&c);
}

static char *long_arguments(void)
{
    char *text = malloc(LONG_BYTES + 32);

    if (text == NULL)
        abort();
    size_t len = (size_t)sprintf(text, "{\"text\": \"");
    memset(text + len, 'x', LONG_BYTES);
    strcpy(text + len + LONG_BYTES, "\"}");
    return text;
}

static void odd_calls(void)
{
    char *longest = long_arguments();

    open_and_look();
    for (size_t i = 0; i < c.count; i++) {
        for (size_t j = 0; j < KIT_COUNT(odd_arguments); j++)
            (void)tools_run(&c, c.items[i].name, odd_arguments[j]);
        (void)tools_run(&c, c.items[i].name, longest);
    }
    tools_close(&c);
    free(longest);
}

/* The host does not call what is not on the list; but a list may be older than the call. */
static void unknown_tool(void)
{
    tools_open(&c);
    (void)tools_run(&c, "no_such_tool", "{}");
    (void)tools_run(&c, "", "{}");
    tools_close(&c);
}

static void many_at_once(void)
{
    parley_op ops[AT_ONCE];
    struct step step = {0};

    open_and_look();
    for (size_t n = 0; tour(n, &step); n++) {
        for (size_t i = 0; i < AT_ONCE; i++)
            ops[i] = tools_begin(&c, step.tool, step.arguments);
        for (size_t i = 0; i < AT_ONCE; i++)
            tools_finish(&c, ops[i], step.tool);
    }
    tools_close(&c);
}

/* ---- cancel ---- */

/* How far a call has come when the cancel meets it: not at all, one thing done, two ... */
static void cancel_after(const struct step *step, unsigned done)
{
    parley_op op = tools_begin(&c, step->tool, step->arguments);

    while (done-- > 0 && (fake_host_run_one() || fake_net_step()))
        continue;
    if (op != 0 && kit_op_is_open(op))
        tools_cancel(&c, op);
    tools_finish(&c, op, step->tool);
}

static void cancel(void)
{
    struct step step = {0};

    open_and_look();
    for (size_t n = 0; tour(n, &step); n++) {
        for (unsigned done = 0; done < 3; done++)
            cancel_after(&step, done);
    }
    tools_close(&c);
}

/* One of the pool may end on its thread while the worker cancels: the cancel finds nothing. */
static void cancel_late(void)
{
    struct step step = {0};
    bool any = false;

    open_and_look();
    for (size_t n = 0; tour(n, &step); n++) {
        for (size_t i = 0; i < c.count; i++) {
            if (strcmp(c.items[i].name, step.tool) != 0 ||
                (c.items[i].flags & PARLEY_TOOL_BLOCKING) == 0)
                continue;
            any = true;
            parley_op op = tools_begin(&c, step.tool, step.arguments);
            tools_finish(&c, op, step.tool);
            tools_cancel(&c, op);
            kit_settle();
        }
    }
    if (!any)
        kit_skip("none of its tools blocks");
    tools_close(&c);
}

/* ---- ends of other things ---- */

static void session_closed(void)
{
    struct step step = {0};

    open_and_look();
    for (size_t n = 0; tour(n, &step); n++) {
        parley_op op = tools_begin(&c, step.tool, step.arguments);
        if (c.tools->size > offsetof(struct parley_tools_vtable, session_closed) &&
            c.tools->session_closed != NULL) {
            KIT_DO("session_closed", KIT_WORKER, c.tools->session_closed(c.worker, "sess_1"));
            KIT_DO("session_closed", KIT_WORKER, c.tools->session_closed(c.worker, "sess_9"));
        }
        tools_finish(&c, op, step.tool);
    }
    tools_close(&c);
}

static void stop_in_flight(void)
{
    struct step step = {0};

    open_and_look();
    for (size_t n = 0; tour(n, &step); n++) {
        parley_op op = tools_begin(&c, step.tool, step.arguments);
        if (op != 0 && kit_op_is_open(op) && n % 2 == 0)
            tools_cancel(&c, op); /* the host asks, and does not wait for long */
    }
    tools_close(&c);
    kit_settle();
    fake_host_advance_ms(600000);
}

static void two_generations(void)
{
    struct tools_client next;
    struct step step = {0};

    open_and_look();
    tools_open_beside(&next, &c);
    for (size_t n = 0; tour(n, &step); n++) {
        parley_op old_op = tools_begin(&c, step.tool, step.arguments);
        parley_op op = tools_begin(&next, step.tool, step.arguments);
        tools_finish(&c, old_op, step.tool);
        tools_finish(&next, op, step.tool);
    }
    tools_close(&c);
    c = next;
    for (size_t n = 0; tour(n, &step); n++)
        (void)tools_run(&c, step.tool, step.arguments);
    tools_close(&c);
}

/* ---- a host in trouble ---- */

static void call_all(void)
{
    struct step step = {0};

    for (size_t n = 0; tour(n, &step); n++)
        (void)tools_run(&c, step.tool, step.arguments);
}

static void pool_full(void)
{
    open_and_look();
    fake_host_set_job_limit(0);
    call_all();
    tools_close(&c);
}

static void unknown_status(void)
{
    open_and_look();
    fake_host_set_job_status(UNKNOWN_STATUS);
    fake_net_set_fault(UNKNOWN_STATUS);
    call_all();
    tools_close(&c);
}

static void older_host(void)
{
    fake_host_set_minor(0);
    open_and_look();
    if (fake_plugin_descriptor(c.plugin)->needs_minor > 0)
        kit_skip("it needs a newer host, and says so");
    call_all();
    tools_close(&c);
}

static bool call_with_failure(const struct step *step, unsigned n)
{
    kit_memory_fail_at(n);
    (void)tools_run(&c, step->tool, step->arguments);
    bool was_reached = kit_memory_has_failed();
    kit_memory_fail_at(0);
    return was_reached;
}

static void out_of_memory(void)
{
    struct step step = {0};

    open_and_look();
    kit_be_impatient();
    for (size_t n = 0; tour(n, &step); n++) {
        for (unsigned i = 1; i < KIT_MAX_ALLOCATIONS && call_with_failure(&step, i);
             i = kit_memory_next(i))
            continue;
    }
    tools_close(&c);
}

static void no_leak(void)
{
    long live[5] = {0};

    open_and_look();
    for (size_t i = 0; i < KIT_COUNT(live); i++) {
        call_all();
        live[i] = kit_memory_live();
    }
    if (live[4] > live[3] && live[4] - live[3] == live[3] - live[2] &&
        live[3] - live[2] == live[2] - live[1])
        kit_fail("frees-what-it-took", "%ld blocks more after each round of calls than before",
                 live[4] - live[3]);
    tools_close(&c);
}

static const struct kit_case cases[] = {
    {"tools.list", "lists tools with names, descriptions and schemas that are JSON", list},
    {"tools.list-again", "is listed again and again", list_changes},
    {"tools.calls", "answers the calls that are known to work", known_calls},
    {"tools.odd-arguments", "answers once, whatever a model makes up", odd_calls},
    {"tools.unknown", "lives with a call of a tool that it does not have", unknown_tool},
    {"tools.at-once", "runs calls beside each other, each with its own end", many_at_once},
    {"tools.cancel", "still ends once when it is cancelled, early or late", cancel},
    {"tools.cancel-late", "lives with a cancel for a call that has ended on the pool", cancel_late},
    {"tools.session-closed", "forgets a session whose calls run", session_closed},
    {"tools.stop", "is stopped while calls run, and is silent afterwards", stop_in_flight},
    {"tools.two-generations", "answers in two generations side by side", two_generations},
    {"tools.pool-full", "answers when the offload pool is full", pool_full},
    {"tools.unknown-status", "answers when a service ends with a status that it does not know",
     unknown_status},
    {"tools.older-host", "reads no more than an older host has filled", older_host},
    {"tools.out-of-memory", "answers when any allocation fails", out_of_memory},
    {"tools.no-leak", "frees what a call took", no_leak},
};

const struct kit_suite kit_suite_tools = {PARLEY_ROLE_TOOLS, cases, KIT_COUNT(cases)};
