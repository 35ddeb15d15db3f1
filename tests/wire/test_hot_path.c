/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Audio goes through as bytes: no JSON tree, no base64. Proved by counting both. */

#include "base/buf.h"
#include "base/str.h"
#include "realtime/counters.h"

#define TIMES 100

static void appends_build_no_tree_and_decode_nothing(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    struct rt_counters before = rt_counters_now();
    for (int i = 0; i < TIMES; i++)
        wire_client(w, "{'type':'input_audio_buffer.append','event_id':'a','audio':'AAECAwQF'}");
    struct rt_counters cost = rt_counters_since(before);
    assert_int_equal(cost.peeks, TIMES);
    assert_int_equal(cost.trees, 0);
    assert_int_equal(cost.base64_decodes, 0);
    const json_t *got = wire_model_gets(w, "input_audio_buffer.append");
    assert_string_equal(wire_text(got, "audio"), "AAECAwQF");
    wire_close(w);
}

static void deltas_build_no_tree_and_decode_nothing(void **state)
{
    static const char *const deltas[] = {
        "{'type':'response.output_audio.delta','event_id':'e','response_id':'resp_1','item_id':'i',"
        "'output_index':0,'content_index':0,'delta':'AAECAwQF'}",
        "{'type':'response.output_audio_transcript.delta','event_id':'e','response_id':'resp_1','"
        "item_id':'i','output_index':0,'content_index':0,'delta':'Hello'}",
        "{'type':'response.output_text.delta','event_id':'e','response_id':'resp_1','item_id':'i','"
        "output_index':0,'content_index':0,'delta':'Hello'}",
        "{'type':'response.function_call_arguments.delta','event_id':'e','response_id':'resp_1','"
        "item_id':'f','output_index':0,'call_id':'c','delta':'{'}",
        "{'type':'conversation.item.input_audio_transcription.delta','event_id':'e','item_id':'u','"
        "content_index':0,'delta':'hi'}",
    };
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, "{'type':'response.created','event_id':'e','response':{'id':'resp_1','status':'"
                  "in_progress','output':[],'conversation_id':'c'}}");
    wire_model(w, deltas[0]); /* the first one shows the response */
    struct rt_counters before = rt_counters_now();
    for (int i = 0; i < TIMES; i++) {
        for (size_t d = 0; d < sizeof(deltas) / sizeof(deltas[0]); d++)
            wire_model(w, deltas[d]);
    }
    struct rt_counters cost = rt_counters_since(before);
    assert_int_equal(cost.peeks, TIMES * sizeof(deltas) / sizeof(deltas[0]));
    assert_int_equal(cost.trees, 0);
    assert_int_equal(cost.base64_decodes, 0);
    wire_close(w);
}

static void bytes_come_out_as_they_went_in(void **state)
{
    struct wire *w = wire_open("");
    const json_t *got;

    (void)state;
    wire_client(w, "{ 'audio' : 'AAAA' , 'future_member':[1,{'a':null}], 'type' : "
                   "'input_audio_buffer.append' }");
    got = wire_model_gets(w, "input_audio_buffer.append");
    assert_true(json_is_null(wire_at(got, "future_member.1.a")));
    wire_client(w, "{'type':'some.new.event','x':1}");
    assert_int_equal(json_get_int(wire_model_gets(w, "some.new.event"), "x", 0), 1);
    wire_model(w, "{'type':'another.new.event','event_id':'e','y':2}");
    assert_int_equal(json_get_int(wire_client_gets(w, "another.new.event"), "y", 0), 2);
    wire_close(w);
}

/* Numbers are published every 256 events, and at the end. */
static void an_event_that_publishes_the_others_is_counted_as_what_it_is(void **state)
{
    (void)state;
    wire_record(false, "");
    struct wire *w = wire_open("");

    wire_client(w, "{'type':'input_audio_buffer.clear'}");
    for (int i = 0; i < 300; i++)
        wire_client(w, "{'type':'input_audio_buffer.append','audio':'AAAA'}");
    wire_client_leaves(w);
    assert_true(recording_value(wire_recording(w), "parley.events", "parley.event.kind", "hot") ==
                300);
    assert_true(recording_value(wire_recording(w), "parley.events", "parley.event.kind", "known") ==
                1);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_build_no_tree_and_decode_nothing),
        cmocka_unit_test(deltas_build_no_tree_and_decode_nothing),
        cmocka_unit_test(an_event_that_publishes_the_others_is_counted_as_what_it_is),
        cmocka_unit_test(bytes_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
