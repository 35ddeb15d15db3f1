/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "model_says.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <parley/types.h>

/* What a client that may come back is told of what is final, the store has. */

static char id[64];
static char token[64];

static struct wire *opens(bool may_come_back)
{
    if (may_come_back)
        wire_resumable();
    struct wire *w = wire_connect("resume_ms = 60s\ntools = t");

    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    const json_t *created = wire_client_gets(w, "session.created");
    view_copy(id, sizeof(id), view_of(wire_text(created, "session.id")));
    view_copy(token, sizeof(token), view_of(wire_text(created, "parley.resume_token")));
    return w;
}

static void closes(struct wire *w)
{
    wire_store_holds(w, false);
    if (wire_session(w) == NULL)
        wire_advance_ms(w, 60000);
    wire_close(w);
}

static void says_item(struct wire *w, const char *item)
{
    char event[512];

    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.done','event_id':'e_%s','item':{'id':'%s','type':'"
                   "message','role':'user','content':[{'type':'input_text','text':'hi'}]}}",
                   item, item);
    wire_model(w, event);
}

static void sound_comes(struct wire *w)
{
    wire_model(w, "{'type':'response.output_audio.delta','event_id':'e_a','response_id':'resp_1','"
                  "item_id':'i','output_index':0,'content_index':0,'delta':'AAAA'}");
}

static void what_is_final_is_told_when_the_store_has_it(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    says_item(w, "item_1");
    wire_client_gets_nothing(w);
    wire_store_holds(w, false);
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.done"), "item.id"),
                        "item_1");
    closes(w);
}

static void what_follows_stays_behind_it(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    says_item(w, "item_1");
    model_begins(w, "resp_1");
    model_speaks(w, "resp_1");
    wire_client_gets_nothing(w);
    model_ends(w, "resp_1", "completed");
    says_item(w, "item_2");
    wire_store_holds(w, false);
    (void)wire_client_gets(w, "conversation.item.done");
    (void)wire_client_gets(w, "response.created");
    while (strcmp(wire_text(wire_client_next(w), "type"), "response.done") != 0)
        continue;
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.done"), "item.id"),
                        "item_2");
    wire_client_gets_nothing(w);
    closes(w);
}

static void sound_waits_for_nothing(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    says_item(w, "item_1");
    model_begins(w, "resp_1");
    wire_client_gets_nothing(w);
    sound_comes(w);
    (void)wire_client_gets(w, "conversation.item.done");
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.output_audio.delta");
    wire_client_gets_nothing(w);
    says_item(w, "item_2");
    wire_client_gets_nothing(w);
    closes(w);
}

static void that_the_user_speaks_waits_for_nothing(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    says_item(w, "item_1");
    model_hears_speech(w);
    (void)wire_client_gets(w, "conversation.item.done");
    (void)wire_client_gets(w, "input_audio_buffer.speech_started");
    closes(w);
}

static void a_slow_store_is_not_waited_for_until_it_has_caught_up(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    says_item(w, "item_1");
    wire_advance_ms(w, 2000);
    (void)wire_client_gets(w, "conversation.item.done");
    says_item(w, "item_2");
    (void)wire_client_gets(w, "conversation.item.done");
    wire_store_holds(w, false);
    wire_store_holds(w, true);
    says_item(w, "item_3");
    wire_client_gets_nothing(w);
    closes(w);
}

static void a_store_that_fails_holds_nothing_back(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    wire_store_fails(w);
    says_item(w, "item_1");
    wire_client_gets_nothing(w);
    wire_store_holds(w, false);
    (void)wire_client_gets(w, "conversation.item.done");
    says_item(w, "item_2");
    (void)wire_client_gets(w, "conversation.item.done");
    closes(w);
}

static void who_cannot_come_back_is_not_kept_waiting(void **state)
{
    (void)state;
    struct wire *w = opens(false);

    wire_store_holds(w, true);
    says_item(w, "item_1");
    (void)wire_client_gets(w, "conversation.item.done");
    closes(w);
}

