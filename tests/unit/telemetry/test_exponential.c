/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry_fixture.h"

#include "telemetry/exponential.h"

#include <math.h>
#include <pthread.h>

/* The bounds of a bucket, as the specification has them. */
static double bound(int32_t index, int32_t scale)
{
    return exp2(ldexp((double)index, -scale));
}

static uint64_t total(const struct exponential *e)
{
    uint64_t sum = e->zero;

    for (uint32_t i = 0; i < e->used; i++)
        sum += e->counts[i];
    return sum;
}

static struct exponential one(double value)
{
    struct exponential e;

    exponential_init(&e);
    exponential_record(&e, value);
    return e;
}

static void value_lies_in_its_bucket(void **state)
{
    (void)state;
    static const double values[] = {0.37, 0.999, 1.001, 3, 42.5, 1e-9, 1e12, 65.536};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct exponential e = one(values[i]);
        assert_int_equal(e.used, 1);
        assert_int_equal(e.scale, EXPONENTIAL_MAX_SCALE);
        assert_true(values[i] > bound(e.low, e.scale) * (1 - 1e-12));
        assert_true(values[i] <= bound(e.low + 1, e.scale) * (1 + 1e-12));
    }
}

static void power_of_two_closes_its_bucket_at_every_scale(void **state)
{
    (void)state;
    for (int32_t power = -20; power <= 20; power++) {
        struct exponential e = one(ldexp(1, power));
        /* The top of bucket i is base^(i + 1). */
        assert_int_equal(e.low + 1, power * (1 << EXPONENTIAL_MAX_SCALE));
        exponential_init(&e);
        e.scale = -2; /* buckets of four powers of two each */
        exponential_record(&e, ldexp(1, power));
        assert_int_equal(e.low, (int32_t)ceil(power / 4.0) - 1);
    }
}

static void scale_falls_until_the_values_fit(void **state)
{
    (void)state;
    struct exponential e;

    exponential_init(&e);
    for (double v = 0.001; v < 1000; v *= 1.01)
        exponential_record(&e, v);
    assert_true(e.used > EXPONENTIAL_BUCKETS / 2 && e.used <= EXPONENTIAL_BUCKETS);
    assert_int_equal(e.scale, 3); /* 20 powers of two in 160 buckets */
    uint64_t counted = 0;
    for (double v = 0.001; v < 1000; v *= 1.01)
        counted++;
    assert_int_equal(total(&e), counted);
    /* A bucket holds what a look at each value says. */
    uint64_t in_tenth = 0;
    for (double v = 0.001; v < 1000; v *= 1.01)
        in_tenth += v > bound(e.low + 10, e.scale) && v <= bound(e.low + 11, e.scale);
    assert_int_equal(e.counts[10], in_tenth);
}

static void smallest_and_largest_doubles_fit_together(void **state)
{
    (void)state;
    struct exponential e = one(5e-324);

    exponential_record(&e, 1.7e308);
    exponential_record(&e, 1);
    assert_true(e.scale >= EXPONENTIAL_MIN_SCALE);
    assert_int_equal(total(&e), 3);
}

static void nothing_and_less_count_as_zero(void **state)
{
    (void)state;
    struct exponential e = one(0);

    exponential_record(&e, -1);
    assert_int_equal(e.zero, 2);
    assert_int_equal(e.used, 0);
}

static void merge_is_as_if_one_had_recorded_all(void **state)
{
    (void)state;
    struct exponential left;
    struct exponential right;
    struct exponential both;

    exponential_init(&left);
    exponential_init(&right);
    exponential_init(&both);
    for (int i = 1; i < 400; i++) {
        double value = i % 2 == 0 ? i * 0.25 : 1.0 / i;
        exponential_record(i % 2 == 0 ? &left : &right, value);
        exponential_record(&both, value);
    }
    exponential_record(&left, 0);
    exponential_record(&both, 0);
    exponential_merge(&left, &right);
    assert_int_equal(left.scale, both.scale);
    assert_int_equal(left.low, both.low);
    assert_int_equal(left.used, both.used);
    assert_int_equal(left.zero, 1);
    assert_memory_equal(left.counts, both.counts, sizeof(both.counts));
}

