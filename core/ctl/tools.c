/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl tools: try the tools of a configuration without a server, a model or a microphone. */
#include "host/tools.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "conf/nearest.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/local.h"
#include "ctl/term.h"
#include "host/chat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIST_WAIT_MS 10000  /* for tools whose peer has to be asked first */
#define CALL_WAIT_MS 600000 /* beyond the call's own limit */

static const char help[] =
    "usage: parleyctl tools list|call|match -c FILE [options]\n"
    "\n"
    "Starts the [tools ...] sections of a configuration in this process and uses them.\n"
    "\n"
    "  list                      every function with what it is for\n"
    "  call TOOLS.FUNCTION JSON  run one with these arguments and print its result\n"
    "  match TEXT                ask a text model of the configuration what it would call for "
    "this\n"
    "                            sentence; nothing is run\n"
    "\n"
    "  -c, --config FILE         the INI file\n"
    "  -e, --environment ENV     with FILE.ENV's values over it\n"
    "      --tools NAME          only this [tools NAME]\n"
    "      --model NAME          with match: this [model NAME] (default: the first text model)\n"
    "      --timeout SECONDS     with call: longest run (default 20)\n"
    "      --json                for programs; list gives Realtime tools as a model sees them\n"
    "\n"
    "  parleyctl tools list -c etc/quickstart.ini\n"
    "  parleyctl tools call -c etc/quickstart.ini builtin.calculator "
    "'{\"expression\": \"2 + 3\"}'\n"
    "  parleyctl tools match -c etc/quickstart.ini \"what time is it in Tokyo\"\n"
    "\n"
    "Next: an agent gets them by `tools = builtin` or `tools = builtin.calculator`.\n"
    "Exit code: 0 done, 1 the tool failed or none matched, 2 wrong usage or configuration.\n";

struct request {
    struct settings_source source;
    const char *only; /* --tools */
    const char *model;
    const char *timeout;
    bool is_json;
    struct local local;
    int code;
};

/* ---- list ---- */

static struct worker_instance *next_tools(struct request *q, struct worker_instance *after)
{
    struct worker_instance *wi = after;

    while ((wi = worker_instances_next(q->local.instances, wi)) != NULL) {
        if (wi->instance->kind == INSTANCE_TOOLS &&
            (q->only == NULL || strcmp(q->only, wi->instance->name) == 0))
            return wi;
    }
    return NULL;
}

/* Some list only after their peer has answered: wait until each has something, or some time. */
static bool all_have_some(struct request *q)
{
    for (struct worker_instance *wi = NULL; (wi = next_tools(q, wi)) != NULL;) {
        size_t count;
        (void)tools_functions(wi, &count);
        if (count == 0)
            return false;
    }
    return true;
}

static void wait_for_lists(struct request *q)
{
    for (int waited = 0; waited < LIST_WAIT_MS && !all_have_some(q); waited += 50)
        (void)local_wait(&q->local, 50);
}

static json_t *shown_function(const struct worker_instance *wi, const struct tools_function *f)
{
    json_t *tool = tools_function_json(f, true);

    if (tool != NULL)
        json_object_set_new(tool, "tools", json_string(wi->instance->name));
    return tool;
}

static const char *hint_of(const struct tools_function *f)
{
    if ((f->flags & PARLEY_TOOL_DESTRUCTIVE) != 0)
        return " (destructive)";
    return (f->flags & PARLEY_TOOL_READ_ONLY) != 0 ? " (read only)" : "";
}

static void print_parameters(const struct tools_function *f)
{
    const json_t *required = json_object_get(f->parameters, "required");
    const char *name;
    json_t *schema, *word;
    size_t i;

    json_object_foreach(json_object_get(f->parameters, "properties"), name, schema)
    {
        bool is_required = false;
        json_array_foreach(required, i, word) is_required =
            is_required || view_is(json_view(word), name);
        (void)printf("      %s%s %s%s ", term_style(stdout, TERM_CYAN), name,
                     json_get_str(schema, "type", ""), term_style(stdout, TERM_PLAIN));
        term_safe(stdout, json_get_view(schema, "description"));
        (void)printf("%s\n", is_required ? " (required)" : "");
    }
}

