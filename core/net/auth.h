/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect: API keys of the [auth] section, the ephemeral secrets that were made with one,
 * and tokens that an issuer has signed. API keys are kept as SHA-256 digests and compared in
 * constant time. An auth belongs to its configuration generation; but for the issuer's keys, which
 * are fetched, it is immutable. Thread: any.
 */
#ifndef NET_AUTH_H
#define NET_AUTH_H

#include "conf/options.h"

#include <parley/error.h>
#include <parley/options.h>

#include <stdbool.h>

#define AUTH_NAME_SIZE 129 /* 128 characters and the NUL */

enum auth_method { AUTH_KEYS, AUTH_ENTRA, AUTH_OIDC };

/* What the [auth] section holds. */
struct auth_config {
    int32_t method; /* enum auth_method */
    const char *keys;
    struct parley_list tenants;
    struct parley_list audience;
    struct parley_list clients;
    struct parley_list scopes;
    struct parley_list roles;
    const char *authority;
    int64_t token_version;
    const char *issuer;
    struct parley_list algorithms;
    const char *roles_claim;
    const char *user_claim;
    int64_t leeway_ms;
    const char *ca_file;
};

extern const struct parley_option auth_options[];
extern const size_t auth_option_count;

/* The credential of a request, wherever the client put it. */
struct auth_credential {
    struct parley_view key; /* empty: none was given */
    const char *from;       /* "Authorization", "api-key", "subprotocol": for messages */
};

struct auth;
struct bearer;

/* Parse the keys and the rules of an [auth] section (struct auth_config), which it takes, also when
 * it fails. NULL: there is no section, everybody is let in (loopback only, see net.h). On failure
 * *ret_key names the option. */
int auth_create(struct options_values *take_section, struct auth **ret, const char **ret_key,
                struct parley_error *err);
struct auth *auth_destroy(struct auth *a);

/* The values of the section, for showing; NULL without one. */
const struct options_values *auth_section(const struct auth *a);

/* Is a credential needed at all? */
bool auth_is_required(const struct auth *a);

/* The name of the key, for limits and logs, or false. */
bool auth_check_key(const struct auth *a, struct parley_view key, char ret_name[AUTH_NAME_SIZE]);

/* The rules for tokens, NULL when only API keys are taken; lives as long as the auth. */
struct bearer *auth_bearer(const struct auth *a);

/* Find the credential in what a request carries; each view may be empty. */
struct auth_credential auth_credential_find(struct parley_view authorization,
                                            struct parley_view api_key,
                                            struct parley_view subprotocols);

#endif
