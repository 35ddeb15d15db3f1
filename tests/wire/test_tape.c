/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"
#include "recording.h"

#include "../unit/ctl/temp_dir.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <parley/types.h>

/*
 * What is recorded lies where it was said, or where it was heard, to the sample: 24 frames are a
 * millisecond. The clock of the session begins with wire_connect().
 */

#define MOST (24000 * 20)

static struct {
    char path[PATH_MAX];
    size_t frames;
    int16_t left[MOST];
    int16_t right[MOST];
} heard;

/* ---- who speaks ---- */

static struct wire *open_taped(const char *lines)
{
    struct buf agent = {0};

    buf_printf(&agent, "record = yes\nrecord_dir = %s\n%s", temp_path("tapes"), lines);
    wire_has_disk();
    struct wire *w = wire_open(agent.data);
    buf_done(&agent);
    (void)snprintf(heard.path, sizeof(heard.path), "%s/test/%s.wav", temp_path("tapes"),
                   session_id(wire_session(w)));
    return w;
}

static char *samples_base64(size_t count, int16_t value)
{
    struct buf text = {0};
    int16_t *samples = malloc(count * sizeof(*samples) + 1);

    for (size_t i = 0; i < count; i++)
        samples[i] = value;
    base64_encode(&text, samples, count * sizeof(*samples));
    free(samples);
    return text.data;
}

static void client_sends(struct wire *w, const char *base64)
{
    struct buf event = {0};

    buf_printf(&event, "{'type':'input_audio_buffer.append','audio':'%s'}", base64);
    wire_client(w, event.data);
    (void)wire_model_gets(w, "input_audio_buffer.append");
    buf_done(&event);
}

/* It takes as long as it lasts. */
static void client_speaks(struct wire *w, int ms, int16_t value)
{
    for (int i = 0; i < ms; i += 20) {
        char *text = samples_base64(20 * 24, value);
        wire_advance_ms(w, 20);
        client_sends(w, text);
        free(text);
    }
}

static void model_begins(struct wire *w, const char *response)
{
    struct buf event = {0};

    buf_printf(&event,
               "{'type':'response.created','event_id':'e','response':{'id':'%s','status':'in_"
               "progress','output':[],'conversation_id':'c'}}",
               response);
    wire_model(w, event.data);
    (void)wire_client_gets(w, "response.created");
    buf_done(&event);
}

static void model_adds(struct wire *w, const char *response, const char *item)
{
    struct buf event = {0};

    buf_printf(&event,
               "{'type':'response.output_item.added','event_id':'e','response_id':'%s','output_"
               "index':0,'item':{'id':'%s','type':'message','role':'assistant','status':'in_"
               "progress','content':[]}}",
               response, item);
    wire_model(w, event.data);
    (void)wire_client_next(w);
    buf_done(&event);
}

static void model_sends(struct wire *w, const char *response, const char *item, const char *base64)
{
    struct buf event = {0};

    buf_printf(&event,
               "{'type':'response.output_audio.delta','event_id':'e','response_id':'%s','item_id':'"
               "%s','output_index':0,'content_index':0,'delta':'%s'}",
               response, item, base64);
    wire_model(w, event.data);
    buf_done(&event);
}

/* At once, in pieces of 100 ms. */
static void model_speaks(struct wire *w, const char *response, const char *item, int ms,
                         int16_t value)
{
    for (int i = 0; i < ms; i += 100) {
        char *text = samples_base64(100 * 24, value);
        model_sends(w, response, item, text);
        (void)wire_client_next(w);
        free(text);
    }
}

static struct wire *answering(const char *lines)
{
    struct wire *w = open_taped(lines);

    model_begins(w, "resp_1");
    model_adds(w, "resp_1", "item_1");
    return w;
}

/* ---- what is in the file ---- */

