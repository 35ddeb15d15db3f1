/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of every request: OTLP's own, and those the operator adds for authentication. */
#ifndef PARTS_OTLP_HEADERS_H
#define PARTS_OTLP_HEADERS_H

#include <parley/error.h>

#include <stdbool.h>

#define HEADERS_MAX       32
#define HEADERS_GIVEN_MAX (HEADERS_MAX - 4) /* of a text; there is room for our own */

struct headers {
    char *items[HEADERS_MAX]; /* "Name: value", owned */
    uint32_t count;
};

/*
 * Add those of a text in the form of OTEL_PARTS_OTLP_HEADERS: "name=value,name=value", values
 * percent-encoded where they need it. A failure never shows a value.
 */
int headers_add_text(struct headers *h, const char *text, struct parley_error *err);

/* Add one. False without memory or room. */
bool headers_add(struct headers *h, const char *name, const char *value);

/* `Authorization: Basic` of the two (RFC 7617). False without memory or room. */
bool headers_add_basic(struct headers *h, const char *user, const char *password);

/* Wipe and free. */
void headers_done(struct headers *h);

#endif
