/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "base/buf.h"
#include "base/str.h"
#include "session/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The store gets what is final, in order, and its failure costs the conversation nothing. */

#define USER_ITEM(kind)                                                                            \
    "{'type':'conversation.item." kind                                                             \
    "','event_id':'e','previous_item_id':null,'item':{'id':'item_u','type':'message','role':'"     \
    "user','status':'completed','content':[{'type':'input_text','text':'hi'}]}}"
#define CREATED                                                                                    \
    "{'type':'response.created','event_id':'e','response':{'id':'resp_1','status':'in_progress','" \
    "output':[],'conversation_id':'c'}}"
#define DONE                                                                                       \
    "{'type':'response.done','event_id':'e','response':{'id':'resp_1','status':'completed','"      \
    "output':[],'conversation_id':'c','usage':null}}"

static void a_turn_is_kept_in_order(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model(w, USER_ITEM("added"));
    assert_string_equal(wire_stored(w), "");
    wire_model(w, USER_ITEM("done"));
    wire_model(w, CREATED);
    wire_model(w, DONE);
    assert_string_equal(wire_stored(w), "create test\nitem item_u\nresponse resp_1\n");
    wire_client_leaves(w);
    assert_non_null(strstr(wire_stored(w), "update state=1\n"));
    wire_close(w);
}

static void a_session_that_outlasts_keep_ms_is_not_forgotten_meanwhile(void **state)
{
    struct wire *w = wire_open("keep_ms = 1h");

    (void)state;
    wire_model(w, USER_ITEM("done"));
    wire_advance_ms(w, 20 * 60 * 1000);
    assert_string_equal(wire_stored(w), "create test\nitem item_u\nupdate state=0\n");
    wire_advance_ms(w, 20 * 60 * 1000);
    assert_string_equal(wire_stored(w),
                        "create test\nitem item_u\nupdate state=0\nupdate state=0\n");
    wire_close(w);
}

static void an_item_is_kept_once(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model(w, USER_ITEM("done"));
    wire_model(w, USER_ITEM("done"));
    assert_string_equal(wire_stored(w), "create test\nitem item_u\n");
    wire_close(w);
}

static void a_silent_session_is_not_kept(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_client_leaves(w);
    assert_string_equal(wire_stored(w), "");
    wire_close(w);
}

static void calls_transcripts_and_deletions_are_kept(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED);
    wire_model(w, "{'type':'response.output_item.added','event_id':'e','response_id':'resp_1','"
                  "output_index':0,'item':{'id':'f','type':'function_call','status':'in_progress','"
                  "call_id':'call_1','name':'fast','arguments':''}}");
    wire_model(w, "{'type':'response.output_item.done','event_id':'e','response_id':'resp_1','"
                  "output_index':0,'item':{'id':'f','type':'function_call','status':'completed','"
                  "call_id':'call_1','name':'fast','arguments':'{}'}}");
    wire_model(
        w,
        "{'type':'conversation.item.input_audio_transcription.completed','event_id':'e','item_id':'"
        "item_u','content_index':0,'transcript':'hello','usage':{'type':'duration','seconds':1}}");
    wire_model(w, USER_ITEM("added"));
    wire_model(w, "{'type':'conversation.item.deleted','event_id':'e','item_id':'item_u'}");
    assert_string_equal(wire_stored(w),
                        "create test\nitem f\ncall call_1\ntranscript item_u\ndeleted item_u\n");
    wire_close(w);
}

/* 24 kHz: 64 base64 characters are a millisecond. */
static void model_speaks(struct wire *w, int ms)
{
    struct buf event = {0};

    buf_append_str(&event,
                   "{'type':'response.output_audio.delta','event_id':'e','response_id':'"
                   "resp_1','item_id':'item_a','output_index':0,'content_index':0,'delta':'");
    for (int i = 0; i < ms * 64; i++)
        buf_append_char(&event, 'A');
    buf_append_str(&event, "'}");
    wire_model(w, event.data);
    buf_done(&event);
}

static int64_t stored_ms(const json_t *response, const char *name)
{
    return json_get_int(response, name, -1);
}

