/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/command.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/nearest.h"
#include "ctl/models.h"
#include "ctl/term.h"

#include <stdio.h>
#include <string.h>

const struct command command_models = {
    .name = "models",
    .summary = "speech models: list, get, verify",
    .run = models_main,
};

static const struct command *const commands[] = {
    &command_talk,   &command_config, &command_plugins,   &command_tools,     &command_sessions,
    &command_models, &command_reload, &command_telemetry, &command_reference,
};

static const char tail[] =
    "\n"
    "Every command takes --json for programs, and --help.\n"
    "\n"
    "First steps:\n"
    "  parleyctl talk                                   type to the agent of a parleyd on this "
    "machine\n"
    "  parleyctl talk --wav question.wav --save a.wav   let a file ask, keep the spoken answer\n"
    "  parleyctl config show -c etc/quickstart.ini      what a configuration comes to\n"
    "  parleyctl plugins list                           what there is to build agents from\n"
    "\n"
    "Exit codes: 0 done; 1 failed, or the answer is no; 2 wrong arguments or configuration;\n"
    "3 no server answers; 130 interrupted.\n";

static void print_help(FILE *out)
{
    (void)fprintf(out, "%sparleyctl%s COMMAND [options]: parley from a terminal, version %s\n\n",
                  term_style(out, TERM_BOLD), term_style(out, TERM_PLAIN), PARLEY_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        (void)fprintf(out, "  %s%-10s%s %s\n", term_style(out, TERM_BOLD), commands[i]->name,
                      term_style(out, TERM_PLAIN), commands[i]->summary);
    (void)fputs(tail, out);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int unknown(const char *name)
{
    char hint[96];
    struct nearest n = nearest_to(name);

    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        nearest_offer(&n, commands[i]->name);
    (void)nearest_hint(&n, hint, sizeof(hint));
    (void)fprintf(stderr, "parleyctl: there is no command %.60s%s%s parleyctl help lists them\n",
                  name, hint, hint[0] == '\0' ? ";" : "");
    return CTL_USAGE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static int run(const struct command *c, int argc, char **argv)
{
    if (c->help == NULL || !asks_for_help(argc, argv))
        return c->run(argc, argv);
    (void)fputs(c->help, stdout);
    return CTL_DONE;
}

static int help_on(const struct command *c)
{
    char *argv[] = {(char *)(uintptr_t)c->name, (char *)(uintptr_t) "--help", NULL};

    return run(c, 2, argv);
}

/* What plugins log while they are tried out is for operators; PARLEY_LOG=debug shows all of it. */
static void choose_log_level(void)
{
    const char *wanted = getenv("PARLEY_LOG");
    enum log_level level = LOG_LEVEL_ERROR;

    if (wanted != NULL)
        (void)log_level_parse(wanted, &level);
    log_set_level(level);
}

int command_main(int argc, char **argv)
{
    choose_log_level();
    if (argc < 2) {
        print_help(stderr);
        return CTL_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void)printf("parleyctl %s\n", PARLEY_VERSION);
        return CTL_DONE;
    }
    bool is_help = strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
                   strcmp(argv[1], "-h") == 0;
    if (is_help && argc < 3) {
        print_help(stdout);
        return CTL_DONE;
    }
    const struct command *c = find(argv[is_help ? 2 : 1]);
    if (c == NULL)
        return unknown(argv[is_help ? 2 : 1]);
    return is_help ? help_on(c) : run(c, argc - 1, argv + 1);
}

int command_usage_error(const struct command *c, const struct parley_error *err)
{
    (void)fprintf(stderr, "parleyctl %s: %s\ntry: parleyctl %s --help\n", c->name, err->message,
                  c->name);
    return CTL_USAGE;
}

int command_failed(const struct command *c, const struct parley_error *err)
{
    (void)fprintf(stderr, "%sparleyctl %s:%s %s\n", term_style(stderr, TERM_RED), c->name,
                  term_style(stderr, TERM_PLAIN), err->message);
    return err->status == PARLEY_E_UNAVAILABLE ? CTL_UNREACHABLE : CTL_FAILED;
}
