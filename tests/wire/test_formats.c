/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "base/base64.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <parley/types.h>

/* A model that lacks an audio format, and a client that wants it. */

#define PCM_ONLY  "[model m]\nplugin = wire_model_plugin\nlacks = g711\n"
#define G711_ONLY "[model m]\nplugin = wire_model_plugin\nlacks = pcm\n"
#define FREE      "client_may_set = *\n"

static struct wire *open_with(const char *sections, const char *agent_lines)
{
    wire_models(sections, "m");
    struct wire *w = wire_connect(agent_lines);

    wire_model_created(w);
    return w;
}

/* 20 ms of silence in µ-law: 160 bytes. */
static void silence(struct buf *base64, char byte, size_t bytes)
{
    struct buf raw = {0};

    for (size_t i = 0; i < bytes; i++)
        buf_append_char(&raw, byte);
    base64_encode(base64, raw.data, raw.len);
    buf_done(&raw);
}

static void client_speaks(struct wire *w, const char *base64)
{
    char event[32768];

    assert_true(snprintf(event, sizeof(event),
                         "{'type':'input_audio_buffer.append','event_id':'e9','audio':'%s'}",
                         base64) < (int)sizeof(event));
    wire_client(w, event);
}

static size_t bytes_at(const json_t *event, const char *member)
{
    return base64_decoded_len(view_of(wire_text(event, member)));
}

static void model_is_asked_for_what_it_has_and_the_client_told_what_it_wanted(void **state)
{
    (void)state;
    struct wire *w = open_with(PCM_ONLY, FREE "input_format = audio/pcmu\n"
                                              "output_format = audio/pcma\n");
    const json_t *asked = wire_model_gets(w, "session.update");
    assert_string_equal(wire_text(asked, "session.audio.input.format.type"), "audio/pcm");
    assert_int_equal(json_integer_value(wire_at(asked, "session.audio.input.format.rate")), 24000);
    assert_string_equal(wire_text(asked, "session.audio.output.format.type"), "audio/pcm");
    const json_t *created = wire_client_gets(w, "session.created");
    assert_string_equal(wire_text(created, "session.audio.input.format.type"), "audio/pcmu");
    assert_string_equal(wire_text(created, "session.audio.output.format.type"), "audio/pcma");
    wire_close(w);
}

static void model_is_told_of_the_clients_trace(void **state)
{
    (void)state;
    wire_record(false, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    wire_tracestate("vendor=1");
    struct wire *w = open_with(PCM_ONLY, "input_format = audio/pcmu\n");
    assert_string_equal(wire_model_tracestate(w), "vendor=1");
    wire_close(w);
}

static void audio_of_the_client_is_converted(void **state)
{
    struct buf quiet = {0};

    (void)state;
    struct wire *w = open_with(PCM_ONLY, "input_format = audio/pcmu\n");
    (void)wire_model_gets(w, "session.update");
    silence(&quiet, (char)0xff, 160);
    size_t total = 0;
    for (int i = 0; i < 10; i++) {
        client_speaks(w, quiet.data);
        const json_t *heard = wire_model_gets(w, "input_audio_buffer.append");
        assert_string_equal(wire_text(heard, "event_id"), "e9");
        total += bytes_at(heard, "audio");
    }
    assert_true(total > 9 * 960 && total <= 10 * 960); /* 20 ms each, the filter holds some */
    client_speaks(w, "@@@");
    assert_string_equal(wire_text(wire_client_gets(w, "session.created"), "type"),
                        "session.created");
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "e9");
    wire_model_gets_nothing(w);
    buf_done(&quiet);
    wire_close(w);
}

static void speech_of_the_model_is_converted_and_its_end_is_not_lost(void **state)
{
    struct buf sound = {0}, event = {0};
    size_t total = 0;

    (void)state;
    struct wire *w = open_with(PCM_ONLY, "output_format = audio/pcmu\n");
    (void)wire_client_gets(w, "session.created");
    wire_client(w, "{'type':'response.create'}");
    wire_model(w, "{'type':'response.created','response':{'id':'r1','status':'in_progress'}}");
    wire_model(w, "{'type':'response.output_item.added','response_id':'r1','output_index':0,"
                  "'item':{'id':'i1','type':'message','role':'assistant','content':[]}}");
    silence(&sound, 0, 4800); /* 100 ms */
    for (int i = 0; i < 5; i++) {
        buf_clear(&event);
        buf_printf(&event,
                   "{'type':'response.output_audio.delta','response_id':'r1','item_id':'i1',"
                   "'output_index':0,'content_index':0,'delta':'%s'}",
                   sound.data);
        wire_model(w, event.data);
    }
    wire_model(w, "{'type':'response.output_audio.done','response_id':'r1','item_id':'i1',"
                  "'output_index':0,'content_index':0}");
    const json_t *got;
    int deltas = 0, done = 0;
    while ((got = wire_client_next(w)) != NULL) {
        if (strcmp(wire_text(got, "type"), "response.output_audio.delta") == 0) {
            assert_int_equal(done, 0);
            assert_string_equal(wire_text(got, "item_id"), "i1");
            total += bytes_at(got, "delta");
            deltas++;
        }
        done += strcmp(wire_text(got, "type"), "response.output_audio.done") == 0;
    }
    assert_int_equal(done, 1);
    assert_int_equal(deltas, 6);
    assert_true(total >= 3999 && total <= 4001); /* 500 ms */
    buf_done(&sound);
    buf_done(&event);
    wire_close(w);
}

