/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect: API keys of the [auth] section, and the ephemeral secrets that were made with
 * one. Keys are kept as SHA-256 digests and compared in constant time. An auth is immutable after
 * creation and belongs to its configuration generation. Thread: any.
 */
#ifndef NET_AUTH_H
#define NET_AUTH_H

#include <parley/error.h>
#include <parley/options.h>

#include <stdbool.h>

#define AUTH_NAME_SIZE 65 /* 64 characters and the NUL */

/* What the [auth] section holds. */
struct auth_config {
    const char *keys;
};

extern const struct parley_option auth_options[];
extern const size_t auth_option_count;

/* The credential of a request, wherever the client put it. */
struct auth_credential {
    struct parley_view key; /* empty: none was given */
    const char *from;       /* "Authorization", "api-key", "subprotocol": for messages */
};

struct auth;

/* Parse the keys. config NULL: no [auth] section, everybody is let in (loopback only, see net.h).
 */
int auth_create(const struct auth_config *config, struct auth **ret, struct parley_error *err);
struct auth *auth_destroy(struct auth *a);

/* Is a credential needed at all? */
bool auth_is_required(const struct auth *a);

/* The name of the key, for limits and logs, or false. */
bool auth_check_key(const struct auth *a, struct parley_view key, char ret_name[AUTH_NAME_SIZE]);

/* Find the credential in what a request carries; each view may be empty. */
struct auth_credential auth_credential_find(struct parley_view authorization,
                                            struct parley_view api_key,
                                            struct parley_view subprotocols);

#endif
