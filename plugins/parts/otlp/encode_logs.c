/* SPDX-License-Identifier: Apache-2.0 */
#include "encoder.h"

#include <stddef.h>

typedef Parley__Otlp__LogRecord LogRecord;
typedef Parley__Otlp__ResourceLogs ResourceLogs;
typedef Parley__Otlp__ScopeLogs ScopeLogs;

static const char *severity_text(uint32_t severity)
{
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    uint32_t group = severity == 0 ? 0 : (severity - 1) / 4; /* each name has four numbers */

    return severity == 0 || group >= sizeof(names) / sizeof(names[0]) ? NULL : names[group];
}

static void set_severity(struct encoder *e, LogRecord *to, uint32_t severity)
{
    const char *name = severity_text(severity);

    if (name == NULL)
        return;
    to->has_severity_number = 1;
    to->severity_number = (int32_t)severity;
    to->severity_text = encoder_text(e, name);
}

static void set_context(LogRecord *to, const struct parley_log_record *from)
{
    to->has_trace_id = !encoder_is_zero(from->trace_id, sizeof(from->trace_id));
    to->trace_id = encoder_bytes(from->trace_id, sizeof(from->trace_id));
    to->has_span_id = !encoder_is_zero(from->span_id, sizeof(from->span_id));
    to->span_id = encoder_bytes(from->span_id, sizeof(from->span_id));
}

static void set_body(struct encoder *e, LogRecord *to, struct parley_view body)
{
    AnyValue *value = body.len == 0 ? NULL : NEW(e, AnyValue, any_value);

    if (value == NULL)
        return;
    value->value_case = PARLEY__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    value->string_value = arena_text(&e->arena, body);
    to->body = value;
}

static LogRecord *record(struct encoder *e, const struct parley_log_record *from, uint32_t size)
{
    LogRecord *to = NEW(e, LogRecord, log_record);

    if (to == NULL)
        return NULL;
    to->has_time_unix_nano = to->has_observed_time_unix_nano = 1;
    to->time_unix_nano = to->observed_time_unix_nano = from->unix_ns;
    set_severity(e, to, from->severity);
    set_body(e, to, from->body);
    set_context(to, from);
    to->attributes = encoder_attributes(e, &from->attrs, &to->n_attributes);
    if (size >= offsetof(struct parley_log_record, event_name) + sizeof(from->event_name) &&
        from->event_name != NULL && from->event_name[0] != '\0')
        to->event_name = encoder_text(e, from->event_name);
    return to;
}

bool encode_logs(const struct encode_config *config, const struct parley_batch *batch,
                 struct body *ret)
{
    struct encoder e = {.config = config};
    Parley__Otlp__ExportLogsRequest *request =
        NEW(&e, Parley__Otlp__ExportLogsRequest, export_logs_request);
    ResourceLogs **by_resource = POINTERS(&e, ResourceLogs, 1);
    ResourceLogs *of_resource = NEW(&e, ResourceLogs, resource_logs);
    ScopeLogs **by_scope = POINTERS(&e, ScopeLogs, 1);
    ScopeLogs *of_scope = NEW(&e, ScopeLogs, scope_logs);
    LogRecord **records = POINTERS(&e, LogRecord, batch->log_count);

    if (e.arena.failed)
        return encoder_pack(&e, NULL, ret);
    request->n_resource_logs = of_resource->n_scope_logs = 1;
    request->resource_logs = by_resource;
    by_resource[0] = of_resource;
    of_resource->resource = encoder_resource(&e, &batch->resource);
    of_resource->scope_logs = by_scope;
    by_scope[0] = of_scope;
    of_scope->scope = encoder_scope(&e);
    of_scope->log_records = records;
    for (uint32_t i = 0; i < batch->log_count && !e.arena.failed; i++) {
        records[of_scope->n_log_records++] =
            record(&e, (const void *)((const char *)batch->logs + (size_t)i * batch->log_size),
                   batch->log_size);
    }
    return encoder_pack(&e, request, ret);
}
