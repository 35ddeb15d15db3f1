/* SPDX-License-Identifier: Apache-2.0 */
/* Delivers turns, tools and metrics to any OpenTelemetry collector: OTLP over HTTP, in protobuf. */
#include "encode.h"
#include "gzip.h"
#include "headers.h"
#include "lane.h"

#include <parley/exporter.h>
#include <parley/plugin.h>

#include <stdlib.h>
#include <string.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP };

struct config {
    const char *endpoint;
    const char *headers;
    int32_t traces;
    int32_t metrics;
    int32_t content;
    int32_t compression; /* enum compression */
    int64_t timeout_ms;
    int64_t max_queue_bytes;
    const char *ca_file;
};

struct otlp {
    const struct parley_host *host;
    const struct config *config;
    const void *handle;
    const struct parley_exporter_host *exporter;
    struct headers headers;
    char *traces_url;
    char *metrics_url;
    struct lane *traces;
    struct lane *metrics;
    bool is_stopped; /* the host has ended every delivery */
};

/* One batch, which may be several requests; told when the last one is done. */
struct delivery {
    struct otlp *otlp;
    parley_op op;
    unsigned waiting;
    int status; /* the first failure */
    uint64_t lost;
    struct parley_error err;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* constant, and handed back as such below */
    return PARLEY_OK;
}

/* "http://host:4318/" and "/v1/traces" without a doubled slash; NULL without memory. */
static char *join(const char *endpoint, const char *path)
{
    size_t len = strlen(endpoint);

    while (len > 0 && endpoint[len - 1] == '/')
        len--;
    char *url = malloc(len + strlen(path) + 1);
    if (url != NULL) {
        memcpy(url, endpoint, len);
        memcpy(url + len, path, strlen(path) + 1);
    }
    return url;
}

static bool add_own_headers(struct otlp *o)
{
    char agent[64];

    (void)snprintf(agent, sizeof(agent), "parley/%s", o->host->version);
    if (o->config->compression == COMPRESSION_GZIP &&
        !headers_add(&o->headers, "Content-Encoding", "gzip"))
        return false;
    return headers_add(&o->headers, "Content-Type", "application/x-protobuf") &&
           headers_add(&o->headers, "User-Agent", agent);
}

static void instance_destroy(void *instance)
{
    struct otlp *o = instance;

    headers_done(&o->headers);
    free(o->traces_url);
    free(o->metrics_url);
    free(o);
}

static int prepare(struct otlp *o, struct parley_error *err)
{
    const char *endpoint = o->config->endpoint;

    if (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0)
        return parley_fail(err, PARLEY_E_INVALID,
                           "endpoint: \"%s\" is no http:// or https:// address", endpoint);
    if (strchr(endpoint, '@') != NULL) /* an address is logged and shown */
        return parley_fail(err, PARLEY_E_INVALID,
                           "endpoint: it holds a user or a password; send them by headers = "
                           "Authorization=Basic%%20...");
    int r = headers_add_text(&o->headers, o->config->headers, err);
    if (r < 0)
        return r;
    o->traces_url = join(endpoint, "/v1/traces");
    o->metrics_url = join(endpoint, "/v1/metrics");
    if (o->traces_url == NULL || o->metrics_url == NULL || !add_own_headers(o))
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    return PARLEY_OK;
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

static struct lane *lane_to(struct otlp *o, struct parley_worker *worker, const char *url)
{
    const struct lane_config config = {
        .host = o->host,
        .http = o->host->service(PARLEY_SERVICE_HTTP),
        .timer = o->host->service(PARLEY_SERVICE_TIMER),
        .worker = worker,
        .handle = o->handle,
        .url = url,
        .headers = (const char *const *)o->headers.items,
        .header_count = o->headers.count,
        .ca_file = o->config->ca_file,
        .timeout_ms = o->config->timeout_ms,
        .max_queue_bytes = o->config->max_queue_bytes,
    };

    return config.http == NULL || config.timer == NULL ? NULL : lane_create(&config);
}

static void worker_stop(void *worker_instance)
{
    struct otlp *o = worker_instance;

    o->is_stopped = true;
    lane_close(o->traces);
    lane_close(o->metrics);
    o->traces = o->metrics = NULL;
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    struct otlp *o = instance;

    o->is_stopped = false;
    o->traces = lane_to(o, worker, o->traces_url);
    o->metrics = lane_to(o, worker, o->metrics_url);
    if (o->traces == NULL || o->metrics == NULL) {
        worker_stop(o);
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "this host has no HTTP client or no timers");
    }
    *ret_worker_instance = o;
    return PARLEY_OK;
}

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_exporter_host *host)
{
    struct otlp *o = worker_instance;

    (void)worker;
    o->exporter = host;
}

