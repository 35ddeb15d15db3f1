/* SPDX-License-Identifier: Apache-2.0 */
/* One span, one point of a metric and one log record that tell of a test, with a mark to find them
 * by: the id of their trace. */
#ifndef CTL_TELEMETRY_PROBE_H
#define CTL_TELEMETRY_PROBE_H

#include "daemon/settings.h"
#include "telemetry/resource.h"
#include "telemetry/telemetry.h"

#define PROBE_MARK  33 /* 32 hexadecimal digits and the NUL */
#define PROBE_ATTRS 5

/* Batches of it point into it: it must stay where it is. */
struct telemetry_probe {
    char mark[PROBE_MARK];
    struct resource resource;
    struct parley_attr attrs[PROBE_ATTRS];
    struct parley_span span;
    struct parley_metric metric;
    struct parley_log_record log;
};

/* Who parleyd would say that it is. */
void telemetry_probe_resource(struct resource *r, const struct telemetry_options *options,
                              const char *environment);

void telemetry_probe_init(struct telemetry_probe *p, const struct telemetry_options *options,
                          const char *environment);

/* What an exporter is given for this signal. */
struct parley_batch telemetry_probe_batch(const struct telemetry_probe *p,
                                          enum telemetry_signal signal);

#endif