static void model_with_g711_alone_hears_pcm(void **state)
{
    struct buf quiet = {0};

    (void)state;
    struct wire *w = open_with(G711_ONLY, "");
    const json_t *asked = wire_model_gets(w, "session.update");
    assert_string_equal(wire_text(asked, "session.audio.input.format.type"), "audio/pcmu");
    assert_null(wire_at(asked, "session.audio.input.format.rate"));
    silence(&quiet, 0, 4800);
    client_speaks(w, quiet.data);
    size_t bytes = bytes_at(wire_model_gets(w, "input_audio_buffer.append"), "audio");
    assert_true(bytes > 700 && bytes <= 800);
    buf_done(&quiet);
    wire_close(w);
}

static void formats_that_the_model_has_are_left_alone(void **state)
{
    struct buf quiet = {0};

    (void)state;
    struct wire *w = open_with(PCM_ONLY, FREE);
    assert_string_equal(
        wire_text(wire_model_gets(w, "session.update"), "session.audio.input.format.type"),
        "audio/pcm");
    silence(&quiet, 0, 4800);
    client_speaks(w, quiet.data);
    assert_string_equal(wire_text(wire_model_gets(w, "input_audio_buffer.append"), "audio"),
                        quiet.data);
    /* And changed on the way. */
    wire_client(w, "{'type':'session.update','session':{'type':'realtime','audio':{'input':"
                   "{'format':{'type':'audio/pcmu'}}}}}");
    (void)wire_model_gets(w, "session.update");
    client_speaks(w, quiet.data);
    assert_true(bytes_at(wire_model_gets(w, "input_audio_buffer.append"), "audio") > 4800);
    buf_done(&quiet);
    wire_close(w);
}

static void format_of_a_refused_update_is_taken_back(void **state)
{
    struct buf quiet = {0};
    char refusal[256];

    (void)state;
    struct wire *w = open_with(PCM_ONLY, FREE);
    (void)wire_model_gets(w, "session.update");
    (void)wire_client_gets(w, "session.created");
    wire_client(w, "{'type':'session.update','event_id':'e1','session':{'type':'realtime','audio':"
                   "{'input':{'format':{'type':'audio/pcmu'}},"
                   "'output':{'format':{'type':'audio/pcma'}}}}}");
    const json_t *asked = wire_model_gets(w, "session.update");
    (void)snprintf(
        refusal, sizeof(refusal),
        "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','event_id':'%s',"
        "'message':'No.'}}",
        wire_text(asked, "event_id"));
    wire_model(w, refusal);
    assert_string_equal(wire_text(wire_client_gets(w, "error"), "error.event_id"), "e1");
    silence(&quiet, 0, 4800);
    client_speaks(w, quiet.data);
    assert_string_equal(wire_text(wire_model_gets(w, "input_audio_buffer.append"), "audio"),
                        quiet.data);
    buf_done(&quiet);
    wire_close(w);
}

static void asks_for_input(struct wire *w, const char *format, char ret_id[64])
{
    char event[256];

    (void)snprintf(event, sizeof(event),
                   "{'type':'session.update','event_id':'e1','session':{'type':'realtime','audio':"
                   "{'input':{'format':{'type':'%s'}}}}}",
                   format);
    wire_client(w, event);
    view_copy(ret_id, 64, view_of(wire_text(wire_model_gets(w, "session.update"), "event_id")));
}

static void refuses(struct wire *w, const char *event_id)
{
    char refusal[256];

    (void)snprintf(
        refusal, sizeof(refusal),
        "{'type':'error','event_id':'e','error':{'type':'invalid_request_error','event_id':'%s',"
        "'message':'No.'}}",
        event_id);
    wire_model(w, refusal);
    (void)wire_client_gets(w, "error");
}