static void print_function(const struct worker_instance *wi, const struct tools_function *f)
{
    (void)printf("%s%s.%s%s%s\n    ", term_style(stdout, TERM_BOLD), wi->instance->name, f->name,
                 term_style(stdout, TERM_PLAIN), hint_of(f));
    term_safe(stdout, view_of(f->description));
    (void)fputc('\n', stdout);
    print_parameters(f);
}

/* All functions; as an array when `json` is there, else printed. Returns how many. */
static size_t each_function(struct request *q, json_t *json)
{
    size_t total = 0;

    for (struct worker_instance *wi = NULL; (wi = next_tools(q, wi)) != NULL;) {
        size_t count;
        const struct tools_function *functions = tools_functions(wi, &count);
        for (size_t i = 0; i < count; i++) {
            if (json != NULL)
                json_array_append_new(json, shown_function(wi, &functions[i]));
            else
                print_function(wi, &functions[i]);
        }
        total += count;
    }
    return total;
}

static void list(struct request *q)
{
    wait_for_lists(q);
    json_t *json = q->is_json ? json_array() : NULL;
    size_t count = each_function(q, json);
    if (q->is_json)
        term_json(json_pack("{s:o}", "tools", json));
    else if (count == 0)
        (void)printf("There is no function; does the configuration have a [tools NAME] section?\n");
}

/* ---- call ---- */

static void on_call_end(void *ctx, const struct tools_result *result)
{
    struct request *q = ctx;

    q->code = result->status < 0 ? CTL_FAILED : CTL_DONE;
    if (q->is_json) {
        term_json(json_pack("{s:b, s:i, s:o, s:b, s:I}", "ok", result->status >= 0, "status",
                            result->status, "output", json_from_view(result->output), "cut",
                            result->is_cut, "took_ms", (json_int_t)result->took_ms));
    } else {
        term_safe(stdout, result->output);
        (void)fputc('\n', stdout);
        (void)fprintf(stderr, "%s%s after %" PRId64 " ms%s\n", term_style(stderr, TERM_DIM),
                      result->status < 0 ? "failed" : "done", result->took_ms,
                      term_style(stderr, TERM_PLAIN));
    }
    local_done(&q->local);
}

static const struct tools_events call_events = {.on_end = on_call_end};

/* "builtin.calculator" in the middle. */
static struct worker_instance *instance_of(struct request *q, const char *name,
                                           const char **ret_function, struct parley_error *err)
{
    char instance[64];
    const char *dot = strchr(name, '.');

    if (dot == NULL) {
        (void)parley_fail(err, PARLEY_E_INVALID,
                          "%.60s: name a function as TOOLS.FUNCTION; parleyctl tools list has them",
                          name);
        return NULL;
    }
    view_copy(instance, sizeof(instance), (struct parley_view){name, (size_t)(dot - name)});
    *ret_function = dot + 1;
    struct worker_instance *wi =
        worker_instances_find(q->local.instances, INSTANCE_TOOLS, instance);
    if (wi == NULL)
        (void)parley_fail(err, PARLEY_E_NOT_FOUND, "there is no section [tools %s] in %s", instance,
                          q->source.path);
    return wi;
}

/* Someone types this one: what was probably meant helps. */
static int refuse_function(struct request *q, struct worker_instance *wi, const char *function,
                           struct parley_error *err)
{
    char hint[96];
    size_t count = 0;
    struct nearest n = nearest_to(function);
    const struct tools_function *functions = tools_functions(wi, &count);

    for (size_t i = 0; i < count; i++)
        nearest_offer(&n, functions[i].name);
    return parley_fail(err, PARLEY_E_NOT_FOUND,
                       "%s has no function %.64s%s (parleyctl tools list -c %s shows them)",
                       wi->instance->name, function, nearest_hint(&n, hint, sizeof(hint)),
                       q->source.path);
}

static int call(struct request *q, const char *name, const char *arguments,
                struct parley_error *err)
{
    const char *function = NULL;
    struct worker_instance *wi = instance_of(q, name, &function, err);

    if (wi == NULL)
        return err->status;
    wait_for_lists(q);
    if (tools_find(wi, view_of(function)) == NULL)
        return refuse_function(q, wi, function, err);
    const struct tools_call call = {
        .session_id = "parleyctl",
        .agent = "parleyctl",
        .call_id = "call_parleyctl",
        .name = function,
        .arguments = view_of(arguments),
        .timeout_ms = q->timeout == NULL ? 0 : (int64_t)(strtod(q->timeout, NULL) * 1000),
        .max_output_bytes = TOOLS_MAX_OUTPUT,
    };
    if (tools_call(wi, &call, &call_events, q) == NULL || !local_wait(&q->local, CALL_WAIT_MS))
        return parley_fail(err, PARLEY_E_TIMEOUT, "%s did not end", name);
    tools_session_closed(wi, "parleyctl");
    return PARLEY_OK;
}

