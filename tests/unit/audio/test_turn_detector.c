/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/turn_detector.h"

#define FRAME 32

static const struct turn_config usual = {
    .threshold = 0.5,
    .prefix_padding_ms = 300,
    .silence_ms = 500,
    .start_ms = 60,
    .pause_ms = 200,
};

/* Feed frames of one probability; the last event that was not TURN_NOTHING. */
static enum turn_event feed(struct turn_detector *t, float probability, int frames)
{
    enum turn_event seen = TURN_NOTHING;

    for (int i = 0; i < frames; i++) {
        enum turn_event e = turn_detector_frame(t, probability, FRAME);
        if (e != TURN_NOTHING)
            seen = e;
    }
    return seen;
}

static struct turn_detector fresh(const struct turn_config *config)
{
    struct turn_detector t = {0};

    turn_detector_configure(&t, config);
    return t;
}

static void speech_starts_a_turn_less_its_padding(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    assert_int_equal(feed(&t, 0.1f, 50), TURN_NOTHING);
    assert_int_equal(feed(&t, 0.9f, 1), TURN_NOTHING);
    assert_int_equal(feed(&t, 0.9f, 1), TURN_STARTED);
    assert_int_equal(t.start_ms, 50 * FRAME - 300);
}

static void padding_does_not_reach_before_the_beginning(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    assert_int_equal(feed(&t, 0.9f, 2), TURN_STARTED);
    assert_int_equal(t.start_ms, 0);
}

static void a_click_starts_nothing(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(feed(&t, 0.9f, 1), TURN_NOTHING);
        assert_int_equal(feed(&t, 0.1f, 1), TURN_NOTHING);
    }
}

static void silence_pauses_and_then_stops(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    feed(&t, 0.9f, 10);
    assert_int_equal(feed(&t, 0.1f, 6), TURN_NOTHING);
    assert_int_equal(feed(&t, 0.1f, 1), TURN_PAUSED);
    assert_int_equal(feed(&t, 0.1f, 8), TURN_NOTHING);
    assert_int_equal(feed(&t, 0.1f, 1), TURN_STOPPED);
    assert_int_equal(t.end_ms, 26 * FRAME);
    assert_false(t.is_speaking);
}

static void speech_after_a_pause_resumes_the_turn(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    feed(&t, 0.9f, 10);
    assert_int_equal(feed(&t, 0.1f, 7), TURN_PAUSED);
    assert_int_equal(feed(&t, 0.9f, 1), TURN_RESUMED);
    assert_int_equal(feed(&t, 0.1f, 7), TURN_PAUSED);
    assert_int_equal(feed(&t, 0.1f, 9), TURN_STOPPED);
}

static void padding_does_not_reach_into_the_turn_before(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    feed(&t, 0.9f, 10);
    assert_int_equal(feed(&t, 0.1f, 16), TURN_STOPPED);
    int64_t end = t.end_ms;
    assert_int_equal(feed(&t, 0.9f, 2), TURN_STARTED);
    assert_int_equal(t.start_ms, end);
}

static void a_weak_frame_inside_a_turn_counts_as_speech(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    feed(&t, 0.9f, 10);
    assert_int_equal(feed(&t, 0.4f, 40), TURN_NOTHING);
    assert_true(t.is_speaking);
    assert_int_equal(feed(&t, 0.3f, 16), TURN_STOPPED);
}

static void the_threshold_decides(void **state)
{
    struct turn_config strict = usual;
    strict.threshold = 0.95;
    struct turn_detector t = fresh(&strict);

    (void)state;
    assert_int_equal(feed(&t, 0.9f, 20), TURN_NOTHING);
    assert_int_equal(feed(&t, 0.96f, 20), TURN_STARTED);
}

static void a_pause_as_long_as_the_silence_never_comes(void **state)
{
    struct turn_config quick = usual;
    quick.silence_ms = quick.pause_ms = 200;
    struct turn_detector t = fresh(&quick);

    (void)state;
    feed(&t, 0.9f, 10);
    assert_int_equal(feed(&t, 0.0f, 6), TURN_NOTHING);
    assert_int_equal(feed(&t, 0.0f, 1), TURN_STOPPED);
}

static void a_reset_forgets_the_turn_and_keeps_the_position(void **state)
{
    struct turn_detector t = fresh(&usual);

    (void)state;
    feed(&t, 0.9f, 10);
    turn_detector_reset(&t);
    assert_int_equal(feed(&t, 0.0f, 30), TURN_NOTHING);
    assert_int_equal(feed(&t, 0.9f, 2), TURN_STARTED);
    assert_int_equal(t.start_ms, 40 * FRAME - 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speech_starts_a_turn_less_its_padding),
        cmocka_unit_test(padding_does_not_reach_before_the_beginning),
        cmocka_unit_test(a_click_starts_nothing),
        cmocka_unit_test(silence_pauses_and_then_stops),
        cmocka_unit_test(speech_after_a_pause_resumes_the_turn),
        cmocka_unit_test(padding_does_not_reach_into_the_turn_before),
        cmocka_unit_test(a_weak_frame_inside_a_turn_counts_as_speech),
        cmocka_unit_test(the_threshold_decides),
        cmocka_unit_test(a_pause_as_long_as_the_silence_never_comes),
        cmocka_unit_test(a_reset_forgets_the_turn_and_keeps_the_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
