/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of parley.exporter/1. */
#include "kit.h"

#include <parley/exporter.h>
#include <parley/testkit/fake_net.h>

#include <string.h>

#define LIMIT_MS       600000 /* of the fake clock, for one batch: retries and backoff included */
#define UNKNOWN        99
#define UNKNOWN_STATUS (-99)
#define MANY           200
#define RECORDS        4 /* in a whole batch */

static struct {
    struct fake_plugin *plugin;
    const struct parley_exporter_vtable *exporter;
    void *worker;
} e;

static void on_end(parley_op op, int status, uint64_t lost, const struct parley_error *err)
{
    kit_op_ended(op, "end", status);
    if (status >= 0 && lost > RECORDS)
        kit_fail("counts-its-losses", "it delivered a batch of %d records and lost %llu", RECORDS,
                 (unsigned long long)lost);
    if (status < 0 && (err == NULL || err->message[0] == '\0'))
        kit_fail("refusal-explains-itself", "it ended with status %d and no message", status);
}

static void on_leave_out(parley_op op, uint64_t records)
{
    (void)op;
    if (records > RECORDS)
        kit_fail("counts-its-losses", "of a batch of %d records it left out %llu", RECORDS,
                 (unsigned long long)records);
}

static const struct parley_exporter_host host = {
    .size = sizeof(host), .end = on_end, .leave_out = on_leave_out};

static void adopt(struct fake_plugin *plugin)
{
    e.plugin = plugin;
    e.exporter = fake_plugin_role(plugin, PARLEY_ROLE_EXPORTER);
    e.worker = fake_plugin_worker(plugin);
    KIT_DO("attach", KIT_WORKER, e.exporter->attach(e.worker, fake_plugin_on(plugin), &host));
}

static void open_exporter(void)
{
    adopt(kit_open());
}

static void close_exporter(void)
{
    kit_close(e.plugin);
}

/* ---- batches ---- */

static const struct parley_attr attributes[] = {
    {.key = "service.name", .type = PARLEY_ATTR_STRING, .string = PARLEY_VIEW("parley")},
    {.key = "count", .type = PARLEY_ATTR_INT, .integer = INT64_MIN},
    {.key = "share", .type = PARLEY_ATTR_DOUBLE, .number = 0.5},
    {.key = "is_on", .type = PARLEY_ATTR_BOOL, .integer = 1},
    {.key = "list", .type = PARLEY_ATTR_LIST, .string = PARLEY_VIEW("one\0two")},
    {.key = "said",
     .type = PARLEY_ATTR_STRING,
     .flags = PARLEY_ATTR_CONTENT,
     .string = PARLEY_VIEW("\"quoted\" \\ \n \xc3\xa9 <&>")},
    {.key = "empty", .type = PARLEY_ATTR_STRING, .string = PARLEY_VIEW("")},
    {.key = "newer", .type = UNKNOWN, .flags = 0xFFFFFFFFu, .integer = 7},
};

#define ATTRIBUTES                                                                                 \
    {                                                                                              \
        attributes, KIT_COUNT(attributes), sizeof(attributes[0])                                   \
    }

static const struct parley_span_event event = {"interrupted", 2000, ATTRIBUTES};
static const struct parley_span span = {
    .trace_id = {1, 2, 3},
    .span_id = {4, 5},
    .name = "invoke_agent receptionist",
    .kind = UNKNOWN,
    .status = PARLEY_SPAN_ERROR,
    .status_message = "it broke",
    .start_unix_ns = 1000,
    .end_unix_ns = 3000,
    .attrs = ATTRIBUTES,
    .events = &event,
    .event_count = 1,
    .event_size = sizeof(event),
};
static const double bounds[] = {0.1, 1, 10};
static const uint64_t counts[] = {1, 2, 3, 4};
static const struct parley_metric metrics[] = {
    {.name = "parley.session.duration",
     .unit = "s",
     .description = "How long.",
     .kind = PARLEY_METRIC_HISTOGRAM,
     .temporality = PARLEY_TEMPORALITY_DELTA,
     .start_unix_ns = 1000,
     .time_unix_ns = 2000,
     .attrs = ATTRIBUTES,
     .count = 10,
     .sum = 20,
     .min = 0.01,
     .max = 12,
     .bounds = bounds,
     .counts = counts,
     .bound_count = 3},
    {.name = "newer",
     .unit = "",
     .description = "",
     .kind = UNKNOWN,
     .temporality = UNKNOWN,
     .value = 1},
};
static const struct parley_log_record log_record = {
    .unix_ns = 1000, .severity = UNKNOWN, .body = PARLEY_VIEW("a line"), .attrs = ATTRIBUTES};

