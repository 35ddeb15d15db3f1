/* SPDX-License-Identifier: Apache-2.0 */
#include "auth_state.h"

#include "answer.h"
#include "base64url.h"
#include "parts/header.h"
#include "secret.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ATTEMPTS    3     /* of one request */
#define SPURNED_MS      30000 /* no new token when a fresh one was refused so lately */
#define HOLD_MS         60000 /* no attempt after one that was refused for good */
#define HOLD_RENEWAL_MS 15000 /* while the old token is still good */

/* ---- the token ---- */

static const char bearer[] = "Authorization: Bearer ";
static const char bound[] = "Authorization: DPoP ";

bool auth_set_token(struct auth *a, enum auth_type type, const char *token, int64_t lifetime_s)
{
    char *line = NULL;

    if (asprintf(&line, "%s%s", type == AUTH_TYPE_DPOP ? bound : bearer, token) < 0)
        return false;
    secret_free(a->line);
    a->line = line;
    a->is_bound = type == AUTH_TYPE_DPOP;
    a->number++;
    a->obtained_ms = auth_now_ms(a);
    a->renew_ms = lifetime_s > 0 ? a->obtained_ms + lifetime_s * 800 : 0;
    a->expires_ms = lifetime_s > 0 ? a->obtained_ms + lifetime_s * 1000 : 0;
    a->is_kept = false;
    return true;
}

static bool is_good(const struct auth *a)
{
    return a->line != NULL && (a->expires_ms == 0 || auth_now_ms(a) < a->expires_ms);
}

const char *auth_line(struct auth *a, unsigned *ret_number)
{
    *ret_number = is_good(a) ? a->number : 0;
    return is_good(a) ? a->line : NULL;
}

/* ---- proofs ---- */

char *auth_prove(const struct auth *a, const struct dpop_request *request)
{
    unsigned char random[16];
    char id[BASE64URL_SIZE(sizeof(random))];
    struct dpop_request whole = *request;

    a->around.host->random(random, sizeof(random));
    (void)base64url(random, sizeof(random), id);
    whole.id = id;
    whole.now_s = (int64_t)(a->around.host->unix_us() / 1000000);
    return dpop_line(a->proof_key, &whole);
}

char *auth_proof(const struct auth *a, const char *method, const char *url)
{
    if (!a->is_bound || a->line == NULL || a->proof_key == NULL)
        return NULL;
    return auth_prove(a, &(struct dpop_request){.method = method,
                                                .url = url,
                                                .token = a->line + sizeof(bound) - 1,
                                                .nonce = a->resource_nonce});
}

bool auth_take_nonce(char nonce[DPOP_MAX_NONCE], struct parley_view from)
{
    char text[DPOP_MAX_NONCE];

    if (from.len == 0 || from.len >= sizeof(text))
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", (int)from.len, from.data);
    if (!secret_is_token(text))
        return false;
    memcpy(nonce, text, sizeof(text));
    return true;
}

bool auth_hear(struct auth *a, struct parley_view headers)
{
    return a->is_bound && auth_take_nonce(a->resource_nonce, header_value(headers, "dpop-nonce"));
}

/* ---- when a token is needed ---- */

static bool can_obtain(const struct auth *a)
{
    return a->settings->mode > AUTH_BEARER || auth_has_credential(a);
}

static bool is_held(const struct auth *a)
{
    return auth_now_ms(a) < a->held_until_ms;
}

/* A person is not asked just because a token grows old. */
static bool renews_alone(const struct auth *a)
{
    return a->settings->mode != AUTH_AUTHORIZATION_CODE || a->refresh_token != NULL;
}

