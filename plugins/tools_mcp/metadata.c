/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata.h"

#include <stdio.h>
#include <string.h>

/* ---- members ---- */

/* "" when it is missing, no string, or too long. */
static void copy_member(const json_t *tree, const char *name, char out[URI_MAX])
{
    const char *text = json_string_value(json_object_get(tree, name));

    out[0] = '\0';
    if (text != NULL && strlen(text) < URI_MAX)
        (void)snprintf(out, URI_MAX, "%s", text);
}

static bool has_item(const json_t *array, const char *text)
{
    json_t *one;
    size_t i;

    json_array_foreach(array, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
            return true;
    }
    return false;
}

/* Words that may stand in a scope parameter; others are left out. */
static bool is_scope(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
            return false;
    }
    return text[0] != '\0';
}

static void read_scopes(const json_t *array, char out[CHALLENGE_MAX_SCOPE])
{
    json_t *one;
    size_t i;

    json_array_foreach(array, i, one)
    {
        const char *scope = json_string_value(one);
        if (scope != NULL && is_scope(scope))
            (void)challenge_join_scopes(out, scope, out);
    }
}

/* ---- the protected resource ---- */

static void read_servers(const json_t *tree, struct metadata_resource *r)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(tree, "authorization_servers"), i, one)
    {
        const char *issuer = json_string_value(one);
        struct uri u;
        if (r->server_count == METADATA_MAX_SERVERS)
            return;
        if (issuer != NULL && uri_parse(issuer, &u))
            (void)snprintf(r->servers[r->server_count++], URI_MAX, "%s", issuer);
    }
}

int metadata_read_resource(const json_t *tree, const char *url, struct metadata_resource *ret,
                           struct parley_error *err)
{
    struct metadata_resource r = {0};

    copy_member(tree, "resource", r.resource);
    if (r.resource[0] == '\0')
        return parley_fail(err, PARLEY_E_PROTOCOL,
                           "the metadata of the protected resource names no resource");
    if (!uri_covers(r.resource, url))
        return parley_fail(
            err, PARLEY_E_DENIED,
            "the metadata is for the resource \"%.150s\", not for url; no token is asked for",
            r.resource);
    read_servers(tree, &r);
    read_scopes(json_object_get(tree, "scopes_supported"), r.scopes);
    *ret = r;
    return PARLEY_OK;
}

/* ---- the authorization server ---- */

static void read_methods(const json_t *tree, struct metadata_server *s)
{
    static const struct {
        const char *name;
        unsigned flag;
    } known[] = {
        {"client_secret_basic", METADATA_BASIC},
        {"client_secret_post", METADATA_POST},
        {"none", METADATA_NONE},
        {"private_key_jwt", METADATA_KEY},
    };
    const json_t *list = json_object_get(tree, "token_endpoint_auth_methods_supported");

    s->lists_auth_methods = json_is_array(list);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (has_item(list, known[i].name))
            s->auth_methods |= known[i].flag;
    }
}

int metadata_read_server(const json_t *tree, const char *issuer, struct metadata_server *ret,
                         struct parley_error *err)
{
    struct metadata_server s = {0};

    copy_member(tree, "issuer", s.issuer);
    if (strcmp(s.issuer, issuer) != 0)
        return parley_fail(err, PARLEY_E_DENIED,
                           "the metadata of the authorization server %.120s names another issuer, "
                           "\"%.120s\"; it is not used",
                           issuer, s.issuer);
    copy_member(tree, "authorization_endpoint", s.authorization_endpoint);
    copy_member(tree, "token_endpoint", s.token_endpoint);
    copy_member(tree, "registration_endpoint", s.registration_endpoint);
    if (s.token_endpoint[0] == '\0')
        return parley_fail(err, PARLEY_E_PROTOCOL,
                           "the metadata of the authorization server %.150s has no token_endpoint",
                           issuer);
    read_methods(tree, &s);
    s.has_s256 = has_item(json_object_get(tree, "code_challenge_methods_supported"), "S256");
    s.has_iss =
        json_is_true(json_object_get(tree, "authorization_response_iss_parameter_supported"));
    s.takes_client_documents =
        json_is_true(json_object_get(tree, "client_id_metadata_document_supported"));
    s.offers_offline_access = has_item(json_object_get(tree, "scopes_supported"), "offline_access");
    s.knows_dpop = has_item(json_object_get(tree, "dpop_signing_alg_values_supported"), "ES256");
    *ret = s;
    return PARLEY_OK;
}

bool metadata_default_server(const char *url, struct metadata_server *ret)
{
    struct metadata_server s = {.has_s256 = true}; /* PKCE is a must of that revision */

    if (!uri_at_origin(url, "", s.issuer) ||
        !uri_at_origin(url, "/authorize", s.authorization_endpoint) ||
        !uri_at_origin(url, "/token", s.token_endpoint) ||
        !uri_at_origin(url, "/register", s.registration_endpoint))
        return false;
    *ret = s;
    return true;
}
