/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who parley is to the account: one or two account keys, or an Entra access token. Everything that
 * differs between the two is here; the rest of the plugin asks for header lines and says when they
 * were refused. The workers of an instance share one. Thread: any, but for create and destroy.
 */
#ifndef STORE_COSMOS_CREDENTIAL_H
#define STORE_COSMOS_CREDENTIAL_H

#include <stdbool.h>

#include <parley/error.h>

#include "lines.h"

struct around;
struct config;
struct credential;

/* [main] From the options; reads the token's file. */
int credential_create(const struct config *config, const char *name,
                      struct credential **ret_credential, struct parley_error *err);
void credential_destroy(struct credential *c);

/* Add the lines that authorize one request, dated `unix_s`. Returns which key they are made with.
 */
unsigned credential_authorize(struct credential *c, const struct around *around, const char *verb,
                              const char *path, int64_t unix_s, struct lines *lines);

/*
 * The service answered 401 to what was authorized with this key: use the other one from now on, or
 * read the token's file again. True when the next request carries another key at once; otherwise
 * what it carries may be new in a moment.
 */
bool credential_refused(struct credential *c, const struct around *around, unsigned key);

/* A token instead of a key: databases and containers cannot be created with it. */
bool credential_is_token(const struct credential *c);

/* What to look at when it is refused: one clause for a message. */
const char *credential_advice(const struct credential *c);

#endif
