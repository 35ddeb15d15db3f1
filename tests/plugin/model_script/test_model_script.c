/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <parley/model.h>

#include <parley/testkit/fake_host.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_EVENTS 2000

static const char *plugin_path;
static struct fake_plugin *plugin;
static const struct parley_model_vtable *model;
static void *session;
static char script_path[] = "/tmp/parley-script-XXXXXX";

static struct {
    json_t *opened;
    json_t *events[MAX_EVENTS]; /* NULL for one that is no JSON */
    size_t count;
    size_t next; /* of expect() */
    int writable;
    int closed;
    struct parley_model_closed why;
    char code[64];
} told;

/* --- The host --------------------------------------------------------------------------------- */

static void on_open(void *ctx, struct parley_view session_created)
{
    (void)ctx;
    told.opened = json_loadb(session_created.data, session_created.len, 0, NULL);
}

static void on_event(void *ctx, struct parley_view event, uint32_t flags)
{
    (void)ctx;
    (void)flags;
    assert_true(told.count < MAX_EVENTS);
    told.events[told.count++] = json_loadb(event.data, event.len, 0, NULL);
}

static void on_writable(void *ctx)
{
    (void)ctx;
    told.writable++;
}

static void on_closed(void *ctx, const struct parley_model_closed *closed)
{
    (void)ctx;
    told.closed++;
    told.why = *closed;
    (void)snprintf(told.code, sizeof(told.code), "%s", closed->code);
    session = NULL;
}

static const struct parley_model_host model_host = {
    .size = sizeof(model_host),
    .on_open = on_open,
    .on_event = on_event,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

/* --- Fixture ---------------------------------------------------------------------------------- */

static void forget(void)
{
    json_decref(told.opened);
    for (size_t i = 0; i < told.count; i++)
        json_decref(told.events[i]);
    memset(&told, 0, sizeof(told));
}

static int setup(void **state)
{
    (void)state;
    fake_host_reset();
    forget();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (session != NULL) {
        model->close(session);
        fake_host_advance_ms(0);
    }
    assert_null(session);
    assert_int_equal(fake_host_timers(), 0);
    fake_plugin_close(plugin);
    plugin = NULL;
    forget();
    return 0;
}

/* Text with ' for " into the script's file. */
static void write_script(const char *text)
{
    FILE *file = fopen(script_path, "w");

    assert_non_null(file);
    for (; *text != '\0'; text++)
        fputc(*text == '\'' ? '"' : *text, file);
    fclose(file);
}

static struct fake_plugin *try_load(const char *script, struct parley_error *err)
{
    char option[128] = "script=";

    if (script != NULL) {
        write_script(script);
        (void)snprintf(option, sizeof(option), "script=%s", script_path);
    }
    return fake_plugin_open(plugin_path, "script", (const char *const[]){option, NULL}, err);
}

static void connect_session(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_model_open open = {
        .size = sizeof(open),
        .worker = fake_host_worker(),
        .session_id = "s",
        .safety_identifier = "",
        .traceparent = "",
        .agent = "a",
        .session = PARLEY_VIEW("{}"),
        .host = &model_host,
    };

    assert_int_equal(model->open(fake_plugin_worker(plugin), &open, &session, &err), PARLEY_OK);
    assert_int_equal(told.closed, 0);
    assert_null(told.opened);
    fake_host_advance_ms(0);
}

static void load(const char *script)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    plugin = try_load(script, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    model = fake_plugin_role(plugin, PARLEY_ROLE_MODEL);
}

static void begin(const char *script)
{
    load(script);
    connect_session();
    assert_non_null(told.opened);
}

static int try_say(const char *text)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    char event[4096];
    size_t len = 0;

    for (; *text != '\0'; text++)
        event[len++] = *text == '\'' ? '"' : *text;
    return model->send(session, (struct parley_view){event, len}, 0, &err);
}

