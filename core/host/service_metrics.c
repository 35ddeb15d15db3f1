/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/str.h"
#include "host/services.h"
#include "host/worker.h"
#include "telemetry/metrics.h"
#include "telemetry/names.h"

#include <math.h>
#include <string.h>

/* The metrics that plugins may add to, and the attributes that these have. */
static const enum metric_id for_plugins[] = {METRIC_STORE_REQUEST_CHARGE, METRIC_STORE_RETRIES,
                                             METRIC_TOOLS_CONNECTIONS, METRIC_EXPORTER_KEPT,
                                             METRIC_EXPORTER_DROPPED};
static const char *const keys[] = {NAME_STORE_OPERATION, NAME_TOOLS_SECTION, NAME_COMPONENT_NAME,
                                   NAME_ERROR_TYPE};

static const enum metric_id *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(for_plugins); i++) {
        if (strcmp(metric_info(for_plugins[i])->name, name) == 0)
            return &for_plugins[i];
    }
    return NULL;
}

static int add(struct parley_worker *worker, const char *name, double value,
               const struct parley_metric_label *labels, size_t label_count)
{
    const enum metric_id *id = find(name);
    struct metric_label kept[ARRAY_LEN(keys)];
    size_t count = 0;

    if (id == NULL)
        return PARLEY_E_NOT_FOUND;
    if (!isfinite(value) || value < 0)
        return PARLEY_E_INVALID;
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        if (strstr(metric_info(*id)->attributes, keys[k]) == NULL)
            continue;
        for (size_t i = 0; i < label_count; i++) {
            if (strcmp(labels[i].key, keys[k]) != 0)
                continue;
            kept[count++] = (struct metric_label){keys[k], view_of(labels[i].value)};
            break;
        }
    }
    metric_add(metrics_point(worker->recorder, *id, kept, count), value);
    return PARLEY_OK;
}

const struct parley_service_metrics service_metrics = {
    .size = sizeof(service_metrics),
    .add = add,
};
