/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES  (2u << 20)
#define MAX_PIECE_BYTES 96 /* the longest real one has 48 */
#define FIRST_TEXT      3  /* 0 to 2 are <unk>, <s> and </s> */
#define SPACE_MARK      "\xe2\x96\x81"
#define SPACE_MARK_LEN  3

struct tokens {
    char *text; /* the file; every piece ends with NUL */
    uint32_t starts[TOKENS_COUNT];
};

/* --- Reading the file ----------------------------------------------------------------------------
 */

static int index_lines(struct tokens *tokens, size_t len, struct parley_error *err)
{
    size_t count = 0, start = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && tokens->text[i] != '\n' && tokens->text[i] != '\0')
            continue;
        if (i == len && start == len) /* after the last line's end */
            break;
        if (i < len && tokens->text[i] == '\0')
            return parley_fail(err, PARLEY_E_INVALID, "line %zu holds a NUL byte", count + 1);
        if (count == TOKENS_COUNT)
            return parley_fail(err, PARLEY_E_INVALID, "has more than %d lines", TOKENS_COUNT);
        if (i == start || i - start > MAX_PIECE_BYTES)
            return parley_fail(err, PARLEY_E_INVALID, "line %zu has %zu bytes, not 1 to %d",
                               count + 1, i - start, MAX_PIECE_BYTES);
        tokens->starts[count++] = (uint32_t)start;
        tokens->text[i] = '\0';
        start = i + 1;
    }
    if (count != TOKENS_COUNT)
        return parley_fail(err, PARLEY_E_INVALID, "has %zu lines, not %d", count, TOKENS_COUNT);
    return PARLEY_OK;
}

int tokens_parse(const char *text, size_t len, struct tokens **ret_tokens, struct parley_error *err)
{
    if (len > MAX_FILE_BYTES)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "has %zu bytes, more than %u", len,
                           MAX_FILE_BYTES);
    struct tokens *tokens = calloc(1, sizeof(*tokens));
    if (tokens == NULL || (tokens->text = malloc(len + 1)) == NULL) {
        tokens_destroy(tokens);
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for %zu bytes", len);
    }
    if (len > 0)
        memcpy(tokens->text, text, len);
    tokens->text[len] = '\0';
    int r = index_lines(tokens, len, err);
    if (r < 0) {
        tokens_destroy(tokens);
        return r;
    }
    *ret_tokens = tokens;
    return PARLEY_OK;
}

static int parse_file(const char *path, char *bytes, struct tokens **ret_tokens,
                      struct parley_error *err)
{
    struct parley_error why = PARLEY_ERROR_INIT;

    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "%s: %s", path, "cannot be read");
    size_t len = fread(bytes, 1, MAX_FILE_BYTES + 1, file);
    fclose(file);
    int r = tokens_parse(bytes, len, ret_tokens, &why);
    if (r < 0)
        return parley_fail(err, r, "%s: %s; run 'parleyctl models get llama-tokenizer' again", path,
                           why.message);
    return PARLEY_OK;
}

int tokens_load(const char *path, struct tokens **ret_tokens, struct parley_error *err)
{
    char *bytes = malloc(MAX_FILE_BYTES + 1);

    if (bytes == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory to read it", path);
    int r = parse_file(path, bytes, ret_tokens, err);
    free(bytes);
    return r;
}

void tokens_destroy(struct tokens *tokens)
{
    if (tokens == NULL)
        return;
    free(tokens->text);
    free(tokens);
}

/* --- Making text ---------------------------------------------------------------------------------
 */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that "<0xNN>" stands for, or -1. */
static int byte_piece(const char *piece)
{
    if (strlen(piece) != 6 || strncmp(piece, "<0x", 3) != 0 || piece[5] != '>')
        return -1;
    int high = hex_digit(piece[3]), low = hex_digit(piece[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool put(char c, char *out, size_t size, size_t *len)
{
    if (*len >= size)
        return false;
    out[(*len)++] = c;
    return true;
}

bool tokens_append(const struct tokens *tokens, int64_t token, char *out, size_t size, size_t *len)
{
    if (token < FIRST_TEXT || token >= TOKENS_COUNT)
        return true;
    const char *piece = tokens->text + tokens->starts[token];
    int byte = byte_piece(piece);
    if (byte >= 0)
        return put((char)byte, out, size, len);
    while (*piece != '\0') {
        bool is_space = strncmp(piece, SPACE_MARK, SPACE_MARK_LEN) == 0;
        if (!put(is_space ? ' ' : *piece, out, size, len))
            return false;
        piece += is_space ? SPACE_MARK_LEN : 1;
    }
    return true;
}

/* The length of the UTF-8 character at the start of the bytes; 0 when they are none. */
static size_t character_len(const unsigned char *at, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t want = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (want <= 1)
        return want;
    if (at[0] > 0xf4 || want > len)
        return 0;
    uint32_t point = at[0] & (0x7fu >> want);
    for (size_t i = 1; i < want; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3f);
    }
    if (point < least[want] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    return want;
}

size_t tokens_tidy(char *text, size_t len)
{
    size_t start = 0;

    while (start < len && (text[start] == ' ' || text[start] == '\n'))
        start++;
    while (len > start && (text[len - 1] == ' ' || text[len - 1] == '\n'))
        len--;
    memmove(text, text + start, len - start);
    len -= start;
    for (size_t i = 0; i < len;) {
        size_t step = text[i] == '\0' ? 0 : character_len((unsigned char *)text + i, len - i);
        if (step == 0)
            text[i] = '?';
        i += step == 0 ? 1 : step;
    }
    return len;
}
