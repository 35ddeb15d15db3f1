/* SPDX-License-Identifier: Apache-2.0 */
/* parleyctl plugins: what is there, what each takes, and whether one would load. */
#include "base/cleanup.h"
#include "base/str.h"
#include "conf/show.h"
#include "ctl/args.h"
#include "ctl/command.h"
#include "ctl/term.h"
#include "host/probe.h"
#include "host/registry.h"
#include "host/services.h"

#include <limits.h>
#include <string.h>

static const char help[] =
    "usage: parleyctl plugins list|describe|check [NAME ...] [options]\n"
    "\n"
    "  list             every plugin with its version, what it does, and what it is for\n"
    "  describe NAME    one plugin and its options, as they stand in its INI section\n"
    "  check NAME ...   load each as parleyd would, first in a child process, and say which rules "
    "it\n"
    "                   breaks, each by its name in docs/abi.md; a path such as "
    "./tools_weather.so\n"
    "                   works, too, here and with describe\n"
    "\n"
    "      --plugin-dir DIR  where to look (default: the build tree's or the installed folder)\n"
    "      --markdown        with describe: as a table for documents\n"
    "      --json            for programs\n"
    "\n"
    "  parleyctl plugins describe store_sqlite\n"
    "  parleyctl plugins check build/tools_weather.so\n"
    "\n"
    "Next: put `[tools weather]` with `plugin = tools_weather` into the configuration;\n"
    "docs/plugin-guide.md shows how to write one.\n"
    "Exit code: 0 good, 1 a plugin is refused or breaks a rule, 2 wrong usage.\n";

struct request {
    const char *plugin_dir;
    bool is_markdown;
    bool is_json;
    struct registry *registry;
    json_t *json; /* array, with --json */
};

static void roles_text(const struct plugin *p, struct buf *out)
{
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (plugin_has_role(p, role))
            buf_printf(out, "%s%s", out->len == 0 ? "" : ", ", role_id(role));
    }
}

static json_t *roles_json(const struct plugin *p)
{
    json_t *roles = json_array();

    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (plugin_has_role(p, role))
            json_array_append_new(roles, json_string(role_id(role)));
    }
    return roles;
}

static json_t *plugin_json(const struct plugin *p)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:b}", "name", p->about.name, "version",
                     p->about.version, "summary", p->about.summary, "licence", p->about.licence,
                     "roles", roles_json(p), "file", p->path, "ok", 1);
}

static void say_refused(struct request *q, const char *name, const struct parley_error *err)
{
    if (q->is_json)
        json_array_append_new(q->json, json_pack("{s:s, s:b, s:s, s:s}", "name", name, "ok", 0,
                                                 "rule", err->code, "error", err->message));
    else
        (void)printf("%s%s%s  refused\n    %s\n", term_style(stdout, TERM_RED), name,
                     term_style(stdout, TERM_PLAIN), err->message);
}

static void say_loaded(struct request *q, const struct plugin *p)
{
    _cleanup_(buf_done) struct buf roles = {0};

    if (q->is_json) {
        json_array_append_new(q->json, plugin_json(p));
        return;
    }
    roles_text(p, &roles);
    (void)printf("%s%-22s%s %-8s %s%s%s\n                                %s\n",
                 term_style(stdout, TERM_BOLD), p->about.name, term_style(stdout, TERM_PLAIN),
                 p->about.version, term_style(stdout, TERM_DIM), roles.data,
                 term_style(stdout, TERM_PLAIN), p->about.summary);
}

/* Load one and say how it went. */
static bool look_at(struct request *q, const char *name)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *p = NULL;

    if (registry_get(q->registry, name, ".", &p, &err) < 0) {
        say_refused(q, name, &err);
        return false;
    }
    say_loaded(q, p);
    return true;
}

static int list(struct request *q)
{
    _cleanup_(buf_done) struct buf names = {0};
    char name[128];
    struct parley_view line, rest;
    bool is_good = true;

    registry_names(q->registry, &names);
    rest = buf_view(&names);
    while (rest.len > 0) {
        (void)view_split(&rest, '\n', &line);
        view_copy(name, sizeof(name), line);
        is_good = (line.len == 0 || look_at(q, name)) && is_good;
    }
    if (names.len == 0 && !q->is_json) {
        _cleanup_(buf_done) struct buf dirs = {0};
        registry_dirs(q->registry, &dirs);
        (void)printf("There are no plugins in\n%s", buf_view(&dirs).data);
    }
    return is_good ? CTL_DONE : CTL_FAILED;
}

/* ---- check: all that is wrong, not only what comes first ---- */

struct faults {
    json_t *json; /* [{"rule", "message"}] */
};

static void on_fault(void *ctx, const char *rule, const char *text)
{
    struct faults *f = ctx;

    json_array_append_new(f->json, json_pack("{s:s, s:s}", "rule", rule, "message", text));
}

