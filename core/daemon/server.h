/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/ owns the process parleyd: arguments (cli.c), the configuration as a whole (settings.c),
 * the workers (worker.c), the telemetry thread (exporting.c), and here the order in which all of it
 * starts and stops, signals and reload. Thread: main.
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include "daemon/settings.h"

/*
 * Read the configuration, start, serve until SIGTERM or SIGINT, stop in order. Returns the exit
 * code: 0 after an orderly stop, 1 when it could not start, 2 for a bad configuration.
 */
int server_run(const struct settings_source *source);

/* --check: read the configuration, say what is wrong or that it is good. Returns the exit code. */
int server_check(const struct settings_source *source);

#endif
