/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "realtime/session_object.h"

struct fixture {
    json_t *session;
    json_t *accepted;
    struct rt_error fault;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->session = rt_session_new("receptionist", 1234);
    *state = f;
    return f->session == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    json_decref(f->accepted);
    json_decref(f->session);
    free(f);
    return 0;
}

static int update_by(struct fixture *f, const struct rt_session_rules *rules, const char *text)
{
    json_t *update = wire_tree(text);
    json_t *session = NULL;
    json_t *accepted = NULL;

    int r = rt_session_update(f->session, update, rules, &session, &accepted, &f->fault);
    json_decref(update);
    if (r == PARLEY_OK) {
        json_decref(f->session);
        json_decref(f->accepted);
        f->session = session;
        f->accepted = accepted;
    } else {
        assert_null(session);
        assert_null(accepted);
    }
    return r;
}

static void assert_updates(struct fixture *f, const char *text)
{
    if (update_by(f, NULL, text) != PARLEY_OK)
        fail_msg("%s: %s", text, f->fault.message);
}

static void assert_refused(struct fixture *f, const char *text, const char *code, const char *param)
{
    json_t *before = json_deep_copy(f->session);

    assert_int_equal(update_by(f, NULL, text), PARLEY_E_INVALID);
    wire_assert_fault(&f->fault, code, param);
    assert_true(json_equal(before, f->session));
    json_decref(before);
}

static void a_fresh_session_shows_the_protocols_defaults(void **state)
{
    struct fixture *f = *state;
    const json_t *s = f->session;

    wire_assert_str(s, "type", "realtime");
    wire_assert_str(s, "object", "realtime.session");
    assert_memory_equal(json_get_str(s, "id", ""), "sess_", 5);
    wire_assert_str(s, "model", "receptionist");
    wire_assert_int(s, "expires_at", 1234);
    wire_assert_str(s, "output_modalities.0", "audio");
    assert_int_equal(json_array_size(wire_at(s, "tools")), 0);
    wire_assert_str(s, "tool_choice", "auto");
    wire_assert_str(s, "max_output_tokens", "inf");
    wire_assert_null(s, "tracing");
    wire_assert_null(s, "prompt");
    wire_assert_null(s, "include");
    wire_assert_str(s, "truncation", "auto");
    wire_assert_int(s, "audio.input.format.rate", 24000);
    wire_assert_null(s, "audio.input.transcription");
    wire_assert_null(s, "audio.input.noise_reduction");
    wire_assert_str(s, "audio.input.turn_detection.type", "server_vad");
    wire_assert_int(s, "audio.input.turn_detection.prefix_padding_ms", 300);
    wire_assert_int(s, "audio.input.turn_detection.silence_duration_ms", 200);
    wire_assert_null(s, "audio.input.turn_detection.idle_timeout_ms");
    assert_true(json_is_true(wire_at(s, "audio.input.turn_detection.interrupt_response")));
    wire_assert_str(s, "audio.output.format.type", "audio/pcm");
    wire_assert_str(s, "audio.output.voice", "alloy");
}

static void only_the_fields_present_change(void **state)
{
    struct fixture *f = *state;

    assert_updates(f, "{'type':'realtime','instructions':'Be brief.','audio':{'output':{'voice':"
                      "'marin'}}}");
    wire_assert_str(f->session, "instructions", "Be brief.");
    wire_assert_str(f->session, "audio.output.voice", "marin");
    wire_assert_int(f->session, "audio.output.format.rate", 24000);
    wire_assert_str(f->session, "audio.input.turn_detection.type", "server_vad");
    wire_assert_str(f->accepted, "type", "realtime");
    wire_assert_str(f->accepted, "audio.output.voice", "marin");
    wire_assert_absent(f->accepted, "audio.input");
    wire_assert_absent(f->accepted, "tools");
}

