/* SPDX-License-Identifier: Apache-2.0 */
/* Spoken turns: ears, voice, interruption, pacing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define CREATE "{\"type\":\"response.create\"}"

static int open_both(void **state)
{
    static struct rig r;

    rig_open(&r, RIG_BOTH);
    *state = &r;
    return 0;
}

static int close_rig(void **state)
{
    rig_close(*state);
    return 0;
}

static void set_input(struct rig *r, const char *members)
{
    char body[512];

    snprintf(body, sizeof(body), "{\"type\":\"realtime\",\"audio\":{\"input\":{%s}}}", members);
    rig_update(r, body);
}

/* The usual settings of these tests: 500 ms of silence, transcripts shown. */
static void usual(struct rig *r)
{
    set_input(r, "\"transcription\":{\"model\":\"whisper-1\"},\"turn_detection\":{\"type\":"
                 "\"server_vad\",\"silence_duration_ms\":500}");
}

/* A whole user turn whose words come in the pause. */
static void user_says(struct rig *r, const char *words)
{
    rig_voice(r, 1000);
    rig_quiet(r, 400);
    while (fake_waiting(false) > 0)
        fake_hear(words);
    rig_quiet(r, 400);
    while (fake_waiting(false) > 0)
        fake_hear(words);
    rig_run(r);
}

/* The model answers so and ends; each sentence is made at 50 ms a character. */
static void model_says(struct rig *r, const char *text)
{
    fake_text(0, text);
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    while (fake_waiting(true) > 0) {
        fake_speak((int)strlen(fake_oldest(true)->text) * 50);
        rig_run(r);
    }
}

/* ---- the order of events --------------------------------------------------------------------- */

static void a_spoken_turn_has_the_order_of_the_protocol(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_quiet(r, 500);
    EXPECT_NONE(r);
    user_says(r, "What is two plus three?");
    EXPECT(r, "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
           "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
           "conversation.item.input_audio_transcription.delta",
           "conversation.item.input_audio_transcription.completed", "response.created");

    const char *id = rig_text(rig_last(r, "input_audio_buffer.speech_started"), "item_id");
    assert_string_equal(rig_text(rig_last(r, "input_audio_buffer.speech_stopped"), "item_id"), id);
    assert_string_equal(rig_text(rig_last(r, "input_audio_buffer.committed"), "item_id"), id);
    json_t *item = rig_last(r, "conversation.item.done");
    assert_string_equal(rig_text(item, "item.id"), id);
    assert_true(json_is_null(rig_member(item, "item.content.0.transcript")));
    json_t *transcript = rig_last(r, "conversation.item.input_audio_transcription.completed");
    assert_string_equal(rig_text(transcript, "transcript"), "What is two plus three?");
    assert_string_equal(rig_text(transcript, "usage.type"), "duration");
    assert_non_null(strstr(fakes.items, "What is two plus three?"));

    model_says(r, "It is five.");
    rig_wait(r, 2000);
    EXPECT(r, "response.output_item.added", "conversation.item.added",
           "response.content_part.added", "response.output_audio_transcript.delta",
           "response.output_audio.delta", "response.output_audio.done",
           "response.output_audio_transcript.done", "response.content_part.done",
           "conversation.item.done", "response.output_item.done", "response.done");
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.output.0.content.0.transcript"), "It is five.");
    assert_string_equal(rig_text(done, "response.output.0.content.0.type"), "output_audio");
    assert_string_equal(rig_text(rig_last(r, "response.content_part.added"), "part.type"), "audio");
    assert_int_equal(rig_audio_ms(r), 11 * 50 / 20 * 20 + 20);
}

static void positions_count_all_audio(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_quiet(r, 2000);
    user_says(r, "Hello");
    long long start =
        rig_number(rig_last(r, "input_audio_buffer.speech_started"), "audio_start_ms");
    long long end = rig_number(rig_last(r, "input_audio_buffer.speech_stopped"), "audio_end_ms");
    assert_true(start >= 1600 && start <= 2000); /* less 300 of padding */
    assert_true(end >= 3300 && end <= 3800);     /* and 500 of silence */
}

