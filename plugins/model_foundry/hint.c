/* SPDX-License-Identifier: Apache-2.0 */
#include "hint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool says(const char *text, const char *what)
{
    return strcasestr(text, what) != NULL;
}

static void of_401(const struct foundry_config *c, const char *message, char *out, size_t size)
{
    if (c->credential[0] == '\0')
        (void)snprintf(out, size,
                       "the key is wrong, renewed, or of another resource than endpoint");
    else if (says(message, "audience"))
        (void)snprintf(out, size, "the token is for another service: check scope, now %s",
                       c->scope);
    else if (says(message, "tenant"))
        (void)snprintf(out, size,
                       "the token is of another tenant than the resource: check tenant_id of "
                       "[credential %s]",
                       c->credential);
    else
        (void)snprintf(out, size,
                       "the token is not accepted: check scope (%s), and the tenant of "
                       "[credential %s]",
                       c->scope, c->credential);
}

static void of_403(const struct foundry_config *c, const char *message, char *out, size_t size)
{
    if (says(message, "network") || says(message, "firewall"))
        (void)snprintf(out, size, "the resource's network rules keep this host out");
    else if (c->credential[0] != '\0')
        (void)snprintf(out, size,
                       "the identity of [credential %s] has no role that may call the resource: "
                       "Cognitive Services User, or Azure AI User for a project",
                       c->credential);
    else
        (void)snprintf(out, size, "keys are switched off for the resource: use credential");
}

static void of_404(const struct foundry_config *c, char *out, size_t size)
{
    if (c->service == SERVICE_AZURE_OPENAI)
        (void)snprintf(out, size,
                       "there is no deployment \"%s\" here: deployment is the name given to it in "
                       "the portal, not the model's",
                       c->deployment);
    else if (c->agent_name[0] != '\0')
        (void)snprintf(out, size, "there is no agent \"%s\" in this project, or no such endpoint",
                       c->agent_name);
    else
        (void)snprintf(out, size, "there is no Voice Live at this endpoint, or no model \"%s\"",
                       c->model);
}

void hint_write(const void *config, int http_status, const char *code, const char *message,
                char *out, size_t size)
{
    const struct foundry_config *c = config;

    out[0] = '\0';
    if (strcmp(code, "OpperationNotSupported") == 0) /* spelled so by the service */
        (void)snprintf(out, size, "the deployment \"%s\" is not of a realtime model",
                       c->deployment[0] != '\0' ? c->deployment : c->model);
    else if (http_status == 401)
        of_401(c, message, out, size);
    else if (http_status == 403)
        of_403(c, message, out, size);
    else if (http_status == 404)
        of_404(c, out, size);
    else if (http_status == 429)
        (void)snprintf(out, size, "the quota of the resource or the deployment is used up for now");
    else if (http_status == 400 && says(message, "api-version") && c->service == SERVICE_VOICE_LIVE)
        (void)snprintf(out, size, "the service does not know api_version = %s", c->api_version);
}
