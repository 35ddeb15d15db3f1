/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/pcm.h"
#include "audio/resample.h"
#include "base/cleanup.h"

#include <math.h>
#include <stdlib.h>

#define TURN (2.0 * 3.14159265358979323846)

static int16_t *tone(int rate_hz, double hz, size_t count)
{
    int16_t *samples = malloc(count * sizeof(*samples));

    assert_non_null(samples);
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)lrint(8000.0 * sin(TURN * hz * (double)i / rate_hz));
    return samples;
}

/* Resample one second of a tone in pieces of `piece` samples. */
static void convert(int from_hz, int to_hz, size_t piece, struct buf *out)
{
    _cleanup_free_ int16_t *samples = tone(from_hz, 400, (size_t)from_hz);
    struct resampler *r = NULL;

    assert_int_equal(resampler_create(from_hz, to_hz, &r, NULL), PARLEY_OK);
    for (size_t at = 0; at < (size_t)from_hz; at += piece) {
        size_t rest = (size_t)from_hz - at;
        resampler_run(r, samples + at, rest < piece ? rest : piece, out);
    }
    resampler_flush(r, out);
    resampler_destroy(r);
}

static void keeps_a_tone(int from_hz, int to_hz)
{
    struct buf out = {0};
    _cleanup_free_ int16_t *want = tone(to_hz, 400, (size_t)to_hz + 100);
    size_t count;
    double worst = 0;

    convert(from_hz, to_hz, 480, &out);
    const int16_t *got = pcm_view(&out, &count);
    assert_true(llabs((long long)count - to_hz) <= 8);
    /* The ends ring; in between the tone lies where it should, so no delay is left in. */
    for (size_t i = 200; i + 400 < count; i++)
        worst = fmax(worst, fabs((double)got[i] - want[i]));
    assert_true(worst < 100);
    buf_done(&out);
}

static void common_rates_keep_a_tone_and_its_place(void **state)
{
    (void)state;
    keeps_a_tone(24000, 16000);
    keeps_a_tone(16000, 24000);
    keeps_a_tone(8000, 24000);
    keeps_a_tone(24000, 8000);
    keeps_a_tone(8000, 16000);
    keeps_a_tone(22050, 24000);
    keeps_a_tone(48000, 16000);
}

static void pieces_do_not_change_the_result(void **state)
{
    struct buf small = {0}, large = {0};

    (void)state;
    convert(24000, 16000, 37, &small);
    convert(24000, 16000, 24000, &large);
    assert_int_equal(small.len, large.len);
    assert_memory_equal(small.data, large.data, small.len);
    buf_done(&small);
    buf_done(&large);
}

static void equal_rates_copy(void **state)
{
    const int16_t samples[] = {1, 2, 3};
    struct buf out = {0};
    struct resampler *r = NULL;

    (void)state;
    assert_int_equal(resampler_create(16000, 16000, &r, NULL), PARLEY_OK);
    resampler_run(r, samples, 3, &out);
    resampler_flush(r, &out);
    assert_int_equal(out.len, sizeof(samples));
    assert_memory_equal(out.data, samples, sizeof(samples));
    resampler_destroy(r);
    buf_done(&out);
}

static void a_reset_starts_anew(void **state)
{
    _cleanup_free_ int16_t *samples = tone(24000, 300, 2400);
    struct buf first = {0}, second = {0};
    struct resampler *r = NULL;

    (void)state;
    assert_int_equal(resampler_create(24000, 16000, &r, NULL), PARLEY_OK);
    resampler_run(r, samples, 2400, &first);
    resampler_reset(r);
    resampler_run(r, samples, 2400, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    resampler_destroy(r);
    buf_done(&first);
    buf_done(&second);
}

static void absurd_rates_are_refused(void **state)
{
    struct resampler *r = NULL;
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    assert_int_equal(resampler_create(0, 16000, &r, &err), PARLEY_E_INVALID);
    assert_int_equal(resampler_create(16000, 1000000, &r, &err), PARLEY_E_INVALID);
    assert_null(r);
    assert_null(resampler_destroy(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_rates_keep_a_tone_and_its_place),
        cmocka_unit_test(pieces_do_not_change_the_result),
        cmocka_unit_test(equal_rates_copy),
        cmocka_unit_test(a_reset_starts_anew),
        cmocka_unit_test(absurd_rates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