static void without_transcription_the_model_still_hears(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":{\"type\":\"server_vad\",\"silence_duration_ms\":500}");
    user_says(r, "Hello");
    EXPECT(r, "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
           "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
           "response.created");
    assert_non_null(strstr(fakes.items, "Hello"));
}

static void the_client_commits_when_turn_detection_is_off(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":null,\"transcription\":{\"model\":\"whisper-1\"}");
    rig_voice(r, 1000);
    EXPECT_NONE(r);
    rig_send(r, "{\"type\":\"input_audio_buffer.commit\"}");
    rig_run(r);
    EXPECT(r, "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done");
    rig_send(r, CREATE);
    rig_run(r);
    EXPECT(r, "response.created");
    assert_int_equal(fakes.generations, 0);
    fake_hear("Good day");
    rig_run(r);
    EXPECT(r, "conversation.item.input_audio_transcription.delta",
           "conversation.item.input_audio_transcription.completed");
    assert_int_equal(fakes.generations, 1);
    assert_non_null(strstr(fakes.items, "Good day"));
}

static void a_commit_of_next_to_nothing_is_an_error(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":null");
    rig_voice(r, 60);
    rig_send(r, "{\"type\":\"input_audio_buffer.commit\",\"event_id\":\"c\"}");
    rig_run(r);
    EXPECT(r, "error");
    assert_string_equal(rig_text(rig_last(r, "error"), "error.code"),
                        "input_audio_buffer_commit_empty");
    assert_string_equal(rig_text(rig_last(r, "error"), "error.event_id"), "c");
}

static void a_cleared_buffer_is_empty(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":null");
    rig_voice(r, 1000);
    rig_send(r, "{\"type\":\"input_audio_buffer.clear\"}");
    rig_send(r, "{\"type\":\"input_audio_buffer.commit\"}");
    rig_run(r);
    EXPECT(r, "input_audio_buffer.cleared", "error");
}

static void semantic_vad_waits_by_eagerness(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"high\"}");
    rig_voice(r, 1000);
    rig_quiet(r, 450);
    assert_int_equal(rig_count(r, "input_audio_buffer.speech_stopped"), 1);
    set_input(r, "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"low\"}");
    rig_voice(r, 1000);
    rig_quiet(r, 1000);
    assert_int_equal(rig_count(r, "input_audio_buffer.speech_stopped"), 1);
    rig_quiet(r, 500);
    assert_int_equal(rig_count(r, "input_audio_buffer.speech_stopped"), 2);
}

static void semantic_vad_waits_for_more_after_an_open_word(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"high\"}");
    rig_voice(r, 1000);
    rig_quiet(r, 260);
    fake_hear("Add two and");
    rig_quiet(r, 400);
    assert_int_equal(rig_count(r, "input_audio_buffer.speech_stopped"), 0);
    rig_voice(r, 500);
    rig_quiet(r, 260);
    fake_hear("Add two and three.");
    rig_quiet(r, 200);
    assert_int_equal(rig_count(r, "input_audio_buffer.speech_stopped"), 1);
    assert_non_null(strstr(fakes.items, "Add two and three."));
}

static void create_response_false_leaves_it_to_the_client(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":{\"type\":\"server_vad\",\"silence_duration_ms\":500,"
                 "\"create_response\":false}");
    user_says(r, "Hello");
    assert_int_equal(rig_count(r, "response.created"), 0);
    rig_send(r, CREATE);
    assert_int_equal(fakes.generations, 1);
}

/* ---- hearing --------------------------------------------------------------------------------- */

static void words_are_looked_up_in_the_pause(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_voice(r, 1000);
    assert_int_equal(fakes.job_count, 0);
    rig_quiet(r, 300);
    assert_int_equal(fake_waiting(false), 1);
    fake_hear("Yes");
    rig_run(r);
    assert_int_equal(rig_count(r, "input_audio_buffer.speech_stopped"), 0);
    assert_int_equal(fakes.generations, 0);
    rig_quiet(r, 400);
    assert_int_equal(fakes.generations, 1);
    assert_int_equal(fakes.job_count, 1);
}

