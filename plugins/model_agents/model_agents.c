/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.chat/1 by an agent that is hosted elsewhere, with Microsoft Agent Framework, Foundry
 * or anything else that speaks Responses, A2A or AG-UI.
 */
#include <parley/plugin.h>

#include <stdlib.h>
#include <string.h>

#include "parts/header.h"
#include "session.h"
#include "talk.h"

/* In the order of the option's values. */
enum protocol_name { PROTOCOL_RESPONSES, PROTOCOL_A2A, PROTOCOL_AG_UI };

struct config {
    int32_t protocol;
    const char *base_url;
    const char *api_key;
    const char *api_key_header;
    const char *credential;
    const char *scope;
    struct parley_list headers;
    int32_t trace_context;
    const char *ca_file;
    int32_t allow_http;
    const char *model;
    const char *agent;
    const char *agent_version;
    int32_t agent_field;
    int32_t history;
    const char *conversations_url;
    const char *rpc_url;
    int32_t a2a_version;
    int32_t pass_tools;
    int32_t pass_instructions;
    int32_t show_calls;
    int64_t timeout_ms;
    int64_t idle_timeout_ms;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* all that is needed from here on; never written to */
    return PARLEY_OK;
}

/* ---- checks ---- */

static bool is_loopback(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(host, names[i], len) == 0 && strchr(":/", host[len]) != NULL)
            return true; /* strchr finds the end, too */
    }
    return false;
}

/* A user or a password before the host; then what stands first is not the host. */
static bool has_user(const char *url)
{
    const char *host = strstr(url, "://");
    size_t len = host == NULL ? 0 : strcspn(host + 3, "/?#");

    return len > 0 && memchr(host + 3, '@', len) != NULL;
}

static int check_url(const struct config *c, const char *key, const char *url,
                     struct parley_error *err)
{
    bool is_plain = strncmp(url, "http://", 7) == 0;

    if (has_user(url)) /* the URL is not shown */
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: it holds a user or a password; take them out, and give the key as "
                           "api_key",
                           key);
    if (!is_plain && strncmp(url, "https://", 8) != 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: \"%.200s\" does not begin with https:// or http://", key, url);
    if (strpbrk(url, "# ") != NULL || strpbrk(url, "\r\n") != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: \"%.200s\" holds a blank, a line end or #; give the URL alone", key,
                           url);
    if (is_plain && !is_loopback(url + 7) && !c->allow_http)
        return parley_fail(err, PARLEY_E_INVALID,
                           "%s: \"%.200s\" sends the conversation and the key in the clear; write "
                           "https://, or allow_http = yes inside a trusted network",
                           key, url);
    return PARLEY_OK;
}

static bool ends_in(const char *text, const char *tail)
{
    size_t len = strlen(text), more = strlen(tail);

    return len >= more && strcmp(text + len - more, tail) == 0;
}

static int check_path(const struct config *c, struct parley_error *err)
{
    static const char *const tails[] = {"/responses", "/.well-known/agent-card.json"};

    if (c->protocol == PROTOCOL_AG_UI)
        return PARLEY_OK;
    if (ends_in(c->base_url, tails[c->protocol]))
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url: leave out %s at the end; parley adds it", tails[c->protocol]);
    if (strchr(c->base_url, '?') != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url: \"%.200s\" has a query; give the part before it",
                           c->base_url);
    return PARLEY_OK;
}

