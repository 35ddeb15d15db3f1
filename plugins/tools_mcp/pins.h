/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each tool looked like when it was first seen, so that a server cannot change its words or
 * its schema behind the operator's back. Kept as keyed hashes, for as long as the instance lives.
 */
#ifndef TOOLS_MCP_PINS_H
#define TOOLS_MCP_PINS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define PINS_MAX 1024

enum pin_verdict {
    PIN_SAME,
    PIN_NEW,
    PIN_CHANGED,       /* and was not seen in this form before */
    PIN_CHANGED_KNOWN, /* as it was when this was told the last time */
    PIN_FULL,          /* a new one, beyond PINS_MAX */
};

struct pins;

/* `key`: random bytes, so that no server can find two forms with one hash. NULL without memory. */
struct pins *pins_create(const uint8_t key[16]);
void pins_destroy(struct pins *p);

/* Is the tool of the server's list, known by `name`, as it was? The first form stays the one that
 * it is held against until pins_accept(). */
enum pin_verdict pins_check(struct pins *p, const char *name, const json_t *tool);

/* The form that was checked last is good from now on. */
void pins_accept(struct pins *p, const char *name);

#endif