static void turn_detection_is_taken_whole_with_defaults_for_the_rest(void **state)
{
    struct fixture *f = *state;

    assert_updates(f, "{'type':'realtime','audio':{'input':{'turn_detection':{'type':'server_vad',"
                      "'silence_duration_ms':800,'interrupt_response':false}}}}");
    assert_updates(f, "{'type':'realtime','audio':{'input':{'turn_detection':{'type':'server_vad',"
                      "'threshold':0.3}}}}");
    wire_assert_int(f->session, "audio.input.turn_detection.silence_duration_ms", 200);
    assert_true(json_is_true(wire_at(f->session, "audio.input.turn_detection.interrupt_response")));
    assert_updates(f, "{'type':'realtime','audio':{'input':{'turn_detection':{'type':"
                      "'semantic_vad'}}}}");
    wire_assert_str(f->session, "audio.input.turn_detection.eagerness", "auto");
    assert_true(json_is_true(wire_at(f->session, "audio.input.turn_detection.interrupt_response")));
    wire_assert_absent(f->session, "audio.input.turn_detection.threshold");
    assert_updates(f, "{'type':'realtime','audio':{'input':{'turn_detection':null}}}");
    wire_assert_null(f->session, "audio.input.turn_detection");
}

static void fields_are_cleared_by_empty_values_and_null(void **state)
{
    struct fixture *f = *state;

    assert_updates(f, "{'type':'realtime','instructions':'x','tools':[{'type':'function','name':"
                      "'f'}],'tracing':'auto'}");
    assert_int_equal(json_array_size(wire_at(f->session, "tools")), 1);
    assert_updates(f, "{'type':'realtime','instructions':'','tools':[],'tracing':null}");
    wire_assert_str(f->session, "instructions", "");
    assert_int_equal(json_array_size(wire_at(f->session, "tools")), 0);
    wire_assert_null(f->session, "tracing");
    assert_updates(f, "{'type':'realtime','instructions':null,'tools':null}");
    wire_assert_str(f->session, "instructions", "");
    assert_true(json_is_array(wire_at(f->session, "tools")));
}

/* What @openai/agents-realtime sends on open, and on session.created. */
static void fields_that_clients_send_unasked_are_taken_and_echoed(void **state)
{
    struct fixture *f = *state;

    assert_updates(
        f, "{'type':'realtime','model':'gpt-realtime-2.1','instructions':'x','output_modalities':"
           "['audio'],'audio':{'input':{'format':{'type':'audio/pcm','rate':24000},"
           "'noise_reduction':null,'transcription':{'model':'gpt-4o-mini-transcribe'},"
           "'turn_detection':{'type':'semantic_vad'}},'output':{'format':{'type':'audio/pcm',"
           "'rate':24000},'voice':'ash','speed':1}},'tools':[]}");
    assert_updates(f, "{'type':'realtime','tracing':{'workflow_name':'w'},'truncation':{'type':"
                      "'retention_ratio','retention_ratio':0.8},'prompt':{'id':'p'},'include':["
                      "'item.input_audio_transcription.logprobs'],'parallel_tool_calls':true,"
                      "'reasoning':{'effort':'low'}}");
    wire_assert_str(f->session, "model", "receptionist");
    wire_assert_str(f->session, "audio.input.transcription.model", "gpt-4o-mini-transcribe");
    wire_assert_str(f->session, "tracing.workflow_name", "w");
    wire_assert_str(f->session, "reasoning.effort", "low");
    wire_assert_str(f->session, "prompt.id", "p");
}

