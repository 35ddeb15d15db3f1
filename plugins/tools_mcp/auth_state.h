/* SPDX-License-Identifier: Apache-2.0 */
/* What an auth holds, for auth.c, flight.c and errand.c only. */
#ifndef TOOLS_MCP_AUTH_STATE_H
#define TOOLS_MCP_AUTH_STATE_H

#include <parley/service/credentials.h>
#include <parley/service/fdwatch.h>
#include <parley/service/offload.h>

#include "auth.h"
#include "challenge.h"
#include "discovery.h"
#include "dpop.h"
#include "fetch.h"
#include "keep.h"
#include "login.h"
#include "metadata.h"
#include "token.h"

/* Why a token is wanted. */
enum auth_reason {
    AUTH_FOR_REFUSED, /* there is none, or the server does not take it */
    AUTH_FOR_AGE,     /* it is growing old */
    AUTH_FOR_SCOPE,   /* it does not allow enough */
};

/* The client at one authorization server, which alone may see it. */
struct auth_identity {
    char issuer[URI_MAX]; /* "": none yet */
    bool is_registered;   /* by us, there */
    char *id;
    char *secret;
    char method[32]; /* of the registration */
};

struct auth {
    struct surroundings around;
    const struct auth_settings *settings;
    const struct parley_service_offload *offload;
    const struct parley_service_fdwatch *fdwatch;
    const struct parley_service_credentials *vault; /* of settings->credential */
    uint64_t vault_request;                         /* 0: none is under way */
    struct fetcher fetcher;

    /* the token */
    char *line;      /* the whole header, or NULL */
    unsigned number; /* grows with every token */
    int64_t obtained_ms;
    int64_t renew_ms;   /* from then on a new one is asked for; 0: not before a refusal */
    int64_t expires_ms; /* from then on it is not sent; 0: not known */
    char *refresh_token;
    char scopes[CHALLENGE_MAX_SCOPE]; /* asked for with it */
    bool is_bound;                    /* to proof_key: each request carries a proof */

    /* of proofs (dpop.h) */
    struct jwt_key *proof_key;           /* while the server wants bound tokens, else NULL */
    char token_nonce[DPOP_MAX_NONCE];    /* of the token endpoint, or "" */
    char resource_nonce[DPOP_MAX_NONCE]; /* of the MCP server, or "" */

    /* where it came from */
    bool is_found; /* server and resource are known */
    struct metadata_server server;
    char resource[URI_MAX];
    char resource_scopes[CHALLENGE_MAX_SCOPE]; /* that the resource's metadata lists */
    struct auth_identity identity;
    bool has_looked;         /* into login_file */
    bool is_kept;            /* the token is from there, not fresh */
    int64_t redirect_port;   /* where the browser's answer came to last; 0: any */
    char registered_uri[64]; /* the same, as it was registered */

    /* what failed */
    int64_t held_until_ms; /* no attempt before */
    int held_status;
    char held_why[AUTH_MAX_WHY];
    char denied_scopes[CHALLENGE_MAX_SCOPE]; /* that were asked for in vain */
    int64_t spurned_ms;                      /* when a fresh token was refused */

    /* the attempt under way: flight.c */
    bool is_flying;
    enum auth_reason reason;
    struct challenge challenge;
    char wanted[CHALLENGE_MAX_SCOPE];
    struct discovery *discovery;
    struct fetch *fetch;
    struct login *login;
    char state[64];
    char verifier[64];
    char *code;
    char redirect_uri[64]; /* that it came to */
    char *assertion;       /* of the jwt-bearer grant */
    char *proof;           /* signed by the client's key */
    bool is_refreshing;
    bool has_nonced;   /* sent once more, with the nonce that was wanted */
    bool has_reloaded; /* login_file, after a refresh token was refused */
    struct auth_waiter *waiters;
    struct auth_waiter *told;  /* while they are told */
    struct parley_timer *turn; /* tells the end of an attempt */
    int status;
    char why[AUTH_MAX_WHY];
};

#define AUTH_LOG(a, level, ...)                                                                    \
    (a)->around.host->log((a)->around.handle, PARLEY_LOG_##level, __VA_ARGS__)

static inline int64_t auth_now_ms(const struct auth *a)
{
    return (int64_t)(a->around.host->now_us() / 1000);
}

/* ---- auth.c ---- */

enum auth_type { AUTH_TYPE_BEARER, AUTH_TYPE_DPOP };

/* The host's credential gives the tokens. */
static inline bool auth_has_credential(const struct auth *a)
{
    return a->settings->mode == AUTH_BEARER && a->settings->credential[0] != '\0';
}

/* Take a token. False without memory. */
bool auth_set_token(struct auth *a, enum auth_type type, const char *token, int64_t lifetime_s);

/* A proof for one request, as a whole header line; token NULL where one is asked for. Freed by the
 * caller; NULL without memory. */
char *auth_prove(const struct auth *a, const struct dpop_request *request);

/* True when it can be used. */
bool auth_take_nonce(char nonce[DPOP_MAX_NONCE], struct parley_view from);

/* The attempt is over: those who wait are told. */
void auth_settle(struct auth *a, int status, const char *why);

/* ---- flight.c ---- */

/* Begin an attempt; auth_settle() follows, never on this stack. */
void flight_begin(struct auth *a, enum auth_reason reason, const struct challenge *challenge);
void flight_done(struct auth *a);

/* ---- errand.c: work that blocks, beside the worker ---- */

/* What an errand brings back. `text` is the caller's to take (set it to NULL) or is wiped. */
struct errand_result {
    int status;
    const char *why;
    char *text;
};

typedef void (*errand_done)(struct auth *a, struct errand_result *result);

/* Read a file that holds a secret. False with err when it cannot begin; done comes later, once. */
bool errand_read(struct auth *a, const char *option, const char *path, errand_done done,
                 struct parley_error *err);

/* Write login_file; takes text. Failures are logged. */
void errand_keep(struct auth *a, char *take_text);

/* An assertion of the client for this audience. */
bool errand_sign(struct auth *a, const char *audience, errand_done done, struct parley_error *err);

#endif
