/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt to come by a token, whatever the mode:
 *
 *   [login_file] -> where (discovery, or pinned) -> who (identity bound to the issuer)
 *       -> what with: assertion, signature, refresh token, or a person -> the token endpoint
 *
 * Every step ends in the next one or in fail(); auth_settle() comes once.
 */
#include "auth_state.h"

#include "secret.h"
#include "sign_in.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_END_S 30 /* a kept token that is good for less is not worth using */

static void find(struct auth *a);
static void choose(struct auth *a);

/* ---- ends ---- */

void flight_fail(struct auth *a, int status, const char *why)
{
    flight_done(a);
    auth_settle(a, status, why);
}

void flight_done(struct auth *a)
{
    if (a->vault_request != 0)
        a->vault->cancel(a->around.worker, a->vault_request);
    a->vault_request = 0;
    discovery_destroy(a->discovery);
    fetch_destroy(a->fetch);
    login_close(a->login);
    secret_free(a->code);
    secret_free(a->assertion);
    secret_free(a->proof);
    a->discovery = NULL;
    a->fetch = NULL;
    a->login = NULL;
    a->code = NULL;
    a->assertion = NULL;
    a->proof = NULL;
    explicit_bzero(a->verifier, sizeof(a->verifier));
    explicit_bzero(a->state, sizeof(a->state));
}

/* ---- who we are ---- */

const char *flight_client_id(const struct auth *a)
{
    if (a->settings->client_id[0] != '\0')
        return a->settings->client_id;
    return a->identity.id == NULL ? "" : a->identity.id;
}

static const char *client_secret(const struct auth *a)
{
    if (a->settings->client_secret[0] != '\0')
        return a->settings->client_secret;
    return a->identity.secret;
}

static void forget_identity(struct auth *a)
{
    secret_free(a->identity.id);
    secret_free(a->identity.secret);
    secret_free(a->refresh_token);
    a->identity = (struct auth_identity){0};
    a->refresh_token = NULL;
    a->scopes[0] = '\0';
    a->denied_scopes[0] = '\0';
    a->registered_uri[0] = '\0';
}

/* What the operator was given by one authorization server is not shown to another one, only because
 * the MCP server says so. False after fail(). */
static bool bind_identity(struct auth *a)
{
    const struct auth_settings *s = a->settings;
    char was[URI_MAX], why[AUTH_MAX_WHY];
    bool is_given = s->client_id[0] != '\0' || s->assertion_file[0] != '\0';

    if (strcmp(a->identity.issuer, a->server.issuer) == 0)
        return true;
    (void)snprintf(was, sizeof(was), "%s", a->identity.issuer);
    if (was[0] != '\0' && is_given) {
        (void)snprintf(
            why, sizeof(why),
            "the MCP server's authorization server was %.130s and is now %.130s, which is "
            "not given the credentials; issuer names the right one",
            was, a->server.issuer);
        flight_fail(a, PARLEY_E_DENIED, why);
        return false;
    }
    if (was[0] != '\0')
        AUTH_LOG(a, WARN, "the MCP server has another authorization server now was=%s is=%s", was,
                 a->server.issuer);
    forget_identity(a);
    (void)snprintf(a->identity.issuer, sizeof(a->identity.issuer), "%s", a->server.issuer);
    return true;
}

/* ---- the answer ---- */

static void keep_sign_in(struct auth *a, const struct token_answer *answer)
{
    int64_t now_s = (int64_t)(a->around.host->unix_us() / 1000000);
    const struct keep k = {
        .url = (char *)(uintptr_t)a->settings->url,
        .issuer = a->server.issuer,
        .client_id = (char *)(uintptr_t)flight_client_id(a),
        .client_secret = a->identity.secret,
        .auth_method = a->identity.method,
        .refresh_token = a->refresh_token,
        .access_token = (char *)(uintptr_t)answer->access_token,
        .scope = a->scopes,
        .expires_s = answer->lifetime_s > 0 ? now_s + answer->lifetime_s : 0,
    };

    errand_keep(a, keep_write(&k));
}