static void a_bad_field_loses_the_whole_update(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{'type':'realtime','instructions':'new','temprature':1}",
                   "unknown_parameter", "session.temprature");
    assert_refused(f, "{'instructions':'new'}", "missing_required_parameter", "session.type");
    assert_refused(f, "{'type':'transcription'}", "invalid_value", "session.type");
    assert_refused(f, "{'type':'realtime','instructions':5}", "invalid_type",
                   "session.instructions");
    assert_refused(f, "{'type':'realtime','output_modalities':['text','audio']}", "invalid_value",
                   "session.output_modalities");
    assert_refused(f, "{'type':'realtime','output_modalities':['smell']}", "invalid_value",
                   "session.output_modalities[0]");
    assert_refused(f,
                   "{'type':'realtime','audio':{'input':{'format':{'type':'audio/pcm','rate':"
                   "16000}}}}",
                   "integer_below_min_value", "session.audio.input.format.rate");
    assert_refused(f,
                   "{'type':'realtime','audio':{'input':{'format':{'type':'audio/pcm','rate':"
                   "48000}}}}",
                   "integer_above_max_value", "session.audio.input.format.rate");
    assert_refused(f, "{'type':'realtime','audio':{'input':{'format':'pcm16'}}}", "invalid_type",
                   "session.audio.input.format");
    assert_refused(f, "{'type':'realtime','audio':{'input':{'format':{'type':'audio/mp3'}}}}",
                   "invalid_value", "session.audio.input.format.type");
    assert_refused(f, "{'type':'realtime','audio':{'output':{'speed':3}}}",
                   "decimal_above_max_value", "session.audio.output.speed");
    assert_refused(f,
                   "{'type':'realtime','audio':{'input':{'turn_detection':{'type':'server_vad',"
                   "'idle_timeout_ms':100}}}}",
                   "integer_below_min_value", "session.audio.input.turn_detection.idle_timeout_ms");
    assert_refused(f,
                   "{'type':'realtime','audio':{'input':{'turn_detection':{'type':"
                   "'semantic_vad','threshold':0.5}}}}",
                   "unknown_parameter", "session.audio.input.turn_detection.threshold");
    assert_refused(f, "{'type':'realtime','tool_choice':'maybe'}", "invalid_value",
                   "session.tool_choice");
    assert_refused(f, "{'type':'realtime','tool_choice':{'type':'function'}}",
                   "missing_required_parameter", "session.tool_choice.name");
    assert_refused(f, "'realtime'", "invalid_type", "session");
}

static void preview_fields_are_refused_and_the_new_name_is_told(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{'type':'realtime','temperature':0.8}", "unknown_parameter",
                   "session.temperature");
    assert_refused(f, "{'type':'realtime','voice':'alloy'}", "unknown_parameter", "session.voice");
    assert_non_null(strstr(f->fault.message, "session.audio.output.voice"));
    assert_refused(f, "{'type':'realtime','modalities':['text','audio']}", "unknown_parameter",
                   "session.modalities");
}

static void messages_say_what_would_be_right(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{'type':'realtime','instructions':5}", "invalid_type",
                   "session.instructions");
    assert_string_equal(f->fault.message, "Invalid type for 'session.instructions': expected a "
                                          "string or null, but got an integer instead.");
    assert_refused(f, "{'type':'realtime','tool_choice':'maybe'}", "invalid_value",
                   "session.tool_choice");
    assert_string_equal(f->fault.message, "Invalid value: 'maybe'. Supported values are: 'auto', "
                                          "'none', 'required'.");
    assert_refused(f, "{'type':'realtime','max_output_tokens':0}", "integer_below_min_value",
                   "session.max_output_tokens");
    assert_string_equal(f->fault.message,
                        "Invalid 'session.max_output_tokens': integer below minimum value. "
                        "Expected a value >= 1, but got 0 instead.");
}

