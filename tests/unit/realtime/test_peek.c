/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/counters.h"

#include <stdio.h>

static int peek(const char *text, struct rt_peek *out)
{
    return rt_peek(view_of(text), out);
}

static void assert_fault(const char *text, enum rt_fault fault)
{
    struct rt_peek p;

    assert_int_equal(peek(text, &p), PARLEY_E_INVALID);
    assert_int_equal(p.fault, fault);
    assert_true(p.fault_at <= strlen(text));
}

static void assert_view(struct parley_view view, const char *expected)
{
    assert_true(view_is(view, expected));
}

static void an_audio_delta_gives_type_ids_and_payload_without_tree_or_decode(void **state)
{
    static const char text[] =
        "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_1\",\"response_id\":"
        "\"resp_1\",\"item_id\":\"item_1\",\"output_index\":2,\"content_index\":3,"
        "\"delta\":\"AAECAwQ=\"}";
    struct rt_counters before = rt_counters_now();
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek(text, &p), PARLEY_OK);
    struct rt_counters cost = rt_counters_since(before);
    assert_int_equal(cost.peeks, 1);
    assert_int_equal(cost.trees, 0);
    assert_int_equal(cost.base64_decodes, 0);
    assert_int_equal(p.event, RT_OUTPUT_AUDIO_DELTA);
    assert_view(p.event_id, "event_1");
    assert_view(p.response_id, "resp_1");
    assert_view(p.item_id, "item_1");
    assert_int_equal(p.output_index, 2);
    assert_int_equal(p.content_index, 3);
    assert_view(p.payload, "AAECAwQ=");
    assert_int_equal(p.payload_bytes, 5);
    assert_true(p.is_ascii);
    assert_false(p.has_escapes);
}

static void an_append_gives_the_bytes_its_audio_stands_for(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"audio\":\"AAAA\",\"type\":\"input_audio_buffer.append\"}", &p),
                     PARLEY_OK);
    assert_int_equal(p.event, RT_INPUT_AUDIO_APPEND);
    assert_int_equal(p.payload_bytes, 3);
    assert_null(p.event_id.data);
    assert_int_equal(p.output_index, -1);
}

static void absent_null_and_odd_members_stay_empty(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"type\":\"input_audio_buffer.committed\",\"previous_item_id\":null,"
                          "\"item_id\":7,\"content_index\":\"0\",\"output_index\":1.5}",
                          &p),
                     PARLEY_OK);
    assert_null(p.previous_item_id.data);
    assert_null(p.item_id.data);
    assert_int_equal(p.content_index, -1);
    assert_int_equal(p.output_index, -1);
}

static void both_times_of_a_timeout_are_allowed_and_the_first_is_told(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"type\":\"input_audio_buffer.timeout_triggered\",\"event_id\":\"e\","
                          "\"audio_start_ms\":100,\"audio_end_ms\":6100,\"item_id\":\"i\"}",
                          &p),
                     PARLEY_OK);
    assert_int_equal(p.audio_ms, 100);
}

static void the_body_is_the_raw_value_of_the_main_member(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"type\":\"response.done\", \"response\" : {\"id\":\"r\"} }", &p),
                     PARLEY_OK);
    assert_view(p.body, "{\"id\":\"r\"}");
}

static void inner_members_are_not_taken_for_those_of_the_event(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"item\":{\"type\":\"message\",\"item_id\":\"inner\"},"
                          "\"type\":\"conversation.item.create\"}",
                          &p),
                     PARLEY_OK);
    assert_int_equal(p.event, RT_ITEM_CREATE);
    assert_null(p.item_id.data);
}

static void a_name_outside_the_table_is_unknown_but_no_fault(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"type\":\"session.dance\",\"item\":1,\"part\":2}", &p), PARLEY_OK);
    assert_int_equal(p.event, RT_UNKNOWN);
    assert_view(p.type, "session.dance");
}

static void escapes_and_non_ascii_are_noticed(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"type\":\"error\",\"event_id\":\"a\\\"b\"}", &p), PARLEY_OK);
    assert_true(p.has_escapes);
    assert_view(p.event_id, "a\\\"b");
    assert_int_equal(peek("{\"type\":\"x\",\"delta\":\"a\\n\"}", &p), PARLEY_OK);
    assert_true(p.payload_has_escapes);
    assert_false(p.has_escapes);
    assert_true(p.is_ascii);
    assert_int_equal(peek("{\"type\":\"x\",\"delta\":\"\xc3\xa9\"}", &p), PARLEY_OK);
    assert_false(p.is_ascii);
}