static uint32_t u32(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void read_tape(void)
{
    static unsigned char bytes[MOST * 4 + 1024];
    FILE *file = fopen(heard.path, "rbe");

    if (file == NULL)
        fail_msg("%s is not there", heard.path);
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    assert_int_equal(u32(bytes + 4) + 8, len);
    heard.frames = 0;
    for (size_t at = 12; at + 8 <= len; at += 8 + u32(bytes + at + 4)) {
        if (memcmp(bytes + at, "data", 4) != 0)
            continue;
        const unsigned char *data = bytes + at + 8;
        heard.frames = u32(bytes + at + 4) / 4;
        for (size_t i = 0; i < heard.frames; i++) {
            heard.left[i] = (int16_t)(data[4 * i] | data[4 * i + 1] << 8);
            heard.right[i] = (int16_t)(data[4 * i + 2] | data[4 * i + 3] << 8);
        }
    }
}

static void end_and_read(struct wire *w)
{
    wire_close(w);
    read_tape();
}

/* Frames from..until hold this, and nothing beside them does. */
static void holds(const int16_t *side, int64_t from, int64_t until, int16_t value)
{
    for (int64_t i = from; i < until; i++) {
        if (side[i] != value)
            fail_msg("frame %lld (%lld ms) is %d, not %d", (long long)i, (long long)(i / 24),
                     side[i], value);
    }
}

static void lies(const int16_t *side, int64_t from, int64_t until, int16_t value)
{
    holds(side, from, until, value);
    if ((from > 0 && side[from - 1] == value) ||
        ((size_t)until < heard.frames && side[until] == value))
        fail_msg("%d lies beyond %lld to %lld, too", value, (long long)from, (long long)until);
}

#define MS(ms) ((int64_t)(ms)*24)

/* ---- the user ---- */

static void what_the_user_says_lies_where_it_was_said(void **state)
{
    struct wire *w = open_taped("");

    (void)state;
    wire_advance_ms(w, 1000);
    client_speaks(w, 300, 500);
    wire_advance_ms(w, 2000);
    client_speaks(w, 1500, -700);
    end_and_read(w);
    lies(heard.left, MS(1000), MS(1300), 500);
    lies(heard.left, MS(3300), MS(4800), -700);
    holds(heard.right, 0, MS(4800), 0);
    assert_int_equal(heard.frames, MS(4800));
}

/* The network stalls, and all of it comes at once. */
static void what_comes_late_in_a_burst_is_put_back_in_its_place(void **state)
{
    struct wire *w = open_taped("");
    char *text = samples_base64(20 * 24, 9);

    (void)state;
    client_speaks(w, 200, 4);
    wire_advance_ms(w, 500);
    for (int i = 0; i < 25; i++) /* 20 ms pieces */
        client_sends(w, text);
    free(text);
    client_speaks(w, 100, 5);
    end_and_read(w);
    lies(heard.left, 0, MS(200), 4);
    lies(heard.left, MS(200), MS(700), 9);
    lies(heard.left, MS(700), MS(800), 5);
}

static void a_whole_utterance_in_one_event_ends_when_it_came(void **state)
{
    struct wire *w = open_taped("");
    char *text = samples_base64(2000 * 24, 77);

    (void)state;
    wire_advance_ms(w, 5000);
    client_sends(w, text);
    free(text);
    end_and_read(w);
    lies(heard.left, MS(3000), MS(5000), 77);
}

static void samples_that_are_cut_apart_stay_whole(void **state)
{
    struct wire *w = open_taped("");
    char *text = NULL;
    unsigned char bytes[960];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i % 2 == 0 ? 0x34 : 0x12;
    wire_advance_ms(w, 1000);
    for (size_t at = 0, n = 1; at < sizeof(bytes); at += n, n = n % 7 + 1) {
        struct buf piece = {0};
        base64_encode(&piece, bytes + at, n < sizeof(bytes) - at ? n : sizeof(bytes) - at);
        text = piece.data;
        client_sends(w, text);
        free(text);
    }
    end_and_read(w);
    assert_int_equal(heard.frames, MS(1000));
    lies(heard.left, MS(1000) - 480, MS(1000), 0x1234);
}

static void a_lone_byte_and_nothing_are_no_audio(void **state)
{
    struct wire *w = open_taped("");

    (void)state;
    client_sends(w, "");
    client_sends(w, "AA==");
    client_speaks(w, 20, 3);
    end_and_read(w);
    assert_int_equal(heard.frames, 480);
}

static void what_is_no_base64_is_silence(void **state)
{
    struct wire *w = open_taped("");
    char *text = samples_base64(480, 6);

    (void)state;
    client_speaks(w, 100, 6);
    text[17] = '!';
    wire_advance_ms(w, 20);
    client_sends(w, text);
    client_speaks(w, 100, 6);
    wire_advance_ms(w, 20);
    text[17] = 'A';
    text[strlen(text) - 1] = '\0'; /* of a length that no base64 has */
    client_sends(w, text);
    free(text);
    end_and_read(w);
    lies(heard.left, 0, MS(100), 6);
    holds(heard.left, MS(100), MS(120), 0);
    lies(heard.left, MS(120), MS(220), 6);
}

/* A plus sign, as .NET writes it, and a slash as some others do. */
static void base64_with_the_escapes_of_json_is_read(void **state)
{
    struct wire *w = open_taped("");
    struct buf text = {0};

    (void)state;
    for (int i = 0; i < 40; i++)
        buf_append_str(&text, "\\/\\u002Bv7"); /* fb fb ef be, whatever it says */
    wire_advance_ms(w, 1000);
    client_sends(w, text.data);
    buf_done(&text);
    end_and_read(w);
    assert_int_equal(heard.frames, MS(1000));
    int16_t first = heard.left[MS(1000) - 60];
    assert_int_equal((unsigned char)(first & 0xff), 0xff);
}

static void telephone_audio_is_recorded_at_24_khz(void **state)
{
    struct wire *w = open_taped("input_format = audio/pcmu\noutput_format = audio/pcma");
    struct buf text = {0};
    unsigned char codes[160];

    (void)state;
    memset(codes, 0x90, sizeof(codes)); /* a constant level, -or +, of u-law */
    base64_encode(&text, codes, sizeof(codes));
    for (int i = 0; i < 50; i++) {
        wire_advance_ms(w, 20);
        client_sends(w, text.data);
    }
    model_begins(w, "resp_1");
    model_adds(w, "resp_1", "item_1");
    for (int i = 0; i < 25; i++) {
        model_sends(w, "resp_1", "item_1", text.data);
        (void)wire_client_next(w);
    }
    wire_advance_ms(w, 2000);
    buf_done(&text);
    end_and_read(w);
    assert_in_range(heard.frames, MS(1500) - 3, MS(1500) + 3);
    int16_t level = heard.left[MS(500)];
    assert_true(level > 5000 || level < -5000);
    for (int64_t i = MS(5); i < MS(995); i++)
        assert_in_range(heard.left[i] - level + 200, 0, 400);
    holds(heard.right, 0, MS(1000) - 30, 0);
    int16_t answer = heard.right[MS(1250)];
    assert_true(answer > 1000 || answer < -1000);
    for (int64_t i = MS(1005); i < MS(1495); i++)
        assert_in_range(heard.right[i] - answer + 200, 0, 400);
}

/* ---- the agent ---- */

static void an_answer_lies_where_it_is_played(void **state)
{
    struct wire *w = open_taped("");

    (void)state;
    client_speaks(w, 1000, 40);
    wire_advance_ms(w, 250);
    model_begins(w, "resp_1");
    model_adds(w, "resp_1", "item_1");
    model_speaks(w, "resp_1", "item_1", 2000, 900); /* faster than it plays */
    wire_advance_ms(w, 100);
    model_speaks(w, "resp_1", "item_1", 1000, 901);
    wire_advance_ms(w, 5000);
    end_and_read(w);
    lies(heard.left, 0, MS(1000), 40);
    lies(heard.right, MS(1250), MS(3250), 900);
    lies(heard.right, MS(3250), MS(4250), 901);
    assert_int_equal(heard.frames, MS(4250));
}

static void a_player_that_ran_dry_is_silent_until_more_comes(void **state)
{
    struct wire *w = answering("");

    (void)state;
    model_speaks(w, "resp_1", "item_1", 200, 70);
    wire_advance_ms(w, 1000);
    model_speaks(w, "resp_1", "item_1", 300, 71);
    wire_advance_ms(w, 320); /* a hiccup that a player's buffer hides */
    model_speaks(w, "resp_1", "item_1", 100, 72);
    wire_advance_ms(w, 5000);
    end_and_read(w);
    lies(heard.right, 0, MS(200), 70);
    lies(heard.right, MS(1000), MS(1300), 71);
    lies(heard.right, MS(1300), MS(1400), 72);
}

static void both_speak_at_once_each_on_its_side(void **state)
{
    struct wire *w = answering("");

    (void)state;
    model_speaks(w, "resp_1", "item_1", 1000, 33);
    wire_advance_ms(w, 400);
    client_speaks(w, 800, 44);
    end_and_read(w);
    lies(heard.right, 0, MS(1000), 33);
    lies(heard.left, MS(400), MS(1200), 44);
}

static void what_the_client_did_not_hear_is_not_there(void **state)
{
    struct wire *w = answering("");

    (void)state;
    model_speaks(w, "resp_1", "item_1", 3000, 50);
    wire_advance_ms(w, 1500);
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':1234}");
    (void)wire_model_gets(w, "conversation.item.truncate");
    model_speaks(w, "resp_1", "item_1", 500, 50); /* it was on its way */
    wire_advance_ms(w, 9000);
    end_and_read(w);
    lies(heard.right, 0, MS(1234), 50);
    assert_int_equal(heard.frames, MS(1234));
}

static void without_a_word_of_the_client_the_clock_cuts(void **state)
{
    struct wire *w = answering("truncation_wait_ms = 1s");

    (void)state;
    model_speaks(w, "resp_1", "item_1", 3000, 50);
    wire_advance_ms(w, 700);
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':100,"
                  "'item_id':'item_u'}");
    wire_advance_ms(w, 1100);
    wire_advance_ms(w, 9000);
    end_and_read(w);
    lies(heard.right, 0, MS(700), 50);
}

