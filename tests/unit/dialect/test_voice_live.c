/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "dialect/voice_live.h"

#include <stdio.h>
#include <string.h>

/* What went each way, the last ones. */
static json_t *said, *told;
static int said_count, told_count, scheduled;
static uint32_t told_flags;
static size_t longest;

static void note(json_t **last, int *count, struct parley_view event)
{
    json_decref(*last);
    *last = json_loadb(event.data, event.len, 0, NULL);
    assert_non_null(*last);
    ++*count;
}

static void to_session(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)flags;
    note(&said, &said_count, event);
}

static void to_client(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    told_flags = flags;
    longest = event.len > longest ? event.len : longest;
    note(&told, &told_count, event);
}

static void schedule(void *ctx)
{
    (void)ctx;
    scheduled++;
}

static int setup(void **state)
{
    const struct voice_live_sink sink = {
        .to_session = to_session, .to_client = to_client, .schedule = schedule};

    said_count = told_count = scheduled = 0;
    longest = 0;
    *state = voice_live_create(&sink);
    return *state == NULL;
}

static int teardown(void **state)
{
    (void)voice_live_destroy(*state);
    json_decref(said);
    json_decref(told);
    said = told = NULL;
    return 0;
}

/* Single quotes stand for double ones. */
static void quote(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_append_char(out, *text == '\'' ? '"' : *text);
}

static void client(void **state, const char *text)
{
    struct buf event = {0};

    quote(&event, text);
    voice_live_client_event(*state, buf_view(&event), 0);
    buf_done(&event);
}

static void session(void **state, const char *text)
{
    struct buf event = {0};

    quote(&event, text);
    voice_live_session_event(*state, buf_view(&event), 7);
    buf_done(&event);
}

/* The text at a path of names between dots, "" when there is none. */
static const char *at(const json_t *tree, const char *path)
{
    struct parley_view rest = view_of(path), name;

    while (rest.len > 0 && tree != NULL) {
        (void)view_split(&rest, '.', &name);
        tree = json_is_array(tree) ? json_array_get(tree, (size_t)(name.data[0] - '0'))
                                   : json_object_getn(tree, name.data, name.len);
    }
    return json_is_string(tree) ? json_string_value(tree) : "";
}

#define GA                                                                                         \
    "{'type':'session.updated','event_id':'e','session':{'type':'realtime','id':'s1',"             \
    "'output_modalities':['audio'],'instructions':'Hi','max_output_tokens':'inf','audio':"         \
    "{'input':{'format':{'type':'audio/pcm','rate':24000},'turn_detection':{'type':'server_vad'}," \
    "'transcription':null,'noise_reduction':null},'output':{'format':{'type':'audio/pcmu'},"       \
    "'voice':'marin','speed':1}}}}"

static void session_is_nested_on_the_way_in(void **state)
{
    client(state, "{'type':'session.update','session':{'modalities':['text','audio'],"
                  "'voice':{'type':'openai','name':'ash'},'input_audio_format':'g711_alaw',"
                  "'output_audio_format':'pcm16','instructions':'Hi',"
                  "'max_response_output_tokens':10,'turn_detection':{'type':'semantic_vad',"
                  "'eagerness':'low'},'input_audio_transcription':{'model':'whisper-1',"
                  "'language':'en'}}}");
    assert_string_equal(at(said, "session.type"), "realtime");
    assert_string_equal(at(said, "session.output_modalities.0"), "audio");
    assert_string_equal(at(said, "session.audio.output.voice"), "ash");
    assert_string_equal(at(said, "session.audio.input.format.type"), "audio/pcma");
    assert_string_equal(at(said, "session.audio.output.format.type"), "audio/pcm");
    assert_string_equal(at(said, "session.audio.input.turn_detection.eagerness"), "low");
    assert_string_equal(at(said, "session.audio.input.transcription.model"), "whisper-1");
    assert_null(json_object_get(json_object_get(said, "session"), "modalities"));
}

