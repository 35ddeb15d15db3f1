/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ephemeral secrets ("ek_..."): made with a real key, good for opening any number of sessions until
 * they expire, each with a preset session. One table per process, shared by the workers behind a
 * lock, since it is used when connections open and never on the audio path. Bounded in count and
 * bytes.
 */
#ifndef NET_CLIENT_SECRETS_H
#define NET_CLIENT_SECRETS_H

#include "net/auth.h"

#include <parley/error.h>

#include <stdbool.h>
#include <stdint.h>

#define CLIENT_SECRET_SIZE            48
#define CLIENT_SECRET_MIN_SECONDS     10
#define CLIENT_SECRET_MAX_SECONDS     7200
#define CLIENT_SECRET_DEFAULT_SECONDS 600

struct client_secrets;

struct client_secrets *client_secrets_create(size_t max_count, size_t max_bytes);
struct client_secrets *client_secrets_destroy(struct client_secrets *c);

/* What a secret stands for. */
struct client_secret {
    char key_name[AUTH_NAME_SIZE]; /* of the key that made it */
    char *agent;                   /* the preset agent, or "" ; freed by client_secret_done */
    char *session;                 /* JSON of the preset session, or "" */
};

void client_secret_done(struct client_secret *s);

/* Make one; expired ones are dropped first. PARLEY_E_BUSY when the table is full. Thread: any. */
int client_secrets_add(struct client_secrets *c, const char *key_name, struct parley_view agent,
                       struct parley_view session, int64_t seconds, int64_t now_unix_s,
                       char ret_value[CLIENT_SECRET_SIZE], struct parley_error *err);

/* A copy of what the secret stands for; false when unknown or expired. Thread: any. */
bool client_secrets_find(struct client_secrets *c, struct parley_view value, int64_t now_unix_s,
                         struct client_secret *ret);

#endif