static void take_token(struct auth *a, const struct token_answer *answer)
{
    enum auth_type type = answer->is_bound ? AUTH_TYPE_DPOP : AUTH_TYPE_BEARER;
    bool is_whole = auth_set_token(a, type, answer->access_token, answer->lifetime_s);

    if (is_whole && answer->refresh_token != NULL)
        is_whole = secret_set(&a->refresh_token, answer->refresh_token);
    if (!is_whole) {
        flight_fail(a, PARLEY_E_NO_MEMORY, "no memory for a token");
        return;
    }
    if (!a->is_refreshing)
        memcpy(a->scopes, a->wanted, sizeof(a->scopes));
    bool is_lasting = !answer->is_bound; /* else its key ends with this process */
    if (a->settings->mode == AUTH_AUTHORIZATION_CODE && a->settings->login_file[0] != '\0' &&
        is_lasting)
        keep_sign_in(a, answer);
    AUTH_LOG(a, INFO, "a token was obtained issuer=%s scope=\"%.200s\" lifetime_s=%lld",
             a->server.issuer, a->scopes, (long long)answer->lifetime_s);
    a->held_until_ms = 0;
    flight_done(a);
    auth_settle(a, PARLEY_OK, "");
}

static void describe_refusal(const struct auth *a, const struct fetch_result *result,
                             char why[AUTH_MAX_WHY])
{
    const char *const secrets[] = {client_secret(a), a->code,          a->assertion,
                                   a->proof,         a->refresh_token, a->verifier};
    const char *error = token_error(result->tree);
    char description[160];

    token_description(result->tree, secrets, sizeof(secrets) / sizeof(secrets[0]), description,
                      sizeof(description));
    if (error[0] == '\0')
        (void)snprintf(why, AUTH_MAX_WHY, "%s", result->why);
    else
        (void)snprintf(why, AUTH_MAX_WHY,
                       "the authorization server %.120s refused to give a token: %s%s%s",
                       a->server.issuer[0] != '\0' ? a->server.issuer : a->server.token_endpoint,
                       error, description[0] != '\0' ? ": " : "", description);
}

static int refusal_status(const struct fetch_result *result)
{
    if (result->status < 0)
        return result->status;
    if (result->code >= 500 || result->code == 429)
        return PARLEY_E_UNAVAILABLE;
    return result->code >= 400 ? PARLEY_E_DENIED : PARLEY_E_PROTOCOL;
}

static void on_login_again(struct auth *a, struct errand_result *result)
{
    struct keep k = {0};
    bool is_new = result->status == PARLEY_OK && keep_read(result->text, &k) &&
                  k.refresh_token != NULL && k.issuer != NULL &&
                  strcmp(k.issuer, a->server.issuer) == 0 &&
                  (a->refresh_token == NULL || strcmp(k.refresh_token, a->refresh_token) != 0);

    secret_free(a->refresh_token);
    a->refresh_token = NULL;
    if (is_new)
        (void)secret_set(&a->refresh_token, k.refresh_token);
    keep_done(&k);
    choose(a);
}

/* Another process may have renewed it, or somebody has signed in again. */
static void lost_refresh_token(struct auth *a)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (a->settings->login_file[0] != '\0' && !a->has_reloaded) {
        a->has_reloaded = true;
        if (errand_read(a, "login_file", a->settings->login_file, on_login_again, &err))
            return;
    }
    secret_free(a->refresh_token);
    a->refresh_token = NULL;
    choose(a);
}

/* The server did nothing yet: it wants a word of its own in the proof. */
static bool wants_nonce(struct auth *a, const struct fetch_result *result)
{
    return a->proof_key != NULL && !a->has_nonced && result->code >= 400 &&
           strcmp(token_error(result->tree), "use_dpop_nonce") == 0 &&
           auth_take_nonce(a->token_nonce, result->nonce);
}

static void ask_again(struct auth *a)
{
    a->has_nonced = true;
    if (a->code != NULL) {
        flight_ask_code(a, a->redirect_uri);
        return;
    }
    secret_free(a->assertion);
    secret_free(a->proof);
    a->assertion = NULL;
    a->proof = NULL;
    choose(a);
}

static void on_answered(void *ctx, const struct fetch_result *result)
{
    struct auth *a = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct token_answer answer;
    char why[AUTH_MAX_WHY];

    a->fetch = NULL;
    if (result->status == PARLEY_OK && result->code == 200 && result->tree != NULL) {
        if (token_read_answer(result->tree, a->proof_key != NULL, &answer, &err) < 0)
            flight_fail(a, err.status, err.message);
        else
            take_token(a, &answer);
        return;
    }
    if (wants_nonce(a, result)) {
        ask_again(a);
        return;
    }
    int status = refusal_status(result);
    if (a->is_refreshing && status == PARLEY_E_DENIED) {
        lost_refresh_token(a);
        return;
    }
    describe_refusal(a, result, why);
    flight_fail(a, status, why);
}

/* ---- asking ---- */