static void speech_that_goes_on_drops_the_guess(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_voice(r, 1000);
    rig_quiet(r, 300);
    struct speech_job *guess = fake_oldest(false);
    assert_non_null(guess);
    rig_voice(r, 500);
    assert_true(guess->is_abandoned);
    rig_quiet(r, 700);
    assert_int_equal(fake_waiting(false), 1);
    assert_true(fake_oldest(false)->sample_count > guess->sample_count + 16 * 700);
    fake_hear("All of it");
    rig_run(r);
    assert_int_equal(rig_count(r, "conversation.item.input_audio_transcription.completed"), 1);
    assert_non_null(strstr(fakes.items, "All of it"));
}

static void a_slow_lookup_is_waited_for(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_voice(r, 1000);
    rig_quiet(r, 800);
    assert_int_equal(rig_count(r, "input_audio_buffer.committed"), 1);
    assert_int_equal(rig_count(r, "response.created"), 0);
    assert_int_equal(fakes.job_count, 1);
    fake_hear("Late");
    rig_run(r);
    assert_int_equal(rig_count(r, "response.created"), 1);
    assert_non_null(strstr(fakes.items, "Late"));
}

static void a_noise_without_words_gets_no_answer(void **state)
{
    struct rig *r = *state;

    usual(r);
    user_says(r, "  ");
    assert_int_equal(rig_count(r, "conversation.item.input_audio_transcription.completed"), 1);
    assert_int_equal(rig_count(r, "response.created"), 0);
}

static void speech_before_the_words_are_known_puts_the_answer_off(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_voice(r, 1000);
    rig_quiet(r, 700);
    rig_voice(r, 600);
    fake_hear("First");
    rig_run(r);
    assert_int_equal(rig_count(r, "response.created"), 0);
    rig_quiet(r, 700);
    fake_hear("second");
    rig_run(r);
    assert_int_equal(rig_count(r, "response.created"), 1);
    assert_non_null(strstr(fakes.items, "First"));
    assert_non_null(strstr(fakes.items, "second"));
}

static void ears_that_fail_say_so(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_voice(r, 1000);
    rig_quiet(r, 700);
    fake_hear(NULL);
    rig_run(r);
    json_t *failed = rig_last(r, "conversation.item.input_audio_transcription.failed");
    assert_non_null(strstr(rig_text(failed, "error.message"), "recogniser broke"));
    assert_int_equal(rig_count(r, "response.created"), 0);
    assert_int_equal(rig_count(r, "error"), 1);
    user_says(r, "Again");
    assert_int_equal(rig_count(r, "response.created"), 1);
}

static void a_full_pool_fails_the_words_and_not_the_session(void **state)
{
    struct rig *r = *state;

    usual(r);
    fakes.refuse_speech = PARLEY_E_BUSY;
    rig_voice(r, 1000);
    rig_quiet(r, 700);
    assert_int_equal(rig_count(r, "conversation.item.input_audio_transcription.failed"), 1);
    fakes.refuse_speech = 0;
    user_says(r, "Again");
    assert_int_equal(rig_count(r, "response.created"), 1);
}

static void long_speech_is_committed_in_parts(void **state)
{
    struct rig *r = *state;

    usual(r);
    for (int i = 0; i < 32; i++)
        rig_voice(r, 1000);
    assert_int_equal(rig_count(r, "input_audio_buffer.committed"), 1);
    assert_true(fakes.jobs[fakes.job_count - 1]->sample_count <= 31 * 16000);
    rig_quiet(r, 700);
    assert_int_equal(rig_count(r, "input_audio_buffer.committed"), 2);
}

static void a_long_append_is_read_in_steps_and_keeps_its_order(void **state)
{
    struct rig *r = *state;
    _cleanup_(buf_done) struct buf event = {0}, silence = {0};

    set_input(r, "\"turn_detection\":null");
    assert_true(buf_reserve(&silence, 10 * 48000));
    memset(silence.data, 0, 10 * 48000);
    buf_append_str(&event, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    base64_encode(&event, silence.data, 10 * 48000);
    buf_append_str(&event, "\"}");
    assert_int_equal(rig_send(r, event.data), PARLEY_OK);
    assert_int_equal(rig_send(r, "{\"type\":\"input_audio_buffer.commit\"}"), PARLEY_E_BUSY);
    rig_run(r);
    assert_int_equal(r->writables, 1);
    assert_int_equal(rig_send(r, "{\"type\":\"input_audio_buffer.commit\"}"), PARLEY_OK);
    rig_run(r);
    assert_int_equal(rig_count(r, "input_audio_buffer.committed"), 1);
    assert_true(fake_oldest(false)->sample_count > 9 * 16000);
}

static void a_buffer_that_nobody_commits_has_an_end(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":null");
    for (int i = 0; i < 62; i++)
        rig_quiet(r, 1000);
    EXPECT(r, "error");
    assert_int_equal(rig_count(r, "error"), 1);
}

