/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

static size_t three_len(const unsigned char *s, size_t len)
{
    if (len < 3 || !is_tail(s[1]) || !is_tail(s[2]))
        return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F))
        return 0; /* overlong, surrogate */
    return 3;
}

static size_t four_len(const unsigned char *s, size_t len)
{
    if (len < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
        return 0;
    if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0; /* overlong, above U+10FFFF */
    return 4;
}

size_t utf8_char_len(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;

    if (len == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2)
        return 0;
    if (s[0] < 0xE0)
        return len >= 2 && is_tail(s[1]) ? 2 : 0;
    if (s[0] < 0xF0)
        return three_len(s, len);
    return s[0] < 0xF5 ? four_len(s, len) : 0;
}

bool utf8_valid(const char *s, size_t len)
{
    size_t i = 0;

    while (i < len) {
        uint64_t word;
        while (len - i >= sizeof(word)) {
            memcpy(&word, s + i, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) != 0)
                break;
            i += sizeof(word);
        }
        if (i == len)
            break;
        size_t width = utf8_char_len(s + i, len - i);
        if (width == 0)
            return false;
        i += width;
    }
    return true;
}

size_t utf8_count(const char *s, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += !is_tail((unsigned char)s[i]);
    return count;
}

struct parley_view utf8_prefix(struct parley_view v, size_t most)
{
    const size_t end = v.len < most ? v.len : most;
    size_t width;

    v.len = 0;
    while (v.len < end && (width = utf8_char_len(v.data + v.len, end - v.len)) > 0)
        v.len += width;
    return v;
}

void utf8_append_mended(struct buf *out, struct parley_view v)
{
    if (utf8_valid(v.data, v.len)) {
        buf_append_view(out, v);
        return;
    }
    for (size_t i = 0; i < v.len;) {
        size_t len = utf8_char_len(v.data + i, v.len - i);
        buf_append(out, len == 0 ? "?" : v.data + i, len == 0 ? 1 : len);
        i += len == 0 ? 1 : len;
    }
}
