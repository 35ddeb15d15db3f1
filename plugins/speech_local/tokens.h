/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 32,000 word pieces of Moonshine's alphabet: turns token numbers into text. The file holds one
 * piece a line, line number = token; "\u2581" stands for a space and <0xNN> for one byte.
 */
#ifndef SPEECH_LOCAL_TOKENS_H
#define SPEECH_LOCAL_TOKENS_H

#include <parley/error.h>
#include <stdbool.h>

#define TOKENS_COUNT 32000

struct tokens;

/* Read the file. The caller owns the result. A file of another shape is PARLEY_E_INVALID. */
int tokens_load(const char *path, struct tokens **ret_tokens, struct parley_error *err);

/* The same from memory; `text` is copied. */
int tokens_parse(const char *text, size_t len, struct tokens **ret_tokens,
                 struct parley_error *err);

/*
 * Append the piece of one token to out[*len] and raise *len. A token without text (the special
 * ones, and numbers beyond the alphabet) adds nothing. False when it does not fit in `size`.
 */
bool tokens_append(const struct tokens *tokens, int64_t token, char *out, size_t size, size_t *len);

/* Make a finished text presentable: spaces at both ends go, bytes that are no UTF-8 become '?'.
 * Returns the new length. */
size_t tokens_tidy(char *text, size_t len);

void tokens_destroy(struct tokens *tokens);

#endif
