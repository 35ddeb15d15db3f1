/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools of a server that speaks the Model Context Protocol, as a child process or over HTTP.
 *
 * Each worker has a connection of its own (client.h), made in the background: a server that is
 * slow, wrong or gone never holds up a conversation, its tools are just not offered meanwhile.
 *
 *     tools_mcp.c   options, life, role        client.c   states, coming back; client_state.h
 *     process.c     link to a child process    http.c     link over Streamable HTTP
 *     catalog.c     tools as parley has them   outcome.c  results in words for the model
 */
#include <parley/plugin.h>
#include <parley/tools.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "http.h"
#include "old_http.h"
#include "pins.h"
#include "process.h"

#define MAX_TOKEN  8192
#define MAX_PREFIX 32

enum elicitation { ELICITATION_DECLINE, ELICITATION_ACCEPT_DEFAULTS };
enum on_changed_tool { ON_CHANGED_WARN, ON_CHANGED_REFUSE };
enum protocol { PROTOCOL_AUTO, PROTOCOL_LEGACY, PROTOCOL_OLDEST, PROTOCOL_STATELESS = 6 };
enum transport { TRANSPORT_AUTO, TRANSPORT_STDIO, TRANSPORT_HTTP, TRANSPORT_SSE };

struct config {
    int32_t transport;
    const char *command;
    struct parley_list args;
    struct parley_list env;
    const char *url;
    const char *token;
    const char *token_file;
    const char *ca_file;
    struct parley_list allow;
    const char *name_prefix;
    int32_t protocol;
    int32_t elicitation;
    int32_t on_changed_tool;
    int64_t max_calls;
    int64_t timeout_ms;
    int64_t max_timeout_ms;
    int64_t start_timeout_ms;
    int64_t ready_timeout_ms;
};

struct plugin {
    const struct parley_host *host;
};

struct instance {
    struct plugin *plugin;
    const struct config *config;
    const void *handle;
    bool is_child; /* the server is a child process, not behind a URL */
    char prefix[MAX_PREFIX + 2];
    char *token; /* "" without one */
    struct orphans *orphans;
};

struct worker_instance {
    struct instance *instance;
    struct surroundings around;
    struct client *client;
    struct pins *pins;
    struct link link;  /* until the client has them */
    struct link other; /* the older transport over HTTP, where it may be that one; or none */
};

/* --- The role -----------------------------------------------------------------------------------
 */

static void attach(void *worker_instance, const struct parley_tools_host *host)
{
    struct worker_instance *wi = worker_instance;
    struct link link = wi->link, other = wi->other;

    wi->link = wi->other = (struct link){0};
    client_start(wi->client, link, other, host, wi);
}

static int list(void *worker_instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    (void)err;
    client_list(((struct worker_instance *)worker_instance)->client, ret_list);
    return PARLEY_OK;
}

static int call(void *worker_instance, const struct parley_tool_call *request, parley_op op,
                struct parley_error *err)
{
    return client_call(((struct worker_instance *)worker_instance)->client, request, op, err);
}

static void cancel(void *worker_instance, parley_op op)
{
    client_cancel(((struct worker_instance *)worker_instance)->client, op);
}

/* --- Instances ----------------------------------------------------------------------------------
 */

static int check_transport(struct instance *instance, struct parley_error *err)
{
    const struct config *c = instance->config;
    bool has_command = c->command[0] != '\0', has_url = c->url[0] != '\0';

    if (has_command && has_url)
        return parley_fail(err, PARLEY_E_INVALID,
                           "command and url: a server is one or the other; remove one");
    if (c->transport == TRANSPORT_STDIO && !has_command)
        return parley_fail(err, PARLEY_E_INVALID,
                           "command: transport = stdio needs the program that is the server");
    if (c->transport >= TRANSPORT_HTTP && !has_url)
        return parley_fail(err, PARLEY_E_INVALID,
                           "url: transport = http or sse needs the server's MCP endpoint");
    if (c->transport == TRANSPORT_SSE && c->protocol == PROTOCOL_STATELESS)
        return parley_fail(err, PARLEY_E_INVALID,
                           "protocol: 2026-07-28 is not spoken over transport = sse");
    if (!has_command && !has_url)
        return parley_fail(err, PARLEY_E_INVALID,
                           "command or url is missing: name the server's program or its endpoint");
    instance->is_child = has_command;
    return PARLEY_OK;
}

