/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/pipe.h"

#include "audio/g711.h"
#include "audio/pcm.h"
#include "base/base64.h"

#include <string.h>

int pipe_open(struct pipe *p, enum rt_audio from, enum rt_audio to, struct parley_error *err)
{
    p->resampler = resampler_destroy(p->resampler);
    p->from = from;
    p->to = to;
    p->has_odd = false;
    return resampler_create((int)rt_audio_rate(from), (int)rt_audio_rate(to), &p->resampler, err);
}

void pipe_done(struct pipe *p)
{
    p->resampler = resampler_destroy(p->resampler);
    buf_done(&p->bytes);
    buf_done(&p->samples);
    buf_done(&p->resampled);
}

/* ---- in ---- */

/* The half of a sample that came with the piece before stands first, this one's last is kept. */
static bool read_bytes(struct pipe *p, struct parley_view base64)
{
    buf_clear(&p->bytes);
    if (p->has_odd)
        buf_append_char(&p->bytes, (char)p->odd);
    if (!base64_decode(&p->bytes, base64) || p->bytes.failed)
        return false;
    p->has_odd = rt_audio_bytes_per_sample(p->from) == 2 && p->bytes.len % 2 != 0;
    if (p->has_odd)
        p->odd = (unsigned char)p->bytes.data[p->bytes.len - 1];
    return true;
}

static bool read_samples(struct pipe *p)
{
    size_t count = p->bytes.len / rt_audio_bytes_per_sample(p->from);
    const uint8_t *bytes = (const uint8_t *)p->bytes.data;

    buf_clear(&p->samples);
    if (!buf_reserve(&p->samples, count * sizeof(int16_t)))
        return false;
    int16_t *samples = (int16_t *)(void *)p->samples.data;
    if (p->from == RT_AUDIO_PCMU)
        g711_ulaw_decode(samples, bytes, count);
    else if (p->from == RT_AUDIO_PCMA)
        g711_alaw_decode(samples, bytes, count);
    else
        (void)pcm_from_le(samples, bytes, count * 2);
    p->samples.len = count * sizeof(int16_t);
    return true;
}

/* ---- out ---- */

/* What the resampler gave, in the format's bytes. */
static bool write_bytes(struct pipe *p)
{
    size_t count;
    const int16_t *samples = pcm_view(&p->resampled, &count);

    buf_clear(&p->bytes);
    if (p->resampled.failed || !buf_reserve(&p->bytes, count * 2))
        return false;
    if (p->to == RT_AUDIO_PCM24K) {
        pcm_append_le(&p->bytes, samples, count);
        return !p->bytes.failed;
    }
    if (p->to == RT_AUDIO_PCMU)
        g711_ulaw_encode((uint8_t *)p->bytes.data, samples, count);
    else
        g711_alaw_encode((uint8_t *)p->bytes.data, samples, count);
    p->bytes.len = count;
    return true;
}

bool pipe_run(struct pipe *p, struct parley_view base64, bool is_last, struct buf *out)
{
    size_t count;

    if (!read_bytes(p, base64) || !read_samples(p))
        return false;
    const int16_t *samples = pcm_view(&p->samples, &count);
    buf_clear(&p->resampled);
    resampler_run(p->resampler, samples, count, &p->resampled);
    if (is_last) {
        resampler_flush(p->resampler, &p->resampled);
        p->has_odd = false;
    }
    if (!write_bytes(p))
        return false;
    base64_encode(out, p->bytes.data, p->bytes.len);
    return !out->failed;
}
