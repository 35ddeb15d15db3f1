/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/events.h"

static void every_event_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 1; i < RT_EVENT_COUNT; i++) {
        const struct rt_event_info *info = rt_event_info((enum rt_event)i);
        assert_int_equal(rt_event_find(view_of(info->name)), i);
    }
}

static void other_names_are_unknown(void **state)
{
    static const char *const names[] = {
        "",
        "response.creat",
        "response.creates",
        "Response.create",
        "response.createX",
        "response.audio.delta", /* preview dialect */
        "conversation.item.created",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(rt_event_find(view_of(names[i])), RT_UNKNOWN);
    char longest[1000];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(rt_event_find((struct parley_view){longest, sizeof(longest)}), RT_UNKNOWN);
}

static void audio_and_deltas_are_hot_and_nothing_that_changes_state(void **state)
{
    (void)state;
    assert_true(rt_event_info(RT_INPUT_AUDIO_APPEND)->hot);
    assert_true(rt_event_info(RT_OUTPUT_AUDIO_DELTA)->hot);
    assert_true(rt_event_info(RT_OUTPUT_TRANSCRIPT_DELTA)->hot);
    assert_true(rt_event_info(RT_OUTPUT_TEXT_DELTA)->hot);
    for (unsigned i = 1; i < RT_EVENT_COUNT; i++) {
        const struct rt_event_info *info = rt_event_info((enum rt_event)i);
        if (info->hot)
            assert_true(info->action == RT_DO_APPEND || info->action == RT_DO_DELTA ||
                        info->action == RT_DO_TRANSCRIPTION);
    }
}

static void a_number_outside_the_table_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(rt_event_name((enum rt_event)RT_EVENT_COUNT), "");
    assert_string_equal(rt_event_name(RT_UNKNOWN), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_found_by_its_name),
        cmocka_unit_test(other_names_are_unknown),
        cmocka_unit_test(audio_and_deltas_are_hot_and_nothing_that_changes_state),
        cmocka_unit_test(a_number_outside_the_table_is_unknown),
    };
    return cmocka_run_group_tests_name("realtime/events", tests, NULL, NULL);
}