/* One odd byte at every place of a long string, so that each way through the blocks is taken. */
static void every_byte_of_a_long_string_is_looked_at(void **state)
{
    char text[700];

    (void)state;
    for (size_t at = 0; at < 600; at++) {
        struct rt_peek p;
        memset(text, 'A', sizeof(text));
        memcpy(text, "{\"type\":\"x\",\"delta\":\"", 21);
        memcpy(text + 21 + 600, "\"}", 3);
        text[21 + at] = '\x01';
        assert_int_equal(peek(text, &p), PARLEY_E_INVALID);
        assert_int_equal(p.fault_at, 21 + at);
        text[21 + at] = '\xe9'; /* begins a character that does not go on */
        assert_int_equal(peek(text, &p), PARLEY_E_INVALID);
        assert_int_equal(p.fault, RT_FAULT_JSON);
        assert_false(p.is_ascii);
        text[21 + at] = '"';
        assert_int_equal(peek(text, &p), PARLEY_E_INVALID);
        assert_int_equal(p.payload.len, at);
        text[21 + at] = ' ';
        assert_int_equal(peek(text, &p), PARLEY_OK);
        assert_true(p.is_ascii);
    }
}

static void bytes_that_are_not_json_are_told_so(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "{\"type\"",
        "{\"type\":",
        "{\"type\":\"x\"",
        "{\"type\":\"x\",}",
        "{\"type\":\"x\"}}",
        "{\"type\":\"x\"} {}",
        "{type:\"x\"}",
        "{'type':'x'}",
        "{\"type\":\"x\",\"a\":01}",
        "{\"type\":\"x\",\"a\":1.}",
        "{\"type\":\"x\",\"a\":1e}",
        "{\"type\":\"x\",\"a\":-}",
        "{\"type\":\"x\",\"a\":+1}",
        "{\"type\":\"x\",\"a\":nul}",
        "{\"type\":\"x\",\"a\":True}",
        "{\"type\":\"x\",\"a\":[1,]}",
        "{\"type\":\"x\",\"a\":[1}",
        "{\"type\":\"x\",\"a\":{\"b\":1]}",
        "{\"type\":\"x\",\"a\":{\"b\"}}",
        "{\"type\":\"x\",\"a\":{1:2}}",
        "{\"type\":\"x\",\"a\":\"tab\there\"}",
        "{\"type\":\"x\",\"a\":\"\\x\"}",
        "{\"type\":\"x\",\"a\":\"\\u12g4\"}",
        "{\"type\":\"x\",\"a\":\"\\u12\"}",
        "{\"type\":\"x\",\"a\":\"\\",
        "nope",
        "{\"type\":\"x\",\"a\":\"\xc3\"}",
        "{\"type\":\"x\",\"a\":\"\xed\xa0\x80\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_fault(texts[i], RT_FAULT_JSON);
    struct rt_peek p;
    assert_int_equal(rt_peek((struct parley_view){"{\"type\":\"x\"}\0", 13}, &p), PARLEY_E_INVALID);
    assert_int_equal(rt_peek((struct parley_view){NULL, 0}, &p), PARLEY_E_INVALID);
}

static void json_of_another_kind_is_no_event(void **state)
{
    (void)state;
    assert_fault("[]", RT_FAULT_NOT_OBJECT);
    assert_fault("\"session.update\"", RT_FAULT_NOT_OBJECT);
    assert_fault("null", RT_FAULT_NOT_OBJECT);
    assert_fault("12", RT_FAULT_NOT_OBJECT);
    assert_fault("[{\"type\":\"session.update\"}]", RT_FAULT_NOT_OBJECT);
}

