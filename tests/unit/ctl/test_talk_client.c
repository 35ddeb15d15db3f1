/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation as the client keeps it; the test is the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/talk_client.c"

/* ---- the socket ---- */

static struct buf sent; /* types of the events that went out */
static char connected_to[256];
static const struct ws_events *socket_events;
static void *socket_ctx;
static bool was_closed;

int ws_connect(struct transport *t, const struct ws_connect *connect,
               const struct ws_events *events, void *ctx, struct ws **ret_ws,
               struct parley_error *err)
{
    (void)t;
    (void)err;
    (void)snprintf(connected_to, sizeof(connected_to), "%s", connect->url);
    socket_events = events;
    socket_ctx = ctx;
    *ret_ws = (struct ws *)(void *)&sent;
    return PARLEY_OK;
}

int ws_send(struct ws *ws, struct parley_view message, uint32_t flags)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    _cleanup_json_ json_t *event = json_parse(message, &err);

    (void)ws;
    (void)flags;
    assert_non_null(event);
    buf_printf(&sent, "%s ", json_get_str(event, "type", "?"));
    return PARLEY_OK;
}

void ws_close(struct ws *ws, int code, const char *reason)
{
    (void)ws;
    (void)reason;
    assert_int_equal(code, 1000);
    was_closed = true;
}

/* ---- the person ---- */

static struct buf story;
static size_t samples_heard;
static struct talk_turn last_turn;

static void ready(void *ctx, const char *session_id)
{
    (void)ctx;
    buf_printf(&story, "ready:%s ", session_id);
}

static void event(void *ctx, bool is_ours, const json_t *e)
{
    (void)ctx;
    (void)is_ours;
    (void)e;
}

static void heard(void *ctx, struct parley_view text)
{
    (void)ctx;
    buf_printf(&story, "heard:%.*s ", (int)text.len, text.data);
}

static void speech(void *ctx)
{
    (void)ctx;
    buf_append_str(&story, "speech ");
}

static void words(void *ctx, struct parley_view delta)
{
    (void)ctx;
    buf_printf(&story, "%.*s ", (int)delta.len, delta.data);
}

static void audio(void *ctx, const int16_t *samples, size_t count)
{
    (void)ctx;
    (void)samples;
    samples_heard += count;
}

static void tool(void *ctx, const char *name, struct parley_view arguments)
{
    (void)ctx;
    (void)arguments;
    buf_printf(&story, "tool:%s ", name);
}

static void tool_result(void *ctx, struct parley_view output)
{
    (void)ctx;
    buf_printf(&story, "result:%.*s ", (int)output.len, output.data);
}

static void turn(void *ctx, const struct talk_turn *t)
{
    (void)ctx;
    last_turn = *t;
    buf_printf(&story, "turn:%s ", strcmp(t->status, "completed") == 0 ? "completed" : "cut");
}

static void error_told(void *ctx, const char *message)
{
    (void)ctx;
    buf_printf(&story, "error:%s ", message);
}

static void closed(void *ctx, int status, const char *reason)
{
    (void)ctx;
    buf_printf(&story, "closed:%d:%s ", status, reason);
}

static void approval(void *ctx, const char *id, const char *name, struct parley_view arguments)
{
    (void)ctx;
    (void)arguments;
    buf_printf(&story, "may:%s:%s ", name, id);
}

static const struct talk_events person = {.on_ready = ready,
                                          .on_event = event,
                                          .on_heard = heard,
                                          .on_speech = speech,
                                          .on_words = words,
                                          .on_audio = audio,
                                          .on_tool = tool,
                                          .on_tool_result = tool_result,
                                          .on_approval = approval,
                                          .on_turn = turn,
                                          .on_error = error_told,
                                          .on_closed = closed};

static struct loop *loop;
static struct talk_client *client;

static void open_client(const char *url, const char *agent, bool wants_trace)
{
    const struct talk_target target = {.url = url, .agent = agent, .wants_trace = wants_trace};

    talk_client_free(client);
    assert_int_equal(talk_client_open(NULL, loop, &target, &person, NULL, &client, NULL),
                     PARLEY_OK);
}

static void server_says(const char *text)
{
    socket_events->on_message(socket_ctx, NULL, view_of(text), 0);
}

