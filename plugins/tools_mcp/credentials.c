/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials.h"

#include "secret.h"
#include "uri.h"

#include <stdlib.h>
#include <string.h>

struct credentials {
    struct auth_settings settings;
    char *token;
    char *secret;
    struct jwt_key *key;
};

/* ---- files ---- */

static int load_token(struct credentials *c, const struct config *config, struct parley_error *err)
{
    int given = (config->token[0] != '\0') + (config->token_file[0] != '\0') +
                (config->credential[0] != '\0');

    if (given > 1)
        return parley_fail(err, PARLEY_E_INVALID,
                           "token, token_file and credential: give one of them");
    int r = PARLEY_OK;
    if (config->token_file[0] != '\0')
        r = secret_read("token_file", config->token_file, &c->token, err);
    else if (!secret_set(&c->token, config->token))
        r = parley_fail(err, PARLEY_E_NO_MEMORY, "token: no memory");
    if (r == PARLEY_OK && c->token[0] != '\0' && !secret_is_token(c->token))
        r = parley_fail(err, PARLEY_E_INVALID,
                        "token: holds blanks, control or other characters that no token has");
    return r;
}

static int load_secret(struct credentials *c, const struct config *config, struct parley_error *err)
{
    if (config->client_secret[0] != '\0' && config->client_secret_file[0] != '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "client_secret and client_secret_file: give one of them");
    if (config->client_secret_file[0] != '\0')
        return secret_read("client_secret_file", config->client_secret_file, &c->secret, err);
    return secret_set(&c->secret, config->client_secret)
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NO_MEMORY, "client_secret: no memory");
}

static int load_key(struct credentials *c, const struct config *config, struct parley_error *err)
{
    char *pem = NULL;
    int r = secret_read("private_key_file", config->private_key_file, &pem, err);

    if (r == PARLEY_OK)
        r = jwt_key_read(pem, strlen(pem), config_signing_alg(config), &c->key, err);
    secret_free(pem);
    return r;
}

/* ---- what belongs together ---- */

static int missing(const char *option, const char *mode, struct parley_error *err)
{
    return parley_fail(err, PARLEY_E_INVALID, "%s is missing: auth = %s needs it", option, mode);
}

static int check_identity(const struct credentials *c, const struct config *config,
                          struct parley_error *err)
{
    switch ((enum auth_mode)config->auth) {
    case AUTH_BEARER:
        return c->token[0] == '\0' && config->credential[0] == '\0'
                   ? missing("token, token_file or credential", "bearer", err)
                   : PARLEY_OK;
    case AUTH_CLIENT_CREDENTIALS:
        if (config->client_id[0] == '\0')
            return missing("client_id", "client_credentials", err);
        return c->secret[0] == '\0'
                   ? missing("client_secret or client_secret_file", "client_credentials", err)
                   : PARLEY_OK;
    case AUTH_PRIVATE_KEY_JWT:
        if (config->client_id[0] == '\0')
            return missing("client_id", "private_key_jwt", err);
        return config->private_key_file[0] == '\0'
                   ? missing("private_key_file", "private_key_jwt", err)
                   : PARLEY_OK;
    case AUTH_JWT_BEARER:
        return config->assertion_file[0] == '\0' ? missing("assertion_file", "jwt_bearer", err)
                                                 : PARLEY_OK;
    default:
        return PARLEY_OK;
    }
}

static int check_address(const struct config *config, const char *option, const char *url,
                         struct parley_error *err)
{
    struct uri u;

    if (url[0] == '\0')
        return PARLEY_OK;
    bool is_good = uri_parse(url, &u) && !u.has_fragment;
    if (is_good && (u.is_https || (config->allow_loopback && uri_is_loopback(&u))))
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_INVALID,
                       "%s: \"%.150s\" is no https:// address; http:// is for this machine alone, "
                       "with allow_loopback = yes",
                       option, url);
}