bool auth_is_lacking(struct auth *a)
{
    static const struct challenge none = {0};
    bool is_known = a->is_found || a->settings->token_endpoint[0] != '\0' || auth_has_credential(a);

    if (!can_obtain(a))
        return false;
    if (is_good(a)) {
        bool is_old = a->renew_ms > 0 && auth_now_ms(a) >= a->renew_ms;
        if (is_old && !a->is_flying && !is_held(a) && renews_alone(a))
            flight_begin(a, AUTH_FOR_AGE, &none);
        return false;
    }
    if (a->is_flying)
        return true;
    if (!is_known || is_held(a))
        return false; /* the server's refusal tells where to go, or has been looked into */
    flight_begin(a, AUTH_FOR_REFUSED, &none);
    return true;
}

/* ---- refusals ---- */

static enum auth_verdict give_up(char why[AUTH_MAX_WHY], const char *words)
{
    (void)snprintf(why, AUTH_MAX_WHY, "%s", words);
    return AUTH_FINAL;
}

static enum auth_verdict begin(struct auth *a, enum auth_reason reason,
                               const struct challenge *challenge)
{
    if (!a->is_flying)
        flight_begin(a, reason, challenge);
    return AUTH_WAIT;
}

static bool is_spurned(struct auth *a, const struct auth_refusal *refusal)
{
    bool is_fresh = refusal->attempts > 0 && refusal->number == a->number && !a->is_kept;

    if (is_fresh)
        a->spurned_ms = auth_now_ms(a);
    return is_fresh || (a->spurned_ms > 0 && auth_now_ms(a) - a->spurned_ms < SPURNED_MS);
}

static enum auth_verdict refused_token(struct auth *a, const struct auth_refusal *refusal,
                                       const struct challenge *challenge, char why[AUTH_MAX_WHY])
{
    bool is_fixed = a->settings->mode == AUTH_BEARER && a->settings->token_file[0] == '\0';

    if (is_fixed && !auth_has_credential(a))
        return give_up(why, "it answered HTTP 401: it does not take the token");
    if (is_spurned(a, refusal))
        return give_up(why,
                       "it answered HTTP 401 again, to a token that was just obtained; does it "
                       "want another resource, scope or authorization server?");
    if (is_held(a))
        return give_up(why, a->held_why);
    return begin(a, AUTH_FOR_REFUSED, challenge);
}

static enum auth_verdict refused_scope(struct auth *a, const struct auth_refusal *refusal,
                                       const struct challenge *challenge, char why[AUTH_MAX_WHY])
{
    if (strcmp(challenge->error, "insufficient_scope") != 0)
        return give_up(why, "");
    bool is_asked =
        auth_has_credential(a) || /* whose scope is the operator's */
        challenge_has_scopes(a->scopes, challenge->scope) ||
        (a->denied_scopes[0] != '\0' && challenge_has_scopes(a->denied_scopes, challenge->scope));
    if (!can_obtain(a) || is_asked || refusal->attempts >= MAX_ATTEMPTS) {
        (void)snprintf(why, AUTH_MAX_WHY,
                       "it answered HTTP 403: the token does not allow this; it wants the scope "
                       "\"%.200s\"%s",
                       challenge->scope, can_obtain(a) ? ", which was asked for already" : "");
        return AUTH_FINAL;
    }
    return begin(a, AUTH_FOR_SCOPE, challenge);
}

enum auth_verdict auth_refused(struct auth *a, const struct auth_refusal *refusal,
                               char why[AUTH_MAX_WHY])
{
    struct challenge challenge;

    why[0] = '\0';
    if (a->settings->mode == AUTH_NONE || refusal->attempts > MAX_ATTEMPTS)
        return AUTH_FINAL;
    if (refusal->number != a->number && is_good(a))
        return AUTH_AGAIN;
    challenge_read(refusal->headers, &challenge);
    if (auth_hear(a, refusal->headers) && strcmp(challenge.error, "use_dpop_nonce") == 0)
        return AUTH_AGAIN; /* the token is good, its proof was not */
    return refusal->code == 401 ? refused_token(a, refusal, &challenge, why)
                                : refused_scope(a, refusal, &challenge, why);
}

