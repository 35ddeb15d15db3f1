/* SPDX-License-Identifier: Apache-2.0 */
#include "net/bearer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "identity/claims.h"

#include <stdio.h>
#include <stdlib.h>

#define URL_SIZE 512

_Static_assert(CLAIMS_USER_SIZE <= AUTH_NAME_SIZE, "a bearer's name fits");

struct bearer {
    struct issuer *issuer;
    struct claims_policy policy; /* points into the configuration */
    unsigned algorithms;
};

/* ---- the section ---- */

__attribute__((format(printf, 4, 5))) static int
mistake(const char **ret_key, const char *key, struct parley_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    *ret_key = key;
    err->status = PARLEY_E_INVALID;
    return PARLEY_E_INVALID;
}

static int read_algorithms(const struct auth_config *c, unsigned *ret, const char **ret_key,
                           struct parley_error *err)
{
    for (size_t i = 0; i < c->algorithms.count; i++) {
        unsigned one = jwk_algorithm(c->algorithms.items[i]);
        if (one == 0)
            return mistake(ret_key, "algorithms", err,
                           "\"%.32s\" is not one of RS256, PS256 and ES256",
                           c->algorithms.items[i]);
        *ret |= one;
    }
    return PARLEY_OK;
}

static int check_tokens(const struct auth_config *c, const char **ret_key, struct parley_error *err)
{
    const char *method = c->method == AUTH_ENTRA ? "entra" : "oidc";

    if (c->audience.count == 0)
        return mistake(ret_key, "audience", err,
                       "method = %s needs it; else tokens for any other service would be taken",
                       method);
    if (c->method == AUTH_ENTRA && c->tenants.count == 0)
        return mistake(ret_key, "tenants", err,
                       "method = entra needs it; else people of any company would come in");
    if (c->method == AUTH_OIDC && c->tenants.count > 0)
        return mistake(ret_key, "tenants", err, "goes with method = entra only; take it out");
    if (c->method == AUTH_OIDC && c->issuer[0] == '\0')
        return mistake(ret_key, "issuer", err, "method = oidc needs it");
    if (c->method == AUTH_ENTRA && c->issuer[0] != '\0')
        return mistake(ret_key, "issuer", err,
                       "goes with method = oidc only; Entra's follows from authority and tenants");
    return PARLEY_OK;
}

/* Without tokens these would do nothing, and the operator believes that they do. */
static int check_no_tokens(const struct auth_config *c, const char **ret_key,
                           struct parley_error *err)
{
    const struct {
        const char *key;
        bool is_set;
    } unused[] = {
        {"audience", c->audience.count > 0}, {"tenants", c->tenants.count > 0},
        {"clients", c->clients.count > 0},   {"scopes", c->scopes.count > 0},
        {"roles", c->roles.count > 0},       {"issuer", c->issuer[0] != '\0'},
    };

    for (size_t i = 0; i < ARRAY_LEN(unused); i++) {
        if (unused[i].is_set)
            return mistake(ret_key, unused[i].key, err,
                           "is for tokens; set method = entra or oidc, or take it out");
    }
    return PARLEY_OK;
}

static int trimmed_len(const char *url)
{
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/')
        len--;
    return (int)len;
}

/* One tenant has its own metadata; several share one that speaks of {tenantid}. */
static int metadata_url(const struct auth_config *c, char out[URL_SIZE])
{
    const char *tenant = c->tenants.count == 1 ? c->tenants.items[0] : "organizations";

    if (c->method == AUTH_ENTRA)
        return snprintf(out, URL_SIZE, "%.*s/%s%s/.well-known/openid-configuration",
                        trimmed_len(c->authority), c->authority, tenant,
                        c->token_version == 2 ? "/v2.0" : "");
    return snprintf(out, URL_SIZE, "%.*s/.well-known/openid-configuration", trimmed_len(c->issuer),
                    c->issuer);
}

static int make_issuer(const struct auth_config *c, struct bearer *b, const char **ret_key,
                       struct parley_error *err)
{
    char url[URL_SIZE];
    const char *key = c->method == AUTH_ENTRA ? "authority" : "issuer";

