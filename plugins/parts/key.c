/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"
#include "scrub.h"

#define BEARER_HEADER "Authorization"

/* ---- the section's ---- */

int key_check(const char *api_key, const char *credential, struct parley_error *err)
{
    if (api_key[0] != '\0' && credential[0] != '\0')
        return parley_fail(err, PARLEY_E_INVALID, "api_key and credential: give one of them");
    return header_check_text("api_key", api_key, err);
}

int key_check_credential(const struct key *k, struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    if (k->credential[0] == '\0')
        return PARLEY_OK;
    if (k->credentials == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "this host offers no " PARLEY_SERVICE_CREDENTIALS);
    int r = k->credentials->check(k->handle, k->credential, &why);
    return r < 0 ? parley_fail(err, r, "credential: %s", why.message) : PARLEY_OK;
}

/* ---- a conversation's ---- */

static void hide(const char *secret, struct parley_error *err)
{
    char clean[sizeof(err->message)];

    if (scrub((struct parley_view){err->message, strlen(err->message)}, secret, clean,
              sizeof(clean)))
        memcpy(err->message, clean, sizeof(clean));
}

void key_scrub(const struct key_token *t, struct parley_error *err)
{
    if (err->status >= 0)
        return;
    hide(t->key->text, err);
    if (t->value != NULL)
        hide(t->value, err);
}

void key_wipe(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void on_token(void *ctx, const struct parley_credential_token *token)
{
    struct key_token *t = ctx;
    struct parley_error err = PARLEY_ERROR_INIT;

    t->request = 0;
    if (token->status < 0) {
        (void)parley_fail(&err, token->status, "%s", token->message);
        t->on_token(t->ctx, &err);
        return;
    }
    key_wipe(t->value);
    t->value = strndup(token->value.data, token->value.len);
    if (t->value == NULL)
        (void)parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory for a token");
    t->on_token(t->ctx, t->value == NULL ? &err : NULL);
}

int key_token_ask(struct key_token *t, struct parley_error *err)
{
    static const struct parley_credential_events events = {.size = sizeof(events),
                                                           .on_token = on_token};
    const struct key *k = t->key;

    return k->credentials->get(k->handle, t->worker, k->credential, k->scope, &events, t,
                               &t->request, err);
}

void key_token_cancel(struct key_token *t)
{
    t->key->credentials->cancel(t->worker, t->request);
    t->request = 0;
}

bool key_token_renew(struct key_token *t)
{
    const struct key *k = t->key;

    if (t->value == NULL || t->has_renewed)
        return false;
    t->has_renewed = true;
    k->credentials->refused(k->handle, k->credential, k->scope,
                            (struct parley_view){t->value, strlen(t->value)});
    return true;
}

void key_token_forget(struct key_token *t)
{
    key_wipe(t->value);
    t->value = NULL;
    t->has_renewed = false;
}

char *key_line(const struct key_token *t)
{
    const char *header = t->key->header[0] == '\0' ? BEARER_HEADER : t->key->header;
    const char *secret = t->value != NULL ? t->value : t->key->text;
    bool is_bearer = strcmp(header, BEARER_HEADER) == 0;
    size_t size = strlen(header) + strlen(secret) + sizeof(": Bearer ");
    char *line = secret[0] == '\0' ? NULL : malloc(size);

    if (line != NULL)
        (void)snprintf(line, size, "%s: %s%s", header, is_bearer ? "Bearer " : "", secret);
    return line;
}