/* A client event, and what follows at once. */
static void say(const char *text)
{
    assert_int_equal(try_say(text), PARLEY_OK);
    fake_host_advance_ms(0);
}

/* --- Asserts ---------------------------------------------------------------------------------- */

static const json_t *at(const json_t *tree, const char *path)
{
    while (tree != NULL && *path != '\0') {
        char name[64];
        size_t len = strcspn(path, ".");
        (void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
        tree = json_is_array(tree) ? json_array_get(tree, strtoul(name, NULL, 10))
                                   : json_object_get(tree, name);
        path += len + (path[len] == '.');
    }
    return tree;
}

static const char *text_at(const json_t *tree, const char *path)
{
    const char *text = json_string_value(at(tree, path));

    return text == NULL ? "" : text;
}

/* The next event must be of this type. */
static const json_t *expect(const char *type)
{
    if (told.next >= told.count)
        fail_msg("nothing came where %s should", type);
    const json_t *event = told.events[told.next++];
    assert_string_equal(text_at(event, "type"), type);
    return event;
}

static void expect_all(const char *const *types)
{
    for (; *types != NULL; types++)
        (void)expect(*types);
}

static void expect_nothing(void)
{
    if (told.next < told.count)
        fail_msg("%s came unasked", text_at(told.events[told.next], "type"));
}

static void expect_error(const char *code, const char *event_id)
{
    const json_t *event = expect("error");

    assert_string_equal(text_at(event, "error.code"), code);
    assert_string_equal(text_at(event, "error.event_id"), event_id);
}

/* --- Defaults --------------------------------------------------------------------------------- */

static void without_a_script_a_session_opens_with_the_defaults(void **state)
{
    (void)state;
    begin(NULL);
    assert_string_equal(text_at(told.opened, "type"), "session.created");
    assert_string_equal(text_at(told.opened, "session.audio.input.turn_detection.type"),
                        "server_vad");
    assert_true(
        json_is_true(at(told.opened, "session.audio.input.turn_detection.interrupt_response")));
    expect_nothing();
}

static void session_update_is_merged_and_echoed(void **state)
{
    (void)state;
    begin(NULL);
    say("{'type':'session.update','session':{'type':'realtime','instructions':'x','audio':"
        "{'output':{'voice':'marin'},'input':{'turn_detection':{'type':'semantic_vad'}}}}}");
    const json_t *event = expect("session.updated");
    assert_string_equal(text_at(event, "session.instructions"), "x");
    assert_string_equal(text_at(event, "session.audio.output.voice"), "marin");
    assert_string_equal(text_at(event, "session.audio.output.format.type"), "audio/pcm");
    assert_null(at(event, "session.audio.input.turn_detection.threshold"));
}

static void a_text_turn_has_the_order_of_the_service(void **state)
{
    static const char *const order[] = {
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        NULL,
    };

    (void)state;
    begin(NULL);
    say("{'type':'conversation.item.create','item':{'id':'u1','type':'message','role':'user',"
        "'content':[{'type':'input_text','text':'hi'}]}}");
    const json_t *added = expect("conversation.item.added");
    assert_true(json_is_null(at(added, "previous_item_id")));
    assert_string_equal(text_at(expect("conversation.item.done"), "item.id"), "u1");
    say("{'type':'response.create','response':{'output_modalities':['text'],'metadata':{'a':'b'}}"
        "}");
    size_t first = told.next;
    expect_all(order);
    expect_nothing();
    assert_string_equal(text_at(told.events[first], "response.status"), "in_progress");
    assert_string_equal(text_at(told.events[first], "response.metadata.a"), "b");
    assert_string_equal(text_at(told.events[first + 2], "previous_item_id"), "u1");
    const json_t *done = told.events[told.next - 1];
    assert_string_equal(text_at(done, "response.status"), "completed");
    assert_string_equal(text_at(done, "response.output.0.content.0.text"),
                        "Hello from the script.");
    assert_non_null(
        at(done, "response.usage.input_token_details.cached_tokens_details.text_tokens"));
    fake_host_advance_ms(40);
    (void)expect("rate_limits.updated");
}

static void a_spoken_turn_brings_tone_and_transcript(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'speak':'One two','ms':250}]}]}");
    say("{'type':'response.create'}");
    expect_all((const char *const[]){"response.created", "response.output_item.added",
                                     "conversation.item.added", "response.content_part.added",
                                     "response.output_audio_transcript.delta",
                                     "response.output_audio_transcript.delta", NULL});
    for (int i = 0; i < 3; i++) /* 250 ms in pieces of 100 ms */
        assert_int_equal(strlen(text_at(expect("response.output_audio.delta"), "delta")), 6400);
    (void)expect("response.output_audio.done");
    assert_string_equal(text_at(expect("response.output_audio_transcript.done"), "transcript"),
                        "One two");
    const json_t *part = expect("response.content_part.done");
    assert_string_equal(text_at(part, "part.type"), "audio");
    (void)expect("conversation.item.done");
    const json_t *item = expect("response.output_item.done");
    assert_string_equal(text_at(item, "item.content.0.transcript"), "One two");
    (void)expect("response.done");
}

