/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity/ owns how parley proves who it is: the [credential NAME] sections, where their tokens
 * come from, and the tokens themselves. It knows nothing of plugins. This file: one credential, as
 * configured.
 */
#ifndef IDENTITY_CREDENTIAL_H
#define IDENTITY_CREDENTIAL_H

#include "conf/options.h"

#include <stdbool.h>

/* In the order of the option's values. */
enum credential_type {
    CREDENTIAL_API_KEY,
    CREDENTIAL_MANAGED_IDENTITY,
    CREDENTIAL_WORKLOAD_IDENTITY,
    CREDENTIAL_CLIENT_SECRET,
    CREDENTIAL_CLIENT_CERTIFICATE,
    CREDENTIAL_ENVIRONMENT, /* a client secret or certificate from AZURE_... variables */
    CREDENTIAL_AZURE_CLI,
    CREDENTIAL_DEFAULT, /* the four above that need no section, one after another */
};

struct credential_config {
    int32_t type; /* enum credential_type */
    const char *key;
    const char *tenant_id;
    const char *client_id;
    const char *object_id;
    const char *resource_id;
    const char *client_secret;
    const char *certificate_file;
    const char *token_file;
    const char *authority;
    const char *ca_file;
};

/* The option table of [credential NAME]. */
extern const struct options_table credential_options;

/* Immutable. */
struct credential {
    const char *name;
    const struct credential_config *config;
};

/* What the table cannot check: keys that a type needs, files that must be readable, a key that
 * signs. *ret_key is the option at fault. Thread: main. */
int credential_check(const struct credential *c, const char **ret_key, struct parley_error *err);

/* The built-in credentials need no section: their type by name, as in `credential =
 * managed-identity`. False for any other name. */
bool credential_builtin(const char *name, enum credential_type *ret);

/* The name of built-in number i, or NULL behind the last. */
const char *credential_builtin_name(size_t i);

#endif