static void find_faults(struct request *q, const char *name, struct faults *f)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char path[PATH_MAX];

    if (registry_file(q->registry, name, ".", path, sizeof(path), &err) < 0) {
        on_fault(f, "file", err.message);
        return;
    }
    if (probe_load(path, services_host(), &err) < 0) {
        on_fault(f, "comes-back", err.message);
        return;
    }
    loader_examine(path, services_host(), on_fault, f);
}

static void say_faults(struct request *q, const char *name, const struct faults *f)
{
    size_t i;
    json_t *fault;

    if (q->is_json) {
        const json_t *first = json_array_get(f->json, 0);
        json_array_append_new(q->json,
                              json_pack("{s:s, s:b, s:O, s:O}", "name", name, "ok", 0, "error",
                                        json_object_get(first, "message"), "faults", f->json));
        return;
    }
    (void)printf("%s%s%s  breaks %zu rule%s\n", term_style(stdout, TERM_RED), name,
                 term_style(stdout, TERM_PLAIN), json_array_size(f->json),
                 json_array_size(f->json) == 1 ? "" : "s");
    json_array_foreach(f->json, i, fault)(void)
        printf("    %s: %s\n", json_string_value(json_object_get(fault, "rule")),
               json_string_value(json_object_get(fault, "message")));
}

static bool check_one(struct request *q, const char *name)
{
    struct faults f = {.json = json_array()};

    find_faults(q, name, &f);
    bool is_good = json_array_size(f.json) == 0;
    if (is_good)
        is_good = look_at(q, name);
    else
        say_faults(q, name, &f);
    json_decref(f.json);
    return is_good;
}

static int check(struct request *q, const struct args *args)
{
    bool is_good = true;

    for (int i = 1; i < args->count; i++)
        is_good = check_one(q, args->words[i]) && is_good;
    return is_good ? CTL_DONE : CTL_FAILED;
}

static void describe_loaded(struct request *q, const struct plugin *p)
{
    _cleanup_(buf_done) struct buf text = {0};
    _cleanup_(buf_done) struct buf roles = {0};

    if (q->is_json) {
        json_t *json = plugin_json(p);
        json_object_set_new(json, "options", describe_json(&p->options));
        json_array_append_new(q->json, json);
        return;
    }
    roles_text(p, &roles);
    if (q->is_markdown)
        describe_markdown(&text, &p->options);
    else {
        (void)printf("%s%s%s %s, %s\n%s\nroles:   %s\nfile:    %s\n\n",
                     term_style(stdout, TERM_BOLD), p->about.name, term_style(stdout, TERM_PLAIN),
                     p->about.version, p->about.licence, p->about.summary, roles.data, p->path);
        describe_text(&text, &p->options);
    }
    (void)fwrite(buf_view(&text).data, 1, text.len, stdout);
}

static int describe(struct request *q, const char *name)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct plugin *p = NULL;

    if (registry_get(q->registry, name, ".", &p, &err) < 0)
        return command_failed(&command_plugins, &err);
    describe_loaded(q, p);
    return CTL_DONE;
}

static int check_words(const struct args *args, struct parley_error *err)
{
    const char *what = args->count > 0 ? args->words[0] : "";

    if (strcmp(what, "list") == 0)
        return args->count == 1 ? PARLEY_OK
                                : parley_fail(err, PARLEY_E_INVALID, "list takes no names");
    if (strcmp(what, "describe") == 0)
        return args->count == 2 ? PARLEY_OK
                                : parley_fail(err, PARLEY_E_INVALID,
                                              "describe needs the name of one plugin; see: "
                                              "parleyctl plugins list");
    if (strcmp(what, "check") == 0)
        return args->count > 1
                   ? PARLEY_OK
                   : parley_fail(err, PARLEY_E_INVALID, "check needs the name or file of a plugin");
    return parley_fail(err, PARLEY_E_INVALID, "say what to do: list, describe or check");
}

static int perform(struct request *q, const struct args *args)
{
    int code;

    if (strcmp(args->words[0], "list") == 0)
        code = list(q);
    else if (strcmp(args->words[0], "describe") == 0)
        code = describe(q, args->words[1]);
    else
        code = check(q, args);
    if (q->is_json)
        term_json(json_pack("{s:O}", "plugins", q->json));
    return code;
}

static int run(int argc, char **argv)
{
    struct request q = {0};
    const struct arg table[] = {{"--plugin-dir", NULL, &q.plugin_dir, NULL},
                                {"--markdown", NULL, NULL, &q.is_markdown},
                                {"--json", NULL, NULL, &q.is_json},
                                {0}};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct args args;

    int r = args_parse(argc, argv, table, &args, &err);
    if (r == PARLEY_OK)
        r = check_words(&args, &err);
    if (r < 0)
        return command_usage_error(&command_plugins, &err);
    q.registry = registry_create(services_host(), q.plugin_dir);
    q.json = json_array();
    int code = q.registry == NULL ? CTL_FAILED : perform(&q, &args);
    json_decref(q.json);
    registry_destroy(q.registry);
    return code;
}

const struct command command_plugins = {
    .name = "plugins",
    .summary = "list, describe and check plugins",
    .help = help,
    .run = run,
};