static void a_second_response_is_refused_while_one_runs(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'text':'a b','delta_delay_ms':10}]}]}");
    say("{'type':'response.create'}");
    told.next = told.count;
    say("{'type':'response.create','event_id':'c2'}");
    expect_error("conversation_already_has_active_response", "c2");
    say("{'type':'response.create','response':{'conversation':'none'}}");
    const json_t *created = expect("response.created");
    assert_true(json_is_null(at(created, "response.conversation_id")));
}

static void a_cancel_closes_what_is_open(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'speak':'One two three','ms':1000,'pace':true,"
          "'delta_delay_ms':0}]}]}");
    say("{'type':'response.create'}");
    fake_host_advance_ms(250);
    told.next = told.count;
    say("{'type':'response.cancel'}");
    expect_all((const char *const[]){"response.output_audio.done",
                                     "response.output_audio_transcript.done",
                                     "response.content_part.done", "conversation.item.done", NULL});
    assert_string_equal(text_at(expect("response.output_item.done"), "item.status"), "incomplete");
    const json_t *done = expect("response.done");
    assert_string_equal(text_at(done, "response.status"), "cancelled");
    assert_string_equal(text_at(done, "response.status_details.reason"), "client_cancelled");
    fake_host_advance_ms(2000);
    (void)expect("rate_limits.updated");
    expect_nothing();
    say("{'type':'response.cancel','event_id':'c9'}");
    expect_error("response_cancel_not_active", "c9");
}

static void a_cancel_before_anything_came_shows_no_output(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'text':'a','think_ms':100}]}]}");
    say("{'type':'response.create'}");
    (void)expect("response.created");
    say("{'type':'response.cancel'}");
    const json_t *done = expect("response.done");
    assert_int_equal(json_array_size(at(done, "response.output")), 0);
    assert_int_equal(json_integer_value(at(done, "response.usage.total_tokens")), 0);
}

static void a_truncation_is_held_to_what_was_sent(void **state)
{
    (void)state;
    begin(NULL);
    say("{'type':'response.create'}");
    const char *id = text_at(told.events[1], "item.id");
    char event[256];
    told.next = told.count;
    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.truncate','event_id':'t','item_id':'%s',"
                   "'content_index':0,'audio_end_ms':%d}",
                   id, 600000);
    say(event);
    expect_error("invalid_value", "t");
    (void)snprintf(event, sizeof(event),
                   "{'type':'conversation.item.truncate','item_id':'%s','content_index':0,"
                   "'audio_end_ms':%d}",
                   id, 300);
    say(event);
    assert_string_equal(text_at(expect("conversation.item.truncated"), "item_id"), id);
    say("{'type':'conversation.item.truncate','event_id':'t','item_id':'nope','content_index':0,"
        "'audio_end_ms':1}");
    expect_error("item_truncate_invalid_item_id", "t");
}

