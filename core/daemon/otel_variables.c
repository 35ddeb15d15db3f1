/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/otel_variables.h"

#include <string.h>

/* As in "OpenTelemetry Environment Variable Specification", without those that options name. */
static const struct {
    const char *name;
    const char *harmless; /* the value that says what parley does anyway; NULL: none */
    const char *instead;
} left_out[] = {
    {"OTEL_BSP_EXPORT_TIMEOUT", NULL, "set timeout_ms of the exporter"},
    {"OTEL_BLRP_EXPORT_TIMEOUT", NULL, "set timeout_ms of the exporter"},
    {"OTEL_METRIC_EXPORT_TIMEOUT", NULL, "set timeout_ms of the exporter"},
    {"OTEL_BLRP_MAX_QUEUE_SIZE", NULL, "log records wait in 64 KB of each worker"},
    {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", NULL, "log records have at most 10 attributes"},
    {"OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", NULL, "lines of the log have at most 2 KB"},
    {"OTEL_METRICS_EXEMPLAR_FILTER", "always_off", "metrics have no exemplars"},
    {"OTEL_LOG_LEVEL", NULL, "set log_level of [server], and logs of [telemetry]"},
    {"OTEL_EXPORTER_PROMETHEUS_HOST", NULL, "/metrics is at listen of [server]"},
    {"OTEL_EXPORTER_PROMETHEUS_PORT", NULL, "/metrics is at listen of [server]"},
    {"OTEL_CONFIG_FILE", NULL, "parley reads its INI file only"},
};

void otel_variables_check(const struct conf *c, struct conf_report *report)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        const char *value = c->env.get(c->env.ctx, left_out[i].name);

        if (value == NULL || value[0] == '\0' ||
            (left_out[i].harmless != NULL && strcmp(value, left_out[i].harmless) == 0))
            continue;
        conf_report_warning(report, (struct conf_place){.file = c->files[0]},
                            "the variable %s is left out: %s", left_out[i].name,
                            left_out[i].instead);
    }
}
