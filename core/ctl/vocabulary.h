/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer's word pieces lie in a JavaScript file as one string in base64. */
#ifndef CTL_VOCABULARY_H
#define CTL_VOCABULARY_H

#include "base/buf.h"

#include <parley/error.h>

/* Append the pieces, one a line, to `out`. PARLEY_E_INVALID when the source is of another shape. */
int vocabulary_extract(struct parley_view source, struct buf *out, struct parley_error *err);

#endif