static void empty_ones_change_nothing(void **state)
{
    (void)state;
    static const struct exponential_shared shared;
    struct exponential none;
    struct exponential e = one(2.5);
    struct exponential before = e;

    exponential_shared_read(&shared, &none);
    exponential_merge(&e, &none);
    assert_memory_equal(&e, &before, sizeof(e));
    exponential_init(&none);
    exponential_merge(&none, &e);
    assert_int_equal(none.scale, e.scale);
    assert_int_equal(none.low, e.low);
}

static const struct parley_exponential *seen_exponential(const struct parley_batch *b)
{
    for (uint32_t i = 0; i < b->metric_count; i++) {
        if (strcmp(b->metrics[i].name, "parley.turn.response_latency") == 0)
            return b->metrics[i].exponential;
        if (b->metrics[i].kind != PARLEY_METRIC_HISTOGRAM)
            assert_null(b->metrics[i].exponential);
    }
    return NULL;
}

static bool was_seen;

static void look(const struct parley_batch *b)
{
    const struct parley_exponential *e = seen_exponential(b);

    assert_non_null(e);
    assert_int_equal(e->size, sizeof(*e));
    assert_int_equal(e->scale, 6); /* 0.25 to 1 are two powers of two: 128 buckets */
    assert_int_equal(e->offset, -2 * 64 - 1);
    assert_int_equal(e->counts[0], 2);
    assert_int_equal(e->counts[e->bucket_count - 1], 1);
    was_seen = true;
}

static void batch_has_the_histogram_of_all_recorders(void **state)
{
    (void)state;
    struct fixture *f = fixture_create((struct telemetry_config){0});
    struct telemetry_recorder *second = telemetry_recorder_create(f->telemetry);

    f->look = look;
    metrics_note(f->recorder, METRIC_TURN_RESPONSE_LATENCY, 0.25, NULL, NULL);
    metrics_note(f->recorder, METRIC_TURN_RESPONSE_LATENCY, 1, NULL, NULL);
    metrics_note(second, METRIC_TURN_RESPONSE_LATENCY, 0.25, NULL, NULL);
    telemetry_flush(f->telemetry);
    assert_true(was_seen);
    fixture_destroy(f);
}

/* --- Threads: meant for the thread sanitizer. --- */

#define RECORDS 20000

static void *record(void *ctx)
{
    double value = 1e-6;

    for (int i = 0; i < RECORDS; i++) {
        exponential_shared_record(ctx, value);
        value = value > 1e6 ? 1e-6 : value * 1.37;
    }
    return NULL;
}

static void readers_see_it_whole_while_it_is_recorded(void **state)
{
    (void)state;
    static struct exponential_shared shared;
    struct exponential e;
    pthread_t thread;
    uint64_t last = 0;

    assert_int_equal(pthread_create(&thread, NULL, record, &shared), 0);
    for (int i = 0; i < 2000; i++) {
        exponential_shared_read(&shared, &e);
        assert_true(total(&e) >= last);
        last = total(&e);
    }
    pthread_join(thread, NULL);
    exponential_shared_read(&shared, &e);
    assert_int_equal(total(&e), RECORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_lies_in_its_bucket),
        cmocka_unit_test(power_of_two_closes_its_bucket_at_every_scale),
        cmocka_unit_test(scale_falls_until_the_values_fit),
        cmocka_unit_test(smallest_and_largest_doubles_fit_together),
        cmocka_unit_test(nothing_and_less_count_as_zero),
        cmocka_unit_test(merge_is_as_if_one_had_recorded_all),
        cmocka_unit_test(empty_ones_change_nothing),
        cmocka_unit_test(batch_has_the_histogram_of_all_recorders),
        cmocka_unit_test(readers_see_it_whole_while_it_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
