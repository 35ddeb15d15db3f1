/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine knows of English: word lists, stems, synonyms. Pure tables; thread: any. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORD_MAX_SYNONYMS 6

/* True when `word` is one of the words between blanks in `list`. */
bool word_in(const char *list, const char *word);

/* Says nothing about what is wanted: articles, pronouns, auxiliaries, politeness. */
bool word_is_stop(const char *word);

/* Says when: today, morning, monday, january ... */
bool word_is_time(const char *word);

/* A unit of time in seconds ("minutes": 60), or 0. */
double word_time_unit(const char *word);

/* Month 1 to 12, or weekday 0 (Sunday) to 6; -1 when the word is none. */
int word_month(const char *word);
int word_weekday(const char *word);

/* A word that sounds like a number ("free": 3); false when it does not. */
bool word_homophone(const char *word, double *ret_value);

/* Names something that may delete or overwrite. */
bool word_is_destructive(const char *word);

/* Cut common endings, in place: calculates, calculating, calculator -> calculat. */
void word_stem(char *word);

/* Fill `ret` with stems that mean about the same as the stem `stem`; returns how many. */
size_t word_synonyms(const char *stem, const char **ret);

#endif
