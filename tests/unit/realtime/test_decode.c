/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/decode.h"

/* The event written with ' for ", decoded into static memory until the next call. */
static int decode(const char *text, struct rt_client_event *ret, struct rt_error *fault)
{
    static struct buf b;
    struct rt_peek peek;

    buf_clear(&b);
    for (; *text != '\0'; text++)
        buf_append_char(&b, *text == '\'' ? '"' : *text);
    assert_int_equal(rt_peek(buf_view(&b), &peek), PARLEY_OK);
    return rt_decode_client(buf_view(&b), &peek, ret, fault);
}

static void assert_refused(const char *text, const char *code, const char *param)
{
    struct rt_client_event e = {0};
    struct rt_error fault = {0};

    assert_int_equal(decode(text, &e, &fault), PARLEY_E_INVALID);
    wire_assert_fault(&fault, code, param);
    assert_null(e.tree);
}

static void assert_taken(const char *text)
{
    struct rt_client_event e;
    struct rt_error fault = {0};

    if (decode(text, &e, &fault) != PARLEY_OK)
        fail_msg("%s: %s", text, fault.message);
    rt_client_event_done(&e);
}

static void session_update_hands_over_the_session(void **state)
{
    struct rt_client_event e;
    struct rt_error fault;

    (void)state;
    assert_int_equal(
        decode("{'type':'session.update','event_id':'e1','session':{'x':1}}", &e, &fault),
        PARLEY_OK);
    assert_int_equal(e.event, RT_SESSION_UPDATE);
    assert_true(view_is(e.event_id, "e1"));
    wire_assert_int(e.u.session, "x", 1);
    rt_client_event_done(&e);
    assert_refused("{'type':'session.update'}", "missing_required_parameter", "session");
    assert_refused("{'type':'session.update','session':[]}", "invalid_type", "session");
}

static void item_create_says_where_and_what(void **state)
{
    struct rt_client_event e;
    struct rt_error fault;

    (void)state;
    assert_int_equal(decode("{'type':'conversation.item.create','previous_item_id':'root','item':"
                            "{'id':'item_1','type':'message','role':'user','content':"
                            "[{'type':'input_text','text':'hello'}]}}",
                            &e, &fault),
                     PARLEY_OK);
    assert_int_equal(e.u.item_create.after, RT_AFTER_ROOT);
    assert_int_equal(e.u.item_create.item.kind, RT_ITEM_MESSAGE);
    assert_int_equal(e.u.item_create.item.role, RT_ROLE_USER);
    assert_true(view_is(e.u.item_create.item.id, "item_1"));
    struct rt_part part;
    assert_true(rt_item_part(e.u.item_create.item.tree, 0, &part));
    assert_true(view_is(part.text, "hello"));
    rt_client_event_done(&e);

    assert_int_equal(decode("{'type':'conversation.item.create','item':{'type':"
                            "'function_call_output','call_id':'call_1','output':'{}'}}",
                            &e, &fault),
                     PARLEY_OK);
    assert_int_equal(e.u.item_create.after, RT_AFTER_LAST);
    assert_true(view_is(e.u.item_create.item.output, "{}"));
    rt_client_event_done(&e);
}

#define CREATE(item) "{'type':'conversation.item.create','item':" item "}"

