/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of parley.chat/1. */
#include "kit.h"

#include <parley/chat.h>
#include <parley/testkit/fake_net.h>

#include <string.h>

#define LIMIT_MS       120000 /* of the fake clock, for one answer */
#define GRACE_MS       5000   /* between cancel and the end */
#define UNKNOWN_STATUS (-99)

static struct {
    struct fake_plugin *plugin;
    const struct parley_chat_vtable *chat;
    void *session;
} c;

static void on_text(parley_op op, struct parley_view delta)
{
    kit_op_told(op, "text");
    if (!kit_is_utf8(delta))
        kit_fail("answers-are-utf8", "text() was given what is not UTF-8; cut between characters");
}

static void on_call(parley_op op, struct parley_view name, struct parley_view arguments)
{
    kit_op_told(op, "call");
    if (name.len == 0)
        kit_fail("calls-are-whole", "call() was given no name");
    if (!kit_is_json(arguments, '{'))
        kit_fail("calls-are-whole", "call() of %.*s was given arguments that are no JSON object",
                 (int)name.len, name.data);
}

static void on_end(parley_op op, int status, int finish, const struct parley_chat_usage *usage,
                   const struct parley_error *err)
{
    (void)usage;
    kit_op_ended(op, "end", status);
    if (status < 0 && (err == NULL || err->message[0] == '\0'))
        kit_fail("refusal-explains-itself", "it ended with status %d and no message", status);
    if (status >= 0 && (finish < PARLEY_CHAT_COMPLETED || finish > PARLEY_CHAT_CONTENT_FILTER))
        kit_fail("finishes-are-known", "it finished with %d, which is no PARLEY_CHAT_...", finish);
}

static const struct parley_chat_host host = {
    .size = sizeof(host),
    .text = on_text,
    .call = on_call,
    .end = on_end,
};

static bool open_session_on(struct fake_plugin *plugin)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    c.plugin = plugin;
    c.chat = fake_plugin_role(plugin, PARLEY_ROLE_CHAT);
    const struct parley_chat_open open = {
        .size = sizeof(open),
        .worker = fake_plugin_on(plugin),
        .session_id = "sess_1",
        .agent = "receptionist",
        .host = &host,
        .traceparent = "",
    };
    int r = KIT_CALL("session_open", KIT_WORKER,
                     c.chat->session_open(fake_plugin_worker(plugin), &open, &c.session, &err));
    kit_check_refusal(r, &err);
    return r >= 0;
}

static void open_session(void)
{
    if (!open_session_on(kit_open()))
        kit_skip("it refuses sessions here");
}

static void close_session(void)
{
    KIT_DO("session_close", KIT_WORKER, c.chat->session_close(c.session));
    c.session = NULL;
}

static void close_all(void)
{
    close_session();
    kit_close(c.plugin);
}

/* ---- generations ---- */

#define TOOLS                                                                                      \
    "[{\"type\":\"function\",\"name\":\"now\",\"description\":\"The time of day.\","               \
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"zone\":{\"type\":\"string\"}}}}]"

static const struct {
    const char *items;
    const char *tools;
    const char *tool_choice;
} dialogues[] = {
    {"[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
     "\"Hello\"}]}]",
     "[]", "\"auto\""},
    {"[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
     "\"What time is it?\"}]}]",
     TOOLS, "\"auto\""},
    {"[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
     "\"What time is it?\"}]},{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":\"now\","
     "\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"call_1\","
     "\"output\":\"It is noon.\"}]",
     TOOLS, "\"none\""},
    {"[]", "[]", "\"auto\""},
    {"[{\"type\":\"something_newer\",\"x\":[1]},{\"type\":\"message\",\"role\":\"system\","
     "\"content\":[{\"type\":\"newer_part\"},{\"type\":\"input_text\"}]},{},17]",
     "[{\"type\":\"newer\"},{\"type\":\"function\"}]", "{\"type\":\"function\",\"name\":\"x\"}"},
};

