/* SPDX-License-Identifier: Apache-2.0 */
/* A link over Streamable HTTP: every message is a POST, answered by JSON or by an event stream. */
#ifndef TOOLS_MCP_HTTP_H
#define TOOLS_MCP_HTTP_H

#include "gate.h"
#include "link.h"

struct http_config {
    struct surroundings around;
    struct gate *gate; /* by which its requests go */
    const char *url;
    const char *ca_file; /* or "" */
    const struct link_events *events;
    void *ctx;
};

/* NULL without memory. */
struct http *http_create(const struct http_config *config);

/* The link to it; its destroy() frees. */
struct link http_link(struct http *h);

#endif
