/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a refusal to the authorization server: the protected resource's metadata, then the server's.
 * Servers of 2025-03-26 have no metadata of the resource; theirs is the server at their own origin.
 * Thread: the worker's.
 */
#ifndef TOOLS_MCP_DISCOVERY_H
#define TOOLS_MCP_DISCOVERY_H

#include "challenge.h"
#include "fetch.h"
#include "metadata.h"

struct discovery_config {
    const struct fetcher *fetcher;
    const char *url;    /* the MCP endpoint */
    const char *issuer; /* which the operator wants, or "" */
    const char *usual;  /* which was used last, or "": preferred of several */
};

struct discovery_result {
    int status;
    const char *why;                          /* when it failed: a sentence for the log */
    const struct metadata_resource *resource; /* NULL: the server has none */
    const struct metadata_server *server;
};

struct discovery;

/* on_done comes once, never on this stack, and frees. NULL with err when it cannot begin. */
struct discovery *discovery_start(const struct discovery_config *config,
                                  const struct challenge *challenge,
                                  void (*on_done)(void *ctx, const struct discovery_result *result),
                                  void *ctx, struct parley_error *err);

/* At worker_stop: no on_done. NULL is fine. */
void discovery_destroy(struct discovery *d);

#endif
