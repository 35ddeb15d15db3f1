/* SPDX-License-Identifier: Apache-2.0 */
/* Delivers spans, metrics and log records to any OpenTelemetry collector: OTLP over HTTP, in
 * protobuf. */
#include "signal.h"

#include <parley/exporter.h>
#include <parley/plugin.h>

#include <stdlib.h>

enum temporality { TEMPORALITY_CUMULATIVE, TEMPORALITY_DELTA };
enum histograms { HISTOGRAMS_EXPLICIT, HISTOGRAMS_EXPONENTIAL };

/* What each signal may have of its own. */
#define SIGNAL_FIELDS(signal)                                                                      \
    const char *signal##_endpoint;                                                                 \
    const char *signal##_headers;                                                                  \
    int32_t signal##_compression;                                                                  \
    int64_t signal##_timeout_ms;                                                                   \
    const char *signal##_protocol;                                                                 \
    const char *signal##_ca_file;                                                                  \
    const char *signal##_client_cert_file;                                                         \
    const char *signal##_client_key_file

struct config {
    const char *endpoint;
    const char *headers;
    int32_t traces;
    int32_t metrics;
    int32_t logs;
    int32_t content;
    int32_t temporality; /* enum temporality */
    int32_t histograms;  /* enum histograms */
    int32_t compression; /* enum signal_compression, without its first */
    int64_t timeout_ms;
    const char *protocol;
    const char *ca_file;
    const char *client_cert_file;
    const char *client_key_file;
    int64_t max_queue_bytes;
    SIGNAL_FIELDS(traces);
    SIGNAL_FIELDS(metrics);
    SIGNAL_FIELDS(logs);
};

struct otlp {
    const struct parley_host *host;
    const struct config *config;
    const void *handle;
    const char *name;
    struct signal traces;
    struct signal metrics;
    struct signal logs;
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

    signal_done(&o->traces);
    signal_done(&o->metrics);
    signal_done(&o->logs);
    free(o);
}

#define SIGNAL_OPTIONS_OF(c, signal)                                                               \
    {                                                                                              \
        .name = #signal, .path = "/v1/" #signal, .endpoint = (c)->signal##_endpoint,               \
        .headers = (c)->signal##_headers, .compression = (c)->signal##_compression,                \
        .timeout_ms = (c)->signal##_timeout_ms, .protocol = (c)->signal##_protocol,                \
        .ca_file = (c)->signal##_ca_file, .client_cert_file = (c)->signal##_client_cert_file,      \
        .client_key_file = (c)->signal##_client_key_file                                           \
    }

static int prepare_signals(struct otlp *o, struct parley_error *err)
{
    const struct config *c = o->config;
    const struct signal_options common = {.endpoint = c->endpoint,
                                          .headers = c->headers,
                                          .compression = c->compression + COMPRESSION_NONE};
    const struct signal_options traces = SIGNAL_OPTIONS_OF(c, traces);
    const struct signal_options metrics = SIGNAL_OPTIONS_OF(c, metrics);
    const struct signal_options logs = SIGNAL_OPTIONS_OF(c, logs);

    int r = c->traces ? signal_init(&o->traces, &traces, &common, o->host, err) : PARLEY_OK;
    if (r == PARLEY_OK && c->metrics)
        r = signal_init(&o->metrics, &metrics, &common, o->host, err);
    if (r == PARLEY_OK && c->logs)
        r = signal_init(&o->logs, &logs, &common, o->host, err);
    return r;
}

static int prepare(struct otlp *o, struct parley_error *err)
{
    const struct config *c = o->config;
    int r = sender_check_base("endpoint", c->endpoint, err);

    if (r == PARLEY_OK)
        r = signal_check_protocol("protocol", c->protocol, err);
    return r < 0 ? r : prepare_signals(o, err);
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
    o->name = info->name;
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
        .name = o->name,
        .traces_url = o->traces.url,
        .metrics_url = o->metrics.url,
        .logs_url = o->logs.url,
        .traces = o->traces.own,
        .metrics = o->metrics.own,
        .logs = o->logs.own,
        .with_content = c->content != 0,
        .with_delta = c->temporality == TEMPORALITY_DELTA,
        .with_exponential = c->histograms == HISTOGRAMS_EXPONENTIAL,
        .timeout_ms = c->timeout_ms,
        .max_queue_bytes = c->max_queue_bytes,
        .ca_file = c->ca_file,
        .client_cert_file = c->client_cert_file,
        .client_key_file = c->client_key_file,
    };

    int r = sender_create(&config, worker, &sender, err);
    *ret_worker_instance = sender;
    return r;
}

#define C           struct config
#define OTLP(what)  "OTEL_EXPORTER_OTLP_" what
#define SWITCHED    "otlp=yes|none=no|console=no|prometheus=no"
#define TIMEOUT_MAX 40000 /* below the host's own patience */

/* A signal's own variable does not count where the file has the key for all. Headers of a variable
 * are secrets of the address that variables name: they do not go to one that the file names. */
