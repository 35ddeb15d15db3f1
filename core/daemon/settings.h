/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One reading of the configuration: the file's layers, the core's own sections, the keys, and the
 * generation of instances and agents. Thread: main.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include "agent/generation.h"
#include "daemon/server_options.h"
#include "net/auth.h"

struct settings {
    struct options_values *server_values;
    struct options_values *admin_values; /* NULL without the section */
    struct options_values *telemetry_values;
    struct options_values *auth_values; /* NULL without the section, and once auth has them */
    const struct server_config *server;
    const struct admin_config *admin;
    const struct telemetry_options *telemetry;
    struct auth *auth;
    struct generation *generation;
};

/* Where a configuration is read from. */
struct settings_source {
    const char *path;
    const char *environment; /* NULL: none */
    bool serves;             /* parleyd reads it: what it writes to must be there for it */
    bool is_attended;        /* a person waits at the terminal, who may be asked to sign in */
};

/*
 * Read and check everything; plugins are loaded through the registry, which is made on the first
 * reading. Every mistake goes to the report. PARLEY_OK, or PARLEY_E_INVALID and nothing is left.
 */
int settings_read(const struct settings_source *source, struct registry **registry, uint64_t number,
                  struct settings *ret, struct conf_report *report);

/* Free what is still held; fields that were taken over are NULL by then. */
void settings_free(struct settings *s);

#endif