static void session_is_flat_on_the_way_out_with_what_was_kept(void **state)
{
    client(state, "{'type':'session.update','session':{'temperature':0.5,"
                  "'voice':{'type':'azure-standard','name':'en-US-AvaNeural'},"
                  "'turn_detection':{'type':'azure_semantic_vad','threshold':0.3,"
                  "'remove_filler_words':true}}}");
    assert_string_equal(at(said, "session.audio.output.voice"), "en-US-AvaNeural");
    assert_string_equal(at(said, "session.audio.input.turn_detection.type"), "server_vad");
    session(state, GA);
    assert_string_equal(at(told, "session.modalities.1"), "audio");
    assert_string_equal(at(told, "session.output_audio_format"), "g711_ulaw");
    assert_string_equal(at(told, "session.input_audio_format"), "pcm16");
    assert_string_equal(at(told, "session.voice.type"), "azure-standard");
    assert_string_equal(at(told, "session.turn_detection.type"), "azure_semantic_vad");
    assert_string_equal(at(told, "session.max_response_output_tokens"), "inf");
    assert_null(json_object_get(json_object_get(told, "session"), "audio"));
}

static void refused_update_is_not_told_back(void **state)
{
    client(state, "{'type':'session.update','event_id':'u1','session':{'temperature':0.1}}");
    client(state, "{'type':'session.update','event_id':'u2','session':{'temperature':0.9}}");
    session(state, "{'type':'error','event_id':'e','error':{'type':'x','event_id':'u2',"
                   "'param':'session.audio.input.format.rate','message':'no'}}");
    assert_string_equal(at(told, "error.param"), "session.input_audio_format.rate");
    session(state, GA);
    assert_true(json_real_value(json_object_get(json_object_get(told, "session"), "temperature")) <
                0.2);
}

/* Each would fit into an event; together they would not end. */
static void what_is_told_back_has_a_limit(void **state)
{
    static const char *const names[] = {"metadata", "temperature"};
    char event[64 * 1024], half[40 * 1024];

    memset(half, 'x', sizeof(half));
    half[sizeof(half) - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        (void)snprintf(event, sizeof(event),
                       "{'type':'session.update','event_id':'u%d','session':{'%s':'%s'}}", i,
                       names[i], half);
        client(state, event);
    }
    assert_int_equal(said_count, 1);
    assert_string_equal(at(told, "error.event_id"), "u1");
    assert_string_equal(at(told, "error.param"), "session");
    client(state, "{'type':'session.update','session':{'metadata':{},'temperature':0.5}}");
    assert_int_equal(said_count, 2);
    session(state, GA);
    assert_int_equal(
        json_object_size(json_object_get(json_object_get(told, "session"), "metadata")), 0);
}

