/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parley.fdwatch/1 of the fake host over real descriptors. Pipes are waited for with poll(2) until
 * what a test wants has happened; the clock stays the fake one, which only the test moves.
 */
#ifndef TOOLS_MCP_PIPES_H
#define TOOLS_MCP_PIPES_H

#include <stdbool.h>

#include <parley/service/fdwatch.h>

extern const struct parley_service_fdwatch pipes_service;

/* No watch is left from another test. */
void pipes_reset(void);

/* Serve the descriptors until this is true; the test fails when nothing comes for half a minute. */
void pipes_until(bool (*is_done)(void));

/* How many descriptors are watched. */
unsigned pipes_watched(void);

#endif
