/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "base/clock.h"
#include "base/str.h"
#include "session/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <parley/types.h>

/* A client that loses its connection and comes back to its session. */

#define WAITS "resume_ms = 60s"

static char id[64];
static char token[64];

/* A client that may come back, with its session open. */
static struct wire *opens(const char *agent_lines)
{
    wire_resumable();
    struct wire *w = wire_connect(agent_lines);

    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    const json_t *created = wire_client_gets(w, "session.created");
    view_copy(id, sizeof(id), view_of(wire_text(created, "session.id")));
    view_copy(token, sizeof(token), view_of(wire_text(created, "parley.resume_token")));
    assert_int_equal(strlen(token), 32);
    return w;
}

static enum session_resumed comes_back(struct wire *w, const char *last_event_id)
{
    const struct session_resume by = {
        .id = id, .token = token, .user = "tester", .agent = "", .last_event_id = last_event_id};

    return wire_client_resumes(w, &by);
}

static const json_t *is_back(struct wire *w, const char *last_event_id, const char *with)
{
    assert_int_equal(comes_back(w, last_event_id), SESSION_RESUMED);
    const json_t *created = wire_client_gets(w, "session.created");
    assert_string_equal(wire_text(created, "session.id"), id);
    assert_string_equal(wire_text(created, "parley.resumed"), with);
    assert_string_equal(wire_text(created, "parley.resume_token"), token);
    return created;
}

static void ends(struct wire *w)
{
    if (wire_session(w) == NULL)
        wire_advance_ms(w, 60000);
    wire_close(w);
}

static void says(struct wire *w, const char *event_id, const char *item)
{
    char event[512];

    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.done','event_id':'%s','item':{'id':'%s','type':'"
                   "message','role':'assistant','content':[{'type':'output_text','text':'hi'}]}}",
                   event_id, item);
    wire_model(w, event);
}

/* ---- coming back ---- */

static void who_comes_back_gets_what_was_said_meanwhile(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    says(w, "event_1", "item_1");
    (void)wire_client_gets(w, "conversation.item.done");
    assert_true(wire_client_loses(w));
    says(w, "event_2", "item_2");
    wire_client_gets_nothing(w);
    (void)is_back(w, "", "events");
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.done"), "item.id"),
                        "item_2");
    wire_client_gets_nothing(w);
    assert_int_equal(wire_keepers_released(w), 1);
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    ends(w);
}

static void what_was_lost_with_the_connection_is_said_again(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    says(w, "event_1", "item_1");
    says(w, "event_2", "item_2");
    (void)wire_client_gets(w, "conversation.item.done");
    (void)wire_client_gets(w, "conversation.item.done");
    assert_true(wire_client_loses(w));
    says(w, "event_3", "item_3");
    (void)is_back(w, "event_1", "events");
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.done"), "item.id"),
                        "item_2");
    assert_string_equal(wire_text(wire_client_gets(w, "conversation.item.done"), "item.id"),
                        "item_3");
    wire_client_gets_nothing(w);
    ends(w);
}

static void who_missed_too_much_gets_the_conversation(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS "\nresume_buffer_bytes = 1k");

    assert_true(wire_client_loses(w));
    for (int i = 0; i < 9; i++) {
        char item[16];
        (void)snprintf(item, sizeof(item), "item_%d", i);
        says(w, "event_n", item);
    }
    (void)is_back(w, "", "conversation");
    for (int i = 0; i < 9; i++) {
        (void)wire_client_gets(w, "conversation.item.added");
        (void)wire_client_gets(w, "conversation.item.done");
    }
    wire_client_gets_nothing(w);
    ends(w);
}

static void an_event_that_is_not_known_any_more_gets_the_conversation(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    says(w, "event_1", "item_1");
    (void)wire_client_gets(w, "conversation.item.done");
    assert_true(wire_client_loses(w));
    (void)is_back(w, "event_of_long_ago", "conversation");
    (void)wire_client_gets(w, "conversation.item.added");
    (void)wire_client_gets(w, "conversation.item.done");
    wire_client_gets_nothing(w);
    ends(w);
}

static void a_running_response_is_part_of_the_conversation(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    wire_model(w, "{'type':'response.created','event_id':'e','response':{'id':'resp_1','status':'"
                  "in_progress','output':[],'conversation_id':'c'}}");
    (void)wire_client_gets(w, "response.created");
    assert_true(wire_client_loses(w));
    (void)is_back(w, "event_of_long_ago", "conversation");
    assert_string_equal(wire_text(wire_client_gets(w, "response.created"), "response.id"),
                        "resp_1");
    wire_model(w, "{'type':'response.done','event_id':'e','response':{'id':'resp_1','status':'"
                  "completed','output':[],'conversation_id':'c','usage':null}}");
    (void)wire_client_gets(w, "response.done");
    ends(w);
}

