/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential histograms: buckets of equal ratio that need no bounds chosen beforehand. With base =
 * 2^(2^-scale), bucket i holds values above base^i and up to base^(i+1). When values span more than
 * EXPONENTIAL_BUCKETS buckets, the scale falls: two buckets become one. Values of parley's
 * histograms are never negative; one that is counts as 0.
 */
#ifndef TELEMETRY_EXPONENTIAL_H
#define TELEMETRY_EXPONENTIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define EXPONENTIAL_BUCKETS   160
#define EXPONENTIAL_MAX_SCALE 20
#define EXPONENTIAL_MIN_SCALE (-10) /* all that a double can be, in a few buckets */

/* One that a single thread has. Bucket i is at counts[i - low]. */
struct exponential {
    int32_t scale;
    int32_t low; /* first bucket */
    uint32_t used;
    uint64_t zero;
    uint64_t counts[EXPONENTIAL_BUCKETS];
};

/* Empty, at the finest scale. */
void exponential_init(struct exponential *e);

/* Note a value, which must be finite. */
void exponential_record(struct exponential *e, double value);

/* Add all of `from`. */
void exponential_merge(struct exponential *e, const struct exponential *from);

/*
 * One that a thread records into while others read: they read it whole, between two records. Zeroed
 * it is empty.
 */
struct exponential_shared {
    atomic_uint version; /* odd while it is written */
    _Atomic int32_t scale;
    _Atomic int32_t low;
    _Atomic uint32_t used;
    _Atomic uint64_t zero;
    _Atomic uint64_t counts[EXPONENTIAL_BUCKETS];
};

/* Thread: the one that records. */
void exponential_shared_record(struct exponential_shared *e, double value);

/* Thread: any. Never waits for long: a record is short. */
void exponential_shared_read(const struct exponential_shared *e, struct exponential *ret);

#endif
