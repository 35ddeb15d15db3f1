/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/item.h"

static void an_item_is_read_leniently(void **state)
{
    struct rt_item item;
    json_t *tree = wire_tree("{'id':'i','type':'function_call','status':'completed','call_id':'c',"
                             "'name':'f','arguments':'{}','future':1}");

    (void)state;
    rt_item_read(tree, &item);
    assert_int_equal(item.kind, RT_ITEM_FUNCTION_CALL);
    assert_int_equal(item.status, RT_ITEM_COMPLETED);
    assert_true(view_is(item.call_id, "c"));
    assert_true(view_is(item.arguments, "{}"));
    json_decref(tree);
    tree = wire_tree("{'type':'hologram','role':'ghost','id':null}");
    rt_item_read(tree, &item);
    assert_int_equal(item.kind, RT_ITEM_UNKNOWN);
    assert_int_equal(item.role, RT_ROLE_NONE);
    assert_null(item.id.data);
    json_decref(tree);
    rt_item_read(NULL, &item);
    assert_int_equal(item.kind, RT_ITEM_UNKNOWN);
}

static void the_text_of_a_message_joins_its_parts(void **state)
{
    struct buf out = {0};
    json_t *tree =
        wire_tree("{'type':'message','role':'assistant','content':[{'type':'output_text',"
                  "'text':'One.'},{'type':'output_audio','transcript':'Two.'},{'type':"
                  "'audio','transcript':null},{'type':'text','text':'Three.'}]}");

    (void)state;
    rt_item_text(&out, tree);
    assert_string_equal(out.data, "One. Two. Three.");
    buf_done(&out);
    json_decref(tree);
}

static void a_spoken_message_is_replayed_as_text(void **state)
{
    json_t *tree = wire_tree("{'id':'i','object':'realtime.item','type':'message','role':"
                             "'assistant','status':'completed','content':[{'type':'output_audio',"
                             "'transcript':'Hello.'}]}");
    json_t *copy = rt_item_for_replay(tree);

    (void)state;
    wire_assert_str(copy, "id", "i");
    wire_assert_str(copy, "role", "assistant");
    wire_assert_str(copy, "content.0.type", "output_text");
    wire_assert_str(copy, "content.0.text", "Hello.");
    wire_assert_absent(copy, "status");
    json_decref(copy);
    json_decref(tree);

    tree = wire_tree("{'type':'message','role':'user','content':[{'type':'input_audio',"
                     "'transcript':'Hi.'},{'type':'input_image','image_url':'data:image/png,'}]}");
    copy = rt_item_for_replay(tree);
    wire_assert_str(copy, "content.0.type", "input_text");
    wire_assert_str(copy, "content.1.type", "input_image");
    json_decref(copy);
    json_decref(tree);
}

static void calls_and_outputs_are_replayed_whole(void **state)
{
    json_t *tree = wire_tree("{'id':'i','object':'realtime.item','type':'function_call_output',"
                             "'status':'completed','call_id':'c','output':'x'}");
    json_t *copy = rt_item_for_replay(tree);

    (void)state;
    wire_assert_str(copy, "call_id", "c");
    wire_assert_absent(copy, "object");
    json_decref(copy);
    json_decref(tree);
}

static void what_says_nothing_is_not_replayed(void **state)
{
    static const char *const texts[] = {
        "{'type':'message','role':'user','content':[{'type':'input_audio','transcript':null}]}",
        "{'type':'message','role':'user','content':[]}",
        "{'type':'message','content':[]}",
        "{'type':'mcp_list_tools','server_label':'s','tools':[]}",
        "{'type':'item_reference','id':'i'}",
        "{}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *tree = wire_tree(texts[i]);
        assert_null(rt_item_for_replay(tree));
        json_decref(tree);
    }
}

static void what_is_written_reads_back(void **state)
{
    struct buf out = {0};
    struct rt_part parts[] = {
        {.kind = RT_PART_INPUT_TEXT, .text = VIEW("a \"b\"")},
        {.kind = RT_PART_INPUT_IMAGE, .image_url = VIEW("data:image/png,")},
    };
    struct rt_item item = {.kind = RT_ITEM_MESSAGE,
                           .role = RT_ROLE_USER,
                           .status = RT_ITEM_INCOMPLETE,
                           .id = VIEW("i"),
                           .parts = parts,
                           .part_count = 2};
    struct rt_item back;
    struct rt_part part;

    (void)state;
    rt_item_write(&out, &item);
    json_t *tree = json_parse(buf_view(&out), NULL);
    rt_item_read(tree, &back);
    assert_int_equal(back.status, RT_ITEM_INCOMPLETE);
    assert_int_equal(back.part_count, 2);
    assert_true(rt_item_part(tree, 0, &part));
    assert_true(view_is(part.text, "a \"b\""));
    assert_true(rt_item_part(tree, 1, &part));
    assert_true(view_is(part.image_url, "data:image/png,"));
    assert_false(rt_item_part(tree, 2, &part));
    json_decref(tree);
    buf_done(&out);
}

static void want_of_memory_gives_no_copy(void **state)
{
    json_t *tree = wire_tree("{'id':'i','type':'message','role':'assistant','content':[{'type':"
                             "'output_audio','transcript':'Hello.'},{'type':'output_text','text':"
                             "'More.'}]}");
    json_t *copy = NULL;

    (void)state;
    for (int n = 0; json_array_size(json_object_get(copy, "content")) < 2; n++) {
        json_decref(copy);
        assert_true(n < 1000);
        wire_starve_after(n);
        copy = rt_item_for_replay(tree);
        wire_feed();
    }
    json_decref(copy);
    json_decref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_is_read_leniently),
        cmocka_unit_test(the_text_of_a_message_joins_its_parts),
        cmocka_unit_test(a_spoken_message_is_replayed_as_text),
        cmocka_unit_test(calls_and_outputs_are_replayed_whole),
        cmocka_unit_test(what_says_nothing_is_not_replayed),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(want_of_memory_gives_no_copy),
    };
    return cmocka_run_group_tests_name("realtime/item", tests, NULL, NULL);
}
