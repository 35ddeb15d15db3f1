/* SPDX-License-Identifier: Apache-2.0 */
/* Entra's token endpoint, for a client that shows a secret, a certificate or its platform's token.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "conf/secret.h"
#include "identity/assertion.h"
#include "identity/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTHORITY    "https://login.microsoftonline.com/"
#define JWT_BEARER   "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define TIMEOUT_MS   10000
#define MOST_TRIES   3
#define SPREAD_TRIES 12 /* a new federated credential needs up to a minute to be known */
#define SPREAD_MS    5000
#define MAX_FILE     65536

/* ---- what the client shows ---- */

static void append_url(struct buf *out, const struct credential_config *c, const char *tenant)
{
    const char *authority = source_or_env(c->authority, "AZURE_AUTHORITY_HOST");
    size_t len;

    if (authority[0] == '\0')
        authority = AUTHORITY;
    len = strlen(authority);
    buf_append_str(out, authority);
    if (authority[len - 1] != '/')
        buf_append_char(out, '/');
    source_append_encoded(out, view_of(tenant));
    buf_append_str(out, "/oauth2/v2.0/token");
}

static void begin(struct source_ask *ret, const struct credential *c, const char *tenant,
                  const char *client_id, const char *scope)
{
    ret->method = "POST";
    ret->timeout_ms = TIMEOUT_MS;
    ret->ca_file = c->config->ca_file;
    append_url(&ret->url, c->config, tenant);
    buf_append_str(&ret->header, "Content-Type: application/x-www-form-urlencoded");
    source_append_field(&ret->body, "grant_type", VIEW("client_credentials"));
    source_append_field(&ret->body, "client_id", view_of(client_id));
    source_append_field(&ret->body, "scope", view_of(scope));
}

static void append_assertion(struct source_ask *ret, struct parley_view assertion)
{
    source_append_field(&ret->body, "client_assertion_type", VIEW(JWT_BEARER));
    source_append_field(&ret->body, "client_assertion", assertion);
}

static int ask_by_certificate(struct source_ask *ret, const char *file, const char *client_id,
                              struct parley_error *err)
{
    struct buf assertion = {0};
    int r = assertion_make(file, client_id, ret->url.data == NULL ? "" : ret->url.data,
                           clock_unix_ms() / 1000, &assertion, err);

    if (r == PARLEY_OK)
        append_assertion(ret, buf_view(&assertion));
    secret_buf_done(&assertion);
    return r;
}

static int ask_secret(const struct credential *c, const char *scope, struct source_ask *ret,
                      struct parley_error *err)
{
    (void)err;
    begin(ret, c, c->config->tenant_id, c->config->client_id, scope);
    source_append_field(&ret->body, "client_secret", view_of(c->config->client_secret));
    return PARLEY_OK;
}

static int ask_certificate(const struct credential *c, const char *scope, struct source_ask *ret,
                           struct parley_error *err)
{
    begin(ret, c, c->config->tenant_id, c->config->client_id, scope);
    return ask_by_certificate(ret, c->config->certificate_file, c->config->client_id, err);
}

/* ---- environment ---- */

static int need_env(const char *const *variables, size_t count, struct parley_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (source_or_env("", variables[i])[0] == '\0')
            return parley_fail(err, PARLEY_E_NOT_FOUND, "the environment has no %s", variables[i]);
    }
    return PARLEY_OK;
}

static bool has_environment(const struct credential *c)
{
    static const char *const names[] = {"AZURE_TENANT_ID", "AZURE_CLIENT_ID"};
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)c;
    return need_env(names, 2, &err) == PARLEY_OK &&
           (source_or_env("", "AZURE_CLIENT_SECRET")[0] != '\0' ||
            source_or_env("", "AZURE_CLIENT_CERTIFICATE_PATH")[0] != '\0');
}

static int ask_environment(const struct credential *c, const char *scope, struct source_ask *ret,
                           struct parley_error *err)
{
    static const char *const names[] = {"AZURE_TENANT_ID", "AZURE_CLIENT_ID"};
    const char *secret = source_or_env("", "AZURE_CLIENT_SECRET");
    const char *certificate = source_or_env("", "AZURE_CLIENT_CERTIFICATE_PATH");
    int r = need_env(names, 2, err);

    if (r < 0)
        return r;
    begin(ret, c, getenv("AZURE_TENANT_ID"), getenv("AZURE_CLIENT_ID"), scope);
    if (secret[0] == '\0' && certificate[0] != '\0')
        return ask_by_certificate(ret, certificate, getenv("AZURE_CLIENT_ID"), err);
    if (secret[0] == '\0')
        return parley_fail(
            err, PARLEY_E_NOT_FOUND,
            "the environment has neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH");
    source_append_field(&ret->body, "client_secret", view_of(secret));
    return PARLEY_OK;
}

/* ---- workload identity ---- */

static const char *workload_file(const struct credential_config *c)
{
    return source_or_env(c->token_file, "AZURE_FEDERATED_TOKEN_FILE");
}

