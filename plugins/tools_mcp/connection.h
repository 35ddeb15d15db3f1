/* SPDX-License-Identifier: Apache-2.0 */
/* A client with its way to the server and the credential that it goes by. Thread: the worker's. */
#ifndef TOOLS_MCP_CONNECTION_H
#define TOOLS_MCP_CONNECTION_H

#include "auth.h"
#include "client.h"
#include "config.h"
#include "gate.h"
#include "pins.h"
#include "reaper.h"

struct connection_config {
    struct surroundings around;
    const struct config *config;
    const char *section; /* the name of the INI section */
    const char *prefix;  /* of tools' names */
    bool is_child;
    struct orphans *orphans;
    struct pins *pins;
    struct gatehouse *house;
    const struct auth_settings *auth;
    struct client *elder; /* whose list of tools counts, for a conversation's own; NULL: none */
};

struct connection;

struct connection *connection_create(const struct connection_config *config,
                                     struct parley_error *err);

/* Connect soon; see client_start(). */
void connection_start(struct connection *c, const struct parley_tools_host *tools,
                      void *worker_instance);

struct client *connection_client(const struct connection *c);

/* Its calls end as cancelled. NULL is fine. */
void connection_destroy(struct connection *c);

#endif