static int check_environment(const struct parley_list *env, struct parley_error *err)
{
    for (size_t i = 0; i < env->count; i++) {
        const char *equals = strchr(env->items[i], '=');
        if (equals == NULL || equals == env->items[i])
            return parley_fail(err, PARLEY_E_INVALID, "env: line %zu is not NAME=value", i + 1);
    }
    return PARLEY_OK;
}

static int check_url(const char *url, struct parley_error *err)
{
    if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_INVALID,
                       "url: \"%.200s\" does not begin with http:// or https://", url);
}

/* `fs` and `fs_` mean the same; `none` is for those who know that their names differ. */
static int choose_prefix(struct instance *instance, const char *name, struct parley_error *err)
{
    const char *prefix = instance->config->name_prefix;

    if (strcmp(prefix, "auto") == 0)
        prefix = name;
    if (prefix[0] == '\0' || strcmp(prefix, "none") == 0)
        return PARLEY_OK;
    size_t len = strlen(prefix);
    if (len > MAX_PREFIX)
        return parley_fail(err, PARLEY_E_INVALID,
                           "name_prefix: \"%.80s\" is longer than %d bytes; choose a short one",
                           prefix, MAX_PREFIX);
    bool is_separated = prefix[len - 1] == '_' || prefix[len - 1] == '-';
    (void)snprintf(instance->prefix, sizeof(instance->prefix), "%s%s", prefix,
                   is_separated ? "" : "_");
    return PARLEY_OK;
}

/* --- The token ----------------------------------------------------------------------------------
 */

static int read_file(const char *path, char *bytes, size_t size, struct parley_error *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "token_file: %s cannot be read", path);
    size_t len = fread(bytes, 1, size - 1, file);
    (void)fclose(file);
    while (len > 0 && strchr(" \t\r\n", bytes[len - 1]) != NULL)
        len--;
    bytes[len] = '\0';
    return PARLEY_OK;
}

static int check_token(const char *token, struct parley_error *err)
{
    for (const char *c = token; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return parley_fail(
                err, PARLEY_E_INVALID,
                "token: holds blanks, control or other characters that no token has");
    }
    return PARLEY_OK;
}

static int load_token(struct instance *instance, struct parley_error *err)
{
    const struct config *c = instance->config;
    char bytes[MAX_TOKEN] = "";
    int r = PARLEY_OK;

    if (c->token[0] != '\0' && c->token_file[0] != '\0')
        return parley_fail(err, PARLEY_E_INVALID, "token and token_file: give one of them");
    if (c->token_file[0] != '\0')
        r = read_file(c->token_file, bytes, sizeof(bytes), err);
    else
        (void)snprintf(bytes, sizeof(bytes), "%s", c->token);
    if (r == PARLEY_OK)
        r = check_token(bytes, err);
    if (r == PARLEY_OK)
        instance->token = strdup(bytes);
    explicit_bzero(bytes, sizeof(bytes));
    if (r == PARLEY_OK && instance->token == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "token: no memory");
    return r;
}

static bool is_loopback(const char *url)
{
    static const char *const starts[] = {"http://127.", "http://localhost", "http://[::1]"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(url, starts[i], strlen(starts[i])) == 0)
            return true;
    }
    return false;
}

static void warn_of_clear_text(const struct instance *instance)
{
    const char *url = instance->config->url;

    if (instance->token[0] != '\0' && strncmp(url, "http://", 7) == 0 && !is_loopback(url))
        instance->plugin->host->log(instance->handle, PARLEY_LOG_WARN,
                                    "the token is sent unencrypted; use https:// in url");
}