static void items_are_retrieved_and_deleted(void **state)
{
    (void)state;
    begin(NULL);
    say("{'type':'conversation.item.create','item':{'id':'u1','type':'message','role':'user',"
        "'content':[{'type':'input_audio','audio':'AAAA'}]}}");
    told.next = 2;
    say("{'type':'conversation.item.retrieve','item_id':'u1'}");
    const json_t *event = expect("conversation.item.retrieved");
    assert_true(json_is_null(at(event, "item.content.0.transcript")));
    assert_null(at(event, "item.content.0.audio"));
    say("{'type':'conversation.item.delete','item_id':'u1'}");
    assert_string_equal(text_at(expect("conversation.item.deleted"), "item_id"), "u1");
    say("{'type':'conversation.item.delete','event_id':'d','item_id':'u1'}");
    expect_error("item_delete_invalid_item_id", "d");
    say("{'type':'conversation.item.create','event_id':'p','previous_item_id':'x','item':{'type':"
        "'message','role':'user','content':[]}}");
    expect_error("item_create_invalid_previous_item_id", "p");
}

/* 100 ms of PCM are 4,800 bytes, 6,400 characters. */
static void append_ms(int ms)
{
    static char event[8000];
    struct parley_error err = PARLEY_ERROR_INIT;
    int len =
        snprintf(event, sizeof(event), "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");

    memset(event + len, 'A', (size_t)ms * 64);
    memcpy(event + len + ms * 64, "\"}", 2);
    assert_int_equal(model->send(session,
                                 (struct parley_view){event, (size_t)len + (size_t)ms * 64 + 2}, 0,
                                 &err),
                     PARLEY_OK);
    fake_host_advance_ms(0);
}

static void a_commit_needs_a_tenth_of_a_second(void **state)
{
    (void)state;
    begin(NULL);
    append_ms(50);
    expect_nothing();
    say("{'type':'input_audio_buffer.commit','event_id':'c'}");
    expect_error("input_audio_buffer_commit_empty", "c");
    append_ms(50);
    say("{'type':'input_audio_buffer.commit'}");
    expect_all((const char *const[]){"input_audio_buffer.committed", "conversation.item.added",
                                     "conversation.item.done", NULL});
    append_ms(100);
    say("{'type':'input_audio_buffer.clear'}");
    (void)expect("input_audio_buffer.cleared");
    say("{'type':'input_audio_buffer.commit','event_id':'c'}");
    expect_error("input_audio_buffer_commit_empty", "c");
}

static void an_unknown_event_and_no_json_are_errors(void **state)
{
    (void)state;
    begin(NULL);
    say("{'type':'session.dance','event_id':'x'}");
    expect_error("invalid_value", "x");
    say("{");
    expect_error("invalid_json", "");
}

/* --- Rules ------------------------------------------------------------------------------------ */

static void rules_fire_in_order_and_as_often_as_they_may(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','times':1,'do':[{'call':{'name':'clock','arguments':"
          "{'zone':'UTC'}}}]},{'on':'response.create','do':[{'text':'It is {{output}}.'}]}]}");
    say("{'type':'response.create'}");
    (void)expect("response.created");
    const json_t *added = expect("response.output_item.added");
    assert_string_equal(text_at(added, "item.status"), "in_progress");
    assert_string_equal(text_at(added, "item.arguments"), "");
    (void)expect("conversation.item.added");
    (void)expect("response.function_call_arguments.delta");
    const json_t *arguments = expect("response.function_call_arguments.done");
    assert_string_equal(text_at(arguments, "name"), "clock");
    assert_string_equal(text_at(arguments, "arguments"), "{\"zone\":\"UTC\"}");
    (void)expect("conversation.item.done");
    const json_t *item = expect("response.output_item.done");
    assert_string_equal(text_at(item, "item.status"), "completed");
    (void)expect("response.done");
    say("{'type':'conversation.item.create','item':{'type':'function_call_output','call_id':'c',"
        "'output':'noon'}}");
    say("{'type':'response.create'}");
    const json_t *done = told.events[told.count - 1];
    assert_string_equal(text_at(done, "response.output.0.content.0.text"), "It is noon.");
}

