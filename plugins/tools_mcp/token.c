/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include "base64url.h"
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_LIFETIME_S ((int64_t)366 * 86400)

/* ---- who asks ---- */

/* By what the server lists; one that lists nothing takes Basic (RFC 8414). */
static unsigned choose_method(const struct metadata_server *server,
                              const struct token_client *client)
{
    unsigned all = server->lists_auth_methods ? server->auth_methods : METADATA_BASIC;

    if (client->assertion != NULL)
        return METADATA_KEY;
    if (client->secret == NULL || strcmp(client->registered, "none") == 0)
        return METADATA_NONE;
    if (strcmp(client->registered, "client_secret_post") == 0)
        return METADATA_POST;
    if (strcmp(client->registered, "client_secret_basic") == 0)
        return METADATA_BASIC;
    if ((all & METADATA_BASIC) != 0)
        return METADATA_BASIC;
    return (all & METADATA_POST) != 0 ? METADATA_POST : METADATA_NONE;
}

static int check_method(const struct metadata_server *server, const struct token_client *client,
                        unsigned method, struct parley_error *err)
{
    if (method == METADATA_KEY && server->lists_auth_methods &&
        (server->auth_methods & METADATA_KEY) == 0)
        return parley_fail(err, PARLEY_E_DENIED,
                           "the authorization server %.150s takes no private_key_jwt at its token "
                           "endpoint; another auth is needed",
                           server->issuer);
    if (method == METADATA_NONE && client->secret != NULL && server->lists_auth_methods &&
        (server->auth_methods & METADATA_NONE) == 0)
        return parley_fail(err, PARLEY_E_DENIED,
                           "the authorization server %.150s takes no client secret at its token "
                           "endpoint; another auth, such as private_key_jwt, is needed",
                           server->issuer);
    return PARLEY_OK;
}

/* Both are encoded as in a form before they are joined (RFC 6749, 2.3.1). */
static char *basic_line(const struct token_client *client)
{
    static const char prefix[] = "Authorization: Basic ";
    char *id = form_encode(client->id), *secret = form_encode(client->secret);
    char *pair = NULL, *line = NULL;

    if (id != NULL && secret != NULL && asprintf(&pair, "%s:%s", id, secret) < 0)
        pair = NULL;
    if (pair != NULL)
        line = malloc(sizeof(prefix) + (strlen(pair) + 2) / 3 * 4 + 1);
    if (line != NULL) {
        memcpy(line, prefix, sizeof(prefix));
        (void)base64_padded(pair, strlen(pair), line + sizeof(prefix) - 1);
    }
    free(id);
    secret_free(secret);
    secret_free(pair);
    return line;
}