static void session_with(const char *format, const char *turn_detection)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "{\"type\":\"session.created\",\"session\":{\"id\":\"sess_1\",\"audio\":{"
                   "\"input\":{\"format\":{\"type\":\"%s\"},\"turn_detection\":%s},"
                   "\"output\":{\"format\":{\"type\":\"%s\"}}}}}",
                   format, turn_detection, format);
    server_says(text);
}

static int setup(void **state)
{
    (void)state;
    clock_fake_start(1000000000, 0);
    loop = loop_create();
    was_closed = false;
    samples_heard = 0;
    open_client("http://127.0.0.1:8080", "assistant", false);
    session_with("audio/pcm", "{\"type\":\"server_vad\"}");
    buf_clear(&story);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    client = talk_client_free(client);
    loop_destroy(loop);
    buf_done(&sent);
    buf_done(&story);
    clock_fake_stop();
    return 0;
}

static void is_story(const char *expected)
{
    assert_string_equal(buf_view(&story).data, expected);
}

static void is_sent(const char *expected)
{
    assert_string_equal(buf_view(&sent).data, expected);
}

static void url_gets_path_agent_and_trace(void **state)
{
    (void)state;
    assert_string_equal(connected_to, "http://127.0.0.1:8080/v1/realtime?model=assistant");
    open_client("ws://host/", "two words&more", true);
    assert_string_equal(connected_to, "ws://host/v1/realtime?model=two%20words%26more&trace=on");
    open_client("wss://host/openai/v1/realtime?model=x", NULL, true);
    assert_string_equal(connected_to, "wss://host/openai/v1/realtime?model=x&trace=on");
}

static void typed_turn_is_timed(void **state)
{
    (void)state;
    talk_client_say(client, "hello");
    is_sent("conversation.item.create response.create ");
    assert_false(talk_client_is_idle(client));
    server_says("{\"type\":\"response.created\"}");
    clock_fake_advance_us(250000);
    server_says("{\"type\":\"response.output_audio_transcript.delta\",\"delta\":\"Hi\"}");
    server_says(
        "{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"AAAAAA==\"}");
    clock_fake_advance_us(750000);
    server_says("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}");
    is_story("Hi turn:completed ");
    assert_int_equal(last_turn.first_words_ms, 250);
    assert_int_equal(last_turn.first_audio_ms, 250);
    assert_int_equal(last_turn.total_ms, 1000);
    assert_int_equal(samples_heard, 2);
    assert_true(talk_client_is_idle(client));
}

static void line_during_an_answer_cancels_and_waits_for_its_end(void **state)
{
    (void)state;
    talk_client_say(client, "one");
    server_says("{\"type\":\"response.created\"}");
    buf_clear(&sent);
    talk_client_say(client, "two");
    is_sent("response.cancel conversation.item.create ");
    server_says("{\"type\":\"response.done\",\"response\":{\"status\":\"cancelled\"}}");
    is_sent("response.cancel conversation.item.create response.create ");
    is_story("turn:cut ");
    assert_false(talk_client_is_idle(client));
}

static void answer_after_a_tool_is_waited_for(void **state)
{
    (void)state;
    talk_client_say(client, "one");
    server_says("{\"type\":\"response.created\"}");
    server_says("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}");
    is_story("");
    assert_false(talk_client_is_idle(client));
    server_says("{\"type\":\"parley.tool_call.started\",\"name\":\"t\",\"arguments\":\"{}\"}");
    server_says("{\"type\":\"parley.tool_call.done\",\"output\":\"5\"}");
    server_says("{\"type\":\"response.created\"}");
    server_says("{\"type\":\"response.output_text.delta\",\"delta\":\"five\"}");
    server_says("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}");
    is_story("tool:t result:5 five turn:completed ");
}

static void answer_that_never_comes_ends_the_turn(void **state)
{
    (void)state;
    talk_client_say(client, "one");
    server_says("{\"type\":\"response.created\"}");
    server_says("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}");
    clock_fake_advance_us(SETTLE_MS * 1000);
    loop_run_due(loop);
    is_story("turn:completed ");
}

#define DONE "{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}"
#define REQUEST                                                                                    \
    "{\"type\":\"conversation.item.done\",\"item\":{\"type\":\"mcp_approval_request\",\"id\":"     \
    "\"r1\","                                                                                      \
    "\"name\":\"book\",\"arguments\":\"{}\"}}"