static void bad_audio_is_answered(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"!!\",\"event_id\":\"a\"}");
    rig_send(r, "{\"type\":\"input_audio_buffer.append\"}");
    rig_run(r);
    assert_int_equal(rig_count(r, "error"), 2);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.param"), "audio");
}

static void escaped_slashes_in_audio_are_read(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"AA\\/\\/\"}");
    rig_run(r);
    EXPECT_NONE(r);
}

static void telephone_audio_is_heard(void **state)
{
    struct rig *r = *state;
    _cleanup_(buf_done) struct buf event = {0};
    char codes[8000];

    set_input(r, "\"format\":{\"type\":\"audio/pcmu\"},\"turn_detection\":null");
    memset(codes, 0x7f, sizeof(codes));
    buf_append_str(&event, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    base64_encode(&event, codes, sizeof(codes));
    buf_append_str(&event, "\"}");
    rig_send(r, event.data);
    rig_send(r, "{\"type\":\"input_audio_buffer.commit\"}");
    rig_run(r);
    assert_true(fake_oldest(false)->sample_count > 15900);
    assert_true(fake_oldest(false)->sample_count < 16100);
}

static void an_item_with_audio_is_understood(void **state)
{
    struct rig *r = *state;
    _cleanup_(buf_done) struct buf event = {0}, silence = {0};

    assert_true(buf_reserve(&silence, 48000));
    memset(silence.data, 1, 48000);
    buf_append_str(&event, "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\","
                           "\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"audio\":\"");
    base64_encode(&event, silence.data, 48000);
    buf_append_str(&event, "\"}]}}");
    rig_send(r, event.data);
    rig_send(r, CREATE);
    rig_run(r);
    json_t *done = rig_last(r, "conversation.item.done");
    assert_true(json_is_null(rig_member(done, "item.content.0.transcript")));
    assert_null(rig_member(done, "item.content.0.audio"));
    assert_int_equal(fakes.generations, 0);
    fake_hear("Sent words");
    assert_int_equal(fakes.generations, 1);
    assert_non_null(strstr(fakes.items, "Sent words"));
}

/* ---- speaking -------------------------------------------------------------------------------- */

static void speech_begins_with_the_first_sentence(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "First one. And the");
    assert_int_equal(fake_waiting(true), 1);
    assert_string_equal(fake_oldest(true)->text, "First one.");
    rig_run(r);
    assert_int_equal(rig_count(r, "response.output_item.added"), 0);
    fake_speak(300);
    rig_run(r);
    json_t *said = rig_last(r, "response.output_audio_transcript.delta");
    assert_string_equal(rig_text(said, "delta"), "First one. ");
    assert_int_equal(rig_audio_ms(r), 300);
    fake_text(0, " second.");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    assert_string_equal(fake_oldest(true)->text, "And the second.");
    fake_speak(200);
    rig_wait(r, 1000);
    assert_string_equal(
        rig_text(rig_last(r, "response.output_audio_transcript.done"), "transcript"),
        "First one. And the second.");
}

static void the_first_delta_is_small(void **state)
{
    struct rig *r = *state;
    json_t *first = NULL;

    rig_send(r, CREATE);
    model_says(r, "A sentence of some length.");
    for (size_t i = 0; i < r->event_count && first == NULL; i++) {
        if (strcmp(rig_text(r->events[i], "type"), "response.output_audio.delta") == 0)
            first = r->events[i];
    }
    assert_non_null(first);
    assert_int_equal(base64_decoded_len(view_of(rig_text(first, "delta"))), 40 * 48);
}