static void add_client(struct form *f, const struct token_client *client, unsigned method)
{
    if (method != METADATA_BASIC)
        form_add(f, "client_id", client->id);
    if (method == METADATA_POST)
        form_add(f, "client_secret", client->secret);
    if (method == METADATA_KEY) {
        form_add(f, "client_assertion_type",
                 "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        form_add(f, "client_assertion", client->assertion);
    }
}

int token_request(const struct metadata_server *server, const struct token_client *client,
                  const struct token_grant *grant, struct form *ret_form, char **ret_line,
                  struct parley_error *err)
{
    unsigned method = choose_method(server, client);
    struct form f = {0};
    int r = check_method(server, client, method, err);

    if (r < 0)
        return r;
    form_add(&f, "grant_type", grant->type);
    form_add(&f, "code", grant->code);
    form_add(&f, "redirect_uri", grant->redirect_uri);
    form_add(&f, "code_verifier", grant->code_verifier);
    form_add(&f, "refresh_token", grant->refresh_token);
    form_add(&f, "assertion", grant->assertion);
    form_add(&f, "scope", grant->scope);
    form_add(&f, "resource", grant->resource);
    add_client(&f, client, method);
    char *line = method == METADATA_BASIC ? basic_line(client) : NULL;
    if (!f.has_failed && (line != NULL || method != METADATA_BASIC)) {
        *ret_form = f;
        *ret_line = line;
        return PARLEY_OK;
    }
    form_done(&f);
    secret_free(line);
    return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a request, or it is too long");
}

/* ---- answers ---- */

/* Some servers write numbers as strings. */
static int64_t read_lifetime(const json_t *value)
{
    int64_t seconds = 0;

    if (json_is_number(value) && json_number_value(value) > 0 &&
        json_number_value(value) < (double)MAX_LIFETIME_S)
        seconds = (int64_t)json_number_value(value);
    else if (json_is_string(value) && strlen(json_string_value(value)) < 12)
        seconds = strtoll(json_string_value(value), NULL, 10);
    return seconds > 0 && seconds < MAX_LIFETIME_S ? seconds : 0;
}

int token_read_answer(const json_t *tree, bool may_bind, struct token_answer *ret,
                      struct parley_error *err)
{
    const char *token = json_string_value(json_object_get(tree, "access_token"));
    const char *type = json_string_value(json_object_get(tree, "token_type"));
    const char *refresh = json_string_value(json_object_get(tree, "refresh_token"));

    if (token == NULL || !secret_is_token(token))
        return parley_fail(err, PARLEY_E_PROTOCOL,
                           "the token endpoint answered without an access_token that can be used");
    bool is_bound = may_bind && type != NULL && strcasecmp(type, "DPoP") == 0;
    if (type != NULL && !is_bound && strcasecmp(type, "Bearer") != 0)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "the token endpoint gave a token of the type \"%.40s\", which was not "
                           "asked for",
                           type);
    *ret = (struct token_answer){
        .access_token = token,
        .refresh_token = refresh != NULL && secret_is_token(refresh) ? refresh : NULL,
        .scope = json_string_value(json_object_get(tree, "scope")),
        .lifetime_s = read_lifetime(json_object_get(tree, "expires_in")),
        .is_bound = is_bound,
    };
    return PARLEY_OK;
}

const char *token_error(const json_t *tree)
{
    const char *error = json_string_value(json_object_get(tree, "error"));

    if (error == NULL || strlen(error) > 60 ||
        strspn(error, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
            strlen(error))
        return "";
    return error;
}

void token_description(const json_t *tree, const char *const *secrets, size_t count, char *out,
                       size_t size)
{
    const char *text = json_string_value(json_object_get(tree, "error_description"));

    out[0] = '\0';
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (secrets[i] != NULL && secrets[i][0] != '\0' && strstr(text, secrets[i]) != NULL)
            return;
    }
    char *tidy = text == NULL ? NULL : text_tidy(text, size - 1);
    if (tidy != NULL)
        (void)snprintf(out, size, "%s", tidy);
    free(tidy);
}

/* ---- registration ---- */

/* A program at a terminal keeps no secret well, but some servers give one to everybody. */
static const char *registered_method(const struct metadata_server *server)
{
    if (server->lists_auth_methods && (server->auth_methods & METADATA_NONE) == 0)
        return (server->auth_methods & METADATA_BASIC) != 0 ? "client_secret_basic"
                                                            : "client_secret_post";
    return "none";
}

char *token_registration(const struct metadata_server *server, const char *redirect_uri,
                         const char *scope)
{
    json_t *tree = json_pack("{s:s, s:s, s:[s], s:[s, s], s:[s], s:s}", "client_name", "parley",
                             "application_type", "native", "redirect_uris", redirect_uri,
                             "grant_types", "authorization_code", "refresh_token", "response_types",
                             "code", "token_endpoint_auth_method", registered_method(server));

    if (tree != NULL && scope[0] != '\0')
        (void)json_object_set_new(tree, "scope", json_string(scope));
    char *text = tree == NULL ? NULL : json_dumps(tree, JSON_COMPACT);
    json_decref(tree);
    return text;
}