static void ask(struct auth *a, const struct token_grant *grant)
{
    const struct token_client client = {
        .id = flight_client_id(a),
        .secret = a->settings->mode == AUTH_PRIVATE_KEY_JWT ? NULL : client_secret(a),
        .assertion = a->proof,
        .registered = a->settings->client_id[0] != '\0' ? "" : a->identity.method,
    };
    struct parley_error err = PARLEY_ERROR_INIT;
    struct form form = {0};
    char *line = NULL, *proof = NULL;

    if (token_request(&a->server, &client, grant, &form, &line, &err) < 0) {
        flight_fail(a, err.status, err.message);
        return;
    }
    if (a->proof_key != NULL)
        proof = auth_prove(a, &(struct dpop_request){.method = "POST",
                                                     .url = a->server.token_endpoint,
                                                     .nonce = a->token_nonce});
    const struct fetch_request request = {
        .url = a->server.token_endpoint,
        .what = "the token endpoint",
        .body = text_str(&form.text),
        .content_type = "application/x-www-form-urlencoded",
        .authorization = line,
        .proof = proof,
    };
    a->fetch = fetch_start(&a->fetcher, &request, on_answered, a, &err);
    form_done(&form);
    secret_free(line);
    free(proof);
    if (a->fetch == NULL)
        flight_fail(a, err.status, err.message);
}

static void ask_client_credentials(struct auth *a)
{
    const struct token_grant grant = {
        .type = "client_credentials", .scope = a->wanted, .resource = a->resource};

    ask(a, &grant);
}

static void on_signed(struct auth *a, struct errand_result *result)
{
    if (result->status < 0) {
        flight_fail(a, result->status, result->why);
        return;
    }
    a->proof = result->text;
    result->text = NULL;
    ask_client_credentials(a);
}

static void on_assertion(struct auth *a, struct errand_result *result)
{
    if (result->status < 0) {
        flight_fail(a, result->status, result->why);
        return;
    }
    if (!secret_is_token(result->text)) {
        flight_fail(a, PARLEY_E_INVALID, "assertion_file: holds no assertion in one word");
        return;
    }
    a->assertion = result->text;
    result->text = NULL;
    const struct token_grant grant = {
        .type = "urn:ietf:params:oauth:grant-type:jwt-bearer",
        .assertion = a->assertion,
        .scope = a->wanted,
        .resource = a->resource,
    };
    ask(a, &grant);
}

static void ask_refresh(struct auth *a)
{
    const struct token_grant grant = {
        .type = "refresh_token", .refresh_token = a->refresh_token, .resource = a->resource};

    a->is_refreshing = true;
    ask(a, &grant);
}

void flight_ask_code(struct auth *a, const char *redirect_uri)
{
    const struct token_grant grant = {
        .type = "authorization_code",
        .code = a->code,
        .redirect_uri = a->redirect_uri,
        .code_verifier = a->verifier,
        .resource = a->resource,
    };

    if (redirect_uri != a->redirect_uri)
        (void)snprintf(a->redirect_uri, sizeof(a->redirect_uri), "%s", redirect_uri);
    ask(a, &grant);
}

/* What the server wants comes before what it could give; more is never asked for than that. */
static bool choose_scopes(struct auth *a)
{
    const char *wish = a->settings->scope;

    if (a->reason == AUTH_FOR_SCOPE || (wish[0] == '\0' && a->challenge.scope[0] != '\0'))
        wish = a->challenge.scope;
    if (wish[0] == '\0' && a->scopes[0] == '\0')
        wish = a->resource_scopes;
    if (!challenge_join_scopes(a->scopes, wish, a->wanted))
        return false;
    bool is_lasting =
        a->settings->mode == AUTH_AUTHORIZATION_CODE && a->server.offers_offline_access;
    return !is_lasting || challenge_join_scopes(a->wanted, "offline_access", a->wanted);
}

static void choose(struct auth *a)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct auth_settings *s = a->settings;
    bool is_begun = true;

    a->is_refreshing = false;
    if (!choose_scopes(a)) {
        flight_fail(a, PARLEY_E_TOO_LARGE, "the scopes that the server wants are too many");
        return;
    }
    switch (s->mode) {
    case AUTH_CLIENT_CREDENTIALS:
        ask_client_credentials(a);
        break;
    case AUTH_PRIVATE_KEY_JWT:
        is_begun = errand_sign(
            a, a->server.issuer[0] != '\0' ? a->server.issuer : a->server.token_endpoint, on_signed,
            &err);
        break;
    case AUTH_JWT_BEARER:
        is_begun = errand_read(a, "assertion_file", s->assertion_file, on_assertion, &err);
        break;
    default:
        if (a->refresh_token != NULL && a->reason != AUTH_FOR_SCOPE)
            ask_refresh(a);
        else
            sign_in_begin(a);
    }
    if (!is_begun)
        flight_fail(a, err.status, err.message);
}