static bool has_workload(const struct credential *c)
{
    return workload_file(c->config)[0] != '\0' &&
           source_or_env(c->config->client_id, "AZURE_CLIENT_ID")[0] != '\0' &&
           source_or_env(c->config->tenant_id, "AZURE_TENANT_ID")[0] != '\0';
}

/* Read at every exchange: the platform rewrites it within its life. */
static int read_file(const char *path, char *bytes, size_t size, struct parley_error *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "the token file %s cannot be read", path);
    size_t len = fread(bytes, 1, size - 1, file);
    (void)fclose(file);
    bytes[len] = '\0';
    return len > 0 ? PARLEY_OK
                   : parley_fail(err, PARLEY_E_INVALID, "the token file %s is empty", path);
}

static int ask_workload(const struct credential *c, const char *scope, struct source_ask *ret,
                        struct parley_error *err)
{
    const struct credential_config *k = c->config;
    char token[MAX_FILE];

    if (!has_workload(c))
        return parley_fail(err, PARLEY_E_NOT_FOUND,
                           "workload-identity needs AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                           "AZURE_FEDERATED_TOKEN_FILE, or tenant_id, client_id and token_file; "
                           "on AKS the pod's label azure.workload.identity/use brings them");
    int r = read_file(workload_file(k), token, sizeof(token), err);
    if (r == PARLEY_OK) {
        begin(ret, c, source_or_env(k->tenant_id, "AZURE_TENANT_ID"),
              source_or_env(k->client_id, "AZURE_CLIENT_ID"), scope);
        append_assertion(ret, view_trim(view_of(token)));
    }
    secret_wipe(token, sizeof(token));
    return r;
}

/* ---- the answer ---- */

/* What to do about the refusals that operators meet, by the number of AADSTS. */
static const struct {
    int code;
    const char *advice;
} refusals[] = {
    {7000215, "the client secret is wrong; put the secret's value there, not its id"},
    {7000222, "the client secret has expired; make a new one"},
    {700027, "the certificate is not one of this application; upload it, or use its key"},
    {700016, "the tenant has no application with this client_id"},
    {90002, "there is no such tenant; check tenant_id"},
    {500011, "the scope's resource is not known in this tenant"},
    {70011, "the scope is wrong; it ends in /.default"},
    {700024, "the assertion is outside its time; check this machine's clock"},
    {70021, "no federated credential matches; check issuer, subject and audience"},
    {700211, "no federated credential matches; check its issuer"},
    {700212, "no federated credential matches; check its audience"},
    {700213, "no federated credential matches; check its subject"},
};

static const char *advice_for(int code)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].code == code)
            return refusals[i].advice;
    }
    return "";
}

static bool is_federation(int code)
{
    return code == 70021 || (code >= 700211 && code <= 700213);
}

static bool is_passing(int http, int code)
{
    return http == 429 || http >= 500 || code == 90033;
}

/* `error` and the numbers say it; error_description may hold what is nobody's business. */
static void read_refusal(const struct http_client_response *r, unsigned attempt,
                         struct source_answer *ret)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    json_t *tree = json_parse(r->body, &err);
    int code = (int)json_integer_value(json_array_get(json_object_get(tree, "error_codes"), 0));
    const char *advice = advice_for(code);
    bool again = is_federation(code) ? attempt + 1 < SPREAD_TRIES : code == 700024 && attempt == 0;

    if (is_passing(r->code, code)) {
        source_read_trouble(ret, r, "Entra", attempt, MOST_TRIES, INT64_C(1000) << attempt);
    } else {
        ret->again_ms = is_federation(code) ? SPREAD_MS : 0;
        source_fail(ret, again ? SOURCE_AGAIN : SOURCE_FAILED, PARLEY_E_DENIED,
                    "Entra refuses with %.40s (AADSTS%d)%s%s trace_id=%.40s",
                    json_get_str(tree, "error", "no error"), code, advice[0] == '\0' ? "" : ": ",
                    advice, json_get_str(tree, "trace_id", "-"));
    }
    json_decref(tree);
}

static void read_answer(const struct credential *c, unsigned attempt,
                        const struct http_client_response *r, struct source_answer *ret)
{
    (void)c;
    if (r->status < 0)
        source_read_trouble(ret, r, "Entra", attempt, MOST_TRIES, INT64_C(1000) << attempt);
    else if (r->code == 200)
        source_read_token(ret, "Entra", r->body);
    else
        read_refusal(r, attempt, ret);
}

static bool always(const struct credential *c)
{
    (void)c;
    return true;
}

const struct source source_secret = {
    .name = "client-secret", .is_there = always, .ask = ask_secret, .read = read_answer};
const struct source source_certificate = {
    .name = "client-certificate", .is_there = always, .ask = ask_certificate, .read = read_answer};
const struct source source_environment = {.name = "environment",
                                          .is_there = has_environment,
                                          .ask = ask_environment,
                                          .read = read_answer};
const struct source source_workload = {.name = "workload-identity",
                                       .is_there = has_workload,
                                       .ask = ask_workload,
                                       .read = read_answer};
