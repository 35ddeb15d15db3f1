/* SPDX-License-Identifier: Apache-2.0 */
/* What the whole process uses, measured when metrics are read. */
#ifndef TELEMETRY_PROCESS_H
#define TELEMETRY_PROCESS_H

#include "telemetry/metrics.h"

/* Add PROCESS_CPU and PROCESS_MEMORY. False without memory. Thread: any. */
bool process_measure(struct metrics_snapshot *s);

#endif