static void speech_runs_only_a_little_ahead(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "A very long sentence.");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    fake_speak(10000);
    rig_run(r);
    assert_true(rig_audio_ms(r) >= 1300 && rig_audio_ms(r) <= 1500);
    rig_wait(r, 1000);
    assert_true(rig_audio_ms(r) >= 2300 && rig_audio_ms(r) <= 2500);
    assert_int_equal(rig_count(r, "response.done"), 0);
    rig_wait(r, 9000);
    assert_int_equal(rig_audio_ms(r), 10000);
    assert_int_equal(rig_count(r, "response.done"), 1);
}

static void the_voice_does_not_run_far_ahead(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "Sentence one. Sentence two. Sentence three. ");
    fake_speak(9000);
    fake_speak(9000);
    assert_int_equal(fake_waiting(true), 0);
    rig_wait(r, 10000);
    assert_int_equal(fake_waiting(true), 1);
}

static void a_voice_of_the_instance_is_used_by_name(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"audio\":{\"output\":{\"voice\":"
                "\"kal16\"}}}}");
    fake_text(0, "Hi. ");
    assert_string_equal(fake_oldest(true)->voice, "kal16");
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "response.created"), "response.audio.output.voice"),
                        "kal16");
}

static void another_voice_becomes_the_default(void **state)
{
    struct rig *r = *state;

    rig_update(r, "{\"type\":\"realtime\",\"audio\":{\"output\":{\"voice\":\"marin\"}}}");
    rig_send(r, CREATE);
    fake_text(0, "Hi. ");
    assert_string_equal(fake_oldest(true)->voice, "");
}

static void telephone_speech_is_8_bytes_a_millisecond(void **state)
{
    struct rig *r = *state;

    rig_update(r, "{\"type\":\"realtime\",\"audio\":{\"output\":{\"format\":{\"type\":"
                  "\"audio/pcma\"}}}}");
    rig_send(r, CREATE);
    fake_text(0, "Hi. ");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    fake_speak(480);
    rig_wait(r, 1000);
    assert_int_equal(rig_audio_ms(r), 480 * 8 / 48);
}

static void text_can_be_asked_for(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"output_modalities\":[\"text\"]}}");
    fake_text(0, "Hi.");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    rig_run(r);
    assert_int_equal(rig_count(r, "response.output_text.done"), 1);
    assert_int_equal(fakes.job_count, 0);
}

static void a_call_starts_while_the_filler_is_spoken(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "Let me see. ");
    fake_call(0, "add", "{}");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    fake_speak(3000);
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "response.output_item.done"), "item.type"),
                        "function_call");
    assert_int_equal(rig_count(r, "response.done"), 0);
    rig_wait(r, 3000);
    json_t *done = rig_last(r, "response.done");
    assert_int_equal(json_array_size(rig_member(done, "response.output")), 2);
}

static void given_words_are_spoken_as_they_are(void **state)
{
    struct rig *r = *state;

    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"metadata\":{"
                "\"parley_filler\":\"One moment. It is on its way.\"}}}");
    rig_run(r);
    assert_int_equal(fakes.generations, 0);
    while (fake_waiting(true) > 0) {
        fake_speak(1000);
        rig_run(r);
    }
    rig_wait(r, 2500);
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "completed");
    assert_string_equal(rig_text(done, "response.output.0.content.0.transcript"),
                        "One moment. It is on its way.");
    assert_int_equal(rig_audio_ms(r), 2000);
}

static void given_words_that_cannot_be_spoken_fail_the_response(void **state)
{
    struct rig *r = *state;

    fakes.refuse_speech = PARLEY_E_BUSY;
    rig_send(r, "{\"type\":\"response.create\",\"response\":{\"metadata\":{"
                "\"parley_filler\":\"One moment.\"}}}");
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "response.done"), "response.status"), "failed");
}

static void a_voice_that_fails_fails_the_response(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "Hello. ");
    fake_speak(-1);
    rig_run(r);
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "failed");
    assert_non_null(
        strstr(rig_text(done, "response.status_details.error.message"), "synthesiser broke"));
    assert_int_equal(fakes.cancels, 1);
}

static void an_answer_without_words_is_only_shown(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    model_says(r, "\n---\n");
    rig_run(r);
    assert_int_equal(fakes.job_count, 0);
    assert_string_equal(rig_text(rig_last(r, "response.done"), "response.status"), "completed");
}

