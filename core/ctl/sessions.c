/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl sessions: the live conversations of a running server, and those that its stores keep.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "ctl/admin.h"
#include "ctl/command.h"
#include "ctl/kept.h"
#include "ctl/term.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const char help[] =
    "usage: parleyctl sessions list|show|move|export|delete [ID] [options]\n"
    "\n"
    "  list       every live session: its agent, model, state, age and turns\n"
    "  show ID    one of them with its conversation\n"
    "  move ID    have it go on with another model of its agent, at a quiet moment\n"
    "\n"
    "  list --kept  the sessions that a store keeps, newest first\n"
    "  export ID    one of them as a JSON document: items, tool calls, responses, with times\n"
    "  delete ID    delete one that is not live, for good; or --user NAME: all of a user's\n"
    "\n"
    "      --model NAME       of the [model NAME] to go on with\n"
    "      --store NAME       which [store NAME], when there are several\n"
    "      --agent NAME       list only those of an agent\n"
    "      --user NAME        list, or delete, only those of a user\n"
    "      --limit N          list at most so many (100)\n"
    "      --yes              delete without asking\n"
    "\n" ADMIN_HELP "\n"
    "  parleyctl sessions list -c etc/parley.ini\n"
    "  parleyctl sessions show sess_8Kd02hf73kQpXz1m4bTy --json\n"
    "  parleyctl sessions move sess_8Kd02hf73kQpXz1m4bTy --model azure\n"
    "  parleyctl sessions export sess_8Kd02hf73kQpXz1m4bTy > session.json\n"
    "  parleyctl sessions delete --user ann\n"
    "\n"
    "Exit code: 0 done, 1 no such session, refused, or some are live, 2 wrong usage, 3 no server "
    "answers.\n";

static void print_age(int width, int64_t ms)
{
    char text[32];

    if (ms < 60000)
        (void)snprintf(text, sizeof(text), "%" PRId64 "s", ms / 1000);
    else
        (void)snprintf(text, sizeof(text), "%" PRId64 "m%02" PRId64 "s", ms / 60000,
                       ms / 1000 % 60);
    (void)printf("%*s", width, text);
}

static void print_row(const json_t *s)
{
    (void)printf("%-26s ", json_get_str(s, "id", ""));
    (void)printf("%-16s %-18s %-11s", json_get_str(s, "agent", ""), json_get_str(s, "model", ""),
                 json_get_str(s, "state", ""));
    print_age(8, json_get_int(s, "age_ms", 0));
    (void)printf(" %5" PRId64 " %5" PRId64 "\n", json_get_int(s, "turns", 0),
                 json_get_int(s, "items", 0));
}

static void print_list(const json_t *answer)
{
    const json_t *data = json_object_get(answer, "data");
    json_t *session;
    size_t i;

    if (json_array_size(data) == 0) {
        (void)printf("There are no live sessions; parleyctl talk begins one.\n");
        return;
    }
    (void)printf("%s%-26s %-16s %-18s %-11s%8s %5s %5s%s\n", term_style(stdout, TERM_DIM),
                 "SESSION", "AGENT", "MODEL", "STATE", "AGE", "TURNS", "ITEMS",
                 term_style(stdout, TERM_PLAIN));
    json_array_foreach(data, i, session) print_row(session);
}

/* The words of a message's part: text, or what was said. */
static void print_parts(const json_t *item)
{
    json_t *part;
    size_t i;

    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        const char *text = json_get_str(part, "text", NULL);
        if (text == NULL)
            text = json_get_str(part, "transcript", NULL);
        (void)fputs(i > 0 ? " " : "", stdout);
        term_safe(stdout, view_of(text == NULL ? "(sound)" : text));
    }
    (void)fputc('\n', stdout);
}

static void print_item(const json_t *item)
{
    const char *type = json_get_str(item, "type", "");

    if (strcmp(type, "function_call") == 0) {
        (void)printf("%s  tool  %s", term_style(stdout, TERM_CYAN), json_get_str(item, "name", ""));
        term_safe(stdout, json_get_view(item, "arguments"));
    } else if (strcmp(type, "function_call_output") == 0) {
        (void)printf("%s     -> ", term_style(stdout, TERM_CYAN));
        term_safe(stdout, json_get_view(item, "output"));
    } else {
        (void)printf("%s%9s  %s", term_style(stdout, TERM_BOLD), json_get_str(item, "role", type),
                     term_style(stdout, TERM_PLAIN));
        print_parts(item);
        return;
    }
    (void)printf("%s\n", term_style(stdout, TERM_PLAIN));
}

