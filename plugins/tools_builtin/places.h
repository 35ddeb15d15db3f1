/* SPDX-License-Identifier: Apache-2.0 */
/* Cities, countries and abbreviations that people say and the time zone database does not name. */
#ifndef PLACES_H
#define PLACES_H

struct place {
    const char *name; /* lower case, words between blanks */
    const char *zone; /* IANA name */
};

extern const struct place places[];
extern const unsigned places_count;

#endif
