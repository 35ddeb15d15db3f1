/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_is_kept_in_order),
        cmocka_unit_test(an_item_is_kept_once),
        cmocka_unit_test(a_silent_session_is_not_kept),
        cmocka_unit_test(calls_transcripts_and_deletions_are_kept),
        cmocka_unit_test(a_store_that_fails_does_not_hurt_the_conversation),
        cmocka_unit_test(a_store_that_fails_ends_the_session_where_the_agent_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
