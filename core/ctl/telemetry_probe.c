/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/telemetry_probe.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "telemetry/metrics.h"
#include "telemetry/names.h"

#include <stdio.h>
#include <string.h>

#define WHO      "parleyctl telemetry test"
#define SPAN_NS  UINT64_C(1000000)
#define SEVERITY 9 /* info, as in OpenTelemetry */

static struct parley_attr text_attr(const char *key, const char *value)
{
    return (struct parley_attr){.key = key, .type = PARLEY_ATTR_STRING, .string = view_of(value)};
}

/* A turn's, since some destinations show nothing else. */
static void init_attrs(struct telemetry_probe *p)
{
    p->attrs[0] = text_attr(NAME_TEST, p->mark);
    p->attrs[1] = text_attr(NAME_OPERATION, NAME_INVOKE_AGENT);
    p->attrs[2] = text_attr(NAME_AGENT_NAME, WHO);
    p->attrs[3] = text_attr(NAME_SESSION_ID, p->mark);
    p->attrs[4] = text_attr(NAME_CONVERSATION_ID, p->mark);
}

static struct parley_attrs attrs_of(const struct parley_attr *items, uint32_t count)
{
    return (struct parley_attrs){items, count, sizeof(*items)};
}

static void init_records(struct telemetry_probe *p, uint64_t now_ns)
{
    const struct metric_info *test = metric_info(METRIC_TELEMETRY_TEST);

    p->span.name = NAME_INVOKE_AGENT " " WHO;
    p->span.kind = PARLEY_SPAN_INTERNAL;
    p->span.status_message = "";
    p->span.start_unix_ns = now_ns - SPAN_NS;
    p->span.end_unix_ns = now_ns;
    p->span.attrs = attrs_of(p->attrs, PROBE_ATTRS);
    p->span.sample_ratio = 1;
    p->span.flags = PARLEY_SPAN_SAMPLED;
    p->metric = (struct parley_metric){
        .name = test->name,
        .unit = test->unit,
        .description = test->description,
        .kind = PARLEY_METRIC_SUM,
        .temporality = PARLEY_TEMPORALITY_CUMULATIVE,
        .start_unix_ns = now_ns - SPAN_NS,
        .time_unix_ns = now_ns,
        .attrs = attrs_of(p->attrs, 1),
        .value = 1,
    };
    p->log.unix_ns = now_ns;
    p->log.severity = SEVERITY;
    p->log.body = view_of(WHO);
    p->log.attrs = attrs_of(p->attrs, 1);
}

void telemetry_probe_resource(struct resource *r, const struct telemetry_options *options,
                              const char *environment)
{
    const struct resource_facts facts = {.service_name = options->service_name,
                                         .environment = options->environment,
                                         .given = options->resource,
                                         .default_environment = environment};
    resource_init(r, &facts);
}

void telemetry_probe_init(struct telemetry_probe *p, const struct telemetry_options *options,
                          const char *environment)
{
    memset(p, 0, sizeof(*p));
    id_random_bytes(p->span.trace_id, sizeof(p->span.trace_id));
    id_random_bytes(p->span.span_id, sizeof(p->span.span_id));
    p->span.trace_id[0] |= 1; /* all zero is none */
    p->span.span_id[0] |= 1;
    for (size_t i = 0; i < sizeof(p->span.trace_id); i++)
        (void)snprintf(p->mark + 2 * i, 3, "%02x", p->span.trace_id[i]);
    memcpy(p->log.trace_id, p->span.trace_id, sizeof(p->log.trace_id));
    memcpy(p->log.span_id, p->span.span_id, sizeof(p->log.span_id));
    telemetry_probe_resource(&p->resource, options, environment);
    init_attrs(p);
    init_records(p, (uint64_t)clock_unix_us() * 1000);
}

struct parley_batch telemetry_probe_batch(const struct telemetry_probe *p,
                                          enum telemetry_signal signal)
{
    struct parley_batch batch = {
        .size = sizeof(batch),
        .resource = attrs_of(p->resource.attrs, p->resource.count),
        .span_size = sizeof(p->span),
        .metric_size = sizeof(p->metric),
        .log_size = sizeof(p->log),
    };

    switch (signal) {
    case SIGNAL_SPANS:
        batch.spans = &p->span;
        batch.span_count = 1;
        break;
    case SIGNAL_METRICS:
        batch.metrics = &p->metric;
        batch.metric_count = 1;
        break;
    case SIGNAL_LOGS:
        batch.logs = &p->log;
        batch.log_count = 1;
        break;
    }
    return batch;
}
