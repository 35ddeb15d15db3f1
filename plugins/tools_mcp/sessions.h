/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations whose client has handed in a token of its own. Each has a connection of its own,
 * made at its first call and closed with the conversation: what a server keeps for one credential
 * is not for another. Which tools there are says the section's own connection. Thread: the
 * worker's.
 */
#ifndef TOOLS_MCP_SESSIONS_H
#define TOOLS_MCP_SESSIONS_H

#include "connection.h"

#define SESSIONS_MAX 1024 /* connections of a section at once */

struct sessions;

/* `config` is what every connection is made from, but for its credential. NULL without memory. */
struct sessions *sessions_create(const struct connection_config *config);

void sessions_attach(struct sessions *s, const struct parley_tools_host *tools);

/* The client for this call, by its session and token. NULL with err: too many, or the token is
 * none.
 */
struct client *sessions_client(struct sessions *s, const struct parley_tool_call *call,
                               struct parley_error *err);

/* One of its calls; others are ignored. */
void sessions_cancel(struct sessions *s, parley_op op);

/* The conversation has ended. */
void sessions_close(struct sessions *s, const char *session_id);

/* At worker_stop. NULL is fine. */
void sessions_destroy(struct sessions *s);

#endif