static void what_cannot_be_done_is_refused_by_name(void **state)
{
    static const char *const bad[][2] = {
        {"{'modalities':['avatar']}", "session.modalities"},
        {"{'avatar':{'character':'lisa'}}", "session.avatar"},
        {"{'input_audio_sampling_rate':16000}", "session.input_audio_sampling_rate"},
        {"{'output_audio_format':'pcm16_8000hz'}", "session.output_audio_format"},
        {"{'tools':[{'type':'foundry_agent'}]}", "session.tools"},
        {"{'voice':7}", "session.voice"},
        {"{'nonsense':1}", "session.nonsense"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf event = {0};
        buf_printf(&event, "{'type':'session.update','event_id':'u','session':%s}", bad[i][0]);
        client(state, event.data);
        assert_string_equal(at(told, "error.param"), bad[i][1]);
        assert_string_equal(at(told, "error.event_id"), "u");
        buf_done(&event);
    }
    assert_int_equal(said_count, 0);
}

static void hot_events_are_renamed_and_others_pass_as_they_are(void **state)
{
    session(state, "{'type':'response.output_audio.delta','event_id':'e','item_id':'i',"
                   "'delta':'AAAA'}");
    assert_string_equal(at(told, "type"), "response.audio.delta");
    assert_string_equal(at(told, "delta"), "AAAA");
    session(state, "{'type':'response.output_audio_transcript.delta','delta':'a'}");
    assert_string_equal(at(told, "type"), "response.audio_transcript.delta");
    session(state, "{'type':'response.output_text.done','text':'a'}");
    assert_string_equal(at(told, "type"), "response.text.done");
    session(state, "{'type':'input_audio_buffer.speech_started','item_id':'i'}");
    assert_int_equal(told_flags, 7);
    int before = told_count;
    session(state, "{'type':'conversation.item.done','item':{'id':'i','type':'message'}}");
    assert_int_equal(told_count, before);
}

static void items_and_responses_have_their_other_names(void **state)
{
    session(state, "{'type':'conversation.item.added','item':{'id':'i','type':'message',"
                   "'role':'assistant','content':[{'type':'output_audio','transcript':'a'},"
                   "{'type':'output_text','text':'b'}]}}");
    assert_string_equal(at(told, "type"), "conversation.item.created");
    assert_string_equal(at(told, "item.content.0.type"), "audio");
    assert_string_equal(at(told, "item.content.1.type"), "text");
    session(state, "{'type':'response.done','response':{'id':'r','output_modalities':['text'],"
                   "'audio':{'output':{'voice':'ash','format':{'type':'audio/pcma'}}},"
                   "'usage':null,'output':[{'id':'i','type':'message'}]}}");
    assert_string_equal(at(told, "response.modalities.0"), "text");
    assert_string_equal(at(told, "response.voice"), "ash");
    assert_string_equal(at(told, "response.output_audio_format"), "g711_alaw");
    const json_t *response = json_object_get(told, "response");
    assert_null(json_object_get(response, "usage"));
    assert_true(json_is_array(
        json_object_get(json_array_get(json_object_get(response, "output"), 0), "content")));
    client(state, "{'type':'conversation.item.create','item':{'type':'message',"
                  "'role':'assistant','content':[{'type':'text','text':'x'}]}}");
    assert_string_equal(at(said, "item.content.0.type"), "output_text");
}

static void usage_is_whole_or_not_there(void **state)
{
    session(state, "{'type':'response.done','response':{'id':'r','usage':{'total_tokens':3,"
                   "'input_token_details':{'text_tokens':1}}}}");
    const json_t *usage = json_object_get(json_object_get(told, "response"), "usage");
    assert_true(json_is_object(json_object_get(usage, "output_token_details")));
    assert_true(json_is_object(
        json_object_get(json_object_get(usage, "input_token_details"), "cached_tokens_details")));
}

static void second_response_waits_for_the_end_of_the_first(void **state)
{
    session(state, "{'type':'response.created','response':{'id':'r1'}}");
    client(state, "{'type':'response.create','event_id':'c2','response':{'modalities':['text']}}");
    assert_string_equal(at(said, "type"), "response.cancel");
    client(state, "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
                  "'content':[]}}");
    client(state, "{'type':'input_audio_buffer.append','audio':'AAAA'}");
    assert_string_equal(at(said, "type"), "input_audio_buffer.append");
    assert_int_equal(scheduled, 0);
    session(state, "{'type':'response.done','response':{'id':'r1','status':'cancelled'}}");
    assert_int_equal(scheduled, 1);
    int before = said_count;
    voice_live_go_on(*state);
    assert_int_equal(said_count, before + 2);
    assert_string_equal(at(said, "type"), "conversation.item.create");
}

static void second_response_does_not_cancel_when_told_so(void **state)
{
    session(state, "{'type':'response.created','response':{'id':'r1'}}");
    client(state, "{'type':'response.create','response':{'cancel_previous':false}}");
    assert_int_equal(said_count, 1);
    assert_string_equal(at(said, "type"), "response.create");
    client(state, "{'type':'response.create','response':{'conversation':'none'}}");
    assert_int_equal(said_count, 2);
}

/* It goes on beside the conversation, and a cancel does not mean it. */
static void response_out_of_band_is_not_waited_for(void **state)
{
    session(state, "{'type':'response.created','response':{'id':'r1','conversation_id':null}}");
    client(state, "{'type':'response.create'}");
    assert_string_equal(at(said, "type"), "response.create");
    session(state, "{'type':'response.created','response':{'id':'r2','conversation_id':'c'}}");
    client(state, "{'type':'response.create'}");
    assert_string_equal(at(said, "type"), "response.cancel");
    session(state, "{'type':'response.done','response':{'id':'r2','conversation_id':'c'}}");
    assert_int_equal(scheduled, 1);
    voice_live_go_on(*state);
    assert_string_equal(at(said, "type"), "response.create");
    session(state, "{'type':'response.created','response':{'id':'r3','conversation_id':'c'}}");
    session(state, "{'type':'response.done','response':{'id':'r1','conversation_id':null}}");
    client(state, "{'type':'response.create'}");
    assert_string_equal(at(said, "type"), "response.cancel");
}

static void what_waits_is_bounded(void **state)
{
    struct buf event = {0};

    session(state, "{'type':'response.created','response':{'id':'r1'}}");
    client(state, "{'type':'response.create'}");
    buf_append_str(&event, "{'type':'x','event_id':'big','text':'");
    for (int i = 0; i < 300000; i++)
        buf_append_char(&event, 'a');
    buf_append_str(&event, "'}");
    for (int i = 0; i < 10; i++)
        client(state, event.data);
    assert_string_equal(at(told, "error.code"), "too_many_events");
    assert_string_equal(at(told, "error.event_id"), "big");
    buf_done(&event);
}

static void instructions_are_added_to_the_sessions(void **state)
{
    session(state, GA);
    client(state, "{'type':'response.create','additional_instructions':'Be brief.'}");
    assert_string_equal(at(said, "response.instructions"), "Hi\n\nBe brief.");
    assert_null(json_object_get(said, "additional_instructions"));
    client(state, "{'type':'response.create','response':{'instructions':'Own.'},"
                  "'additional_instructions':'More.'}");
    assert_string_equal(at(said, "response.instructions"), "Own.\n\nMore.");
}

static void audio_by_turns_is_a_buffer(void **state)
{
    client(state, "{'type':'input_audio.turn.start','turn_id':'t'}");
    assert_int_equal(said_count, 0);
    client(state, "{'type':'input_audio.turn.append','event_id':'a','turn_id':'t','audio':'AAAA'}");
    assert_string_equal(at(said, "type"), "input_audio_buffer.append");
    assert_string_equal(at(said, "audio"), "AAAA");
    assert_null(json_object_get(said, "turn_id"));
    client(state, "{'type':'input_audio.turn.end','turn_id':'t'}");
    assert_string_equal(at(said, "type"), "input_audio_buffer.commit");
    client(state, "{'type':'input_audio.turn.cancel','turn_id':'t'}");
    assert_string_equal(at(said, "type"), "input_audio_buffer.clear");
}

static void nothing_longer_than_a_mebibyte_is_told(void **state)
{
    struct buf event = {0};

    buf_append_str(&event, "{'type':'response.output_audio.delta','item_id':'i','delta':'");
    for (int i = 0; i < 3 * 1024 * 1024 / 8 * 8; i++)
        buf_append_char(&event, 'A');
    buf_append_str(&event, "'}");
    session(state, event.data);
    assert_int_equal(told_count, 6);
    assert_true(longest < VOICE_LIVE_MAX_MESSAGE);
    buf_clear(&event);
    buf_append_str(&event, "{'type':'conversation.item.retrieved','item':{'type':'x','a':'");
    for (int i = 0; i < 2 * 1024 * 1024; i++)
        buf_append_char(&event, 'A');
    buf_append_str(&event, "'}}");
    session(state, event.data);
    assert_string_equal(at(told, "error.code"), "event_too_large");
    buf_done(&event);
}

static void pass(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)event;
    (void)flags;
    said_count++;
}

