/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.realtime/1 by Azure: the realtime models of Azure OpenAI (GA dialect), Voice Live
 * (translated, see voice_live.h) and the managed voice agents of Foundry (GA with fields of
 * Azure's). Keys or Entra.
 */
#include "config.h"
#include "endpoint.h"
#include "hint.h"
#include "voice_live.h"

#include "parts/realtime/link.h"

#include <parley/plugin.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define OPENAI_SCOPE  "https://cognitiveservices.azure.com/.default"
#define FOUNDRY_SCOPE "https://ai.azure.com/.default"

struct instance {
    struct foundry_config config;
    struct link_service service;
    char address[ENDPOINT_SIZE];
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* all that is needed from here on; never written to */
    return PARLEY_OK;
}

/* ---- the section ---- */

static int check_access(const struct foundry_config *c, struct parley_error *err)
{
    int r = link_check_header("api_key", c->api_key, err);

    if (r < 0)
        return r;
    if (c->api_key[0] != '\0' && c->credential[0] != '\0')
        return parley_fail(err, PARLEY_E_INVALID, "api_key and credential: give one of them");
    if (c->service == SERVICE_VOICE_AGENT && c->api_key[0] != '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "api_key: service = voice-agent takes no key; name a credential, for "
                           "example credential = managed-identity");
    if (c->api_key[0] == '\0' && c->credential[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "credential: Azure wants to know who calls; set credential = "
                           "managed-identity, or api_key");
    return PARLEY_OK;
}

/* What would be set and do nothing. */
static int check_own(const struct foundry_config *c, struct parley_error *err)
{
    const struct {
        const char *key;
        int is_set;
    } own[] = {
        {"voice_type", c->voice_type != VOICE_BY_NAME},
        {"turn_detection", c->turn_detection != TURNS_OF_AGENT},
        {"end_of_utterance", c->end_of_utterance[0] != '\0'},
        {"noise_suppression", c->noise_suppression != 0},
        {"echo_cancellation", c->echo_cancellation != 0},
        {"transcription_model", c->transcription_model[0] != '\0'},
        {"interim_texts", c->interim_texts.count > 0},
    };

    for (size_t i = 0; c->service != SERVICE_VOICE_LIVE && i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i].is_set)
            return parley_fail(err, PARLEY_E_INVALID,
                               "%s: goes with service = voice-live only; take it out", own[i].key);
    }
    if (c->voice_type == VOICE_CUSTOM && c->voice_endpoint_id[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "voice_endpoint_id: voice_type = azure-custom needs it");
    if (c->voice_type == VOICE_PERSONAL && c->voice_model[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "voice_model: voice_type = azure-personal needs it");
    return PARLEY_OK;
}

static int check_credential(const struct instance *i, struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    if (i->config.credential[0] == '\0')
        return PARLEY_OK;
    if (i->service.credentials == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED,
                           "this host offers no " PARLEY_SERVICE_CREDENTIALS);
    int r = i->service.credentials->check(i->service.handle, i->config.credential, &why);
    return r < 0 ? parley_fail(err, r, "credential: %s", why.message) : PARLEY_OK;
}

static const char *scope_of(const struct foundry_config *c)
{
    if (c->scope[0] != '\0')
        return c->scope;
    return c->service == SERVICE_AZURE_OPENAI ? OPENAI_SCOPE : FOUNDRY_SCOPE;
}

static int64_t limit_of(const struct foundry_config *c)
{
    if (c->session_limit_ms > 0)
        return c->session_limit_ms;
    return c->service == SERVICE_AZURE_OPENAI ? 30 * INT64_C(60000) : 60 * INT64_C(60000);
}

/* ---- the instance ---- */

static void fill(struct instance *i, const struct parley_host *host, const void *handle)
{
    const struct foundry_config *c = &i->config;
    bool is_live = c->service == SERVICE_VOICE_LIVE, is_agent = c->service == SERVICE_VOICE_AGENT;

    i->config.scope = scope_of(c);
    i->service = (struct link_service){
        .host = host,
        .ws = host->service(PARLEY_SERVICE_WS),
        .timer = host->service(PARLEY_SERVICE_TIMER),
        .credentials = host->service(PARLEY_SERVICE_CREDENTIALS),
        .handle = handle,
        .address = i->address,
        .subprotocol = is_agent ? "realtime" : "",
        .api_key = c->api_key,
        .key_header = "api-key",
        .credential = c->credential,
        .scope = c->scope,
        .sends_trace = c->trace_context != 0,
        .safety_header = "",
        .headers = {{"foundry-features", is_agent ? "VoiceAgents=V1Preview" : ""}},
        .header_count = 1,
        .ca_file = c->ca_file,
        .dialect = is_live ? &voice_live_dialect : NULL,
        .dialect_config = c,
        .hint = hint_write,
        .hint_config = c,
        .connect_timeout_ms = c->connect_timeout_ms,
        .ping_interval_ms = c->ping_interval_ms,
        .max_event_bytes = c->max_event_bytes,
        .session_limit_ms = limit_of(c),
    };
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    const struct foundry_config *c = info->config;
    struct instance *i = NULL;
    int r = check_access(c, err);

    if (r == PARLEY_OK)
        r = check_own(c, err);
    if (r < 0)
        return r;
    i = calloc(1, sizeof(*i));
    if (i == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an instance");
    i->config = *c;
    fill(i, plugin, info->handle);
    r = endpoint_make(c, i->address, err);
    if (r == PARLEY_OK && (i->service.ws == NULL || i->service.timer == NULL))
        r = parley_fail(err, PARLEY_E_UNSUPPORTED,
                        "this host offers no " PARLEY_SERVICE_WS " or no " PARLEY_SERVICE_TIMER);
    if (r == PARLEY_OK)
        r = check_credential(i, err);
    if (r == PARLEY_OK)
        *ret_instance = i;
    else
        free(i);
    return r;
}

static void instance_destroy(void *instance)
{
    free(instance);
}

static void model_caps(void *instance, struct parley_model_caps *caps)
{
    const struct instance *i = instance;

    caps->flags = PARLEY_CAP_TRUNCATE | PARLEY_CAP_CANCEL | PARLEY_CAP_SERVER_VAD |
                  PARLEY_CAP_SEMANTIC_VAD | PARLEY_CAP_TOOLS | PARLEY_CAP_TRANSCRIPTION |
                  PARLEY_CAP_TEXT_OUTPUT | PARLEY_CAP_AUDIO_OUTPUT | PARLEY_CAP_AUDIO_INPUT |
                  PARLEY_CAP_OUT_OF_BAND | PARLEY_CAP_ITEM_RETRIEVE;
    if (i->config.service != SERVICE_VOICE_LIVE)
        caps->flags |= PARLEY_CAP_IMAGES | PARLEY_CAP_PASSTHROUGH;
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

#define C struct foundry_config

static const struct parley_option options[] = {
    PARLEY_ENUM(C, service, .default_value = "azure-openai",
                .values = "azure-openai|voice-live|voice-agent",
                .help = "Realtime models of Azure OpenAI, Voice Live, or a managed voice agent of "
                        "Foundry."),
    PARLEY_STRING(
        C, endpoint, .flags = PARLEY_OPTION_REQUIRED, .example = "https://contoso.openai.azure.com",
        .help = "Of the resource; for voice-agent of the project, with /api/projects/ and "
                "its name."),
    PARLEY_STRING(C, deployment, .example = "my-gpt-realtime",
                  .help = "azure-openai: the name of the deployment, which need not be the "
                          "model's."),
    PARLEY_STRING(C, model, .example = "gpt-realtime",
                  .help = "voice-live: the model that answers."),
    PARLEY_STRING(C, agent_name,
                  .help = "voice-live: an agent of Foundry in place of a model; voice-agent: its "
                          "name."),
    PARLEY_STRING(C, agent_project_name, .help = "voice-live: the project of the agent."),
    PARLEY_STRING(C, agent_version, .help = "A version of the agent; empty takes the latest."),
    PARLEY_STRING(C, api_version, .default_value = "2026-04-10",
                  .help = "voice-live: the version of the service's API."),
    PARLEY_SECRET(C, api_key, .example = "${AZURE_OPENAI_API_KEY}", .help = "Key of the resource."),
    PARLEY_STRING(C, credential, .example = "managed-identity",
                  .help = "A [credential NAME] section, in place of api_key."),
    PARLEY_STRING(C, scope, .example = FOUNDRY_SCOPE,
                  .help = "Scope of the credential's token; empty takes " OPENAI_SCOPE
                          " for azure-openai, " FOUNDRY_SCOPE " for the others."),
    PARLEY_BOOL(C, trace_context, .default_value = "no",
                .help = "Send traceparent and tracestate with the handshake."),
    PARLEY_PATH(C, ca_file,
                .help = "PEM file of certificates that are trusted besides the system's."),
    PARLEY_ENUM(C, voice_type, .default_value = "by-name",
                .values = "by-name|openai|azure-standard|azure-custom|azure-personal",
                .help =
                    "voice-live: what the agent's voice is; by-name takes names that begin with "
                    "a language, such as en-US-AvaNeural, for Azure's."),
    PARLEY_STRING(C, voice_endpoint_id, .help = "voice-live: endpoint of a custom voice."),
    PARLEY_STRING(C, voice_model, .example = "DragonLatestNeural",
                  .help = "voice-live: model of a personal voice."),
    PARLEY_STRING(C, voice_style, .example = "cheerful",
                  .help = "voice-live: style of Azure's voice."),
    PARLEY_STRING(C, voice_rate, .example = "1.1", .help = "voice-live: speed of Azure's voice."),
    PARLEY_ENUM(C, turn_detection, .default_value = "as-agent",
                .values = "as-agent|azure_semantic_vad|azure_semantic_vad_en|"
                          "azure_semantic_vad_multilingual",
                .help = "voice-live: who finds the end of the user's turn, in place of the agent's "
                        "kind; thresholds and times stay the agent's."),
    PARLEY_BOOL(C, remove_filler_words, .default_value = "no",
                .help = "voice-live: Azure's turn detection passes over \"um\" and the like."),
    PARLEY_STRING(C, end_of_utterance, .example = "semantic_detection_v1_multilingual",
                  .help = "voice-live: model that tells a pause from an end."),
    PARLEY_BOOL(C, noise_suppression, .default_value = "no",
                .help = "voice-live: azure_deep_noise_suppression."),
    PARLEY_BOOL(C, echo_cancellation, .default_value = "no",
                .help = "voice-live: server_echo_cancellation, for clients that have none."),
    PARLEY_STRING(C, transcription_model, .example = "azure-speech",
                  .help = "voice-live: who writes down what the user says, in place of the "
                          "agent's."),
    PARLEY_LINES(C, interim_texts, .example = "One moment.",
                 .help = "voice-live: said while an answer or a tool takes long, one of them at "
                         "random; one a line."),
    PARLEY_DURATION_MS(C, interim_after_ms, .default_value = "2s", .min = 100, .max = 60000,
                       .help = "voice-live: how long is long."),
    PARLEY_DURATION_MS(C, connect_timeout_ms, .default_value = "15s", .min = 100, .max = 120000,
                       .help = "Longest wait for a token, the connection and its session.created."),
    PARLEY_DURATION_MS(C, ping_interval_ms, .default_value = "20s", .min = 1000, .max = 600000,
                       .help = "How often an idle connection is checked by a ping."),
    PARLEY_SIZE(C, max_event_bytes, .default_value = "16m", .min = 65536, .max = 268435456,
                .help = "Largest event in either direction."),
    PARLEY_DURATION_MS(C, session_limit_ms, .default_value = "0", .min = 0, .max = 86400000,
                       .help = "Longest session that the service allows; 0 takes 30 minutes for "
                               "azure-openai, an hour for the others."),
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
    .name = "model_foundry",
    .version = "0.1.0",
    .summary = "Azure OpenAI's realtime models, Azure Voice Live, and Foundry's voice agents.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct foundry_config),
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
