/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP answer means to the request it answers. Pure functions. */
#ifndef TOOLS_MCP_ANSWER_H
#define TOOLS_MCP_ANSWER_H

#include <stdbool.h>

#include <parley/service/http.h>

#define ANSWER_MAX_WHY 400

/* Does a body that starts like this belong to an event stream? Blanks before it were skipped. */
bool answer_is_stream(char first);

/* How long the server wants to be left alone (Retry-After, of 429 and 503), in ms; -1: it does not
 * say. `unix_ms`: now. */
int64_t answer_retry_after(const struct parley_http_response *response, int64_t unix_ms);

/*
 * Why there is no result, as PARLEY_E_..., with a sentence for the log. `body` is what came with
 * it. With a session, 404 and an unexplained 400 are PARLEY_E_GONE; else 404 and 405 without an
 * error in the body are PARLEY_E_NOT_FOUND: there is no such endpoint.
 */
int answer_fault(const struct parley_http_response *response, struct parley_view body,
                 bool has_session, char why[ANSWER_MAX_WHY]);

#endif
