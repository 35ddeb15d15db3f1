/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sentence as tokens: words in lower case with their stems, numbers (also spoken ones: "two
 * hundred and five" is one token, 205), signs. Everything is bounded; what goes beyond is cut.
 * Thread: any.
 */
#ifndef UTTERANCE_H
#define UTTERANCE_H

#include <stdbool.h>
#include <stdint.h>

#include <parley/types.h>

#define UTTERANCE_MAX_BYTES  1000
#define UTTERANCE_MAX_TOKENS 200
#define TOKEN_MAX_BYTES      31

struct token {
    char word[TOKEN_MAX_BYTES + 1]; /* lower case; of a number its digits; of a sign the sign */
    char stem[TOKEN_MAX_BYTES + 1];
    double number;
    uint16_t start; /* bytes in the text */
    uint16_t end;
    bool is_number;
    bool is_capital; /* begins with a capital letter */
    bool is_sign;    /* punctuation or an operator */
    bool is_stop;    /* a sign, or says nothing about what is wanted */
    bool is_glued;   /* a sign without blanks around it: 555-1234 */
};

struct utterance {
    char text[UTTERANCE_MAX_BYTES + 1]; /* as it came, cut between characters */
    size_t len;
    struct token tokens[UTTERANCE_MAX_TOKENS];
    size_t count;
};

/* Split a text. */
void utterance_read(struct utterance *u, struct parley_view text);

/* Split the name of a function or parameter: notes_add, createEvent, file-search. */
void utterance_read_name(struct utterance *u, struct parley_view name);

/* True when the token at index is this word; false beyond the end. */
bool utterance_is(const struct utterance *u, size_t index, const char *word);

/* True when the token at index is one of the words between blanks. */
bool utterance_in(const struct utterance *u, size_t index, const char *list);

/* The original text from the first token to before the token `end`. */
struct parley_view utterance_span(const struct utterance *u, size_t first, size_t end);

#endif
