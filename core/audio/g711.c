/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/g711.h"

/* A code is a sign, three bits of segment (a power of two) and four bits of step inside it. */
#define ULAW_BIAS 0x84
#define ULAW_CLIP 32635

static int highest_bit(unsigned value)
{
    return 31 - __builtin_clz(value);
}

int16_t g711_ulaw_to_linear(uint8_t code)
{
    unsigned bits = (uint8_t)~code;
    int size = (int)((((bits & 0x0f) << 3) + ULAW_BIAS) << ((bits >> 4) & 7)) - ULAW_BIAS;

    return (int16_t)(bits & 0x80 ? -size : size);
}

uint8_t g711_linear_to_ulaw(int16_t sample)
{
    unsigned sign = sample < 0 ? 0x80 : 0;
    int size = sample < 0 ? -(int)sample : sample;

    if (size > ULAW_CLIP)
        size = ULAW_CLIP;
    size += ULAW_BIAS;

    unsigned segment = (unsigned)highest_bit((unsigned)size) - 7;
    unsigned step = ((unsigned)size >> (segment + 3)) & 0x0f;
    return (uint8_t) ~(sign | segment << 4 | step);
}

int16_t g711_alaw_to_linear(uint8_t code)
{
    unsigned bits = code ^ 0x55;
    unsigned segment = (bits >> 4) & 7;
    int size = (int)((bits & 0x0f) << 4) + 8;

    if (segment > 0)
        size = (size + 0x100) << (segment - 1);
    return (int16_t)(bits & 0x80 ? size : -size);
}

uint8_t g711_linear_to_alaw(int16_t sample)
{
    unsigned sign = sample < 0 ? 0 : 0x80;
    /* One's complement below zero, as the standard's tables have it. */
    unsigned size = sample < 0 ? (unsigned)(-1 - sample) : (unsigned)sample;
    unsigned segment = size < 0x100 ? 0 : (unsigned)highest_bit(size) - 7;
    unsigned step = (segment == 0 ? size >> 4 : size >> (segment + 3)) & 0x0f;

    return (uint8_t)((sign | segment << 4 | step) ^ 0x55);
}

void g711_ulaw_decode(int16_t *samples, const uint8_t *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = g711_ulaw_to_linear(codes[i]);
}

void g711_alaw_decode(int16_t *samples, const uint8_t *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = g711_alaw_to_linear(codes[i]);
}

void g711_ulaw_encode(uint8_t *codes, const int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        codes[i] = g711_linear_to_ulaw(samples[i]);
}

void g711_alaw_encode(uint8_t *codes, const int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        codes[i] = g711_linear_to_alaw(samples[i]);
}