static void rules_match_by_value_part_and_presence(void **state)
{
    (void)state;
    begin("{'defaults':false,'rules':["
          "{'on':'session.update','match':{'session.instructions':{'contains':'cat'}},'do':["
          "{'send':{'type':'x.contains'}}]},"
          "{'on':'session.update','match':{'session.audio.output.voice':'ash'},'do':["
          "{'send':{'type':'x.equal'}}]},"
          "{'on':'session.update','match':{'session.tools':{'exists':true}},'do':["
          "{'send':{'type':'x.exists'}}]},"
          "{'on':'*','do':[{'send':{'type':'x.any','was':'{{type}}','id':'{{event_id}}'}}]}]}");
    say("{'type':'session.update','session':{'instructions':'a cat'}}");
    (void)expect("x.contains");
    say("{'type':'session.update','session':{'audio':{'output':{'voice':'ash'}}}}");
    (void)expect("x.equal");
    say("{'type':'session.update','session':{'tools':[]}}");
    (void)expect("x.exists");
    say("{'type':'response.cancel','event_id':'me'}");
    const json_t *any = expect("x.any");
    assert_string_equal(text_at(any, "was"), "response.cancel");
    assert_string_equal(text_at(any, "id"), "me");
    expect_nothing();
}

static void rules_know_what_the_user_said_and_what_a_tool_answered(void **state)
{
    static const char ask[] = "{'type':'conversation.item.create','item':{'type':'message','role':"
                              "'user','content':[{'type':'input_text','text':'the weather?'}]}}";

    (void)state;
    begin("{'rules':[{'on':'response.create','match':{'output':{'exists':true}},'do':[{'text':"
          "'{{output}}'}]},{'on':'response.create','match':{'text':{'contains':'weather'}},'do':["
          "{'call':{'name':'get_weather'}}]}]}");
    say(ask);
    say("{'type':'response.create'}");
    const json_t *done = told.events[told.count - 1];
    const char *call_id = text_at(done, "response.output.0.call_id");
    assert_memory_equal(call_id, "call_", 5);

    say("{'type':'conversation.item.create','item':{'type':'function_call_output','call_id':'c',"
        "'output':'sunny'}}");
    say("{'type':'response.create'}");
    done = told.events[told.count - 1];
    assert_string_equal(text_at(done, "response.output.0.content.0.text"), "sunny");

    say(ask); /* the result belongs to the question before */
    say("{'type':'response.create'}");
    done = told.events[told.count - 1];
    assert_string_equal(text_at(done, "response.output.0.name"), "get_weather");
}

static void steps_follow_each_other_in_time(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'session.open','do':[{'delay_ms':100},{'send':{'type':'a'}},{'delay_ms':"
          "50},{'error':{'code':'session_expired','message':'Over.'}},{'close':{'code':1001,"
          "'error_code':'session_expired'}}]}]}");
    expect_nothing();
    fake_host_advance_ms(100);
    (void)expect("a");
    expect_nothing();
    fake_host_advance_ms(50);
    expect_error("session_expired", "");
    assert_int_equal(told.closed, 1);
    assert_int_equal(told.why.status, PARLEY_E_UNAVAILABLE);
    assert_int_equal(told.why.retryable, 1);
    assert_int_equal(told.why.close_code, 1001);
    assert_string_equal(told.code, "session_expired");
}

static void a_step_after_speech_waits_for_its_end_unless_told_otherwise(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','times':1,'do':[{'speak':'a','ms':300,'pace':true},"
          "{'send':{'type':'after'}}]},{'on':'response.create','do':[{'speak':'b','ms':300,'pace':"
          "true,'background':true},{'send':{'type':'beside'}}]}]}");
    say("{'type':'response.create'}");
    fake_host_advance_ms(199);
    assert_string_equal(text_at(told.events[told.count - 1], "type"),
                        "response.output_audio.delta");
    fake_host_advance_ms(1);
    assert_string_equal(text_at(told.events[told.count - 1], "type"), "after");
    fake_host_advance_ms(100);
    say("{'type':'response.create'}");
    bool came = false;
    for (size_t i = 0; i < told.count; i++)
        came = came || strcmp(text_at(told.events[i], "type"), "beside") == 0;
    assert_true(came);
}