static void an_item_that_is_still_to_be_shown_comes_once(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    wire_client(w, "{'type':'conversation.item.create','item':{'id':'item_u','type':'message','role"
                   "':'user','content':[{'type':'input_text','text':'hello'}]}}");
    assert_true(wire_client_loses(w));
    (void)is_back(w, "event_of_long_ago", "conversation");
    wire_client_gets_nothing(w);
    wire_model(w, "{'type':'conversation.item.added','event_id':'e','item':{'id':'item_u','type':'"
                  "message','role':'user','content':[{'type':'input_text','text':'hello'}]}}");
    (void)wire_client_gets(w, "conversation.item.added");
    wire_client_gets_nothing(w);
    ends(w);
}

/* ---- meanwhile ---- */

static void the_model_is_closed_after_a_while_and_another_is_told(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    says(w, "event_1", "item_1");
    (void)wire_client_gets(w, "conversation.item.done");
    assert_true(wire_client_loses(w));
    wire_advance_ms(w, 9999);
    assert_false(wire_model_is_closed(w));
    wire_advance_ms(w, 1);
    assert_true(wire_model_is_closed(w));
    assert_int_equal(wire_model_opens(w), 1);
    (void)is_back(w, "", "events");
    assert_int_equal(wire_model_opens(w), 2);
    wire_client(w, "{'type':'response.create'}");
    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    (void)wire_model_gets(w, "conversation.item.create");
    (void)wire_model_gets(w, "response.create");
    ends(w);
}

static void a_model_that_is_lost_meanwhile_is_looked_for_when_somebody_is_there(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    assert_true(wire_client_loses(w));
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true);
    wire_advance_ms(w, 20000);
    assert_int_equal(wire_model_opens(w), 1);
    (void)is_back(w, "", "events");
    assert_int_equal(wire_model_opens(w), 2);
    ends(w);
}

static void an_answer_under_way_is_finished_before_the_model_is_closed(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    wire_model(w, "{'type':'response.created','event_id':'e','response':{'id':'resp_1','status':'"
                  "in_progress','output':[],'conversation_id':'c'}}");
    assert_true(wire_client_loses(w));
    wire_advance_ms(w, 12000);
    assert_false(wire_model_is_closed(w));
    wire_model(w, "{'type':'response.done','event_id':'e','response':{'id':'resp_1','status':'"
                  "completed','output':[],'conversation_id':'c','usage':null}}");
    wire_advance_ms(w, 2000);
    assert_true(wire_model_is_closed(w));
    ends(w);
}

/* ---- who may not ---- */

static void others_are_refused_each_for_its_reason(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);
    struct session_resume by = {
        .id = id, .token = token, .user = "tester", .agent = "test", .last_event_id = ""};
    struct session_resume other;

    assert_int_equal(comes_back(w, ""), SESSION_RESUME_CONNECTED);
    assert_true(wire_client_loses(w));
    other = by;
    other.token = "wrong";
    assert_int_equal(wire_client_resumes(w, &other), SESSION_RESUME_WRONG_TOKEN);
    other = by;
    other.user = "somebody";
    assert_int_equal(wire_client_resumes(w, &other), SESSION_RESUME_WRONG_USER);
    other = by;
    other.agent = "another";
    assert_int_equal(wire_client_resumes(w, &other), SESSION_RESUME_WRONG_AGENT);
    other = by;
    other.id = "sess_none";
    assert_int_equal(wire_client_resumes(w, &other), SESSION_RESUME_UNKNOWN);
    assert_int_equal(wire_client_resumes(w, &by), SESSION_RESUMED);
    assert_int_equal(wire_keepers_released(w), 1);
    ends(w);
}

static void who_comes_too_late_is_told_so(void **state)
{
    (void)state;
    struct wire *w = opens("resume_ms = 20s");

    assert_true(wire_client_loses(w));
    wire_advance_ms(w, 20000);
    assert_int_equal(wire_keepers_released(w), 1);
    assert_int_equal(comes_back(w, ""), SESSION_RESUME_EXPIRED);
    ends(w);
}

