/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Truncation follows playback: what was heard stays, no more, no less. 24 kHz PCM: 48 bytes a ms.
 */

#include "base/buf.h"

#define CREATED                                                                                    \
    "{'type':'response.created','event_id':'e','response':{'id':'resp_1','status':'in_progress','" \
    "output':[],'conversation_id':'c'}}"
#define ADDED                                                                                      \
    "{'type':'response.output_item.added','event_id':'e','response_id':'resp_1','output_index':0," \
    "'item':{'id':'item_1','type':'message','role':'assistant','status':'in_progress','content':[" \
    "]}}"
#define SPEECH                                                                                     \
    "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':100,'item_id':'"  \
    "item_u'}"

/* One second of silence. */
static void model_speaks_a_second(struct wire *w)
{
    struct buf event = {0};

    buf_append_str(&event,
                   "{'type':'response.output_audio.delta','event_id':'e','response_id':'resp_1','"
                   "item_id':'item_1','output_index':0,'content_index':0,'delta':'");
    for (int i = 0; i < 64000 / 4; i++)
        buf_append_str(&event, "AAAA");
    buf_append_str(&event, "'}");
    wire_model(w, event.data);
    buf_done(&event);
}

static struct wire *speaking(const char *agent_lines, int seconds)
{
    struct wire *w = wire_open(agent_lines);

    wire_model(w, CREATED);
    wire_model(w, ADDED);
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.output_item.added");
    for (int i = 0; i < seconds; i++) {
        model_speaks_a_second(w);
        (void)wire_client_gets(w, "response.output_audio.delta");
    }
    return w;
}

static int64_t cut_ms(const json_t *truncate)
{
    return json_get_int(truncate, "audio_end_ms", -1);
}

static void the_clients_word_is_taken(void **state)
{
    struct wire *w = speaking("", 3);

    (void)state;
    wire_advance_ms(w, 1500);
    wire_model(w, SPEECH);
    (void)wire_client_gets(w, "input_audio_buffer.speech_started");
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':1234}");
    assert_int_equal(cut_ms(wire_model_gets(w, "conversation.item.truncate")), 1234);
    wire_model(w, "{'type':'conversation.item.truncated','event_id':'e','item_id':'item_1','"
                  "content_index':0,'audio_end_ms':1234}");
    assert_int_equal(cut_ms(wire_client_gets(w, "conversation.item.truncated")), 1234);
    wire_advance_ms(w, 5000); /* the clock has no more say */
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void without_a_word_the_clock_decides(void **state)
{
    struct wire *w = speaking("truncation_wait_ms = 1s", 3);

    (void)state;
    wire_advance_ms(w, 700);
    wire_model(w, SPEECH);
    wire_advance_ms(w, 999);
    wire_model_gets_nothing(w);
    wire_advance_ms(w, 2);
    assert_int_equal(cut_ms(wire_model_gets(w, "conversation.item.truncate")), 700);
    wire_close(w);
}

static void a_playback_report_beats_the_clock(void **state)
{
    struct wire *w = speaking("truncation_wait_ms = 1s", 3);

    (void)state;
    wire_advance_ms(w, 700);
    wire_client(w, "{'type':'parley.playback','item_id':'item_1','audio_end_ms':480}");
    wire_model(w, SPEECH);
    wire_advance_ms(w, 1001);
    /* The item is known to the client by response.output_item.added. */
    assert_int_equal(cut_ms(wire_model_gets(w, "conversation.item.truncate")), 480);
    wire_close(w);
}

static void beyond_what_was_produced_is_clamped(void **state)
{
    struct wire *w = speaking("", 1);

    (void)state;
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':99999}");
    assert_int_equal(cut_ms(wire_model_gets(w, "conversation.item.truncate")), 1000);
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void nothing_heard_deletes_the_item(void **state)
{
    struct wire *w = speaking("", 2);

    (void)state;
    wire_model(
        w, "{'type':'conversation.item.added','event_id':'e','previous_item_id':null,'item':{'id':'"
           "item_1','type':'message','role':'assistant','status':'in_progress','content':[]}}");
    (void)wire_client_gets(w, "conversation.item.added");
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':0}");
    assert_int_equal(cut_ms(wire_client_gets(w, "conversation.item.truncated")), 0);
    assert_string_equal(wire_text(wire_model_gets(w, "conversation.item.delete"), "item_id"),
                        "item_1");
    wire_model(w, "{'type':'conversation.item.deleted','event_id':'e','item_id':'item_1'}");
    (void)wire_client_gets(w, "conversation.item.deleted");
    wire_client(w, "{'type':'conversation.item.retrieve','item_id':'item_1'}");
    (void)wire_client_gets(w, "conversation.item.retrieved");
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void a_longer_second_truncation_changes_nothing(void **state)
{
    struct wire *w = speaking("", 2);

    (void)state;
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':500}");
    (void)wire_model_gets(w, "conversation.item.truncate");
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':900}");
    assert_int_equal(cut_ms(wire_client_gets(w, "conversation.item.truncated")), 500);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void an_unknown_item_is_an_error(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client(w, "{'type':'conversation.item.truncate','event_id':'t','item_id':'item_x','"
                   "content_index':0,'audio_end_ms':5}");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.code"), "item_truncate_invalid_item_id");
    assert_string_equal(wire_text(e, "error.event_id"), "t");
    wire_close(w);
}

static void speech_after_playing_ended_cuts_nothing(void **state)
{
    struct wire *w = speaking("truncation_wait_ms = 1s", 1);

    (void)state;
    wire_advance_ms(w, 1500);
    wire_model(w, SPEECH);
    wire_advance_ms(w, 2000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

static void where_speech_does_not_interrupt_nothing_is_cut(void **state)
{
    struct wire *w = speaking("interrupt_response = no\ntruncation_wait_ms = 1s", 3);

    (void)state;
    wire_advance_ms(w, 500);
    wire_model(w, SPEECH);
    wire_advance_ms(w, 2000);
    wire_model_gets_nothing(w);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clients_word_is_taken),
        cmocka_unit_test(without_a_word_the_clock_decides),
        cmocka_unit_test(a_playback_report_beats_the_clock),
        cmocka_unit_test(beyond_what_was_produced_is_clamped),
        cmocka_unit_test(nothing_heard_deletes_the_item),
        cmocka_unit_test(a_longer_second_truncation_changes_nothing),
        cmocka_unit_test(an_unknown_item_is_an_error),
        cmocka_unit_test(speech_after_playing_ended_cuts_nothing),
        cmocka_unit_test(where_speech_does_not_interrupt_nothing_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