static void a_users_turn_interrupts_and_is_answered(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'input_audio_buffer.append','audio_ms':200,'times':1,'do':[{'user_turn':"
          "{'transcript':'hello','speech_ms':400}}]},{'on':'response.create','match':{'source':"
          "'vad'},'do':[{'text':'You said {{text}}.'}]},{'on':'response.create','do':[{'speak':"
          "'long','ms':5000,'pace':true}]}],'session':{'audio':{'input':{'transcription':{'model':"
          "'whisper-1'}}}}}");
    say("{'type':'response.create'}");
    append_ms(100);
    told.next = told.count;
    append_ms(100);
    const json_t *started = expect("input_audio_buffer.speech_started");
    const char *item_id = text_at(started, "item_id");
    while (strcmp(text_at(told.events[told.next], "type"), "response.done") != 0)
        told.next++;
    const json_t *done = expect("response.done");
    assert_string_equal(text_at(done, "response.status_details.reason"), "turn_detected");
    fake_host_advance_ms(399);
    told.next = told.count;
    fake_host_advance_ms(1);
    (void)expect("input_audio_buffer.speech_stopped");
    assert_string_equal(text_at(expect("input_audio_buffer.committed"), "item_id"), item_id);
    (void)expect("conversation.item.added");
    (void)expect("conversation.item.done");
    (void)expect("conversation.item.input_audio_transcription.delta");
    const json_t *transcript = expect("conversation.item.input_audio_transcription.completed");
    assert_string_equal(text_at(transcript, "transcript"), "hello");
    (void)expect("response.created");
    done = told.events[told.count - 1];
    assert_string_equal(text_at(done, "response.output.0.content.0.text"), "You said hello.");
}

/* --- Faults and lies -------------------------------------------------------------------------- */

static size_t count_of(const char *type)
{
    size_t count = 0;

    for (size_t i = 0; i < told.count; i++)
        count += strcmp(text_at(told.events[i], "type"), type) == 0;
    return count;
}

static void run_faults(const char *faults)
{
    char script[512];

    (void)snprintf(script, sizeof(script),
                   "{'rules':[{'on':'response.create','do':[{'text':'a','faults':[%s]}]}]}",
                   faults);
    begin(script);
    say("{'type':'response.create'}");
}

static void a_response_can_end_twice(void **state)
{
    (void)state;
    run_faults("'duplicate_done'");
    assert_int_equal(count_of("response.done"), 2);
}

static void a_response_can_stay_without_end(void **state)
{
    (void)state;
    run_faults("'no_done'");
    assert_int_equal(count_of("response.done"), 0);
    say("{'type':'response.create'}");
    assert_int_equal(count_of("error"), 1);
}

static void a_response_can_talk_after_its_end(void **state)
{
    (void)state;
    run_faults("'late_delta'");
    assert_string_equal(text_at(told.events[told.count - 1], "type"), "response.output_text.delta");
}

static void deltas_can_carry_wrong_ids(void **state)
{
    (void)state;
    run_faults("'wrong_response_id','wrong_item_id'");
    for (size_t i = 0; i < told.count; i++) {
        if (strcmp(text_at(told.events[i], "type"), "response.output_text.delta") != 0)
            continue;
        assert_string_equal(text_at(told.events[i], "response_id"), "resp_wrong");
        assert_string_equal(text_at(told.events[i], "item_id"), "item_wrong");
    }
}

static void order_can_be_wrong_and_usage_partial(void **state)
{
    (void)state;
    run_faults("'early_item_done','early_done','partial_usage','no_created'");
    (void)expect("response.done");
    (void)expect("response.output_item.done");
    (void)expect("response.output_item.added");
    assert_null(at(told.events[0], "response.usage.input_token_details"));
}

static void bytes_can_be_no_json_and_events_too_large(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'session.open','do':[{'raw':'not json'},{'oversized':{'bytes':100000}}]}"
          "]}");
    assert_int_equal(told.count, 2);
    assert_null(told.events[0]);
    assert_int_equal(strlen(text_at(told.events[1], "delta")), 100000);
}

