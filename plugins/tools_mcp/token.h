/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for tokens and the answers to them. Pure functions. */
#ifndef TOOLS_MCP_TOKEN_H
#define TOOLS_MCP_TOKEN_H

#include <stdbool.h>

#include <parley/error.h>

#include <jansson.h>

#include "form.h"
#include "metadata.h"

/* Who asks, at one authorization server. Borrowed. */
struct token_client {
    const char *id;         /* or "" */
    const char *secret;     /* or NULL */
    const char *assertion;  /* signed by its key, in place of a secret; or NULL */
    const char *registered; /* the method that a registration named, or "" */
};

/* One of the grants. NULL where it does not apply. */
struct token_grant {
    const char *type; /* "client_credentials" ... */
    const char *code;
    const char *redirect_uri;
    const char *code_verifier;
    const char *refresh_token;
    const char *assertion;
    const char *scope;    /* "" for none */
    const char *resource; /* "" for none */
};

/* Put it together. *ret_line is a whole Authorization header, freed with secret_free(), or NULL. */
int token_request(const struct metadata_server *server, const struct token_client *client,
                  const struct token_grant *grant, struct form *ret_form, char **ret_line,
                  struct parley_error *err);

/* Borrowed from the tree. */
struct token_answer {
    const char *access_token;
    const char *refresh_token; /* or NULL */
    const char *scope;         /* or NULL: what was asked for */
    int64_t lifetime_s;        /* 0: it does not say */
    bool is_bound;             /* of the type DPoP, not Bearer */
};

/* `may_bind`: the request had a proof. */
int token_read_answer(const json_t *tree, bool may_bind, struct token_answer *ret,
                      struct parley_error *err);

/* The `error` of a refusal, when it is a word as OAuth has them; else "". */
const char *token_error(const json_t *tree);

/* Its description, tidied and cut; "" without one, or when it holds one of these secrets (NULL
 * among them is fine). */
void token_description(const json_t *tree, const char *const *secrets, size_t count, char *out,
                       size_t size);

/* The body of a dynamic registration, freed by the caller; NULL without memory. */
char *token_registration(const struct metadata_server *server, const char *redirect_uri,
                         const char *scope);

#endif