static void what_was_queued_behind_it_was_not_heard_either(void **state)
{
    struct wire *w = answering("");

    (void)state;
    model_speaks(w, "resp_1", "item_1", 1000, 50);
    model_adds(w, "resp_1", "item_2");
    model_speaks(w, "resp_1", "item_2", 1000, 51);
    wire_advance_ms(w, 600);
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':600}");
    wire_advance_ms(w, 4000);
    wire_model(w, "{'type':'response.done','event_id':'e','response':{'id':'resp_1','status':'"
                  "cancelled','output':[],'usage':null}}");
    (void)wire_client_gets(w, "response.done");
    model_begins(w, "resp_2");
    model_adds(w, "resp_2", "item_3");
    model_speaks(w, "resp_2", "item_3", 500, 52);
    wire_advance_ms(w, 9000);
    end_and_read(w);
    lies(heard.right, 0, MS(600), 50);
    holds(heard.right, MS(600), MS(4600), 0);
    lies(heard.right, MS(4600), MS(5100), 52);
}

static void model_ends(struct wire *w, const char *response)
{
    struct buf event = {0};

    buf_printf(&event,
               "{'type':'response.done','event_id':'e','response':{'id':'%s','status':'completed','"
               "output':[],'usage':null}}",
               response);
    wire_model(w, event.data);
    wire_client_forget(w);
    buf_done(&event);
}

