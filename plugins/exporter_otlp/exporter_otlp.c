/* SPDX-License-Identifier: Apache-2.0 */
/* Delivers spans, metrics and log records to any OpenTelemetry collector: OTLP over HTTP, in
 * protobuf. */
#include "parts/otlp/sender.h"

#include <parley/exporter.h>
#include <parley/plugin.h>

#include <stdlib.h>
#include <string.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP };
enum temporality { TEMPORALITY_CUMULATIVE, TEMPORALITY_DELTA };
enum histograms { HISTOGRAMS_EXPLICIT, HISTOGRAMS_EXPONENTIAL };

struct config {
    const char *endpoint;
    const char *traces_endpoint;
    const char *metrics_endpoint;
    const char *logs_endpoint;
    const char *headers;
    int32_t traces;
    int32_t metrics;
    int32_t logs;
    int32_t content;
    int32_t temporality; /* enum temporality */
    int32_t histograms;  /* enum histograms */
    int32_t compression; /* enum compression */
    int64_t timeout_ms;
    int64_t max_queue_bytes;
    const char *ca_file;
};

struct otlp {
    const struct parley_host *host;
    const struct config *config;
    const void *handle;
    struct headers headers;
    char *traces_url;
    char *metrics_url;
    char *logs_url;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* constant, and handed back as such below */
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    struct otlp *o = instance;

    headers_done(&o->headers);
    free(o->traces_url);
    free(o->metrics_url);
    free(o->logs_url);
    free(o);
}

/* A signal's own address as it is, else the common one with its path. */
static int set_url(char **ret, const struct config *c, const char *option, const char *own,
                   const char *path, struct parley_error *err)
{
    int r = own[0] == '\0' ? PARLEY_OK : sender_check_url(option, own, err);

    if (r < 0)
        return r;
    *ret = own[0] == '\0' ? sender_url(c->endpoint, path) : strdup(own);
    return *ret != NULL ? PARLEY_OK : parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
}

static int set_urls(struct otlp *o, struct parley_error *err)
{
    const struct config *c = o->config;
    int r = set_url(&o->traces_url, c, "traces_endpoint", c->traces_endpoint, "/v1/traces", err);

    if (r == PARLEY_OK)
        r = set_url(&o->metrics_url, c, "metrics_endpoint", c->metrics_endpoint, "/v1/metrics",
                    err);
    if (r == PARLEY_OK)
        r = set_url(&o->logs_url, c, "logs_endpoint", c->logs_endpoint, "/v1/logs", err);
    return r;
}

static int prepare(struct otlp *o, struct parley_error *err)
{
    const struct config *c = o->config;
    int r = sender_check_url("endpoint", c->endpoint, err);

    if (r == PARLEY_OK)
        r = headers_add_text(&o->headers, c->headers, err);
    if (r == PARLEY_OK)
        r = set_urls(o, err);
    if (r == PARLEY_OK &&
        !sender_add_headers(&o->headers, o->host, c->compression == COMPRESSION_GZIP))
        r = parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    return r;
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct otlp *o = calloc(1, sizeof(*o));

    if (o == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    o->host = plugin;
    o->config = info->config;
    o->handle = info->handle;
    int r = prepare(o, err);
    if (r < 0) {
        instance_destroy(o);
        return r;
    }
    *ret_instance = o;
    return PARLEY_OK;
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    const struct otlp *o = instance;
    const struct config *c = o->config;
    struct sender *sender = NULL;
    const struct sender_config config = {
        .host = o->host,
        .handle = o->handle,
        .traces_url = c->traces ? o->traces_url : NULL,
        .metrics_url = c->metrics ? o->metrics_url : NULL,
        .logs_url = c->logs ? o->logs_url : NULL,
        .headers = &o->headers,
        .is_gzip = c->compression == COMPRESSION_GZIP,
        .with_content = c->content != 0,
        .with_delta = c->temporality == TEMPORALITY_DELTA,
        .with_exponential = c->histograms == HISTOGRAMS_EXPONENTIAL,
        .timeout_ms = c->timeout_ms,
        .max_queue_bytes = c->max_queue_bytes,
        .ca_file = c->ca_file,
    };

    int r = sender_create(&config, worker, &sender, err);
    *ret_worker_instance = sender;
    return r;
}

#define C struct config
static const struct parley_option options[] = {
    PARLEY_STRING(C, endpoint, .default_value = "http://localhost:4318",
                  .example = "https://otel.example.org",
                  .help = "The collector; /v1/traces, /v1/metrics and /v1/logs are appended."),
    PARLEY_STRING(C, traces_endpoint, .example = "https://otel.example.org/tenant/v1/traces",
                  .help = "Where spans go instead; the whole address."),
    PARLEY_STRING(C, metrics_endpoint, .help = "Where metrics go instead."),
    PARLEY_STRING(C, logs_endpoint, .help = "Where log records go instead."),
    PARLEY_SECRET(C, headers, .example = "${OTEL_EXPORTER_OTLP_HEADERS:-}",
                  .help = "Further headers, name=value between commas, values percent-encoded."),
    PARLEY_BOOL(C, traces, .default_value = "yes", .help = "Send spans of turns and tools."),
    PARLEY_BOOL(C, metrics, .default_value = "yes", .help = "Send metrics."),
    PARLEY_BOOL(C, logs, .default_value = "yes", .help = "Send log records."),
    PARLEY_BOOL(C, content, .default_value = "no",
                .help = "Send what was said and what tools returned, where telemetry captures it."),
    PARLEY_ENUM(C, temporality, .values = "cumulative|delta", .default_value = "cumulative",
                .help = "Counters and histograms since the start, or since the last report."),
    PARLEY_ENUM(C, histograms, .values = "explicit|exponential", .default_value = "explicit",
                .help =
                    "Histograms with the bounds of the reference, or with exponential buckets."),
    PARLEY_ENUM(C, compression, .values = "none|gzip", .default_value = "none",
                .help = "Compression of requests."),
    PARLEY_DURATION_MS(C, timeout_ms, .default_value = "10s", .min = 100, .max = 40000,
                       .help = "Longest delivery of one batch with all its tries."),
    PARLEY_SIZE(C, max_queue_bytes, .default_value = "8m", .min = 65536, .max = 1073741824,
                .help = "Most bytes that wait for the collector; beyond it batches are dropped and "
                        "counted."),
    PARLEY_PATH(C, ca_file, .example = "/etc/ssl/collector.pem",
                .help = "PEM file of authorities that are trusted besides the system's."),
};

static const struct parley_role roles[] = {{PARLEY_ROLE_EXPORTER, &sender_vtable}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "exporter_otlp",
    .version = "1.0.0",
    .summary = "Sends traces, metrics and logs to an OpenTelemetry collector (OTLP over HTTP).",
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
