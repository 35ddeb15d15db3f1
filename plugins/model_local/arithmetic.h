/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic in words or signs, found in a sentence and written as an expression. Pure; thread:
 * any. */
#ifndef ARITHMETIC_H
#define ARITHMETIC_H

#include "utterance.h"

#define ARITHMETIC_MAX_BYTES 255

struct arithmetic {
    char text[ARITHMETIC_MAX_BYTES + 1]; /* "2 + 3" */
    size_t first;                        /* tokens that it is made of */
    size_t end;
};

/* The longest arithmetic of the sentence; false when there is none with an operation in it. */
bool arithmetic_find(const struct utterance *u, struct arithmetic *ret_arithmetic);

/* The same for an answer to "which expression?", where a bare number counts, too. */
bool arithmetic_answer(const struct utterance *u, struct arithmetic *ret_arithmetic);

#endif
