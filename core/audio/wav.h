/* SPDX-License-Identifier: Apache-2.0 */
/* RIFF WAVE files with 16-bit PCM, for tools and tests. Thread: any. */
#ifndef AUDIO_WAV_H
#define AUDIO_WAV_H

#include "base/buf.h"

#include <parley/error.h>

#include <stdint.h>

#define WAV_MAX_BYTES (256u * 1024 * 1024)

struct wav {
    int rate_hz;
    int16_t *samples; /* mono: the channels of a stereo file are mixed */
    size_t count;
};

/* Parse a whole file. Errors: not RIFF WAVE, not 16-bit PCM, more than two channels, cut short. */
int wav_parse(struct parley_view file, struct wav *ret, struct parley_error *err);

/* Read and parse a file of at most WAV_MAX_BYTES. The error names the path. */
int wav_load(const char *path, struct wav *ret, struct parley_error *err);

/* Append a whole mono file. */
void wav_write(struct buf *out, int rate_hz, const int16_t *samples, size_t count);

/* Write a mono file. */
int wav_save(const char *path, int rate_hz, const int16_t *samples, size_t count,
             struct parley_error *err);

/* Free the samples. */
void wav_done(struct wav *w);

#endif
