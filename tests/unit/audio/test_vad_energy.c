/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/vad_energy.h"
#include "made_speech.h"

#include <stdlib.h>

#define SECOND VAD_RATE_HZ

struct seen {
    int frames;
    int speech;
};

static void count(void *ctx, float probability)
{
    struct seen *s = ctx;

    assert_true(probability >= 0.0f && probability <= 1.0f);
    s->frames++;
    s->speech += probability >= 0.5f;
}

static void hears_a_voice_above_quiet_noise(void **state)
{
    static int16_t samples[2 * SECOND];
    struct vad *v = vad_energy_create();
    struct seen before = {0}, during = {0};
    uint32_t seed = 1;

    (void)state;
    made_noise(samples, 2 * SECOND, 20, &seed);
    made_voice(samples + SECOND, SECOND);
    vad_feed(v, samples, SECOND, count, &before);
    vad_feed(v, samples + SECOND, SECOND, count, &during);
    assert_int_equal(before.speech, 0);
    assert_true(during.speech > during.frames / 2);
    vad_destroy(v);
}

static void learns_a_steady_noise(void **state)
{
    static int16_t samples[10 * SECOND];
    struct vad *v = vad_energy_create();
    struct seen learning = {0}, learnt = {0};
    uint32_t seed = 2;

    (void)state;
    made_noise(samples, 10 * SECOND, 100, &seed);
    vad_feed(v, samples, 8 * SECOND, count, &learning);
    vad_feed(v, samples, 2 * SECOND, count, &learnt);
    assert_int_equal(learnt.speech, 0);
    vad_destroy(v);
}

static void digital_silence_is_not_speech(void **state)
{
    static const int16_t zeros[SECOND];
    struct vad *v = vad_energy_create();
    struct seen seen = {0};

    (void)state;
    vad_feed(v, zeros, SECOND, count, &seen);
    assert_int_equal(seen.frames, SECOND / VAD_FRAME_SAMPLES);
    assert_int_equal(seen.speech, 0);
    vad_destroy(v);
}

static void pieces_of_any_size_make_the_same_frames(void **state)
{
    static int16_t samples[SECOND];
    struct vad *v = vad_energy_create();
    struct seen whole = {0}, pieces = {0};

    (void)state;
    made_voice(samples, SECOND);
    vad_feed(v, samples, SECOND, count, &whole);
    vad_reset(v);
    for (size_t at = 0; at < SECOND; at += 160)
        vad_feed(v, samples + at, 160, count, &pieces);
    assert_int_equal(whole.frames, pieces.frames);
    assert_int_equal(whole.speech, pieces.speech);
    assert_null(vad_destroy(v));
    assert_null(vad_destroy(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_a_voice_above_quiet_noise),
        cmocka_unit_test(learns_a_steady_noise),
        cmocka_unit_test(digital_silence_is_not_speech),
        cmocka_unit_test(pieces_of_any_size_make_the_same_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
