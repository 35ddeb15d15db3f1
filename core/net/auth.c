/* SPDX-License-Identifier: Apache-2.0 */
#include "net/auth.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "net/bearer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGEST_BYTES 32
#define KEYS_MAX     1000
#define KEY_MIN      16 /* shorter ones can be guessed over the network */

struct key {
    char name[AUTH_NAME_SIZE];
    unsigned char digest[DIGEST_BYTES];
};

struct auth {
    bool is_required;
    struct bearer *bearer;          /* NULL: tokens are not taken */
    struct options_values *section; /* which the bearer's rules point into */
    struct key *keys;
    size_t count;
};

#define C struct auth_config

const struct parley_option auth_options[] = {
    PARLEY_ENUM(C, method, .default_value = "keys", .values = "keys|entra|oidc",
                .help =
                    "Whom clients show: keys of this file, tokens of Microsoft Entra, or tokens "
                    "of another OpenID Connect provider. keys are taken besides tokens."),
    PARLEY_SECRET(C, keys, .example = "file:/etc/parley/keys",
                  .help =
                      "API keys of clients, each KEY or NAME=KEY, between commas or one a line; "
                      "at least 16 characters each. method = keys needs it."),
    PARLEY_LIST(C, audience, .example = "11111111-2222-3333-4444-555555555555",
                .help = "Tokens must be for one of these: with Entra this API's client id (version "
                        "2 tokens) or its App ID URI (version 1)."),
    PARLEY_LIST(C, tenants, .example = "72f988bf-86f1-41af-91ab-2d7cd011db47",
                .help = "method = entra: the tenants that are let in, by id."),
    PARLEY_LIST(C, clients,
                .help = "Applications that are let in, by client id; all when left out."),
    PARLEY_LIST(C, scopes, .example = "Voice.Talk",
                .help = "A token needs one of these in `scp` (or `scope`), or one of roles."),
    PARLEY_LIST(C, roles, .example = "Voice.Talk.All",
                .help = "A token needs one of these in roles_claim, or one of scopes. With Entra, "
                        "applications have roles, people have scopes."),
    PARLEY_STRING(C, authority, .default_value = "https://login.microsoftonline.com",
                  .help = "method = entra: where Entra is, for other clouds."),
    PARLEY_INT(C, token_version, .default_value = "2", .min = 1, .max = 2,
               .help = "method = entra: the version of the tokens, which the API's registration "
                       "sets."),
    PARLEY_STRING(C, issuer, .example = "https://id.example.com/realms/voice",
                  .help = "method = oidc: the issuer, as it calls itself; its metadata is at "
                          "/.well-known/openid-configuration below."),
    PARLEY_LIST(C, algorithms, .default_value = "RS256",
                .help = "How tokens may be signed: RS256, PS256, ES256."),
    PARLEY_STRING(C, roles_claim, .default_value = "roles",
                  .help = "Where a token has its roles: a claim, or a path such as "
                          "realm_access.roles."),
    PARLEY_STRING(C, user_claim, .default_value = "sub",
                  .help = "method = oidc: the claim that tells users apart. Entra's users are told "
                          "apart by tenant and object."),
    PARLEY_DURATION_MS(C, leeway_ms, .default_value = "60s", .max = 300000,
                       .help = "By how much the clocks of issuer and server may differ."),
    PARLEY_PATH(C, ca_file,
                .help = "PEM file of certificate authorities trusted for the issuer beside the "
                        "system's."),
};
const size_t auth_option_count = ARRAY_LEN(auth_options);

static bool digest_of(struct parley_view key, unsigned char out[DIGEST_BYTES])
{
    unsigned int len = 0;

    return EVP_Digest(key.data, key.len, out, &len, EVP_sha256(), NULL) == 1 && len == DIGEST_BYTES;
}

static int add_key(struct auth *a, struct parley_view entry, struct parley_error *err)
{
    struct parley_view key = entry;
    struct parley_view name = {0};

    if (memchr(entry.data, '=', entry.len) != NULL && view_split(&key, '=', &name))
        name = view_trim(name);
    key = view_trim(key);
    if (key.len < KEY_MIN)
        return parley_fail(err, PARLEY_E_INVALID,
                           "entry %zu is %zu characters long; use at least %d, for "
                           "example from `openssl rand -hex 24`",
                           a->count + 1, key.len, KEY_MIN);
    if (a->count == KEYS_MAX)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "more than %d keys", KEYS_MAX);
    struct key *keys = realloc(a->keys, (a->count + 1) * sizeof(*keys));
    if (keys == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    a->keys = keys;
    struct key *k = &keys[a->count];
    *k = (struct key){0};
    if (!digest_of(key, k->digest))
        return parley_fail(err, PARLEY_E_INTERNAL, "SHA-256 is not available");
    if (name.len > 0)
        view_copy(k->name, sizeof(k->name), name);
    else
        (void)snprintf(k->name, sizeof(k->name), "key%zu", a->count + 1);
    a->count++;
    return PARLEY_OK;
}

