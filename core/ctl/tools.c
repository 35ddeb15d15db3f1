/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl tools: try the tools of a configuration without a server, a model or a microphone. */
#include "base/log.h"
#include "base/str.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/term.h"
#include "ctl/tools_request.h"
#include "host/tool_policy.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_WAIT_MS   86400000 /* the call's own limit comes first */
#define LIST_WAIT_S    30       /* a server may have to be fetched before it starts */
#define LONGEST_WAIT_S 3600     /* as of the policy timeout_ms */

static const char help[] =
    "usage: parleyctl tools list|call|match -c FILE [options]\n"
    "\n"
    "Starts the [tools ...] sections of a configuration in this process and uses them.\n"
    "\n"
    "  list             every function with what it is for\n"
    "  call NAME JSON   run one with these arguments and print its result; NAME is a function,\n"
    "                   SECTION.FUNCTION, or without the section's name that its server's tools\n"
    "                   have in front: files.read_text_file for files_read_text_file\n"
    "  match TEXT       ask a text model of the configuration what it would call for this\n"
    "                   sentence; nothing is run\n"
    "\n"
    "  -c, --config FILE         the INI file\n"
    "  -e, --environment ENV     with FILE.ENV's values over it\n"
    "      --tools NAME          only this [tools NAME]\n"
    "      --model NAME          with match: this [model NAME] (default: the first text model)\n"
    "      --timeout SECONDS     with call: longest run (default 20); with list: longest wait for\n"
    "                            servers (default 30)\n"
    "      --progress            with call: how far it is, as lines of JSON on standard error\n"
    "      --json                for programs; so it is, too, when the output is no terminal.\n"
    "                            list: [{name, description, inputSchema, outputSchema,\n"
    "                            annotations, instance}]\n"
    "                            call: {isError, content, structuredContent}, as MCP has them\n"
    "\n"
    "  parleyctl tools list -c etc/quickstart.ini\n"
    "  parleyctl tools call -c etc/quickstart.ini calculator '{\"expression\": \"2 + 3\"}'\n"
    "  parleyctl tools match -c etc/quickstart.ini \"what time is it in Tokyo\"\n"
    "\n"
    "Next: an agent gets them by `tools = builtin` or `tools = builtin.calculator`. Ctrl-C cancels "
    "a\n"
    "call.\n"
    "Exit code: 0 done; 1 the tool failed, a server did not come or none matched; 2 wrong usage "
    "or\n"
    "configuration; 130 interrupted.\n";

/* ---- call ---- */

struct running {
    struct tools_request *request;
    struct tools_run *run; /* NULL once it has ended */
};

static void on_call_progress(void *ctx, double done, double total, struct parley_view message)
{
    const struct running *r = ctx;

    if (r->request->wants_progress)
        tools_show_progress(done, total, message);
}

static void on_call_end(void *ctx, const struct tools_result *result)
{
    struct running *r = ctx;

    r->run = NULL;
    r->request->code = result->status < 0 ? CTL_FAILED : CTL_DONE;
    if (r->request->is_interrupted)
        r->request->code = CTL_INTERRUPTED;
    tools_show_result(r->request, result);
    local_done(&r->request->local);
}

static const struct tools_events call_events = {on_call_progress, on_call_end};

static void on_interrupt(evutil_socket_t number, short what, void *ctx)
{
    struct running *r = ctx;

    (void)number;
    (void)what;
    if (r->request->is_interrupted)
        _exit(CTL_INTERRUPTED); /* twice: at once */
    r->request->is_interrupted = true;
    if (r->run != NULL)
        tools_cancel(r->run);
    else
        local_done(&r->request->local);
}

static int run_call(struct running *r, const char *name, const char *arguments,
                    struct parley_error *err)
{
    struct tools_request *q = r->request;
    struct tools_choice choice;
    int s = tools_request_find(q, name, &choice, err);

    if (q->is_interrupted)
        return parley_fail(err, PARLEY_E_CANCELLED, "interrupted");
    if (s < 0)
        return s;
    const struct instance *instance = choice.wi->instance;
    const struct tool_policy policy = tool_policy_of(instance->policies, NULL, instance->name,
                                                     choice.function->name, choice.function->flags);
    const struct tools_call call = {
        .session_id = "parleyctl",
        .agent = "parleyctl",
        .call_id = "call_parleyctl",
        .name = choice.function->name,
        .arguments = view_of(arguments),
        .takes_any_arguments = !policy.check_arguments,
        .wants_content = true,
        .policy_timeout_ms = q->timeout == NULL ? policy.timeout_ms : q->timeout_ms,
        .max_output_bytes = TOOLS_MAX_OUTPUT,
    };
    r->run = tools_call(choice.wi, &call, &call_events, r);
    if (r->run == NULL || !local_wait(&q->local, CALL_WAIT_MS))
        return parley_fail(err, PARLEY_E_TIMEOUT, "%s did not end", name);
    tools_session_closed(choice.wi, "parleyctl");
    return PARLEY_OK;
}