static void a_response_is_kept_with_its_times_on_the_sessions_clock(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_advance_ms(w, 1000);
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':100,"
                  "'item_id':'item_u'}");
    wire_advance_ms(w, 2000);
    wire_model(w, "{'type':'input_audio_buffer.speech_stopped','event_id':'e','audio_end_ms':2100,'"
                  "item_id':'item_u'}");
    wire_advance_ms(w, 300);
    wire_model(w, CREATED);
    wire_model(w, "{'type':'response.output_item.added','event_id':'e','response_id':'resp_1','"
                  "output_index':0,'item':{'id':'item_a','type':'message','role':'assistant','"
                  "status':'in_progress','content':[]}}");
    wire_advance_ms(w, 200);
    model_speaks(w, 1500);
    wire_advance_ms(w, 100);
    wire_model(w, DONE);
    json_t *r = json_parse(view_of(wire_stored_response(w)), NULL);
    assert_string_equal(json_get_str(r, "by", ""), "turn_detection");
    assert_string_equal(json_get_str(r, "model", ""), "model m");
    assert_int_equal(stored_ms(r, "turn"), 1);
    assert_int_equal(stored_ms(r, "speech_at_ms"), 1000);
    assert_in_range(stored_ms(r, "asked_at_ms"), 2500, 3000); /* less the silence of detection */
    assert_int_equal(stored_ms(r, "latency_ms"), 3500 - stored_ms(r, "asked_at_ms"));
    assert_int_equal(stored_ms(r, "created_at_ms"), 3300);
    assert_int_equal(stored_ms(r, "first_output_at_ms"), 3500);
    assert_int_equal(stored_ms(r, "done_at_ms"), 3600);
    assert_int_equal(stored_ms(r, "plays_at_ms"), 3500);
    assert_int_equal(stored_ms(r, "plays_until_ms"), 5000);
    json_decref(r);
    wire_close(w);
}

static void a_store_that_fails_does_not_hurt_the_conversation(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_store_fails(w);
    wire_model(w, USER_ITEM("done"));
    wire_model(w, CREATED);
    wire_model(w, DONE);
    (void)wire_client_gets(w, "conversation.item.done");
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.done");
    wire_client_gets_nothing(w);
    wire_close(w);
}

static void a_store_that_fails_ends_the_session_where_the_agent_wants_it(void **state)
{
    struct wire *w = wire_open("on_store_failure = end");

    (void)state;
    wire_store_fails(w);
    wire_model(w, USER_ITEM("done"));
    (void)wire_client_gets(w, "conversation.item.done");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "store_failed");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

/* ---- a store that comes back ---- */

static void says_item(struct wire *w, const char *id, const char *text)
{
    struct buf event = {0};

    buf_printf(&event,
               "{'type':'conversation.item.done','event_id':'e','item':{'id':'%s','type':'message',"
               "'role':'user','status':'completed','content':[{'type':'input_text','text':'%s'}]}}",
               id, text);
    wire_model(w, event.data);
    buf_done(&event);
}

static void a_store_that_is_away_gets_everything_when_it_is_back(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    says_item(w, "i1", "a");
    wire_store_answers(w, PARLEY_E_UNAVAILABLE, 0);
    says_item(w, "i2", "b");
    says_item(w, "i3", "c");
    wire_advance_ms(w, 60000);
    assert_string_equal(wire_stored(w), "create test\nitem i1\n");
    wire_store_answers(w, PARLEY_OK, 0);
    says_item(w, "i4", "d");
    assert_null(strstr(wire_stored(w), "i2")); /* it is not asked at once */
    wire_advance_ms(w, 45000);
    assert_string_equal(wire_stored(w), "create test\nitem i1\nitem i2\nitem i3\nitem i4\n");
    wire_close(w);
}

static void a_busy_store_is_asked_again_when_it_says(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_store_answers(w, PARLEY_E_BUSY, 7000);
    says_item(w, "i1", "a");
    wire_store_answers(w, PARLEY_OK, 0);
    wire_advance_ms(w, 6900);
    assert_string_equal(wire_stored(w), "");
    wire_advance_ms(w, 200);
    assert_string_equal(wire_stored(w), "create test\nitem i1\n");
    wire_close(w);
}

static void a_session_that_was_made_without_an_answer_is_not_somebody_elses(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_store_answers_once(w, PARLEY_E_TIMEOUT);
    says_item(w, "i1", "a");
    wire_store_answers_once(w, PARLEY_E_CONFLICT); /* it is there: the answer was lost */
    wire_advance_ms(w, 1000);
    assert_string_equal(wire_stored(w), "create test\ncreate test\nitem i1\n");
    wire_close(w);
}

