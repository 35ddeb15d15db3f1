/* SPDX-License-Identifier: Apache-2.0 */
/* Spans, metrics and log records to Azure Monitor: to Application Insights, or by OTLP. */
#include "config.h"
#include "connection.h"
#include "native.h"
#include "track.h"

#include <parley/exporter.h>
#include <parley/plugin.h>

#include <stdlib.h>
#include <string.h>

struct azure {
    const struct parley_host *host;
    const struct config *config;
    const void *handle;
    const char *name;
    struct connection connection;
    struct shelf shelf;     /* without a folder: none */
    struct headers headers; /* of requests by OTLP */
};

/* On the worker: one of the two. */
struct exporter {
    struct track *track;
    struct sender *native;
};

static int load(const struct parley_host *host, void **ret_plugin, struct parley_error *err)
{
    (void)err;
    *ret_plugin = (void *)(uintptr_t)host; /* constant, and handed back as such below */
    return PARLEY_OK;
}

static void instance_destroy(void *instance)
{
    struct azure *a = instance;

    connection_done(&a->connection);
    shelf_close(&a->shelf);
    headers_done(&a->headers);
    free(a);
}

/* ---- what is configured ---- */

static int check_credential(const struct azure *a, struct parley_error *err)
{
    const struct parley_service_credentials *credentials =
        a->host->service(PARLEY_SERVICE_CREDENTIALS);

    if (a->config->credential[0] == '\0')
        return PARLEY_OK;
    if (credentials == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "credential: this host has no service %s",
                           PARLEY_SERVICE_CREDENTIALS);
    return credentials->check(a->handle, a->config->credential, err);
}

/* A folder that cannot be written is no reason not to run. */
static void open_shelf(struct azure *a)
{
    const struct config *c = a->config;
    struct parley_error err = PARLEY_ERROR_INIT;

    if (c->storage_dir[0] == '\0')
        return;
    a->shelf.max_bytes = c->storage_bytes;
    a->shelf.max_age_ms = c->storage_age_ms;
    if (shelf_open(&a->shelf, c->storage_dir, a->connection.key, &err) < 0)
        a->host->log(a->handle, PARLEY_LOG_WARN,
                     "undelivered telemetry is kept in memory only: %s; make it a folder that "
                     "parley may write",
                     err.message);
}

static int prepare_native(struct azure *a, struct parley_error *err)
{
    int r = native_check(a->config, err);

    if (r == PARLEY_OK)
        r = check_credential(a, err);
    if (r == PARLEY_OK && !native_headers(&a->headers, a->host))
        r = parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    return r;
}

static int prepare_track(struct azure *a, struct parley_error *err)
{
    const struct config *c = a->config;

    if (c->connection_string[0] == '\0')
        return parley_fail(err, PARLEY_E_INVALID,
                           "connection_string: is missing; copy it from the page Overview of the "
                           "Application Insights resource");
    int r = connection_parse(c->connection_string, &a->connection, err);
    if (r == PARLEY_OK)
        r = check_credential(a, err);
    if (r == PARLEY_OK)
        open_shelf(a);
    return r;
}

static int instance_create(void *plugin, const struct parley_instance_info *info,
                           void **ret_instance, struct parley_error *err)
{
    struct azure *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    a->host = plugin;
    a->config = info->config;
    a->handle = info->handle;
    a->name = info->name;
    bool is_native = a->config->protocol == PROTOCOL_OTLP;
    int r = is_native ? prepare_native(a, err) : prepare_track(a, err);
    if (r < 0) {
        instance_destroy(a);
        return r;
    }
    *ret_instance = a;
    return PARLEY_OK;
}

/* ---- on the worker ---- */

static struct outbox_config outbox_of(const struct azure *a, struct parley_worker *worker)
{
    const struct config *c = a->config;
    const struct post_config post = {
        .host = a->host,
        .http = a->host->service(PARLEY_SERVICE_HTTP),
        .credentials = a->host->service(PARLEY_SERVICE_CREDENTIALS),
        .worker = worker,
        .handle = a->handle,
        .endpoint = a->connection.endpoint,
        .credential = c->credential,
        .scope = a->connection.scope,
        .ca_file = c->ca_file,
        .timeout_ms = c->timeout_ms,
    };

    return (struct outbox_config){
        .post = post,
        .name = a->name,
        .timer = a->host->service(PARLEY_SERVICE_TIMER),
        .offload = a->host->service(PARLEY_SERVICE_OFFLOAD),
        .metrics = a->host->service(PARLEY_SERVICE_METRICS),
        .shelf = a->shelf.folder != NULL ? &a->shelf : NULL,
        .retry_ms = c->retry_ms,
        .max_queue_bytes = c->max_queue_bytes,
    };
}

static int start_track(const struct azure *a, struct parley_worker *worker, struct track **ret,
                       struct parley_error *err)
{
    const struct config *c = a->config;
    const struct track_config config = {
        .outbox = outbox_of(a, worker),
        .envelope = {.key = a->connection.key,
                     .version = a->host->version,
                     .with_content = c->content != 0,
                     .with_span_events = c->span_events != 0,
                     .turns_are_requests = c->turns == TURNS_REQUEST},
        .with_traces = c->traces != 0,
        .with_metrics = c->metrics != 0,
        .with_logs = c->logs != 0,
    };

