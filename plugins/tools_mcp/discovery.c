/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery.h"

#include <stdlib.h>
#include <string.h>

struct discovery {
    struct discovery_config config;
    struct challenge challenge;
    void (*on_done)(void *ctx, const struct discovery_result *result);
    void *ctx;
    struct fetch *fetch;
    unsigned form;     /* which place is asked */
    bool is_named;     /* the refusal has named the place, which is asked before all forms */
    bool has_resource; /* else the server is of 2025-03-26 */
    struct metadata_resource resource;
    struct metadata_server server;
    char issuer[URI_MAX];
};

static void ask_resource(struct discovery *d);
static void ask_server(struct discovery *d);

/* ---- ends ---- */

static void finish(struct discovery *d, int status, const char *why)
{
    const struct discovery_result result = {
        .status = status,
        .why = why,
        .resource = d->has_resource ? &d->resource : NULL,
        .server = &d->server,
    };

    d->on_done(d->ctx, &result);
    free(d);
}

/* Nothing is there, as far as this place goes: the next one may have it. Many servers answer every
 * path that they do not know with a page. */
static bool is_absent(const struct fetch_result *result, bool is_named)
{
    bool is_page = result->code == 200 && result->tree == NULL && !is_named;
    bool is_refused = result->code >= 400 && result->code < 500 && result->code != 429;

    return result->status == PARLEY_OK && (is_refused || is_page);
}

static bool is_document(const struct fetch_result *result)
{
    return result->status == PARLEY_OK && result->code == 200 && result->tree != NULL;
}

static int status_of(const struct fetch_result *result)
{
    if (result->status < 0)
        return result->status;
    return result->code >= 500 || result->code == 429 ? PARLEY_E_UNAVAILABLE : PARLEY_E_PROTOCOL;
}

static bool fetch(struct discovery *d, const char *url, const char *what,
                  void (*on_fetched)(void *ctx, const struct fetch_result *result),
                  struct parley_error *err)
{
    const struct fetch_request request = {.url = url, .what = what};

    d->fetch = fetch_start(d->config.fetcher, &request, on_fetched, d, err);
    return d->fetch != NULL;
}

/* ---- the authorization server ---- */

static void begin_server(struct discovery *d, const char *issuer)
{
    (void)snprintf(d->issuer, sizeof(d->issuer), "%s", issuer);
    d->form = 0;
    ask_server(d);
}

/* A server of 2025-03-26 was told by nobody what its issuer is, so that any at its own origin is as
 * good. */
static const char *issuer_for(const struct discovery *d, const json_t *tree)
{
    const char *own = json_string_value(json_object_get(tree, "issuer"));
    char origin[URI_MAX];

    if (d->has_resource || d->config.issuer[0] != '\0' || own == NULL ||
        !uri_at_origin(d->config.url, "", origin) || !uri_covers(origin, own))
        return d->issuer;
    return own;
}

static void on_server(void *ctx, const struct fetch_result *result)
{
    struct discovery *d = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    d->fetch = NULL;
    if (is_document(result)) {
        int r = metadata_read_server(result->tree, issuer_for(d, result->tree), &d->server, &err);
        finish(d, r, err.message);
    } else if (is_absent(result, false)) {
        d->form++;
        ask_server(d);
    } else {
        finish(d, status_of(result), result->why);
    }
}

static void find_nothing(struct discovery *d)
{
    char why[FETCH_MAX_WHY];

    if (!d->has_resource && d->config.issuer[0] == '\0' &&
        metadata_default_server(d->config.url, &d->server)) {
        finish(d, PARLEY_OK, "");
        return;
    }
    (void)snprintf(
        why, sizeof(why),
        "the authorization server %.200s has no metadata; token_endpoint names its token "
        "endpoint without discovery",
        d->issuer);
    finish(d, PARLEY_E_PROTOCOL, why);
}

static void ask_server(struct discovery *d)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char url[URI_MAX];

    if (!uri_server_metadata(d->issuer, d->form, url))
        find_nothing(d);
    else if (!fetch(d, url, "the authorization server's metadata", on_server, &err))
        finish(d, err.status, err.message);
}

/* ---- the protected resource ---- */

