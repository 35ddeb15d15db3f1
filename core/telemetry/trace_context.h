/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context: who a span belongs to, and its form in headers. */
#ifndef TELEMETRY_TRACE_CONTEXT_H
#define TELEMETRY_TRACE_CONTEXT_H

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

#define TRACEPARENT_SIZE 56  /* with its NUL */
#define TRACESTATE_SIZE  513 /* of the longest that is passed on, with its NUL */

/* Zeroed: no context. */
struct trace_context {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t flags;   /* 1: sampled */
    bool is_remote;  /* it came from outside */
    uint8_t verdict; /* enum sampling_verdict, of a span of ours */
};

/* Are both ids there? */
bool trace_context_is_valid(const struct trace_context *c);

/* Read a traceparent header of version 00, or of a later one as far as it is known. */
bool traceparent_parse(struct parley_view text, struct trace_context *ret);

/* May a tracestate header be passed on as it is? */
bool tracestate_is_valid(struct parley_view text);

/* "00-<trace id>-<span id>-<flags>" */
void traceparent_format(const struct trace_context *c, char out[TRACEPARENT_SIZE]);

/* Bytes as lower-case hexadecimal digits and a NUL: 2 * len + 1 characters. */
void trace_id_format(const uint8_t *bytes, size_t len, char *out);

#endif