static parley_op generate(size_t i)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    parley_op op = kit_op_begin("generation %zu", i + 1);
    struct parley_chat_request request = {
        .size = sizeof(request),
        .instructions = PARLEY_VIEW("Be brief."),
        .items = kit_view(dialogues[i].items),
        .tools = kit_view(dialogues[i].tools),
        .tool_choice = kit_view(dialogues[i].tool_choice),
        .max_output_tokens = i % 2 == 0 ? 0 : 64,
    };

    int r = KIT_CALL("generate", KIT_WORKER, c.chat->generate(c.session, &request, op, &err));
    kit_op_answered(op, r, &err);
    return r < 0 ? 0 : op;
}

static void cancel(parley_op op)
{
    if (op != 0 && kit_op_is_open(op))
        KIT_DO("cancel", KIT_WORKER, c.chat->cancel(c.session, op));
}

static void finish(parley_op op)
{
    if (op == 0)
        return;
    kit_settle_for(LIMIT_MS);
    if (!kit_op_is_open(op))
        return;
    cancel(op);
    kit_settle_for(GRACE_MS);
    if (!kit_op_is_open(op))
        return;
    (void)strcpy(kit_report->callback, "generate");
    kit_fail("ends-once", "a generation was accepted and never ended, not even after cancel()");
}

/* ---- rules ---- */

static void answers(void)
{
    open_session();
    for (size_t i = 0; i < KIT_COUNT(dialogues); i++)
        finish(generate(i));
    close_all();
}

static void cancels(void)
{
    open_session();
    for (unsigned done = 0; done < 4; done++) {
        for (size_t i = 0; i < KIT_COUNT(dialogues); i++) {
            parley_op op = generate(i);
            for (unsigned n = 0; n < done; n++)
                (void)(fake_host_run_one() || fake_net_step());
            cancel(op);
            finish(op);
        }
    }
    close_all();
}

static void stop_in_flight(void)
{
    open_session();
    cancel(generate(0));
    kit_settle_for(GRACE_MS);
    close_all();
    kit_settle();
    fake_host_advance_ms(LIMIT_MS);
}

static void two_generations(void)
{
    struct fake_plugin *first = kit_open();

    if (!open_session_on(first))
        kit_skip("it refuses sessions here");
    finish(generate(0));
    close_session();
    if (!open_session_on(kit_open_beside(first)))
        kit_broken("the second generation refuses sessions, and the first did not");
    kit_close(first);
    finish(generate(1));
    close_all();
}

static void unknown_status(void)
{
    fake_net_set_fault(UNKNOWN_STATUS);
    fake_host_set_job_status(UNKNOWN_STATUS);
    answers();
}

static bool live_with_failure(struct fake_plugin *plugin, size_t dialogue, unsigned n)
{
    kit_memory_fail_at(n);
    if (open_session_on(plugin)) {
        finish(generate(dialogue));
        close_session();
    }
    bool was_reached = kit_memory_has_failed();
    kit_memory_fail_at(0);
    return was_reached;
}

static void out_of_memory(void)
{
    struct fake_plugin *plugin = kit_open();

    for (size_t i = 0; i < KIT_COUNT(dialogues); i++) {
        for (unsigned n = 1; n < KIT_MAX_ALLOCATIONS && live_with_failure(plugin, i, n);
             n = kit_memory_next(n))
            continue;
    }
    kit_close(plugin);
}

static const struct kit_case cases[] = {
    {"chat.answer", "answers once, whatever the items are", answers},
    {"chat.cancel", "still ends once when it is cancelled, early or late", cancels},
    {"chat.stop", "is stopped after a cancel, and is silent afterwards", stop_in_flight},
    {"chat.two-generations", "answers in two generations side by side", two_generations},
    {"chat.unknown-status", "ends when a service ends with an unknown status", unknown_status},
    {"chat.out-of-memory", "ends when any allocation fails", out_of_memory},
};

const struct kit_suite kit_suite_chat = {PARLEY_ROLE_CHAT, cases, KIT_COUNT(cases)};
