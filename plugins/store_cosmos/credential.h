/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who parley is to the account: one or two account keys, an Entra access token from a file, or what
 * a [credential] section gives. Everything that differs between them is here; the rest of the
 * plugin asks for header lines and says when they were refused. The workers of an instance share
 * one. Thread: any, but for create and destroy.
 */
#ifndef STORE_COSMOS_CREDENTIAL_H
#define STORE_COSMOS_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include <parley/error.h>
#include <parley/service/credentials.h>

#include "lines.h"

struct around;
struct credential;

/* What one request shows; zeroed is valid. */
struct pass {
    char *value; /* of a [credential]; NULL: a key or the token of the file */
    uint32_t kind;
    unsigned key; /* the place of the key it was signed with */
};

/* [main] From the options; reads the token's file. `around` is without a worker. */
int credential_create(const struct around *around, const char *name,
                      struct credential **ret_credential, struct parley_error *err);
void credential_destroy(struct credential *c);

/* Whether each request needs an answer of the host first: credential_ask(), credential_take(). */
bool credential_is_asked(const struct credential *c);
int credential_ask(const struct credential *c, const struct around *around,
                   const struct parley_credential_events *events, void *ctx, uint64_t *ret_request,
                   struct parley_error *err);

/* Keep what the host gave. The status says why not, err tells more. */
int credential_take(const struct credential *c, const struct parley_credential_token *token,
                    struct pass *pass, struct parley_error *err);
void pass_done(struct pass *pass);

/* Add the lines that authorize one request, dated `unix_s`. */
void credential_authorize(struct credential *c, const struct around *around, const char *verb,
                          const char *path, int64_t unix_s, struct pass *pass, struct lines *lines);

/*
 * The service answered 401: use the other key from now on, have another token made, or read the
 * file again. True when the next request carries something else at once; otherwise what it carries
 * may be new in a moment.
 */
bool credential_refused(struct credential *c, const struct around *around, const struct pass *pass);

/* A token instead of a key: databases and containers cannot be created with it. */
bool credential_is_token(const struct credential *c);

/* What to look at when it is refused: one clause for a message. */
const char *credential_advice(const struct credential *c);

#endif
