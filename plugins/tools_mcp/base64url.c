/* SPDX-License-Identifier: Apache-2.0 */
#include "base64url.h"

#include <stdint.h>

static size_t encode(const void *bytes, size_t len, const char *last_two, char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const uint8_t *in = bytes;
    uint32_t held = 0;
    unsigned bits = 0;
    size_t at = 0;

    for (size_t i = 0; i < len || bits > 0;) {
        if (bits < 6 && i < len) {
            held = held << 8 | in[i++];
            bits += 8;
        } else if (bits < 6) {
            held <<= 6 - bits;
            bits = 6;
        }
        while (bits >= 6) {
            uint32_t index = held >> (bits - 6) & 63;
            out[at++] = index < 62 ? letters[index] : last_two[index - 62];
            bits -= 6;
        }
    }
    out[at] = '\0';
    return at;
}

size_t base64url(const void *bytes, size_t len, char *out)
{
    return encode(bytes, len, "-_", out);
}

size_t base64_padded(const void *bytes, size_t len, char *out)
{
    size_t at = encode(bytes, len, "+/", out);

    while (at % 4 != 0)
        out[at++] = '=';
    out[at] = '\0';
    return at;
}