/* ---- waiting ---- */

void auth_wait(struct auth *a, struct auth_waiter *w)
{
    struct auth_waiter **end = &a->waiters;

    while (*end != NULL)
        end = &(*end)->next;
    w->next = NULL;
    *end = w;
}

static void take_out(struct auth_waiter **list, struct auth_waiter *w)
{
    while (*list != NULL && *list != w)
        list = &(*list)->next;
    if (*list == w)
        *list = w->next;
}

void auth_leave(struct auth *a, struct auth_waiter *w)
{
    take_out(&a->waiters, w);
    take_out(&a->told, w);
}

/* What will fail in the same way again is not tried at once. */
static void hold(struct auth *a)
{
    bool may_pass = a->status == PARLEY_E_UNAVAILABLE || a->status == PARLEY_E_TIMEOUT ||
                    a->status == PARLEY_E_BUSY || a->status == PARLEY_E_NO_MEMORY;

    if (a->settings->mode == AUTH_BEARER)
        return; /* to look into a file costs nothing */
    if (!may_pass)
        a->held_until_ms = auth_now_ms(a) + HOLD_MS;
    else if (a->reason == AUTH_FOR_AGE)
        a->held_until_ms = auth_now_ms(a) + HOLD_RENEWAL_MS;
    if (a->reason == AUTH_FOR_SCOPE && !may_pass) { /* the token that is there stays good */
        a->held_until_ms = 0;
        memcpy(a->denied_scopes, a->wanted, sizeof(a->denied_scopes));
    }
    (void)snprintf(a->held_why, sizeof(a->held_why), "%s", a->why);
}

static void on_turn(void *ctx)
{
    struct auth *a = ctx;
    struct auth_waiter *w;

    a->is_flying = false;
    if (a->status < 0)
        hold(a);
    if (a->status < 0 && a->reason == AUTH_FOR_AGE)
        AUTH_LOG(a, WARN, "the token could not be renewed: %s", a->why);
    a->told = a->waiters;
    a->waiters = NULL;
    while ((w = a->told) != NULL) {
        a->told = w->next;
        w->on_settled(w, a->status, a->why); /* may wait anew */
    }
}

void auth_settle(struct auth *a, int status, const char *why)
{
    a->status = status;
    (void)snprintf(a->why, sizeof(a->why), "%s", why);
    a->around.timer->start(a->turn, 0);
}

/* ---- life ---- */

struct auth *auth_create(const struct surroundings *around, const struct auth_settings *settings)
{
    struct auth *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    a->around = *around;
    a->settings = settings;
    a->offload = around->host->service(PARLEY_SERVICE_OFFLOAD);
    a->fdwatch = around->host->service(PARLEY_SERVICE_FDWATCH);
    a->vault = around->host->service(PARLEY_SERVICE_CREDENTIALS);
    a->redirect_port = settings->redirect_port;
    a->fetcher = (struct fetcher){
        .around = *around,
        .http = around->host->service(PARLEY_SERVICE_HTTP),
        .ca_file = settings->ca_file,
        .allow_loopback = settings->allow_loopback,
        .own = {settings->issuer, settings->token_endpoint},
    };
    a->turn = around->timer->create(around->worker, on_turn, a);
    bool is_whole = a->turn != NULL;
    if (is_whole && settings->token[0] != '\0')
        is_whole = auth_set_token(a, AUTH_TYPE_BEARER, settings->token, 0);
    if (is_whole)
        return a;
    auth_destroy(a);
    return NULL;
}

void auth_destroy(struct auth *a)
{
    if (a == NULL)
        return;
    flight_done(a);
    a->around.timer->destroy(a->turn);
    secret_free(a->line);
    secret_free(a->refresh_token);
    secret_free(a->identity.id);
    secret_free(a->identity.secret);
    jwt_key_destroy(a->proof_key);
    explicit_bzero(a, sizeof(*a));
    free(a);
}
