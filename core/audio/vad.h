/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this speech? One interface over two engines: vad_silero.h, a small neural network, and
 * vad_energy.h, which needs no file. Audio is cut into frames of 32 ms at 16 kHz; each frame gives
 * one probability. A detector belongs to one stream.
 */
#ifndef AUDIO_VAD_H
#define AUDIO_VAD_H

#include <stddef.h>
#include <stdint.h>

#define VAD_RATE_HZ       16000
#define VAD_FRAME_SAMPLES 512
#define VAD_FRAME_MS      32

struct vad;

/* What an engine provides. */
struct vad_engine {
    const char *name;
    float (*frame)(struct vad *v, const int16_t samples[VAD_FRAME_SAMPLES]);
    void (*reset)(struct vad *v);
    void (*destroy)(struct vad *v);
};

/* Embedded first in the engine's own state. */
struct vad {
    const struct vad_engine *engine;
    size_t pending; /* samples that wait for their frame to be full */
    int16_t frame[VAD_FRAME_SAMPLES];
};

/* Takes the probability (0..1) of one frame. */
typedef void (*vad_on_frame)(void *ctx, float probability);

/* Any number of samples; on_frame is called for each frame that they complete. */
void vad_feed(struct vad *v, const int16_t *samples, size_t count, vad_on_frame on_frame,
              void *ctx);

/* Forget the past, as a fresh one. */
void vad_reset(struct vad *v);

/* NULL is fine. Returns NULL. */
struct vad *vad_destroy(struct vad *v);

#endif
