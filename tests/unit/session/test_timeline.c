/* SPDX-License-Identifier: Apache-2.0 */
#include "session/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS(ms)  ((uint64_t)(ms)*24)
#define PCM(ms) ((uint64_t)(ms)*48) /* bytes */

static void frames_of_each_format_are_at_24_khz(void **state)
{
    (void)state;
    assert_int_equal(timeline_frames(RT_AUDIO_PCM24K, 9), 4);
    assert_int_equal(timeline_frames(RT_AUDIO_PCMU, 8), 24);
    assert_int_equal(timeline_frames(RT_AUDIO_PCMA, 1), 3);
    assert_int_equal(timeline_frames(RT_AUDIO_PCM24K, 0), 0);
}

/* ---- the user ---- */

static void speech_ends_when_it_came(void **state)
{
    struct spoken s = {0};

    (void)state;
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(100), MS(1100));
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(100), MS(1200));
    assert_int_equal(spoken_fix(&s), MS(1000));
    assert_int_equal(spoken_end(&s), MS(1200));
}

static void jitter_makes_no_gap_and_a_pause_does(void **state)
{
    struct spoken s = {0};

    (void)state;
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(100), MS(1100));
    assert_true(spoken_continues(&s, RT_AUDIO_PCM24K, PCM(100), MS(1300)));
    assert_false(spoken_continues(&s, RT_AUDIO_PCM24K, PCM(100), MS(1330)));
    assert_false(spoken_continues(&s, RT_AUDIO_PCMU, 800, MS(1200)));
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(100), MS(3000));
    assert_int_equal(spoken_fix(&s), MS(2900));
}

static void a_burst_is_moved_back_as_far_as_the_run_before_it(void **state)
{
    struct spoken s = {0};

    (void)state;
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(1000), MS(1000));
    (void)spoken_fix(&s);
    for (int i = 0; i < 10; i++)
        spoken_add(&s, RT_AUDIO_PCM24K, PCM(100), MS(1500));
    assert_int_equal(spoken_fix(&s), MS(1000));
    assert_int_equal(spoken_end(&s), MS(2000));
}

static void what_is_fixed_stays(void **state)
{
    struct spoken s = {0};

    (void)state;
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(100), MS(1100));
    assert_int_equal(spoken_fix(&s), MS(1000));
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(5000), MS(1100));
    assert_int_equal(s.start, MS(1000));
    assert_int_equal(spoken_end(&s), MS(6100));
}

static void nothing_lies_before_the_beginning(void **state)
{
    struct spoken s = {0};

    (void)state;
    spoken_add(&s, RT_AUDIO_PCM24K, PCM(500), MS(10));
    assert_int_equal(spoken_fix(&s), 0);
}

/* ---- the agent ---- */

static struct played_place add(struct played *p, uint32_t item, uint64_t ms, uint64_t plays_ms,
                               uint64_t now_ms)
{
    return played_add(p, item, RT_AUDIO_PCM24K, PCM(ms), MS(plays_ms), MS(now_ms));
}

static void pieces_of_an_item_follow_each_other(void **state)
{
    struct played p = {0};

    (void)state;
    struct played_place a = add(&p, 1, 100, 50, 50);
    struct played_place b = add(&p, 1, 100, 150, 60);
    assert_true(a.is_heard && b.is_heard);
    assert_int_equal(a.run_place, MS(50));
    assert_int_equal(b.run_place, MS(50));
    assert_int_equal(b.run_bytes, PCM(100));
    assert_int_equal(p.end, MS(250));
}

static void an_item_never_lies_on_the_one_before(void **state)
{
    struct played p = {0};

    (void)state;
    (void)add(&p, 1, 1000, 0, 0);
    assert_int_equal(add(&p, 2, 100, 900, 10).run_place, MS(1000));
}

