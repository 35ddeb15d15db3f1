/* SPDX-License-Identifier: Apache-2.0 */
#include "speakable.h"

#include <stdbool.h>
#include <string.h>

struct spelling {
    uint32_t first; /* code points */
    uint32_t last;
    const char *ascii;
};

/* Sorted by code point. Signs bring their own spaces. */
static const struct spelling spellings[] = {
    {0xa2, 0xa2, " cents "},
    {0xa3, 0xa3, " pounds "},
    {0xa5, 0xa5, " yen "},
    {0xa9, 0xa9, " copyright "},
    {0xb0, 0xb0, " degrees "},
    {0xb1, 0xb1, " plus or minus "},
    {0xb2, 0xb2, " squared "},
    {0xb3, 0xb3, " cubed "},
    {0xb5, 0xb5, " micro "},
    {0xbc, 0xbc, " one quarter "},
    {0xbd, 0xbd, " one half "},
    {0xbe, 0xbe, " three quarters "},
    {0xc0, 0xc5, "A"},
    {0xc6, 0xc6, "AE"},
    {0xc7, 0xc7, "C"},
    {0xc8, 0xcb, "E"},
    {0xcc, 0xcf, "I"},
    {0xd1, 0xd1, "N"},
    {0xd2, 0xd6, "O"},
    {0xd7, 0xd7, " times "},
    {0xd8, 0xd8, "O"},
    {0xd9, 0xdc, "U"},
    {0xdd, 0xdd, "Y"},
    {0xdf, 0xdf, "ss"},
    {0xe0, 0xe5, "a"},
    {0xe6, 0xe6, "ae"},
    {0xe7, 0xe7, "c"},
    {0xe8, 0xeb, "e"},
    {0xec, 0xef, "i"},
    {0xf1, 0xf1, "n"},
    {0xf2, 0xf6, "o"},
    {0xf7, 0xf7, " divided by "},
    {0xf8, 0xf8, "o"},
    {0xf9, 0xfc, "u"},
    {0xfd, 0xfd, "y"},
    {0xff, 0xff, "y"},
    {0x152, 0x152, "OE"},
    {0x153, 0x153, "oe"},
    {0x160, 0x160, "S"},
    {0x161, 0x161, "s"},
    {0x17d, 0x17d, "Z"},
    {0x17e, 0x17e, "z"},
    {0x2010, 0x2011, "-"},
    {0x2012, 0x2015, ", "},
    {0x2018, 0x201b, "'"},
    {0x201c, 0x201f, "\""},
    {0x2022, 0x2022, ", "},
    {0x2026, 0x2026, "..."},
    {0x20ac, 0x20ac, " euros "},
    {0x2122, 0x2122, " trademark "},
    {0x2212, 0x2212, " minus "},
    {0x2248, 0x2248, " about "},
    {0x2260, 0x2260, " is not equal to "},
    {0x2264, 0x2264, " is at most "},
    {0x2265, 0x2265, " is at least "},
};

static const char *spelling_of(uint32_t point)
{
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        if (point < spellings[i].first)
            break;
        if (point <= spellings[i].last)
            return spellings[i].ascii;
    }
    return " ";
}

/* Decode one character; what is no UTF-8 is U+FFFD of one byte. Returns its length. */
static size_t next_point(const unsigned char *at, size_t len, uint32_t *ret_point)
{
    size_t want = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    *ret_point = 0xfffd;
    if (want == 0 || want > len || at[0] > 0xf4)
        return 1;
    uint32_t point = want == 1 ? at[0] : at[0] & (0x7fu >> want);
    for (size_t i = 1; i < want; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 1;
        point = point << 6 | (at[i] & 0x3f);
    }
    *ret_point = point;
    return want;
}

/* Letters and signs as they are, but no two spaces and no control characters. */
static bool put(char c, char *out, size_t size, size_t *len)
{
    if ((unsigned char)c < ' ' || c == 0x7f)
        c = ' ';
    if (c == ' ' && (*len == 0 || out[*len - 1] == ' '))
        return true;
    if (*len + 1 >= size)
        return false;
    out[(*len)++] = c;
    return true;
}

static bool put_point(uint32_t point, char *out, size_t size, size_t *len)
{
    char plain[2] = {(char)point, '\0'};

    for (const char *at = point < 0x80 ? plain : spelling_of(point); *at != '\0'; at++) {
        if (!put(*at, out, size, len))
            return false;
    }
    return point != 0 || put(' ', out, size, len);
}

int speakable(struct parley_view text, char *out, size_t size, struct parley_error *err)
{
    size_t len = 0;

    for (size_t at = 0; at < text.len;) {
        uint32_t point = 0;
        at += next_point((const unsigned char *)text.data + at, text.len - at, &point);
        if (!put_point(point, out, size, &len))
            return parley_fail(err, PARLEY_E_TOO_LARGE,
                               "a text of %zu bytes is too long to be spoken at once; the limit is "
                               "%zu: give it sentence by sentence",
                               text.len, size);
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return (int)len;
}
