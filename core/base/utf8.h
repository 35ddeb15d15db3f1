/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

#include <parley/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s, 0 when it is not a whole valid one. */
size_t utf8_char_len(const char *s, size_t len);

/* Are all bytes valid? Steps eight bytes at a time while they are ASCII. */
bool utf8_valid(const char *s, size_t len);

/* Number of characters of valid text. */
size_t utf8_count(const char *s, size_t len);

/* Its longest start of whole characters that has at most so many bytes. */
struct parley_view utf8_prefix(struct parley_view text, size_t most);

/* Append the text with "?" for each byte that is not part of a character. */
void utf8_append_mended(struct buf *out, struct parley_view text);

#endif
