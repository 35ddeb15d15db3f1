/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request goes, and where a redirect may send it: the service's word alone is not enough to
 * carry telemetry, or a token, to another host. */
#ifndef AZURE_MONITOR_PLACE_H
#define AZURE_MONITOR_PLACE_H

#include <parley/error.h>

#include <stdbool.h>

/* Scheme, host and port of a URL; everything points into it. */
struct place {
    bool is_good; /* http or https, a host, no user, no blanks */
    bool is_https;
    struct parley_view host;   /* as it is written, without brackets */
    unsigned port;             /* the scheme's, where none is given */
    struct parley_view origin; /* "https://host:port" */
    struct parley_view path;   /* what follows; may be empty */
};

struct place place_of_url(const char *url);

/* Does the host end with it? Case does not count. */
bool place_ends_with(const struct place *p, const char *suffix);

/* localhost, 127.x.x.x or ::1 */
bool place_is_loopback(const struct place *p);

/* https, or http to this machine; no user, no query. INVALID names `what`. */
int place_check(const char *what, const char *url, struct parley_error *err);

/* To the same host, or to one of the same cloud's hosts for telemetry; never from https to http. */
bool place_may_redirect(const struct place *from, const struct place *to);

#endif
