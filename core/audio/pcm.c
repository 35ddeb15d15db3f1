/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/pcm.h"

#include <math.h>
#include <string.h>

size_t pcm_from_le(int16_t *samples, const void *bytes, size_t len)
{
    const unsigned char *b = bytes;
    size_t count = len / 2;

    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(uint16_t)(b[2 * i] | b[2 * i + 1] << 8);
    return count;
}

void pcm_append_le(struct buf *out, const int16_t *samples, size_t count)
{
    if (count == 0 || !buf_reserve(out, count * 2))
        return;

    unsigned char *to = (unsigned char *)out->data + out->len;
    for (size_t i = 0; i < count; i++) {
        uint16_t sample = (uint16_t)samples[i];
        to[2 * i] = (unsigned char)(sample & 0xff);
        to[2 * i + 1] = (unsigned char)(sample >> 8);
    }
    out->len += count * 2;
    out->data[out->len] = '\0';
}

void pcm_append(struct buf *out, const int16_t *samples, size_t count)
{
    buf_append(out, samples, count * sizeof(*samples));
}

const int16_t *pcm_view(const struct buf *samples, size_t *ret_count)
{
    *ret_count = samples->len / sizeof(int16_t);
    return (const int16_t *)(const void *)samples->data;
}

void pcm_gain(int16_t *samples, size_t count, double gain)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = pcm_clip(rint(samples[i] * gain));
}

static double dbfs(double amplitude)
{
    if (amplitude <= 0)
        return PCM_SILENCE_DBFS;
    return fmax(PCM_SILENCE_DBFS, 20.0 * log10(amplitude / 32768.0));
}

struct pcm_level pcm_level(const int16_t *samples, size_t count)
{
    double sum = 0;
    int peak = 0;

    for (size_t i = 0; i < count; i++) {
        int size = samples[i] < 0 ? -samples[i] : samples[i];
        if (size > peak)
            peak = size;
        sum += (double)samples[i] * samples[i];
    }
    return (struct pcm_level){
        .peak_dbfs = dbfs(peak),
        .rms_dbfs = dbfs(count == 0 ? 0 : sqrt(sum / (double)count)),
    };
}
