/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of parleyd. */
#ifndef DAEMON_CLI_H
#define DAEMON_CLI_H

#include "daemon/settings.h"

#include <stdbool.h>

struct cli {
    struct settings_source source;
    bool checks_only;
};

/*
 * Read the arguments. True: go on with *ret. False: done, *ret_exit is the exit code, and what was
 * asked for (help, version) or what was wrong has been printed.
 */
bool cli_parse(int argc, char **argv, struct cli *ret, int *ret_exit);

#endif
