/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/counters.h"
#include "realtime/splice.h"

static const char delta[] = "{\"type\":\"response.output_audio.delta\",\"item_id\":\"item_1\","
                            "\"delta\":\"AAAA\",\"response_id\":\"resp_1\"}";

static void ids_are_changed_in_place_without_a_tree(void **state)
{
    struct buf out = {0};
    struct rt_peek p;
    struct rt_counters before = rt_counters_now();

    (void)state;
    assert_int_equal(rt_peek(view_of(delta), &p), PARLEY_OK);
    /* Not in the order of the event. */
    const struct rt_edit edits[] = {{p.response_id, VIEW("r\"2")}, {p.item_id, VIEW("item_22")}};
    rt_splice(&out, view_of(delta), edits, 2);
    assert_int_equal(rt_counters_since(before).trees, 0);
    assert_string_equal(out.data,
                        "{\"type\":\"response.output_audio.delta\",\"item_id\":\"item_22\","
                        "\"delta\":\"AAAA\",\"response_id\":\"r\\\"2\"}");
    buf_done(&out);
}

static void absent_and_equal_ids_leave_the_event_as_it_is(void **state)
{
    struct buf out = {0};
    struct rt_peek p;

    (void)state;
    assert_int_equal(rt_peek(view_of(delta), &p), PARLEY_OK);
    const struct rt_edit edits[] = {{p.call_id, VIEW("x")}, {p.item_id, VIEW("item_1")}};
    rt_splice(&out, view_of(delta), edits, 2);
    assert_string_equal(out.data, delta);
    buf_done(&out);
}

static void an_id_can_become_null(void **state)
{
    static const char event[] = "{\"type\":\"x\",\"previous_item_id\":\"a\",\"item_id\":\"b\"}";
    struct buf out = {0};
    struct rt_peek p;

    (void)state;
    assert_int_equal(rt_peek(view_of(event), &p), PARLEY_OK);
    const struct rt_edit edits[] = {{p.previous_item_id, {0}}};
    rt_splice(&out, view_of(event), edits, 1);
    assert_string_equal(out.data, "{\"type\":\"x\",\"previous_item_id\":null,\"item_id\":\"b\"}");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_changed_in_place_without_a_tree),
        cmocka_unit_test(absent_and_equal_ids_leave_the_event_as_it_is),
        cmocka_unit_test(an_id_can_become_null),
    };
    return cmocka_run_group_tests_name("realtime/splice", tests, NULL, NULL);
}
