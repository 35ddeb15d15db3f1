/* SPDX-License-Identifier: Apache-2.0 */
/* What the options fill. */
#ifndef AZURE_MONITOR_CONFIG_H
#define AZURE_MONITOR_CONFIG_H

#include <stdint.h>

enum protocol { PROTOCOL_TRACK, PROTOCOL_OTLP };
enum turns { TURNS_DEPENDENCY, TURNS_REQUEST };

struct config {
    int32_t protocol; /* enum protocol */
    const char *connection_string;
    const char *credential;
    const char *traces_endpoint;
    const char *metrics_endpoint;
    const char *logs_endpoint;
    int32_t traces;
    int32_t metrics;
    int32_t logs;
    int32_t content;
    int32_t span_events;
    int32_t turns; /* enum turns */
    const char *storage_dir;
    int64_t storage_bytes;
    int64_t storage_age_ms;
    int64_t retry_ms;
    int64_t timeout_ms;
    int64_t max_queue_bytes;
    const char *ca_file;
};

#endif
