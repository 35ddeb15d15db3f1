/* SPDX-License-Identifier: Apache-2.0 */
#include "credential.h"

#include "around.h"
#include "sign.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define MAX_TOKEN     16384
#define TOKEN_READ_MS 60000 /* whoever writes the file renews it long before it ends */
#define MAX_KEYS      2
#define TOKEN_LINE    "authorization: type%%3Daad%%26ver%%3D1.0%%26sig%%3D%s"
#define SCOPE         "https://cosmos.azure.com/.default" /* of every account */

struct key {
    unsigned char bytes[SIGN_KEY_SIZE];
    size_t len;
};

struct credential {
    pthread_mutex_t lock;
    struct key keys[MAX_KEYS];
    size_t key_count;
    unsigned key;     /* the one in use */
    const char *name; /* of the [credential], or NULL */
    const char *token_file;
    char *token; /* percent-encoded, as it is sent; NULL with keys */
    int64_t token_ms;
    bool is_reading;
};

/* One reading of the token's file on the pool. */
struct reading {
    struct credential *credential;
    const struct around *around;
    char *token;
    struct parley_error err;
};

/* ---- tokens ---- */

static void wipe(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

static int read_file(const char *path, char *text, size_t size, struct parley_error *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return parley_fail(err, PARLEY_E_INVALID, "token_file: %s: %s", path, strerror(errno));
    size_t len = fread(text, 1, size - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    if (len == 0 || len == size - 1 || strlen(text) != len || strpbrk(text, " \t\r\n") != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "token_file: %s: must hold one access token and nothing else", path);
    return PARLEY_OK;
}

static int read_token(const char *path, char **ret_token, struct parley_error *err)
{
    char text[MAX_TOKEN];

    int r = read_file(path, text, sizeof(text), err);
    if (r == PARLEY_OK)
        *ret_token = sign_percent(text);
    OPENSSL_cleanse(text, sizeof(text));
    if (r == PARLEY_OK && *ret_token == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "token_file: %s: no memory", path);
    return r;
}

static void on_pool(void *arg)
{
    struct reading *r = arg;

    (void)read_token(r->credential->token_file, &r->token, &r->err);
}

static void on_read(void *arg, int status)
{
    struct reading *r = arg;
    struct credential *c = r->credential;

    (void)pthread_mutex_lock(&c->lock);
    c->is_reading = false;
    if (r->token != NULL) {
        wipe(c->token);
        c->token = r->token;
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (status == PARLEY_OK && r->token == NULL)
        r->around->host->log(r->around->handle, PARLEY_LOG_WARN,
                             "the token's file cannot be read; the last token stays in use "
                             "reason=\"%s\"",
                             r->err.message);
    free(r);
}

/* Under the lock. */
static void read_again(struct credential *c, const struct around *around)
{
    struct reading *r = c->is_reading || around->offload == NULL ? NULL : calloc(1, sizeof(*r));

    if (r == NULL)
        return;
    *r = (struct reading){.credential = c, .around = around, .err = PARLEY_ERROR_INIT};
    c->token_ms = around_now_ms(around);
    c->is_reading = around->offload->run(around->worker, c, on_pool, on_read, r) == PARLEY_OK;
    if (!c->is_reading)
        free(r);
}

/* ---- life ---- */

static int add_key(struct credential *c, const char *option, const char *text,
                   struct parley_error *err)
{
    struct key *key = &c->keys[c->key_count];

    if (text[0] == '\0')
        return PARLEY_OK;
    if (!sign_decode_key(text, key->bytes, &key->len))
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: is not an account key: %zu characters that are not Base64; copy it "
                           "whole from the account's page Keys",
                           option, strlen(text));
    c->key_count++;
    return PARLEY_OK;
}

/* Exactly one way in. */
static int count_ways(const struct config *config, struct parley_error *err)
{
    int count = (config->key[0] != '\0') + (config->token_file[0] != '\0') +
                (config->credential[0] != '\0');

    if (count > 1)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: there is another of key, credential and token_file; keep one",
                           config->token_file[0] != '\0' ? "token_file" : "credential");
    if (count == 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "key: is missing; give an account key, a credential for Entra, or "
                           "token_file with an access token");
    return PARLEY_OK;
}

static int fill(struct credential *c, const struct around *around, struct parley_error *err)
{
    const struct config *config = around->config;

    int r = count_ways(config, err);
    if (r < 0)
        return r;
    if (config->credential[0] != '\0') {
        c->name = config->credential;
        if (around->credentials == NULL)
            return parley_fail(err, PARLEY_E_UNSUPPORTED,
                               "credential: this host has no service %s; use a key or token_file",
                               PARLEY_SERVICE_CREDENTIALS);
        return around->credentials->check(around->handle, c->name, err);
    }
    if (config->token_file[0] != '\0') {
        c->token_file = config->token_file;
        return read_token(c->token_file, &c->token, err);
    }
    r = add_key(c, "key", config->key, err);
    return r < 0 ? r : add_key(c, "secondary_key", config->secondary_key, err);
}

int credential_create(const struct around *around, const char *name,
                      struct credential **ret_credential, struct parley_error *err)
{
    struct credential *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", name);
    (void)pthread_mutex_init(&c->lock, NULL); /* never fails for a default lock */
    int r = fill(c, around, err);
    if (r < 0)
        credential_destroy(c);
    else
        *ret_credential = c;
    return r;
}

void credential_destroy(struct credential *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_destroy(&c->lock);
    wipe(c->token);
    OPENSSL_cleanse(c->keys, sizeof(c->keys));
    free(c);
}

/* ---- what the host gives ---- */

bool credential_is_asked(const struct credential *c)
{
    return c->name != NULL;
}

int credential_ask(const struct credential *c, const struct around *around,
                   const struct parley_credential_events *events, void *ctx, uint64_t *ret_request,
                   struct parley_error *err)
{
    return around->credentials->get(around->handle, around->worker, c->name, SCOPE, events, ctx,
                                    ret_request, err);
}

int credential_take(const struct credential *c, const struct parley_credential_token *token,
                    struct pass *pass, struct parley_error *err)
{
    pass_done(pass);
    if (token->status < 0)
        return parley_fail(err, token->status, "credential %s: %s", c->name, token->message);
    pass->value = strndup(token->value.data, token->value.len);
    pass->kind = token->kind;
    return pass->value != NULL
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NO_MEMORY, "credential %s: no memory", c->name);
}