static void what_has_ended_is_not_looked_for_in_a_store_that_is_not_told_yet(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    wire_store_holds(w, true);
    says(w, "event_1", "item_1");
    wire_client_leaves(w);
    assert_int_equal(comes_back(w, ""), SESSION_RESUME_ENDED);
    wire_store_holds(w, false);
    wire_advance_ms(w, 1000);
    assert_int_equal(comes_back(w, ""), SESSION_RESUME_UNKNOWN);
    assert_non_null(strstr(wire_stored(w), "item item_1\nupdate state=1\n"));
    ends(w);
}

/* ---- out of the store ---- */

static const struct session_resume by_token = {
    .id = "sess_kept", .token = "a-token", .user = "tester", .agent = "", .last_event_id = ""};

static struct parley_store_head kept_head(void)
{
    static char data[128];
    char hash[65];

    resume_hash("a-token", hash);
    (void)snprintf(data, sizeof(data), "{\"resume\":{\"token_sha256\":\"%s\"}}", hash);
    return (struct parley_store_head){.size = sizeof(struct parley_store_head),
                                      .session_id = "sess_kept",
                                      .agent = "test",
                                      .user = "tester",
                                      .owner = "",
                                      .epoch = 2,
                                      .updated_ms = clock_unix_ms(),
                                      .data = {data, strlen(data)}};
}

static void who_is_gone_when_its_session_is_rebuilt_leaves_none_behind(void **state)
{
    struct wire *w = wire_open(WAITS);

    (void)state;
    wire_client_leaves(w);
    assert_int_equal(worker_sessions_count(wire_sessions(w)), 0);
    const struct parley_store_head head = kept_head();
    wire_client_comes_and_goes(w, &by_token, &head);
    assert_int_equal(worker_sessions_count(wire_sessions(w)), 0);
    wire_client_gets_nothing(w);
    wire_close(w);
}

/* A store may read what is older than what it has just written, as an account of Cosmos DB with
 * eventual consistency does. */
static void a_conversation_that_is_not_read_to_its_end_is_not_gone_on_with(void **state)
{
    struct wire *w = wire_open(WAITS);

    (void)state;
    wire_client_leaves(w);
    struct parley_store_head head = kept_head();
    head.record_count = 3;
    assert_int_equal(wire_client_finds(w, &by_token, &head), SESSION_RESUME_FAILED);
    assert_int_equal(worker_sessions_count(wire_sessions(w)), 0);
    head.record_count = 0;
    assert_int_equal(wire_client_finds(w, &by_token, &head), SESSION_RESUMED);
    wire_close(w);
}

static void who_did_not_ask_for_it_leaves_nothing_behind(void **state)
{
    (void)state;
    struct wire *w = wire_open(WAITS);

    assert_false(wire_client_loses(w));
    assert_true(wire_model_is_closed(w));
    assert_int_equal(wire_keepers_released(w), 0);
    ends(w);
}

static void a_server_that_stops_waits_for_nobody(void **state)
{
    (void)state;
    struct wire *w = opens(WAITS);

    assert_true(wire_client_loses(w));
    wire_drain(w, 10000);
    assert_int_equal(wire_keepers_released(w), 1);
    ends(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_back_gets_what_was_said_meanwhile),
        cmocka_unit_test(what_was_lost_with_the_connection_is_said_again),
        cmocka_unit_test(who_missed_too_much_gets_the_conversation),
        cmocka_unit_test(an_event_that_is_not_known_any_more_gets_the_conversation),
        cmocka_unit_test(a_running_response_is_part_of_the_conversation),
        cmocka_unit_test(an_item_that_is_still_to_be_shown_comes_once),
        cmocka_unit_test(the_model_is_closed_after_a_while_and_another_is_told),
        cmocka_unit_test(a_model_that_is_lost_meanwhile_is_looked_for_when_somebody_is_there),
        cmocka_unit_test(an_answer_under_way_is_finished_before_the_model_is_closed),
        cmocka_unit_test(others_are_refused_each_for_its_reason),
        cmocka_unit_test(who_comes_too_late_is_told_so),
        cmocka_unit_test(what_has_ended_is_not_looked_for_in_a_store_that_is_not_told_yet),
        cmocka_unit_test(who_is_gone_when_its_session_is_rebuilt_leaves_none_behind),
        cmocka_unit_test(a_conversation_that_is_not_read_to_its_end_is_not_gone_on_with),
        cmocka_unit_test(who_did_not_ask_for_it_leaves_nothing_behind),
        cmocka_unit_test(a_server_that_stops_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
