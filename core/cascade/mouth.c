/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/g711.h"
#include "audio/pcm.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "cascade/state.h"
#include "realtime/encode.h"
#include "telemetry/metrics.h"

#include <stdlib.h>

#define FIRST_DELTA_MS 40 /* small, so that the first sound leaves at once */
#define DELTA_MS       100
#define MAX_AHEAD_MS   8000 /* made and not sent: then the voice waits */

static void pump(struct answer *a);

static size_t samples_of(const struct answer *a, int64_t ms)
{
    return (size_t)(ms * rt_audio_rate(a->format) / 1000);
}

static void sentence_free(struct sentence *q)
{
    list_remove(&q->entry);
    buf_done(&q->text);
    free(q);
}

static struct sentence *head(const struct mouth *m)
{
    return list_empty(&m->queue) ? NULL : list_entry(m->queue.next, struct sentence, entry);
}

/* ---- the voice ------------------------------------------------------------------------------- */

/* The instance's own name for the voice asked for, or NULL: the default. */
static const char *own_voice(const struct answer *a)
{
    struct parley_view rest = view_of(a->session->cascade->speech_caps.voices), name;
    bool more = true;

    while (more) {
        more = view_split(&rest, ',', &name);
        if (view_is(view_trim(name), a->voice) && a->voice[0] != '\0')
            return a->voice;
    }
    return NULL;
}

static void note_first_sound(const struct answer *a, struct sentence *q)
{
    if (q->asked_us == 0)
        return;
    metrics_note(a->session->cascade->model.worker->recorder, METRIC_SPEECH_VOICE_LATENCY,
                 (double)(clock_now_us() - q->asked_us) / 1e6, NULL, NULL);
    q->asked_us = 0;
}

static void on_samples(void *ctx, const int16_t *samples, size_t count)
{
    struct answer *a = ctx;
    struct mouth *m = &a->mouth;
    size_t before = m->samples.len;

    note_first_sound(a, m->speaking);
    resampler_run(m->resampler, samples, count, &m->samples);
    m->speaking->made += (m->samples.len - before) / sizeof(int16_t);
    pump(a);
}

static void on_end(void *ctx, int status, const struct parley_error *err)
{
    struct answer *a = ctx;
    struct mouth *m = &a->mouth;
    size_t before = m->samples.len;

    m->job = NULL;
    if (status < 0) {
        struct parley_error why = PARLEY_ERROR_INIT;
        (void)parley_fail(&why, status, "the voice failed: %.300s",
                          err == NULL ? "no reason given" : err->message);
        answer_fail(a, &why);
        return;
    }
    resampler_flush(m->resampler, &m->samples);
    m->speaking->made += (m->samples.len - before) / sizeof(int16_t);
    m->speaking->is_made = true;
    m->speaking = NULL;
    pump(a);
}

static const struct speech_voice_events voice_events = {
    .on_samples = on_samples,
    .on_end = on_end,
};

static int start_sentence(struct answer *a, struct sentence *q, struct parley_error *err)
{
    _cleanup_(buf_done) struct buf text = {0};
    struct mouth *m = &a->mouth;

    q->is_started = true;
    q->asked_us = clock_now_us();
    (void)sentences_speakable(&text, buf_view(&q->text)); /* it is: see add_piece() */

    const struct speech_sentence sentence = {
        .text = buf_view(&text),
        .voice = own_voice(a),
        .speed = a->speed,
    };
    int r = speech_synthesise(a->session->cascade->speech, &sentence, a, &voice_events, a, &m->job,
                              err);
    if (r == PARLEY_OK)
        m->speaking = q;
    return r;
}