void pass_done(struct pass *pass)
{
    wipe(pass->value);
    *pass = (struct pass){0};
}

/* ---- use ---- */

static void authorize_by_file(struct credential *c, const struct around *around,
                              struct lines *lines)
{
    (void)pthread_mutex_lock(&c->lock);
    if (around_now_ms(around) - c->token_ms > TOKEN_READ_MS)
        read_again(c, around);
    lines_add(lines, TOKEN_LINE, c->token);
    (void)pthread_mutex_unlock(&c->lock);
}

static void authorize_by_token(const char *token, struct lines *lines)
{
    char *encoded = sign_percent(token);

    if (encoded == NULL)
        lines->failed = true;
    else
        lines_add(lines, TOKEN_LINE, encoded);
    wipe(encoded);
}

static void authorize_by_key(const struct key *key, const char *verb, const char *path,
                             const char *date, struct lines *lines)
{
    char signature[SIGN_MAX_SIGNATURE];

    if (sign_request(key->bytes, key->len, verb, path, date, signature))
        lines_add(lines, "authorization: %s", signature);
    else
        lines->failed = true;
}

/* A [credential] with an API key holds an account key; one that is none is refused by the account.
 */
static void authorize_by_pass(const struct pass *pass, const char *verb, const char *path,
                              const char *date, struct lines *lines)
{
    struct key key = {0};

    if (pass->kind != PARLEY_CREDENTIAL_API_KEY) {
        authorize_by_token(pass->value, lines);
        return;
    }
    (void)sign_decode_key(pass->value, key.bytes, &key.len);
    authorize_by_key(&key, verb, path, date, lines);
    OPENSSL_cleanse(&key, sizeof(key));
}

void credential_authorize(struct credential *c, const struct around *around, const char *verb,
                          const char *path, int64_t unix_s, struct pass *pass, struct lines *lines)
{
    char date[SIGN_DATE_SIZE];

    sign_date(unix_s, date);
    lines_add(lines, "x-ms-date: %s", date);
    if (pass->value != NULL) {
        authorize_by_pass(pass, verb, path, date, lines);
        return;
    }
    if (c->token_file != NULL) {
        authorize_by_file(c, around, lines);
        return;
    }
    (void)pthread_mutex_lock(&c->lock);
    pass->key = c->key;
    (void)pthread_mutex_unlock(&c->lock);
    authorize_by_key(&c->keys[pass->key], verb, path, date, lines);
}

/* True when the key was the one in use. */
static bool change_key(struct credential *c, unsigned key)
{
    bool has_changed = false;

    (void)pthread_mutex_lock(&c->lock);
    if (c->key == key) {
        c->key = (key + 1) % (unsigned)c->key_count;
        has_changed = true;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return has_changed;
}

bool credential_refused(struct credential *c, const struct around *around, const struct pass *pass)
{
    if (pass->value != NULL) {
        around->credentials->refused(around->handle, c->name, SCOPE,
                                     (struct parley_view){pass->value, strlen(pass->value)});
        return pass->kind != PARLEY_CREDENTIAL_API_KEY;
    }
    if (c->token_file != NULL) {
        (void)pthread_mutex_lock(&c->lock);
        read_again(c, around);
        (void)pthread_mutex_unlock(&c->lock);
    }
    if (c->key_count < 2)
        return false;
    if (change_key(c, pass->key))
        around->host->log(around->handle, PARLEY_LOG_ERROR,
                          "Cosmos DB refused an account key; the other one is used from now on "
                          "refused=%s",
                          pass->key == 0 ? "key" : "secondary_key");
    return true;
}

bool credential_is_token(const struct credential *c)
{
    return c->token_file != NULL || c->name != NULL;
}

const char *credential_advice(const struct credential *c)
{
    if (c->name != NULL)
        return "check that the credential is of the account's tenant, and that it has a data role "
               "of "
               "Cosmos DB (az cosmosdb sql role assignment create)";
    if (c->token_file != NULL)
        return "check that the token in token_file is not over, comes from the account's tenant, "
               "is for https://cosmos.azure.com, and has a Cosmos DB data role";
    return "check key and secondary_key against the account's page Keys, that they are not "
           "read-only ones, and that the account allows keys (disableLocalAuth)";
}
