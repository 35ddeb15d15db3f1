/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people say them. Pure; thread: any. */
#ifndef SPOKEN_H
#define SPOKEN_H

#include "utterance.h"

/*
 * How many tokens from `at` on make one number, and its value: "three", "twenty one", "two hundred
 * and five", "5 thousand", "three point one four", "a dozen". 0 when no number begins there.
 */
size_t spoken_number(const struct utterance *u, size_t at, double *ret_value);

#endif
