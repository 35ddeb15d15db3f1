/* SPDX-License-Identifier: Apache-2.0 */
/* Do words sound as if more were to come? For turns that end by sense, not by silence alone. */
#ifndef CASCADE_TRAILING_H
#define CASCADE_TRAILING_H

#include <parley/types.h>

#include <stdbool.h>

/*
 * True when the last word leaves a sentence open ("add two and", "I want to, um"), or when the text
 * ends in a comma, dash or dots. English; words of another language end nothing by accident, since
 * only these few are looked for.
 */
bool words_trail_off(struct parley_view words);

#endif