#define SIGNAL_TABLE(signal, SIGNAL)                                                               \
    PARLEY_STRING(C, signal##_endpoint, .variable = OTLP(SIGNAL "_ENDPOINT"),                      \
                  .variable_unless = "endpoint",                                                   \
                  .help = "Where " #signal " go instead; the whole address."),                     \
        PARLEY_SECRET(C, signal##_headers, .variable = OTLP(SIGNAL "_HEADERS"),                    \
                      .variable_unless = "endpoint",                                               \
                      .help = "Headers for " #signal " instead of `headers`."),                    \
        PARLEY_ENUM(C, signal##_compression, .values = "common|none|gzip",                         \
                    .default_value = "common", .variable = OTLP(SIGNAL "_COMPRESSION"),            \
                    .variable_unless = "compression", .help = "Compression of " #signal "."),      \
        PARLEY_DURATION_MS(C, signal##_timeout_ms, .default_value = "0", .min = 0,                 \
                           .max = TIMEOUT_MAX, .variable = OTLP(SIGNAL "_TIMEOUT"),                \
                           .variable_unless = "timeout_ms",                                        \
                           .help = "Longest delivery of " #signal "; 0 takes timeout_ms."),        \
        PARLEY_STRING(C, signal##_protocol, .variable = OTLP(SIGNAL "_PROTOCOL"),                  \
                      .variable_unless = "endpoint",                                               \
                      .help = "For " #signal ", too, nothing but http/protobuf."),                 \
        PARLEY_PATH(C, signal##_ca_file, .variable = OTLP(SIGNAL "_CERTIFICATE"),                  \
                    .variable_unless = "ca_file", .help = "ca_file for " #signal "."),             \
        PARLEY_PATH(C, signal##_client_cert_file, .variable = OTLP(SIGNAL "_CLIENT_CERTIFICATE"),  \
                    .variable_unless = "client_cert_file",                                         \
                    .help = "client_cert_file for " #signal "."),                                  \
        PARLEY_PATH(C, signal##_client_key_file, .variable = OTLP(SIGNAL "_CLIENT_KEY"),           \
                    .variable_unless = "client_cert_file",                                         \
                    .help = "client_key_file for " #signal ".")

static const struct parley_option options[] = {
    PARLEY_STRING(C, endpoint, .default_value = "http://localhost:4318",
                  .example = "https://otel.example.org", .variable = OTLP("ENDPOINT"),
                  .help = "The collector; /v1/traces, /v1/metrics and /v1/logs are appended."),
    PARLEY_SECRET(C, headers, .example = "x-team=voice,authorization=Basic%20...",
                  .variable = OTLP("HEADERS"), .variable_unless = "endpoint",
                  .help = "Further headers, name=value between commas, values percent-encoded."),
    PARLEY_BOOL(C, traces, .default_value = "yes", .variable = "OTEL_TRACES_EXPORTER",
                .variable_words = SWITCHED, .help = "Send spans of turns and tools."),
    PARLEY_BOOL(C, metrics, .default_value = "yes", .variable = "OTEL_METRICS_EXPORTER",
                .variable_words = SWITCHED, .help = "Send metrics."),
    PARLEY_BOOL(C, logs, .default_value = "yes", .variable = "OTEL_LOGS_EXPORTER",
                .variable_words = SWITCHED, .help = "Send log records."),
    PARLEY_BOOL(C, content, .default_value = "no",
                .help = "Send what was said and what tools returned, where telemetry captures it."),
    PARLEY_ENUM(C, temporality, .values = "cumulative|delta", .default_value = "cumulative",
                .variable = OTLP("METRICS_TEMPORALITY_PREFERENCE"),
                .variable_words = "cumulative=cumulative|delta=delta|lowmemory=delta",
                .help = "Counters and histograms since the start, or since the last report."),
    PARLEY_ENUM(C, histograms, .values = "explicit|exponential", .default_value = "explicit",
                .variable = OTLP("METRICS_DEFAULT_HISTOGRAM_AGGREGATION"),
                .variable_words = "explicit_bucket_histogram=explicit|"
                                  "base2_exponential_bucket_histogram=exponential",
                .help =
                    "Histograms with the bounds of the reference, or with exponential buckets."),
    PARLEY_ENUM(C, compression, .values = "none|gzip", .default_value = "none",
                .variable = OTLP("COMPRESSION"), .help = "Compression of requests."),
    PARLEY_DURATION_MS(C, timeout_ms, .default_value = "10s", .min = 100, .max = TIMEOUT_MAX,
                       .variable = OTLP("TIMEOUT"),
                       .help = "Longest delivery of one batch with all its tries."),
    PARLEY_STRING(C, protocol, .default_value = "http/protobuf", .variable = OTLP("PROTOCOL"),
                  .variable_unless = "endpoint",
                  .help = "The only one that is spoken; grpc and http/json are refused."),
    PARLEY_PATH(C, ca_file, .example = "/etc/ssl/collector.pem", .variable = OTLP("CERTIFICATE"),
                .help = "PEM file of authorities that are trusted besides the system's."),
    PARLEY_PATH(C, client_cert_file, .variable = OTLP("CLIENT_CERTIFICATE"),
                .help = "PEM file of the certificate that parley shows to the collector."),
    PARLEY_PATH(C, client_key_file, .variable = OTLP("CLIENT_KEY"),
                .variable_unless = "client_cert_file",
                .help = "PEM file of its key; empty: in the same file."),
    PARLEY_SIZE(C, max_queue_bytes, .default_value = "8m", .min = 65536, .max = 1073741824,
                .help = "Most bytes of a signal that wait for the collector; beyond it batches are "
                        "dropped and counted."),
    SIGNAL_TABLE(traces, "TRACES"),
    SIGNAL_TABLE(metrics, "METRICS"),
    SIGNAL_TABLE(logs, "LOGS"),
};

static const struct parley_role roles[] = {{PARLEY_ROLE_EXPORTER, &sender_vtable}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "exporter_otlp",
    .version = "0.1.0",
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
