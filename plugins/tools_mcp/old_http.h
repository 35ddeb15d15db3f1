/* SPDX-License-Identifier: Apache-2.0 */
/* A link over HTTP+SSE, the transport of 2024-11-05: one event stream brings everything the server
 * says, its first event the address that messages are posted to. */
#ifndef TOOLS_MCP_OLD_HTTP_H
#define TOOLS_MCP_OLD_HTTP_H

#include <stdbool.h>

#include "http.h"

#define OLD_HTTP_MAX_URL 2048

struct old_http;

/* NULL without memory. */
struct old_http *old_http_create(const struct http_config *config);

/* The link to it; its destroy() frees. */
struct link old_http_link(struct old_http *h);

/* Where the endpoint that the stream at `url` names is; false when it is of another origin: what is
 * said is for that server alone. */
bool old_http_resolve(const char *url, struct parley_view endpoint, char out[OLD_HTTP_MAX_URL]);

#endif
