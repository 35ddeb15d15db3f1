/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* How each service's endpoint is written. */
static const char *const examples[] = {
    [SERVICE_AZURE_OPENAI] = "https://RESOURCE.openai.azure.com",
    [SERVICE_VOICE_LIVE] = "https://RESOURCE.services.ai.azure.com",
    [SERVICE_VOICE_AGENT] = "https://RESOURCE.services.ai.azure.com/api/projects/PROJECT",
};

__attribute__((format(printf, 3, 4))) static int
refuse(const struct foundry_config *c, struct parley_error *err, const char *format, ...)
{
    char what[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return parley_fail(err, PARLEY_E_INVALID, "endpoint: %s; write it as %s", what,
                       examples[c->service]);
}

/* ---- what stands in it ---- */

struct parts {
    const char *scheme; /* "wss://" or "ws://" */
    char rest[1024];    /* host, port and path, without slashes at the end */
    size_t host_len;    /* of rest, with the port */
};

static bool is_this_machine(const char *rest)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(rest, names[i], len) == 0 &&
            (rest[len] == '\0' || rest[len] == ':' || rest[len] == '/'))
            return true;
    }
    return false;
}

static int split(const struct foundry_config *c, struct parts *ret, struct parley_error *err)
{
    const char *url = c->endpoint;
    const char *rest = strstr(url, "://");

    if (rest == NULL || strlen(url) >= sizeof(ret->rest))
        return refuse(c, err, "\"%.100s\" is not an address that begins with https://", url);
    rest += 3;
    bool is_tls = strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "wss://", 6) == 0;
    bool is_plain = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "ws://", 5) == 0;
    if (!is_tls && !(is_plain && is_this_machine(rest)))
        return refuse(c, err, "\"%.100s\" does not begin with https://", url);
    if (strchr(rest, '@') != NULL)
        return refuse(c, err, "it holds a user or a password");
    ret->scheme = is_tls ? "wss://" : "ws://";
    size_t len = strcspn(rest, "?#");
    while (len > 0 && rest[len - 1] == '/')
        len--;
    (void)snprintf(ret->rest, sizeof(ret->rest), "%.*s", (int)len, rest);
    ret->host_len = strcspn(ret->rest, "/");
    return ret->host_len > 0 ? PARLEY_OK : refuse(c, err, "\"%.100s\" names no host", url);
}

/* The page one has open, in place of what it shows. */
static int check_place(const struct foundry_config *c, const struct parts *p,
                       struct parley_error *err)
{
    static const char *const portals[] = {"portal.azure.com", "ai.azure.com", "oai.azure.com"};

    for (size_t i = 0; i < sizeof(portals) / sizeof(portals[0]); i++) {
        if (p->host_len == strlen(portals[i]) && strncasecmp(p->rest, portals[i], p->host_len) == 0)
            return refuse(c, err, "%s is the portal, not a resource", portals[i]);
    }
    if (strcasestr(c->endpoint, "api-version=") != NULL)
        return refuse(c, err, "it has an api-version, %s",
                      c->service == SERVICE_VOICE_LIVE
                          ? "which has an option of its own, api_version"
                          : "which the v1 API refuses");
    if (strcasestr(c->endpoint, "deployment=") != NULL ||
        strstr(c->endpoint, "/deployments/") != NULL)
        return refuse(c, err,
                      "it has the deployment of the older API in it, which has an option "
                      "of its own, deployment");
    if (strchr(c->endpoint, '?') != NULL)
        return refuse(c, err, "it has a query");
    return PARLEY_OK;
}

/* The path, when it is none of these. */
static int check_path(const struct foundry_config *c, struct parts *p, const char *const *known,
                      struct parley_error *err)
{
    const char *path = p->rest + p->host_len;

    if (path[0] == '\0')
        return PARLEY_OK;
    for (; *known != NULL; known++) {
        if (strcmp(path, *known) == 0) {
            p->rest[p->host_len] = '\0';
            return PARLEY_OK;
        }
    }
    return refuse(c, err, "its path %.80s is not expected", path);
}

/* ---- the addresses ---- */