static void a_record_that_is_too_large_is_cut_and_the_rest_is_kept(void **state)
{
    struct wire *w = wire_open("");
    struct buf text = {0};

    (void)state;
    for (int i = 0; i < 5000; i++)
        buf_append_char(&text, 'x');
    says_item(w, "i0", "a");
    wire_store_takes(w, 2000);
    wire_store_holds(w, true);
    says_item(w, "i1", "a"); /* under way while the others come */
    says_item(w, "i2", "b");
    says_item(w, "i3", text.data);
    says_item(w, "i4", "d");
    wire_store_holds(w, false);
    assert_string_equal(wire_stored(w),
                        "create test\nitem i0\nitem i1\nitem i2\nitem i3\nitem i4\n");
    says_item(w, "i5", text.data);
    assert_non_null(strstr(wire_stored_data(w), "\"id\":\"i5\""));
    assert_non_null(strstr(wire_stored_data(w), "more than the store takes]"));
    assert_non_null(strstr(wire_stored_data(w), "xxxx"));
    assert_true(strlen(wire_stored_data(w)) < 2000);
    assert_non_null(wire_session(w));
    buf_done(&text);
    wire_close(w);
}

/* More than may wait, with the store away. */
static void overflow(struct wire *w, int from, int to)
{
    char id[16];

    for (int i = from; i < to && wire_has_model(w); i++) {
        (void)snprintf(id, sizeof(id), "i%d", i);
        says_item(w, id, "a");
        while (wire_session(w) != NULL && wire_client_next(w) != NULL)
            ;
    }
}

static void a_gap_is_closed_in_the_conversations_order(void **state)
{
    struct wire *w = wire_open("max_items = 5000");

    (void)state;
    says_item(w, "i0", "a");
    wire_store_answers(w, PARLEY_E_UNAVAILABLE, 0);
    overflow(w, 1, JOURNAL_MAX_RECORDS + 10);
    wire_client(w, "{'type':'conversation.item.delete','item_id':'i3'}");
    (void)wire_model_gets(w, "conversation.item.delete");
    wire_model(w, "{'type':'conversation.item.deleted','event_id':'e','item_id':'i3'}");
    wire_store_answers(w, PARLEY_OK, 0);
    wire_advance_ms(w, 60000);
    const char *stored = wire_stored(w);
    const char *kept = strstr(stored, "item i1024\n");
    const char *deleted = strstr(stored, "deleted i3\n");
    assert_non_null(kept);
    assert_non_null(deleted); /* small ones find room */
    const char *at = kept;
    for (int i = 1025; i < JOURNAL_MAX_RECORDS + 10; i++) {
        char line[24];
        (void)snprintf(line, sizeof(line), "item i%d", i);
        at = strstr(at, line);
        if (at == NULL)
            fail_msg("%s is not behind its predecessor in %s", line, kept);
    }
    assert_null(strstr(strstr(stored, "item i1025") + 1, "item i1025"));
    wire_close(w);
}

