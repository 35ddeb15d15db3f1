/* SPDX-License-Identifier: Apache-2.0 */
#include "bearer.h"

#include <parley/service/credentials.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "Authorization: Bearer "

struct bearer {
    const struct parley_service_credentials *credentials;
    struct parley_worker *worker;
    const void *handle;
    const char *credential;
    const char *scope;
    bearer_on_token on_token;
    void *ctx;
    char *header; /* with the token that was shown last */
    uint64_t request;
    bool is_asking;
    bool has_renewed;
};

static void wipe(struct bearer *b)
{
    if (b->header != NULL)
        explicit_bzero(b->header, strlen(b->header));
    free(b->header);
    b->header = NULL;
}

struct bearer *bearer_create(const struct parley_host *host, struct parley_worker *worker,
                             const void *handle, const char *credential, const char *scope,
                             bearer_on_token on_token, void *ctx)
{
    const struct parley_service_credentials *credentials =
        host->service(PARLEY_SERVICE_CREDENTIALS);
    struct bearer *b = credentials == NULL ? NULL : calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    *b = (struct bearer){.credentials = credentials,
                         .worker = worker,
                         .handle = handle,
                         .credential = credential,
                         .scope = scope,
                         .on_token = on_token,
                         .ctx = ctx};
    return b;
}

void bearer_destroy(struct bearer *b)
{
    if (b == NULL)
        return;
    if (b->is_asking)
        b->credentials->cancel(b->worker, b->request);
    wipe(b);
    free(b);
}

void bearer_begin(struct bearer *b)
{
    b->has_renewed = false;
}

static bool keep(struct bearer *b, struct parley_view token)
{
    size_t size = sizeof(HEADER) + token.len;

    wipe(b);
    b->header = malloc(size);
    if (b->header != NULL)
        (void)snprintf(b->header, size, HEADER "%.*s", (int)token.len, token.data);
    return b->header != NULL;
}

static void on_token(void *ctx, const struct parley_credential_token *token)
{
    struct bearer *b = ctx;

    b->is_asking = false;
    if (token->status < 0)
        b->on_token(b->ctx, token->status, token->message);
    else if (token->kind != PARLEY_CREDENTIAL_BEARER)
        b->on_token(b->ctx, PARLEY_E_DENIED,
                    "the credential is a key, and a token of Entra is asked for");
    else if (!keep(b, token->value))
        b->on_token(b->ctx, PARLEY_E_NO_MEMORY, "no memory");
    else
        b->on_token(b->ctx, PARLEY_OK, b->header);
}

static const struct parley_credential_events events = {.size = sizeof(events),
                                                       .on_token = on_token};

int bearer_ask(struct bearer *b, struct parley_error *err)
{
    int r = b->credentials->get(b->handle, b->worker, b->credential, b->scope, &events, b,
                                &b->request, err);

    b->is_asking = r >= 0;
    return r;
}

bool bearer_is_asking(const struct bearer *b)
{
    return b != NULL && b->is_asking;
}

bool bearer_renew(struct bearer *b)
{
    if (b->has_renewed || b->header == NULL)
        return false;
    b->has_renewed = true;
    const char *token = b->header + sizeof(HEADER) - 1;
    b->credentials->refused(b->handle, b->credential, b->scope,
                            (struct parley_view){token, strlen(token)});
    wipe(b);
    return true;
}
