/* SPDX-License-Identifier: Apache-2.0 */
/* Audio made by arithmetic, the same everywhere: what a detector should and should not hear. */
#ifndef MADE_SPEECH_H
#define MADE_SPEECH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define MADE_TURN (2.0 * 3.14159265358979323846)

/* Uniform noise of this amplitude. */
static inline void made_noise(int16_t *samples, size_t count, double amplitude, uint32_t *seed)
{
    for (size_t i = 0; i < count; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        samples[i] = (int16_t)lrint(amplitude * ((double)(*seed >> 8) / 8388608.0 - 1.0));
    }
}

/* One resonance of a vocal tract; memory is two values. */
static inline double made_formant(double x, double hz, double width_hz, double memory[2])
{
    double r = exp(-MADE_TURN / 2 * width_hz / 16000.0);
    double y = x + 2 * r * cos(MADE_TURN * hz / 16000.0) * memory[0] - r * r * memory[1];

    memory[1] = memory[0];
    memory[0] = y;
    return y;
}

/* Syllables of two vowels at 16 kHz, added to what is there: four a second, a gliding voice. */
static inline void made_voice(int16_t *samples, size_t count)
{
    double tract[3][2] = {{0}};
    double phase = 0;

    for (size_t i = 0; i < count; i++) {
        double t = (double)i / 16000.0;
        double beat = fmod(t * 4.0, 1.0);
        int vowel = (int)(t * 4.0) % 2;
        double loud = beat < 0.8 ? sin(MADE_TURN / 2 * beat / 0.8) : 0;

        phase += (125.0 + 20.0 * sin(MADE_TURN * 0.7 * t)) / 16000.0;
        double pulse = phase >= 1.0 ? 1.0 : 0.0;
        phase -= pulse;
        double x = made_formant(pulse, vowel ? 300 : 730, 80, tract[0]);
        x += 0.7 * made_formant(pulse, vowel ? 2290 : 1090, 100, tract[1]);
        x += 0.3 * made_formant(pulse, vowel ? 3010 : 2440, 140, tract[2]);
        samples[i] = (int16_t)lrint(samples[i] + 4000.0 * loud * x / 3.0);
    }
}

#endif
