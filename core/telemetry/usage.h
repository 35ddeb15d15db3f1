/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer cost, on its span and in the counters of tokens. */
#ifndef TELEMETRY_USAGE_H
#define TELEMETRY_USAGE_H

#include "telemetry/metrics.h"
#include "telemetry/span.h"

/* Tokens; the cached ones are part of the input ones. */
struct usage {
    int64_t input_text;
    int64_t input_audio;
    int64_t input_image;
    int64_t cached_text;
    int64_t cached_audio;
    int64_t cached_image;
    int64_t output_text;
    int64_t output_audio;
};

/* Set the totals and every part that is not zero. */
void usage_set(struct span *s, const struct usage *u);

/* Add it to the metrics of tokens, once per answer; provider may be empty. */
void usage_count(struct telemetry_recorder *r, struct parley_view provider,
                 struct parley_view model, const struct usage *u);

#endif
