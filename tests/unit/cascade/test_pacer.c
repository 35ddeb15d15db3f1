/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cascade/pacer.h"

#define MS  1000
#define NOW 1000000000ull

/* Send pieces of 100 ms as long as none has to wait; returns how many. */
static int send_all(struct pacer *p, uint64_t now_us)
{
    int count = 0;

    while (pacer_wait_ms(p, now_us, 100 * MS) == 0 && count < 1000) {
        pacer_sent(p, now_us, 100 * MS);
        count++;
    }
    return count;
}

static void sends_at_once_up_to_the_lead(void **state)
{
    struct pacer p = {0};

    (void)state;
    assert_int_equal(send_all(&p, NOW), PACER_LEAD_MS / 100);
    assert_int_equal(pacer_wait_ms(&p, NOW, 100 * MS), 100);
    assert_int_equal(pacer_end_us(&p), NOW + PACER_LEAD_MS * MS);
}

static void goes_on_in_real_time(void **state)
{
    struct pacer p = {0};

    (void)state;
    send_all(&p, NOW);
    assert_int_equal(send_all(&p, NOW + 50 * MS), 0);
    assert_int_equal(send_all(&p, NOW + 100 * MS), 1);
    assert_int_equal(send_all(&p, NOW + 400 * MS), 3);
}

static void a_dry_player_starts_again(void **state)
{
    struct pacer p = {0};

    (void)state;
    pacer_sent(&p, NOW, 100 * MS);
    assert_true(pacer_is_playing(&p, NOW + 99 * MS));
    assert_false(pacer_is_playing(&p, NOW + 100 * MS));
    assert_int_equal(send_all(&p, NOW + 9000 * MS), PACER_LEAD_MS / 100);
}

static void nothing_plays_before_the_first_audio(void **state)
{
    struct pacer p = {0};

    (void)state;
    assert_false(pacer_is_playing(&p, NOW));
    assert_int_equal(pacer_end_us(&p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_at_once_up_to_the_lead),
        cmocka_unit_test(goes_on_in_real_time),
        cmocka_unit_test(a_dry_player_starts_again),
        cmocka_unit_test(nothing_plays_before_the_first_audio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