static const struct parley_batch whole = {
    .size = sizeof(whole),
    .resource = ATTRIBUTES,
    .spans = &span,
    .span_count = 1,
    .span_size = sizeof(span),
    .metrics = metrics,
    .metric_count = KIT_COUNT(metrics),
    .metric_size = sizeof(metrics[0]),
    .logs = &log_record,
    .log_count = 1,
    .log_size = sizeof(log_record),
};

static parley_op deliver(const struct parley_batch *batch)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    parley_op op = kit_op_begin("batch");

    int r = KIT_CALL("deliver", KIT_WORKER, e.exporter->deliver(e.worker, batch, op, &err));
    kit_op_answered(op, r, &err);
    return r < 0 ? 0 : op;
}

static void finish(void)
{
    kit_settle_for(LIMIT_MS);
    if (kit_ops_open() == 0)
        return;
    (void)strcpy(kit_report->callback, "deliver");
    kit_fail("ends-once", "%zu batches were accepted and never ended", kit_ops_open());
}

static void flush(void)
{
    if (e.exporter->size > offsetof(struct parley_exporter_vtable, flush) &&
        e.exporter->flush != NULL)
        KIT_DO("flush", KIT_WORKER, e.exporter->flush(e.worker));
}

/* ---- rules ---- */

static void deliver_whole(void)
{
    open_exporter();
    (void)deliver(&whole);
    finish();
    close_exporter();
}

static void deliver_nothing(void)
{
    const struct parley_batch empty = {.size = sizeof(empty)};

    open_exporter();
    (void)deliver(&empty);
    finish();
    close_exporter();
}

/* A newer host's spans are longer: the plugin steps by the host's size. */
static void longer_records(void)
{
    struct {
        struct parley_span span;
        uint64_t newer[3];
    } spans[2];
    struct parley_batch batch = whole;

    memset(spans, 0xFF, sizeof(spans));
    spans[0].span = span;
    spans[1].span = span;
    batch.spans = &spans[0].span;
    batch.span_count = 2;
    batch.span_size = sizeof(spans[0]);
    open_exporter();
    (void)deliver(&batch);
    finish();
    close_exporter();
}

static void many_at_once(void)
{
    open_exporter();
    for (int i = 0; i < MANY; i++)
        (void)deliver(&whole); /* BUSY when its queue is full */
    finish();
    close_exporter();
}

static void flush_ends(void)
{
    open_exporter();
    flush();
    for (int i = 0; i < 3; i++)
        (void)deliver(&whole);
    flush();
    finish();
    flush();
    close_exporter();
}

static void stop_in_flight(void)
{
    open_exporter();
    for (int i = 0; i < 3; i++)
        (void)deliver(&whole);
    close_exporter();
    kit_settle();
    fake_host_advance_ms(LIMIT_MS);
}

static void two_generations(void)
{
    open_exporter();
    struct fake_plugin *first = e.plugin;
    (void)deliver(&whole);
    adopt(kit_open_beside(first));
    (void)deliver(&whole);
    finish();
    kit_close(first);
    (void)deliver(&whole);
    finish();
    close_exporter();
}

static void unknown_status(void)
{
    open_exporter();
    fake_host_set_job_status(UNKNOWN_STATUS);
    fake_net_set_fault(UNKNOWN_STATUS);
    (void)deliver(&whole);
    finish();
    close_exporter();
}

static void pool_full(void)
{
    open_exporter();
    fake_host_set_job_limit(0);
    (void)deliver(&whole);
    finish();
    close_exporter();
}

static void out_of_memory(void)
{
    bool was_reached = true;

    open_exporter();
    for (unsigned n = 1; was_reached && n < KIT_MAX_ALLOCATIONS; n = kit_memory_next(n)) {
        kit_memory_fail_at(n);
        (void)deliver(&whole);
        finish();
        was_reached = kit_memory_has_failed();
        kit_memory_fail_at(0);
    }
    close_exporter();
}

static const struct kit_case cases[] = {
    {"exporter.deliver", "ends a batch of all there is, and of what it does not know",
     deliver_whole},
    {"exporter.empty", "ends a batch of nothing", deliver_nothing},
    {"exporter.longer-records", "steps by the size of the host's records", longer_records},
    {"exporter.many", "takes many batches, or says that its queue is full", many_at_once},
    {"exporter.flush", "ends what is open when it is told to hurry", flush_ends},
    {"exporter.stop", "is stopped in mid delivery, and is silent afterwards", stop_in_flight},
    {"exporter.two-generations", "works in two generations side by side", two_generations},
    {"exporter.pool-full", "ends a batch when the offload pool is full", pool_full},
    {"exporter.unknown-status", "ends a batch when a service ends with an unknown status",
     unknown_status},
    {"exporter.out-of-memory", "ends a batch when any allocation fails", out_of_memory},
};

const struct kit_suite kit_suite_exporter = {PARLEY_ROLE_EXPORTER, cases, KIT_COUNT(cases)};
