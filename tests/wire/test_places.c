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
#include <parley/error.h>
#include <parley/types.h>

/* A conversation has one order and its items one form, for the client and in the store, though
 * models that are lost in the middle show them late or never. */

#define WRITES(id, body) "{'type':'conversation.item.create','item':{'id':'" id "'," body "}}"
#define BEGINS                                                                                     \
    "{'type':'response.output_item.added','event_id':'e','response_id':'resp_1','output_index':0," \
    "'"                                                                                            \
    "item':{'id':'item_1','type':'message','role':'assistant','status':'in_progress','content':[]" \
    "}}"
#define ADDS(more)                                                                                 \
    "{'type':'conversation.item.added','event_id':'e'" more ",'item':{'id':'item_1','type':'"      \
    "message','role':'assistant','status':'in_progress','content':[]}}"

/* The model is lost, and the next one is told of the user's item by a name of its own. */
static void next_is_told(struct wire *w, char id[64])
{
    model_is_lost(w);
    model_agrees(w);
    const json_t *told = wire_model_gets(w, "conversation.item.create");
    assert_string_equal(wire_text(told, "item.content.0.text"), "hello");
    view_copy(id, 64, view_of(wire_text(told, "item.id")));
}

static void an_item_that_the_next_model_shows_is_told_whole(void **state)
{
    (void)state;
    struct wire *w = wire_open("");
    char id[64];

    wire_client(w, "{'type':'conversation.item.create','item':{'type':'message','role':'user','"
                   "content':[{'type':'input_text','text':'hello'}]}}");
    (void)wire_model_gets(w, "conversation.item.create");
    next_is_told(w, id);
    model_shows(w, "added", id, USER("told as text"));
    model_shows(w, "done", id, USER("told as text"));
    (void)wire_client_gets(w, "conversation.item.added");
    const json_t *done = wire_client_gets(w, "conversation.item.done");
    assert_string_equal(wire_text(done, "item.status"), "completed");
    assert_string_equal(wire_text(done, "item.content.0.text"), "hello");
    wire_close(w);
}

/* An answer of which nothing was said is not told to the next model, which puts its own after the
 * question; the client has seen both. */
static void what_the_next_model_was_not_told_of_keeps_its_place(void **state)
{
    (void)state;
    struct wire *w = wire_open("");
    char event[512];
    char id[64];

    wire_client(w, WRITES("item_u", USER("hello")));
    (void)wire_model_gets(w, "conversation.item.create");
    model_shows(w, "done", "item_u", USER("hello"));
    wire_client(w, "{'type':'response.create'}");
    (void)wire_model_gets(w, "response.create");
    model_begins(w, "resp_1");
    wire_model(w, BEGINS);
    wire_model(w, ADDS(""));
    next_is_told(w, id);
    (void)wire_model_gets(w, "response.create");
    wire_client_forget(w);
    model_begins(w, "resp_1");
    (void)snprintf(event, sizeof(event), ADDS(",'previous_item_id':'%s'"), id);
    wire_model(w, event);
    (void)wire_client_gets(w, "response.created");
    const json_t *added = wire_client_gets(w, "conversation.item.added");
    assert_string_equal(wire_text(added, "item.id"), "item_1_m2");
    assert_string_equal(wire_text(added, "previous_item_id"), "item_1");
    wire_close(w);
}

static void who_asked_for_an_item_first_does_not_decide_its_place(void **state)
{
    (void)state;
    struct wire *w = wire_open("");

    model_begins(w, "resp_1");
    wire_client(w, WRITES("item_u", USER("hello")));
    (void)wire_model_gets(w, "conversation.item.create");
    wire_model(w, BEGINS);
    wire_model(w, ADDS(""));
    wire_model(w,
               "{'type':'conversation.item.added','event_id':'e','previous_item_id':'item_1','item'"
               ":{'id':'item_u'," USER("hello") "}}");
    model_shows(w, "done", "item_1", USER("Yes."));
    model_shows(w, "done", "item_u", USER("hello"));
    assert_string_equal(wire_stored(w), "create test\nitem item_1\nitem item_u\n");
    wire_close(w);
}

static void a_record_that_is_written_late_says_where_its_item_belongs(void **state)
{
    (void)state;
    struct wire *w = wire_open("");
    char id[64];

    wire_client(w, WRITES("item_u", USER("hello")));
    (void)wire_model_gets(w, "conversation.item.create");
    model_begins(w, "resp_1");
    wire_model(w, BEGINS);
    next_is_told(w, id);
    model_shows(w, "done", id, USER("hello"));
    assert_string_equal(wire_stored(w), "create test\nitem item_1 after item_u\n"
                                        "item item_u after nothing\n");
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_that_the_next_model_shows_is_told_whole),
        cmocka_unit_test(what_the_next_model_was_not_told_of_keeps_its_place),
        cmocka_unit_test(who_asked_for_an_item_first_does_not_decide_its_place),
        cmocka_unit_test(a_record_that_is_written_late_says_where_its_item_belongs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
