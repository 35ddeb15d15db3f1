/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person signs in with a browser: a listener on the loopback interface takes the answer that the
 * authorization server sends through it (RFC 8252). Only where somebody sits at the terminal.
 * Thread: the worker's.
 */
#ifndef TOOLS_MCP_LOGIN_H
#define TOOLS_MCP_LOGIN_H

#include <parley/service/fdwatch.h>

#include "link.h"

#define LOGIN_LIMIT_MS 300000 /* for the person */

struct login_config {
    struct surroundings around;
    const struct parley_service_fdwatch *fdwatch;
    int64_t port; /* of the listener; 0: any free one */
};

/* What came back. Borrowed; NULL where it did not come. */
struct login_answer {
    int status; /* PARLEY_OK when an answer came, good or bad */
    const char *why;
    const char *code;
    const char *error;
    const char *iss;
};

struct login;

/* Open the listener. on_answer comes once, never on this stack; login_close() after it. */
struct login *login_open(const struct login_config *config,
                         void (*on_answer)(void *ctx, const struct login_answer *answer), void *ctx,
                         struct parley_error *err);

/* Where the answer is to be sent: "http://127.0.0.1:PORT/callback". */
const char *login_redirect_uri(const struct login *l);
int64_t login_port(const struct login *l);

/* Show the page: by the program (words between blanks, quotes keep them together; the page's
 * address is its last argument), or, when it is "", in words at the terminal. Answers without this
 * `state` are not taken. */
int login_begin(struct login *l, const char *program, const char *url, const char *state,
                struct parley_error *err);

/* NULL is fine. */
void login_close(struct login *l);

/* ---- parts, for tests ---- */

/* The value of one parameter of a query, decoded, freed by the caller; NULL: it is not there, or
 * comes twice. */
char *login_parameter(const char *query, const char *name);

/* Words as above, NULL at the end, with room for one more before it; freed with login_words_free().
 * NULL: none, or without memory. */
char **login_words(const char *program);
void login_words_free(char **words);

#endif
