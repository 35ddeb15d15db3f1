/* SPDX-License-Identifier: Apache-2.0 */
#include "sign_in.h"

#include "base64url.h"
#include "secret.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* ---- the answer of the browser ---- */

/* Whose answer is it? Before anything in it is believed (RFC 9207). NULL: the right one's. */
static const char *check_issuer(const struct auth *a, const struct login_answer *answer)
{
    if (answer->iss != NULL && strcmp(answer->iss, a->server.issuer) != 0)
        return "the answer of the sign-in comes from another issuer than the authorization server; "
               "it is not used";
    if (answer->iss == NULL && a->server.has_iss)
        return "the answer of the sign-in does not say its issuer, as the authorization server "
               "promised; it is not used";
    return NULL;
}

static void on_answer(void *ctx, const struct login_answer *answer)
{
    struct auth *a = ctx;
    char uri[64], why[160];

    if (answer->status < 0) {
        flight_fail(a, answer->status, answer->why);
        return;
    }
    const char *doubt = check_issuer(a, answer);
    if (doubt != NULL) {
        flight_fail(a, PARLEY_E_DENIED, doubt);
        return;
    }
    if (answer->error != NULL || answer->code == NULL || !secret_is_token(answer->code)) {
        bool is_word = answer->error != NULL && secret_is_token(answer->error);
        (void)snprintf(why, sizeof(why), "the authorization server refused the sign-in: %.60s",
                       is_word ? answer->error : "it gave no code");
        flight_fail(a, PARLEY_E_DENIED, why);
        return;
    }
    (void)snprintf(uri, sizeof(uri), "%s", login_redirect_uri(a->login));
    login_close(a->login);
    a->login = NULL;
    if (!secret_set(&a->code, answer->code))
        flight_fail(a, PARLEY_E_NO_MEMORY, "no memory for a sign-in");
    else
        flight_ask_code(a, uri);
}

/* ---- the page ---- */

static void make_challenge(const char *verifier, char out[BASE64URL_SIZE(32)])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    (void)EVP_Digest(verifier, strlen(verifier), digest, &len, EVP_sha256(), NULL);
    (void)base64url(digest, len, out);
}

static void make_secrets(struct auth *a)
{
    unsigned char random[32];

    a->around.host->random(random, sizeof(random));
    (void)base64url(random, sizeof(random), a->verifier);
    a->around.host->random(random, sizeof(random));
    (void)base64url(random, sizeof(random), a->state);
    explicit_bzero(random, sizeof(random));
}

/* The address with everything it says; freed by the caller. NULL without memory. */
static char *page_of(struct auth *a)
{
    char challenge[BASE64URL_SIZE(32)];
    const char *at = a->server.authorization_endpoint;
    struct form f = {0};
    char *url = NULL;

    make_challenge(a->verifier, challenge);
    form_add(&f, "response_type", "code");
    form_add(&f, "client_id", flight_client_id(a));
    form_add(&f, "redirect_uri", login_redirect_uri(a->login));
    form_add(&f, "scope", a->wanted);
    form_add(&f, "state", a->state);
    form_add(&f, "code_challenge", challenge);
    form_add(&f, "code_challenge_method", "S256");
    form_add(&f, "resource", a->resource);
    if (!f.has_failed && asprintf(&url, "%.*s%c%s", (int)strcspn(at, "#"), at,
                                  strchr(at, '?') == NULL ? '?' : '&', text_str(&f.text)) < 0)
        url = NULL;
    form_done(&f);
    return url;
}

static void open_page(struct auth *a)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    make_secrets(a);
    char *url = page_of(a);
    if (url == NULL)
        (void)parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory for a sign-in");
    else
        (void)login_begin(a->login, a->settings->open_command, url, a->state, &err);
    free(url);
    if (err.status < 0)
        flight_fail(a, err.status, err.message);
}

/* ---- who we are there ---- */

static bool take_registration(struct auth *a, const json_t *tree)
{
    const char *id = json_string_value(json_object_get(tree, "client_id"));
    const char *secret = json_string_value(json_object_get(tree, "client_secret"));
    const char *method = json_string_value(json_object_get(tree, "token_endpoint_auth_method"));

    if (id == NULL || id[0] == '\0' || strlen(id) > SECRET_MAX)
        return false;
    (void)snprintf(a->identity.method, sizeof(a->identity.method), "%s",
                   method == NULL ? "" : method);
    (void)snprintf(a->registered_uri, sizeof(a->registered_uri), "%s",
                   login_redirect_uri(a->login));
    a->identity.is_registered = true;
    return secret_set(&a->identity.id, id) && secret_set(&a->identity.secret, secret);
}

