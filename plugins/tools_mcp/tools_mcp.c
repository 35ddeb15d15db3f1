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
#include <parley/service/credentials.h>
#include <parley/tools.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "connection.h"
#include "credentials.h"
#include "sessions.h"

#define MAX_PREFIX 32

struct plugin {
    const struct parley_host *host;
};

struct instance {
    struct plugin *plugin;
    const struct config *config;
    char name[64];
    const void *handle;
    bool is_child; /* the server is a child process, not behind a URL */
    char prefix[MAX_PREFIX + 2];
    struct credentials *credentials;
    struct orphans *orphans;
};

struct worker_instance {
    struct instance *instance;
    struct surroundings around;
    struct gatehouse *house;
    struct pins *pins;
    struct connection *connection;
    struct sessions *sessions; /* those with a token of their own */
};

static struct client *shared(void *worker_instance)
{
    return connection_client(((struct worker_instance *)worker_instance)->connection);
}

/* --- The role -----------------------------------------------------------------------------------
 */

static void attach(void *worker_instance, const struct parley_tools_host *host)
{
    struct worker_instance *wi = worker_instance;

    sessions_attach(wi->sessions, host);
    connection_start(wi->connection, host, wi);
}

static int list(void *worker_instance, struct parley_tool_list *ret_list, struct parley_error *err)
{
    (void)err;
    client_list(shared(worker_instance), ret_list);
    return PARLEY_OK;
}

static bool has_own_token(const struct parley_tool_call *request)
{
    return PARLEY_HAS(request, authorization) && request->authorization != NULL &&
           request->authorization[0] != '\0';
}

static struct parley_tool_call without_trace(const struct parley_tool_call *request)
{
    struct parley_tool_call own = {0};

    memcpy(&own, request, request->size < sizeof(own) ? request->size : sizeof(own));
    if (own.size > sizeof(own))
        own.size = sizeof(own);
    own.traceparent = own.tracestate = "";
    return own;
}

static int call(void *worker_instance, const struct parley_tool_call *request, parley_op op,
                struct parley_error *err)
{
    struct worker_instance *wi = worker_instance;
    struct client *client = shared(wi);
    struct parley_tool_call untraced;

    if (!wi->instance->config->trace_context) {
        untraced = without_trace(request);
        request = &untraced;
    }
    if (has_own_token(request)) {
        client = sessions_client(wi->sessions, request, err);
        if (client == NULL)
            return err->status;
    }
    return client_call(client, request, op, err);
}

static void cancel(void *worker_instance, parley_op op)
{
    client_cancel(shared(worker_instance), op); /* of a call that is not its own it knows nothing */
    sessions_cancel(((struct worker_instance *)worker_instance)->sessions, op);
}

static void session_closed(void *worker_instance, const char *session_id)
{
    sessions_close(((struct worker_instance *)worker_instance)->sessions, session_id);
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
    credentials_destroy(instance->credentials);
    free(instance);
}

static void warn_of_exposure(const struct instance *instance)
{
    if (credentials_are_exposed(instance->credentials))
        instance->plugin->host->log(instance->handle, PARLEY_LOG_WARN,
                                    "tokens are sent unencrypted; use https:// in url");
}

static int check_credential(const struct instance *instance, struct parley_error *err)
{
    const char *name = instance->config->credential;
    const struct parley_service_credentials *vault =
        instance->plugin->host->service(PARLEY_SERVICE_CREDENTIALS);
    struct parley_error why = PARLEY_ERROR_INIT;

    if (name[0] == '\0')
        return PARLEY_OK;
    if (vault == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "this host offers no " PARLEY_SERVICE_CREDENTIALS);
    int r = vault->check(instance->handle, name, &why);
    return r < 0 ? parley_fail(err, r, "credential: %s", why.message) : PARLEY_OK;
}

static int prepare(struct instance *instance, const char *name, bool is_attended,
                   struct parley_error *err)
{
    int r = check_transport(instance, err);

    if (r == PARLEY_OK && !instance->is_child)
        r = check_url(instance->config->url, err);
    if (r == PARLEY_OK)
        r = check_environment(&instance->config->env, err);
    if (r == PARLEY_OK)
        r = choose_prefix(instance, name, err);
    if (r == PARLEY_OK)
        r = credentials_create(instance->config, is_attended, &instance->credentials, err);
    if (r == PARLEY_OK)
        r = check_credential(instance, err);
    if (r < 0)
        return r;
    warn_of_exposure(instance);
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
    (void)snprintf(instance->name, sizeof(instance->name), "%s", info->name);
    instance->handle = info->handle;
    bool is_attended = PARLEY_HAS(info, flags) && (info->flags & PARLEY_INSTANCE_ATTENDED) != 0;
    int r = prepare(instance, info->name, is_attended, err);
    if (r < 0) {
        instance_destroy(instance);
        return r;
    }
    *ret_instance = instance;
    return PARLEY_OK;
}

static struct pins *make_pins(const struct parley_host *host)
{
    uint8_t key[16];

    host->random(key, sizeof(key));
    return pins_create(key);
}

static void worker_stop(void *worker_instance)
{
    struct worker_instance *wi = worker_instance;

    sessions_destroy(wi->sessions);
    connection_destroy(wi->connection);
    gatehouse_destroy(wi->house);
    pins_destroy(wi->pins);
    free(wi);
}

static int fill_worker(struct worker_instance *wi, struct parley_error *err)
{
    const struct instance *instance = wi->instance;
    struct connection_config config = {
        .around = wi->around,
        .config = instance->config,
        .section = instance->name,
        .prefix = instance->prefix,
        .is_child = instance->is_child,
        .orphans = instance->orphans,
        .auth = credentials_settings(instance->credentials),
    };
    const struct parley_service_http *http = wi->around.host->service(PARLEY_SERVICE_HTTP);

    if (wi->around.timer == NULL || (http == NULL && !instance->is_child))
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "a host without timers or HTTP");
    wi->pins = make_pins(wi->around.host);
    wi->house = wi->pins == NULL ? NULL : gatehouse_create(&wi->around, http);
    if (wi->house == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a worker");
    config.pins = wi->pins;
    config.house = wi->house;
    wi->connection = connection_create(&config, err);
    if (wi->connection == NULL)
        return err->status;
    config.elder = connection_client(wi->connection);
    wi->sessions = sessions_create(&config);
    return wi->sessions != NULL ? PARLEY_OK
                                : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for a worker");
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

static const struct parley_tools_vtable tools = {
    .size = sizeof(tools),
    .attach = attach,
    .list = list,
    .call = call,
    .cancel = cancel,
    .session_closed = session_closed,
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
    .options = config_options,
    .option_count = CONFIG_OPTION_COUNT,
    .option_size = sizeof(config_options[0]),
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
