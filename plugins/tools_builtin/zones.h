/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time zones of this machine, read once at start so that telling the time never touches a disk
 * nor the process-wide TZ. Immutable afterwards: any thread may ask.
 */
#ifndef ZONES_H
#define ZONES_H

#include <parley/error.h>

#include "tzif.h"

struct zones;

/* Read the database in `dir` and the local zone from `local_file`. What is missing is left out. */
struct zones *zones_create(const char *dir, const char *local_file);

/* Free; NULL is fine. */
void zones_destroy(struct zones *zones);

/* How many zones and further names were found. */
size_t zones_count(const struct zones *zones);

/* A zone that was found: its name as it is best said, and its rules. */
struct zones_match {
    const struct tzif *zone;
    const char *id; /* "America/New_York" */
    char place[64]; /* "New York" */
};

/*
 * Find a zone by IANA name, the city in it, or a well-known other city, country or abbreviation;
 * an empty name is the local zone. PARLEY_E_NOT_FOUND with a sentence that can be spoken.
 */
int zones_find(const struct zones *zones, struct parley_view name, struct zones_match *ret_match,
               struct parley_error *err);

#endif