static void tools_are_checked_one_by_one(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{'type':'realtime','tools':[{'type':'function'}]}",
                   "missing_required_parameter", "session.tools[0].name");
    assert_refused(f, "{'type':'realtime','tools':[{'type':'function','name':'a b'}]}",
                   "invalid_value", "session.tools[0].name");
    assert_refused(f,
                   "{'type':'realtime','tools':[{'type':'function','name':'a'},{'type':"
                   "'function','name':'a'}]}",
                   "invalid_value", "session.tools[1].name");
    assert_refused(f,
                   "{'type':'realtime','tools':[{'type':'function','name':'a','parameters':"
                   "'{}'}]}",
                   "invalid_type", "session.tools[0].parameters");
    assert_refused(f, "{'type':'realtime','tools':[{'type':'mcp','server_label':'s'}]}",
                   "invalid_value", "session.tools[0].server_url");
    assert_refused(f, "{'type':'realtime','tools':[{'type':'shell','name':'a'}]}", "invalid_value",
                   "session.tools[0].type");
    assert_updates(f, "{'type':'realtime','tools':[{'type':'function','name':'a','description':'d',"
                      "'parameters':{'type':'object'},'strict':false},{'type':'mcp',"
                      "'server_label':'s','server_url':'https://h/','require_approval':'never',"
                      "'allowed_tools':['x']}]}");
}

static bool may_set_instructions_only(const void *ctx, const char *path)
{
    (void)ctx;
    return strcmp(path, "instructions") == 0;
}

static void fields_that_a_client_may_not_set_keep_the_agents_value(void **state)
{
    struct fixture *f = *state;
    const struct rt_session_rules rules = {.may_set = may_set_instructions_only};

    assert_int_equal(update_by(f, &rules,
                               "{'type':'realtime','instructions':'x','tools':[{'type':"
                               "'function','name':'f'}],'audio':{'output':{'voice':"
                               "'ash'}}}"),
                     PARLEY_OK);
    wire_assert_str(f->session, "instructions", "x");
    assert_int_equal(json_array_size(wire_at(f->session, "tools")), 0);
    wire_assert_str(f->session, "audio.output.voice", "alloy");
    wire_assert_absent(f->accepted, "audio");
    wire_assert_absent(f->accepted, "tools");
}

static void fields_that_a_client_may_not_set_are_still_checked(void **state)
{
    struct fixture *f = *state;
    const struct rt_session_rules rules = {.may_set = may_set_instructions_only};

    assert_int_equal(update_by(f, &rules, "{'type':'realtime','audio':{'output':{'voice':7}}}"),
                     PARLEY_E_INVALID);
    wire_assert_fault(&f->fault, "invalid_type", "session.audio.output.voice");
}

static void the_voice_is_fixed_once_the_model_has_spoken(void **state)
{
    struct fixture *f = *state;
    const struct rt_session_rules rules = {.voice_is_fixed = true};

    assert_int_equal(update_by(f, &rules,
                               "{'type':'realtime','audio':{'output':{'voice':'alloy'}}"
                               "}"),
                     PARLEY_OK);
    assert_int_equal(update_by(f, &rules, "{'type':'realtime','audio':{'output':{'voice':'ash'}}}"),
                     PARLEY_E_INVALID);
    wire_assert_fault(&f->fault, "cannot_update_voice", "session.audio.output.voice");
}

static void server_fields_may_be_repeated_but_not_changed(void **state)
{
    struct fixture *f = *state;
    json_t *echo = json_deep_copy(f->session);
    json_t *session = NULL;

    assert_int_equal(rt_session_update(f->session, echo, NULL, &session, NULL, &f->fault),
                     PARLEY_OK);
    assert_true(json_equal(session, f->session));
    json_decref(session);
    json_decref(echo);
    assert_refused(f, "{'type':'realtime','id':'sess_other'}", "invalid_value", "session.id");
    assert_refused(f, "{'type':'realtime','expires_at':1}", "invalid_value", "session.expires_at");
}

static void the_language_of_a_transcription_changes_alone(void **state)
{
    struct fixture *f = *state;

    assert_updates(f, "{'type':'realtime','audio':{'input':{'transcription':{'model':'whisper-1'}}"
                      "}}");
    assert_updates(f, "{'type':'realtime','audio':{'input':{'transcription':{'language':'de'}}}}");
    wire_assert_str(f->session, "audio.input.transcription.model", "whisper-1");
    wire_assert_str(f->session, "audio.input.transcription.language", "de");
    assert_updates(f, "{'type':'realtime','audio':{'input':{'transcription':null}}}");
    wire_assert_null(f->session, "audio.input.transcription");
}