    if (config.outbox.post.http == NULL || config.outbox.timer == NULL)
        return parley_fail(err, PARLEY_E_UNSUPPORTED, "this host has no HTTP client or no timers");
    return track_create(&config, ret, err);
}

static int worker_start(void *instance, struct parley_worker *worker, void **ret_worker_instance,
                        struct parley_error *err)
{
    const struct azure *a = instance;
    const struct sender_config native =
        native_sender(a->config, a->host, a->handle, a->name, &a->headers);
    struct exporter *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory");
    int r = a->config->protocol == PROTOCOL_OTLP ? sender_create(&native, worker, &e->native, err)
                                                 : start_track(a, worker, &e->track, err);
    if (r < 0)
        free(e);
    else
        *ret_worker_instance = e;
    return r;
}

static void worker_stop(void *worker_instance)
{
    struct exporter *e = worker_instance;

    track_destroy(e->track);
    if (e->native != NULL)
        sender_stop(e->native);
    free(e);
}

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_exporter_host *host)
{
    struct exporter *e = worker_instance;

    if (e->track != NULL)
        track_attach(e->track, host);
    else
        sender_vtable.attach(e->native, worker, host);
}

static int deliver(void *worker_instance, const struct parley_batch *batch, parley_op op,
                   struct parley_error *err)
{
    struct exporter *e = worker_instance;

    return e->track != NULL ? track_deliver(e->track, batch, op, err)
                            : sender_vtable.deliver(e->native, batch, op, err);
}

static void flush(void *worker_instance)
{
    struct exporter *e = worker_instance;

    if (e->track != NULL)
        track_flush(e->track);
    else
        sender_vtable.flush(e->native);
}

/* ---- tables ---- */

#define C struct config
static const struct parley_option options[] = {
    PARLEY_ENUM(C, protocol, .values = "track|otlp", .default_value = "track",
                .help = "To Application Insights by its own protocol, or to the OTLP endpoints "
                        "of a data collection rule (preview at Azure)."),
    PARLEY_SECRET(C, connection_string, .variable = "APPLICATIONINSIGHTS_CONNECTION_STRING",
                  .example = "${APPLICATIONINSIGHTS_CONNECTION_STRING}",
                  .help =
                      "Of the Application Insights resource, from its page Overview; for track."),
    PARLEY_STRING(C, credential, .example = "managed-identity",
                  .help = "Name of a [credential NAME] section, or a built-in one, that gives "
                          "Entra tokens; its role on the resource is Monitoring Metrics "
                          "Publisher. Empty: the connection string is enough, for track."),
    PARLEY_STRING(C, traces_endpoint,
                  .help = "For otlp: where spans go; the whole address, as the portal shows it."),
    PARLEY_STRING(C, metrics_endpoint, .help = "For otlp: where metrics go."),
    PARLEY_STRING(C, logs_endpoint, .help = "For otlp: where log records go."),
    PARLEY_BOOL(C, traces, .default_value = "yes",
                .help = "Send spans of turns, answers and tools."),
    PARLEY_BOOL(C, metrics, .default_value = "yes", .help = "Send metrics."),
    PARLEY_BOOL(C, logs, .default_value = "yes", .help = "Send log records."),
    PARLEY_BOOL(C, content, .default_value = "no",
                .help = "Send what was said and what tools returned, where telemetry captures it."),
    PARLEY_BOOL(C, span_events, .default_value = "yes",
                .help = "Send the instants of spans, such as the first audio, as messages."),
    PARLEY_ENUM(C, turns, .values = "dependency|request", .default_value = "dependency",
                .help = "What a turn is: a dependency like any other span, or a request, which "
                        "the pages Overview, Performance and Failures count."),
    PARLEY_PATH(C, storage_dir, .example = "/var/lib/parley/azure-monitor",
                .help = "Folder for what could not be delivered, sent later, also after a restart; "
                        "it may hold content. Empty: memory only."),
    PARLEY_SIZE(C, storage_bytes, .default_value = "50m", .min = 65536, .max = 1099511627776,
                .help = "Most bytes in that folder."),
    PARLEY_DURATION_MS(C, storage_age_ms, .default_value = "48h", .min = 60000, .max = 172800000,
                       .help = "What lies there longer is thrown away; the service takes nothing "
                               "that is older than 48 hours."),
    PARLEY_DURATION_MS(C, retry_ms, .default_value = "60s", .min = 100, .max = 3600000,
                       .help = "Pause after a failure, unless the service says how long; what lies "
                               "in the folder is looked at within it after a start."),
    PARLEY_DURATION_MS(C, timeout_ms, .default_value = "10s", .min = 100, .max = 40000,
                       .help = "Longest wait for an answer."),
    PARLEY_SIZE(C, max_queue_bytes, .default_value = "32m", .min = 65536, .max = 1073741824,
                .help = "Most bytes that wait in memory; beyond it batches are dropped and "
                        "counted."),
    PARLEY_PATH(C, ca_file,
                .help = "PEM file of authorities that are trusted besides the system's."),
};

static const struct parley_exporter_vtable exporter = {
    .size = sizeof(exporter),
    .attach = attach,
    .deliver = deliver,
    .flush = flush,
};

static const struct parley_role roles[] = {{PARLEY_ROLE_EXPORTER, &exporter}};

static const struct parley_plugin plugin = {
    .size = sizeof(plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "exporter_azure_monitor",
    .version = PARLEY_VERSION,
    .summary = "Sends turns, metrics and logs to Azure Monitor (Application Insights).",
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
