/* SPDX-License-Identifier: Apache-2.0 */
#include "utterance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spoken.h"
#include "words.h"

#define MAX_NUMBER_BYTES 15 /* what a double holds exactly */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Bytes of other alphabets count as letters. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || is_upper(c) || (unsigned char)c >= 0x80;
}

static bool is_alnum(char c)
{
    return is_letter(c) || is_digit(c);
}

static char char_at(const struct utterance *u, size_t at)
{
    return at < u->len ? u->text[at] : '\0';
}

/* --- The text -----------------------------------------------------------------------------------
 */

static const struct {
    const char *typographic;
    char plain;
} replacements[] = {
    {"\u2019", '\''}, {"\u2018", '\''}, {"\u201c", '"'}, {"\u201d", '"'},
    {"\u00d7", '*'},  {"\u00f7", '/'},  {"\u2212", '-'},
};

/* The typographic sign at `p` as a plain one, or 0. */
static char plain_sign(const char *p, size_t left, size_t *ret_len)
{
    for (size_t i = 0; i < sizeof(replacements) / sizeof(replacements[0]); i++) {
        size_t len = strlen(replacements[i].typographic);
        if (left >= len && memcmp(p, replacements[i].typographic, len) == 0) {
            *ret_len = len;
            return replacements[i].plain;
        }
    }
    return 0;
}

