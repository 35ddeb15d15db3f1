/* SPDX-License-Identifier: Apache-2.0 */
/* A realtime model as voice: a model that the test plays. */
#include "host_fixture.h"

#include "base/str.h"
#include "host/model.h"
#include "host/speech.h"

#include <string.h>

static struct {
    const struct parley_model_host *host;
    void *ctx;
    int opens, closes;
} plugin;

static void caps(void *instance, struct parley_model_caps *ret)
{
    (void)instance;
    ret->flags = PARLEY_CAP_AUDIO_OUTPUT | PARLEY_CAP_OUT_OF_BAND;
    ret->output_formats = PARLEY_AUDIO_PCM_24K;
    ret->session_limit_ms = 120000;
}

static int open_session(void *wi, const struct parley_model_open *open, void **ret_session,
                        struct parley_error *err)
{
    (void)wi;
    (void)err;
    plugin.opens++;
    plugin.host = open->host;
    plugin.ctx = open->ctx;
    *ret_session = &plugin;
    return PARLEY_OK;
}

static int send_event(void *session, struct parley_view event, uint32_t flags,
                      struct parley_error *err)
{
    (void)session;
    (void)event;
    (void)flags;
    (void)err;
    return PARLEY_OK;
}

static void pause_session(void *session, int paused)
{
    (void)session;
    (void)paused;
}

static void close_session(void *session)
{
    const struct parley_model_closed closed = {
        .size = sizeof(closed), .code = "", .type = "", .message = ""};

    (void)session;
    plugin.closes++;
    plugin.host->on_closed(plugin.ctx, &closed);
}

static const struct parley_model_vtable table = {
    .size = sizeof(table),
    .caps = caps,
    .open = open_session,
    .send = send_event,
    .pause = pause_session,
    .close = close_session,
};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("model_test", PARLEY_ROLE_MODEL, &table);

static struct host_fixture f;
static struct {
    struct speech_job *job;
    bool gives_up;
    bool has_ended;
    int status;
    size_t count;
    int16_t samples[16];
} caller;

static void on_samples(void *ctx, const int16_t *samples, size_t count)
{
    (void)ctx;
    assert_true(caller.count + count <= 16);
    memcpy(caller.samples + caller.count, samples, count * sizeof(*samples));
    caller.count += count;
    if (caller.gives_up)
        caller.job = speech_abandon(caller.job);
}

static void on_end(void *ctx, int status, const struct parley_error *err)
{
    (void)ctx;
    (void)err;
    caller.has_ended = true;
    caller.status = status;
}

static const struct speech_voice_events events = {on_samples, on_end};

static void ask(void)
{
    const struct speech_sentence sentence = {.text = VIEW("Hello.")};

    caller.has_ended = false;
    assert_int_equal(speech_synthesise(f.wi, &sentence, NULL, &events, NULL, &caller.job, NULL),
                     PARLEY_OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    memset(&caller, 0, sizeof(caller));
    fixture_open(&f);
    fixture_start(&f, &descriptor, "model");
    ask();
    plugin.host->on_open(plugin.ctx, VIEW("{}"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void says(const char *event)
{
    plugin.host->on_event(plugin.ctx, view_of(event), 0);
}

/* ---- tests ---- */

static void a_sentence_is_spoken(void **state)
{
    (void)state;
    says("{\"type\":\"response.output_audio.delta\",\"delta\":\"AQACAA==\"}");
    says("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}");
    assert_true(caller.has_ended);
    assert_int_equal(caller.status, PARLEY_OK);
    assert_int_equal(caller.count, 2);
    assert_int_equal(caller.samples[1], 2);
}

static void who_listens_may_give_up_at_a_sample(void **state)
{
    (void)state;
    caller.gives_up = true;
    says("{\"type\":\"response.output_audio.delta\",\"delta\":\"AQACAA==\"}");
    fixture_turn(&f);
    assert_int_equal(caller.count, 2);
    assert_int_equal(plugin.closes, 1);
    assert_false(caller.has_ended);
}

/* 1, 2 and 3, cut inside of the second. */
static void a_sample_that_is_cut_in_two_stays_whole(void **state)
{
    (void)state;
    says("{\"type\":\"response.output_audio.delta\",\"delta\":\"AQAC\"}");
    says("{\"type\":\"response.output_audio.delta\",\"delta\":\"AAMA\"}");
    says("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}");
    assert_int_equal(caller.count, 3);
    assert_int_equal(caller.samples[0], 1);
    assert_int_equal(caller.samples[1], 2);
    assert_int_equal(caller.samples[2], 3);
}

/* Of 120 s; a sentence may take 30. */
static void session_near_its_limit_gets_no_more_work(void **state)
{
    static const char done[] =
        "{\"type\":\"response.done\",\"response\":{\"status\":\"completed\"}}";

    (void)state;
    says(done);
    fixture_advance_ms(&f, 50000);
    ask();
    says(done);
    assert_true(caller.has_ended);
    assert_int_equal(plugin.opens, 1);
    fixture_advance_ms(&f, 50000);
    ask();
    fixture_turn(&f);
    assert_int_equal(plugin.opens, 2);
    assert_int_equal(plugin.closes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sentence_is_spoken),
        TEST(who_listens_may_give_up_at_a_sample),
        TEST(a_sample_that_is_cut_in_two_stays_whole),
        TEST(session_near_its_limit_gets_no_more_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