/* ---- where ---- */

static void choose_resource(struct auth *a, const char *from_metadata)
{
    const char *wish = a->settings->resource;
    const char *what = wish;

    if (strcmp(wish, "none") == 0)
        what = "";
    else if (strcmp(wish, "auto") == 0)
        what = from_metadata[0] != '\0' ? from_metadata : a->settings->url;
    (void)snprintf(a->resource, sizeof(a->resource), "%.*s", (int)strcspn(what, "#"), what);
}

/* Tokens are bound to a key where the MCP server takes no others. False after fail(). */
static bool choose_proofs(struct auth *a)
{
    if (a->challenge.is_bearer) {
        jwt_key_destroy(a->proof_key);
        a->proof_key = NULL;
    }
    if (!a->challenge.is_dpop || a->proof_key != NULL)
        return true;
    if (!a->server.knows_dpop) {
        flight_fail(a, PARLEY_E_UNSUPPORTED,
                    "the MCP server wants a token bound to a key (DPoP), and its authorization "
                    "server lists no ES256 for that");
        return false;
    }
    a->token_nonce[0] = '\0';
    a->proof_key = jwt_key_generate();
    if (a->proof_key == NULL)
        flight_fail(a, PARLEY_E_NO_MEMORY, "no memory for a key");
    return a->proof_key != NULL;
}

static void on_found(void *ctx, const struct discovery_result *result)
{
    struct auth *a = ctx;

    a->discovery = NULL;
    if (result->status < 0) {
        flight_fail(a, result->status, result->why);
        return;
    }
    a->server = *result->server;
    a->is_found = true;
    choose_resource(a, result->resource == NULL ? "" : result->resource->resource);
    memcpy(a->resource_scopes, result->resource == NULL ? "" : result->resource->scopes,
           result->resource == NULL ? 1 : sizeof(a->resource_scopes));
    if (choose_proofs(a) && bind_identity(a))
        choose(a);
}

static void go_to_pinned(struct auth *a)
{
    const struct auth_settings *s = a->settings;

    a->server = (struct metadata_server){0};
    (void)snprintf(a->server.issuer, sizeof(a->server.issuer), "%s", s->issuer);
    (void)snprintf(a->server.token_endpoint, sizeof(a->server.token_endpoint), "%s",
                   s->token_endpoint);
    a->is_found = true;
    choose_resource(a, "");
    if (bind_identity(a))
        choose(a);
}

static bool is_search_needed(const struct auth *a)
{
    bool is_told =
        (a->challenge.is_bearer || a->challenge.is_dpop) && a->reason == AUTH_FOR_REFUSED;

    return !a->is_found || is_told; /* a refusal may come of a change over there */
}

static void find(struct auth *a)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct discovery_config config = {
        .fetcher = &a->fetcher,
        .url = a->settings->url,
        .issuer = a->settings->issuer,
        .usual = a->identity.issuer,
    };

    if (a->settings->token_endpoint[0] != '\0') {
        go_to_pinned(a);
        return;
    }
    if (!is_search_needed(a)) {
        choose(a);
        return;
    }
    a->discovery = discovery_start(&config, &a->challenge, on_found, a, &err);
    if (a->discovery == NULL)
        flight_fail(a, err.status, err.message);
}

/* ---- files ---- */

static void on_token_file(struct auth *a, struct errand_result *result)
{
    static const char prefix[] = "Authorization: Bearer ";
    const char *old = a->line == NULL ? "" : a->line + sizeof(prefix) - 1;

    if (result->status < 0)
        flight_fail(a, result->status, result->why);
    else if (!secret_is_token(result->text))
        flight_fail(a, PARLEY_E_INVALID, "token_file: holds no token in one word");
    else if (strcmp(result->text, old) == 0)
        flight_fail(a, PARLEY_E_DENIED,
                    "it answered HTTP 401: it does not take the token of token_file, which has not "
                    "changed");
    else if (!auth_set_token(a, AUTH_TYPE_BEARER, result->text, 0))
        flight_fail(a, PARLEY_E_NO_MEMORY, "no memory for a token");
    else {
        AUTH_LOG(a, INFO, "token_file was read again");
        auth_settle(a, PARLEY_OK, "");
    }
}

/* Was this token refused just now? */
static bool is_refused(const struct auth *a, const char *token)
{
    const char *old = a->line == NULL ? NULL : strrchr(a->line, ' ');

    return old != NULL && strcmp(old + 1, token) == 0;
}

