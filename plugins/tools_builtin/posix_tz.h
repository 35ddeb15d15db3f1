/* SPDX-License-Identifier: Apache-2.0 */
/* The rule at the end of a time zone file ("CET-1CEST,M3.5.0,M10.5.0/3"). Pure; thread: any. */
#ifndef POSIX_TZ_H
#define POSIX_TZ_H

#include <stdbool.h>
#include <stdint.h>

#define TZ_ABBREVIATION_MAX 8

/* How local time stands to UTC at some moment. */
struct tz_offset {
    int32_t seconds; /* east of UTC */
    char abbreviation[TZ_ABBREVIATION_MAX + 1];
};

/* The offset that `rule` gives at unix_s. False when the rule cannot be read. */
bool posix_tz_at(const char *rule, int64_t unix_s, struct tz_offset *ret_offset);

#endif
