/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens as credentials of clients: [auth] method = entra and method = oidc. */
#ifndef NET_BEARER_H
#define NET_BEARER_H

#include "identity/issuer.h"
#include "net/auth.h"

/* *ret is NULL for method = keys. The config must outlive it. On failure *ret_key names the option.
 */
int bearer_create(const struct auth_config *config, struct bearer **ret, const char **ret_key,
                  struct parley_error *err);
/* NULL is fine. Returns NULL. */
struct bearer *bearer_destroy(struct bearer *b);

/* Load the issuer's keys if that is due. Thread: the place's. */
void bearer_refresh(struct bearer *b, struct fetch_place *place);

/* As issuer_has_keys(). Thread: any. */
bool bearer_is_ready(struct bearer *b, char *problem, size_t size);

enum bearer_verdict {
    BEARER_KNOWN,
    BEARER_REFUSED,
    BEARER_WAIT, /* the keys are on their way: bearer_wait(), and ask again */
};

/*
 * Whose token is it? Known: ret_name. Refused: err->code has the reason for metrics ("malformed",
 * "algorithm", "key", "signature", or one of claims_check()'s), err->message a sentence for the
 * log; clients are told neither. Thread: the place's.
 */
enum bearer_verdict bearer_check(struct bearer *b, struct parley_view token,
                                 struct fetch_place *place, char ret_name[AUTH_NAME_SIZE],
                                 struct parley_error *err);

/* As issuer_wait(). */
struct issuer_wait *bearer_wait(struct bearer *b, struct fetch_place *place,
                                void (*on_keys)(void *ctx), void *ctx);

#endif