static void a_failed_response_tells_its_error(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'respond':{'outputs':[],'status':'failed',"
          "'error':{'type':'server_error','code':'boom'}}}]}]}");
    say("{'type':'response.create'}");
    (void)expect("response.created");
    const json_t *done = expect("response.done");
    assert_string_equal(text_at(done, "response.status_details.error.code"), "boom");
}

static void one_response_can_speak_and_call(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'respond':{'outputs':[{'speak':'One moment.'},"
          "{'call':{'name':'a'}},{'call':{'name':'b','arguments':'no json'}}]}}]}]}");
    say("{'type':'response.create'}");
    const json_t *done = told.events[told.count - 1];
    assert_int_equal(json_array_size(at(done, "response.output")), 3);
    assert_string_equal(text_at(done, "response.output.2.arguments"), "no json");
}

static void sending_can_be_refused_for_a_while(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'busy_ms':100}]}]}");
    say("{'type':'response.create'}");
    assert_int_equal(try_say("{'type':'response.cancel'}"), PARLEY_E_BUSY);
    fake_host_advance_ms(100);
    assert_int_equal(told.writable, 1);
    assert_int_equal(try_say("{'type':'response.cancel'}"), PARLEY_OK);
    fake_host_advance_ms(0);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void an_open_can_be_refused_some_times(void **state)
{
    (void)state;
    load("{'open':{'refuse':{'code':3000,'status':'denied','error_code':'invalid_api_key'},"
         "'times':1}}");
    connect_session();
    assert_null(told.opened);
    assert_int_equal(told.closed, 1);
    assert_int_equal(told.why.status, PARLEY_E_DENIED);
    assert_int_equal(told.why.retryable, 0);
    assert_string_equal(told.code, "invalid_api_key");
    told.closed = 0;
    connect_session();
    assert_non_null(told.opened);
}

static void an_open_can_be_late_or_never(void **state)
{
    (void)state;
    load("{'open':{'delay_ms':500}}");
    connect_session();
    assert_null(told.opened);
    fake_host_advance_ms(500);
    assert_non_null(told.opened);
    model->close(session);
    fake_host_advance_ms(0);
    fake_plugin_close(plugin);
    forget();
    load("{'open':{'silence':true}}");
    connect_session();
    fake_host_advance_ms(100000);
    assert_null(told.opened);
}

static void a_pause_holds_events_back(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'speak':'a','ms':1000,'pace':true}]}]}");
    say("{'type':'response.create'}");
    size_t before = told.count;
    model->pause(session, 1);
    fake_host_advance_ms(500);
    assert_int_equal(told.count, before);
    model->pause(session, 0);
    fake_host_advance_ms(0);
    assert_true(told.count > before);
}

static void closing_ends_at_once_even_in_the_middle(void **state)
{
    (void)state;
    begin("{'rules':[{'on':'response.create','do':[{'speak':'a','ms':60000,'pace':true}]}]}");
    say("{'type':'response.create'}");
    model->pause(session, 1);
    model->close(session);
    model->close(session);
    assert_int_equal(told.closed, 0);
    fake_host_advance_ms(0);
    assert_int_equal(told.closed, 1);
    assert_int_equal(told.why.status, PARLEY_OK);
}

