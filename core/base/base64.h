/* SPDX-License-Identifier: Apache-2.0 */
/* Standard base64 with padding (RFC 4648, section 4), and the one of URLs without it (section 5).
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

#include <parley/types.h>

#include <stdbool.h>
#include <stdint.h>

/* Append the encoding of the bytes. */
void base64_encode(struct buf *out, const void *bytes, size_t len);

/* Append the decoded bytes. False, and nothing appended, when the text is not base64. */
bool base64_decode(struct buf *out, struct parley_view text);

/* Bytes that a text of this length and ending stands for; nothing is decoded. */
size_t base64_decoded_len(struct parley_view text);

/* Append the encoding with - and _ in place of + and /, without padding. */
void base64url_encode(struct buf *out, const void *bytes, size_t len);

/* Append the decoded bytes. False, and nothing appended, when the text is not that: also when it
 * is padded. */
bool base64url_decode(struct buf *out, struct parley_view text);

/* How often base64_decode() ran on this thread: lets tests prove that a path does not decode. */
uint64_t base64_decode_count(void);

#endif