static void a_paused_host_stops_the_speech(void **state)
{
    struct rig *r = *state;

    rig_send(r, CREATE);
    fake_text(0, "Long. ");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    r->vtable->pause(r->session, 1);
    fake_speak(5000);
    rig_wait(r, 3000);
    assert_int_equal(rig_audio_ms(r), 0);
    r->vtable->pause(r->session, 0);
    rig_wait(r, 8000);
    assert_int_equal(rig_audio_ms(r), 5000);
}

/* ---- interruption ---------------------------------------------------------------------------- */

/* An answer of three sentences of 2 s each is being spoken. */
static void start_answer(struct rig *r)
{
    usual(r);
    rig_quiet(r, 500);
    rig_send(r, CREATE);
    fake_text(0, "One two three four. Five six seven eight. Nine ten eleven twelve.");
    fake_end(0, PARLEY_OK, PARLEY_CHAT_COMPLETED);
    for (int i = 0; i < 3; i++) {
        fake_speak(2000);
        rig_run(r);
    }
    rig_quiet(r, 1000);
    rig_skip(r);
}

static void speech_of_the_user_interrupts(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    rig_voice(r, 400);
    size_t at = r->checked;
    while (strcmp(rig_text(r->events[at], "type"), "response.output_audio.delta") == 0)
        at++;
    r->checked = at;
    EXPECT(r, "input_audio_buffer.speech_started", "response.output_audio.done",
           "response.output_audio_transcript.done", "response.content_part.done",
           "conversation.item.done", "response.output_item.done", "response.done");
    json_t *done = rig_last(r, "response.done");
    assert_string_equal(rig_text(done, "response.status"), "cancelled");
    assert_string_equal(rig_text(done, "response.status_details.reason"), "turn_detected");
    assert_string_equal(rig_text(done, "response.output.0.status"), "incomplete");
    rig_wait(r, 3000);
    EXPECT_NONE(r);
}

static void a_short_noise_does_not_interrupt(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    rig_voice(r, 20);
    rig_quiet(r, 500);
    assert_int_equal(rig_count(r, "input_audio_buffer.speech_started"), 0);
}

static void interrupt_response_false_lets_the_answer_go_on(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    set_input(r, "\"turn_detection\":{\"type\":\"server_vad\",\"silence_duration_ms\":500,"
                 "\"interrupt_response\":false}");
    rig_voice(r, 600);
    rig_quiet(r, 700);
    fake_hear("And then?");
    rig_run(r);
    assert_int_equal(rig_count(r, "input_audio_buffer.committed"), 1);
    assert_int_equal(rig_count(r, "response.done"), 0);
    rig_wait(r, 6000);
    assert_string_equal(rig_text(r->events[0], "type"), "session.updated");
    assert_int_equal(rig_count(r, "response.done"), 1);
    assert_int_equal(rig_count(r, "response.created"), 2);
}

static void truncate(struct rig *r, int ms, const char *more)
{
    char event[256];

    snprintf(event, sizeof(event),
             "{\"type\":\"conversation.item.truncate\",\"item_id\":\"%s\",\"content_index\":0,"
             "\"audio_end_ms\":%d%s}",
             rig_text(rig_last(r, "response.output_item.added"), "item.id"), ms, more);
    rig_send(r, event);
    rig_run(r);
}

static void the_model_knows_what_was_heard(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    rig_voice(r, 400);
    rig_skip(r);
    truncate(r, 1300, "");
    EXPECT(r, "conversation.item.truncated");
    assert_int_equal(rig_number(rig_last(r, "conversation.item.truncated"), "audio_end_ms"), 1300);
    rig_send(r, CREATE);
    assert_non_null(strstr(fakes.items, "\"One two three\""));
    assert_null(strstr(fakes.items, "four"));
}

static void without_a_word_of_the_client_the_clock_says_what_was_heard(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    rig_voice(r, 400);
    rig_send(r, CREATE);
    assert_non_null(strstr(fakes.items, "One two"));
    assert_null(strstr(fakes.items, "Five"));
    assert_string_equal(
        rig_text(rig_last(r, "response.done"), "response.output.0.content.0.transcript"),
        "One two three four. Five six seven eight. ");
}

static void what_was_not_heard_at_all_is_not_shown(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    rig_voice(r, 400);
    truncate(r, 0, "");
    rig_send(r, CREATE);
    assert_null(strstr(fakes.items, "One"));
}

