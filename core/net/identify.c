/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a request comes from: an API key, an ephemeral one, or a token. A token may be signed by a
 * key of its issuer that is not known yet; its connection is opened all the same, and not listened
 * to until the keys have come.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/bearer.h"
#include "net/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define MAX_TRIES 3 /* the configuration may change while one waits */

static struct bearer *bearer_of(const struct net *n)
{
    const struct auth *auth = n->w.hub.auth(n->w.hub.ctx);

    return auth == NULL ? NULL : auth_bearer(auth);
}

/* Clients are not told why; operators are. */
static void check_token(struct net *n, const char *peer, struct caller *c)
{
    struct bearer *bearer = bearer_of(n);
    struct parley_error err = PARLEY_ERROR_INIT;

    c->is_known = c->is_waiting = false;
    if (bearer == NULL)
        return;
    switch (bearer_check(bearer, c->token, n->w.hub.fetch_place(n->w.hub.ctx), c->name, &err)) {
    case BEARER_KNOWN:
        c->is_known = true;
        break;
    case BEARER_WAIT:
        c->is_waiting = true;
        break;
    case BEARER_REFUSED:
        log_info("a token was refused peer=%s code=%s reason=\"%s\"", peer, err.code, err.message);
        break;
    }
}

/* An API key may be in the query, as Azure's clients have it; a token may not, since proxies log
 * that. */
static struct parley_view find_key(struct http_request *r, bool *ret_may_be_token)
{
    struct parley_view authorization = {0};
    struct parley_view api_key = {0};
    struct parley_view subprotocols = {0};

    /* Voice Live's way for browsers, which its clients have no choice in. */
    if (view_is(http_path(r), NET_VOICE_LIVE_PATH))
        (void)http_query_get(r, "Authorization", &authorization);
    *ret_may_be_token = true;
    (void)http_header(r, "authorization", &authorization);
    if (!http_header(r, "api-key", &api_key) && http_query_get(r, "api-key", &api_key))
        *ret_may_be_token = authorization.len > 0;
    (void)http_header(r, "sec-websocket-protocol", &subprotocols);
    return auth_credential_find(authorization, api_key, subprotocols).key;
}

struct caller net_identify(struct net *n, struct http_request *r)
{
    struct caller c = {0};
    const struct auth *auth = n->w.hub.auth(n->w.hub.ctx);
    bool may_be_token;
    struct parley_view key = find_key(r, &may_be_token);

    if (client_secrets_find(n->w.secrets, key, clock_unix_ms() / 1000, &c.secret)) {
        c.has_secret = true;
        c.is_known = true;
        view_copy(c.name, sizeof(c.name), view_of(c.secret.key_name));
    } else if (auth == NULL || !auth_is_required(auth)) {
        c.is_known = true;
        view_copy(c.name, sizeof(c.name), VIEW("local"));
    } else if (auth_check_key(auth, key, c.name)) {
        c.is_known = true;
    } else if (may_be_token && auth_bearer(auth) != NULL && jwt_looks_like_one(key)) {
        c.token = key;
        check_token(n, http_peer(r), &c);
    } else {
        c.gave_none = key.len == 0;
    }
    return c;
}

/* ---- waiting for the keys ---- */

struct identifying {
    struct net *net;
    struct connection *c;
    struct issuer_wait *wait;
    unsigned tries;
    struct wanted wanted;
    size_t token_len;
    char token[];
};

struct identifying *identify_begin(struct net *n, const struct caller *caller)
{
    struct identifying *i = calloc(1, sizeof(*i) + caller->token.len + 1);

    if (i == NULL)
        return NULL;
    i->net = n;
    i->token_len = caller->token.len;
    memcpy(i->token, caller->token.data, caller->token.len);
    return i;
}

void identify_drop(struct identifying *i)
{
    if (i == NULL)
        return;
    if (i->wait != NULL)
        issuer_wait_cancel(i->wait);
    explicit_bzero(i->token, i->token_len);
    explicit_bzero(i->wanted.token, sizeof(i->wanted.token));
    free(i);
}

void identify_forget(struct connection *c)
{
    identify_drop(c->identifying);
    c->identifying = NULL;
}

static void refuse_later(struct connection *c, const char *code, const char *message)
{
    struct rt_error error;

    net_rejected(c->net, "capacity");
    rt_error_copy(&error, "server_error", code, message);
    connection_refuse(c, &error, 1013);
}

/* Known or not: the way on is that of a connection whose key was known at once. */
static void go_on(struct identifying *i, const struct caller *caller)
{
    struct connection *c = i->c;

    c->identifying = NULL;
    ws_pause(c->ws, false);
    view_copy(c->user, sizeof(c->user), view_of(caller->name));
    if (caller->is_known && i->wanted.session_id[0] == '\0' && !connection_enter(c))
        refuse_later(c, "too_many_sessions",
                     "You have as many sessions open as one may have ([server] "
                     "max_sessions_per_key).");
    else
        connection_serve(c, &i->wanted, caller);
    identify_drop(i);
}

static void wait_on(struct identifying *i);

static void on_keys(void *ctx)
{
    struct identifying *i = ctx;
    struct caller caller = {.token = {i->token, i->token_len}};

    i->wait = NULL;
    check_token(i->net, ws_peer(i->c->ws), &caller);
    if (caller.is_waiting && i->tries < MAX_TRIES)
        wait_on(i);
    else
        go_on(i, &caller);
}

static void wait_on(struct identifying *i)
{
    struct bearer *bearer = bearer_of(i->net);
    struct connection *c = i->c;

    i->tries++;
    if (bearer != NULL)
        i->wait = bearer_wait(bearer, i->net->w.hub.fetch_place(i->net->w.hub.ctx), on_keys, i);
    if (i->wait != NULL)
        return;
    identify_forget(c);
    ws_pause(c->ws, false);
    refuse_later(c, "keys_loading",
                 "The keys that tokens are checked with are being loaded; try again soon.");
}

void identify_later(struct identifying *i, struct connection *c, const struct wanted *w)
{
    i->c = c;
    i->wanted = *w;
    c->identifying = i;
    ws_pause(c->ws, true); /* what it says is for the session */
    wait_on(i);
}
