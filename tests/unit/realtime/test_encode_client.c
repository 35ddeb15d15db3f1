/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/decode.h"
#include "realtime/encode.h"

/* What is written for a model must itself be a good client event. */
static json_t *take(struct buf *out, const char *type)
{
    struct rt_client_event event;
    struct rt_error fault = {0};
    struct rt_peek peek;

    assert_int_equal(rt_peek(buf_view(out), &peek), PARLEY_OK);
    if (rt_decode_client(buf_view(out), &peek, &event, &fault) != PARLEY_OK)
        fail_msg("%s: %s", out->data, fault.message);
    rt_client_event_done(&event);
    json_t *tree = wire_take(out);
    wire_assert_str(tree, "type", type);
    return tree;
}

static void bare_events_have_an_event_id_only_when_asked(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_bare(&out, RT_INPUT_AUDIO_COMMIT, (struct parley_view){0});
    json_t *event = take(&out, "input_audio_buffer.commit");
    wire_assert_absent(event, "event_id");
    json_decref(event);
    rt_encode_bare(&out, RT_INPUT_AUDIO_CLEAR, VIEW("p1"));
    event = take(&out, "input_audio_buffer.clear");
    wire_assert_str(event, "event_id", "p1");
    json_decref(event);
}

static void audio_is_appended_as_base64(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_append(&out, "\0\1\2", 3);
    json_t *event = take(&out, "input_audio_buffer.append");
    wire_assert_str(event, "audio", "AAEC");
    json_decref(event);
}

static void a_session_update_carries_the_session(void **state)
{
    struct buf out = {0};
    json_t *session = wire_tree("{'type':'realtime','instructions':'x'}");

    (void)state;
    rt_encode_session_update(&out, VIEW("p1"), session);
    json_t *event = take(&out, "session.update");
    wire_assert_str(event, "session.instructions", "x");
    json_decref(event);
    json_decref(session);
}

static void items_are_created_written_or_from_a_tree(void **state)
{
    struct buf out = {0};
    struct rt_part part = {.kind = RT_PART_INPUT_TEXT, .text = VIEW("hi")};
    struct rt_item item = {
        .kind = RT_ITEM_MESSAGE, .role = RT_ROLE_USER, .parts = &part, .part_count = 1};
    json_t *tree = wire_tree("{'type':'function_call','call_id':'c','name':'f','arguments':'{}'}");

    (void)state;
    rt_encode_item_create(&out, (struct parley_view){0}, VIEW("root"), &item);
    json_t *event = take(&out, "conversation.item.create");
    wire_assert_str(event, "previous_item_id", "root");
    wire_assert_str(event, "item.content.0.text", "hi");
    json_decref(event);
    rt_encode_item_create_tree(&out, VIEW("p"), (struct parley_view){0}, tree);
    event = take(&out, "conversation.item.create");
    wire_assert_absent(event, "previous_item_id");
    wire_assert_str(event, "item.name", "f");
    json_decref(event);
    json_decref(tree);
}

static void a_tools_output_is_an_item(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_function_output(&out, VIEW("p"), VIEW("item_9"), VIEW("call_1"), VIEW("{\"a\":1}"));
    json_t *event = take(&out, "conversation.item.create");
    wire_assert_str(event, "item.type", "function_call_output");
    wire_assert_str(event, "item.id", "item_9");
    wire_assert_str(event, "item.call_id", "call_1");
    wire_assert_str(event, "item.output", "{\"a\":1}");
    json_decref(event);
    rt_encode_function_output(&out, VIEW("p"), (struct parley_view){0}, VIEW("call_1"),
                              (struct parley_view){0});
    event = take(&out, "conversation.item.create");
    wire_assert_absent(event, "item.id");
    wire_assert_str(event, "item.output", "");
    json_decref(event);
}

static void requests_name_their_item(void **state)
{
    struct buf out = {0};

    (void)state;
    rt_encode_item_request(&out, RT_ITEM_DELETE, VIEW("p"), VIEW("i"));
    json_decref(take(&out, "conversation.item.delete"));
    rt_encode_item_request(&out, RT_ITEM_RETRIEVE, VIEW("p"), VIEW("i"));
    json_decref(take(&out, "conversation.item.retrieve"));
    rt_encode_item_truncate(&out, VIEW("p"), VIEW("i"), 0, 1500);
    json_t *event = take(&out, "conversation.item.truncate");
    wire_assert_int(event, "audio_end_ms", 1500);
    json_decref(event);
}

static void a_response_is_created_and_cancelled(void **state)
{
    struct buf out = {0};
    json_t *response = wire_tree("{'instructions':'x'}");

    (void)state;
    rt_encode_response_create(&out, VIEW("p"), NULL);
    json_t *event = take(&out, "response.create");
    wire_assert_absent(event, "response");
    json_decref(event);
    rt_encode_response_create(&out, VIEW("p"), response);
    event = take(&out, "response.create");
    wire_assert_str(event, "response.instructions", "x");
    json_decref(event);
    rt_encode_response_cancel(&out, VIEW("p"), VIEW("resp_1"));
    event = take(&out, "response.cancel");
    wire_assert_str(event, "response_id", "resp_1");
    json_decref(event);
    json_decref(response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_events_have_an_event_id_only_when_asked),
        cmocka_unit_test(audio_is_appended_as_base64),
        cmocka_unit_test(a_session_update_carries_the_session),
        cmocka_unit_test(items_are_created_written_or_from_a_tree),
        cmocka_unit_test(a_tools_output_is_an_item),
        cmocka_unit_test(requests_name_their_item),
        cmocka_unit_test(a_response_is_created_and_cancelled),
    };
    return cmocka_run_group_tests_name("realtime/encode_client", tests, NULL, NULL);
}