static void a_truncated_item_has_no_transcript_and_less_audio(void **state)
{
    struct rig *r = *state;
    char event[256];

    start_answer(r);
    rig_voice(r, 400);
    truncate(r, 1000, "");
    snprintf(event, sizeof(event), "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"%s\"}",
             rig_text(rig_last(r, "response.output_item.added"), "item.id"));
    rig_send(r, event);
    rig_run(r);
    json_t *item = rig_last(r, "conversation.item.retrieved");
    assert_string_equal(rig_text(item, "item.content.0.transcript"), "");
    size_t bytes = base64_decoded_len(view_of(rig_text(item, "item.content.0.audio")));
    assert_true(bytes > 47000 && bytes < 49000);
}

static void truncation_beyond_what_was_produced_is_an_error(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    truncate(r, 60000, ",\"event_id\":\"t\"");
    json_t *error = rig_last(r, "error");
    assert_string_equal(rig_text(error, "error.code"), "invalid_value");
    assert_string_equal(rig_text(error, "error.event_id"), "t");
    assert_non_null(strstr(rig_text(error, "error.message"), "is already shorter than 60000ms"));
}

static void truncating_what_is_being_said_ends_it(void **state)
{
    struct rig *r = *state;

    start_answer(r);
    truncate(r, 500, "");
    assert_string_equal(rig_text(rig_last(r, "response.done"), "response.status"), "cancelled");
    assert_string_equal(rig_text(r->events[r->event_count - 1], "type"),
                        "conversation.item.truncated");
}

static void only_spoken_items_can_be_truncated(void **state)
{
    struct rig *r = *state;

    usual(r);
    user_says(r, "Hello");
    char event[256];
    snprintf(event, sizeof(event),
             "{\"type\":\"conversation.item.truncate\",\"item_id\":\"%s\",\"content_index\":0,"
             "\"audio_end_ms\":1}",
             rig_text(rig_last(r, "input_audio_buffer.committed"), "item_id"));
    rig_send(r, event);
    rig_run(r);
    assert_string_equal(rig_text(rig_last(r, "error"), "error.code"), "invalid_value");
}

static void the_users_audio_is_shown_when_asked_for(void **state)
{
    struct rig *r = *state;
    char event[256];

    usual(r);
    user_says(r, "Hello");
    snprintf(event, sizeof(event), "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"%s\"}",
             rig_text(rig_last(r, "input_audio_buffer.committed"), "item_id"));
    rig_send(r, event);
    rig_run(r);
    json_t *item = rig_last(r, "conversation.item.retrieved");
    assert_string_equal(rig_text(item, "item.content.0.transcript"), "Hello");
    size_t bytes = base64_decoded_len(view_of(rig_text(item, "item.content.0.audio")));
    assert_true(bytes > 1300 * 48 && bytes < 2000 * 48);
}

/* ---- idle, load, the end --------------------------------------------------------------------- */

static void a_silent_user_is_spoken_to(void **state)
{
    struct rig *r = *state;

    set_input(r, "\"turn_detection\":{\"type\":\"server_vad\",\"silence_duration_ms\":500,"
                 "\"idle_timeout_ms\":6000}");
    rig_send(r, CREATE);
    model_says(r, "Hello.");
    rig_wait(r, 5500);
    assert_int_equal(rig_count(r, "input_audio_buffer.timeout_triggered"), 0);
    rig_skip(r);
    rig_wait(r, 1500);
    EXPECT(r, "input_audio_buffer.timeout_triggered", "input_audio_buffer.committed",
           "conversation.item.added", "conversation.item.done", "response.created");
    assert_int_equal(fakes.generations, 2);
}

static void speech_work_that_waits_too_long_refuses_new_sessions(void **state)
{
    struct rig *r = *state;
    struct parley_error err = PARLEY_ERROR_INIT;
    const struct parley_model_open open = {.size = sizeof(open)};
    void *session = NULL;

    fakes.oldest_wait_us = 600000;
    assert_int_equal(r->vtable->open(cascade_model(r->cascade)->ctx, &open, &session, &err),
                     PARLEY_E_BUSY);
    assert_non_null(strstr(err.message, "overloaded"));
    assert_true(err.retry_after_ms > 0);
    assert_null(session);
}

