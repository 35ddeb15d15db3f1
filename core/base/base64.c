/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static _Thread_local uint64_t decode_count;

void base64_encode(struct buf *out, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;

    if (!buf_reserve(out, (len + 2) / 3 * 4))
        return;
    char *to = out->data + out->len;
    size_t i = 0;
    for (; i + 3 <= len; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = alphabet[v >> 6 & 63];
        *to++ = alphabet[v & 63];
    }
    if (i < len) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
        *to++ = '=';
    }
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

/* Of each ASCII character; 64 for what is not of the alphabet. */
/* clang-format off */
static const unsigned char values[128] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
};
/* clang-format on */

static unsigned value_of(char c)
{
    return (unsigned char)c < sizeof(values) ? values[(unsigned char)c] : 64;
}

static size_t padding_of(struct parley_view text)
{
    if (text.len == 0 || text.data[text.len - 1] != '=')
        return 0;
    return text.len >= 2 && text.data[text.len - 2] == '=' ? 2 : 1;
}

size_t base64_decoded_len(struct parley_view text)
{
    size_t len = text.len / 4 * 3;
    size_t padding = padding_of(text);

    return len > padding ? len - padding : 0;
}

/* The last four, of which some may be padding. */
static bool decode_end(const char *q, size_t keep, unsigned char *to)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned six = i > keep ? 0 : value_of(q[i]);
        if (six == 64)
            return false;
        v = v << 6 | six;
    }
    for (size_t i = 0; i < keep; i++)
        to[i] = (unsigned char)(v >> (16 - 8 * i));
    return true;
}

/* Four characters to three bytes. */
static bool decode_quad(const char *q, unsigned char *to)
{
    unsigned a = value_of(q[0]), b = value_of(q[1]), c = value_of(q[2]), d = value_of(q[3]);
    uint32_t v = a << 18 | b << 12 | c << 6 | d;

    to[0] = (unsigned char)(v >> 16);
    to[1] = (unsigned char)(v >> 8);
    to[2] = (unsigned char)v;
    return ((a | b | c | d) & 64) == 0;
}

bool base64_decode(struct buf *out, struct parley_view text)
{
    decode_count++;
    if (text.len % 4 != 0 || !buf_reserve(out, text.len / 4 * 3))
        return false;
    size_t padding = padding_of(text);
    unsigned char *to = (unsigned char *)out->data + out->len;
    for (size_t i = 0; i + 4 < text.len; i += 4, to += 3) {
        if (!decode_quad(text.data + i, to))
            return false;
    }
    if (text.len > 0 && !decode_end(text.data + text.len - 4, 3 - padding, to))
        return false;
    to += text.len > 0 ? 3 - padding : 0;
    out->len = (size_t)((char *)to - out->data);
    out->data[out->len] = '\0';
    return true;
}

/* ---- of URLs ---- */

void base64url_encode(struct buf *out, const void *bytes, size_t len)
{
    size_t start = out->len;

    base64_encode(out, bytes, len);
    if (out->failed)
        return;
    while (out->len > start && out->data[out->len - 1] == '=')
        out->data[--out->len] = '\0';
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] == '+')
            out->data[i] = '-';
        else if (out->data[i] == '/')
            out->data[i] = '_';
    }
}

static unsigned char url_value_of(char c)
{
    if (c == '-')
        return 62;
    if (c == '_')
        return 63;
    return c == '+' || c == '/' ? 64 : value_of(c);
}

bool base64url_decode(struct buf *out, struct parley_view text)
{
    uint32_t bits = 0;
    unsigned held = 0;

    if (text.len % 4 == 1 || !buf_reserve(out, text.len / 4 * 3 + 3))
        return false;
    char *to = out->data + out->len;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char six = url_value_of(text.data[i]);
        if (six == 64)
            return false;
        bits = bits << 6 | six;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        *to++ = (char)(bits >> held & 0xff);
    }
    if ((bits & ((1u << held) - 1)) != 0) /* two texts would stand for the same bytes */
        return false;
    out->len = (size_t)(to - out->data);
    out->data[out->len] = '\0';
    return true;
}

uint64_t base64_decode_count(void)
{
    return decode_count;
}
