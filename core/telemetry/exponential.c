/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/exponential.h"

#include <math.h>
#include <string.h>

void exponential_init(struct exponential *e)
{
    *e = (struct exponential){.scale = EXPONENTIAL_MAX_SCALE};
}

/* The bucket of a positive value. A power of two closes its bucket, at every scale. */
static int32_t index_of(double value, int32_t scale)
{
    int exponent;
    double part = frexp(value, &exponent); /* value = part * 2^exponent, 0.5 <= part < 1 */

    if (part == 0.5) {
        int32_t power = exponent - 1;
        return (scale >= 0 ? power * (1 << scale) : ((power + (1 << -scale) - 1) >> -scale)) - 1;
    }
    if (scale <= 0)
        return (exponent - 1) >> -scale;
    return (int32_t)ceil(ldexp(log2(value), scale)) - 1;
}

/* Two buckets become one, `by` times: index i becomes i >> by. */
static void lower_scale(struct exponential *e, int32_t by)
{
    struct exponential old = *e;

    if (by <= 0)
        return;
    e->scale -= by;
    e->low = old.low >> by;
    e->used =
        old.used == 0 ? 0 : (uint32_t)(((old.low + (int32_t)old.used - 1) >> by) - e->low + 1);
    memset(e->counts, 0, sizeof(e->counts));
    for (uint32_t i = 0; i < old.used; i++)
        e->counts[((old.low + (int32_t)i) >> by) - e->low] += old.counts[i];
}

/* By how much the scale must fall for buckets low to high to fit. */
static int32_t excess(int32_t low, int32_t high)
{
    int32_t by = 0;

    while (((int64_t)high >> by) - ((int64_t)low >> by) >= EXPONENTIAL_BUCKETS)
        by++;
    return by;
}

/* Make room for buckets down to `low` and up to `high`, which fit. */
static void widen(struct exponential *e, int32_t low, int32_t high)
{
    if (e->used == 0) {
        e->low = low;
        e->used = (uint32_t)(high - low + 1);
        return;
    }
    int32_t last = e->low + (int32_t)e->used - 1;
    int32_t shift = low < e->low ? e->low - low : 0;
    if (shift > 0) {
        memmove(e->counts + shift, e->counts, e->used * sizeof(e->counts[0]));
        memset(e->counts, 0, (size_t)shift * sizeof(e->counts[0]));
        e->low = low;
    }
    last = high > last ? high : last;
    e->used = (uint32_t)(last - e->low + 1);
}

/* The scale at which what is there and buckets low to high (at e's scale) fit together. */
static int32_t excess_with(const struct exponential *e, int32_t low, int32_t high)
{
    int32_t last = e->low + (int32_t)e->used - 1;

    if (e->used == 0)
        return excess(low, high);
    return excess(low < e->low ? low : e->low, high > last ? high : last);
}

void exponential_record(struct exponential *e, double value)
{
    if (!(value > 0)) {
        e->zero++;
        return;
    }
    int32_t index = index_of(value, e->scale);
    int32_t by = excess_with(e, index, index);
    if (by > 0) {
        lower_scale(e, by);
        index >>= by;
    }
    widen(e, index, index);
    e->counts[index - e->low]++;
}

void exponential_merge(struct exponential *e, const struct exponential *from)
{
    struct exponential other = *from;

    e->zero += other.zero;
    if (other.used == 0)
        return;
    if (e->used == 0)
        e->scale = e->scale < other.scale ? e->scale : other.scale;
    lower_scale(e, e->scale - other.scale);
    lower_scale(&other, other.scale - e->scale);
    int32_t by = excess_with(e, other.low, other.low + (int32_t)other.used - 1);
    lower_scale(e, by);
    lower_scale(&other, by);
    widen(e, other.low, other.low + (int32_t)other.used - 1);
    for (uint32_t i = 0; i < other.used; i++)
        e->counts[other.low + (int32_t)i - e->low] += other.counts[i];
}

/* ---- shared ---- */

/*
 * A sequence lock, without fences, which the thread sanitizer does not know: what is read after a
 * value of the new state finds the odd version, what is read before the second look at the version
 * stays before it.
 */
#define GET(field)        atomic_load_explicit(&(field), memory_order_acquire)
#define PUT(field, value) atomic_store_explicit(&(field), (value), memory_order_release)

static void load(const struct exponential_shared *e, struct exponential *ret)
{
    *ret = (struct exponential){
        .scale = GET(e->scale), .low = GET(e->low), .used = GET(e->used), .zero = GET(e->zero)};
    if (ret->used > EXPONENTIAL_BUCKETS) /* half written */
        ret->used = 0;
    for (uint32_t i = 0; i < ret->used; i++)
        ret->counts[i] = GET(e->counts[i]);
}

static void store(struct exponential_shared *e, const struct exponential *from)
{
    PUT(e->scale, from->scale);
    PUT(e->low, from->low);
    PUT(e->used, from->used);
    for (uint32_t i = 0; i < EXPONENTIAL_BUCKETS; i++)
        PUT(e->counts[i], from->counts[i]);
}

/* Into a bucket that is there already: the usual case. */
static bool record_in_place(struct exponential_shared *e, int32_t index)
{
    int32_t at = index - GET(e->low);

    if (at < 0 || (uint32_t)at >= GET(e->used))
        return false;
    PUT(e->counts[at], GET(e->counts[at]) + 1);
    return true;
}

/* Buckets move: readers take another look. */
static void record_anew(struct exponential_shared *e, double value)
{
    struct exponential own;
    unsigned version = GET(e->version);

    load(e, &own);
    if (own.used == 0)
        own.scale = EXPONENTIAL_MAX_SCALE;
    exponential_record(&own, value);
    PUT(e->version, version + 1);
    store(e, &own);
    PUT(e->version, version + 2);
}

void exponential_shared_record(struct exponential_shared *e, double value)
{
    if (!(value > 0))
        PUT(e->zero, GET(e->zero) + 1);
    else if (!record_in_place(e, index_of(value, GET(e->scale))))
        record_anew(e, value);
}

void exponential_shared_read(const struct exponential_shared *e, struct exponential *ret)
{
    unsigned before;

    do {
        before = GET(e->version);
        load(e, ret);
    } while ((before & 1) != 0 || before != GET(e->version));
}