static void a_type_must_be_there_once_as_a_plain_string(void **state)
{
    (void)state;
    assert_fault("{}", RT_FAULT_NO_TYPE);
    assert_fault("{\"event_id\":\"e\"}", RT_FAULT_NO_TYPE);
    assert_fault("{\"type\":7}", RT_FAULT_TYPE_NOT_STRING);
    assert_fault("{\"type\":null}", RT_FAULT_TYPE_NOT_STRING);
    assert_fault("{\"type\":{\"type\":\"x\"}}", RT_FAULT_TYPE_NOT_STRING);
    assert_fault("{\"type\":\"response\\u002ecreate\"}", RT_FAULT_TYPE_NOT_STRING);
    assert_fault("{\"type\":\"error\",\"type\":\"session.update\"}", RT_FAULT_DUPLICATE_TYPE);
    assert_fault("{\"type\":\"error\",\"t\\u0079pe\":\"session.update\"}", RT_FAULT_ESCAPED_KEY);
}

static void a_reported_member_must_not_come_twice(void **state)
{
    (void)state;
    assert_fault("{\"type\":\"x\",\"item_id\":\"a\",\"item_id\":\"b\"}", RT_FAULT_DUPLICATE_KEY);
    assert_fault("{\"type\":\"x\",\"item_id\":null,\"item_id\":\"b\"}", RT_FAULT_DUPLICATE_KEY);
    assert_fault("{\"type\":\"x\",\"audio\":\"a\",\"audio\":\"b\"}", RT_FAULT_DUPLICATE_KEY);
    assert_fault("{\"type\":\"x\",\"item\":{},\"item\":{}}", RT_FAULT_DUPLICATE_KEY);
}

static void nesting_ends_at_the_limit(void **state)
{
    char text[300];

    (void)state;
    for (int depth = RT_MAX_DEPTH - 2; depth <= RT_MAX_DEPTH + 1; depth++) {
        struct rt_peek p;
        int inner = depth - 1; /* the event itself is one */
        (void)snprintf(text, sizeof(text), "{\"type\":\"x\",\"a\":%.*s1%.*s}", inner,
                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                       inner,
                       "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        assert_int_equal(peek(text, &p), depth <= RT_MAX_DEPTH ? PARLEY_OK : PARLEY_E_INVALID);
        assert_int_equal(p.fault, depth <= RT_MAX_DEPTH ? RT_FAULT_NONE : RT_FAULT_TOO_DEEP);
    }
}

static void what_was_read_before_a_fault_is_kept_for_the_answer(void **state)
{
    struct rt_peek p;

    (void)state;
    assert_int_equal(peek("{\"event_id\":\"e1\",\"type\":\"x\",\"a\":tru}", &p), PARLEY_E_INVALID);
    assert_view(p.event_id, "e1");
    assert_view(p.type, "x");
}

static void any_json_value_can_be_checked(void **state)
{
    size_t at = 0;

    (void)state;
    assert_int_equal(rt_json_check(VIEW("[1,{\"a\":[]}]"), NULL), RT_FAULT_NONE);
    assert_int_equal(rt_json_check(VIEW(" \"x\" "), NULL), RT_FAULT_NONE);
    assert_int_equal(rt_json_check(VIEW("[1 2]"), &at), RT_FAULT_JSON);
    assert_int_equal(at, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_audio_delta_gives_type_ids_and_payload_without_tree_or_decode),
        cmocka_unit_test(an_append_gives_the_bytes_its_audio_stands_for),
        cmocka_unit_test(absent_null_and_odd_members_stay_empty),
        cmocka_unit_test(both_times_of_a_timeout_are_allowed_and_the_first_is_told),
        cmocka_unit_test(the_body_is_the_raw_value_of_the_main_member),
        cmocka_unit_test(inner_members_are_not_taken_for_those_of_the_event),
        cmocka_unit_test(a_name_outside_the_table_is_unknown_but_no_fault),
        cmocka_unit_test(escapes_and_non_ascii_are_noticed),
        cmocka_unit_test(every_byte_of_a_long_string_is_looked_at),
        cmocka_unit_test(bytes_that_are_not_json_are_told_so),
        cmocka_unit_test(json_of_another_kind_is_no_event),
        cmocka_unit_test(a_type_must_be_there_once_as_a_plain_string),
        cmocka_unit_test(a_reported_member_must_not_come_twice),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(what_was_read_before_a_fault_is_kept_for_the_answer),
        cmocka_unit_test(any_json_value_can_be_checked),
    };
    return cmocka_run_group_tests_name("realtime/peek", tests, NULL, NULL);
}