static void is_back(struct wire *w, const char *last_event_id, const char *with)
{
    const struct session_resume by = {
        .id = id, .token = token, .user = "tester", .agent = "", .last_event_id = last_event_id};

    assert_int_equal(wire_client_resumes(w, &by), SESSION_RESUMED);
    assert_string_equal(wire_text(wire_client_gets(w, "session.created"), "parley.resumed"), with);
}

static void what_waits_is_missed_by_who_is_away(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    says_item(w, "item_1");
    assert_true(wire_client_loses(w));
    is_back(w, "", "events");
    wire_client_gets_nothing(w);
    wire_store_holds(w, false);
    (void)wire_client_gets(w, "conversation.item.done");
    wire_client_gets_nothing(w);
    closes(w);
}

static void a_conversation_that_is_told_anew_waits_like_its_parts(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    says_item(w, "item_1");
    (void)wire_client_gets(w, "conversation.item.done");
    wire_store_holds(w, true);
    says_item(w, "item_2");
    assert_true(wire_client_loses(w));
    is_back(w, "event_unknown", "conversation");
    (void)wire_client_gets(w, "conversation.item.added");
    wire_client_gets_nothing(w);
    assert_true(wire_client_loses(w));
    wire_store_holds(w, false);
    is_back(w, "", "conversation");
    for (int i = 0; i < 2; i++) {
        (void)wire_client_gets(w, "conversation.item.added");
        (void)wire_client_gets(w, "conversation.item.done");
    }
    wire_client_gets_nothing(w);
    closes(w);
}

static void a_call_that_changes_something_is_kept_with_its_item_before_it_starts(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    wire_store_holds(w, true);
    model_begins(w, "resp_1");
    model_calls(w, "resp_1", "call_1", "wipe");
    assert_int_equal(wire_tool_calls(w), 0);
    wire_store_holds(w, false);
    assert_int_equal(wire_tool_calls(w), 1);
    assert_non_null(strstr(wire_stored(w), "\ncall call_1\n"));
    assert_true(strstr(wire_stored(w), "item ") < strstr(wire_stored(w), "call call_1"));
    wire_tool_ends(w, 0, "wiped");
    closes(w);
}

static void output_whose_item_was_never_ended_is_kept_with_its_response(void **state)
{
    (void)state;
    struct wire *w = opens(true);

    model_begins(w, "resp_1");
    wire_model(w, "{'type':'response.output_item.added','event_id':'e1','response_id':'resp_1','"
                  "output_index':0,'item':{'id':'m','type':'message','role':'assistant','content':"
                  "[]}}");
    wire_model(w, "{'type':'response.output_item.done','event_id':'e2','response_id':'resp_1','"
                  "output_index':0,'item':{'id':'m','type':'message','role':'assistant','status':'"
                  "completed','content':[{'type':'output_text','text':'yes'}]}}");
    model_ends(w, "resp_1", "completed");
    assert_string_equal(wire_stored(w), "create test\nitem m\nresponse resp_1\n");
    closes(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_final_is_told_when_the_store_has_it),
        cmocka_unit_test(what_follows_stays_behind_it),
        cmocka_unit_test(sound_waits_for_nothing),
        cmocka_unit_test(that_the_user_speaks_waits_for_nothing),
        cmocka_unit_test(a_slow_store_is_not_waited_for_until_it_has_caught_up),
        cmocka_unit_test(a_store_that_fails_holds_nothing_back),
        cmocka_unit_test(who_cannot_come_back_is_not_kept_waiting),
        cmocka_unit_test(what_waits_is_missed_by_who_is_away),
        cmocka_unit_test(a_conversation_that_is_told_anew_waits_like_its_parts),
        cmocka_unit_test(a_call_that_changes_something_is_kept_with_its_item_before_it_starts),
        cmocka_unit_test(output_whose_item_was_never_ended_is_kept_with_its_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
