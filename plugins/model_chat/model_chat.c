/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.chat/1 by any server with OpenAI's Chat Completions API: OpenAI and Azure OpenAI,
 * llama.cpp, vLLM, Ollama, Foundry Local ...
 */
#include <parley/plugin.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "parts/header.h"
#include "session.h"

#define DEFAULT_HOST "api.openai.com"
#define PATH         "/chat/completions"

/* In the order of the option's values. */
enum limit_name { LIMIT_MAX_TOKENS, LIMIT_MAX_COMPLETION_TOKENS };

struct config {
    const char *base_url;
    const char *model;
    const char *api_key;
    const char *api_key_header;
    const char *credential;
    const char *scope;
    struct parley_list headers;
    const char *ca_file;
    int32_t trace_context;
    double temperature;
    const char *system_role;
    int32_t token_limit;
    int32_t parallel_calls;
    int32_t usage;
    int64_t timeout_ms;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* all that is needed from here on; never written to */
    return PARLEY_OK;
}

/* ---- checks ---- */

static int check_key(const struct config *c, struct parley_error *err)
{
    if (c->api_key[0] == '\0' && c->credential[0] == '\0' &&
        strstr(c->base_url, "://" DEFAULT_HOST) != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "api_key: it is empty, and " DEFAULT_HOST
                           " wants one; write api_key = ${OPENAI_API_KEY} or file:PATH");
    return key_check(c->api_key, c->credential, err);
}

static int check_url(const char *url, struct parley_error *err)
{
    size_t len = strlen(url), tail = strlen(PATH);

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url: \"%.200s\" does not begin with https:// or http://", url);
    if (strpbrk(url, "?# ") != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url: \"%.200s\" has a query; give the part before it", url);
    if (len > tail && strcmp(url + len - tail, PATH) == 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "base_url: leave out " PATH " at the end; parley adds it");
    return PARLEY_OK;
}

static int check(const struct config *c, struct parley_error *err)
{
    int r = check_url(c->base_url, err);

    if (r == PARLEY_OK && c->model[0] == '\0')
        r = parley_fail(err, PARLEY_E_INVALID, "model: it is empty; name the model that answers");
    if (r == PARLEY_OK)
        r = check_key(c, err);
    return r < 0 ? r : header_check_lines(&c->headers, err);
}

/* ---- the instance ---- */

static char *url_of(const char *base)
{
    size_t len = strlen(base);
    char *url = malloc(len + sizeof(PATH));

    while (len > 0 && base[len - 1] == '/')
        len--;
    if (url != NULL)
        (void)snprintf(url, len + sizeof(PATH), "%.*s" PATH, (int)len, base);
    return url;
}

static void fill(struct chat_server *server, const struct parley_host *host,
                 const struct parley_instance_info *info)
{
    const struct config *c = info->config;

    *server = (struct chat_server){
        .http = host->service(PARLEY_SERVICE_HTTP),
        .key = {.credentials = host->service(PARLEY_SERVICE_CREDENTIALS),
                .handle = info->handle,
                .text = c->api_key,
                .header = c->api_key_header,
                .credential = c->credential,
                .scope = c->scope},
        .messages = {.model = c->model,
                     .temperature = c->temperature,
                     .system_role = c->system_role,
                     .token_limit = c->token_limit == LIMIT_MAX_TOKENS ? "max_tokens"
                                                                       : "max_completion_tokens",
                     .wants_usage = c->usage,
                     .parallel_calls = c->parallel_calls},
        .url = url_of(c->base_url),
        .headers = &c->headers,
        .ca_file = c->ca_file,
        .sends_trace = c->trace_context != 0,
        .timeout_ms = c->timeout_ms,
    };
}

static int check_services(const struct chat_server *server, struct parley_error *err)
{
    if (server->url == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an instance");
    if (server->http == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "this host offers no " PARLEY_SERVICE_HTTP);
    return key_check_credential(&server->key, err);
}

static void instance_destroy(void *instance)
{
    struct chat_server *server = instance;

    free(server->url);
    free(server);
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct chat_server *server = NULL;
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
    PARLEY_STRING(struct config, base_url, .default_value = "https://" DEFAULT_HOST "/v1",
                  .example = "http://127.0.0.1:11434/v1",
                  .help = "Where the server is, up to the part before " PATH "."),
    PARLEY_STRING(struct config, model, .flags = PARLEY_OPTION_REQUIRED, .example = "gpt-5-mini",
                  .help = "Model that answers, by the server's name for it."),
    PARLEY_SECRET(struct config, api_key, .example = "${OPENAI_API_KEY}",
                  .help = "Key of the service; may stay empty for a server that wants none."),
    PARLEY_STRING(struct config, api_key_header, .example = "api-key",
                  .help = "Header that carries the key; Authorization: Bearer when left out."),
    PARLEY_STRING(struct config, credential, .example = "managed-identity",
                  .help = "A [credential NAME] section, in place of api_key."),
    PARLEY_STRING(struct config, scope,
                  .default_value = "https://cognitiveservices.azure.com/.default",
                  .help = "Scope of the credential's token."),
    PARLEY_LINES(struct config, headers, .example = "X-Tenant: blue",
                 .help = "Further headers of each request, one Name: value a line."),
    PARLEY_BOOL(struct config, trace_context, .default_value = "no",
                .help = "Send traceparent with each request; for a server of your own, since it "
                        "tells strangers which requests belong together."),
    PARLEY_PATH(struct config, ca_file,
                .help = "PEM file of certificates that are trusted besides the system's."),
    PARLEY_NUMBER(struct config, temperature, .default_value = "-1", .min = -1, .max = 2,
                  .help = "How much is left to chance; -1 leaves it to the server."),
    PARLEY_STRING(struct config, system_role, .default_value = "system", .example = "developer",
                  .help = "Role of the instructions."),
    PARLEY_ENUM(struct config, token_limit, .default_value = "max_tokens",
                .values = "max_tokens|max_completion_tokens",
                .help = "The server's name for the longest answer; OpenAI's reasoning models want "
                        "the second."),
    PARLEY_BOOL(struct config, parallel_calls, .default_value = "yes",
                .help = "The model may call several tools at once."),
    PARLEY_BOOL(struct config, usage, .default_value = "yes",
                .help = "Ask for the tokens that an answer took; no for a server that refuses "
                        "stream_options."),
    PARLEY_DURATION_MS(struct config, timeout_ms, .default_value = "60s", .min = 100,
                       .max = 3600000, .help = "Longest time for one answer."),
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
    .name = "model_chat",
    .version = PARLEY_VERSION,
    .summary = "Any server with the Chat Completions API: llama.cpp, vLLM, Ollama, Foundry Local.",
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
