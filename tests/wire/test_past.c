/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "base/str.h"
#include "session/past.h"
#include "session/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A conversation out of records: what was open when its server died. */

static void has_item(struct wire *w, const char *id, const char *members)
{
    struct buf text = {0};

    buf_printf(&text, "{\"id\":\"%s\",%s}", id, members);
    json_t *body = json_parse(buf_view(&text), NULL);
    assert_non_null(body);
    past_record(wire_session(w), PARLEY_RECORD_ITEM, view_of(id), body);
    json_decref(body);
    buf_done(&text);
}

static void an_approval_of_a_dead_server_is_settled_and_its_call_has_not_run(void **state)
{
    struct wire *w = wire_open("tools = t\nt.slow.approval = always");
    struct session *s = wire_session(w);

    (void)state;
    has_item(w, "item_c",
             "\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"call_1\","
             "\"name\":\"slow\",\"arguments\":\"{}\"");
    has_item(w, "mcpr_1",
             "\"type\":\"mcp_approval_request\",\"server_label\":\"t\",\"name\":\"slow\","
             "\"arguments\":\"{}\"");
    s->resume.is_rebuilt = true;
    past_settle_calls(s);
    wire_client(w, "{'type':'conversation.item.create','item':{'type':'mcp_approval_response',"
                   "'approval_request_id':'mcpr_1','approve':true}}");
    const json_t *e = wire_client_gets(w, "error");
    assert_string_equal(wire_text(e, "error.param"), "item.approval_request_id");
    assert_non_null(strstr(wire_text(e, "error.message"), "the server that asked has stopped"));
    assert_int_equal(wire_tool_calls(w), 0);
    wire_model_forget(w);
    assert_int_equal(replay_conversation(s), 2); /* the call and its result, not the request */
    (void)wire_model_gets(w, "conversation.item.create");
    e = wire_model_gets(w, "conversation.item.create");
    assert_non_null(strstr(wire_text(e, "item.output"), "stopped before the call began"));
    wire_model_gets_nothing(w);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_of_a_dead_server_is_settled_and_its_call_has_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