/* Another model takes over while the first one's speech still plays, and counts its items as that
 * one did. */
static void a_cut_after_the_model_changed_finds_its_item(void **state)
{
    static const char done[] =
        "{'type':'conversation.item.done','event_id':'e','item':{'id':'item_1','type':'message','"
        "role':'assistant','status':'completed','content':[{'type':'output_audio','transcript':'one"
        " two three'}]}}";
    struct wire *w = answering("");

    (void)state;
    model_speaks(w, "resp_1", "item_1", 3000, 50);
    wire_model(w, done);
    model_ends(w, "resp_1");
    wire_advance_ms(w, 500);
    wire_model_closes(w, PARLEY_E_UNAVAILABLE, 1006, "", true);
    wire_model_created(w);
    wire_model(w, "{'type':'session.updated','event_id':'e','session':{}}");
    wire_advance_ms(w, 500);
    wire_client(w, "{'type':'conversation.item.truncate','item_id':'item_1','content_index':0,'"
                   "audio_end_ms':1000}");
    wire_client_forget(w);
    wire_advance_ms(w, 1000);
    model_begins(w, "resp_1");
    model_adds(w, "resp_1", "item_1");
    model_speaks(w, "resp_1", "item_1", 400, 51);
    wire_advance_ms(w, 5000);
    end_and_read(w);
    lies(heard.right, 0, MS(1000), 50);
    holds(heard.right, MS(1000), MS(2000), 0);
    lies(heard.right, MS(2000), MS(2400), 51);
}