static int call(struct tools_request *q, const char *name, const char *arguments,
                struct parley_error *err)
{
    struct running r = {.request = q};
    struct event *on_sigint = evsignal_new(loop_base(q->local.loop), SIGINT, on_interrupt, &r);

    if (on_sigint != NULL)
        (void)event_add(on_sigint, NULL);
    int s = run_call(&r, name, arguments, err);
    if (on_sigint != NULL)
        event_free(on_sigint);
    return s;
}

/* ---- the command ---- */

static int check_words(const struct tools_request *q, const struct args *args,
                       struct parley_error *err)
{
    const char *what = args->count > 0 ? args->words[0] : "";
    bool is_list = strcmp(what, "list") == 0, is_call = strcmp(what, "call") == 0;

    if (!is_list && !is_call && strcmp(what, "match") != 0)
        return parley_fail(err, PARLEY_E_INVALID, "say what to do: list, call or match");
    if (is_list && args->count != 1)
        return parley_fail(err, PARLEY_E_INVALID, "list takes no words; --tools NAME narrows it");
    if (is_call && (args->count < 2 || args->count > 3))
        return parley_fail(err, PARLEY_E_INVALID,
                           "call needs a function's name and its arguments as one JSON object");
    if (!is_list && !is_call && args->count != 2)
        return parley_fail(err, PARLEY_E_INVALID, "match needs one sentence, in quotes");
    if (q->source.path == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "which configuration? name one with -c FILE");
    return PARLEY_OK;
}

static int check_only(struct tools_request *q, struct parley_error *err)
{
    if (q->only == NULL || tools_request_next(q, NULL) != NULL)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_NOT_FOUND, "there is no section [tools %s] in %s", q->only,
                       q->source.path);
}

static int perform(struct tools_request *q, const struct args *args, struct parley_error *err)
{
    int r = check_only(q, err);

    if (r < 0)
        return r;
    if (strcmp(args->words[0], "list") == 0) {
        tools_request_settle(q);
        q->code = tools_show_list(q);
        return PARLEY_OK;
    }
    if (strcmp(args->words[0], "call") == 0)
        return call(q, args->words[1], args->count > 2 ? args->words[2] : "{}", err);
    return tools_match(q, args->words[1], err);
}

/* The exit code of what did not even get so far as to a result. */
static int code_of(const struct tools_request *q, bool is_open, const struct parley_error *err)
{
    int code = command_failed(&command_tools, err);

    if (q->is_interrupted)
        return CTL_INTERRUPTED;
    return is_open ? code : CTL_USAGE;
}

static int run(int argc, char **argv)
{
    struct tools_request q = {0};
    const struct arg table[] = {{"--config", "-c", &q.source.path, NULL},
                                {"--environment", "-e", &q.source.environment, NULL},
                                {"--tools", NULL, &q.only, NULL},
                                {"--model", NULL, &q.model, NULL},
                                {"--timeout", NULL, &q.timeout, NULL},
                                {"--progress", NULL, NULL, &q.wants_progress},
                                {"--json", NULL, NULL, &q.is_json},
                                {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;
    unsigned kinds = 1u << INSTANCE_TOOLS;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK)
        r = check_words(&q, &args, &err);
    if (r == PARLEY_OK)
        r = args_timeout(q.timeout, LIST_WAIT_S, LONGEST_WAIT_S, &q.timeout_ms, &err);
    if (r < 0)
        return command_usage_error(&command_tools, &err);
    if (strcmp(args.words[0], "match") == 0)
        kinds |= 1u << INSTANCE_MODEL;
    else
        q.is_json = q.is_json || isatty(STDOUT_FILENO) != 1;
    if (getenv("PARLEY_LOG") == NULL && !q.wants_progress) /* its lines are for a program */
        log_set_level(LOG_LEVEL_WARN); /* why a server has no tools, for example */
    q.source.is_attended = true;
    r = local_open(&q.local, &q.source, kinds, &err);
    bool is_open = r == PARLEY_OK;
    if (is_open)
        r = perform(&q, &args, &err);
    if (r < 0)
        q.code = code_of(&q, is_open, &err);
    local_close(&q.local);
    return q.code;
}

const struct command command_tools = {
    .name = "tools",
    .summary = "list and try the tools of a configuration",
    .help = help,
    .run = run,
};