static int check_addresses(const struct config *config, struct parley_error *err)
{
    struct uri u;
    int r = check_address(config, "issuer", config->issuer, err);

    if (r == PARLEY_OK)
        r = check_address(config, "token_endpoint", config->token_endpoint, err);
    if (r == PARLEY_OK)
        r = check_address(config, "client_metadata_url", config->client_metadata_url, err);
    if (r == PARLEY_OK && config->client_metadata_url[0] != '\0' &&
        (!uri_parse(config->client_metadata_url, &u) || u.path.len < 2))
        r = parley_fail(err, PARLEY_E_INVALID,
                        "client_metadata_url: \"%.150s\" has no path; it is the address of a "
                        "document",
                        config->client_metadata_url);
    return r;
}

static int check_place(const struct config *config, struct parley_error *err)
{
    bool needs_url = config->auth > AUTH_NONE || config->session_token;

    if (needs_url && config->url[0] == '\0')
        return parley_fail(
            err, PARLEY_E_INVALID,
            "auth and session_token are for servers over HTTP; a program gets what it "
            "needs by env");
    return PARLEY_OK;
}

/* ---- life ---- */

static void fill(struct credentials *c, const struct config *config, bool is_attended)
{
    enum auth_mode mode = (enum auth_mode)config->auth;

    if (mode == AUTH_AUTO)
        mode = c->token[0] != '\0' || config->credential[0] != '\0' ? AUTH_BEARER : AUTH_NONE;
    c->settings = (struct auth_settings){
        .mode = mode,
        .url = config->url,
        .ca_file = config->ca_file,
        .token = mode == AUTH_BEARER ? c->token : "",
        .token_file = mode == AUTH_BEARER ? config->token_file : "",
        .credential = mode == AUTH_BEARER ? config->credential : "",
        .client_id = config->client_id,
        .client_secret = c->secret,
        .key = c->key,
        .assertion_file = mode == AUTH_JWT_BEARER ? config->assertion_file : "",
        .client_metadata_url = config->client_metadata_url,
        .open_command = config->open_command,
        .login_file = config->login_file,
        .scope = config->scope,
        .issuer = config->issuer,
        .token_endpoint = config->token_endpoint,
        .resource = config->resource,
        .redirect_port = config->redirect_port,
        .assume_pkce = config->assume_pkce != 0,
        .allow_loopback = config->allow_loopback != 0,
        .is_attended = is_attended,
    };
}

int credentials_create(const struct config *config, bool is_attended, struct credentials **ret,
                       struct parley_error *err)
{
    struct credentials *c = calloc(1, sizeof(*c));
    int r = c == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory") : PARLEY_OK;

    if (r == PARLEY_OK)
        r = check_place(config, err);
    if (r == PARLEY_OK)
        r = check_addresses(config, err);
    if (r == PARLEY_OK)
        r = load_token(c, config, err);
    if (r == PARLEY_OK)
        r = load_secret(c, config, err);
    if (r == PARLEY_OK)
        r = check_identity(c, config, err);
    if (r == PARLEY_OK && config->auth == AUTH_PRIVATE_KEY_JWT)
        r = load_key(c, config, err);
    if (r < 0) {
        credentials_destroy(c);
        return r;
    }
    fill(c, config, is_attended);
    *ret = c;
    return PARLEY_OK;
}

struct credentials *credentials_of_session(const struct config *config, const char *token)
{
    struct credentials *c = secret_is_token(token) ? calloc(1, sizeof(*c)) : NULL;

    if (c == NULL)
        return NULL;
    if (!secret_set(&c->token, token) || !secret_set(&c->secret, "")) {
        credentials_destroy(c);
        return NULL;
    }
    fill(c, config, false);
    c->settings.mode = AUTH_BEARER;
    c->settings.token = c->token;
    c->settings.token_file = "";
    c->settings.credential = "";
    c->settings.assertion_file = "";
    return c;
}

void credentials_destroy(struct credentials *c)
{
    if (c == NULL)
        return;
    secret_free(c->token);
    secret_free(c->secret);
    jwt_key_destroy(c->key);
    free(c);
}

const struct auth_settings *credentials_settings(const struct credentials *c)
{
    return &c->settings;
}

bool credentials_are_exposed(const struct credentials *c)
{
    struct uri u;

    return c->settings.mode != AUTH_NONE && uri_parse(c->settings.url, &u) && !u.is_https &&
           !uri_is_loopback(&u);
}