/* --- Life ---------------------------------------------------------------------------------------
 */

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));

    if (plugin == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "tools_mcp: no memory");
    plugin->host = host;
    *ret_plugin = plugin;
    return PARLEY_OK;
}

static void unload(void *plugin)
{
    free(plugin);
}

static void instance_destroy(void *data)
{
    struct instance *instance = data;

    if (instance == NULL)
        return;
    orphans_destroy(instance->orphans);
    if (instance->token != NULL)
        explicit_bzero(instance->token, strlen(instance->token));
    free(instance->token);
    free(instance);
}

static int prepare(struct instance *instance, const char *name, struct parley_error *err)
{
    int r = check_transport(instance, err);

    if (r == PARLEY_OK && !instance->is_child)
        r = check_url(instance->config->url, err);
    if (r == PARLEY_OK)
        r = check_environment(&instance->config->env, err);
    if (r == PARLEY_OK)
        r = choose_prefix(instance, name, err);
    if (r == PARLEY_OK)
        r = load_token(instance, err);
    if (r < 0)
        return r;
    warn_of_clear_text(instance);
    instance->orphans = orphans_create();
    return instance->orphans == NULL ? parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", name)
                                     : PARLEY_OK;
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct instance *instance = calloc(1, sizeof(*instance));

    if (instance == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", info->name);
    instance->plugin = plugin;
    instance->config = info->config;
    instance->handle = info->handle;
    int r = prepare(instance, info->name, err);
    if (r < 0) {
        instance_destroy(instance);
        return r;
    }
    *ret_instance = instance;
    return PARLEY_OK;
}

static struct http_config http_config_of(struct worker_instance *wi)
{
    const struct config *c = wi->instance->config;

    return (struct http_config){
        .around = wi->around,
        .http = wi->around.host->service(PARLEY_SERVICE_HTTP),
        .url = c->url,
        .token = wi->instance->token,
        .ca_file = c->ca_file,
        .events = &client_link_events,
        .ctx = wi->client,
    };
}

static struct link make_http(struct worker_instance *wi, struct parley_error *err)
{
    const struct http_config config = http_config_of(wi);
    struct http *http = config.http == NULL ? NULL : http_create(&config);

    if (http != NULL)
        return http_link(http);
    (void)parley_fail(err, PARLEY_E_UNAVAILABLE, "no memory, or a host without HTTP");
    return (struct link){0};
}

static struct link make_old_http(struct worker_instance *wi, struct parley_error *err)
{
    const struct http_config config = http_config_of(wi);
    struct old_http *old = config.http == NULL ? NULL : old_http_create(&config);

    if (old != NULL)
        return old_http_link(old);
    (void)parley_fail(err, PARLEY_E_UNAVAILABLE, "no memory, or a host without HTTP");
    return (struct link){0};
}

static struct link make_process(struct worker_instance *wi, struct parley_error *err)
{
    const struct config *c = wi->instance->config;
    const struct process_config config = {
        .around = wi->around,
        .fdwatch = wi->around.host->service(PARLEY_SERVICE_FDWATCH),
        .command = {c->command, &wi->instance->config->args, &wi->instance->config->env},
        .orphans = wi->instance->orphans,
        .events = &client_link_events,
        .ctx = wi->client,
    };

    struct process *process = config.fdwatch == NULL ? NULL : process_create(&config);
    if (process != NULL)
        return process_link(process);
    (void)parley_fail(err, PARLEY_E_UNAVAILABLE, "no memory, or a host without parley.fdwatch/1");
    return (struct link){0};
}

/* The older transport has no stateless servers. */
static enum client_protocol protocol_of(const struct config *c)
{
    if (c->protocol == PROTOCOL_STATELESS)
        return CLIENT_STATELESS;
    return c->protocol == PROTOCOL_AUTO && c->transport != TRANSPORT_SSE ? CLIENT_AUTO
                                                                         : CLIENT_LEGACY;
}

/* The one version that is wanted, or NULL. */
static const char *version_of(const struct config *c)
{
    static const char *const versions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

    return c->protocol < PROTOCOL_OLDEST || c->protocol == PROTOCOL_STATELESS
               ? NULL
               : versions[c->protocol - PROTOCOL_OLDEST];
}

static struct pins *make_pins(const struct parley_host *host)
{
    uint8_t key[16];

    host->random(key, sizeof(key));
    return pins_create(key);
}

static struct client *make_client(const struct worker_instance *wi)
{
    const struct instance *instance = wi->instance;
    const struct client_config config = {
        .around = wi->around,
        .prefix = instance->prefix,
        .allow = &instance->config->allow,
        .protocol = protocol_of(instance->config),
        .version = version_of(instance->config),
        .pins = wi->pins,
        .refuses_changed = instance->config->on_changed_tool == ON_CHANGED_REFUSE,
        .max_calls = (unsigned)instance->config->max_calls,
        .accepts_defaults = instance->config->elicitation == ELICITATION_ACCEPT_DEFAULTS,
        .timeout_ms = instance->config->timeout_ms,
        .max_timeout_ms = instance->config->max_timeout_ms,
        .start_timeout_ms = instance->config->start_timeout_ms,
        .ready_timeout_ms = instance->config->ready_timeout_ms,
    };

    return client_create(&config);
}

static void worker_stop(void *worker_instance)
{
    struct worker_instance *wi = worker_instance;

    client_destroy(wi->client);
    if (wi->link.vtable != NULL)
        wi->link.vtable->destroy(wi->link.data);
    if (wi->other.vtable != NULL)
        wi->other.vtable->destroy(wi->other.data);
    pins_destroy(wi->pins);
    free(wi);
}

static struct link make_link(struct worker_instance *wi, struct parley_error *err)
{
    if (wi->instance->is_child)
        return make_process(wi, err);
    return wi->instance->config->transport == TRANSPORT_SSE ? make_old_http(wi, err)
                                                            : make_http(wi, err);
}

/* Is the transport of 2024-11-05 to be tried where there is no endpoint of the newer one? */
static bool may_be_older_transport(const struct instance *instance)
{
    return !instance->is_child && instance->config->transport == TRANSPORT_AUTO &&
           instance->config->protocol != PROTOCOL_STATELESS;
}

static int fill_worker(struct worker_instance *wi, struct parley_error *err)
{
    if (wi->around.timer == NULL)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "a host without timers");
    wi->pins = make_pins(wi->around.host);
    wi->client = wi->pins == NULL ? NULL : make_client(wi);
    if (wi->client == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a worker");
    wi->link = make_link(wi, err);
    if (wi->link.vtable != NULL && may_be_older_transport(wi->instance))
        wi->other = make_old_http(wi, err);
    return wi->link.vtable == NULL ? PARLEY_E_UNAVAILABLE : PARLEY_OK;
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct worker_instance *wi = calloc(1, sizeof(*wi));

    if (wi == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a worker");
    wi->instance = instance;
    wi->around.host = wi->instance->plugin->host;
    wi->around.timer = wi->around.host->service(PARLEY_SERVICE_TIMER);
    wi->around.worker = worker;
    wi->around.handle = wi->instance->handle;
    int r = fill_worker(wi, err);
    if (r < 0) {
        worker_stop(wi);
        return r;
    }
    *ret_worker_instance = wi;
    return PARLEY_OK;
}

/* --- Tables -------------------------------------------------------------------------------------
 */

static const struct parley_option options[] = {
    PARLEY_ENUM(struct config, transport, .default_value = "auto", .values = "auto|stdio|http|sse",
                .help = "How the server is reached: as a child process by its standard input and "
                        "output, over Streamable HTTP, or over the HTTP+SSE of 2024-11-05; auto is "
                        "stdio with command and http with url."),
    PARLEY_STRING(struct config, command, .example = "/usr/bin/npx",
                  .help = "Program of a server that runs as a child process, started without a "
                          "shell; one for each of parley's workers."),
    PARLEY_LINES(struct config, args, .example = "-y",
                 .help = "Arguments of the program, one a line; the key is repeated."),
    PARLEY_LINES(struct config, env, .example = "API_KEY=${WEATHER_KEY}",
                 .help = "Variables of the program's environment as NAME=value, one a line; of "
                         "parley's own it gets only HOME, LANG, LOGNAME, PATH, SHELL, TERM and "
                         "USER."),
    PARLEY_STRING(struct config, url, .example = "https://tools.example.com/mcp",
                  .help = "MCP endpoint of a server over HTTP."),
    PARLEY_SECRET(struct config, token, .example = "file:secrets/mcp-token",
                  .help = "Bearer token for the server over HTTP."),
    PARLEY_PATH(struct config, token_file, .example = "/run/secrets/mcp-token",
                .help = "File with the bearer token, in place of token; read at start and reload."),
    PARLEY_PATH(struct config, ca_file,
                .help = "PEM file of certificate authorities trusted for url beside the system's."),
    PARLEY_LINES(struct config, allow, .example = "read_file",
                 .help = "Tools that are offered, by the server's own names, one a line; all of "
                         "them when left out."),
    PARLEY_STRING(struct config, name_prefix, .default_value = "auto", .example = "fs",
                  .help = "Put before every tool's name, with _ between, so that two servers' "
                          "tools do not clash; auto is the section's name, none is no prefix."),
    PARLEY_ENUM(struct config, protocol, .default_value = "auto",
                .values = "auto|legacy|2024-11-05|2025-03-26|2025-06-18|2025-11-25|2026-07-28",
                .help = "Which MCP the server speaks: legacy begins with initialize and takes what "
                        "the server has, a revision insists on it (2026-07-28 is the stateless "
                        "one), auto finds out."),
    PARLEY_ENUM(struct config, elicitation, .default_value = "decline",
                .values = "decline|accept-defaults",
                .help = "What a server is told that asks the user something during a call: that "
                        "the user declines, or the defaults of the server's own form."),
    PARLEY_ENUM(struct config, on_changed_tool, .default_value = "warn", .values = "warn|refuse",
                .help = "What happens to a tool whose description or schema is not what it was "
                        "when it was first listed: a warning, or it is not offered any more."),
    PARLEY_INT(struct config, max_calls, .default_value = "16", .min = 1, .max = 64,
               .help = "Most calls under way at once over one connection; further ones wait. 1 "
                       "for servers that work on one thing at a time."),
    PARLEY_DURATION_MS(struct config, timeout_ms, .min = 100, .max = 600000, .example = "60s",
                       .help = "Longest run of one call; what parley allows every tool when left "
                               "out."),
    PARLEY_DURATION_MS(struct config, max_timeout_ms, .default_value = "120s", .max = 900000,
                       .help = "Longest run of a call that tells its progress, each time of which "
                               "gives it the call's limit anew; 0: progress extends nothing."),
    PARLEY_DURATION_MS(struct config, start_timeout_ms, .default_value = "30s", .min = 100,
                       .max = 600000,
                       .help = "Longest time from connecting to the server's list of tools; no "
                               "conversation waits for it."),
    PARLEY_DURATION_MS(struct config, ready_timeout_ms, .default_value = "2s", .max = 30000,
                       .help = "Longest time that a conversation waits, while its model connects, "
                               "for a list of tools on its way; counted from the connection's "
                               "beginning, not from the conversation's."),
};

static const struct parley_tools_vtable tools = {
    .size = sizeof(tools),
    .attach = attach,
    .list = list,
    .call = call,
    .cancel = cancel,
    .flags = PARLEY_TOOLS_SHARED, /* one child, or connection, for all workers */
};

static const struct parley_role roles[] = {{PARLEY_ROLE_TOOLS, &tools}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .needs_minor = 1, /* parley.fdwatch/1, and requests that outlive a stop */
    .name = "tools_mcp",
    .version = PARLEY_VERSION,
    .summary = "Tools of an MCP server, as a child process or over Streamable HTTP.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .load = load,
    .unload = unload,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