/* Have the next sentence made, if the voice is free and not far ahead. May end the answer. */
static void ask_voice(struct answer *a)
{
    struct mouth *m = &a->mouth;
    struct parley_error err = PARLEY_ERROR_INIT;
    struct list *at;

    list_for_each(at, &m->queue)
    {
        struct sentence *q = list_entry(at, struct sentence, entry);
        if (m->job != NULL || m->samples.len / sizeof(int16_t) > samples_of(a, MAX_AHEAD_MS))
            return;
        if (!q->is_started && start_sentence(a, q, &err) < 0) {
            answer_fail(a, &err);
            return;
        }
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The words of a sentence go out right before its first sound. */
static bool announce(struct answer *a, struct sentence *q)
{
    if (!answer_open_message(a))
        return false;
    q->is_announced = true;
    buf_append_view(&a->message->text, buf_view(&q->text));

    struct rt_place place = answer_place(a);
    rt_encode_delta(outbox_begin(a->session), RT_OUTPUT_TRANSCRIPT_DELTA, &place,
                    buf_view(&q->text));
    outbox_end(a->session);
    return true;
}

static void write_delta(struct answer *a, const int16_t *samples, size_t count)
{
    _cleanup_(buf_done) struct buf bytes = {0};
    struct rt_place place = answer_place(a);

    if (a->format == RT_AUDIO_PCM24K) {
        pcm_append_le(&bytes, samples, count);
    } else if (buf_reserve(&bytes, count)) {
        if (a->format == RT_AUDIO_PCMU)
            g711_ulaw_encode((uint8_t *)bytes.data, samples, count);
        else
            g711_alaw_encode((uint8_t *)bytes.data, samples, count);
        bytes.len = count;
    }
    rt_encode_audio_delta(outbox_begin(a->session), &place, bytes.data, bytes.len);
    outbox_end(a->session);
}

static void send_samples(struct answer *a, struct sentence *q, size_t count)
{
    struct mouth *m = &a->mouth;
    size_t all;
    const int16_t *samples = pcm_view(&m->samples, &all);

    write_delta(a, samples, count);
    dialogue_keep_audio(&a->session->dialogue, a->message, samples, count,
                        rt_audio_rate(a->format));
    pacer_sent(a->pacer, clock_now_us(), (int64_t)(count * 1000000ull / rt_audio_rate(a->format)));
    buf_consume(&m->samples, count * sizeof(int16_t));
    q->sent += count;
}

static void on_timer(void *ctx)
{
    pump(ctx);
}

/* How many samples of the sentence go now: 0 when they are not made yet. */
static size_t next_delta(const struct answer *a, const struct sentence *q)
{
    bool is_first = a->message == NULL || a->message->audio_us == 0;
    size_t want = samples_of(a, is_first ? FIRST_DELTA_MS : DELTA_MS);
    size_t have = q->made - q->sent;

    if (have >= want)
        return want;
    return q->is_made ? have : 0;
}

enum step { STEP_AGAIN, STEP_WAIT };

static enum step send_step(struct answer *a, struct sentence *q)
{
    struct mouth *m = &a->mouth;
    size_t count = next_delta(a, q);

    if (count == 0 && !q->is_made)
        return STEP_WAIT;

    int64_t us = (int64_t)(count * 1000000ull / rt_audio_rate(a->format));
    int64_t wait_ms = count == 0 ? 0 : pacer_wait_ms(a->pacer, clock_now_us(), us);
    if (wait_ms > 0) {
        loop_timer_start(a->session->loop, &m->timer, wait_ms, on_timer, a);
        return STEP_WAIT;
    }
    if (!q->is_announced && !announce(a, q))
        return STEP_WAIT;
    if (count > 0) {
        send_samples(a, q, count);
    } else {
        dialogue_mark(a->message);
        sentence_free(q);
    }
    return STEP_AGAIN;
}

/* Send what may be sent, have made what may be made; the answer may end in it. */
static void pump(struct answer *a)
{
    struct mouth *m = &a->mouth;
    struct sentence *q;

    if (a->session->outbox.is_paused)
        return;
    loop_timer_stop(&m->timer);
    while ((q = head(m)) != NULL) {
        if (!q->is_started || send_step(a, q) == STEP_WAIT)
            break;
    }
    if (q == NULL && m->has_all_text)
        answer_spoken(a);
    else
        ask_voice(a);
}

/* ---- text ------------------------------------------------------------------------------------ */

/* A piece without a word is only shown; a blank one before everything else is not even that. */
static void add_piece(struct answer *a, struct sentence *q)
{
    _cleanup_(buf_done) struct buf spoken = {0};
    struct mouth *m = &a->mouth;

    if (!sentences_speakable(&spoken, buf_view(&q->text))) {
        q->is_started = q->is_made = true;
        if (spoken.len == 0 && list_empty(&m->queue) && a->message == NULL) {
            sentence_free(q);
            return;
        }
    }
    list_append(&m->queue, &q->entry);
}

static void queue_pieces(struct answer *a, bool at_end)
{
    struct mouth *m = &a->mouth;

    for (;;) {
        struct sentence *q = calloc(1, sizeof(*q));
        if (q == NULL) {
            a->session->outbox.is_broken = true;
            outbox_schedule(a->session);
            return;
        }
        if (!sentences_take(&m->cutter, at_end, &q->text)) {
            free(q);
            return;
        }
        add_piece(a, q);
    }
}

void mouth_say(struct answer *a, struct parley_view text)
{
    sentences_add(&a->mouth.cutter, text);
    queue_pieces(a, false);
    pump(a);
}

void mouth_finish(struct answer *a)
{
    queue_pieces(a, true);
    a->mouth.has_all_text = true;
    pump(a);
}

void mouth_say_all(struct answer *a, struct parley_view text)
{
    sentences_add(&a->mouth.cutter, text);
    mouth_finish(a);
}

int mouth_init(struct answer *a, struct parley_error *err)
{
    const struct parley_speech_caps *caps = &a->session->cascade->speech_caps;

    return resampler_create((int)caps->voice_rate_hz, (int)rt_audio_rate(a->format),
                            &a->mouth.resampler, err);
}

void mouth_done(struct answer *a)
{
    struct mouth *m = &a->mouth;

    loop_timer_stop(&m->timer);
    m->job = speech_abandon(m->job);
    m->speaking = NULL;
    while (!list_empty(&m->queue))
        sentence_free(head(m));
    sentences_done(&m->cutter);
    m->resampler = resampler_destroy(m->resampler);
    buf_done(&m->samples);
}

void mouth_resume(struct cascade_session *s)
{
    struct list *at;

    list_for_each(at, &s->answers)
    {
        struct answer *a = list_entry(at, struct answer, entry);
        if (!a->is_text)
            loop_timer_start(s->loop, &a->mouth.timer, 0, on_timer, a);
    }
}
