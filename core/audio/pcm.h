/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of signed 16-bit samples: bytes, loudness, gain. Thread: any. */
#ifndef AUDIO_PCM_H
#define AUDIO_PCM_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct pcm_level {
    double peak_dbfs; /* 0 is full scale; silence is PCM_SILENCE_DBFS */
    double rms_dbfs;
};

#define PCM_SILENCE_DBFS (-120.0)

/* Samples from little-endian bytes; `samples` has room for len / 2, an odd last byte is left out.
 */
size_t pcm_from_le(int16_t *samples, const void *bytes, size_t len);

/* Append the samples as little-endian bytes. */
void pcm_append_le(struct buf *out, const int16_t *samples, size_t count);

/* Append the samples as they are in memory, for pcm_view(). */
void pcm_append(struct buf *out, const int16_t *samples, size_t count);

/* The samples of a buffer filled by pcm_append(); *ret_count of them. */
const int16_t *pcm_view(const struct buf *samples, size_t *ret_count);

/* Multiply in place, clipped at full scale. */
void pcm_gain(int16_t *samples, size_t count, double gain);

/* How loud a run is. */
struct pcm_level pcm_level(const int16_t *samples, size_t count);

static inline int16_t pcm_clip(double value)
{
    return value >= 32767.0 ? 32767 : value <= -32768.0 ? -32768 : (int16_t)value;
}

#endif