static void a_session_may_end_while_jobs_run(void **state)
{
    struct rig *r = *state;

    usual(r);
    rig_voice(r, 1000);
    rig_quiet(r, 300);
    rig_send(r, CREATE);
    rig_run(r);
    fake_text(0, "Hello. More.");
    assert_int_equal(fake_waiting(false) + fake_waiting(true), 2);
    r->vtable->close(r->session);
    rig_run(r);
    assert_int_equal(r->closes, 1);
    assert_int_equal(fake_waiting(false) + fake_waiting(true), 0);
    assert_true(fakes.chats[0]->is_closed);
}

static void close_at_audio(struct rig *r, const char *type)
{
    if (strcmp(type, "response.output_audio.delta") == 0)
        r->vtable->close(r->session);
}

static void the_host_may_close_at_an_audio_delta(void **state)
{
    struct rig *r = *state;

    r->on_event = close_at_audio;
    rig_send(r, CREATE);
    fake_text(0, "Hello. ");
    fake_speak(1000);
    rig_run(r);
    assert_int_equal(r->closes, 1);
    assert_int_equal(rig_count(r, "response.output_audio.delta"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_both, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_spoken_turn_has_the_order_of_the_protocol),
        TEST(positions_count_all_audio),
        TEST(without_transcription_the_model_still_hears),
        TEST(the_client_commits_when_turn_detection_is_off),
        TEST(a_commit_of_next_to_nothing_is_an_error),
        TEST(a_cleared_buffer_is_empty),
        TEST(semantic_vad_waits_by_eagerness),
        TEST(semantic_vad_waits_for_more_after_an_open_word),
        TEST(create_response_false_leaves_it_to_the_client),
        TEST(words_are_looked_up_in_the_pause),
        TEST(speech_that_goes_on_drops_the_guess),
        TEST(a_slow_lookup_is_waited_for),
        TEST(a_noise_without_words_gets_no_answer),
        TEST(speech_before_the_words_are_known_puts_the_answer_off),
        TEST(ears_that_fail_say_so),
        TEST(a_full_pool_fails_the_words_and_not_the_session),
        TEST(long_speech_is_committed_in_parts),
        TEST(a_long_append_is_read_in_steps_and_keeps_its_order),
        TEST(a_buffer_that_nobody_commits_has_an_end),
        TEST(bad_audio_is_answered),
        TEST(escaped_slashes_in_audio_are_read),
        TEST(telephone_audio_is_heard),
        TEST(an_item_with_audio_is_understood),
        TEST(speech_begins_with_the_first_sentence),
        TEST(the_first_delta_is_small),
        TEST(speech_runs_only_a_little_ahead),
        TEST(the_voice_does_not_run_far_ahead),
        TEST(a_voice_of_the_instance_is_used_by_name),
        TEST(another_voice_becomes_the_default),
        TEST(telephone_speech_is_8_bytes_a_millisecond),
        TEST(text_can_be_asked_for),
        TEST(a_call_starts_while_the_filler_is_spoken),
        TEST(given_words_are_spoken_as_they_are),
        TEST(given_words_that_cannot_be_spoken_fail_the_response),
        TEST(a_voice_that_fails_fails_the_response),
        TEST(an_answer_without_words_is_only_shown),
        TEST(a_paused_host_stops_the_speech),
        TEST(speech_of_the_user_interrupts),
        TEST(a_short_noise_does_not_interrupt),
        TEST(interrupt_response_false_lets_the_answer_go_on),
        TEST(the_model_knows_what_was_heard),
        TEST(without_a_word_of_the_client_the_clock_says_what_was_heard),
        TEST(what_was_not_heard_at_all_is_not_shown),
        TEST(a_truncated_item_has_no_transcript_and_less_audio),
        TEST(truncation_beyond_what_was_produced_is_an_error),
        TEST(truncating_what_is_being_said_ends_it),
        TEST(only_spoken_items_can_be_truncated),
        TEST(the_users_audio_is_shown_when_asked_for),
        TEST(a_silent_user_is_spoken_to),
        TEST(speech_work_that_waits_too_long_refuses_new_sessions),
        TEST(a_session_may_end_while_jobs_run),
        TEST(the_host_may_close_at_an_audio_delta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
