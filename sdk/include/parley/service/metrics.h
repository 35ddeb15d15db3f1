/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service parley.metrics/1: add to metrics that parley declares for plugins, so that they reach
 * /metrics and the exporters with all the others. Which ones there are is in the operator's
 * reference of metrics; a plugin cannot make up its own. Since 1.1.
 */
#ifndef PARLEY_SERVICE_METRICS_H
#define PARLEY_SERVICE_METRICS_H

#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_SERVICE_METRICS "parley.metrics/1"

/* An attribute. Values must be few: a kind of operation or of error, never an id. */
struct parley_metric_label {
    const char *key;
    const char *value;
};

struct parley_service_metrics {
    uint32_t size;
    uint32_t reserved;
    /*
     * [worker] Add to a counter, "parley.store.request_charge" for example. Attributes that the
     * metric does not have are left out. NOT_FOUND: this host has no such metric for plugins;
     * INVALID: the value is negative or no number.
     */
    int (*add)(struct parley_worker *worker, const char *name, double value,
               const struct parley_metric_label *labels, size_t label_count);
};

#ifdef __cplusplus
}
#endif

#endif
