/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.realtime/1 by OpenAI's Realtime service (GA dialect), or any server that speaks it.
 * Events pass as bytes in both directions; only errors are looked at, to tell why a session ended
 * and to keep keys out of messages.
 */
#include "address.h"

#include "parts/realtime/link.h"

#include <parley/plugin.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_HOST "api.openai.com"

struct config {
    const char *api_key;
    const char *model;
    const char *base_url;
    const char *organization;
    const char *project;
    const char *ca_file;
    int32_t trace_context;
    int64_t connect_timeout_ms;
    int64_t ping_interval_ms;
    int64_t max_event_bytes;
    int64_t session_limit_ms;
};

struct instance {
    struct link_service service;
    char address[ADDRESS_SIZE];
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* all that is needed from here on; never written to */
    return PARLEY_OK;
}

static int check(const struct config *c, struct parley_error *err)
{
    int r = link_check_header("api_key", c->api_key, err);

    if (r == PARLEY_OK)
        r = link_check_header("organization", c->organization, err);
    if (r == PARLEY_OK)
        r = link_check_header("project", c->project, err);
    if (r < 0)
        return r;
    if (strlen(c->api_key) > 900)
        return parley_fail(err, PARLEY_E_INVALID, "api_key: longer than 900 characters");
    if (c->api_key[0] == '\0' && strstr(c->base_url, DEFAULT_HOST) != NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "api_key: it is empty, and " DEFAULT_HOST
                           " wants one; write api_key = ${OPENAI_API_KEY} or file:PATH");
    if (c->model[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID, "model: it is empty; name one: gpt-realtime");
    return PARLEY_OK;
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    const struct parley_host *host = plugin;
    const struct config *c = info->config;
    struct instance *i = NULL;
    char address[ADDRESS_SIZE];

    int r = check(c, err);
    if (r == PARLEY_OK)
        r = address_make(c->base_url, c->model, address, err);
    if (r < 0)
        return r;
    i = calloc(1, sizeof(*i));
    if (i == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an instance");
    memcpy(i->address, address, sizeof(address));
    i->service = (struct link_service){
        .host = host,
        .ws = host->service(PARLEY_SERVICE_WS),
        .timer = host->service(PARLEY_SERVICE_TIMER),
        .handle = info->handle,
        .address = i->address,
        .api_key = c->api_key,
        .subprotocol = "",
        .key_header = "Authorization",
        .credential = "",
        .scope = "",
        .safety_header = "OpenAI-Safety-Identifier",
        .headers = {{"OpenAI-Organization", c->organization}, {"OpenAI-Project", c->project}},
        .header_count = 2,
        .ca_file = c->ca_file,
        .sends_trace = c->trace_context != 0,
        .connect_timeout_ms = c->connect_timeout_ms,
        .ping_interval_ms = c->ping_interval_ms,
        .max_event_bytes = c->max_event_bytes,
        .session_limit_ms = c->session_limit_ms,
    };
    if (i->service.ws == NULL || i->service.timer == NULL) {
        free(i);
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "this host offers no " PARLEY_SERVICE_WS " or no " PARLEY_SERVICE_TIMER);
    }
    *ret_instance = i;
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    free(instance);
}

static void model_caps(void *instance, struct parley_model_caps *caps)
{
    const struct instance *i = instance;

    caps->flags = PARLEY_CAP_TRUNCATE | PARLEY_CAP_CANCEL | PARLEY_CAP_SERVER_VAD |
                  PARLEY_CAP_SEMANTIC_VAD | PARLEY_CAP_IMAGES | PARLEY_CAP_TOOLS |
                  PARLEY_CAP_TRANSCRIPTION | PARLEY_CAP_TEXT_OUTPUT | PARLEY_CAP_AUDIO_OUTPUT |
                  PARLEY_CAP_AUDIO_INPUT | PARLEY_CAP_OUT_OF_BAND | PARLEY_CAP_ITEM_RETRIEVE |
                  PARLEY_CAP_PASSTHROUGH;
    caps->input_formats = PARLEY_AUDIO_PCM_24K | PARLEY_AUDIO_PCMU | PARLEY_AUDIO_PCMA;
    caps->output_formats = caps->input_formats;
    caps->session_limit_ms = i->service.session_limit_ms;
    caps->max_event_bytes = i->service.max_event_bytes;
    caps->max_id_chars = 32;
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    const struct instance *i = instance;

    (void)worker;
    return link_worker_start(&i->service, ret_worker_instance, err);
}

static const struct parley_option options[] = {
    PARLEY_SECRET(struct config, api_key, .example = "${OPENAI_API_KEY}",
                  .help = "Key of the service; may stay empty for a server that wants none."),
    PARLEY_STRING(struct config, model, .default_value = "gpt-realtime",
                  .help = "Model that answers."),
    PARLEY_STRING(struct config, base_url, .default_value = "wss://" DEFAULT_HOST "/v1",
                  .example = "http://127.0.0.1:9000/v1",
                  .help = "Where the service is: wss, ws, https or http, ending in /v1."),
    PARLEY_STRING(struct config, organization,
                  .help = "Organisation that is charged, when the key belongs to several."),
    PARLEY_STRING(struct config, project, .help = "Project that is charged."),
    PARLEY_BOOL(struct config, trace_context, .default_value = "no",
                .help = "Send traceparent and tracestate with the handshake; for a server of your "
                        "own, since they tell strangers which sessions belong together."),
    PARLEY_PATH(struct config, ca_file,
                .help = "PEM file of certificates that are trusted besides the system's."),
    PARLEY_DURATION_MS(struct config, connect_timeout_ms, .default_value = "10s", .min = 100,
                       .max = 120000,
                       .help = "Longest wait for the connection and its session.created."),
    PARLEY_DURATION_MS(struct config, ping_interval_ms, .default_value = "20s", .min = 1000,
                       .max = 600000, .help = "How often an idle connection is checked by a ping."),
    PARLEY_SIZE(struct config, max_event_bytes, .default_value = "16m", .min = 65536,
                .max = 268435456, .help = "Largest event in either direction."),
    PARLEY_DURATION_MS(struct config, session_limit_ms, .default_value = "60m", .min = 0,
                       .max = 86400000,
                       .help = "Longest session that the service allows; 0 for no limit."),
};

static const struct parley_model_vtable model_vtable = {
    .size = sizeof(model_vtable),
    .caps = model_caps,
    .open = link_open,
    .send = link_send,
    .pause = link_pause,
    .close = link_close,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_MODEL, &model_vtable}};

static const struct parley_plugin descriptor = {
    .size = sizeof(descriptor),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "model_openai",
    .version = "0.1.0",
    .summary = "OpenAI's Realtime models, and any server that speaks the same protocol.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(roles[0]),
    .load = load,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = link_worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &descriptor;
}