/* True when a token came with it that can be used at once. */
static bool take_kept(struct auth *a, const struct keep *k)
{
    int64_t now_s = (int64_t)(a->around.host->unix_us() / 1000000);

    if (k->issuer == NULL || k->url == NULL || strcmp(k->url, a->settings->url) != 0) {
        AUTH_LOG(a, WARN, "login_file is not of a sign-in to url; it is not used");
        return false;
    }
    (void)snprintf(a->identity.issuer, sizeof(a->identity.issuer), "%s", k->issuer);
    (void)snprintf(a->identity.method, sizeof(a->identity.method), "%s",
                   k->auth_method == NULL ? "" : k->auth_method);
    bool is_whole = secret_set(&a->identity.id, k->client_id) &&
                    secret_set(&a->identity.secret, k->client_secret) &&
                    secret_set(&a->refresh_token, k->refresh_token);
    if (k->scope != NULL)
        (void)challenge_join_scopes(k->scope, "", a->scopes);
    if (!is_whole || k->access_token == NULL || !secret_is_token(k->access_token) ||
        is_refused(a, k->access_token) || (k->expires_s > 0 && k->expires_s < now_s + NEAR_END_S))
        return false;
    return auth_set_token(a, AUTH_TYPE_BEARER, k->access_token,
                          k->expires_s > 0 ? k->expires_s - now_s : 0);
}

static void on_login_file(struct auth *a, struct errand_result *result)
{
    struct keep k = {0};
    bool is_ready = false;

    a->has_looked = true;
    if (result->status == PARLEY_OK && keep_read(result->text, &k))
        is_ready = take_kept(a, &k);
    else if (result->status == PARLEY_OK)
        AUTH_LOG(a, WARN, "login_file holds no sign-in; it is not used");
    keep_done(&k);
    if (!is_ready) {
        find(a);
        return;
    }
    a->is_kept = true;
    auth_settle(a, PARLEY_OK, "");
}

/* A server looks again as long as it has nothing: somebody may have signed in meanwhile. */
static bool may_be_kept(const struct auth *a)
{
    const struct auth_settings *s = a->settings;

    return s->mode == AUTH_AUTHORIZATION_CODE && s->login_file[0] != '\0' &&
           (!a->has_looked || (!s->is_attended && a->refresh_token == NULL));
}

/* ---- the host's credential ---- */

static void on_vault_token(void *ctx, const struct parley_credential_token *token)
{
    struct auth *a = ctx;
    int64_t now_ms = (int64_t)(a->around.host->unix_us() / 1000);
    char *value = token->status < 0 ? NULL : strndup(token->value.data, token->value.len);

    a->vault_request = 0;
    if (token->status < 0)
        flight_fail(a, token->status, token->message);
    else if (value == NULL ||
             !auth_set_token(a, AUTH_TYPE_BEARER, value,
                             token->expires_ms > now_ms ? (token->expires_ms - now_ms) / 1000 : 0))
        flight_fail(a, PARLEY_E_NO_MEMORY, "no memory for a token");
    else
        auth_settle(a, PARLEY_OK, "");
    secret_free(value);
}

/* What the server did not take is not to come again. */
static bool ask_vault(struct auth *a, struct parley_error *err)
{
    static const struct parley_credential_events events = {.size = sizeof(events),
                                                           .on_token = on_vault_token};
    static const char prefix[] = "Authorization: Bearer ";
    const struct auth_settings *s = a->settings;

    if (a->reason == AUTH_FOR_REFUSED && a->line != NULL) {
        const char *old = a->line + sizeof(prefix) - 1;
        a->vault->refused(a->around.handle, s->credential, s->scope,
                          (struct parley_view){old, strlen(old)});
    }
    return a->vault->get(a->around.handle, a->around.worker, s->credential, s->scope, &events, a,
                         &a->vault_request, err) >= 0;
}

/* ---- the beginning ---- */

void flight_begin(struct auth *a, enum auth_reason reason, const struct challenge *challenge)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct auth_settings *s = a->settings;
    bool is_begun = true;

    a->is_flying = true;
    a->reason = reason;
    a->challenge = *challenge;
    a->has_reloaded = false;
    a->has_nonced = false;
    if (a->fetcher.http == NULL)
        flight_fail(a, PARLEY_E_UNAVAILABLE, "a host without HTTP");
    else if (auth_has_credential(a))
        is_begun = ask_vault(a, &err);
    else if (s->mode == AUTH_BEARER)
        is_begun = errand_read(a, "token_file", s->token_file, on_token_file, &err);
    else if (may_be_kept(a))
        is_begun = errand_read(a, "login_file", s->login_file, on_login_file, &err);
    else
        find(a);
    if (!is_begun)
        flight_fail(a, err.status, err.message);
}
