/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

static struct {
    int status;
    size_t chunks;
    bool saw_stop;
} plugin;

static void caps(void *instance, struct parley_speech_caps *ret)
{
    (void)instance;
    ret->flags = PARLEY_SPEECH_EARS | PARLEY_SPEECH_VOICE;
    ret->ears_rate_hz = 16000;
    ret->voice_rate_hz = 8000;
}

static int transcribe(void *instance, const struct parley_transcribe *request,
                      parley_speech_text on_text, void *ctx, struct parley_error *err)
{
    char text[64];

    (void)instance;
    if (plugin.status < 0)
        return parley_fail(err, plugin.status, "deaf");
    (void)snprintf(text, sizeof(text), "%zu samples in '%s'", request->sample_count,
                   request->language);
    on_text(ctx, view_of(text));
    on_text(ctx, VIEW("a second text"));
    return PARLEY_OK;
}

static int synthesise(void *instance, const struct parley_synthesise *request,
                      parley_speech_samples on_samples, void *ctx, struct parley_error *err)
{
    int16_t samples[1000] = {0};

    (void)instance;
    (void)err;
    for (size_t i = 0; i < plugin.chunks; i++) {
        samples[0] = (int16_t)i;
        if (on_samples(ctx, samples, 1000) != 0) {
            plugin.saw_stop = true;
            return PARLEY_E_CANCELLED;
        }
    }
    return request->text.len > 0 ? PARLEY_OK : PARLEY_E_INVALID;
}

static const struct parley_speech_vtable table = {
    .size = sizeof(table), .caps = caps, .transcribe = transcribe, .synthesise = synthesise};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("speech_test", PARLEY_ROLE_SPEECH, &table);

static struct host_fixture f;
static struct {
    bool has_ended;
    int status;
    char text[64];
    size_t chunks;
    bool is_in_order;
} caller;

static void on_text(void *ctx, int status, struct parley_view text, const struct parley_error *err)
{
    (void)ctx;
    assert_true((status < 0) == (err != NULL));
    caller.has_ended = true;
    caller.status = status;
    view_copy(caller.text, sizeof(caller.text), text);
}

static void on_samples(void *ctx, const int16_t *samples, size_t count)
{
    (void)ctx;
    assert_int_equal(count, 1000);
    caller.is_in_order = caller.is_in_order && samples[0] == (int16_t)caller.chunks;
    caller.chunks++;
}

static void on_end(void *ctx, int status, const struct parley_error *err)
{
    (void)ctx;
    (void)err;
    caller.has_ended = true;
    caller.status = status;
}

static const struct speech_voice_events events = {on_samples, on_end};

static int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    memset(&caller, 0, sizeof(caller));
    caller.is_in_order = true;
    fixture_open(&f);
    fixture_start(&f, &descriptor, "speech");
    fixture_start_pool(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static struct speech_job *transcribe_some(void)
{
    static const int16_t samples[320];
    const struct speech_utterance u = {samples, 320, "en", NULL};
    struct speech_job *job = NULL;

    assert_int_equal(speech_transcribe(f.wi, &u, on_text, NULL, &job, NULL), PARLEY_OK);
    return job;
}

static struct speech_job *say(const char *text)
{
    const struct speech_sentence s = {.text = view_of(text)};
    struct speech_job *job = NULL;

    assert_int_equal(speech_synthesise(f.wi, &s, NULL, &events, NULL, &job, NULL), PARLEY_OK);
    return job;
}

static void first_text_is_the_transcript(void **state)
{
    (void)state;
    transcribe_some();
    assert_false(caller.has_ended);
    fixture_run_until(&f, &caller.has_ended);
    assert_int_equal(caller.status, PARLEY_OK);
    assert_string_equal(caller.text, "320 samples in 'en'");
}

static void failure_is_told(void **state)
{
    (void)state;
    plugin.status = PARLEY_E_UNSUPPORTED;
    transcribe_some();
    fixture_run_until(&f, &caller.has_ended);
    assert_int_equal(caller.status, PARLEY_E_UNSUPPORTED);
}

static void samples_come_in_order_before_the_end(void **state)
{
    (void)state;
    plugin.chunks = 20;
    say("Hello.");
    fixture_run_until(&f, &caller.has_ended);
    assert_int_equal(caller.chunks, 20);
    assert_true(caller.is_in_order);
    assert_int_equal(caller.status, PARLEY_OK);
}

static void endless_voice_is_stopped(void **state)
{
    (void)state;
    plugin.chunks = 8000 * SPEECH_MAX_SECONDS / 1000 + 10;
    say("Hello.");
    fixture_run_until(&f, &caller.has_ended);
    assert_int_equal(caller.status, PARLEY_E_TOO_LARGE);
    assert_true(plugin.saw_stop);
}

static void abandoned_job_is_not_heard_of(void **state)
{
    (void)state;
    plugin.chunks = 3;
    assert_null(speech_abandon(say("Hello.")));
    assert_null(speech_abandon(transcribe_some()));
    fixture_close(&f); /* waits for both */
    assert_false(caller.has_ended);
    assert_int_equal(caller.chunks, 0);
    fixture_open(&f);
}

static void long_sentence_is_refused(void **state)
{
    static char text[70000];
    const struct speech_sentence s = {.text = {text, sizeof(text)}};
    struct speech_job *job = NULL;

    (void)state;
    assert_int_equal(speech_synthesise(f.wi, &s, NULL, &events, NULL, &job, NULL),
                     PARLEY_E_TOO_LARGE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(first_text_is_the_transcript),         T(failure_is_told),
        T(samples_come_in_order_before_the_end), T(endless_voice_is_stopped),
        T(abandoned_job_is_not_heard_of),        T(long_sentence_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
