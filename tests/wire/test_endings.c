/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A session that ends deep inside something else: nothing is used after it is gone. */

#define CREATED                                                                                    \
    "{'type':'response.created','event_id':'e','response':{'object':'realtime.response','id':'"    \
    "resp_1','status':'in_progress','output':[],'conversation_id':'conv_1'}}"
#define DONE                                                                                       \
    "{'type':'response.done','event_id':'e','response':{'object':'realtime.response','id':'"       \
    "resp_1','status':'completed','output':[],'conversation_id':'conv_1','usage':null}}"
#define CALL_DONE(name)                                                                            \
    "{'type':'response.output_item.done','event_id':'e','response_id':'resp_1','output_index':0,'" \
    "item':{'id':'item_c','object':'realtime.item','type':'function_call','status':'completed','"  \
    "call_id':'call_1','name':'" name "','arguments':'{}'}}"

/* All that waits for a model that takes nothing. */
static void fill_held(struct wire *w)
{
    wire_model_busy(w, true);
    for (int i = 0; i < 5; i++)
        wire_client_speaks(w, 1000000);
}

static void a_tools_result_finds_the_model_stuck(void **state)
{
    struct wire *w = wire_open("tools = t");

    (void)state;
    wire_model(w, CREATED);
    wire_model(w, CALL_DONE("slow"));
    fill_held(w);
    wire_tool_ends(w, 0, "too much");
    (void)wire_client_gets(w, "response.created");
    (void)wire_client_gets(w, "response.done");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"),
                        "model_not_keeping_up");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void a_tool_that_cannot_start_finds_the_model_stuck(void **state)
{
    struct wire *w = wire_open("tools = t\nmax_parallel_tools = 1");

    (void)state;
    wire_model(w, CREATED);
    wire_model(w, CALL_DONE("slow"));
    fill_held(w);
    wire_model(w, "{'type':'response.output_item.done','event_id':'e','response_id':'resp_1','"
                  "output_index':1,'item':{'id':'item_d','type':'function_call','status':'"
                  "completed','call_id':'call_2','name':'slow','arguments':'{}'}}");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void a_store_that_must_not_fail_refuses_a_response(void **state)
{
    struct wire *w = wire_open("on_store_failure = end");

    (void)state;
    wire_store_refuses(w, PARLEY_E_INTERNAL);
    wire_model(w, CREATED);
    wire_model(w, DONE);
    (void)wire_client_gets(w, "response.created");
    assert_string_equal(wire_text(wire_client_gets(w, "response.done"), "response.status"),
                        "completed");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.code"), "store_failed");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void a_store_that_must_not_fail_refuses_a_tools_result(void **state)
{
    struct wire *w = wire_open("tools = t\non_store_failure = end");

    (void)state;
    wire_store_refuses(w, PARLEY_E_INTERNAL);
    wire_model(w, CREATED);
    wire_model(w, CALL_DONE("slow"));
    wire_tool_ends(w, 0, "kept by nobody");
    wire_client_is_closed(w, 1011);
    wire_close(w);
}

static void one_large_event_is_kept_for_a_busy_model(void **state)
{
    struct wire *w = wire_open("");

    (void)state;
    wire_model_busy(w, true);
    wire_client_speaks(w, 6000000);
    assert_true(wire_client_is_paused(w));
    wire_model_busy(w, false);
    (void)wire_model_gets(w, "input_audio_buffer.append");
    assert_false(wire_client_is_paused(w));
    wire_client_gets_nothing(w);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tools_result_finds_the_model_stuck),
        cmocka_unit_test(a_tool_that_cannot_start_finds_the_model_stuck),
        cmocka_unit_test(a_store_that_must_not_fail_refuses_a_response),
        cmocka_unit_test(a_store_that_must_not_fail_refuses_a_tools_result),
        cmocka_unit_test(one_large_event_is_kept_for_a_busy_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