static void capabilities_can_be_taken_away(void **state)
{
    struct parley_model_caps caps = {.size = sizeof(caps)};

    (void)state;
    load("{'caps':{'truncate':false,'session_limit_ms':60000,'max_id_chars':32}}");
    model->caps(fake_plugin_worker(plugin), &caps);
    assert_false(caps.flags & PARLEY_CAP_TRUNCATE);
    assert_true(caps.flags & PARLEY_CAP_CANCEL);
    assert_int_equal(caps.session_limit_ms, 60000);
    assert_int_equal(caps.max_id_chars, 32);
}

static void mistakes_in_a_script_are_told_with_their_place(void **state)
{
    static const struct {
        const char *script;
        const char *says;
    } table[] = {
        {"{", "end of file"},
        {"{'rulez':[]}", "unknown \"rulez\""},
        {"{'rules':{}}", "rules is no array"},
        {"{'rules':[{'do':[]}]}", "rules[0] has no \"on\""},
        {"{'rules':[{'on':'x'}]}", "rules[0].do"},
        {"{'rules':[{'on':'x','do':[{'delay_ms':1},{'sned':{}}]}]}",
         "rules[0].do[1]: unknown \"sned\""},
        {"{'open':{'refuze':1}}", "open: unknown \"refuze\""},
        {"{'caps':{'fly':true}}", "caps: unknown \"fly\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct parley_error err = PARLEY_ERROR_INIT;
        assert_null(try_load(table[i].script, &err));
        if (strstr(err.message, table[i].says) == NULL)
            fail_msg("%s", err.message);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_script_a_session_opens_with_the_defaults),
        TEST(session_update_is_merged_and_echoed),
        TEST(a_text_turn_has_the_order_of_the_service),
        TEST(a_spoken_turn_brings_tone_and_transcript),
        TEST(a_second_response_is_refused_while_one_runs),
        TEST(a_cancel_closes_what_is_open),
        TEST(a_cancel_before_anything_came_shows_no_output),
        TEST(a_truncation_is_held_to_what_was_sent),
        TEST(items_are_retrieved_and_deleted),
        TEST(a_commit_needs_a_tenth_of_a_second),
        TEST(an_unknown_event_and_no_json_are_errors),
        TEST(rules_fire_in_order_and_as_often_as_they_may),
        TEST(rules_match_by_value_part_and_presence),
        TEST(rules_know_what_the_user_said_and_what_a_tool_answered),
        TEST(steps_follow_each_other_in_time),
        TEST(a_step_after_speech_waits_for_its_end_unless_told_otherwise),
        TEST(a_users_turn_interrupts_and_is_answered),
        TEST(a_response_can_end_twice),
        TEST(a_response_can_stay_without_end),
        TEST(a_response_can_talk_after_its_end),
        TEST(deltas_can_carry_wrong_ids),
        TEST(order_can_be_wrong_and_usage_partial),
        TEST(bytes_can_be_no_json_and_events_too_large),
        TEST(a_failed_response_tells_its_error),
        TEST(one_response_can_speak_and_call),
        TEST(sending_can_be_refused_for_a_while),
        TEST(an_open_can_be_refused_some_times),
        TEST(an_open_can_be_late_or_never),
        TEST(a_pause_holds_events_back),
        TEST(closing_ends_at_once_even_in_the_middle),
        TEST(capabilities_can_be_taken_away),
        cmocka_unit_test(mistakes_in_a_script_are_told_with_their_place),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    int file = mkstemp(script_path);
    if (file < 0)
        return 2;
    close(file);
    int failed = cmocka_run_group_tests_name("model_script", tests, NULL, NULL);
    unlink(script_path);
    return failed;
}