static void who_hangs_up_hears_no_more(void **state)
{
    struct wire *w = answering("");

    (void)state;
    model_speaks(w, "resp_1", "item_1", 3000, 50);
    client_speaks(w, 500, 60);
    wire_advance_ms(w, 300);
    wire_client_leaves(w);
    end_and_read(w);
    lies(heard.right, 0, MS(800), 50);
    lies(heard.left, 0, MS(500), 60);
    assert_int_equal(heard.frames, MS(800));
}

static double span_ms(const json_t *turn, const char *name)
{
    return json_number_value(json_object_get(json_object_get(turn, "attrs"), name));
}

/* For exporters, which have no other way to it. */
static void a_turns_span_says_where_it_can_be_heard(void **state)
{
    wire_record(false, "");
    struct wire *w = open_taped("");

    (void)state;
    wire_advance_ms(w, 1000);
    wire_model(w, "{'type':'input_audio_buffer.speech_started','event_id':'e','audio_start_ms':0,'"
                  "item_id':'item_u'}");
    client_speaks(w, 800, 21);
    wire_model(w, "{'type':'input_audio_buffer.speech_stopped','event_id':'e','audio_end_ms':800,'"
                  "item_id':'item_u'}");
    wire_client_forget(w);
    wire_advance_ms(w, 200);
    model_begins(w, "resp_1");
    model_adds(w, "resp_1", "item_1");
    model_speaks(w, "resp_1", "item_1", 1000, 22);
    model_ends(w, "resp_1");
    wire_advance_ms(w, 5000);
    json_t *turn = NULL;
    size_t i;
    json_t *span;
    json_array_foreach(recording_spans(wire_recording(w)), i, span)
    {
        if (json_object_get(json_object_get(span, "attrs"), "parley.recording.file") != NULL)
            turn = span;
    }
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(turn, "attrs"), "parley.recording.file")),
        heard.path);
    assert_in_range(span_ms(turn, "parley.recording.from_ms"), 999, 1001);
    assert_in_range(span_ms(turn, "parley.recording.until_ms"), 2999, 3001);
    end_and_read(w);
    lies(heard.left, MS(1000), MS(1800), 21);
    lies(heard.right, MS(2000), MS(3000), 22);
}

/* ---- sessions ---- */

static void a_session_in_writing_has_no_file(void **state)
{
    struct wire *w = open_taped("");

    (void)state;
    wire_client(w, "{'type':'conversation.item.create','item':{'type':'message','role':'user','"
                   "content':[{'type':'input_text','text':'hi'}]}}");
    wire_close(w);
    assert_int_equal(access(heard.path, F_OK), -1);
}

static void without_record_nothing_is_recorded(void **state)
{
    (void)state;
    wire_has_disk();
    struct wire *w = wire_open("");
    client_speaks(w, 100, 5);
    uint64_t decoded = base64_decode_count();
    client_speaks(w, 100, 5);
    assert_int_equal(base64_decode_count(), decoded);
    wire_close(w);
}

static void recording_decodes_nothing_on_the_worker(void **state)
{
    struct wire *w = answering("");
    uint64_t decoded = base64_decode_count();

    (void)state;
    client_speaks(w, 1000, 5);
    model_speaks(w, "resp_1", "item_1", 1000, 5);
    wire_disk_settles(w);
    assert_int_equal(base64_decode_count(), decoded);
    wire_close(w);
}

static void the_file_plays_while_the_session_goes_on(void **state)
{
    struct wire *w = open_taped("");

    (void)state;
    client_speaks(w, 3000, 8);
    wire_disk_settles(w);
    read_tape(); /* as after kill -9 */
    assert_true(heard.frames >= MS(2000));
    lies(heard.left, 0, (int64_t)heard.frames, 8);
    wire_close(w);
}

