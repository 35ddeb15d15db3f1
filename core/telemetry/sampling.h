/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which traces are exported. The head decides by the trace's id, as OpenTelemetry's consistent
 * probability sampler does: everyone who sees the id comes to the same decision. What the head
 * leaves out may be kept at its end after all, because it failed or was slow (span.h). Metrics know
 * nothing of this: they count everything.
 */
#ifndef TELEMETRY_SAMPLING_H
#define TELEMETRY_SAMPLING_H

#include "telemetry/trace_context.h"

#include <stdbool.h>
#include <stdint.h>

#define SAMPLING_STATE_SIZE 24 /* "ot=th:" and at most 14 digits */

/* What operators choose. */
struct sampling {
    double ratio;        /* of the traces that are kept, 0 to 1 */
    bool follows_parent; /* a client that sends a trace context has decided already */
    bool keeps_errors;   /* whatever the head says */
    uint64_t slow_us;    /* likewise turns whose answer took longer; 0: they are like others */
};

/* Why something is exported, or not. */
enum sampling_verdict {
    SAMPLING_LEFT_OUT,
    SAMPLING_BY_RATIO,
    SAMPLING_BY_PARENT,
    SAMPLING_ALWAYS, /* it failed or was slow, or nothing is left out at all */
};

/* The head's verdict on a span with this id; parent: as in span_start(), zeroed for none. */
enum sampling_verdict sampling_of(const struct sampling *s, const struct trace_context *parent,
                                  const uint8_t trace_id[16]);

/* The tracestate of what was kept by that verdict: "ot=th:c" for a ratio of 0.25. "" where no ratio
 * is known, or nothing is left out. */
void sampling_state(const struct sampling *s, enum sampling_verdict verdict,
                    char out[SAMPLING_STATE_SIZE]);

/* The share of its like that is kept; 0 where it is not known. */
double sampling_share(const struct sampling *s, enum sampling_verdict verdict);

#endif
