/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker's conversation with one MCP server: handshake, listing, calls. It owns its link, comes
 * back by itself after every failure, and tells the host when the list of tools has changed.
 * Thread: the worker's.
 *
 *   DOWN --timer--> PROBING --an older server--> CONNECTING or, in the stateless revision, LISTING
 *   DOWN --timer, the server is known to be older--> CONNECTING --initialize answered--> GREETING
 * --delivered--> LISTING --> READY any --failure--> DOWN, with a pause that grows
 */
#ifndef TOOLS_MCP_CLIENT_H
#define TOOLS_MCP_CLIENT_H

#include <stdbool.h>

#include <parley/options.h>
#include <parley/service/metrics.h>
#include <parley/tools.h>

#include "link.h"

struct client;

enum client_protocol {
    CLIENT_AUTO,     /* ask server/discover first, and go by the answer */
    CLIENT_LEGACY,   /* begin with initialize */
    CLIENT_STATELESS /* 2026-07-28 and nothing else */
};

struct pins;

struct client_config {
    struct surroundings around;
    const struct parley_service_metrics *metrics; /* or NULL */
    const char *section;                          /* the name of the INI section, for metrics */
    const char *prefix;                           /* of the names that the model sees */
    const struct parley_list *allow;              /* the server's names; empty: all */
    int64_t timeout_ms;                           /* of a call; 0: the host's own */
    int64_t max_timeout_ms;                       /* that progress extends it to; 0: it does not */
    unsigned max_calls;                           /* under way at once; further ones wait */
    enum client_protocol protocol;
    const char *version;      /* of CLIENT_LEGACY: this one and no other; NULL: any */
    struct pins *pins;        /* what the tools were like when they were first seen */
    bool refuses_changed;     /* tools that are not like that are not offered any more */
    bool accepts_defaults;    /* a server's question is answered by its own defaults */
    int64_t start_timeout_ms; /* from the beginning of a connection to its list */
    int64_t ready_timeout_ms; /* that a conversation may wait for a list on its way */
    /* For a conversation's own connection to the same server: the client whose tools and revision
     * count. It connects when there is a call, and lists nothing. NULL for the others. */
    struct client *elder;
};

/* NULL without memory. client_start() begins. */
struct client *client_create(const struct client_config *config);

/* The link tells the client of events by this table, with the client as ctx. */
extern const struct link_events client_link_events;

/* Connect soon; `worker_instance` is what the host knows this client as. The links are taken:
 * `other` is tried where the server has no endpoint for `link`; its vtable may be NULL. */
void client_start(struct client *c, struct link link, struct link other,
                  const struct parley_tools_host *tools, void *worker_instance);

void client_list(struct client *c, struct parley_tool_list *ret_list);
int client_call(struct client *c, const struct parley_tool_call *call, parley_op op,
                struct parley_error *err);
void client_cancel(struct client *c, parley_op op);

/* End all that is open, as cancelled. */
void client_cancel_all(struct client *c);

/* At worker_stop: every operation has ended. NULL is fine. */
void client_destroy(struct client *c);

#endif
