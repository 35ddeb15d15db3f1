/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the time in one sentence. Pure; thread: any. */
#ifndef CLOCK_H
#define CLOCK_H

#include "zones.h"

/* "It is 6:05 PM on Monday, 5 January 2026 in Tokyo, time zone JST." Cut when it does not fit. */
void clock_say(const struct zones_match *match, int64_t unix_s, char *text, size_t size);

/* "2026-01-05T18:05:00+09:00" */
#define CLOCK_ISO_SIZE 64
void clock_iso(const struct zones_match *match, int64_t unix_s, char *text, size_t size);

/* "Monday"; constant. */
const char *clock_weekday(const struct zones_match *match, int64_t unix_s);

#endif