static void print_session(const json_t *s)
{
    json_t *item;
    size_t i;

    (void)printf("session  %s\nagent    %s\nmodel    %s\nstate    %s\nage      ",
                 json_get_str(s, "id", ""), json_get_str(s, "agent", ""),
                 json_get_str(s, "model", ""), json_get_str(s, "state", ""));
    print_age(0, json_get_int(s, "age_ms", 0));
    (void)printf("\nturns    %" PRId64 "\n\n", json_get_int(s, "turns", 0));
    json_array_foreach(json_object_get(s, "conversation"), i, item) print_item(item);
}

static bool is_id(const char *id)
{
    for (const char *c = id; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return false;
    }
    return id[0] != '\0' && strlen(id) < 64;
}

/* The model's name stands in a query. */
static bool is_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && strchr("_-.", *c) == NULL)
            return false;
    }
    return name[0] != '\0' && strlen(name) < 64;
}

static int check_words(const struct args *args, const char *model, struct parley_error *err)
{
    const char *what = args->count > 0 ? args->words[0] : "";
    bool moves = strcmp(what, "move") == 0;

    if (strcmp(what, "list") == 0 && args->count == 1)
        return PARLEY_OK;
    if (strcmp(what, "show") != 0 && !moves)
        return parley_fail(
            err, PARLEY_E_INVALID,
            "say what to do: list, show ID, move ID --model NAME, export ID or delete ID");
    if (args->count != 2 || !is_id(args->words[1]))
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s needs the id of one session; parleyctl sessions list has them",
                           what);
    if (moves && (model == NULL || !is_name(model)))
        return parley_fail(err, PARLEY_E_INVALID,
                           "move needs --model NAME, one of the agent's list of models");
    return PARLEY_OK;
}

static void write_path(const struct args *args, const char *model, char path[192])
{
    const char *what = args->words[0];

    if (strcmp(what, "list") == 0)
        (void)snprintf(path, 192, "/admin/v1/sessions");
    else if (strcmp(what, "show") == 0)
        (void)snprintf(path, 192, "/admin/v1/sessions/%s", args->words[1]);
    else
        (void)snprintf(path, 192, "/admin/v1/sessions/%s/move?model=%s", args->words[1], model);
}

static void print_answer(const char *what, const json_t *answer)
{
    if (strcmp(what, "list") == 0)
        print_list(answer);
    else if (strcmp(what, "show") == 0)
        print_session(answer);
    else
        (void)printf("%s goes on with model %s\n", json_get_str(answer, "id", ""),
                     json_get_str(answer, "model", ""));
}

static int run(int argc, char **argv)
{
    struct admin_options o = {0};
    struct kept_options k = {0};
    const char *model = NULL;
    const struct arg table[] = {ADMIN_ARGS(o),
                                {"--model", NULL, &model, NULL},
                                {"--store", NULL, &k.store, NULL},
                                {"--agent", NULL, &k.agent, NULL},
                                {"--user", NULL, &k.user, NULL},
                                {"--limit", NULL, &k.limit, NULL},
                                {"--kept", NULL, NULL, &k.is_kept},
                                {"--yes", NULL, NULL, &k.is_sure},
                                {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;
    char path[192];
    _cleanup_json_ json_t *answer = NULL;

    int r = args_parse(argc, argv, table, &args, &err);
    bool is_kept = r == PARLEY_OK && kept_is(&k, &args);
    if (r == PARLEY_OK)
        r = is_kept ? kept_check(&k, &args, &err) : check_words(&args, model, &err);
    if (r < 0)
        return command_usage_error(&command_sessions, &err);
    if (is_kept) {
        int code;
        r = kept_run(&o, &k, &args, &code, &err);
        return r < 0 ? command_failed(&command_sessions, &err) : code;
    }
    const char *what = args.words[0];
    write_path(&args, model, path);
    r = admin_ask(&o, strcmp(what, "move") == 0 ? "POST" : "GET", path, &answer, &err);
    if (r < 0)
        return command_failed(&command_sessions, &err);
    if (o.is_json)
        term_json(json_incref(answer));
    else
        print_answer(what, answer);
    return CTL_DONE;
}

const struct command command_sessions = {
    .name = "sessions",
    .summary = "list, show, move, export and delete sessions of a running server",
    .help = help,
    .run = run,
};