/* Its model goes on while it is away; what it missed it hears when it is back. */
static void a_client_that_comes_back_goes_on_in_the_same_file(void **state)
{
    struct buf agent = {0};
    char id[64], token[64];

    (void)state;
    buf_printf(&agent, "resume_ms = 60s\nrecord = yes\nrecord_dir = %s", temp_path("tapes"));
    wire_has_disk();
    wire_resumable();
    struct wire *w = wire_connect(agent.data);
    buf_done(&agent);
    wire_model_created(w);
    (void)wire_model_gets(w, "session.update");
    const json_t *created = wire_client_gets(w, "session.created");
    view_copy(id, sizeof(id), view_of(wire_text(created, "session.id")));
    view_copy(token, sizeof(token), view_of(wire_text(created, "parley.resume_token")));
    (void)snprintf(heard.path, sizeof(heard.path), "%s/test/%s.wav", temp_path("tapes"), id);

    client_speaks(w, 500, 11);
    model_begins(w, "resp_1");
    model_adds(w, "resp_1", "item_1");
    assert_true(wire_client_loses(w));
    wire_advance_ms(w, 500);
    char *text = samples_base64(24 * 200, 13);
    model_sends(w, "resp_1", "item_1", text);
    model_sends(w, "resp_1", "item_1", text);
    free(text);
    wire_advance_ms(w, 2000);
    const struct session_resume by = {
        .id = id, .token = token, .user = "tester", .agent = "", .last_event_id = ""};
    assert_int_equal(wire_client_resumes(w, &by), SESSION_RESUMED);
    wire_advance_ms(w, 1000);
    client_speaks(w, 200, 12);
    end_and_read(w);
    lies(heard.left, 0, MS(500), 11);
    lies(heard.left, MS(4000), MS(4200), 12);
    lies(heard.right, MS(3000), MS(3400), 13);
    assert_int_equal(heard.frames, MS(4200));
}

/* ---- the disk ---- */

static void a_disk_that_hangs_costs_the_recording_and_nothing_else(void **state)
{
    wire_record(false, "");
    struct wire *w = open_taped("");
    char *text = samples_base64(1000 * 24, 12);

    (void)state;
    wire_disk_hangs(w, true);
    for (int i = 0; i < 100; i++) { /* 64 KB each; 4 MB is all that waits */
        wire_advance_ms(w, 1000);
        client_sends(w, text);
    }
    double lost = recording_value(wire_recording(w), "parley.recording.lost", "parley.drop_reason",
                                  "overflow");
    assert_true(lost > 20 && lost < 60);
    wire_disk_hangs(w, false);
    wire_disk_settles(w);
    for (int i = 0; i < 3; i++) {
        wire_advance_ms(w, 1000);
        client_sends(w, text);
    }
    free(text);
    wire_close(w);
}

/* The session ends all the same, and what hangs comes back to nobody. */
static void a_disk_that_never_comes_back_does_not_keep_the_session(void **state)
{
    struct wire *w = open_taped("");

    (void)state;
    wire_disk_hangs(w, true);
    client_speaks(w, 2000, 5);
    wire_client_leaves(w);
    wire_advance_ms(w, 9000);
    assert_int_equal(worker_sessions_count(wire_sessions(w)), 1);
    wire_advance_ms(w, 2000);
    assert_int_equal(worker_sessions_count(wire_sessions(w)), 0);
    wire_disk_hangs(w, false);
    wire_close(w);
}

static void what_a_disk_that_never_comes_back_has_not_got_is_counted_as_lost(void **state)
{
    wire_record(false, "");
    struct wire *w = open_taped("");

    (void)state;
    wire_disk_hangs(w, true);
    client_speaks(w, 2000, 5);
    wire_client_leaves(w);
    wire_advance_ms(w, 11000);
    assert_int_equal(worker_sessions_count(wire_sessions(w)), 0);
    double lost =
        recording_value(wire_recording(w), "parley.recording.lost", "parley.drop_reason", "error");
    assert_true(lost > 1.9 && lost < 2.1);
    wire_disk_hangs(w, false);
    wire_close(w);
}

