/* SPDX-License-Identifier: Apache-2.0 */
/* The authorization code grant: a client identity, a person's browser, a code. */
#ifndef TOOLS_MCP_SIGN_IN_H
#define TOOLS_MCP_SIGN_IN_H

#include "auth_state.h"

/* A step of flight.c; goes on with flight_ask_code() or flight_fail(). */
void sign_in_begin(struct auth *a);

/* ---- of flight.c ---- */

/* Ends the attempt. */
void flight_fail(struct auth *a, int status, const char *why);

const char *flight_client_id(const struct auth *a);

/* Change a->code for a token. */
void flight_ask_code(struct auth *a, const char *redirect_uri);

#endif
