/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the console, as they were when the program was built. Constant; any thread. */
#ifndef NET_CONSOLE_FILES_H
#define NET_CONSOLE_FILES_H

#include <parley/types.h>

/*
 * For every answer with a console file: nothing from elsewhere, no inline script, no frame around
 * it. ws: and wss: are named because 'self' does not cover them in every browser.
 */
#define CONSOLE_CSP                                                                                \
    "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; "        \
    "form-action 'self'; frame-ancestors 'none'"

struct console_file {
    const char *path; /* "/app.js" */
    const char *mime; /* the value of Content-Type */
    const char *etag; /* the value of ETag, quotes included; changes with the bytes */
    const unsigned char *data;
    size_t len;
};

/* The file of a request path without its query; "/" is the page itself. NULL when there is none. */
const struct console_file *console_file_find(struct parley_view path);

#endif