static const char *choose_server(const struct discovery *d)
{
    const char *wanted = d->config.issuer[0] != '\0' ? d->config.issuer : d->config.usual;

    for (unsigned i = 0; i < d->resource.server_count; i++) {
        if (strcmp(d->resource.servers[i], wanted) == 0)
            return wanted;
    }
    if (d->config.issuer[0] != '\0' || d->resource.server_count == 0)
        return NULL;
    return d->resource.servers[0];
}

static void take_resource(struct discovery *d)
{
    char why[FETCH_MAX_WHY];

    d->has_resource = true;
    const char *issuer = choose_server(d);
    if (issuer != NULL) {
        begin_server(d, issuer);
        return;
    }
    if (d->resource.server_count == 0)
        (void)snprintf(why, sizeof(why),
                       "the metadata of the protected resource names no authorization server");
    else
        (void)snprintf(why, sizeof(why),
                       "the resource's authorization server is \"%.150s\", not the one of issuer; "
                       "credentials are for that one alone",
                       d->resource.servers[0]);
    finish(d, PARLEY_E_DENIED, why);
}

static void on_resource(void *ctx, const struct fetch_result *result)
{
    struct discovery *d = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    d->fetch = NULL;
    if (is_document(result)) {
        if (metadata_read_resource(result->tree, d->config.url, &d->resource, &err) < 0)
            finish(d, err.status, err.message);
        else
            take_resource(d);
    } else if (is_absent(result, d->is_named)) {
        if (d->is_named)
            d->is_named = false;
        else
            d->form++;
        ask_resource(d);
    } else {
        finish(d, status_of(result), result->why);
    }
}

/* Without metadata of the resource the server's own origin is the issuer, or the operator's. */
static void go_without(struct discovery *d)
{
    char origin[URI_MAX];

    if (d->config.issuer[0] != '\0')
        begin_server(d, d->config.issuer);
    else if (uri_at_origin(d->config.url, "", origin))
        begin_server(d, origin);
    else
        finish(d, PARLEY_E_INVALID, "url is no address that can be looked for");
}

static void ask_resource(struct discovery *d)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char url[URI_MAX];

    if (d->is_named)
        (void)snprintf(url, sizeof(url), "%s", d->challenge.resource_metadata);
    else if (!uri_resource_metadata(d->config.url, d->form, url)) {
        go_without(d);
        return;
    }
    if (!fetch(d, url, "the protected resource's metadata", on_resource, &err))
        finish(d, err.status, err.message);
}

/* ---- life ---- */

/* The first address is held against the rules here, so that nothing is told on this stack. */
static int check_first(const struct discovery *d, struct parley_error *err)
{
    char url[URI_MAX];

    if (d->is_named)
        return fetch_check(d->config.fetcher, d->challenge.resource_metadata,
                           "the protected resource's metadata", err);
    if (!uri_resource_metadata(d->config.url, 0, url))
        return parley_fail(err, PARLEY_E_INVALID, "url is no address that can be looked for");
    return fetch_check(d->config.fetcher, url, "the protected resource's metadata", err);
}

struct discovery *discovery_start(const struct discovery_config *config,
                                  const struct challenge *challenge,
                                  void (*on_done)(void *ctx, const struct discovery_result *result),
                                  void *ctx, struct parley_error *err)
{
    struct discovery *d = calloc(1, sizeof(*d));
    char url[URI_MAX];

    if (d == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to look for a token");
        return NULL;
    }
    d->config = *config;
    d->challenge = *challenge;
    d->on_done = on_done;
    d->ctx = ctx;
    d->is_named = challenge->resource_metadata[0] != '\0';
    bool is_good = check_first(d, err) == PARLEY_OK;
    if (is_good && d->is_named)
        (void)snprintf(url, sizeof(url), "%s", challenge->resource_metadata);
    else if (is_good)
        is_good = uri_resource_metadata(config->url, 0, url);
    if (is_good && fetch(d, url, "the protected resource's metadata", on_resource, err))
        return d;
    free(d);
    return NULL;
}

void discovery_destroy(struct discovery *d)
{
    if (d == NULL)
        return;
    fetch_destroy(d->fetch);
    free(d);
}