static void on_done(void *ctx, int status, uint64_t lost, const struct parley_error *err)
{
    struct delivery *d = ctx;

    d->lost += lost;
    if (status < 0 && d->status == PARLEY_OK) {
        d->status = status;
        if (err != NULL)
            d->err = *err;
    }
    if (--d->waiting > 0)
        return;
    if (!d->otlp->is_stopped)
        d->otlp->exporter->end(d->op, d->status, d->lost, d->status < 0 ? &d->err : NULL);
    free(d);
}

typedef bool (*encode_fn)(const struct encode_config *config, const struct parley_batch *batch,
                          struct body *ret);

static void send(struct otlp *o, struct delivery *d, const struct parley_batch *batch,
                 encode_fn encode, struct lane *lane, uint64_t records)
{
    const struct encode_config config = {.scope_version = o->host->version,
                                         .with_content = o->config->content != 0};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct body body = {0};
    int r;

    d->waiting++;
    if (!encode(&config, batch, &body)) {
        r = parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory to encode %llu records",
                        (unsigned long long)records);
    } else if (o->config->compression == COMPRESSION_GZIP && !gzip_body(&body)) {
        free(body.bytes);
        r = parley_fail(&err, PARLEY_E_NO_MEMORY, "no memory to compress %llu records",
                        (unsigned long long)records);
    } else {
        r = lane_send(lane, body, records, on_done, d, &err);
    }
    if (r < 0)
        on_done(d, r, records, &err);
}

static int deliver(void *worker_instance, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err)
{
    struct otlp *o = worker_instance;
    struct delivery *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    *d = (struct delivery){.otlp = o, .op = op, .waiting = 1};
    d->err = (struct parley_error)PARLEY_ERROR_INIT;
    if (batch->span_count > 0 && o->config->traces)
        send(o, d, batch, encode_traces, o->traces, batch->span_count);
    if (batch->metric_count > 0 && o->config->metrics)
        send(o, d, batch, encode_metrics, o->metrics, batch->metric_count);
    on_done(d, PARLEY_OK, 0, NULL); /* this function's own share of `waiting` */
    return PARLEY_OK;
}

static void flush(void *worker_instance)
{
    struct otlp *o = worker_instance;

    lane_hurry(o->traces);
    lane_hurry(o->metrics);
}

#define C struct config
static const struct parley_option options[] = {
    PARLEY_STRING(C, endpoint, .default_value = "http://localhost:4318",
                  .example = "https://otel.example.org",
                  .help = "The collector; /v1/traces and /v1/metrics are appended."),
    PARLEY_SECRET(C, headers, .example = "${OTEL_EXPORTER_OTLP_HEADERS:-}",
                  .help = "Further headers, name=value between commas, values percent-encoded."),
    PARLEY_BOOL(C, traces, .default_value = "yes", .help = "Send spans of turns and tools."),
    PARLEY_BOOL(C, metrics, .default_value = "yes", .help = "Send metrics."),
    PARLEY_BOOL(C, content, .default_value = "no",
                .help = "Send what was said and what tools returned, where telemetry captures it."),
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

static const struct parley_exporter_vtable exporter_vtable = {
    .size = sizeof(exporter_vtable),
    .attach = attach,
    .deliver = deliver,
    .flush = flush,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_EXPORTER, &exporter_vtable}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "exporter_otlp",
    .version = "1.0.0",
    .summary = "Sends traces and metrics to an OpenTelemetry collector (OTLP over HTTP).",
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
    .worker_stop = worker_stop,
};

const struct parley_plugin *parley_plugin_v1(void)
{
    return &plugin;
}