static void items_that_cannot_be_made_are_refused_with_their_path(void **state)
{
    (void)state;
    assert_refused("{'type':'conversation.item.create'}", "missing_required_parameter", "item");
    assert_refused(CREATE("'x'"), "invalid_type", "item");
    assert_refused(CREATE("{}"), "missing_required_parameter", "item.type");
    assert_refused(CREATE("{'type':'massage'}"), "invalid_value", "item.type");
    assert_refused(CREATE("{'type':'message','content':[]}"), "missing_required_parameter",
                   "item.role");
    assert_refused(CREATE("{'type':'message','role':'user'}"), "missing_required_parameter",
                   "item.content");
    assert_refused(CREATE("{'type':'message','role':'bot','content':[]}"), "invalid_value",
                   "item.role");
    assert_refused(CREATE("{'type':'message','role':'user','content':[{'type':'text','text':"
                          "'preview'}]}"),
                   "invalid_value", "item.content[0].type");
    assert_refused(CREATE("{'type':'message','role':'user','content':[{'type':'input_text'}]}"),
                   "missing_required_parameter", "item.content[0].text");
    assert_refused(CREATE("{'type':'message','role':'assistant','content':[{'type':'output_audio',"
                          "'audio':'AAAA'}]}"),
                   "invalid_value", "item.content[0].type");
    assert_refused(CREATE("{'type':'message','role':'system','content':[{'type':'input_audio',"
                          "'audio':'AAAA'}]}"),
                   "invalid_value", "item.content[0].type");
    assert_refused(CREATE("{'type':'message','role':'user','content':[{'type':'input_image',"
                          "'image_url':'https://example.com/a.png'}]}"),
                   "invalid_value", "item.content[0].image_url");
    assert_refused(CREATE("{'type':'function_call_output','output':'x'}"),
                   "missing_required_parameter", "item.call_id");
    assert_refused(CREATE("{'type':'function_call_output','call_id':'c','output':{}}"),
                   "invalid_type", "item.output");
    assert_refused(CREATE("{'type':'function_call_output','call_id':'c','output':'','colour':1}"),
                   "unknown_parameter", "item.colour");
    assert_refused(
        CREATE("{'id':'"
               "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"
               "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"
               "','type':'message','role':'user','content':[]}"),
        "string_above_max_length", "item.id");
}

static void items_of_all_kinds_are_taken(void **state)
{
    (void)state;
    assert_taken(CREATE("{'type':'message','role':'system','content':[{'type':'input_text','text':"
                        "'x'}]}"));
    assert_taken(CREATE("{'type':'message','role':'user','content':[{'type':'input_audio','audio':"
                        "'AAAA'},{'type':'input_image','image_url':'data:image/png;base64,AA',"
                        "'detail':'low'}]}"));
    assert_taken(CREATE("{'type':'message','role':'assistant','status':'completed','content':["
                        "{'type':'output_text','text':'x'}]}"));
    assert_taken(CREATE("{'type':'function_call','call_id':'c','name':'f','arguments':'{}'}"));
    assert_taken(CREATE("{'type':'mcp_approval_response','approval_request_id':'a','approve':true"
                        "}"));
}

static void truncate_delete_and_retrieve_need_their_item(void **state)
{
    struct rt_client_event e;
    struct rt_error fault;

    (void)state;
    assert_int_equal(decode("{'type':'conversation.item.truncate','item_id':'i','content_index':0,"
                            "'audio_end_ms':1500}",
                            &e, &fault),
                     PARLEY_OK);
    assert_true(view_is(e.u.item_truncate.item_id, "i"));
    assert_int_equal(e.u.item_truncate.audio_end_ms, 1500);
    rt_client_event_done(&e);
    assert_int_equal(decode("{'type':'conversation.item.delete','item_id':'i'}", &e, &fault),
                     PARLEY_OK);
    assert_true(view_is(e.u.item_id, "i"));
    rt_client_event_done(&e);
    assert_refused("{'type':'conversation.item.retrieve'}", "missing_required_parameter",
                   "item_id");
    assert_refused("{'type':'conversation.item.truncate','item_id':'i','content_index':0}",
                   "missing_required_parameter", "audio_end_ms");
    assert_refused("{'type':'conversation.item.truncate','item_id':'i','content_index':0,"
                   "'audio_end_ms':-1}",
                   "integer_below_min_value", "audio_end_ms");
    assert_refused("{'type':'conversation.item.truncate','item_id':'i','content_index':0,"
                   "'audio_end_ms':1.5}",
                   "invalid_type", "audio_end_ms");
}

static void response_create_tells_what_the_sequencer_needs(void **state)
{
    struct rt_client_event e;
    struct rt_error fault;

    (void)state;
    assert_int_equal(
        decode("{'type':'response.create','event_id':'agents_js_response_create_1'}", &e, &fault),
        PARLEY_OK);
    assert_null(e.u.response_create.response);
    assert_false(e.u.response_create.out_of_band);
    rt_client_event_done(&e);
    assert_int_equal(decode("{'type':'response.create','response':{'conversation':'none',"
                            "'metadata':{'a':'b'},'output_modalities':['text'],'input':["
                            "{'type':'item_reference','id':'i'}],'instructions':'x','tools':[]}}",
                            &e, &fault),
                     PARLEY_OK);
    assert_true(e.u.response_create.out_of_band);
    assert_true(e.u.response_create.has_modalities);
    assert_true(e.u.response_create.text_only);
    assert_non_null(e.u.response_create.metadata);
    assert_int_equal(json_array_size(e.u.response_create.input), 1);
    assert_true(view_is(e.u.response_create.instructions, "x"));
    rt_client_event_done(&e);
}