static int parse_keys(struct auth *a, struct parley_view text, struct parley_error *err)
{
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.data[len] != ',' && text.data[len] != '\n')
            len++;
        struct parley_view entry = view_trim((struct parley_view){text.data, len});
        text.data += len < text.len ? len + 1 : len;
        text.len -= len < text.len ? len + 1 : len;
        if (entry.len == 0 || entry.data[0] == '#')
            continue;
        int r = add_key(a, entry, err);
        if (r < 0)
            return r;
    }
    if (a->count == 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "holds no key; add one, or remove the section to serve "
                           "this machine only");
    return PARLEY_OK;
}

static int read_config(struct auth *a, const struct auth_config *config, const char **ret_key,
                       struct parley_error *err)
{
    *ret_key = "keys";
    if (config->keys[0] != '\0' || config->method == AUTH_KEYS) {
        int r = parse_keys(a, view_of(config->keys), err);
        if (r < 0)
            return r;
    }
    return bearer_create(config, &a->bearer, ret_key, err);
}

int auth_create(struct options_values *take_section, struct auth **ret, const char **ret_key,
                struct parley_error *err)
{
    struct auth *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        (void)options_destroy(take_section);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    }
    a->is_required = take_section != NULL;
    a->section = take_section;
    int r = take_section == NULL ? PARLEY_OK
                                 : read_config(a, options_config(take_section), ret_key, err);
    if (r == PARLEY_OK)
        *ret = a;
    else
        (void)auth_destroy(a);
    return r;
}

const struct options_values *auth_section(const struct auth *a)
{
    return a->section;
}

struct auth *auth_destroy(struct auth *a)
{
    if (a == NULL)
        return NULL;
    (void)bearer_destroy(a->bearer);
    (void)options_destroy(a->section);
    free(a->keys);
    free(a);
    return NULL;
}

bool auth_is_required(const struct auth *a)
{
    return a->is_required;
}

struct bearer *auth_bearer(const struct auth *a)
{
    return a->bearer;
}

bool auth_check_key(const struct auth *a, struct parley_view key, char ret_name[AUTH_NAME_SIZE])
{
    unsigned char digest[DIGEST_BYTES];
    const struct key *match = NULL;

    if (key.len == 0 || !digest_of(key, digest))
        return false;
    for (size_t i = 0; i < a->count; i++) { /* all of them: the time tells nothing */
        if (CRYPTO_memcmp(a->keys[i].digest, digest, DIGEST_BYTES) == 0)
            match = &a->keys[i];
    }
    if (match != NULL)
        memcpy(ret_name, match->name, AUTH_NAME_SIZE);
    return match != NULL;
}

/* The browser API cannot set headers, so clients put the key among the subprotocols. */
static struct parley_view key_in_subprotocols(struct parley_view list)
{
    static const struct parley_view prefix = PARLEY_VIEW("openai-insecure-api-key.");

    while (list.len > 0) {
        struct parley_view entry;
        (void)view_split(&list, ',', &entry);
        entry = view_trim(entry);
        if (view_starts_with(entry, prefix))
            return (struct parley_view){entry.data + prefix.len, entry.len - prefix.len};
    }
    return (struct parley_view){0};
}

struct auth_credential auth_credential_find(struct parley_view authorization,
                                            struct parley_view api_key,
                                            struct parley_view subprotocols)
{
    if (authorization.len > 7 &&
        view_equal_nocase((struct parley_view){authorization.data, 7}, VIEW("Bearer ")))
        return (struct auth_credential){
            view_trim((struct parley_view){authorization.data + 7, authorization.len - 7}),
            "Authorization"};
    if (view_trim(api_key).len > 0)
        return (struct auth_credential){view_trim(api_key), "api-key"};
    return (struct auth_credential){key_in_subprotocols(subprotocols), "subprotocol"};
}
