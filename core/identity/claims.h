/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a token's claims make its bearer, and whether that one may come in: the rules for access
 * tokens of Microsoft Entra and of any OpenID Connect provider. Pure; the signature was looked at
 * before.
 */
#ifndef IDENTITY_CLAIMS_H
#define IDENTITY_CLAIMS_H

#include <parley/error.h>
#include <parley/options.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CLAIMS_USER_SIZE 129 /* 128 bytes and the NUL */

struct claims_policy {
    struct parley_list audience; /* one of these */
    struct parley_list clients;  /* applications, by `azp`, `appid` or `client_id`; empty: any */
    struct parley_list scopes;   /* one of these in `scp` or `scope`, or one of the roles */
    struct parley_list roles;    /* both empty: nobody is asked for any */
    struct parley_list tenants;  /* Entra: one of these; empty elsewhere */
    const char *roles_claim;     /* where the roles are: "roles", or a path such as a.b */
    const char *user_claim;      /* who it is, elsewhere than with Entra: "sub" */
    int64_t leeway_s;            /* by which clocks may differ */
};

/*
 * `issuer` is what the issuer calls itself, with {tenantid} in it where Entra speaks for many;
 * `key_issuer` whom the key is bound to, or "". On success ret_user names the bearer:
 * "entra:TENANT: OBJECT", or "oidc:" and the user's claim, shortened to a digest when it is long.
 * PARLEY_E_DENIED with err->code: "audience", "client", "issuer", "tenant", "expired",
 * "not_yet_valid", "permission", "user". The messages quote what the token says. Thread: any.
 */
int claims_check(const json_t *claims, const struct claims_policy *policy, const char *issuer,
                 const char *key_issuer, int64_t now_s, char ret_user[CLAIMS_USER_SIZE],
                 struct parley_error *err);

#endif