static void the_view_tells_the_effective_settings(void **state)
{
    struct fixture *f = *state;
    struct rt_session_view v;

    rt_session_read(f->session, &v);
    assert_int_equal(v.turns, RT_TURNS_SERVER_VAD);
    assert_true(v.create_response);
    assert_int_equal(v.max_output_tokens, 0);
    assert_false(v.transcribes);
    assert_updates(f, "{'type':'realtime','output_modalities':['text'],'max_output_tokens':100,"
                      "'audio':{'input':{'format':{'type':'audio/pcmu'},'turn_detection':null,"
                      "'transcription':{'model':'w','language':'en'}},'output':{'format':{'type':"
                      "'audio/pcma'},'voice':{'id':'v1'},'speed':1.25}}}");
    rt_session_read(f->session, &v);
    assert_int_equal(v.turns, RT_TURNS_NONE);
    assert_false(v.create_response);
    assert_true(v.text_only);
    assert_int_equal(v.max_output_tokens, 100);
    assert_int_equal(v.input_format, RT_AUDIO_PCMU);
    assert_int_equal(v.output_format, RT_AUDIO_PCMA);
    assert_true(view_is(v.voice, "v1"));
    assert_true(v.speed == 1.25);
    assert_true(view_is(v.transcription_language, "en"));
}

/* With every allocation failing in turn: a status, no crash, nothing lost. */
static void want_of_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    json_t *update = wire_tree("{'type':'realtime','instructions':'x','tools':[{'type':'function',"
                               "'name':'f'}],'audio':{'input':{'format':{'type':'audio/pcmu'},"
                               "'transcription':{'language':'de'},'turn_detection':{'type':"
                               "'semantic_vad'}},'output':{'voice':'ash'}}}");
    json_t *before = json_deep_copy(f->session);
    int r = PARLEY_E_NO_MEMORY;

    for (int n = 0; r != PARLEY_OK; n++) {
        json_t *session = NULL;
        json_t *accepted = NULL;
        wire_starve_after(n);
        r = rt_session_update(f->session, update, NULL, &session, &accepted, &f->fault);
        wire_feed();
        assert_true(r == PARLEY_OK || r == PARLEY_E_NO_MEMORY);
        assert_int_equal(session != NULL, r == PARLEY_OK);
        assert_int_equal(accepted != NULL, r == PARLEY_OK);
        if (r != PARLEY_OK)
            assert_string_equal(f->fault.type, "server_error");
        assert_true(json_equal(before, f->session));
        json_decref(session);
        json_decref(accepted);
    }
    json_decref(before);
    json_decref(update);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_session_shows_the_protocols_defaults, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(only_the_fields_present_change, setup, teardown),
        cmocka_unit_test_setup_teardown(turn_detection_is_taken_whole_with_defaults_for_the_rest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(fields_are_cleared_by_empty_values_and_null, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(fields_that_clients_send_unasked_are_taken_and_echoed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_field_loses_the_whole_update, setup, teardown),
        cmocka_unit_test_setup_teardown(preview_fields_are_refused_and_the_new_name_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(messages_say_what_would_be_right, setup, teardown),
        cmocka_unit_test_setup_teardown(tools_are_checked_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(fields_that_a_client_may_not_set_keep_the_agents_value,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(fields_that_a_client_may_not_set_are_still_checked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_voice_is_fixed_once_the_model_has_spoken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(server_fields_may_be_repeated_but_not_changed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_language_of_a_transcription_changes_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_view_tells_the_effective_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(want_of_memory_changes_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("realtime/session_object", tests, NULL, NULL);
}
