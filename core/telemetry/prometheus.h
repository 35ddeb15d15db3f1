/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics as `GET /metrics` answers: Prometheus text format 0.0.4. */
#ifndef TELEMETRY_PROMETHEUS_H
#define TELEMETRY_PROMETHEUS_H

#include "base/buf.h"
#include "telemetry/metrics.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Append the snapshot. Names get the endings that Prometheus expects: _seconds, _total ... */
void prometheus_write(struct buf *out, const struct metrics_snapshot *s);

#endif