/* Percent-encoded. False when it does not fit. */
static bool append(char *out, const char *name, const char *value)
{
    size_t at = strlen(out);
    int n =
        snprintf(out + at, ENDPOINT_SIZE - at, "%c%s=", strchr(out, '?') == NULL ? '?' : '&', name);

    if (n < 0 || (size_t)n >= ENDPOINT_SIZE - at)
        return false;
    at += (size_t)n;
    for (; *value != '\0'; value++) {
        bool is_plain = (*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') ||
                        (*value >= '0' && *value <= '9') || strchr("-._~", *value) != NULL;
        n = snprintf(out + at, ENDPOINT_SIZE - at, is_plain ? "%c" : "%%%02X",
                     (unsigned)(unsigned char)*value);
        if (n < 0 || (size_t)n >= ENDPOINT_SIZE - at)
            return false;
        at += (size_t)n;
    }
    return true;
}

static bool append_some(char *out, const char *name, const char *value)
{
    return value[0] == '\0' || append(out, name, value);
}

static int azure_openai(const struct foundry_config *c, struct parts *p, char *out,
                        struct parley_error *err)
{
    static const char *const known[] = {"/openai", "/openai/v1", "/openai/v1/realtime", NULL};
    int r = check_path(c, p, known, err);

    if (r < 0)
        return r;
    if (c->deployment[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "deployment: service = azure-openai needs it: the name that the "
                           "deployment has in the portal, which need not be the model's%s",
                           c->model[0] != '\0' ? "; model is for the other services" : "");
    (void)snprintf(out, ENDPOINT_SIZE, "%s%s/openai/v1/realtime", p->scheme, p->rest);
    return append(out, "model", c->deployment) ? PARLEY_OK : PARLEY_E_TOO_LARGE;
}

static int voice_live(const struct foundry_config *c, struct parts *p, char *out,
                      struct parley_error *err)
{
    static const char *const known[] = {"/voice-live", "/voice-live/realtime", NULL};
    int r = check_path(c, p, known, err);
    bool has_agent = c->agent_name[0] != '\0';

    if (r < 0)
        return r;
    if (has_agent == (c->model[0] != '\0'))
        return parley_fail(err, PARLEY_E_INVALID,
                           "model: service = voice-live needs a model, or agent_name and "
                           "agent_project_name, and not both%s",
                           c->deployment[0] != '\0' ? "; deployment is for azure-openai" : "");
    if (has_agent && c->agent_project_name[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "agent_project_name: goes with agent_name: the project of the agent");
    (void)snprintf(out, ENDPOINT_SIZE, "%s%s/voice-live/realtime", p->scheme, p->rest);
    bool fits = append(out, "api-version", c->api_version) && append_some(out, "model", c->model) &&
                append_some(out, "agent-name", c->agent_name) &&
                append_some(out, "agent-project-name", has_agent ? c->agent_project_name : "") &&
                append_some(out, "agent-version", c->agent_version);
    return fits ? PARLEY_OK : PARLEY_E_TOO_LARGE;
}

static int voice_agent(const struct foundry_config *c, const struct parts *p, char *out,
                       struct parley_error *err)
{
    const char *path = p->rest + p->host_len;

    if (strncmp(path, "/api/projects/", 14) != 0 || strchr(path + 14, '/') != NULL)
        return refuse(c, err, "\"%.100s\" is not that of a project", c->endpoint);
    if (c->agent_name[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID, "agent_name: service = voice-agent needs it");
    if (strpbrk(c->agent_name, "/?#% ") != NULL)
        return parley_fail(err, PARLEY_E_INVALID, "agent_name: \"%.80s\" is no name of an agent",
                           c->agent_name);
    (void)snprintf(out, ENDPOINT_SIZE, "%s%s/agents/%s/endpoint/protocols/voice", p->scheme,
                   p->rest, c->agent_name);
    return append(out, "api-version", "v1") &&
                   append_some(out, "x-agent-version-override", c->agent_version)
               ? PARLEY_OK
               : PARLEY_E_TOO_LARGE;
}

int endpoint_make(const struct foundry_config *c, char out[ENDPOINT_SIZE], struct parley_error *err)
{
    struct parts p;
    int r = split(c, &p, err);

    if (r == PARLEY_OK)
        r = check_place(c, &p, err);
    if (r < 0)
        return r;
    if (c->service == SERVICE_AZURE_OPENAI)
        r = azure_openai(c, &p, out, err);
    else if (c->service == SERVICE_VOICE_LIVE)
        r = voice_live(c, &p, out, err);
    else
        r = voice_agent(c, &p, out, err);
    return r == PARLEY_E_TOO_LARGE ? refuse(c, err, "it is too long with what follows it") : r;
}
