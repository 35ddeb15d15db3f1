/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What strangers send: a clear error in the shape that clients know, and the session goes on. */

#include "base/buf.h"

#include <stdlib.h>

static void refused(struct wire *w, const char *event, const char *code, const char *param,
                    const char *event_id)
{
    wire_client(w, event);
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.code"), code);
    assert_string_equal(wire_text(e, "error.param"), param);
    assert_string_equal(wire_text(e, "error.event_id"), event_id);
    assert_true(strlen(wire_text(e, "error.message")) > 10);
    wire_model_gets_nothing(w);
}

static void malformed_events_get_an_error_and_the_session_goes_on(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    refused(w, "no json", "invalid_json", "", "");
    refused(w, "{'type':'response.create'", "invalid_json", "", "");
    refused(w, "[]", "invalid_event", "", "");
    refused(w, "{}", "invalid_event", "type", "");
    refused(w, "{'event_id':'x'}", "invalid_event", "type", "x");
    refused(w, "{'event_id':'x','type':5}", "invalid_event", "type", "x");
    refused(w, "{'type':'session.created','event_id':'x'}", "invalid_value", "type", "x");
    refused(w, "{'type':'transcription_session.update','event_id':'x','session':{}}",
            "invalid_value", "type", "x");
    refused(w, "{'type':'output_audio_buffer.clear','event_id':'x'}", "invalid_value", "type", "x");
    refused(w, "{'type':'session.update','event_id':'x'}", "missing_required_parameter", "session",
            "x");
    refused(w, "{'type':'input_audio_buffer.append','event_id':'x'}", "missing_required_parameter",
            "audio", "x");
    refused(w, "{'type':'conversation.item.create','event_id':'x'}", "missing_required_parameter",
            "item", "x");
    refused(w, "{'type':'conversation.item.retrieve','event_id':'x'}", "missing_required_parameter",
            "item_id", "x");
    refused(w, "{'type':'conversation.item.delete','event_id':'x','item_id':'item_none'}",
            "item_delete_invalid_item_id", "item_id", "x");
    refused(w,
            "{'type':'conversation.item.create','event_id':'x','previous_item_id':'nowhere','item':"
            "{'type':'message','role':'user','content':[{'type':'input_text','text':'hi'}]}}",
            "invalid_value", "previous_item_id", "x");
    wire_client(w, "{'type':'input_audio_buffer.commit'}");
    (void)wire_model_gets(w, "input_audio_buffer.commit");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_depth_bomb_is_an_error(void **state)
{
    struct wire *w = wire_open("");
    struct buf bomb = {0};

    (void)state;
    buf_append_str(&bomb, "{'type':'response.create','event_id':'x','response':");
    for (int i = 0; i < 100000; i++)
        buf_append_char(&bomb, '[');
    wire_client(w, bomb.data);
    (void)wire_client_gets(w, "error");
    wire_model_gets_nothing(w);
    buf_done(&bomb);
    wire_close(w);
}

static void an_append_that_is_too_long_is_an_error(void **state)
{
    struct wire *w = wire_open("");
    struct buf big = {0};

    (void)state;
    buf_append_str(&big, "{'type':'input_audio_buffer.append','event_id':'x','audio':'");
    for (int i = 0; i < (15 << 20) / 64 + 1; i++)
        buf_append_str(&big, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    buf_append_str(&big, "'}");
    wire_client(w, big.data);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"),
                        "string_above_max_length");
    wire_model_gets_nothing(w);
    buf_done(&big);
    wire_close(w);
}

static void a_binary_frame_is_an_error(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    session_client_binary(wire_session(w));
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "invalid_event");
    wire_close(w);
}

