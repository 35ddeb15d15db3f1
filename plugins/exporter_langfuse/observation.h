/* SPDX-License-Identifier: Apache-2.0 */
/* A span of parley's as Langfuse's ingestion reads it: its own attributes, which come first there,
 * beside those of the conventions. Pure functions. */
#ifndef EXPORTER_LANGFUSE_OBSERVATION_H
#define EXPORTER_LANGFUSE_OBSERVATION_H

#include <parley/options.h>

#include "parts/otlp/dress.h"

/* What a section says; borrowed. */
struct observation_config {
    const struct parley_list *tags;
    const struct parley_list *prompts; /* "AGENT=NAME:VERSION" each */
    const char *release;
    const char *version; /* of parley */
};

/* A copy of the span with its new attributes, in the arena; *ret is unchanged without memory. */
bool observation_dress(const struct observation_config *config, const struct parley_span *span,
                       struct arena *arena, struct parley_span *ret);

/* Is it "AGENT=NAME:VERSION"? INVALID with the place of the line otherwise. */
int observation_check_prompts(const struct parley_list *prompts, struct parley_error *err);

#endif
