/* SPDX-License-Identifier: Apache-2.0 */
/* A span of parley's with the attributes that Confident AI reads. Pure functions. */
#ifndef EXPORTER_CONFIDENT_TRACE_SPAN_H
#define EXPORTER_CONFIDENT_TRACE_SPAN_H

#include <parley/options.h>

#include "parts/otlp/dress.h"

/* What a section says; borrowed. */
struct trace_span_config {
    const struct parley_list *tags;
    const char *environment; /* or "" */
    const char *metric_collection;
};

/* Does it belong there? Only what an agent does: turns, answers, tools. */
bool trace_span_is_wanted(const struct parley_span *span);

/* A copy of the span with its new attributes, in the arena; *ret is unchanged without memory. */
bool trace_span_dress(const struct trace_span_config *config, const struct parley_span *span,
                      struct arena *arena, struct parley_span *ret);

#endif
