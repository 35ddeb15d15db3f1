/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/resample.h"

#include "audio/pcm.h"
#include "base/cleanup.h"

#include <speex/speex_resampler.h>
#include <stdlib.h>

/* Good enough that recognisers hear no difference, cheap enough for every stream. */
#define QUALITY 3

/* Input is handed over in pieces, which bounds the room that one step needs. */
#define PIECE 4096

struct resampler {
    SpeexResamplerState *speex; /* NULL when the rates are equal */
    uint32_t from_hz;
    uint32_t to_hz;
};

struct resampler *resampler_destroy(struct resampler *r)
{
    if (r == NULL)
        return NULL;
    if (r->speex != NULL)
        speex_resampler_destroy(r->speex);
    free(r);
    return NULL;
}

int resampler_create(int from_hz, int to_hz, struct resampler **ret, struct parley_error *err)
{
    if (from_hz < RESAMPLER_MIN_HZ || from_hz > RESAMPLER_MAX_HZ || to_hz < RESAMPLER_MIN_HZ ||
        to_hz > RESAMPLER_MAX_HZ)
        return parley_fail(err, PARLEY_E_INVALID,
                           "resampler: %d to %d Hz: rates must lie between %d and %d", from_hz,
                           to_hz, RESAMPLER_MIN_HZ, RESAMPLER_MAX_HZ);

    struct resampler *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "resampler: no memory");

    r->from_hz = (uint32_t)from_hz;
    r->to_hz = (uint32_t)to_hz;
    if (from_hz != to_hz) {
        int failed = 0;
        r->speex = speex_resampler_init(1, r->from_hz, r->to_hz, QUALITY, &failed);
        if (r->speex == NULL) {
            resampler_destroy(r);
            return parley_fail(err, PARLEY_E_NO_MEMORY, "resampler: %d to %d Hz: %s", from_hz,
                               to_hz, speex_resampler_strerror(failed));
        }
        speex_resampler_skip_zeros(r->speex);
    }
    *ret = r;
    return PARLEY_OK;
}

static void run_piece(struct resampler *r, const int16_t *samples, uint32_t count, struct buf *out)
{
    while (count > 0) {
        uint32_t taken = count;
        uint32_t room = (uint32_t)((uint64_t)count * r->to_hz / r->from_hz) + 16;

        if (!buf_reserve(out, room * sizeof(int16_t))) {
            out->failed = true;
            return;
        }
        int16_t *to = (int16_t *)(void *)(out->data + out->len);
        speex_resampler_process_int(r->speex, 0, samples, &taken, to, &room);
        out->len += room * sizeof(int16_t);
        out->data[out->len] = '\0';
        if (taken == 0 && room == 0)
            return;
        samples += taken;
        count -= taken;
    }
}

void resampler_run(struct resampler *r, const int16_t *samples, size_t count, struct buf *out)
{
    if (r->speex == NULL) {
        pcm_append(out, samples, count);
        return;
    }
    while (count > 0 && !out->failed) {
        size_t piece = count < PIECE ? count : PIECE;
        run_piece(r, samples, (uint32_t)piece, out);
        samples += piece;
        count -= piece;
    }
}

void resampler_flush(struct resampler *r, struct buf *out)
{
    static const int16_t silence[256];

    if (r->speex == NULL)
        return;

    int latency = speex_resampler_get_input_latency(r->speex);
    while (latency > 0) {
        int piece = latency < (int)ARRAY_LEN(silence) ? latency : (int)ARRAY_LEN(silence);
        run_piece(r, silence, (uint32_t)piece, out);
        latency -= piece;
    }
    resampler_reset(r);
}

void resampler_reset(struct resampler *r)
{
    if (r->speex == NULL)
        return;
    speex_resampler_reset_mem(r->speex);
    speex_resampler_skip_zeros(r->speex);
}
