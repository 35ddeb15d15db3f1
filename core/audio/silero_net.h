/* SPDX-License-Identifier: Apache-2.0 */
/* The network of vad_silero.h: its weights as the loops want them, its state, one step. */
#ifndef AUDIO_SILERO_NET_H
#define AUDIO_SILERO_NET_H

#include "audio/vad.h"

#include <stdint.h>

#define SILERO_CONTEXT  64  /* samples before the frame that it sees */
#define SILERO_WINDOW   256 /* of the short-time transform */
#define SILERO_HOP      128
#define SILERO_BINS     (SILERO_WINDOW / 2 + 1) /* 129 */
#define SILERO_STEPS    4                       /* windows in a frame */
#define SILERO_CHANNELS 128                     /* widest layer, and the cell */
#define SILERO_GATES    (4 * SILERO_CHANNELS)   /* input, forget, cell, output */
#define SILERO_TAPS     3                       /* of each convolution */

/*
 * Matrices are stored input-major ([input][tap][output]), so that the innermost loop runs over
 * neighbouring outputs with one input held fixed: compilers turn that into vector code without
 * reordering sums.
 */
struct silero_weights {
    float conv0[SILERO_BINS * SILERO_TAPS * 128], bias0[128];
    float conv1[128 * SILERO_TAPS * 64], bias1[64];
    float conv2[64 * SILERO_TAPS * 64], bias2[64];
    float conv3[64 * SILERO_TAPS * 128], bias3[128];
    float cell_input[SILERO_CHANNELS * SILERO_GATES];
    float cell_hidden[SILERO_CHANNELS * SILERO_GATES];
    float cell_bias[SILERO_GATES]; /* both biases added */
    float out[SILERO_CHANNELS];
    float out_bias;
    float hann[SILERO_WINDOW];
    float cosine[SILERO_WINDOW / 2]; /* twiddle factors of the transform */
    float sine[SILERO_WINDOW / 2];
};

/* What a stream remembers. Zeroed is fresh. */
struct silero_state {
    float context[SILERO_CONTEXT];
    float hidden[SILERO_CHANNELS];
    float cell[SILERO_CHANNELS];
};

/* Fill the window and the twiddle factors, which follow from the sizes alone. */
void silero_net_prepare(struct silero_weights *w);

/* One frame in, its probability out. Thread: any; the weights are only read. */
float silero_net_run(const struct silero_weights *w, struct silero_state *state,
                     const int16_t samples[VAD_FRAME_SAMPLES]);

#endif
