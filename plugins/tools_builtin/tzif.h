/* SPDX-License-Identifier: Apache-2.0 */
/* Time zone files (RFC 8536), read without the C library's process-wide TZ. Thread: any. */
#ifndef TZIF_H
#define TZIF_H

#include <stddef.h>

#include <parley/error.h>
#include <parley/types.h>

#include "posix_tz.h"

#define TZIF_RULE_MAX 79

/* From `at` on, the offset holds. */
struct tzif_transition {
    int64_t at;
    struct tz_offset offset;
};

/* What is needed to tell the time from 2020 on. */
struct tzif {
    struct tzif_transition *transitions; /* ascending; the first is what held before 2020 */
    size_t count;                        /* at least 1 */
    char rule[TZIF_RULE_MAX + 1];        /* after the last transition; "" when there is none */
};

/* Read a file's bytes. On success release with tzif_done. PARLEY_E_INVALID when it is not such a
 * file. */
int tzif_parse(struct parley_view bytes, struct tzif *ret_zone, struct parley_error *err);

/* Release; a zeroed structure is fine. */
void tzif_done(struct tzif *zone);

/* The offset at a moment. */
struct tz_offset tzif_at(const struct tzif *zone, int64_t unix_s);

#endif
