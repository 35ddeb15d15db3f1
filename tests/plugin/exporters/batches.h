/* SPDX-License-Identifier: Apache-2.0 */
/* Spans and metrics made by hand, for tests of exporters, and the host's side of a delivery. */
#ifndef TESTS_EXPORTER_BATCHES_H
#define TESTS_EXPORTER_BATCHES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fake_host.h>
#include <parley/exporter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (uint32_t)(sizeof(a) / sizeof((a)[0]))

#define STR(k, s)                                                                                  \
    {                                                                                              \
        .key = (k), .type = PARLEY_ATTR_STRING, .string = PARLEY_VIEW(s)                           \
    }
#define INT(k, n)                                                                                  \
    {                                                                                              \
        .key = (k), .type = PARLEY_ATTR_INT, .string = {"", 0}, .integer = (n)                     \
    }
#define ATTRS(a)                                                                                   \
    {                                                                                              \
        .items = (a), .count = COUNT(a), .item_size = sizeof(struct parley_attr)                   \
    }

#define T0 UINT64_C(1767603600000000000) /* 2026-01-05 09:00:00 UTC */
#define MS UINT64_C(1000000)

static const struct parley_attr root_attrs[] = {
    STR("gen_ai.operation.name", "invoke_agent"),
    STR("gen_ai.agent.name", "receptionist"),
    STR("session.id", "sess_1"),
    INT("parley.turn.number", 3),
    STR("parley.turn.trigger", "speech"),
    INT("parley.audio.sent_ms", 1800),
    STR("parley.turn.end_reason", "interrupted"),
    {.key = "parley.turn.response_latency",
     .type = PARLEY_ATTR_DOUBLE,
     .string = {"", 0},
     .number = 0.62},
    {.key = "gen_ai.input.messages",
     .type = PARLEY_ATTR_STRING,
     .flags = PARLEY_ATTR_CONTENT,
     .string = PARLEY_VIEW("[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"what "
                           "\\u001b[31mtime\"}]}]")},
};

static const struct parley_attr inference_attrs[] = {
    STR("gen_ai.operation.name", "realtime_inference"),
    STR("gen_ai.request.model", "gpt-realtime"),
    INT("gen_ai.usage.input_tokens", 800),
    INT("gen_ai.usage.output_tokens", 90),
    {.key = "parley.cost", .type = PARLEY_ATTR_DOUBLE, .string = {"", 0}, .number = 0.0123},
    STR("parley.cost.currency", "USD"),
    {.key = "gen_ai.response.finish_reasons",
     .type = PARLEY_ATTR_LIST,
     .string = PARLEY_VIEW("completed\0turn_detected")},
};

static const struct parley_attr tool_attrs[] = {STR("gen_ai.operation.name", "execute_tool"),
                                                STR("gen_ai.tool.name", "clock.now")};
static const struct parley_attr failed_tool_attrs[] = {STR("gen_ai.operation.name", "execute_tool"),
                                                       STR("gen_ai.tool.name", "mail.send"),
                                                       STR("error.type", "timeout")};

static const struct parley_span_event root_events[] = {
    {"parley.client.first_output", T0 + 620 * MS, {.item_size = sizeof(struct parley_attr)}}};

#define SPAN(id, parent, name_, kind_, status_, message, end, attrs_)                              \
    {                                                                                              \
        .trace_id = {1, 2, 3}, .span_id = {id}, .parent_span_id = {parent}, .name = (name_),       \
        .kind = (kind_), .status = (status_), .status_message = (message), .start_unix_ns = T0,    \
        .end_unix_ns = T0 + (end)*MS, .attrs = ATTRS(attrs_)                                       \
    }

/* A turn with two answers and two tools, its root last. */
static const struct parley_span turn_spans[] = {
    SPAN(2, 1, "realtime_inference gpt-realtime", PARLEY_SPAN_CLIENT, 0, "", 500, inference_attrs),
    SPAN(3, 1, "execute_tool clock.now", PARLEY_SPAN_INTERNAL, 0, "", 12, tool_attrs),
    SPAN(4, 1, "execute_tool mail.send", PARLEY_SPAN_INTERNAL, PARLEY_SPAN_ERROR, "no answer", 1200,
         failed_tool_attrs),
    SPAN(5, 1, "realtime_inference gpt-realtime", PARLEY_SPAN_CLIENT, 0, "", 2000, inference_attrs),
    {.trace_id = {1, 2, 3},
     .span_id = {1},
     .name = "invoke_agent receptionist",
     .kind = PARLEY_SPAN_INTERNAL,
     .status_message = "",
     .start_unix_ns = T0,
     .end_unix_ns = T0 + 2400 * MS,
     .attrs = ATTRS(root_attrs),
     .events = root_events,
     .event_count = 1,
     .event_size = sizeof(struct parley_span_event)},
};

static const struct parley_attr resource_attrs[] = {STR("service.name", "parley"),
                                                    INT("process.pid", 42)};

static struct parley_batch batch_of(const struct parley_span *spans, uint32_t count)
{
    return (struct parley_batch){.size = sizeof(struct parley_batch),
                                 .resource = ATTRS(resource_attrs),
                                 .spans = spans,
                                 .span_count = count,
                                 .span_size = sizeof(struct parley_span),
                                 .metric_size = sizeof(struct parley_metric),
                                 .log_size = sizeof(struct parley_log_record)};
}

/* What end() said. */
static struct {
    unsigned count;
    int status;
    uint64_t lost;
    uint64_t left_out;
    char message[448];
} ended;

static void on_end(parley_op op, int status, uint64_t lost, const struct parley_error *err)
{
    assert_true(op != 0);
    ended.count++;
    ended.status = status;
    ended.lost += lost;
    (void)snprintf(ended.message, sizeof(ended.message), "%s", err == NULL ? "" : err->message);
}

static void on_leave_out(parley_op op, uint64_t records)
{
    assert_true(op != 0);
    ended.left_out += records;
}

static const struct parley_exporter_host exporter_host = {
    .size = sizeof(exporter_host), .end = on_end, .leave_out = on_leave_out};

__attribute__((unused)) static const struct parley_exporter_vtable *
exporter_open(struct fake_plugin *plugin)
{
    const struct parley_exporter_vtable *vtable = fake_plugin_role(plugin, PARLEY_ROLE_EXPORTER);

    assert_non_null(vtable);
    memset(&ended, 0, sizeof(ended));
    vtable->attach(fake_plugin_worker(plugin), fake_host_worker(), &exporter_host);
    return vtable;
}

#endif
