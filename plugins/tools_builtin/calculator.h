/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic expressions: pure functions on text, bounded in length and depth. Thread: any. */
#ifndef CALCULATOR_H
#define CALCULATOR_H

#include <parley/error.h>
#include <parley/types.h>

#define CALCULATOR_MAX_BYTES 512
#define CALCULATOR_MAX_DEPTH 32

/*
 * The value of an expression: + - * / ^ and **, parentheses, `%` (after a number: percent; between
 * two: remainder), pi, e and the functions listed in calculator.c. The result is always finite.
 * PARLEY_E_INVALID with a sentence that can be spoken when it has none, PARLEY_E_TOO_LARGE above
 * the limits.
 */
int calculator_eval(struct parley_view text, double *ret_value, struct parley_error *err);

/* Write a value as people would: whole numbers without decimals, others with ten digits at most. */
void calculator_format(double value, char *text, size_t size);

#endif
