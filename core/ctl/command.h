/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/ owns parleyctl. One file a command, each ending with its entry for the table in command.c;
 * around them: arguments (args.c), the terminal (term.c), the server's HTTP side (remote.c), a
 * worker of this process for plugins (local.c). It knows everything and nothing knows it.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <parley/error.h>

/* Exit codes of every command, documented in `parleyctl help`. */
enum ctl_exit {
    CTL_DONE = 0,
    CTL_FAILED = 1,      /* asked, and the answer is no or an error */
    CTL_USAGE = 2,       /* wrong arguments or a wrong configuration */
    CTL_UNREACHABLE = 3, /* no server answers there */
    CTL_INTERRUPTED = 130,
};

struct command {
    const char *name;
    const char *summary; /* one line of `parleyctl help` */
    const char *help;    /* all of `parleyctl help NAME`; NULL: the command shows its own */
    /* argv[0] is the command's name. */
    int (*run)(int argc, char **argv);
};

/* Run what argv says; returns the exit code. */
int command_main(int argc, char **argv);

/* "parleyctl NAME: what", where to read on, and CTL_USAGE. */
int command_usage_error(const struct command *c, const struct parley_error *err);

/* "parleyctl NAME: what" and the exit code that fits the status. */
int command_failed(const struct command *c, const struct parley_error *err);

extern const struct command command_config;
extern const struct command command_models;
extern const struct command command_plugins;
extern const struct command command_reference;
extern const struct command command_reload;
extern const struct command command_sessions;
extern const struct command command_talk;
extern const struct command command_telemetry;
extern const struct command command_tools;

#endif
