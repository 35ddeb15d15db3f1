/* SPDX-License-Identifier: Apache-2.0 */
/* Speech by a synthesiser, found by the published network: needs flite and the weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audio/pcm.h"
#include "audio/turn_detector.h"
#include "audio/vad_silero.h"
#include "audio/wav.h"
#include "base/cleanup.h"
#include "made_speech.h"
#include "published_weights.h"

#include <stdlib.h>
#include <string.h>

#define LEAD_MS 700
#define TAIL_MS 1200

struct scene {
    struct silero_weights *weights;
    int16_t *samples; /* 16 kHz: quiet, speech, quiet, with noise all over */
    size_t count;
    int speech_ms;
};

struct turns {
    struct turn_detector detector;
    int started, stopped;
    int64_t start_ms, end_ms;
};

static bool speak(const char *text, struct wav *ret)
{
    char path[] = "/tmp/parley_speech_XXXXXX", command[512];
    int fd = mkstemp(path);

    if (fd < 0)
        return false;
    (void)close(fd);
    snprintf(command, sizeof(command), "flite -voice kal16 -t '%s' -o %s >/dev/null 2>&1", text,
             path);
    bool made = system(command) == 0 && wav_load(path, ret, NULL) == PARLEY_OK;
    (void)unlink(path);
    return made && ret->rate_hz == VAD_RATE_HZ;
}

static struct scene set_scene(const char *text, double noise)
{
    struct scene s = {.weights = published_weights()};
    struct wav speech = {0};
    uint32_t seed = 5;

    if (s.weights == NULL || !speak(text, &speech)) {
        silero_weights_destroy(s.weights);
        skip();
    }
    size_t lead = LEAD_MS * VAD_RATE_HZ / 1000;
    s.count = lead + speech.count + TAIL_MS * VAD_RATE_HZ / 1000;
    s.samples = calloc(s.count, sizeof(*s.samples));
    assert_non_null(s.samples);
    made_noise(s.samples, s.count, noise, &seed);
    for (size_t i = 0; i < speech.count; i++)
        s.samples[lead + i] = pcm_clip(s.samples[lead + i] + speech.samples[i] / 2.0);
    s.speech_ms = (int)(speech.count * 1000 / VAD_RATE_HZ);
    wav_done(&speech);
    return s;
}

static void on_frame(void *ctx, float probability)
{
    struct turns *t = ctx;

    switch (turn_detector_frame(&t->detector, probability, VAD_FRAME_MS)) {
    case TURN_STARTED:
        t->started++;
        t->start_ms = t->detector.start_ms;
        break;
    case TURN_STOPPED:
        t->stopped++;
        t->end_ms = t->detector.end_ms;
        break;
    default:
        break;
    }
}

static struct turns listen(struct scene *s)
{
    const struct turn_config config = {.threshold = 0.5,
                                       .prefix_padding_ms = 0,
                                       .silence_ms = 500,
                                       .start_ms = 64,
                                       .pause_ms = 200};
    struct turns t = {0};
    struct vad *v = vad_silero_create(s->weights);

    turn_detector_configure(&t.detector, &config);
    vad_feed(v, s->samples, s->count, on_frame, &t);
    vad_destroy(v);
    silero_weights_destroy(s->weights);
    free(s->samples);
    return t;
}

static void expect_one_turn(const char *text, double noise)
{
    struct scene s = set_scene(text, noise);
    int speech_ms = s.speech_ms;
    struct turns t = listen(&s);

    assert_int_equal(t.started, 1);
    assert_int_equal(t.stopped, 1);
    /* A synthesiser puts silence of its own around its words. */
    assert_true(t.start_ms >= LEAD_MS - 120 && t.start_ms <= LEAD_MS + 400);
    assert_true(t.end_ms >= LEAD_MS + speech_ms + 500 - 500);
    assert_true(t.end_ms <= LEAD_MS + speech_ms + 500 + 200);
}

static void a_question_is_one_turn(void **state)
{
    (void)state;
    expect_one_turn("What is two plus three?", 20);
}

static void a_question_in_noise_is_one_turn(void **state)
{
    (void)state;
    expect_one_turn("Set a timer for ten minutes, please.", 600);
}

static void noise_alone_is_no_turn(void **state)
{
    struct scene s = {.weights = published_weights(), .count = 5 * VAD_RATE_HZ};
    uint32_t seed = 9;

    (void)state;
    if (s.weights == NULL)
        skip();
    s.samples = calloc(s.count, sizeof(*s.samples));
    assert_non_null(s.samples);
    made_noise(s.samples, s.count, 3000, &seed);
    struct turns t = listen(&s);
    assert_int_equal(t.started, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_one_turn),
        cmocka_unit_test(a_question_in_noise_is_one_turn),
        cmocka_unit_test(noise_alone_is_no_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
