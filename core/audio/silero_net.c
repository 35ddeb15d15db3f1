/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/silero_net.h"

#include <math.h>
#include <string.h>

/* Inlined into each copy of the network that is built below for an instruction set. */
#define INLINE static inline __attribute__((always_inline))

#define FRAME_FLOATS (SILERO_CONTEXT + VAD_FRAME_SAMPLES)
#define PADDED       (FRAME_FLOATS + 64) /* mirrored at its end */

void silero_net_prepare(struct silero_weights *w)
{
    const double turn = 2.0 * 3.14159265358979323846 / SILERO_WINDOW;

    for (int i = 0; i < SILERO_WINDOW; i++)
        w->hann[i] = (float)(0.5 - 0.5 * cos(turn * i));
    for (int i = 0; i < SILERO_WINDOW / 2; i++) {
        w->cosine[i] = (float)cos(turn * i);
        w->sine[i] = (float)-sin(turn * i);
    }
}

static unsigned reverse8(unsigned x)
{
    x = (x & 0xf0) >> 4 | (x & 0x0f) << 4;
    x = (x & 0xcc) >> 2 | (x & 0x33) << 2;
    return (x & 0xaa) >> 1 | (x & 0x55) << 1;
}

/* In-place transform of 256 complex values that already lie in bit-reversed order. */
INLINE void transform(const struct silero_weights *w, float *re, float *im)
{
    for (int half = 1; half < SILERO_WINDOW; half *= 2) {
        int stride = SILERO_WINDOW / 2 / half;

        for (int start = 0; start < SILERO_WINDOW; start += 2 * half) {
            for (int k = 0; k < half; k++) {
                int a = start + k, b = a + half;
                float c = w->cosine[k * stride], s = w->sine[k * stride];
                float tr = re[b] * c - im[b] * s;
                float ti = re[b] * s + im[b] * c;

                re[b] = re[a] - tr;
                im[b] = im[a] - ti;
                re[a] += tr;
                im[a] += ti;
            }
        }
    }
}

/* Magnitudes of two neighbouring windows by one complex transform: one real, one imaginary. */
INLINE void two_spectra(const struct silero_weights *w, const float *x, float *first, float *second)
{
    float re[SILERO_WINDOW], im[SILERO_WINDOW];

    for (unsigned i = 0; i < SILERO_WINDOW; i++) {
        unsigned to = reverse8(i);
        re[to] = x[i] * w->hann[i];
        im[to] = x[i + SILERO_HOP] * w->hann[i];
    }
    transform(w, re, im);
    for (int k = 0; k < SILERO_BINS; k++) {
        int m = (SILERO_WINDOW - k) % SILERO_WINDOW;
        float ar = re[k] + re[m], ai = im[k] - im[m];
        float br = im[k] + im[m], bi = re[m] - re[k];

        first[k] = 0.5f * sqrtf(ar * ar + ai * ai);
        second[k] = 0.5f * sqrtf(br * br + bi * bi);
    }
}

/* sum[o] += x * row[o] */
INLINE void add_scaled(float *restrict sum, const float *restrict row, float x, int outputs)
{
    for (int o = 0; o < outputs; o++)
        sum[o] += x * row[o];
}

/* One convolution of width 3 with padding 1 and ReLU: in [steps][inputs] to out [..][outputs]. */
INLINE void convolve(const float *in, int steps, int inputs, int stride, const float *weights,
                     const float *bias, float *out, int outputs)
{
    for (int at = 0; at * stride < steps; at++, out += outputs) {
        memcpy(out, bias, (size_t)outputs * sizeof(*out));
        for (int tap = 0; tap < SILERO_TAPS; tap++) {
            int from = at * stride + tap - 1;
            if (from < 0 || from >= steps)
                continue;
            for (int i = 0; i < inputs; i++)
                add_scaled(out, weights + (i * SILERO_TAPS + tap) * outputs, in[from * inputs + i],
                           outputs);
        }
        for (int o = 0; o < outputs; o++)
            out[o] = out[o] > 0 ? out[o] : 0;
    }
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

INLINE void cell_step(const struct silero_weights *w, struct silero_state *s, const float *x)
{
    float gates[SILERO_GATES];

    memcpy(gates, w->cell_bias, sizeof(gates));
    for (int i = 0; i < SILERO_CHANNELS; i++) {
        add_scaled(gates, w->cell_input + i * SILERO_GATES, x[i], SILERO_GATES);
        add_scaled(gates, w->cell_hidden + i * SILERO_GATES, s->hidden[i], SILERO_GATES);
    }
    for (int i = 0; i < SILERO_CHANNELS; i++) {
        float input = sigmoid(gates[i]);
        float forget = sigmoid(gates[SILERO_CHANNELS + i]);
        float candidate = tanhf(gates[2 * SILERO_CHANNELS + i]);
        float output = sigmoid(gates[3 * SILERO_CHANNELS + i]);

        s->cell[i] = forget * s->cell[i] + input * candidate;
        s->hidden[i] = output * tanhf(s->cell[i]);
    }
}

INLINE float run(const struct silero_weights *w, struct silero_state *s, const float *padded)
{
    float spectra[SILERO_STEPS * SILERO_BINS];
    float a[SILERO_STEPS * 128], b[SILERO_STEPS * 128];
    float score = w->out_bias;

    for (int step = 0; step < SILERO_STEPS; step += 2)
        two_spectra(w, padded + step * SILERO_HOP, spectra + step * SILERO_BINS,
                    spectra + (step + 1) * SILERO_BINS);
    convolve(spectra, 4, SILERO_BINS, 1, w->conv0, w->bias0, a, 128);
    convolve(a, 4, 128, 2, w->conv1, w->bias1, b, 64);
    convolve(b, 2, 64, 2, w->conv2, w->bias2, a, 64);
    convolve(a, 1, 64, 1, w->conv3, w->bias3, b, 128);
    cell_step(w, s, b);
    for (int i = 0; i < SILERO_CHANNELS; i++)
        score += w->out[i] * (s->hidden[i] > 0 ? s->hidden[i] : 0);
    return sigmoid(score);
}

static float run_plain(const struct silero_weights *w, struct silero_state *s, const float *padded)
{
    return run(w, s, padded);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float
run_avx2(const struct silero_weights *w, struct silero_state *s, const float *padded)
{
    return run(w, s, padded);
}

static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

float silero_net_run(const struct silero_weights *w, struct silero_state *state,
                     const int16_t samples[VAD_FRAME_SAMPLES])
{
    float x[PADDED];

    memcpy(x, state->context, sizeof(state->context));
    for (int i = 0; i < VAD_FRAME_SAMPLES; i++)
        x[SILERO_CONTEXT + i] = (float)samples[i] / 32768.0f;
    for (int i = 0; i < PADDED - FRAME_FLOATS; i++)
        x[FRAME_FLOATS + i] = x[FRAME_FLOATS - 2 - i];
    memcpy(state->context, x + FRAME_FLOATS - SILERO_CONTEXT, sizeof(state->context));

#if defined(__x86_64__)
    if (has_avx2())
        return run_avx2(w, state, x);
#endif
    return run_plain(w, state, x);
}
