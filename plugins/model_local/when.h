/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and times of day in a sentence. Pure; thread: any. */
#ifndef WHEN_H
#define WHEN_H

#include "utterance.h"

#define WHEN_MAX 48

/* What was found: the tokens it is made of, and how to write it. */
struct when {
    size_t first;
    size_t end;
    char text[WHEN_MAX];
};

/*
 * A date: today, tomorrow, next monday, 5 January, 2026-01-05, in three days. Written YYYY-MM-DD
 * when `iso`, counted from now_s (Unix seconds, UTC); else in the words that were said.
 */
bool when_date(const struct utterance *u, int64_t now_s, bool iso, struct when *ret_when);

/* A time of day, written HH:MM: 7:30 pm, at seven, half past five, quarter to six, noon. */
bool when_time(const struct utterance *u, struct when *ret_when);

#endif
