/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this thread's handling of events cost in kind: lets tests prove that hot events build no
 * tree and decode no base64, and lets a worker publish the same as metrics.
 */
#ifndef REALTIME_COUNTERS_H
#define REALTIME_COUNTERS_H

#include <stdint.h>

struct rt_counters {
    uint64_t peeks;          /* rt_peek() */
    uint64_t trees;          /* JSON trees parsed, whoever asked */
    uint64_t base64_decodes; /* base64 texts decoded, whoever asked */
};

/* Of the calling thread, since it started. */
struct rt_counters rt_counters_now(void);

/* later - earlier, member by member. */
struct rt_counters rt_counters_since(struct rt_counters earlier);

/* Used by peek.c only. */
void rt_counters_add_peek(void);

#endif
