/* SPDX-License-Identifier: Apache-2.0 */
/* The options that every command of the admin API takes, and the question itself. */
#ifndef CTL_ADMIN_H
#define CTL_ADMIN_H

#include "ctl/args.h"
#include "ctl/remote.h"

struct admin_options {
    const char *url;
    const char *token;
    const char *config;
    const char *environment;
    bool is_json;
};

/* Rows for the command's table of arguments. */
#define ADMIN_ARGS(o)                                                                              \
    {"--url", NULL, &(o).url, NULL}, {"--token", NULL, &(o).token, NULL},                          \
        {"--config", "-c", &(o).config, NULL}, {"--environment", "-e", &(o).environment, NULL},    \
    {                                                                                              \
        "--json", NULL, NULL, &(o).is_json                                                         \
    }

/* Their part of the help text. */
#define ADMIN_HELP                                                                                 \
    "      --url URL          the admin API (default: $PARLEY_ADMIN_URL, else "                    \
    "http://127.0.0.1:8081)\n"                                                                     \
    "      --token TOKEN      its token (default: $PARLEY_ADMIN_TOKEN)\n"                          \
    "  -c, --config FILE      take both from the [admin] section of this configuration\n"          \
    "  -e, --environment ENV  with FILE.ENV's values over it\n"                                    \
    "      --json             the server's answer as it is\n"

int admin_ask(const struct admin_options *o, const char *method, const char *path,
              json_t **ret_json, struct parley_error *err);

#endif
