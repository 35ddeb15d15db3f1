/* SPDX-License-Identifier: Apache-2.0 */
#include "host/services.h"
#include "host/worker_instance.h"
#include "identity/identity.h"
#include "transport/http_client.h"

#include <stdlib.h>

/* One that waits for a token. Gone with on_token. */
struct errand {
    struct list entry; /* of worker->token_errands */
    struct parley_worker *worker;
    struct worker_instance *owner; /* NULL: unknown */
    struct identity_request *request;
    uint64_t id;
    struct parley_credential_events events;
    void *ctx;
};

static void errand_free(struct errand *e)
{
    list_remove(&e->entry);
    free(e);
}

static void on_done(void *ctx, const struct identity_token *token)
{
    struct errand *e = ctx;
    const struct parley_credential_token told = {
        .size = sizeof(told),
        .status = token->status,
        .kind = token->is_api_key ? PARLEY_CREDENTIAL_API_KEY : PARLEY_CREDENTIAL_BEARER,
        .value = token->value,
        .expires_ms = token->expires_ms,
        .message = token->message,
    };

    struct watch watch = watch_begin(
        e->worker, e->owner, e->owner == NULL ? "a plugin" : e->owner->instance->title, "on_token");
    e->events.on_token(e->ctx, &told);
    watch_end(&watch);
    errand_free(e);
}

/* ---- where tokens are fetched ---- */

static int offload(void *ctx, void (*work)(void *arg), void (*done)(void *arg, int status),
                   void *arg)
{
    struct parley_worker *w = ctx;

    if (w->tools == NULL)
        return PARLEY_E_UNAVAILABLE;
    return offload_run(w->tools, w->loop, NULL, work, done, arg);
}

struct fetch_place *host_worker_fetch_place(struct parley_worker *w)
{
    if (w->http == NULL)
        w->http = http_client_create(w->loop);
    w->fetch_place.http = w->http;
    w->fetch_place.offload = offload;
    w->fetch_place.offload_ctx = w;
    return &w->fetch_place;
}

/* ---- the service ---- */

static int check(const void *instance, const char *name, struct parley_error *err)
{
    const struct instance *i = instance;

    return identity_check(i->identity, name, err);
}

static struct errand *errand_create(struct parley_worker *worker,
                                    const struct parley_credential_events *events, void *ctx)
{
    struct errand *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    e->worker = worker;
    e->owner = worker->current;
    e->id = ++worker->last_token_errand;
    e->events.on_token = events->on_token;
    e->ctx = ctx;
    list_append(&worker->token_errands, &e->entry);
    return e;
}

static int get(const void *instance, struct parley_worker *worker, const char *name,
               const char *scope, const struct parley_credential_events *events, void *ctx,
               uint64_t *ret_request, struct parley_error *err)
{
    const struct instance *i = instance;

    if (!PARLEY_HAS(events, on_token) || events->on_token == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "on_token is missing");
    struct errand *e = errand_create(worker, events, ctx);
    if (e == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory to ask for a token");
    int r = identity_get(i->identity, name, scope == NULL ? "" : scope,
                         host_worker_fetch_place(worker), on_done, e, &e->request, err);
    if (r < 0) {
        errand_free(e);
        return r;
    }
    *ret_request = e->id;
    return PARLEY_OK;
}

static void give_up(struct errand *e)
{
    identity_cancel(e->request);
    errand_free(e);
}

static void cancel(struct parley_worker *worker, uint64_t request)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &worker->token_errands)
    {
        struct errand *e = list_entry(at, struct errand, entry);
        if (e->id == request)
            give_up(e);
    }
}

static void refused(const void *instance, const char *name, const char *scope,
                    struct parley_view value)
{
    const struct instance *i = instance;

    identity_refused(i->identity, name, scope == NULL ? "" : scope, value);
}

const struct parley_service_credentials service_credentials = {
    .size = sizeof(service_credentials),
    .check = check,
    .get = get,
    .cancel = cancel,
    .refused = refused,
};

void service_credentials_forget(struct worker_instance *wi)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &wi->worker->token_errands)
    {
        struct errand *e = list_entry(at, struct errand, entry);
        if (e->owner == wi)
            give_up(e);
    }
}
