/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "session/playback.h"

#define SECOND 48000

static void heard_follows_the_clock_and_stops_at_what_was_produced(void **state)
{
    struct playback p;

    (void)state;
    playback_init(&p);
    playback_produce(&p, VIEW("a"), SECOND, 48, 1000000);
    struct playback_item *i = playback_find(&p, VIEW("a"));
    assert_int_equal(playback_heard_ms(i, 1000000), 0);
    assert_int_equal(playback_heard_ms(i, 1400000), 400);
    assert_int_equal(playback_heard_ms(i, 9000000), 1000);
    assert_ptr_equal(playback_current(&p, 1400000), i);
    assert_null(playback_current(&p, 2000000));
}

static void items_play_one_after_another(void **state)
{
    struct playback p;

    (void)state;
    playback_init(&p);
    playback_produce(&p, VIEW("a"), SECOND, 48, 0);
    playback_produce(&p, VIEW("b"), SECOND, 48, 100000);
    assert_int_equal(playback_heard_ms(playback_find(&p, VIEW("b")), 1000000), 0);
    assert_int_equal(playback_heard_ms(playback_find(&p, VIEW("b")), 1300000), 300);
    assert_string_equal(playback_current(&p, 1300000)->id, "b");
}

static void a_player_that_ran_dry_waits(void **state)
{
    struct playback p;

    (void)state;
    playback_init(&p);
    playback_produce(&p, VIEW("a"), SECOND, 48, 0);
    playback_produce(&p, VIEW("a"), SECOND, 48, 3000000); /* two seconds late */
    struct playback_item *i = playback_find(&p, VIEW("a"));
    assert_int_equal(playback_heard_ms(i, 3500000), 1500);
}

static void the_clients_report_wins_and_is_clamped(void **state)
{
    struct playback p;

    (void)state;
    playback_init(&p);
    playback_produce(&p, VIEW("a"), SECOND, 48, 0);
    struct playback_item *i = playback_find(&p, VIEW("a"));
    playback_report(i, 250);
    assert_int_equal(playback_heard_ms(i, 900000), 250);
    playback_report(i, 99999);
    assert_int_equal(playback_heard_ms(i, 0), 1000);
    playback_report(i, -5);
    assert_int_equal(playback_heard_ms(i, 0), 0);
}

static void truncation_is_final_and_frees_the_speaker(void **state)
{
    struct playback p;

    (void)state;
    playback_init(&p);
    playback_produce(&p, VIEW("a"), 10 * SECOND, 48, 0);
    struct playback_item *i = playback_find(&p, VIEW("a"));
    playback_truncate(i, 700);
    assert_true(i->is_settled);
    assert_int_equal(playback_heard_ms(i, 5000000), 700);
    playback_truncate(i, 900); /* never longer again */
    assert_int_equal(i->truncated_ms, 700);
    playback_produce(&p, VIEW("b"), SECOND, 48, 1000000);
    assert_string_equal(playback_current(&p, 1100000)->id, "b");
}

static void only_recent_items_are_kept(void **state)
{
    struct playback p;
    char id[8];

    (void)state;
    playback_init(&p);
    for (int n = 0; n < PLAYBACK_ITEMS + 3; n++) {
        id[0] = (char)('a' + n);
        id[1] = '\0';
        playback_produce(&p, view_of(id), SECOND, 48, 0);
    }
    assert_null(playback_find(&p, VIEW("a")));
    assert_non_null(playback_find(&p, VIEW("k")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heard_follows_the_clock_and_stops_at_what_was_produced),
        cmocka_unit_test(items_play_one_after_another),
        cmocka_unit_test(a_player_that_ran_dry_waits),
        cmocka_unit_test(the_clients_report_wins_and_is_clamped),
        cmocka_unit_test(truncation_is_final_and_frees_the_speaker),
        cmocka_unit_test(only_recent_items_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
