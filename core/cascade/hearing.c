/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/pcm.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "cascade/state.h"
#include "realtime/encode.h"
#include "telemetry/metrics.h"
#include "telemetry/names.h"

#include <stdlib.h>

/* One utterance on its way to text. Its job runs on the pool with a copy of the samples; a hearing
 * that is dropped never hears of it again. */
struct hearing {
    struct list entry;
    struct cascade_session *session;
    struct speech_job *job;     /* NULL once it has ended */
    struct dialogue_item *item; /* NULL: a guess, made in a pause of the user */
    uint64_t wanted_us;         /* when the turn ended */
    double seconds;
    int status;
    struct buf words;
    struct parley_error error;
};

static void count(const struct cascade_session *s, const char *outcome)
{
    metrics_note(s->cascade->model.worker->recorder, METRIC_SPEECH_LOOKUPS, 1, NAME_SPEECH_OUTCOME,
                 outcome);
}

static void destroy(struct hearing *h)
{
    list_remove(&h->entry);
    speech_abandon(h->job);
    buf_done(&h->words);
    free(h);
}

struct hearing *hearing_drop(struct hearing *h)
{
    if (h == NULL)
        return NULL;
    count(h->session, "wasted");
    destroy(h);
    return NULL;
}

static void tell_words(struct hearing *h)
{
    struct cascade_session *s = h->session;
    struct parley_view id = view_of(h->item->id);
    struct parley_view words = buf_view(&h->words);

    count(s, "used");
    metrics_note(s->cascade->model.worker->recorder, METRIC_SPEECH_WORDS_LATENCY,
                 (double)(clock_now_us() - h->wanted_us) / 1e6, NULL, NULL);
    dialogue_hear(&s->dialogue, h->item, words);
    s->has_new_words = s->has_new_words || words.len > 0;
    if (s->view.transcribes) {
        if (words.len > 0) {
            rt_encode_transcription_delta(outbox_begin(s), id, 0, words);
            outbox_end(s);
        }
        rt_encode_transcription_completed(outbox_begin(s), id, 0, words, h->seconds);
        outbox_end(s);
    }
    destroy(h);
    answer_advance(s);
}

static void tell_failure(struct cascade_session *s, struct dialogue_item *item,
                         const struct parley_error *err)
{
    count(s, "failed");
    item->words = DIALOGUE_FAILED;
    if (s->view.transcribes) {
        struct rt_error error;
        rt_error_copy(&error, "server_error", err->code, err->message);
        rt_encode_transcription_failed(outbox_begin(s), view_of(item->id), 0, &error);
        outbox_end(s);
    }
    answer_words_failed(s, err);
}

static void tell(struct hearing *h)
{
    if (h->status == PARLEY_OK) {
        tell_words(h);
        return;
    }

    struct parley_error err = h->error;
    struct cascade_session *s = h->session;
    struct dialogue_item *item = h->item;
    destroy(h);
    tell_failure(s, item, &err);
}

static void on_text(void *ctx, int status, struct parley_view text, const struct parley_error *err)
{
    struct hearing *h = ctx;

    h->job = NULL;
    h->status = status;
    if (status == PARLEY_OK)
        buf_append_view(&h->words, view_trim(text));
    else
        (void)parley_fail(&h->error, status, "the speech could not be understood: %.300s",
                          err == NULL ? "no reason given" : err->message);
    if (h->item != NULL)
        tell(h);
    else if (status == PARLEY_OK)
        ears_guess_known(h->session, buf_view(&h->words));
}

static int to_ears_rate(const struct cascade_session *s, const int16_t *samples,
                        size_t sample_count, struct buf *out, struct parley_error *err)
{
    uint32_t rate = s->cascade->speech_caps.ears_rate_hz;
    struct resampler *r = NULL;

    int status = resampler_create(VAD_RATE_HZ, rate == 0 ? VAD_RATE_HZ : (int)rate, &r, err);
    if (status < 0)
        return status;
    resampler_run(r, samples, sample_count, out);
    resampler_flush(r, out);
    resampler_destroy(r);
    if (out->failed)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an utterance");
    return PARLEY_OK;
}

static int start(struct hearing *h, const int16_t *samples, size_t sample_count,
                 struct parley_error *err)
{
    _cleanup_(buf_done) struct buf converted = {0};
    struct cascade_session *s = h->session;
    char language[16];

    int r = to_ears_rate(s, samples, sample_count, &converted, err);
    if (r < 0)
        return r;

    view_copy(language, sizeof(language), s->view.transcription_language);
    struct speech_utterance utterance = {.language = language};
    utterance.samples = pcm_view(&converted, &utterance.sample_count);
    return speech_transcribe(s->cascade->speech, &utterance, on_text, h, &h->job, err);
}

struct hearing *hearing_begin(struct cascade_session *s, const int16_t *samples,
                              size_t sample_count, struct parley_error *err)
{
    struct hearing *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for an utterance");
        return NULL;
    }
    h->session = s;
    h->seconds = (double)sample_count / VAD_RATE_HZ;
    h->error = (struct parley_error)PARLEY_ERROR_INIT;
    list_append(&s->hearings, &h->entry);
    if (start(h, samples, sample_count, err) < 0) {
        destroy(h);
        return NULL;
    }
    return h;
}

void hearing_attach(struct cascade_session *s, struct hearing *h, struct dialogue_item *i,
                    const struct parley_error *err)
{
    i->words = DIALOGUE_PENDING;
    if (h == NULL) {
        tell_failure(s, i, err);
        return;
    }
    h->item = i;
    h->wanted_us = clock_now_us();
    if (h->job == NULL)
        tell(h);
}

void hearing_forget(struct cascade_session *s, const struct dialogue_item *i)
{
    struct list *at, *next;

    list_for_each_safe(at, next, &s->hearings)
    {
        struct hearing *h = list_entry(at, struct hearing, entry);
        if (h->item == i)
            hearing_drop(h);
    }
}

void hearing_done(struct cascade_session *s)
{
    while (!list_empty(&s->hearings))
        destroy(list_entry(s->hearings.next, struct hearing, entry));
}
