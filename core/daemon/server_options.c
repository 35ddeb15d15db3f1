/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/server_options.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <unistd.h>

#define S struct server_config

static const struct parley_option server_items[] = {
    PARLEY_LIST(S, listen, .default_value = "127.0.0.1:8080", .example = "0.0.0.0:443",
                .help = "Addresses to listen on; ones beyond this machine need an [auth] section."),
    PARLEY_PATH(S, plugin_dir,
                .help =
                    "Folder of the plugins; empty takes the build tree's or the installed one."),
    PARLEY_PATH(S, model_dir,
                .help = "Folder of the speech models; empty looks in the usual places."),
    PARLEY_STRING(S, workers, .default_value = "auto",
                  .help = "Threads that serve connections; auto is one per processor."),
    PARLEY_INT(S, offload_threads, .default_value = "2", .min = 1, .max = 64,
               .help = "Threads for short work that blocks, such as that of stores."),
    PARLEY_INT(S, tool_threads, .default_value = "8", .min = 1, .max = 256,
               .help = "Most calls at once of tools that block a thread while they run."),
    PARLEY_INT(S, speech_threads, .default_value = "0", .min = 0, .max = 64,
               .help = "Threads for speech recognition and synthesis; 0 is one per processor, at "
                       "most 4."),
    PARLEY_PATH(S, tls_cert, .example = "/etc/parley/fullchain.pem",
                .help = "Certificate chain (PEM): serves wss and https instead of ws and http."),
    PARLEY_PATH(S, tls_key, .example = "/etc/parley/privkey.pem",
                .help = "Private key (PEM) of tls_cert."),
    PARLEY_ENUM(S, log_level, .values = "error|warn|info|debug", .default_value = "info",
                .help = "What is written to the log."),
    PARLEY_STRING(S, default_agent,
                  .help = "The agent of clients that name none, or one that is not there; empty "
                          "refuses them."),
    PARLEY_LIST(S, allowed_origins, .example = "https://app.example.com",
                .help = "Web pages that may connect although no [auth] asks for a key; * for all."),
    PARLEY_BOOL(S, console, .default_value = "yes", .help = "Serve the console page at /."),
    PARLEY_INT(S, max_sessions, .default_value = "2000", .min = 1, .max = 1000000,
               .help = "Most sessions of one worker."),
    PARLEY_INT(S, max_sessions_per_key, .default_value = "0", .min = 0, .max = 1000000,
               .help = "Most sessions that one key may have open; 0 sets no limit."),
    PARLEY_SIZE(S, max_message_bytes, .default_value = "16m", .min = 65536, .max = 67108864,
                .help = "Longest event of a client."),
    PARLEY_SIZE(S, client_queue_bytes, .default_value = "4m", .min = 65536, .max = 1073741824,
                .help = "Unsent bytes to a client at which its oldest audio is dropped."),
    PARLEY_SIZE(S, client_queue_limit_bytes, .default_value = "24m", .min = 65536,
                .max = 1073741824,
                .help = "Unsent bytes to a client at which its connection is closed."),
    PARLEY_DURATION_MS(S, ping_interval_ms, .default_value = "20s", .min = 1000, .max = 3600000,
                       .help =
                           "Time between WebSocket pings; a client that answers none for as long "
                           "again is gone."),
    PARLEY_DURATION_MS(S, drain_ms, .default_value = "10s", .min = 0, .max = 3600000,
                       .help = "How long running turns may finish after SIGTERM."),
};
const struct options_table server_options = OPTIONS_TABLE(server_items, struct server_config);

static const struct parley_option admin_items[] = {
    PARLEY_STRING(struct admin_config, listen, .flags = PARLEY_OPTION_REQUIRED,
                  .example = "127.0.0.1:8081",
                  .help = "Address of the admin API; one beyond this machine needs a token."),
    PARLEY_SECRET(struct admin_config, token, .example = "file:/etc/parley/admin-token",
                  .help = "What callers must send as `Authorization: Bearer TOKEN`."),
};
const struct options_table admin_options = OPTIONS_TABLE(admin_items, struct admin_config);