static int check_agent(const struct config *c, struct parley_error *err)
{
    if (c->agent_version[0] != '\0' && c->agent[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID, "agent_version: there is no agent; name it");
    if (c->agent[0] != '\0' && c->protocol != PROTOCOL_RESPONSES)
        return parley_fail(err, PARLEY_E_INVALID,
                           "agent: only protocol = responses names the agent beside its URL");
    if (c->agent[0] != '\0' && c->pass_tools)
        return parley_fail(err, PARLEY_E_INVALID,
                           "pass_tools: a hosted agent that is named by `agent` refuses tools; "
                           "write no");
    if (c->pass_tools && c->protocol == PROTOCOL_A2A)
        return parley_fail(err, PARLEY_E_INVALID,
                           "pass_tools: A2A has no tools that the caller runs; write no");
    return PARLEY_OK;
}

static int check(const struct config *c, struct parley_error *err)
{
    int r = check_url(c, "base_url", c->base_url, err);

    if (r == PARLEY_OK && c->rpc_url[0] != '\0')
        r = check_url(c, "rpc_url", c->rpc_url, err);
    if (r == PARLEY_OK && c->conversations_url[0] != '\0')
        r = check_url(c, "conversations_url", c->conversations_url, err);
    if (r == PARLEY_OK)
        r = check_path(c, err);
    if (r == PARLEY_OK)
        r = check_agent(c, err);
    if (r == PARLEY_OK)
        r = key_check(c->api_key, c->credential, err);
    return r < 0 ? r : header_check_lines(&c->headers, err);
}

/* ---- the instance ---- */

static char *without_slash(const char *url)
{
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/')
        len--;
    return strndup(url, len);
}

static const struct protocol *protocol_of(int32_t name)
{
    return name == PROTOCOL_A2A     ? &protocol_a2a
           : name == PROTOCOL_AG_UI ? &protocol_ag_ui
                                    : &protocol_responses;
}

static void fill(struct agent_server *server, const struct parley_host *host,
                 const struct parley_instance_info *info)
{
    const struct config *c = info->config;

    *server = (struct agent_server){
        .http = host->service(PARLEY_SERVICE_HTTP),
        .timers = host->service(PARLEY_SERVICE_TIMER),
        .key = {.credentials = host->service(PARLEY_SERVICE_CREDENTIALS),
                .handle = info->handle,
                .text = c->api_key,
                .header = c->api_key_header,
                .credential = c->credential,
                .scope = c->scope},
        .protocol = protocol_of(c->protocol),
        .base_url =
            c->protocol == PROTOCOL_AG_UI ? strdup(c->base_url) : without_slash(c->base_url),
        .headers = &c->headers,
        .ca_file = c->ca_file,
        .timeout_ms = c->timeout_ms,
        .idle_timeout_ms = c->idle_timeout_ms,
        .sends_trace = c->trace_context,
        .must_pass_tools = c->pass_tools,
        .must_pass_instructions = c->pass_instructions,
        .must_show_calls = c->show_calls,
        .model = c->model,
        .agent = c->agent,
        .agent_version = c->agent_version,
        .agent_field = (enum agent_field)c->agent_field,
        .history = c->protocol == PROTOCOL_RESPONSES ? (enum history)c->history : HISTORY_RESPONSE,
        .conversations_url = c->conversations_url,
        .rpc_url = c->rpc_url,
        .version = (enum a2a_version)c->a2a_version,
    };
}

static int check_services(const struct agent_server *server, struct parley_error *err)
{
    if (server->base_url == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an instance");
    if (server->http == NULL || server->timers == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "this host offers no " PARLEY_SERVICE_HTTP " or " PARLEY_SERVICE_TIMER);
    return key_check_credential(&server->key, err);
}

static void instance_destroy(void *instance)
{
    struct agent_server *server = instance;

    free(server->base_url);
    free(server);
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct agent_server *server = NULL;
    int r = check(info->config, err);

    if (r < 0)
        return r;
    server = calloc(1, sizeof(*server));
    if (server == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an instance");
    fill(server, plugin, info);
    r = check_services(server, err);
    if (r < 0) {
        instance_destroy(server);
        return r;
    }
    *ret_instance = server;
    return PARLEY_OK;
}

/* ---- tables ---- */

static const struct parley_option options[] = {
    PARLEY_ENUM(struct config, protocol, .flags = PARLEY_OPTION_REQUIRED,
                .values = "responses|a2a|ag-ui", .help = "What the agent's host speaks."),
    PARLEY_STRING(struct config, base_url, .flags = PARLEY_OPTION_REQUIRED,
                  .example = "https://contoso.services.ai.azure.com/api/projects/p/openai/v1",
                  .help = "Where the agent is: up to the part before /responses or "
                          "/.well-known/agent-card.json; with ag-ui the whole URL."),
    PARLEY_SECRET(struct config, api_key, .example = "${AGENT_KEY}",
                  .help = "Key of the host; may stay empty for one that wants none."),
    PARLEY_STRING(struct config, api_key_header, .example = "api-key",
                  .help = "Header that carries the key; Authorization: Bearer when left out."),
    PARLEY_STRING(struct config, credential, .example = "managed-identity",
                  .help = "A [credential NAME] section, in place of api_key."),
    PARLEY_STRING(struct config, scope, .default_value = "https://ai.azure.com/.default",
                  .help = "Scope of the credential's token."),
    PARLEY_LINES(struct config, headers, .example = "X-Tenant: blue",
                 .help = "Further headers of each request, one Name: value a line."),
    PARLEY_BOOL(struct config, trace_context, .default_value = "no",
                .help = "Send traceparent with each request; for an agent of your own, since it "
                        "tells strangers which requests belong together."),
    PARLEY_PATH(struct config, ca_file,
                .help = "PEM file of certificates that are trusted besides the system's."),
    PARLEY_BOOL(struct config, allow_http, .default_value = "no",
                .help = "http:// is fine for another machine, too: the network is trusted."),
    PARLEY_STRING(struct config, model, .example = "gpt-5-mini",
                  .help = "responses: the model's name, for a host that wants one."),
    PARLEY_STRING(struct config, agent, .example = "concierge",
                  .help = "responses: name of the agent, when the URL does not say it."),
    PARLEY_STRING(struct config, agent_version,
                  .help = "responses: version of the agent; the latest when left out."),
    PARLEY_ENUM(struct config, agent_field, .default_value = "agent_reference",
                .values = "agent_reference|agent",
                .help = "responses: member that names the agent; Foundry has the first, Agent "
                        "Framework for .NET the second."),
    PARLEY_ENUM(struct config, history, .default_value = "response",
                .values = "response|conversation|send",
                .help = "responses: the agent goes on from its last response, from a conversation "
                        "that is made first, or is sent everything with each request."),
    PARLEY_STRING(struct config, conversations_url,
                  .example = "https://agents.example.com/v1/conversations",
                  .help = "responses: where conversations are made, when that is not base_url "
                          "and /conversations."),
    PARLEY_STRING(struct config, rpc_url, .example = "https://agents.example.com/a2a",
                  .help = "a2a: where JSON-RPC is spoken; from the agent's card when left out."),
    PARLEY_ENUM(struct config, a2a_version, .default_value = "auto", .values = "auto|1.0|0.3",
                .help = "a2a: version to speak; auto is the newest that the card offers, and 1.0 "
                        "with rpc_url."),
    PARLEY_BOOL(struct config, pass_tools, .default_value = "no",
                .help = "Offer parley's tools to the agent; many hosts refuse that."),
    PARLEY_BOOL(struct config, pass_instructions, .default_value = "no",
                .help = "Send the instructions of [agent] along; many hosts refuse that."),
    PARLEY_BOOL(struct config, show_calls, .default_value = "yes",
                .help = "Show clients the calls that the agent runs itself, as mcp_call items."),
    PARLEY_DURATION_MS(struct config, timeout_ms, .default_value = "2m", .min = 100, .max = 3600000,
                       .help = "Longest time for one answer."),
    PARLEY_DURATION_MS(struct config, idle_timeout_ms, .default_value = "60s", .min = 100,
                       .max = 3600000, .help = "Longest silence within an answer."),
};

static const struct parley_chat_vtable chat_vtable = {
    .size = sizeof(chat_vtable),
    .session_open = session_open,
    .generate = session_generate,
    .cancel = session_cancel,
    .session_close = session_close,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_CHAT, &chat_vtable}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "model_agents",
    .version = PARLEY_VERSION,
    .summary = "Agents hosted with Agent Framework, Foundry or others: Responses, A2A, AG-UI.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = sizeof(roles) / sizeof(roles[0]),
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .load = load,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