/* The store is asked again when the file is done already. */
static void the_end_is_kept_though_the_store_is_slower_than_the_disk(void **state)
{
    struct wire *w = open_taped("");

    (void)state;
    client_speaks(w, 1000, 5);
    assert_string_equal(wire_stored(w), "create test\n");
    wire_store_answers(w, PARLEY_E_BUSY, 0);
    wire_client_leaves(w);
    wire_disk_settles(w);
    wire_store_answers(w, PARLEY_OK, 0);
    wire_advance_ms(w, 2000);
    assert_string_equal(wire_stored(w), "create test\nupdate state=1\n");
    assert_int_equal(worker_sessions_count(wire_sessions(w)), 0);
    wire_close(w);
}

static void a_folder_that_went_away_costs_the_recording_and_nothing_else(void **state)
{
    wire_record(false, "");
    struct wire *w = open_taped("");

    (void)state;
    temp_write("in_the_way", "", 0600);
    assert_int_equal(rename(temp_path("tapes"), temp_path("tapes.old")), 0);
    assert_int_equal(rename(temp_path("in_the_way"), temp_path("tapes")), 0);
    client_speaks(w, 1000, 5);
    wire_disk_settles(w);
    client_speaks(w, 1000, 5);
    wire_disk_settles(w);
    assert_true(recording_value(wire_recording(w), "parley.recording.lost", "parley.drop_reason",
                                "error") > 1.5);
    wire_close(w);
    assert_int_equal(remove(temp_path("tapes")), 0);
    assert_int_equal(rename(temp_path("tapes.old"), temp_path("tapes")), 0);
}

static void a_recording_is_no_longer_than_it_may_be(void **state)
{
    wire_record(false, "");
    struct wire *w = open_taped("record_max_bytes = 96k");

    (void)state;
    client_speaks(w, 2000, 5);
    assert_true(recording_value(wire_recording(w), "parley.recording.lost", "parley.drop_reason",
                                "limit") > 0.9);
    end_and_read(w);
    assert_true(heard.frames * 4 <= 96 * 1024);
    assert_true(heard.frames * 4 > 90 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_user_says_lies_where_it_was_said),
        cmocka_unit_test(what_comes_late_in_a_burst_is_put_back_in_its_place),
        cmocka_unit_test(a_whole_utterance_in_one_event_ends_when_it_came),
        cmocka_unit_test(samples_that_are_cut_apart_stay_whole),
        cmocka_unit_test(a_lone_byte_and_nothing_are_no_audio),
        cmocka_unit_test(what_is_no_base64_is_silence),
        cmocka_unit_test(base64_with_the_escapes_of_json_is_read),
        cmocka_unit_test(telephone_audio_is_recorded_at_24_khz),
        cmocka_unit_test(an_answer_lies_where_it_is_played),
        cmocka_unit_test(a_player_that_ran_dry_is_silent_until_more_comes),
        cmocka_unit_test(both_speak_at_once_each_on_its_side),
        cmocka_unit_test(what_the_client_did_not_hear_is_not_there),
        cmocka_unit_test(without_a_word_of_the_client_the_clock_cuts),
        cmocka_unit_test(what_was_queued_behind_it_was_not_heard_either),
        cmocka_unit_test(a_cut_after_the_model_changed_finds_its_item),
        cmocka_unit_test(who_hangs_up_hears_no_more),
        cmocka_unit_test(a_turns_span_says_where_it_can_be_heard),
        cmocka_unit_test(a_session_in_writing_has_no_file),
        cmocka_unit_test(without_record_nothing_is_recorded),
        cmocka_unit_test(recording_decodes_nothing_on_the_worker),
        cmocka_unit_test(the_file_plays_while_the_session_goes_on),
        cmocka_unit_test(a_client_that_comes_back_goes_on_in_the_same_file),
        cmocka_unit_test(a_disk_that_hangs_costs_the_recording_and_nothing_else),
        cmocka_unit_test(a_disk_that_never_comes_back_does_not_keep_the_session),
        cmocka_unit_test(what_a_disk_that_never_comes_back_has_not_got_is_counted_as_lost),
        cmocka_unit_test(the_end_is_kept_though_the_store_is_slower_than_the_disk),
        cmocka_unit_test(a_folder_that_went_away_costs_the_recording_and_nothing_else),
        cmocka_unit_test(a_recording_is_no_longer_than_it_may_be),
    };
    return cmocka_run_group_tests(tests, temp_dir_make, temp_dir_remove);
}
