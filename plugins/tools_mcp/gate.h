/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to an MCP server that carry its token. It stands where the HTTP service would: a request
 * waits until there is a token, and is sent once more when another one is needed. Its owner sees
 * only the last answer. Thread: the worker's.
 */
#ifndef TOOLS_MCP_GATE_H
#define TOOLS_MCP_GATE_H

#include <parley/service/http.h>

#include "auth.h"

/* Of a worker: what its gates have under way. */
struct gatehouse;

struct gatehouse *gatehouse_create(const struct surroundings *around,
                                   const struct parley_service_http *http);

/* At worker_stop, when no gate is left: the host tells no ends any more. NULL is fine. */
void gatehouse_destroy(struct gatehouse *house);

/* Of one credential. */
struct gate;

/* NULL without memory. `auth` outlives it. */
struct gate *gate_create(struct gatehouse *house, struct auth *auth);

/* Nobody is told anything any more; what is under way is given up, unless it is detached. NULL is
 * fine. */
void gate_destroy(struct gate *g);

/* As of the service. The request has no Authorization of its own. */
int gate_start(struct gate *g, const struct parley_http_request *request,
               const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
               struct parley_error *err);
void gate_cancel(struct gate *g, uint64_t request);

#endif