static size_t cut_between_characters(const char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static void copy_text(struct utterance *u, struct parley_view text)
{
    u->len = 0;
    for (size_t i = 0, len = 1; i < text.len && u->len < UTTERANCE_MAX_BYTES; i += len) {
        len = 1;
        char sign = plain_sign(text.data + i, text.len - i, &len);
        char c = sign != 0 ? sign : text.data[i];
        u->text[u->len++] = (unsigned char)c < ' ' ? ' ' : c;
    }
    u->text[u->len] = '\0';
    if (text.len > UTTERANCE_MAX_BYTES) {
        u->text[u->len] = (char)0x80; /* so that a cut character is seen as one */
        u->len = cut_between_characters(u->text, u->len);
        u->text[u->len] = '\0';
    }
}

/* --- Tokens -------------------------------------------------------------------------------------
 */

static struct token *add(struct utterance *u, size_t start, size_t end)
{
    if (u->count == UTTERANCE_MAX_TOKENS)
        return NULL;
    struct token *token = &u->tokens[u->count++];
    *token = (struct token){.start = (uint16_t)start, .end = (uint16_t)end};
    token->is_capital = is_upper(u->text[start]);
    for (size_t i = 0; i < TOKEN_MAX_BYTES && start + i < end; i++) {
        char c = u->text[start + i];
        token->word[i] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
    }
    return token;
}

static void add_word(struct utterance *u, size_t start, size_t end)
{
    struct token *token = add(u, start, end);

    if (token == NULL)
        return;
    memcpy(token->stem, token->word, sizeof(token->stem));
    word_stem(token->stem);
    token->is_stop = word_is_stop(token->word);
}

static void add_sign(struct utterance *u, size_t at)
{
    struct token *token = add(u, at, at + 1);

    if (token == NULL)
        return;
    token->is_sign = true;
    token->is_stop = true;
    token->is_glued = at > 0 && is_alnum(u->text[at - 1]) && is_alnum(char_at(u, at + 1));
}

static void add_number(struct utterance *u, size_t start, size_t end)
{
    char digits[MAX_NUMBER_BYTES + 1];
    size_t len = 0;

    for (size_t i = start; i < end && len < MAX_NUMBER_BYTES; i++) {
        if (u->text[i] != ',')
            digits[len++] = u->text[i];
    }
    digits[len] = '\0';
    struct token *token = add(u, start, end);
    if (token == NULL)
        return;
    token->is_number = true;
    token->number = strtod(digits, NULL);
}

static size_t digits_end(const struct utterance *u, size_t at)
{
    while (is_digit(char_at(u, at)))
        at++;
    return at;
}

/* 12, 1,000, 3.5 */
static size_t number_end(const struct utterance *u, size_t at)
{
    size_t end = digits_end(u, at);

    while (end - at <= 3 && char_at(u, end) == ',' && digits_end(u, end + 1) == end + 4)
        end += 4;
    if (char_at(u, end) == '.' && is_digit(char_at(u, end + 1)))
        end = digits_end(u, end + 1);
    return end;
}

/* 7:30, 2026-01-05: kept in one piece, as a word. 0 when it is neither. */
static size_t time_or_date_end(const struct utterance *u, size_t at)
{
    size_t end = digits_end(u, at);

    if (end - at <= 2 && char_at(u, end) == ':' && digits_end(u, end + 1) == end + 3)
        return end + 3;
    if (end - at == 4 && char_at(u, end) == '-' && digits_end(u, end + 1) == end + 3 &&
        char_at(u, end + 3) == '-' && digits_end(u, end + 4) == end + 6)
        return end + 6;
    return 0;
}

/* Where a word ends: letters, digits, apostrophes; dots, slashes and the like inside names of
 * things. */
static size_t word_end(const struct utterance *u, size_t at)
{
    while (at < u->len) {
        char c = u->text[at];
        bool is_inner = strchr(".'@_", c) != NULL || (c == '/' && is_letter(char_at(u, at + 1)));
        bool is_address = c == ':' && char_at(u, at + 1) == '/' && char_at(u, at + 2) == '/';
        if (is_address)
            at += 3;
        else if (is_alnum(c) || (c != '\0' && is_inner && is_alnum(char_at(u, at + 1))))
            at++;
        else
            break;
    }
    return at;
}

/* 7pm, 5km, 3rd: a number and a word. 4b12: one word. */
static size_t read_digits(struct utterance *u, size_t at)
{
    static const char units[] =
        "am pm st nd rd th km m cm mm kg g mg l ml s h min mins ms c f k gb mb kb";
    size_t whole = time_or_date_end(u, at);

    if (whole != 0) {
        add_word(u, at, whole);
        return whole;
    }
    size_t end = number_end(u, at);
    if (is_letter(char_at(u, end))) {
        char unit[TOKEN_MAX_BYTES + 1] = {0};
        whole = word_end(u, end);
        for (size_t i = 0; i < TOKEN_MAX_BYTES && end + i < whole; i++)
            unit[i] = (char)(u->text[end + i] | 0x20);
        if (!word_in(units, unit)) {
            add_word(u, at, whole);
            return whole;
        }
    }
    add_number(u, at, end);
    return end;
}

static void split(struct utterance *u)
{
    for (size_t at = 0; at < u->len;) {
        char c = u->text[at];
        bool is_path =
            c == '/' && is_letter(char_at(u, at + 1)) && (at == 0 || u->text[at - 1] == ' ');
        size_t end = at + 1;
        if (is_digit(c)) {
            end = read_digits(u, at);
        } else if (is_letter(c) || is_path) {
            end = word_end(u, at + 1);
            add_word(u, at, end);
        } else if (strchr("+*/^%()=,.?!:;\"", c) != NULL && c != '\0') {
            add_sign(u, at);
        } else if (c == '-' && !(at > 0 && is_letter(u->text[at - 1]))) {
            add_sign(u, at); /* inside a word it only parts it: twenty-one */
        }
        at = end;
    }
}

/* "two hundred and five" becomes one token. */
static void join_spoken_numbers(struct utterance *u)
{
    size_t out = 0;

    for (size_t at = 0; at < u->count;) {
        double value = 0;
        size_t used = spoken_number(u, at, &value);
        u->tokens[out] = u->tokens[at];
        if (used > 0) {
            struct token *token = &u->tokens[out];
            token->end = u->tokens[at + used - 1].end;
            token->is_number = true;
            token->is_stop = false;
            token->number = value;
            (void)snprintf(token->word, sizeof(token->word), "%.15g", value);
            memcpy(token->stem, token->word, sizeof(token->stem));
        }
        at += used > 0 ? used : 1;
        out++;
    }
    u->count = out;
}

void utterance_read(struct utterance *u, struct parley_view text)
{
    u->count = 0;
    copy_text(u, text);
    split(u);
    join_spoken_numbers(u);
}

void utterance_read_name(struct utterance *u, struct parley_view name)
{
    char plain[129];
    size_t len = 0;

    for (size_t i = 0; i < name.len && len + 2 < sizeof(plain); i++) {
        char c = name.data[i];
        if (i > 0 && is_upper(c) && name.data[i - 1] >= 'a' && name.data[i - 1] <= 'z')
            plain[len++] = ' ';
        plain[len++] = is_alnum(c) ? c : ' ';
    }
    utterance_read(u, (struct parley_view){plain, len});
}

bool utterance_is(const struct utterance *u, size_t index, const char *word)
{
    return index < u->count && strcmp(u->tokens[index].word, word) == 0;
}

bool utterance_in(const struct utterance *u, size_t index, const char *list)
{
    return index < u->count && word_in(list, u->tokens[index].word);
}

struct parley_view utterance_span(const struct utterance *u, size_t first, size_t end)
{
    if (first >= end || end > u->count)
        return (struct parley_view){"", 0};
    size_t start = u->tokens[first].start;
    return (struct parley_view){u->text + start, u->tokens[end - 1].end - start};
}