static void a_full_queue_ends_the_session_where_the_agent_wants_it(void **state)
{
    struct wire *w = wire_open("on_store_failure = end\nmax_items = 5000");

    (void)state;
    wire_store_answers(w, PARLEY_E_UNAVAILABLE, 0);
    overflow(w, 0, JOURNAL_MAX_RECORDS + 2);
    wire_advance_ms(w, 1);
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void a_store_that_stays_away_ends_the_session_where_the_agent_wants_it(void **state)
{
    struct wire *w = wire_open("on_store_failure = end");

    (void)state;
    wire_store_answers(w, PARLEY_E_UNAVAILABLE, 0);
    says_item(w, "i1", "a");
    (void)wire_client_gets(w, "conversation.item.done");
    wire_advance_ms(w, 20000);
    wire_client_gets_nothing(w);
    wire_advance_ms(w, 60000);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "store_failed");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void a_session_that_has_ended_waits_half_a_minute_for_its_store(void **state)
{
    struct wire *w = wire_open("");
    struct worker_sessions *all = wire_sessions(w);

    (void)state;
    wire_store_answers(w, PARLEY_E_UNAVAILABLE, 0);
    says_item(w, "i1", "a");
    wire_client_leaves(w);
    wire_advance_ms(w, 10000);
    assert_int_equal(worker_sessions_count(all), 1);
    wire_advance_ms(w, 60000);
    assert_int_equal(worker_sessions_count(all), 0);
    wire_close(w);
}

static void a_store_that_finds_everything_too_large_is_not_asked_for_ever(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    says_item(w, "i0", "a");
    wire_store_answers(w, PARLEY_E_TOO_LARGE, 0);
    says_item(w, "i1", "b");
    wire_advance_ms(w, 1000);
    wire_store_answers(w, PARLEY_OK, 0);
    says_item(w, "i2", "c");
    wire_advance_ms(w, 60000);
    assert_string_equal(wire_stored(w), "create test\nitem i0\n");
    assert_non_null(wire_session(w));
    wire_close(w);
}

static void a_session_whose_end_the_store_refuses_is_freed(void **state)
{
    struct wire *w = wire_open("");
    struct worker_sessions *all = wire_sessions(w);

    (void)state;
    says_item(w, "i0", "a");
    wire_store_holds(w, true);
    says_item(w, "i1", "b"); /* under way */
    says_item(w, "i2", "c"); /* waits */
    wire_client_leaves(w);
    wire_store_refuses(w, PARLEY_E_INTERNAL);
    wire_store_holds(w, false);
    wire_advance_ms(w, 60000);
    assert_int_equal(worker_sessions_count(all), 0);
    wire_close(w);
}

static void the_end_is_written_to_a_store_that_was_busy_at_it(void **state)
{
    struct wire *w = wire_open("");
    struct worker_sessions *all = wire_sessions(w);

    (void)state;
    says_item(w, "i0", "a");
    wire_store_answers(w, PARLEY_E_BUSY, 0);
    wire_client_leaves(w);
    wire_advance_ms(w, 100);
    wire_store_answers(w, PARLEY_OK, 0);
    wire_advance_ms(w, 2000);
    assert_string_equal(wire_stored(w), "create test\nitem i0\nupdate state=1\n");
    assert_int_equal(worker_sessions_count(all), 0);
    wire_close(w);
}

static void the_end_is_written_to_a_store_that_did_not_even_ask(void **state)
{
    struct wire *w = wire_open("");
    struct worker_sessions *all = wire_sessions(w);

    (void)state;
    says_item(w, "i0", "a");
    wire_store_refuses(w, PARLEY_E_BUSY);
    wire_client_leaves(w);
    wire_advance_ms(w, 100);
    wire_store_refuses(w, PARLEY_OK);
    wire_advance_ms(w, 2000);
    assert_string_equal(wire_stored(w), "create test\nitem i0\nupdate state=1\n");
    assert_int_equal(worker_sessions_count(all), 0);
    wire_close(w);
}

static void a_gap_without_an_item_does_not_keep_the_end_away(void **state)
{
    struct wire *w = wire_open("max_items = 5000");
    struct worker_sessions *all = wire_sessions(w);

    (void)state;
    says_item(w, "i0", "a");
    wire_store_answers(w, PARLEY_E_UNAVAILABLE, 0);
    overflow(w, 1, JOURNAL_MAX_RECORDS + 1);
    wire_model(w, CREATED);
    wire_model(w, DONE); /* finds no room, and is no item */
    wire_client_leaves(w);
    wire_store_answers(w, PARLEY_OK, 0);
    wire_advance_ms(w, 20000);
    assert_non_null(strstr(wire_stored(w), "item i1024\nupdate state=1\n"));
    assert_int_equal(worker_sessions_count(all), 0);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_is_kept_in_order),
        cmocka_unit_test(a_session_that_outlasts_keep_ms_is_not_forgotten_meanwhile),
        cmocka_unit_test(an_item_is_kept_once),
        cmocka_unit_test(a_silent_session_is_not_kept),
        cmocka_unit_test(calls_transcripts_and_deletions_are_kept),
        cmocka_unit_test(a_response_is_kept_with_its_times_on_the_sessions_clock),
        cmocka_unit_test(a_store_that_fails_does_not_hurt_the_conversation),
        cmocka_unit_test(a_store_that_fails_ends_the_session_where_the_agent_wants_it),
        cmocka_unit_test(a_store_that_is_away_gets_everything_when_it_is_back),
        cmocka_unit_test(a_busy_store_is_asked_again_when_it_says),
        cmocka_unit_test(a_session_that_was_made_without_an_answer_is_not_somebody_elses),
        cmocka_unit_test(a_record_that_is_too_large_is_cut_and_the_rest_is_kept),
        cmocka_unit_test(a_gap_is_closed_in_the_conversations_order),
        cmocka_unit_test(a_full_queue_ends_the_session_where_the_agent_wants_it),
        cmocka_unit_test(a_store_that_stays_away_ends_the_session_where_the_agent_wants_it),
        cmocka_unit_test(a_session_that_has_ended_waits_half_a_minute_for_its_store),
        cmocka_unit_test(a_store_that_finds_everything_too_large_is_not_asked_for_ever),
        cmocka_unit_test(a_session_whose_end_the_store_refuses_is_freed),
        cmocka_unit_test(the_end_is_written_to_a_store_that_was_busy_at_it),
        cmocka_unit_test(the_end_is_written_to_a_store_that_did_not_even_ask),
        cmocka_unit_test(a_gap_without_an_item_does_not_keep_the_end_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
