/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/pcm.h"

#include <math.h>

static void little_endian_bytes_go_both_ways(void **state)
{
    const unsigned char bytes[] = {0x01, 0x00, 0xff, 0xff, 0x00, 0x80, 0x7f};
    int16_t samples[3];
    struct buf out = {0};

    (void)state;
    assert_int_equal(pcm_from_le(samples, bytes, sizeof(bytes)), 3);
    assert_int_equal(samples[0], 1);
    assert_int_equal(samples[1], -1);
    assert_int_equal(samples[2], -32768);
    pcm_append_le(&out, samples, 3);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, bytes, 6);
    buf_done(&out);
}

static void gain_is_clipped_at_full_scale(void **state)
{
    int16_t samples[] = {100, -100, 30000, -30000};

    (void)state;
    pcm_gain(samples, 4, 1.5);
    assert_int_equal(samples[0], 150);
    assert_int_equal(samples[1], -150);
    assert_int_equal(samples[2], 32767);
    assert_int_equal(samples[3], -32768);
}

static void levels_are_below_full_scale(void **state)
{
    int16_t square[] = {16384, -16384, 16384, -16384};
    struct pcm_level level = pcm_level(square, 4);

    (void)state;
    assert_true(fabs(level.peak_dbfs + 6.02) < 0.01);
    assert_true(fabs(level.rms_dbfs + 6.02) < 0.01);
}

static void silence_has_a_finite_level(void **state)
{
    int16_t zeros[16] = {0};

    (void)state;
    assert_true(pcm_level(zeros, 16).rms_dbfs == PCM_SILENCE_DBFS);
    assert_true(pcm_level(zeros, 0).rms_dbfs == PCM_SILENCE_DBFS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_endian_bytes_go_both_ways),
        cmocka_unit_test(gain_is_clipped_at_full_scale),
        cmocka_unit_test(levels_are_below_full_scale),
        cmocka_unit_test(silence_has_a_finite_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
