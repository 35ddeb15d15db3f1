/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change of sample rate for a stream (speexdsp, quality 3: 0.02 % of a core a stream). The filter's
 * own delay is taken out, so that sample n of the input lies at n * out / in of the output; the
 * last 1.5 ms come with resampler_flush().
 */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H

#include "base/buf.h"

#include <parley/error.h>

#include <stdint.h>

#define RESAMPLER_MIN_HZ 4000
#define RESAMPLER_MAX_HZ 192000

struct resampler;

/* Equal rates are allowed and only copy. Errors: a rate out of bounds, memory. */
int resampler_create(int from_hz, int to_hz, struct resampler **ret, struct parley_error *err);

/* NULL is fine. Returns NULL. */
struct resampler *resampler_destroy(struct resampler *r);

/* Append what `count` more samples give (see pcm_view()). The buffer is `failed` without memory. */
void resampler_run(struct resampler *r, const int16_t *samples, size_t count, struct buf *out);

/* Append what is still inside, and start anew. */
void resampler_flush(struct resampler *r, struct buf *out);

/* Forget the past, as a fresh one. */
void resampler_reset(struct resampler *r);

#endif