static void formats_of_refused_updates_are_taken_back_one_by_one(void **state)
{
    struct buf quiet = {0};
    char first[64], second[64], third[64];

    (void)state;
    struct wire *w = open_with(PCM_ONLY, FREE);
    (void)wire_model_gets(w, "session.update");
    (void)wire_client_gets(w, "session.created");
    asks_for_input(w, "audio/pcmu", first);
    asks_for_input(w, "audio/pcma", second);
    asks_for_input(w, "audio/pcma", third);
    refuses(w, first);
    refuses(w, second);
    silence(&quiet, (char)0xd5, 160);
    client_speaks(w, quiet.data); /* the third may still be taken */
    assert_string_not_equal(wire_text(wire_model_gets(w, "input_audio_buffer.append"), "audio"),
                            quiet.data);
    refuses(w, third);
    client_speaks(w, quiet.data);
    assert_string_equal(wire_text(wire_model_gets(w, "input_audio_buffer.append"), "audio"),
                        quiet.data);
    buf_done(&quiet);
    wire_close(w);
}

static void audio_inside_of_items_is_converted(void **state)
{
    struct buf quiet = {0}, event = {0};

    (void)state;
    struct wire *w = open_with(PCM_ONLY, "input_format = audio/pcmu\n");
    (void)wire_model_gets(w, "session.update");
    silence(&quiet, (char)0xff, 160);
    buf_printf(&event,
               "{'type':'conversation.item.create','item':{'type':'message','role':'user',"
               "'content':[{'type':'input_audio','audio':'%s'}]}}",
               quiet.data);
    wire_client(w, event.data);
    size_t bytes = bytes_at(wire_model_gets(w, "conversation.item.create"), "item.content.0.audio");
    assert_true(bytes >= 958 && bytes <= 962);
    buf_done(&quiet);
    buf_done(&event);
    wire_close(w);
}

static void response_with_a_format_of_its_own_is_refused_with_the_way_out(void **state)
{
    (void)state;
    struct wire *w = open_with(PCM_ONLY, FREE);
    (void)wire_model_gets(w, "session.update");
    (void)wire_client_gets(w, "session.created");
    wire_client(w, "{'type':'response.create','event_id':'e1','response':{'audio':{'output':"
                   "{'format':{'type':'audio/pcmu'}}}}}");
    const json_t *error = wire_client_gets(w, "error");
    assert_string_equal(wire_text(error, "error.event_id"), "e1");
    assert_non_null(strstr(wire_text(error, "error.message"), "session.audio.output.format"));
    wire_model_gets_nothing(w);
    wire_client(w, "{'type':'response.create','response':{'audio':{'output':"
                   "{'format':{'type':'audio/pcm','rate':24000}}}}}");
    (void)wire_model_gets(w, "response.create");
    wire_close(w);
}

static void busy_model_hears_every_piece_once_and_in_order(void **state)
{
    struct buf one = {0}, two = {0};
    size_t total = 0;

    (void)state;
    struct wire *w = open_with(PCM_ONLY, "input_format = audio/pcmu\n");
    (void)wire_model_gets(w, "session.update");
    silence(&one, (char)0xff, 800);
    wire_model_busy(w, true);
    for (int i = 0; i < 5; i++)
        client_speaks(w, one.data);
    wire_model_gets_nothing(w);
    wire_model_busy(w, false);
    for (int i = 0; i < 5; i++)
        total += bytes_at(wire_model_gets(w, "input_audio_buffer.append"), "audio");
    wire_model_gets_nothing(w);
    assert_true(total > 4 * 4800 && total <= 5 * 4800);
    buf_done(&one);
    buf_done(&two);
    wire_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_is_asked_for_what_it_has_and_the_client_told_what_it_wanted),
        cmocka_unit_test(model_is_told_of_the_clients_trace),
        cmocka_unit_test(audio_of_the_client_is_converted),
        cmocka_unit_test(speech_of_the_model_is_converted_and_its_end_is_not_lost),
        cmocka_unit_test(model_with_g711_alone_hears_pcm),
        cmocka_unit_test(formats_that_the_model_has_are_left_alone),
        cmocka_unit_test(format_of_a_refused_update_is_taken_back),
        cmocka_unit_test(formats_of_refused_updates_are_taken_back_one_by_one),
        cmocka_unit_test(audio_inside_of_items_is_converted),
        cmocka_unit_test(response_with_a_format_of_its_own_is_refused_with_the_way_out),
        cmocka_unit_test(busy_model_hears_every_piece_once_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
