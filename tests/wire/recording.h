/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry whose exporter is the test: spans and metrics as JSON, in the order they were handed
 * on. */
#ifndef WIRE_RECORDING_H
#define WIRE_RECORDING_H

#include "telemetry/telemetry.h"

#include <jansson.h>
#include <stdbool.h>

struct loop;
struct recording;
struct telemetry_recorder;

struct recording *recording_create(struct loop *loop, bool with_content,
                                   enum telemetry_joining joining);

/* Fails the test when a span was neither handed on nor dropped. */
void recording_destroy(struct recording *r);

struct telemetry_recorder *recording_recorder(const struct recording *r);

/*
 * All spans so far: {name, kind, status, message, trace, id, parent, start_ms, end_ms, attrs: {},
 * events: {name: ms}}. Times count from the first call of recording_create(). Borrowed.
 */
const json_t *recording_spans(struct recording *r);

/* A counter's or level's value, a histogram's count or sum; of the point with this attribute (NULL:
 * the first). 0 when there is none. */
double recording_value(struct recording *r, const char *metric, const char *key, const char *value);
double recording_sum(struct recording *r, const char *metric, const char *key, const char *value);

#endif