static void response_create_with_a_bad_field_is_refused(void **state)
{
    (void)state;
    assert_refused("{'type':'response.create','response':{'temperature':0.8}}", "unknown_parameter",
                   "response.temperature");
    assert_refused("{'type':'response.create','response':{'modalities':['text']}}",
                   "unknown_parameter", "response.modalities");
    assert_refused("{'type':'response.create','response':{'output_modalities':['text','audio']}}",
                   "invalid_value", "response.output_modalities");
    assert_refused("{'type':'response.create','response':{'max_output_tokens':0}}",
                   "integer_below_min_value", "response.max_output_tokens");
    assert_refused("{'type':'response.create','response':{'max_output_tokens':5000}}",
                   "integer_above_max_value", "response.max_output_tokens");
    assert_refused("{'type':'response.create','response':{'max_output_tokens':'many'}}",
                   "invalid_value", "response.max_output_tokens");
    assert_refused("{'type':'response.create','response':{'metadata':{'a':1}}}", "invalid_type",
                   "response.metadata.a");
    assert_refused("{'type':'response.create','response':{'input':[{'type':'item_reference'}]}}",
                   "missing_required_parameter", "response.input[0].id");
    assert_refused("{'type':'response.create','respose':{}}", "unknown_parameter", "respose");
}

static void response_cancel_may_name_its_response(void **state)
{
    struct rt_client_event e;
    struct rt_error fault;

    (void)state;
    assert_int_equal(decode("{'type':'response.cancel'}", &e, &fault), PARLEY_OK);
    assert_null(e.u.response_id.data);
    rt_client_event_done(&e);
    assert_int_equal(decode("{'type':'response.cancel','response_id':'r'}", &e, &fault), PARLEY_OK);
    assert_true(view_is(e.u.response_id, "r"));
    rt_client_event_done(&e);
}

static void types_that_no_client_may_send_are_refused_like_unknown_ones(void **state)
{
    (void)state;
    assert_refused("{'type':'session.dance'}", "invalid_value", "type");
    assert_refused("{'type':'session.created'}", "invalid_value", "type");
    assert_refused("{'type':'output_audio_buffer.clear'}", "invalid_value", "type");
    assert_refused("{'type':'transcription_session.update'}", "invalid_value", "type");
}

static void an_event_id_has_a_length_and_a_type(void **state)
{
    char text[700];

    (void)state;
    (void)snprintf(text, sizeof(text), "{'type':'input_audio_buffer.clear','event_id':'%0600d'}",
                   0);
    assert_refused(text, "string_above_max_length", "event_id");
    assert_refused("{'type':'input_audio_buffer.clear','event_id':5}", "invalid_type", "event_id");
}

static void what_only_a_parser_sees_is_invalid_json(void **state)
{
    (void)state;
    assert_refused("{'type':'input_audio_buffer.clear','x':1,'x':1}", "invalid_json", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_update_hands_over_the_session),
        cmocka_unit_test(item_create_says_where_and_what),
        cmocka_unit_test(items_that_cannot_be_made_are_refused_with_their_path),
        cmocka_unit_test(items_of_all_kinds_are_taken),
        cmocka_unit_test(truncate_delete_and_retrieve_need_their_item),
        cmocka_unit_test(response_create_tells_what_the_sequencer_needs),
        cmocka_unit_test(response_create_with_a_bad_field_is_refused),
        cmocka_unit_test(response_cancel_may_name_its_response),
        cmocka_unit_test(types_that_no_client_may_send_are_refused_like_unknown_ones),
        cmocka_unit_test(an_event_id_has_a_length_and_a_type),
        cmocka_unit_test(what_only_a_parser_sees_is_invalid_json),
    };
    return cmocka_run_group_tests_name("realtime/decode", tests, NULL, NULL);
}
