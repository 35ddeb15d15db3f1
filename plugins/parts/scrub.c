/* SPDX-License-Identifier: Apache-2.0 */
#include "scrub.h"

#include <string.h>

#define SHARED_CHARS 8 /* of the key, in one word, that give it away */
#define HIDDEN       "[hidden]"

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '*';
}

static bool contains(struct parley_view word, const char *part, size_t len)
{
    return word.len >= len && memmem(word.data, word.len, part, len) != NULL;
}

static bool starts_with(struct parley_view word, const char *prefix)
{
    size_t len = strlen(prefix);

    return word.len > len && memcmp(word.data, prefix, len) == 0;
}

static bool shares_with_key(struct parley_view word, const char *key)
{
    size_t len = strlen(key);

    if (len > 0 && len < SHARED_CHARS)
        return contains(word, key, len);
    for (size_t i = 0; i + SHARED_CHARS <= len; i++) {
        if (contains(word, key + i, SHARED_CHARS))
            return true;
    }
    return false;
}

static bool is_secret(struct parley_view word, const char *key)
{
    return starts_with(word, "sk-") || starts_with(word, "ek_") || starts_with(word, "sess-") ||
           contains(word, "***", 3) || shares_with_key(word, key);
}

/* A length at or below `len` that does not cut a UTF-8 character. */
static size_t whole_chars(struct parley_view text, size_t len)
{
    while (len > 0 && len < text.len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static size_t append(char *out, size_t size, size_t at, struct parley_view piece)
{
    size_t room = size - 1 - at;
    size_t len = piece.len <= room ? piece.len : whole_chars(piece, room);

    memcpy(out + at, piece.data, len);
    return at + len;
}

bool scrub(struct parley_view text, const char *key, char *out, size_t size)
{
    bool has_hidden = false;
    size_t at = 0;

    for (size_t i = 0; i < text.len;) {
        bool in_word = is_word_char(text.data[i]);
        size_t begin = i;
        while (i < text.len && is_word_char(text.data[i]) == in_word)
            i++;
        struct parley_view piece = {text.data + begin, i - begin};
        if (in_word && is_secret(piece, key)) {
            piece = (struct parley_view)PARLEY_VIEW(HIDDEN);
            has_hidden = true;
        }
        at = append(out, size, at, piece);
    }
    out[at] = '\0';
    return has_hidden;
}