static void a_conversation_has_a_limit(void **state)
{
    struct wire *w = wire_open("max_items = 2");

    (void)state;
    for (int i = 0; i < 2; i++) {
        char event[256];
        (void)snprintf(event, sizeof(event),
                       "{'type':'conversation.item.added','event_id':'e','previous_item_id':null,'"
                       "item':{'id':'item_%d','type':'message','role':'user','content':[]}}",
                       i);
        wire_model(w, event);
        (void)wire_client_gets(w, "conversation.item.added");
    }
    wire_client(w, "{'type':'conversation.item.create','event_id':'x','item':{'type':'message','"
                   "role':'user','content':[{'type':'input_text','text':'hi'}]}}");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "x");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_long_conversation_goes_on(void **state)
{
    struct wire *w = wire_open("max_items = 3");

    (void)state;
    for (int i = 0; i < 5; i++) {
        char event[256];
        (void)snprintf(event, sizeof(event),
                       "{'type':'conversation.item.done','event_id':'e','previous_item_id':null,'"
                       "item':{'id':'item_%d','type':'message','role':'user','content':[]}}",
                       i);
        wire_model(w, event);
        (void)wire_client_gets(w, "conversation.item.done");
    }
    wire_client(w, "{'type':'conversation.item.create','previous_item_id':'item_0','item':{'type':'"
                   "message','role':'user','content':[{'type':'input_text','text':'hi'}]}}");
    (void)wire_model_gets(w, "conversation.item.create");
    wire_client(w, "{'type':'conversation.item.delete','item_id':'item_0'}"); /* the model has it */
    (void)wire_model_gets(w, "conversation.item.delete");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_response_may_refer_to_an_item_by_its_long_id(void **state)
{
    struct wire *w = wire_open("");
    char id[64];

    (void)state;
    wire_client(w, "{'type':'conversation.item.create','item':{'id':'an_id_that_is_longer_than_the_"
                   "model_takes','type':'message','role':'user','content':[{'type':'input_text','"
                   "text':'hi'}]}}");
    (void)snprintf(id, sizeof(id), "%s",
                   wire_text(wire_model_gets(w, "conversation.item.create"), "item.id"));
    wire_client(w, "{'type':'response.create','response':{'input':[{'type':'item_reference','id':'"
                   "an_id_that_is_longer_than_the_model_takes'}]}}");
    assert_string_equal(wire_text(wire_model_gets(w, "response.create"), "response.input.0.id"),
                        id);
    wire_close(w);
}

static void a_refused_item_with_a_long_id_can_be_sent_again(void **state)
{
    static const char create[] =
        "{'type':'conversation.item.create','event_id':'x','item':{'id':'an_id_that_is_longer_than_"
        "the_model_takes','type':'message','role':'user','content':[{'type':'input_text','text':'"
        "hi'}]}}";
    struct wire *w = wire_open("");
    char refusal[512];

    (void)state;
    wire_client(w, create);
    (void)snprintf(refusal, sizeof(refusal),
                   "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','code':'"
                   "invalid_value','message':'no','param':null,'event_id':'%s'}}",
                   wire_text(wire_model_gets(w, "conversation.item.create"), "event_id"));
    wire_model(w, refusal);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "x");
    wire_client(w, create);
    (void)wire_model_gets(w, "conversation.item.create");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void what_a_model_sends_that_is_no_event_is_left_out(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model(w, "garbage");
    wire_model(w, "{'no':'type'}");
    wire_model(w, "{'type':'response.create'}");
    wire_model(w, "{'type':'session.created','event_id':'e','session':{'id':'again'}}");
    wire_model(w, "{'type':'conversation.item.added','event_id':'e','item':5}");
    wire_model(
        w, "{'type':'response.output_item.added','event_id':'e','response_id':'resp_none','output_"
           "index':0,'item':{'id':'i','type':'message','role':'assistant','content':[]}}");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void audio_items_always_have_a_transcript_member(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model(w, "{'type':'conversation.item.added','event_id':'e','previous_item_id':null,'item':"
                  "{'id':'i','type':'message','role':'user','content':[{'type':'input_audio'}]}}");
    const json_t *added = wire_client_gets(w, "conversation.item.added");
    assert_true(json_is_null(wire_at(added, "item.content.0.transcript")));
    wire_close(w);
}

static void long_ids_are_shortened_for_the_model_and_restored_for_the_client(void **state)
{
    static const char *const long_id = "an_item_id_that_is_longer_than_thirty_two_characters";
    struct wire *w = wire_open("");
    char event[512];

    (void)state;
    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.create','item':{'id':'%s','type':'message','role':'"
                   "user','content':[{'type':'input_text','text':'hi'}]}}",
                   long_id);
    wire_client(w, event);
    char short_id[64];
    (void)snprintf(short_id, sizeof(short_id), "%s",
                   wire_text(wire_model_gets(w, "conversation.item.create"), "item.id"));
    assert_true(strlen(short_id) <= 32);
    (void)snprintf(
        event, sizeof(event),
        "{'type':'conversation.item.added','event_id':'e','previous_item_id':null,'item':{'id':'%s'"
        ",'type':'message','role':'user','content':[{'type':'input_text','text':'hi'}]}}",
        short_id);
    wire_model(w, event);
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.added"), "item.id"),
                        long_id);
    (void)snprintf(event, sizeof(event), "{'type':'conversation.item.retrieve','item_id':'%s'}",
                   long_id);
    wire_client(w, event);
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.retrieve"), "item_id"),
                        short_id);
    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.added','event_id':'e','previous_item_id':'%s','item'"
                   ":{'id':'i2','type':'message','role':'user','content':[]}}",
                   short_id);
    wire_model(w, event);
    assert_string_equal(
        wire_text(wire_client_gets(w, "conversation.item.added"), "previous_item_id"), long_id);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_events_get_an_error_and_the_session_goes_on),
        cmocka_unit_test(a_depth_bomb_is_an_error),
        cmocka_unit_test(an_append_that_is_too_long_is_an_error),
        cmocka_unit_test(a_binary_frame_is_an_error),
        cmocka_unit_test(a_conversation_has_a_limit),
        cmocka_unit_test(what_a_model_sends_that_is_no_event_is_left_out),
        cmocka_unit_test(audio_items_always_have_a_transcript_member),
        cmocka_unit_test(long_ids_are_shortened_for_the_model_and_restored_for_the_client),
        cmocka_unit_test(a_long_conversation_goes_on),
        cmocka_unit_test(a_refused_item_with_a_long_id_can_be_sent_again),
        cmocka_unit_test(a_response_may_refer_to_an_item_by_its_long_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