    if (metadata_url(c, url) >= URL_SIZE)
        return mistake(ret_key, key, err, "is too long");
    const struct issuer_config config = {
        .metadata_url = url,
        .name = c->method == AUTH_OIDC ? c->issuer : "",
        .ca_file = c->ca_file,
    };
    *ret_key = key;
    return issuer_create(&config, &b->issuer, err);
}

static struct claims_policy policy_of(const struct auth_config *c)
{
    return (struct claims_policy){
        .audience = c->audience,
        .clients = c->clients,
        .scopes = c->scopes,
        .roles = c->roles,
        .tenants = c->tenants,
        .roles_claim = c->roles_claim,
        .user_claim = c->user_claim,
        .leeway_s = c->leeway_ms / 1000,
    };
}

int bearer_create(const struct auth_config *config, struct bearer **ret, const char **ret_key,
                  struct parley_error *err)
{
    struct parley_error none = PARLEY_ERROR_INIT;

    if (err == NULL)
        err = &none;
    *ret = NULL;
    if (config->method == AUTH_KEYS)
        return check_no_tokens(config, ret_key, err);
    int r = check_tokens(config, ret_key, err);
    if (r < 0)
        return r;
    struct bearer *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    b->policy = policy_of(config);
    r = read_algorithms(config, &b->algorithms, ret_key, err);
    if (r == PARLEY_OK)
        r = make_issuer(config, b, ret_key, err);
    if (r == PARLEY_OK)
        *ret = b;
    else
        (void)bearer_destroy(b);
    return r;
}

struct bearer *bearer_destroy(struct bearer *b)
{
    if (b == NULL)
        return NULL;
    (void)issuer_unref(b->issuer);
    free(b);
    return NULL;
}

/* ---- tokens ---- */

void bearer_refresh(struct bearer *b, struct fetch_place *place)
{
    issuer_refresh(b->issuer, place);
}

bool bearer_is_ready(struct bearer *b, char *problem, size_t size)
{
    return issuer_has_keys(b->issuer, problem, size);
}

struct issuer_wait *bearer_wait(struct bearer *b, struct fetch_place *place,
                                void (*on_keys)(void *ctx), void *ctx)
{
    return issuer_wait(b->issuer, place, on_keys, ctx);
}

static enum bearer_verdict refuse(struct parley_error *err, const char *code, const char *message)
{
    view_copy(err->code, sizeof(err->code), view_of(code));
    (void)parley_fail(err, PARLEY_E_DENIED, "%s", message);
    return BEARER_REFUSED;
}

static enum bearer_verdict check_signed(const struct bearer *b, const struct jwt *jwt,
                                        const struct issuer_key *key, char ret_name[AUTH_NAME_SIZE],
                                        struct parley_error *err)
{
    if (!jwt_is_signed_by(jwt, key->pkey))
        return refuse(err, "signature", "its signature is not that of the issuer's key");
    int r = claims_check(jwt->claims, &b->policy, key->name, key->key_issuer,
                         clock_unix_ms() / 1000, ret_name, err);
    return r == PARLEY_OK ? BEARER_KNOWN : BEARER_REFUSED;
}

static enum bearer_verdict check_read(struct bearer *b, const struct jwt *jwt,
                                      struct fetch_place *place, char ret_name[AUTH_NAME_SIZE],
                                      struct parley_error *err)
{
    struct issuer_key key = {0};
    enum bearer_verdict verdict = BEARER_WAIT;

    switch (issuer_find(b->issuer, jwt, place, &key)) {
    case ISSUER_KEY:
        verdict = check_signed(b, jwt, &key, ret_name, err);
        issuer_key_done(&key);
        break;
    case ISSUER_NO_KEY:
        verdict = refuse(err, "key", "the key that it names is none of the issuer's");
        break;
    case ISSUER_WAIT:
        break;
    }
    return verdict;
}

enum bearer_verdict bearer_check(struct bearer *b, struct parley_view token,
                                 struct fetch_place *place, char ret_name[AUTH_NAME_SIZE],
                                 struct parley_error *err)
{
    struct jwt jwt;
    enum bearer_verdict verdict = BEARER_REFUSED;

    if (jwt_read(token, b->algorithms, &jwt, err) == PARLEY_OK)
        verdict = check_read(b, &jwt, place, ret_name, err);
    jwt_done(&jwt);
    return verdict;
}
