/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service parley.credentials/1: what a plugin shows its peer to be let in. A plugin has an option
 * `credential`, the name of a [credential NAME] section or one of the built-in names
 * ("managed-identity", "workload-identity", "environment", "azure-cli", "default"), and asks for a
 * token when it needs one; where it comes from, how it is kept and when it is renewed is the host's
 * affair. Tokens are shared by all workers and renewed before they end, by one request at a time.
 */
#ifndef PARLEY_SERVICE_CREDENTIALS_H
#define PARLEY_SERVICE_CREDENTIALS_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_SERVICE_CREDENTIALS "parley.credentials/1"

#define PARLEY_CREDENTIAL_BEARER  0 /* for `Authorization: Bearer` */
#define PARLEY_CREDENTIAL_API_KEY 1 /* a fixed key, for the header that the peer wants */

struct parley_credential_token {
    uint32_t size;
    int32_t status; /* PARLEY_OK; DENIED: whoever gives tokens refuses; UNAVAILABLE, TIMEOUT: it
                     * cannot be reached; CANCELLED */
    uint32_t kind;  /* PARLEY_CREDENTIAL_... */
    uint32_t reserved;
    struct parley_view value; /* never to be logged; empty on failure */
    int64_t expires_ms;       /* Unix milliseconds; 0: never */
    const char *message;      /* on failure: what went wrong and the way out; holds no secret */
};

struct parley_credential_events {
    uint32_t size;
    uint32_t reserved;
    /* [worker] Exactly once, never on the stack of get(), unless the plugin stops before. */
    void (*on_token)(void *ctx, const struct parley_credential_token *token);
};

struct parley_service_credentials {
    uint32_t size;
    uint32_t reserved;
    /*
     * [main] In instance_create: NOT_FOUND, with the nearest name, when there is no credential of
     * that name. `instance` is the handle of struct parley_instance_info.
     */
    int (*check)(const void *instance, const char *name, struct parley_error *err);
    /*
     * [worker] A token for the scope ("https://ai.azure.com/.default"; not looked at by an API
     * key). *ret_request is a number for cancel().
     */
    int (*get)(const void *instance, struct parley_worker *worker, const char *name,
               const char *scope, const struct parley_credential_events *events, void *ctx,
               uint64_t *ret_request, struct parley_error *err);
    /* [worker] No longer wanted: on_token does not come. Unknown numbers are ignored. */
    void (*cancel)(struct parley_worker *worker, uint64_t request);
    /* [worker] The peer refused this token: the next get() brings another one. */
    void (*refused)(const void *instance, const char *name, const char *scope,
                    struct parley_view value);
};

#ifdef __cplusplus
}
#endif

#endif
