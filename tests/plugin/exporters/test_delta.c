/* SPDX-License-Identifier: Apache-2.0 */
#include "batches.h"

#include "parts/delta.h"

#include <math.h>

static const struct parley_attr label_a[] = {STR("gen_ai.agent.name", "a")};
static const struct parley_attr label_b[] = {STR("gen_ai.agent.name", "b")};

static struct parley_metric sum(const char *name, const struct parley_attr *label, double value,
                                uint64_t time)
{
    return (struct parley_metric){.name = name,
                                  .unit = "1",
                                  .description = "",
                                  .kind = PARLEY_METRIC_SUM,
                                  .temporality = PARLEY_TEMPORALITY_CUMULATIVE,
                                  .start_unix_ns = T0,
                                  .time_unix_ns = time,
                                  .attrs = {label, 1, sizeof(*label)},
                                  .value = value};
}

static const struct parley_metric *take(struct delta *d, const struct parley_metric *metrics,
                                        uint32_t count, uint32_t *ret_count)
{
    struct parley_batch batch = batch_of(NULL, 0);

    batch.metrics = metrics;
    batch.metric_count = count;
    const struct parley_metric *out = delta_take(d, &batch, ret_count);
    assert_non_null(out);
    return out;
}

static void counter_is_told_by_what_it_grew(void **state)
{
    (void)state;
    struct delta *d = delta_open("x");
    uint32_t count;
    const struct parley_metric first[] = {sum("m", label_a, 5, T0 + MS),
                                          sum("m", label_b, 2, T0 + MS)};
    const struct parley_metric second[] = {sum("m", label_b, 2, T0 + 2 * MS),
                                           sum("m", label_a, 9, T0 + 2 * MS)};

    const struct parley_metric *out = take(d, first, 2, &count);
    assert_int_equal(count, 2);
    assert_float_equal(out[0].value, 5, 0);
    assert_int_equal(out[0].temporality, PARLEY_TEMPORALITY_DELTA);
    assert_true(out[0].start_unix_ns == T0);
    out = take(d, second, 2, &count);
    assert_int_equal(count, 1); /* b has not changed */
    assert_float_equal(out[0].value, 4, 0);
    assert_string_equal(out[0].attrs.items[0].string.data, "a");
    assert_true(out[0].start_unix_ns == T0 + MS);
    assert_true(out[0].time_unix_ns == T0 + 2 * MS);
    delta_close(d);
}

static void level_stays_what_it_is(void **state)
{
    (void)state;
    struct delta *d = delta_open("x");
    uint32_t count;
    struct parley_metric level = sum("l", label_a, 3, T0 + MS);

    level.kind = PARLEY_METRIC_GAUGE;
    for (int i = 0; i < 2; i++) {
        const struct parley_metric *out = take(d, &level, 1, &count);
        assert_int_equal(count, 1);
        assert_float_equal(out[0].value, 3, 0);
        assert_int_equal(out[0].temporality, PARLEY_TEMPORALITY_CUMULATIVE);
    }
    delta_close(d);
}

static struct parley_metric histogram(uint64_t count, double total, const uint64_t *counts,
                                      const struct parley_exponential *e)
{
    static const double bounds[] = {1, 2};
    struct parley_metric m = sum("h", label_a, 0, T0 + count * MS);

    m.kind = PARLEY_METRIC_HISTOGRAM;
    m.count = count;
    m.sum = total;
    m.max = 4;
    m.bounds = bounds;
    m.counts = counts;
    m.bound_count = 2;
    m.exponential = e;
    return m;
}

static void histogram_is_told_by_its_new_values(void **state)
{
    (void)state;
    static const uint64_t before[] = {1, 0, 1};
    static const uint64_t after[] = {1, 2, 1};
    struct delta *d = delta_open("x");
    uint32_t count;
    struct parley_metric m = histogram(2, 4.5, before, NULL);

    (void)take(d, &m, 1, &count);
    m = histogram(4, 7.5, after, NULL);
    const struct parley_metric *out = take(d, &m, 1, &count);
    assert_int_equal(count, 1);
    assert_int_equal(out[0].count, 2);
    assert_float_equal(out[0].sum, 3, 0);
    assert_int_equal(out[0].counts[0], 0);
    assert_int_equal(out[0].counts[1], 2);
    assert_int_equal(out[0].counts[2], 0);
    assert_true(isnan(out[0].min) && isnan(out[0].max));
    (void)take(d, &m, 1, &count);
    assert_int_equal(count, 0);
    delta_close(d);
}

static void exponential_buckets_are_compared_at_the_coarser_scale(void **state)
{
    (void)state;
    static const uint64_t explicit_before[] = {0, 0, 3};
    static const uint64_t explicit_after[] = {1, 0, 4};
    static const uint64_t before[] = {1, 0, 2};   /* buckets 4, 5, 6 at scale 2 */
    static const uint64_t after[] = {1, 0, 1, 3}; /* buckets 0 to 3 at scale 1: 4, 5 and 6, 7 */
    const struct parley_exponential was = {.size = sizeof(was),
                                           .scale = 2,
                                           .offset = 4,
                                           .bucket_count = 3,
                                           .counts = before,
                                           .zero_count = 1};
    const struct parley_exponential now = {.size = sizeof(now),
                                           .scale = 1,
                                           .offset = 0,
                                           .bucket_count = 4,
                                           .counts = after,
                                           .zero_count = 3};
    struct delta *d = delta_open("x");
    uint32_t count;
    struct parley_metric m = histogram(3, 4.5, explicit_before, &was);

    const struct parley_metric *out = take(d, &m, 1, &count);
    assert_int_equal(out[0].exponential->counts[2], 2);
    m = histogram(5, 7.5, explicit_after, &now);
    out = take(d, &m, 1, &count);
    const struct parley_exponential *e = out[0].exponential;
    assert_int_equal(e->scale, 1);
    assert_int_equal(e->zero_count, 2);
    assert_int_equal(e->counts[0], 1);
    assert_int_equal(e->counts[2], 0);
    assert_int_equal(e->counts[3], 1);
    delta_close(d);
}

static void points_of_a_smaller_core_are_read_no_further(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 0, 0};
    struct delta *d = delta_open("x");
    struct parley_metric m = histogram(1, 1, counts, (const void *)(uintptr_t)8);
    struct parley_batch batch = batch_of(NULL, 0);
    uint32_t count;

    batch.metrics = &m;
    batch.metric_count = 1;
    batch.metric_size = offsetof(struct parley_metric, exponential);
    const struct parley_metric *out = delta_take(d, &batch, &count);
    assert_int_equal(count, 1);
    assert_null(out[0].exponential);
    delta_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_is_told_by_what_it_grew),
        cmocka_unit_test(level_stays_what_it_is),
        cmocka_unit_test(histogram_is_told_by_its_new_values),
        cmocka_unit_test(exponential_buckets_are_compared_at_the_coarser_scale),
        cmocka_unit_test(points_of_a_smaller_core_are_read_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
