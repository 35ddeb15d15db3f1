/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an http:// or https:// address, and where metadata lies beside one. Pure functions.
 */
#ifndef TOOLS_MCP_URI_H
#define TOOLS_MCP_URI_H

#include <stdbool.h>

#include <parley/types.h>

#define URI_MAX 2048

/* Borrowed from the text. */
struct uri {
    bool is_https;
    struct parley_view origin; /* "https://host:port" as written */
    struct parley_view host;   /* without brackets */
    unsigned port;
    struct parley_view path; /* "" or "/...", without query and fragment */
    bool has_fragment;
};

/* False for everything else: another scheme, no host, a user's name, blanks, what is too long. */
bool uri_parse(const char *text, struct uri *ret);

bool uri_is_same_origin(const struct uri *a, const struct uri *b);

/* Does the host say that it is this machine: localhost, 127.0.0.0/8, [::1]? */
bool uri_is_loopback(const struct uri *u);

/* Is `url` the same as `parent` or below it, at one origin? */
bool uri_covers(const char *parent, const char *url);

/* The n-th place for metadata of a protected resource (RFC 9728), from 0; false when there is none.
 */
bool uri_resource_metadata(const char *url, unsigned n, char out[URI_MAX]);

/* The same for an authorization server, by its issuer (RFC 8414, then OpenID's). */
bool uri_server_metadata(const char *issuer, unsigned n, char out[URI_MAX]);

/* `path` at the origin of `url`. */
bool uri_at_origin(const char *url, const char *path, char out[URI_MAX]);

#endif
