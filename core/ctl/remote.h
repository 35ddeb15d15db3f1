/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request to a server, waited for. */
#ifndef CTL_REMOTE_H
#define CTL_REMOTE_H

#include <parley/error.h>

#include <jansson.h>

#define REMOTE_DEFAULT_URL   "http://127.0.0.1:8080"
#define REMOTE_DEFAULT_ADMIN "http://127.0.0.1:8081"

struct remote {
    const char *url;     /* http:// or https://, without a path */
    const char *token;   /* sent as Bearer when it is not NULL or "" */
    const char *ca_file; /* PEM to trust besides the system's; may be NULL */
};

/*
 * Ask, and read the answer's JSON. PARLEY_OK with *ret_json (the caller owns it) for a code below
 * 300. PARLEY_E_UNAVAILABLE: no server answers there. Else what the server said, in words.
 */
int remote_ask(const struct remote *r, const char *method, const char *path, json_t **ret_json,
               struct parley_error *err);

/* Where the admin API of a configuration is, for `-c FILE`: its [admin] section. The strings are
 * the caller's to free. */
int remote_from_config(const char *config, const char *environment, char **ret_url,
                       char **ret_token, struct parley_error *err);

#endif
