/* SPDX-License-Identifier: Apache-2.0 */
#include "cascade/sentences.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"

#include <ctype.h>

/* Words whose full stop ends no sentence. */
static const char *const abbreviations[] = {
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "approx", "jr", "sr", "fig",
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters, digits and everything beyond ASCII. */
static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool has_words(struct parley_view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (is_word(v.data[i]))
            return true;
    }
    return false;
}

/* Does the full stop at `at` belong to the word before it: "Dr.", "J.", "2." of a list? */
static bool is_abbreviation(struct parley_view text, size_t at)
{
    size_t start = at;

    while (start > 0 && !is_space(text.data[start - 1]))
        start--;

    struct parley_view word = {text.data + start, at - start};
    while (word.len > 0 && !is_word(word.data[0])) {
        word.data++;
        word.len--;
    }
    if (word.len == 1 && isupper((unsigned char)word.data[0]) && word.data[0] != 'I')
        return true;
    if (word.len > 0 && word.len <= 2 && is_digit(word.data[0]) &&
        is_digit(word.data[word.len - 1]))
        return !has_words((struct parley_view){text.data, start});
    for (size_t i = 0; i < ARRAY_LEN(abbreviations); i++) {
        if (view_equal_nocase(word, view_of(abbreviations[i])))
            return true;
    }
    return false;
}

/* Bytes of a mark that ends a sentence at `at`, 0 when there is none. */
static size_t end_mark(struct parley_view text, size_t at)
{
    static const char *const wide[] = {"\xe2\x80\xa6", "\xe3\x80\x82", "\xef\xbc\x81",
                                       "\xef\xbc\x9f"};
    struct parley_view rest = {text.data + at, text.len - at};

    if (rest.data[0] == '!' || rest.data[0] == '?')
        return 1;
    if (rest.data[0] == '.')
        return is_abbreviation(text, at) ? 0 : 1;
    for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
        if (view_starts_with(rest, view_of(wide[i])))
            return 3;
    }
    return 0;
}

static size_t skip_spaces(struct parley_view text, size_t at)
{
    while (at < text.len && is_space(text.data[at]))
        at++;
    return at;
}

/* Past more marks and closing quotes: `?!"`. */
static size_t skip_closing(struct parley_view text, size_t at)
{
    while (at < text.len && text.data[at] != '\0' && strchr(".!?\"')]*", text.data[at]) != NULL)
        at++;
    return at;
}

/* Where a piece that ends at `at` ends with the spaces after it; 0 when none follow yet. */
static size_t end_before_space(struct parley_view text, size_t at)
{
    return at < text.len && is_space(text.data[at]) ? skip_spaces(text, at) : 0;
}

/* End of the piece that is complete by the character at `at`, or 0. */
static size_t piece_end_at(const struct sentences *s, struct parley_view text, size_t at)
{
    struct parley_view before = {text.data, at};
    char c = text.data[at];

    if (!has_words(before))
        return 0;
    if (c == '\n')
        return skip_spaces(text, at);

    size_t mark = end_mark(text, at);
    if (mark == 3 && c != '\xe2')
        return skip_spaces(text, at + mark); /* no space is written after these */
    if (mark > 0)
        return end_before_space(text, skip_closing(text, at + mark));
    if (!s->has_taken && at >= SENTENCES_CLAUSE_CHARS && (c == ',' || c == ';' || c == ':'))
        return end_before_space(text, at + 1);
    return 0;
}

/* A text without an end in sight is cut after a word, at worst inside one. */
static size_t forced_end(struct parley_view text)
{
    size_t at = SENTENCES_MAX_BYTES;

    while (at > SENTENCES_MAX_BYTES / 2 && !is_space(text.data[at - 1]))
        at--;
    if (at > SENTENCES_MAX_BYTES / 2)
        return at;
    at = SENTENCES_MAX_BYTES;
    while (at > 1 && ((unsigned char)text.data[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static size_t find_end(struct sentences *s)
{
    struct parley_view text = buf_view(&s->text);
    size_t limit = text.len < SENTENCES_MAX_BYTES ? text.len : SENTENCES_MAX_BYTES;

    for (size_t at = s->scanned; at < limit; at++) {
        size_t end = piece_end_at(s, text, at);
        if (end > 0)
            return end;
    }
    if (text.len > SENTENCES_MAX_BYTES)
        return forced_end(text);
    /* Marks near the end wait for what follows them: look at those again. */
    s->scanned = text.len > 8 ? text.len - 8 : 0;
    return 0;
}

void sentences_add(struct sentences *s, struct parley_view delta)
{
    buf_append_view(&s->text, delta);
}

bool sentences_take(struct sentences *s, bool at_end, struct buf *out)
{
    size_t end = find_end(s);

    if (end == 0 && at_end)
        end = s->text.len;
    if (end == 0)
        return false;
    buf_append(out, s->text.data, end);
    buf_consume(&s->text, end);
    s->scanned = 0;
    s->has_taken = true;
    return true;
}

void sentences_done(struct sentences *s)
{
    buf_done(&s->text);
    *s = (struct sentences){0};
}

bool sentences_speakable(struct buf *out, struct parley_view piece)
{
    size_t start = out->len;
    bool has_word = false;

    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.data[i];
        bool starts_word = out->len == start || out->data[out->len - 1] == ' ';

        if (c == '*' || c == '`' || (c == '#' && starts_word) || (c == '_' && starts_word))
            continue;
        if (is_space(c)) {
            if (out->len > start && out->data[out->len - 1] != ' ')
                buf_append_char(out, ' ');
            continue;
        }
        has_word = has_word || is_word(c);
        buf_append_char(out, c);
    }
    while (out->len > start && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    return has_word;
}
