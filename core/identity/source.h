/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where tokens come from: how one request for a token looks, and what its answer means. Pure
 * functions on a credential; fetch.c sends what they build. The rules are those of Entra's token
 * endpoint, of Azure's two managed identity endpoints and of the Azure CLI, as Microsoft documents
 * them.
 */
#ifndef IDENTITY_SOURCE_H
#define IDENTITY_SOURCE_H

#include "base/buf.h"
#include "identity/credential.h"
#include "transport/http_client.h"

#define SOURCE_MAX_TOKEN (16 * 1024) /* longer ones are refused */

/* A request for a token. Wiped by source_ask_done(): it may hold secrets. */
struct source_ask {
    const char *method;
    struct buf url;
    struct buf header; /* one, or empty */
    struct buf body;   /* a form */
    const char *ca_file;
    int64_t timeout_ms;
};

void source_ask_done(struct source_ask *ask);

enum source_verdict {
    SOURCE_TOKEN,
    SOURCE_AGAIN,  /* after again_ms, as long as there are attempts */
    SOURCE_FAILED, /* the same would fail again */
    SOURCE_ABSENT, /* there is no such thing here: the next source of `default` */
};

struct source_answer {
    enum source_verdict verdict;
    int status; /* PARLEY_E_... when it is not a token */
    char *token;
    int64_t expires_s; /* Unix seconds */
    int64_t life_s;    /* from now */
    int64_t refresh_s; /* from now; 0: it does not say */
    int64_t again_ms;
    char message[512]; /* what went wrong and the way out, without secrets */
};

/* Wipes the token. */
void source_answer_done(struct source_answer *a);

struct source {
    const char *name; /* "managed-identity" */
    /* Is what it needs here? For `default`, which passes over one that is not. */
    bool (*is_there)(const struct credential *c);
    /* NOT_FOUND with the variable or key that is missing. */
    int (*ask)(const struct credential *c, const char *scope, struct source_ask *ret,
               struct parley_error *err);
    /* The attempt counts from 0. */
    void (*read)(const struct credential *c, unsigned attempt,
                 const struct http_client_response *response, struct source_answer *ret);
    /* Is the endpoint one that may not be there at all, to be found out by a short request? */
    bool (*needs_probe)(void);
    bool is_command; /* a program is run in place of a request: source_cli.h */
};

extern const struct source source_managed;
extern const struct source source_workload;
extern const struct source source_secret;
extern const struct source source_certificate;
extern const struct source source_environment;
extern const struct source source_cli;

/* The request that finds out whether IMDS is there. */
int source_managed_probe(struct source_ask *ret);

/* For source_*.c and fetch.c. */

/* "https://x/.default" -> "https://x", as managed identities and the CLI want it. */
struct parley_view source_resource(const char *scope);
/* Percent-encoded, as in a form or a query. */
void source_append_encoded(struct buf *out, struct parley_view text);
void source_append_field(struct buf *form, const char *name, struct parley_view value);
/* The value, or that of the environment variable, or "". */
const char *source_or_env(const char *value, const char *variable);
/* No answer, or one that may be better later: AGAIN while attempt < most, with the pause of the
 * answer's Retry-After, else pause_ms. */
void source_read_trouble(struct source_answer *ret, const struct http_client_response *response,
                         const char *who, unsigned attempt, unsigned most, int64_t pause_ms);
/* The token of an answer's JSON; FAILED when it holds none. */
void source_read_token(struct source_answer *ret, const char *who, struct parley_view body);
void source_fail(struct source_answer *ret, enum source_verdict verdict, int status,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