/* ---- match ---- */

struct match {
    struct request *request;
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
    struct request *q = m->request;

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

static struct worker_instance *text_model(struct request *q, struct parley_error *err)
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

static int generate(struct match *m, struct chat_session *chat, const char *text,
                    struct parley_error *err)
{
    json_t *tools = json_array();
    json_t *items =
        json_pack("[{s:s, s:s, s:s, s:[{s:s, s:s}]}]", "id", "item_1", "type", "message", "role",
                  "user", "content", "type", "input_text", "text", text);
    (void)each_function(m->request, tools);
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
    if (r == PARLEY_OK && !local_wait(&m->request->local, CALL_WAIT_MS))
        r = parley_fail(err, PARLEY_E_TIMEOUT, "the model did not answer");
    return r;
}

static int match(struct request *q, const char *text, struct parley_error *err)
{
    struct match m = {.request = q, .calls = json_array()};
    struct chat_session *chat = NULL;
    struct worker_instance *wi = text_model(q, err);

    wait_for_lists(q);
    int r = wi == NULL ? err->status
                       : chat_open(wi, "parleyctl", "parleyctl", &match_events, &m, &chat, err);
    if (r == PARLEY_OK)
        r = generate(&m, chat, text, err);
    chat_close(chat);
    buf_done(&m.text);
    json_decref(m.calls);
    return r;
}

/* ---- the command ---- */

static int check_words(const struct request *q, const struct args *args, struct parley_error *err)
{
    const char *what = args->count > 0 ? args->words[0] : "";
    bool is_list = strcmp(what, "list") == 0, is_call = strcmp(what, "call") == 0;

    if (!is_list && !is_call && strcmp(what, "match") != 0)
        return parley_fail(err, PARLEY_E_INVALID, "say what to do: list, call or match");
    if (is_list && args->count != 1)
        return parley_fail(err, PARLEY_E_INVALID, "list takes no words; --tools NAME narrows it");
    if (is_call && (args->count < 2 || args->count > 3))
        return parley_fail(err, PARLEY_E_INVALID,
                           "call needs TOOLS.FUNCTION and its arguments as one JSON object");
    if (!is_list && !is_call && args->count != 2)
        return parley_fail(err, PARLEY_E_INVALID, "match needs one sentence, in quotes");
    if (q->source.path == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "which configuration? name one with -c FILE");
    return PARLEY_OK;
}

static int perform(struct request *q, const struct args *args, struct parley_error *err)
{
    if (strcmp(args->words[0], "list") == 0) {
        list(q);
        return PARLEY_OK;
    }
    if (strcmp(args->words[0], "call") == 0)
        return call(q, args->words[1], args->count > 2 ? args->words[2] : "{}", err);
    return match(q, args->words[1], err);
}

static int run(int argc, char **argv)
{
    struct request q = {0};
    const struct arg table[] = {{"--config", "-c", &q.source.path, NULL},
                                {"--environment", "-e", &q.source.environment, NULL},
                                {"--tools", NULL, &q.only, NULL},
                                {"--model", NULL, &q.model, NULL},
                                {"--timeout", NULL, &q.timeout, NULL},
                                {"--json", NULL, NULL, &q.is_json},
                                {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;
    unsigned kinds = 1u << INSTANCE_TOOLS;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK)
        r = check_words(&q, &args, &err);
    if (r < 0)
        return command_usage_error(&command_tools, &err);
    if (strcmp(args.words[0], "match") == 0)
        kinds |= 1u << INSTANCE_MODEL;
    r = local_open(&q.local, &q.source, kinds, &err);
    bool is_open = r == PARLEY_OK;
    if (is_open)
        r = perform(&q, &args, &err);
    if (r < 0) {
        int code = command_failed(&command_tools, &err);
        q.code = is_open ? code : CTL_USAGE;
    }
    local_close(&q.local);
    return q.code;
}

const struct command command_tools = {
    .name = "tools",
    .summary = "list and try the tools of a configuration",
    .help = help,
    .run = run,
};