static void broken_bytes_pass_untouched(void **state)
{
    const struct voice_live_sink sink = {
        .to_session = pass, .to_client = pass, .schedule = schedule};
    struct voice_live *v = voice_live_create(&sink);

    (void)state;
    voice_live_client_event(v, VIEW("{\"type\":"), 0);
    assert_int_equal(said_count, 1);
    (void)voice_live_destroy(v);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(session_is_nested_on_the_way_in),
        TEST(session_is_flat_on_the_way_out_with_what_was_kept),
        TEST(refused_update_is_not_told_back),
        TEST(what_is_told_back_has_a_limit),
        TEST(what_cannot_be_done_is_refused_by_name),
        TEST(hot_events_are_renamed_and_others_pass_as_they_are),
        TEST(items_and_responses_have_their_other_names),
        TEST(usage_is_whole_or_not_there),
        TEST(second_response_waits_for_the_end_of_the_first),
        TEST(second_response_does_not_cancel_when_told_so),
        TEST(response_out_of_band_is_not_waited_for),
        TEST(what_waits_is_bounded),
        TEST(instructions_are_added_to_the_sessions),
        TEST(audio_by_turns_is_a_buffer),
        TEST(nothing_longer_than_a_mebibyte_is_told),
        TEST(broken_bytes_pass_untouched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
