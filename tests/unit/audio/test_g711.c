/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/g711.h"

#include <stdlib.h>

static void known_codes_of_ulaw(void **state)
{
    (void)state;
    assert_int_equal(g711_ulaw_to_linear(0xff), 0);
    assert_int_equal(g711_ulaw_to_linear(0x7f), 0);
    assert_int_equal(g711_ulaw_to_linear(0x00), -32124);
    assert_int_equal(g711_ulaw_to_linear(0x80), 32124);
    assert_int_equal(g711_ulaw_to_linear(0xfe), 8);
    assert_int_equal(g711_linear_to_ulaw(0), 0xff);
    assert_int_equal(g711_linear_to_ulaw(32767), 0x80);
    assert_int_equal(g711_linear_to_ulaw(-32768), 0x00);
}

static void known_codes_of_alaw(void **state)
{
    (void)state;
    assert_int_equal(g711_alaw_to_linear(0xd5), 8);
    assert_int_equal(g711_alaw_to_linear(0x55), -8);
    assert_int_equal(g711_alaw_to_linear(0xaa), 32256);
    assert_int_equal(g711_alaw_to_linear(0x2a), -32256);
    assert_int_equal(g711_linear_to_alaw(0), 0xd5);
    assert_int_equal(g711_linear_to_alaw(-1), 0x55);
    assert_int_equal(g711_linear_to_alaw(32767), 0xaa);
    assert_int_equal(g711_linear_to_alaw(-32768), 0x2a);
}

static void every_code_survives_the_way_there_and_back(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code++) {
        assert_int_equal(g711_linear_to_alaw(g711_alaw_to_linear((uint8_t)code)), code);
        /* u-law has two zeros; the negative one comes back as the positive one. */
        if (code != 0x7f)
            assert_int_equal(g711_linear_to_ulaw(g711_ulaw_to_linear((uint8_t)code)), code);
    }
}

static void the_error_stays_within_half_a_step(void **state)
{
    (void)state;
    for (int sample = -32000; sample <= 32000; sample += 7) {
        int16_t s = (int16_t)sample;
        int step = 8 + abs(sample) / 16;

        assert_true(abs(g711_ulaw_to_linear(g711_linear_to_ulaw(s)) - sample) <= step);
        assert_true(abs(g711_alaw_to_linear(g711_linear_to_alaw(s)) - sample) <= step);
    }
}

static void runs_equal_single_codes(void **state)
{
    const uint8_t codes[] = {0x00, 0x12, 0x80, 0xff};
    int16_t samples[4];
    uint8_t again[4];

    (void)state;
    g711_ulaw_decode(samples, codes, 4);
    g711_ulaw_encode(again, samples, 4);
    assert_memory_equal(codes, again, 4);
    g711_alaw_decode(samples, codes, 4);
    g711_alaw_encode(again, samples, 4);
    assert_memory_equal(codes, again, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_codes_of_ulaw),
        cmocka_unit_test(known_codes_of_alaw),
        cmocka_unit_test(every_code_survives_the_way_there_and_back),
        cmocka_unit_test(the_error_stays_within_half_a_step),
        cmocka_unit_test(runs_equal_single_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
