/* SPDX-License-Identifier: Apache-2.0 */
/* Turns, answers and tool calls as traces of Confident AI, over its OTLP endpoint. */
#include "trace_span.h"

#include <parley/exporter.h>
#include <parley/plugin.h>

#include <stdlib.h>
#include <string.h>

#include "parts/otlp/sender.h"

#define PATH "/v1/traces"

struct config {
    const char *api_key;
    const char *base_url;
    int32_t content;
    struct parley_list tags;
    const char *environment;
    const char *metric_collection;
    int64_t timeout_ms;
    int64_t max_queue_bytes;
    const char *ca_file;
};

struct confident {
    const struct parley_host *host;
    const struct config *config;
    const void *handle;
    struct trace_span_config span;
    struct headers headers;
    char *url;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* constant, and handed back as such below */
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    struct confident *self = instance;

    headers_done(&self->headers);
    free(self->url);
    free(self);
}

static int check(const struct config *c, struct parley_error *err)
{
    int r = sender_check_base("base_url", c->base_url, err);

    for (const char *at = c->api_key; r == PARLEY_OK && *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            r = parley_fail(err, PARLEY_E_INVALID,
                            "api_key: it holds a space, a line end or another character that no "
                            "key has; check how it was copied");
    }
    return r;
}

static int prepare(struct confident *self, struct parley_error *err)
{
    const struct config *c = self->config;
    int r = check(c, err);

    if (r < 0)
        return r;
    self->url = sender_url(c->base_url, PATH);
    self->span = (struct trace_span_config){
        .tags = &c->tags,
        .environment = c->environment,
        .metric_collection = c->metric_collection,
    };
    return self->url != NULL && sender_add_headers(&self->headers, self->host, true) &&
                   headers_add(&self->headers, "x-confident-api-key", c->api_key)
               ? PARLEY_OK
               : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct confident *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    self->host = plugin;
    self->config = info->config;
    self->handle = info->handle;
    int r = prepare(self, err);
    if (r < 0) {
        instance_destroy(self);
        return r;
    }
    *ret_instance = self;
    return PARLEY_OK;
}

/* ---- deliveries ---- */

static struct parley_span *dress(void *ctx, const struct parley_batch *batch, struct arena *arena,
                                 uint32_t *ret_count)
{
    const struct confident *self = ctx;
    struct parley_span *spans = arena_alloc(arena, batch->span_count * sizeof(*spans));

    *ret_count = 0;
    for (uint32_t i = 0; spans != NULL && i < batch->span_count; i++) {
        const struct parley_span *span = span_at(batch, i);
        if (trace_span_is_wanted(span) &&
            trace_span_dress(&self->span, span, arena, &spans[*ret_count]))
            ++*ret_count;
    }
    return spans;
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct confident *self = instance;
    struct sender *sender = NULL;
    const struct sender_config config = {
        .host = self->host,
        .handle = self->handle,
        .traces_url = self->url,
        .headers = &self->headers,
        .is_gzip = true,
        .with_content = self->config->content != 0,
        .timeout_ms = self->config->timeout_ms,
        .max_queue_bytes = self->config->max_queue_bytes,
        .ca_file = self->config->ca_file,
        .dress = dress,
        .ctx = self,
    };

    int r = sender_create(&config, worker, &sender, err);
    *ret_worker_instance = sender;
    return r;
}

/* ---- tables ---- */

#define C struct config
static const struct parley_option options[] = {
    PARLEY_SECRET(C, api_key, .flags = PARLEY_OPTION_REQUIRED,
                  .example = "file:/run/secrets/confident", .variable = "CONFIDENT_API_KEY",
                  .help = "Key of the project."),
    PARLEY_STRING(C, base_url, .default_value = "https://otel.confident-ai.com",
                  .example = "https://eu.otel.confident-ai.com", .variable = "CONFIDENT_OTEL_URL",
                  .variable_unless = "api_key",
                  .help = "Where Confident AI takes traces; keys of the EU begin with "
                          "confident_eu_ and want its address."),
    PARLEY_BOOL(C, content, .default_value = "no",
                .help = "Send what was said and what tools returned, where telemetry captures it."),
    PARLEY_LIST(C, tags, .example = "phone, pilot", .help = "Tags of every trace."),
    PARLEY_STRING(C, environment, .example = "staging",
                  .help = "Environment of the traces; production when left out."),
    PARLEY_STRING(C, metric_collection,
                  .help = "Collection of metrics by which Confident AI judges each trace."),
    PARLEY_DURATION_MS(C, timeout_ms, .default_value = "10s", .min = 100, .max = 40000,
                       .help = "Longest delivery of one batch with all its tries."),
    PARLEY_SIZE(C, max_queue_bytes, .default_value = "8m", .min = 65536, .max = 1073741824,
                .help = "Most bytes that wait for Confident AI; beyond it batches are dropped and "
                        "counted."),
    PARLEY_PATH(C, ca_file,
                .help = "PEM file of authorities that are trusted besides the "
                        "system's."),
};

static const struct parley_role roles[] = {{PARLEY_ROLE_EXPORTER, &sender_vtable}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .needs_minor = 1, /* spans are copied with what 1.1 added to them */
    .name = "exporter_confident",
    .version = PARLEY_VERSION,
    .summary = "Sends turns, answers and tool calls to Confident AI.",
    .licence = "Apache-2.0",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .option_size = sizeof(options[0]),
    .config_size = sizeof(struct config),
    .roles = roles,
    .role_count = 1,
    .role_size = sizeof(roles[0]),
    .load = load,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .worker_start = worker_start,
    .worker_stop = sender_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &plugin;
}
