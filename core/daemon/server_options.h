/* SPDX-License-Identifier: Apache-2.0 */
/* The core's own sections of the INI file: [server], [admin], [telemetry]; [auth] is net's. */
#ifndef DAEMON_SERVER_OPTIONS_H
#define DAEMON_SERVER_OPTIONS_H

#include "conf/options.h"

struct server_config {
    struct parley_list listen;
    const char *plugin_dir;
    const char *model_dir;
    const char *workers;
    int64_t offload_threads;
    int64_t tool_threads;
    int64_t speech_threads;
    const char *tls_cert;
    const char *tls_key;
    int32_t log_level;
    const char *default_agent;
    struct parley_list allowed_origins;
    int32_t console;
    int64_t max_sessions;
    int64_t max_sessions_per_key;
    int64_t max_message_bytes;
    int64_t client_queue_bytes;
    int64_t client_queue_limit_bytes;
    int64_t ping_interval_ms;
    int64_t drain_ms;
};

struct admin_config {
    const char *listen;
    const char *token;
};

/* Words of always_keep. */
#define TELEMETRY_KEEP_ERRORS "errors"
#define TELEMETRY_KEEP_SLOW   "slow"

enum telemetry_priority { TELEMETRY_IDLE, TELEMETRY_LOW };

struct telemetry_options {
    int32_t enabled;
    const char *service_name;
    const char *environment;
    struct parley_list resource;
    int32_t content;
    struct parley_list redact;
    double sample;
    int32_t sample_parent;
    struct parley_list always_keep;
    int64_t slow_ms;
    int32_t trace_context; /* enum telemetry_joining */
    int32_t logs;          /* 0: no; else a log_level and 1 */
    int64_t batch_ms;
    int64_t logs_ms; /* 0: as batch_ms */
    int64_t batch_spans;
    int64_t batch_logs;
    int64_t queue_spans;
    int64_t metrics_ms;
    int32_t priority; /* enum telemetry_priority */
    int64_t span_attributes;
    int64_t span_events;
    int64_t attribute_bytes;
    int64_t content_bytes;
};

#define SERVER_MAX_WORKERS 128

extern const struct options_table server_options;
extern const struct options_table admin_options;
extern const struct options_table telemetry_options_table;

/* Every kind of section that an INI file may have. */
extern const struct conf_kind server_sections[];
extern const size_t server_section_count;

/* Of this machine, at most `most`. */
unsigned server_processors(unsigned most);

/* How many workers are wanted; 0 when the option is neither auto nor a number within bounds. */
unsigned server_worker_count(const struct server_config *c);

#endif
