/* SPDX-License-Identifier: Apache-2.0 */
#include "tone.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FREQUENCY 440.0
#define LOUDNESS  8000.0
#define TWO_PI    6.283185307179586

static bool is_g711(const char *format)
{
    return strcmp(format, "audio/pcmu") == 0 || strcmp(format, "audio/pcma") == 0;
}

uint32_t tone_bytes_per_ms(const char *format)
{
    return is_g711(format) ? 8 : 48;
}

static int16_t sample_at(uint32_t n, uint32_t rate)
{
    return (int16_t)(LOUDNESS * sin(TWO_PI * FREQUENCY * n / rate));
}

/* ITU-T G.711 by its segments. */
static uint8_t mu_law(int16_t sample)
{
    int value = sample < 0 ? -sample : sample;
    int sign = sample < 0 ? 0x80 : 0;
    int exponent = 7;

    value = (value > 32635 ? 32635 : value) + 132;
    while (exponent > 0 && (value & (1 << (exponent + 7))) == 0)
        exponent--;
    return (uint8_t) ~(sign | exponent << 4 | ((value >> (exponent + 3)) & 0x0f));
}

static uint8_t a_law(int16_t sample)
{
    int sign = sample >= 0 ? 0x80 : 0;
    int value = sample < 0 ? -sample - 1 : sample;
    int exponent = 7;

    while (exponent > 0 && (value & (1 << (exponent + 7))) == 0)
        exponent--;
    int mantissa = exponent == 0 ? (value >> 4) & 0x0f : (value >> (exponent + 3)) & 0x0f;
    return (uint8_t)((sign | exponent << 4 | mantissa) ^ 0x55);
}

static void fill(const char *format, uint8_t *bytes, size_t len)
{
    if (!is_g711(format)) {
        for (size_t i = 0; i + 1 < len; i += 2) {
            uint16_t sample = (uint16_t)sample_at((uint32_t)(i / 2), 24000);
            bytes[i] = (uint8_t)(sample & 0xff);
            bytes[i + 1] = (uint8_t)(sample >> 8);
        }
        return;
    }
    bool is_mu = strcmp(format, "audio/pcmu") == 0;
    for (size_t i = 0; i < len; i++) {
        int16_t sample = sample_at((uint32_t)i, 8000);
        bytes[i] = is_mu ? mu_law(sample) : a_law(sample);
    }
}

static char *encode(const uint8_t *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((len + 2) / 3 * 4 + 1);
    char *to = text;

    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                     (left > 2 ? bytes[i + 2] : 0);
        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[v & 63] : '=';
    }
    *to = '\0';
    return text;
}

char *tone_base64(const char *format, uint32_t ms)
{
    size_t len = (size_t)ms * tone_bytes_per_ms(format);
    uint8_t *bytes = malloc(len + 1);

    if (bytes == NULL)
        return NULL;
    fill(format, bytes, len);
    char *text = encode(bytes, len);
    free(bytes);
    return text;
}
