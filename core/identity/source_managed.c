/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Managed identities: by the endpoint that Container Apps and App Service name in the environment,
 * else by the instance metadata service of virtual machines (IMDS). Both are asked in clear text at
 * an address of the machine itself, never through a proxy.
 */
#include "base/str.h"
#include "identity/source.h"

#include <stdlib.h>
#include <string.h>

#define IMDS           "http://169.254.169.254"
#define IMDS_PATH      "/metadata/identity/oauth2/token"
#define TIMEOUT_MS     10000
#define PROBE_MS       1000
#define UPDATING_MS    10000 /* 410: for up to 70 s */
#define UPDATING_TRIES 8
#define WHO            "the managed identity endpoint"

static bool has_platform(void)
{
    return source_or_env("", "IDENTITY_ENDPOINT")[0] != '\0' &&
           source_or_env("", "IDENTITY_HEADER")[0] != '\0';
}

/* Where the variable of the Azure SDKs says, or at its usual address. */
static const char *imds(void)
{
    const char *host = source_or_env("", "AZURE_POD_IDENTITY_AUTHORITY_HOST");

    return host[0] == '\0' ? IMDS : host;
}

static bool is_there(const struct credential *c)
{
    (void)c;
    return true; /* IMDS shows by its answer, see the probe */
}

static bool needs_probe(void)
{
    return !has_platform();
}

static void append_identity(struct buf *url, const struct credential_config *c)
{
    if (c->client_id[0] != '\0')
        source_append_field(url, "client_id", view_of(c->client_id));
    else if (c->object_id[0] != '\0')
        source_append_field(url, "object_id", view_of(c->object_id));
    else if (c->resource_id[0] != '\0')
        source_append_field(url, has_platform() ? "mi_res_id" : "msi_res_id",
                            view_of(c->resource_id));
}

static int ask(const struct credential *c, const char *scope, struct source_ask *ret,
               struct parley_error *err)
{
    bool platform = has_platform();

    if (source_or_env("", "IDENTITY_SERVER_THUMBPRINT")[0] != '\0')
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "managed identities of Service Fabric are not supported; use "
                           "client-certificate");
    ret->method = "GET";
    ret->timeout_ms = TIMEOUT_MS;
    if (platform) {
        buf_printf(&ret->url, "%s?api-version=2019-08-01", source_or_env("", "IDENTITY_ENDPOINT"));
        buf_printf(&ret->header, "X-IDENTITY-HEADER: %s", source_or_env("", "IDENTITY_HEADER"));
    } else {
        buf_printf(&ret->url, "%s" IMDS_PATH "?api-version=2018-02-01", imds());
        buf_append_str(&ret->header, "Metadata: true");
    }
    source_append_field(&ret->url, "resource", source_resource(scope));
    append_identity(&ret->url, c->config);
    return PARLEY_OK;
}

int source_managed_probe(struct source_ask *ret)
{
    ret->method = "GET";
    ret->timeout_ms = PROBE_MS;
    buf_printf(&ret->url, "%s" IMDS_PATH, imds());
    return PARLEY_OK;
}

static bool is_passing(int code)
{
    return code == 404 || code == 408 || code == 429 || code >= 500;
}

static bool says(const struct http_client_response *r, const char *word)
{
    return memmem(r->body.data, r->body.len, word, strlen(word)) != NULL;
}

static void read(const struct credential *c, unsigned attempt, const struct http_client_response *r,
                 struct source_answer *ret)
{
    static const int64_t pauses_ms[] = {2000, 4000, 8000, 16000};
    const bool platform = has_platform();
    const unsigned most = platform ? 4 : 5;
    const int64_t pause_ms = platform ? 1000 : pauses_ms[attempt < 4 ? attempt : 3];

    (void)c;
    if (r->status >= 0 && r->code == 200)
        source_read_token(ret, WHO, r->body);
    else if (r->status >= 0 && r->code == 410)
        source_read_trouble(ret, r, WHO, attempt, UPDATING_TRIES, UPDATING_MS);
    else if (r->status < 0 || is_passing(r->code))
        source_read_trouble(ret, r, WHO, attempt, most, pause_ms);
    else if (r->code == 403 && says(r, "unreachable"))
        source_fail(ret, SOURCE_ABSENT, PARLEY_E_NOT_FOUND, "there is no managed identity here");
    else if (r->code == 400)
        source_fail(ret, SOURCE_FAILED, PARLEY_E_DENIED,
                    WHO " knows no such identity; give this machine one, or its client_id in the "
                        "[credential] section");
    else
        source_fail(ret, SOURCE_FAILED, PARLEY_E_DENIED, WHO " refuses with HTTP %d", r->code);
}

const struct source source_managed = {
    .name = "managed-identity",
    .is_there = is_there,
    .ask = ask,
    .read = read,
    .needs_probe = needs_probe,
};
