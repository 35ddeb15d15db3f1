/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of a WebSocket or HTTP server, taken apart and checked. */
#ifndef TRANSPORT_URL_H
#define TRANSPORT_URL_H

#include <parley/error.h>

#include <stdbool.h>

#define URL_HOST_SIZE 128 /* what libwebsockets takes for the name in TLS, NUL included */
#define URL_PATH_MAX  1900

struct url {
    bool is_tls;
    bool is_ipv6; /* host is an IPv6 address, here without its brackets */
    int port;
    char host[URL_HOST_SIZE];
    char host_header[URL_HOST_SIZE]; /* with brackets, and with the port when it is not the usual */
    char path[URL_PATH_MAX + 1];     /* with the query, begins with '/' */
};

/* ws, wss, http, https. The message of err names the URL without its query, which may hold a key.
 */
int url_parse(struct url *ret, const char *text, struct parley_error *err);

/* Print the URL without query and fragment, for logs. */
void url_print(char *out, size_t size, const char *text);

#endif