static void on_registered(void *ctx, const struct fetch_result *result)
{
    struct auth *a = ctx;
    char why[AUTH_MAX_WHY];

    a->fetch = NULL;
    bool is_good = result->status == PARLEY_OK && (result->code == 201 || result->code == 200) &&
                   result->tree != NULL;
    if (is_good && take_registration(a, result->tree)) {
        open_page(a);
        return;
    }
    const char *error = token_error(result->tree);
    (void)snprintf(why, sizeof(why),
                   "parley could not be registered with the authorization server %.120s (%.160s); "
                   "client_id names a client that is registered there",
                   a->server.issuer, error[0] != '\0' ? error : result->why);
    flight_fail(a, result->status < 0 ? result->status : PARLEY_E_DENIED, why);
}

static void register_client(struct auth *a)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char *body = token_registration(&a->server, login_redirect_uri(a->login), a->wanted);
    const struct fetch_request request = {
        .url = a->server.registration_endpoint,
        .what = "the registration endpoint",
        .body = body,
        .content_type = "application/json",
    };

    if (body == NULL)
        (void)parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory for a registration");
    else
        a->fetch = fetch_start(&a->fetcher, &request, on_registered, a, &err);
    free(body);
    if (a->fetch == NULL)
        flight_fail(a, err.status, err.message);
}

/* Known there before, or by a document, or registered now: in this order. */
static void identify(struct auth *a)
{
    const struct auth_settings *s = a->settings;
    bool is_known =
        a->identity.is_registered && strcmp(a->registered_uri, login_redirect_uri(a->login)) == 0;

    if (s->client_id[0] != '\0' || is_known) {
        open_page(a);
    } else if (s->client_metadata_url[0] != '\0' && a->server.takes_client_documents) {
        a->identity.method[0] = '\0';
        if (secret_set(&a->identity.id, s->client_metadata_url) &&
            secret_set(&a->identity.secret, NULL))
            open_page(a);
        else
            flight_fail(a, PARLEY_E_NO_MEMORY, "no memory for a sign-in");
    } else if (a->server.registration_endpoint[0] != '\0') {
        register_client(a);
    } else {
        flight_fail(a, PARLEY_E_DENIED,
                    "the authorization server registers nobody by itself; client_id names a client "
                    "that is registered there");
    }
}

/* ---- the beginning ---- */

static int check_server(const struct auth *a, struct parley_error *err)
{
    const struct metadata_server *server = &a->server;

    if (!a->settings->is_attended)
        return parley_fail(err, PARLEY_E_DENIED,
                           "somebody has to sign in: run parleyctl tools list -c FILE at a "
                           "terminal%s",
                           a->settings->login_file[0] != '\0'
                               ? ""
                               : ", with login_file set, where the sign-in is kept for parleyd");
    if (server->authorization_endpoint[0] == '\0')
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "the authorization server %.200s has no page to sign in at",
                           server->issuer);
    if (!server->has_s256 && !a->settings->assume_pkce)
        return parley_fail(err, PARLEY_E_DENIED,
                           "the authorization server %.150s does not say that it knows PKCE with "
                           "S256; assume_pkce = yes if it does all the same",
                           server->issuer);
    return fetch_check(&a->fetcher, server->authorization_endpoint, "the authorization endpoint",
                       err);
}

void sign_in_begin(struct auth *a)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct login_config config = {
        .around = a->around, .fdwatch = a->fdwatch, .port = a->redirect_port};

    if (check_server(a, &err) < 0) {
        flight_fail(a, err.status, err.message);
        return;
    }
    if (a->fdwatch == NULL) {
        flight_fail(a, PARLEY_E_UNAVAILABLE, "a host without parley.fdwatch/1");
        return;
    }
    a->login = login_open(&config, on_answer, a, &err);
    if (a->login == NULL) {
        flight_fail(a, err.status, err.message);
        return;
    }
    a->redirect_port = login_port(a->login); /* the same the next time, as it was registered */
    identify(a);
}