#define T       struct telemetry_options
#define SAMPLER "OTEL_TRACES_SAMPLER"
#define RATIO   "$OTEL_TRACES_SAMPLER_ARG"
#define LENGTH  "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT|OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
static const struct parley_option telemetry_items[] = {
    PARLEY_BOOL(T, enabled, .default_value = "yes", .variable = "OTEL_SDK_DISABLED",
                .variable_words = "true=no|false=yes",
                .help = "no: exporters get nothing; /metrics stays."),
    PARLEY_STRING(T, service_name, .example = "reception", .variable = "OTEL_SERVICE_NAME",
                  .help = "service.name of everything; empty takes the one of resource, else "
                          "parley."),
    PARLEY_STRING(T, environment, .example = "production",
                  .help = "deployment.environment.name; empty takes the one of resource, else that "
                          "of -e."),
    PARLEY_LIST(T, resource, .example = "service.namespace=phone, team=voice%20agents",
                .variable = "OTEL_RESOURCE_ATTRIBUTES",
                .help = "Further attributes of the resource, key=value, percent-encoded where "
                        "values need it."),
    PARLEY_BOOL(T, content, .default_value = "no",
                .variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
                .variable_words = "true=yes|false=no|span_only=yes|span_and_event=yes|"
                                  "event_only=no|no_content=no",
                .help =
                    "Record what people say and what tools return, for exporters that want it."),
    PARLEY_LINES(T, redact, .example = "\\b\\d(?:[ -]?\\d){12,18}\\b",
                 .help = "Regular expressions, one a line of this key, that are blotted out of "
                         "content, messages of failures and log records before any exporter."),
    PARLEY_NUMBER(T, sample, .default_value = "1", .min = 0, .max = 1, .example = "0.1",
                  .variable = SAMPLER,
                  .variable_words = "always_on=1|always_off=0|traceidratio=" RATIO
                                    "|parentbased_always_on=1|parentbased_always_off=0|"
                                    "parentbased_traceidratio=" RATIO,
                  .help = "Share of turns whose spans are exported; metrics count all."),
    PARLEY_BOOL(T, sample_parent, .default_value = "yes", .variable = SAMPLER,
                .variable_words = "always_on=no|always_off=no|traceidratio=no|"
                                  "parentbased_always_on=yes|parentbased_always_off=yes|"
                                  "parentbased_traceidratio=yes",
                .variable_unless = "sample",
                .help = "A client that sends a traceparent has decided already: its sampled flag "
                        "counts instead of `sample`."),
    PARLEY_LIST(T, always_keep, .default_value = "errors, slow", .variable = SAMPLER,
                .variable_words = "always_on=errors, slow|always_off=|traceidratio=errors, slow|"
                                  "parentbased_always_on=errors, slow|parentbased_always_off=|"
                                  "parentbased_traceidratio=errors, slow",
                .variable_unless = "sample",
                .help = "What is exported nevertheless: errors, slow."),
    PARLEY_DURATION_MS(T, slow_ms, .default_value = "2s", .min = 1, .max = 600000,
                       .help = "A turn is slow when its answer begins later than that."),
    PARLEY_ENUM(T, trace_context, .values = "join|begin|no", .default_value = "join",
                .variable = "OTEL_PROPAGATORS",
                .variable_words = "tracecontext=join|tracecontext,baggage=join|"
                                  "baggage,tracecontext=join|baggage=no|none=no",
                .help = "join: a client's traceparent is the parent of its turns; begin: traces "
                        "begin here, whatever a client sends; no: nor are models, MCP servers and "
                        "tools told of them."),
    PARLEY_ENUM(T, logs, .values = "no|error|warn|info|debug", .default_value = "info",
                .help = "Lines of the log that are log records for exporters, too; at most those "
                        "that log_level writes."),
    PARLEY_DURATION_MS(T, batch_ms, .default_value = "1s", .min = 10, .max = 60000,
                       .variable = "OTEL_BSP_SCHEDULE_DELAY",
                       .help = "Longest wait of a span before it is exported."),
    PARLEY_DURATION_MS(T, logs_ms, .default_value = "0ms", .min = 0, .max = 60000,
                       .variable = "OTEL_BLRP_SCHEDULE_DELAY",
                       .help = "The same for a log record; 0: as batch_ms."),
    PARLEY_INT(T, batch_spans, .default_value = "512", .min = 1, .max = 8192,
               .variable = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", .help = "Most spans of one batch."),
    PARLEY_INT(T, batch_logs, .default_value = "512", .min = 1, .max = 8192,
               .variable = "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
               .help = "Most log records of one batch."),
    PARLEY_INT(T, queue_spans, .default_value = "2048", .min = 16, .max = 65536,
               .variable = "OTEL_BSP_MAX_QUEUE_SIZE",
               .help = "Most finished spans of one worker that wait for the next batch; beyond it "
                       "they are dropped and counted."),
    PARLEY_DURATION_MS(T, metrics_ms, .default_value = "60s", .min = 1000, .max = 3600000,
                       .variable = "OTEL_METRIC_EXPORT_INTERVAL",
                       .help = "Time between two exports of metrics."),
    PARLEY_ENUM(T, priority, .values = "idle|low", .default_value = "idle",
                .help = "When the telemetry thread runs: idle, where nothing else wants the "
                        "processor, so that sound never waits for it; low, also for a share of "
                        "busy processors, for which sound waits up to some milliseconds."),
    PARLEY_INT(T, span_attributes, .default_value = "64", .min = 1, .max = 65536,
               .variable = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT|OTEL_ATTRIBUTE_COUNT_LIMIT",
               .help = "Most attributes of a span, and never more than 64."),
    PARLEY_INT(T, span_events, .default_value = "32", .min = 1, .max = 65536,
               .variable = "OTEL_SPAN_EVENT_COUNT_LIMIT",
               .help = "Most events of a span, and never more than 32."),
    PARLEY_SIZE(T, attribute_bytes, .default_value = "16k", .min = 16, .max = 262144,
                .variable = LENGTH, .help = "Longest text of an attribute; longer ones are cut."),
    PARLEY_SIZE(T, content_bytes, .default_value = "64k", .min = 16, .max = 262144,
                .variable = LENGTH,
                .help = "Longest text of an attribute that is content; longer ones are cut."),
};
const struct options_table telemetry_options_table =
    OPTIONS_TABLE(telemetry_items, struct telemetry_options);

const struct conf_kind server_sections[] = {
    {"server", false}, {"auth", false},      {"admin", false},   {"telemetry", false},
    {"agent", true},   {"credential", true}, {"model", true},    {"speech", true},
    {"tools", true},   {"store", true},      {"exporter", true}, {"price", true},
};
const size_t server_section_count = ARRAY_LEN(server_sections);

unsigned server_processors(unsigned most)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > (long)most ? most : (unsigned)n;
}

unsigned server_worker_count(const struct server_config *c)
{
    int64_t n = 0;

    if (strcmp(c->workers, "auto") == 0)
        return server_processors(SERVER_MAX_WORKERS);
    if (!view_to_int64(view_of(c->workers), &n) || n < 1 || n > SERVER_MAX_WORKERS)
        return 0;
    return (unsigned)n;
}
