/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/credential.h"

#include "base/cleanup.h"
#include "identity/assertion.h"

#include <string.h>
#include <unistd.h>

#define C struct credential_config

static const struct parley_option items[] = {
    PARLEY_ENUM(C, type, .default_value = "default",
                .values = "api-key|managed-identity|workload-identity|client-secret|"
                          "client-certificate|environment|azure-cli|default",
                .help = "Where tokens come from. default takes the first of environment, "
                        "workload-identity, managed-identity and azure-cli that is there."),
    PARLEY_SECRET(C, key, .example = "file:secrets/azure-openai-key",
                  .help = "The key of type = api-key."),
    PARLEY_STRING(C, tenant_id, .example = "contoso.onmicrosoft.com",
                  .help = "Entra tenant; AZURE_TENANT_ID when left out."),
    PARLEY_STRING(C, client_id, .example = "11111111-2222-3333-4444-555555555555",
                  .help = "Application, or user-assigned managed identity; AZURE_CLIENT_ID for "
                          "workload-identity when left out."),
    PARLEY_STRING(C, object_id,
                  .help = "The managed identity by its object id, in place of "
                          "client_id."),
    PARLEY_STRING(C, resource_id,
                  .help = "The managed identity by its Azure resource id, in place "
                          "of client_id."),
    PARLEY_SECRET(C, client_secret, .example = "file:secrets/entra",
                  .help = "Secret of type = client-secret."),
    PARLEY_PATH(C, certificate_file, .example = "secrets/entra.pem",
                .help = "Certificate and private key (PEM) of type = client-certificate."),
    PARLEY_PATH(C, token_file,
                .help = "Token of the platform for workload-identity, read anew each time; "
                        "AZURE_FEDERATED_TOKEN_FILE when left out."),
    PARLEY_STRING(C, authority, .example = "https://login.microsoftonline.us/",
                  .help = "Who gives tokens; AZURE_AUTHORITY_HOST when left out, else "
                          "https://login.microsoftonline.com/."),
    PARLEY_PATH(C, ca_file,
                .help = "PEM file of certificate authorities trusted for authority beside the "
                        "system's."),
};
const struct options_table credential_options = OPTIONS_TABLE(items, struct credential_config);

static const struct {
    const char *name;
    enum credential_type type;
} builtins[] = {
    {"managed-identity", CREDENTIAL_MANAGED_IDENTITY},
    {"workload-identity", CREDENTIAL_WORKLOAD_IDENTITY},
    {"environment", CREDENTIAL_ENVIRONMENT},
    {"azure-cli", CREDENTIAL_AZURE_CLI},
    {"default", CREDENTIAL_DEFAULT},
};

const char *credential_builtin_name(size_t i)
{
    return i < ARRAY_LEN(builtins) ? builtins[i].name : NULL;
}

bool credential_builtin(const char *name, enum credential_type *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++) {
        if (strcmp(builtins[i].name, name) == 0) {
            *ret = builtins[i].type;
            return true;
        }
    }
    return false;
}

/* Keys that must be there, by type. */
static int needs(const char *key, const char *value, const char *type, const char **ret_key,
                 struct parley_error *err)
{
    if (value[0] != '\0')
        return PARLEY_OK;
    *ret_key = key;
    return parley_fail(err, PARLEY_E_INVALID, "type = %s needs it", type);
}

static int check_client(const struct credential_config *c, const char *type, const char **ret_key,
                        struct parley_error *err)
{
    int r = needs("tenant_id", c->tenant_id, type, ret_key, err);

    return r < 0 ? r : needs("client_id", c->client_id, type, ret_key, err);
}

static int check_secret(const struct credential_config *c, const char **ret_key,
                        struct parley_error *err)
{
    int r = check_client(c, "client-secret", ret_key, err);

    return r < 0 ? r : needs("client_secret", c->client_secret, "client-secret", ret_key, err);
}

static int check_certificate(const struct credential_config *c, const char **ret_key,
                             struct parley_error *err)
{
    int r = check_client(c, "client-certificate", ret_key, err);

    if (r == PARLEY_OK)
        r = needs("certificate_file", c->certificate_file, "client-certificate", ret_key, err);
    if (r < 0)
        return r;
    *ret_key = "certificate_file";
    return assertion_check(c->certificate_file, err);
}

static int check_identity(const struct credential_config *c, const char **ret_key,
                          struct parley_error *err)
{
    int count = (c->client_id[0] != '\0') + (c->object_id[0] != '\0') + (c->resource_id[0] != '\0');

    *ret_key = "client_id";
    return count <= 1
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_INVALID,
                             "give one of client_id, object_id and resource_id, not %d", count);
}

/* Tokens must not be asked for where anyone on the way could read them. */
static int check_authority(const char *authority, const char **ret_key, struct parley_error *err)
{
    static const char *const safe[] = {"https://", "http://127.0.0.1:", "http://[::1]:"};

    *ret_key = "authority";
    for (size_t i = 0; i < ARRAY_LEN(safe); i++) {
        if (strncmp(authority, safe[i], strlen(safe[i])) == 0)
            return PARLEY_OK;
    }
    return authority[0] == '\0' ? PARLEY_OK
                                : parley_fail(err, PARLEY_E_INVALID,
                                              "\"%.200s\" does not begin with https://", authority);
}

int credential_check(const struct credential *c, const char **ret_key, struct parley_error *err)
{
    const struct credential_config *k = c->config;

    int r = check_authority(k->authority, ret_key, err);
    if (r < 0)
        return r;
    *ret_key = "type";
    switch ((enum credential_type)k->type) {
    case CREDENTIAL_API_KEY:
        return needs("key", k->key, "api-key", ret_key, err);
    case CREDENTIAL_CLIENT_SECRET:
        return check_secret(k, ret_key, err);
    case CREDENTIAL_CLIENT_CERTIFICATE:
        return check_certificate(k, ret_key, err);
    case CREDENTIAL_MANAGED_IDENTITY:
        return check_identity(k, ret_key, err);
    default:
        return PARLEY_OK; /* the rest is known where it runs */
    }
}