static void a_tool_that_asks_is_waited_for_as_long_as_the_person_takes(void **state)
{
    (void)state;
    talk_client_say(client, "one");
    server_says("{\"type\":\"response.created\"}");
    server_says(REQUEST);
    server_says(DONE);
    clock_fake_advance_us(10 * SETTLE_MS * 1000);
    loop_run_due(loop);
    is_story("may:book:r1 ");
    buf_clear(&sent);
    talk_client_approve(client, "r1", true);
    is_sent("conversation.item.create ");
    clock_fake_advance_us(SETTLE_MS * 1000);
    loop_run_due(loop);
    is_story("may:book:r1 turn:completed ");
}

static void a_filler_is_not_the_answer(void **state)
{
    (void)state;
    talk_client_say(client, "one");
    server_says("{\"type\":\"response.created\"}");
    server_says("{\"type\":\"response.output_text.delta\",\"delta\":\"wait\"}");
    server_says("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\",\"metadata\":{"
                "\"parley_filler\":\"wait\"}}}");
    is_story("wait ");
    assert_false(talk_client_is_idle(client));
    server_says("{\"type\":\"response.created\"}");
    server_says("{\"type\":\"response.output_text.delta\",\"delta\":\"five\"}");
    server_says(DONE);
    is_story("wait five turn:completed ");
}

static void spoken_turn_waits_from_the_end_of_speech(void **state)
{
    const int16_t samples[480] = {0};

    (void)state;
    talk_client_hear(client, samples, 480);
    talk_client_heard_all(client); /* the server detects turns: nothing to commit */
    is_sent("input_audio_buffer.append ");
    server_says("{\"type\":\"input_audio_buffer.speech_started\"}");
    assert_false(talk_client_is_idle(client));
    server_says("{\"type\":\"input_audio_buffer.speech_stopped\"}");
    assert_false(talk_client_is_idle(client));
    server_says("{\"type\":\"conversation.item.input_audio_transcription.completed\","
                "\"transcript\":\"two plus two\"}");
    is_story("speech heard:two plus two ");
}

static void without_turn_detection_the_turn_is_committed(void **state)
{
    (void)state;
    session_with("audio/pcmu", "null");
    assert_int_equal(talk_client_input_rate(client), 8000);
    talk_client_heard_all(client);
    is_sent("input_audio_buffer.commit response.create ");
    server_says(
        "{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"/////w==\"}");
    assert_int_equal(samples_heard, 4);
}

static void truncation_names_the_answers_item_once(void **state)
{
    (void)state;
    talk_client_truncate(client, 100);
    is_sent("");
    server_says("{\"type\":\"response.output_audio.delta\",\"item_id\":\"i\",\"delta\":\"AAA=\"}");
    talk_client_truncate(client, 100);
    talk_client_truncate(client, 100);
    is_sent("conversation.item.truncate ");
}

static void errors_and_the_end_are_told(void **state)
{
    const struct ws_closed lost = {.status = PARLEY_E_UNAVAILABLE, .message = "gone"};

    (void)state;
    server_says("{\"type\":\"error\",\"error\":{\"message\":\"no\"}}");
    server_says("{\"type\":\"error\",\"error\":{\"code\":\"response_cancel_not_active\"}}");
    server_says("{\"type\":\"something.new\"}");
    talk_client_close(client);
    assert_true(was_closed);
    socket_events->on_closed(socket_ctx, NULL, &lost);
    is_story("error:no closed:-8:gone ");
    talk_client_say(client, "into the void");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(url_gets_path_agent_and_trace),
        T(typed_turn_is_timed),
        T(line_during_an_answer_cancels_and_waits_for_its_end),
        T(answer_after_a_tool_is_waited_for),
        T(answer_that_never_comes_ends_the_turn),
        T(a_tool_that_asks_is_waited_for_as_long_as_the_person_takes),
        T(a_filler_is_not_the_answer),
        T(spoken_turn_waits_from_the_end_of_speech),
        T(without_turn_detection_the_turn_is_committed),
        T(truncation_names_the_answers_item_once),
        T(errors_and_the_end_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