static void a_dry_player_begins_a_new_stretch(void **state)
{
    struct played p = {0};

    (void)state;
    (void)add(&p, 1, 100, 0, 0);
    struct played_place b = add(&p, 1, 100, 500, 500);
    assert_int_equal(b.run_place, MS(500));
    assert_int_equal(b.run_bytes, 0);
    assert_int_equal(add(&p, 1, 100, 640, 640).run_bytes, PCM(100)); /* a hiccup of 40 ms */
}

static void a_cut_finds_its_place_in_the_right_stretch(void **state)
{
    struct played p = {0};
    struct silence s[PLAYBACK_ITEMS];

    (void)state;
    (void)add(&p, 1, 100, 0, 0);
    (void)add(&p, 1, 100, 500, 500);
    assert_int_equal(played_cut(&p, 1, 130, s), 1);
    assert_int_equal(s[0].from, MS(530));
    assert_int_equal(s[0].until, MS(600));
    assert_int_equal(p.end, MS(530));
    assert_false(add(&p, 1, 100, 600, 540).is_heard);
    assert_int_equal(played_cut(&p, 1, 40, s), 1); /* less was heard, after all */
    assert_int_equal(s[0].from, MS(40));
    assert_int_equal(s[0].until, MS(530));
}

static void a_cut_takes_what_was_queued_and_leaves_what_came_later(void **state)
{
    struct played p = {0};
    struct silence s[PLAYBACK_ITEMS];

    (void)state;
    (void)add(&p, 1, 1000, 0, 0);
    (void)add(&p, 2, 1000, 1000, 10);
    (void)add(&p, 3, 1000, 2000, 700); /* after the interruption, before it was told */
    assert_int_equal(played_cut(&p, 1, 600, s), 2);
    assert_int_equal(s[1].from, MS(1000));
    assert_int_equal(s[1].until, MS(2000));
    assert_int_equal(p.end, MS(3000));
    assert_int_equal(played_cut(&p, 99, 5, s), 0);
}

static void a_cut_beyond_the_end_changes_nothing(void **state)
{
    struct played p = {0};
    struct silence s[PLAYBACK_ITEMS];

    (void)state;
    (void)add(&p, 1, 100, 0, 0);
    assert_int_equal(played_cut(&p, 1, 5000, s), 0);
    assert_int_equal(p.end, MS(100));
}

static void stretches_and_items_are_bounded(void **state)
{
    struct played p = {0};
    struct silence s[PLAYBACK_ITEMS];

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        (void)add(&p, 1, 100, i * 1000, i * 1000);
    assert_int_equal(played_cut(&p, 1, 9950, s), 1);
    assert_int_equal(s[0].from, MS(99050));
    for (uint32_t i = 0; i < 50; i++)
        (void)add(&p, i + 10, 100, 200000 + i * 100, 200000);
    assert_int_equal(p.end, MS(205000));
    assert_int_equal(played_cut(&p, 13, 0, s), 0); /* long past */
    assert_false(add(&p, 0, 100, 0, 0).is_heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_each_format_are_at_24_khz),
        cmocka_unit_test(speech_ends_when_it_came),
        cmocka_unit_test(jitter_makes_no_gap_and_a_pause_does),
        cmocka_unit_test(a_burst_is_moved_back_as_far_as_the_run_before_it),
        cmocka_unit_test(what_is_fixed_stays),
        cmocka_unit_test(nothing_lies_before_the_beginning),
        cmocka_unit_test(pieces_of_an_item_follow_each_other),
        cmocka_unit_test(an_item_never_lies_on_the_one_before),
        cmocka_unit_test(a_dry_player_begins_a_new_stretch),
        cmocka_unit_test(a_cut_finds_its_place_in_the_right_stretch),
        cmocka_unit_test(a_cut_takes_what_was_queued_and_leaves_what_came_later),
        cmocka_unit_test(a_cut_beyond_the_end_changes_nothing),
        cmocka_unit_test(stretches_and_items_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
