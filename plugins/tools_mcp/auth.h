/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token that requests to an MCP server carry, and the ways to come by one. There is one for all
 * requests of a credential: whoever needs a new token waits for the same attempt.
 *
 *     auth.c       the token, what a refusal means, who waits      flight.c   the way to a token
 *     gate.c       requests that carry it                          login.c    a person signs in
 *     discovery.c  where tokens are to be had                      token.c    asking for one
 *
 * Thread: the worker's.
 */
#ifndef TOOLS_MCP_AUTH_H
#define TOOLS_MCP_AUTH_H

#include <stdbool.h>

#include <parley/service/http.h>

#include "jwt.h"
#include "link.h"

#define AUTH_MAX_WHY   448
#define AUTH_PERSON_MS 330000 /* a sign-in, and what follows it */

enum auth_mode {
    AUTH_AUTO, /* of the option: bearer when there is a token, else none */
    AUTH_NONE,
    AUTH_BEARER,
    AUTH_CLIENT_CREDENTIALS,
    AUTH_PRIVATE_KEY_JWT,
    AUTH_JWT_BEARER,
    AUTH_AUTHORIZATION_CODE,
};

/* What the operator has written. Strings are never NULL; "" is nothing. Outlives every auth. */
struct auth_settings {
    enum auth_mode mode;
    const char *url; /* the MCP endpoint */
    const char *ca_file;
    const char *token;
    const char *token_file;
    const char *credential; /* of the host, for a bearer token; or "" */
    const char *client_id;
    const char *client_secret;
    const struct jwt_key *key; /* or NULL */
    const char *assertion_file;
    const char *client_metadata_url;
    const char *open_command;
    const char *login_file;
    const char *scope;
    const char *issuer;
    const char *token_endpoint;
    const char *resource; /* "auto", "none", or what is sent */
    int64_t redirect_port;
    bool assume_pkce;
    bool allow_loopback;
    bool is_attended; /* somebody is there who can sign in */
};

struct auth;

/* NULL without memory. */
struct auth *auth_create(const struct surroundings *around, const struct auth_settings *settings);

/* At worker_stop. NULL is fine. Nobody is told. */
void auth_destroy(struct auth *a);

/* ---- before a request ---- */

/* A whole header line, or NULL to send none; valid until the loop's next turn. *ret_number tells
 * tokens apart; 0: none. */
const char *auth_line(struct auth *a, unsigned *ret_number);

/* The proof that goes with it, as a whole line freed by the caller; NULL: none is needed, or
 * without memory. */
char *auth_proof(const struct auth *a, const char *method, const char *url);

/* Is a token needed that is not there? Then auth_wait() comes first. */
bool auth_is_lacking(struct auth *a);

/* ---- after one ---- */

/* Take from any answer what the next proofs need. True when it was there. */
bool auth_hear(struct auth *a, struct parley_view headers);

enum auth_verdict {
    AUTH_FINAL, /* the refusal stands */
    AUTH_AGAIN, /* there is another token already: send it once more */
    AUTH_WAIT,  /* a new token is on its way: auth_wait() */
};

struct auth_refusal {
    int code;                   /* 401 or 403 */
    unsigned number;            /* of the token that was sent */
    unsigned attempts;          /* of this request, before this one */
    struct parley_view headers; /* of the answer */
};

/* `why` is written when the refusal stands: a sentence for the log, or "" for none better than the
 * answer's own. */
enum auth_verdict auth_refused(struct auth *a, const struct auth_refusal *refusal,
                               char why[AUTH_MAX_WHY]);

/* ---- waiting ---- */

/* Embedded by who waits; may not be moved meanwhile. */
struct auth_waiter {
    struct auth_waiter *next;
    /* Once: PARLEY_OK, or why there is no token. Not on the stack of auth_wait(). */
    void (*on_settled)(struct auth_waiter *w, int status, const char *why);
};

void auth_wait(struct auth *a, struct auth_waiter *w);

/* No longer; fine when it does not wait. */
void auth_leave(struct auth *a, struct auth_waiter *w);

#endif
