/* SPDX-License-Identifier: Apache-2.0 */
#include "host/speech.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "host/guard.h"
#include "host/speech_model.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES (64 * 1024) /* of one transcript or sentence */

/*
 * One utterance or sentence. The pool's thread has it between work and done and touches only what
 * is marked; everything else is the worker's.
 */
struct speech_job {
    struct speech_job_head head; /* first */
    struct worker_instance *wi;
    bool is_abandoned;
    speech_on_text on_text;
    const struct speech_voice_events *voice_events;
    void *ctx;
    int32_t cancelled;       /* read by the pool, set by the worker, both atomically */
    int status;              /* pool */
    struct parley_error err; /* pool */
    size_t max_samples;      /* pool, as all below */
    size_t sample_count;
    int16_t *samples; /* of an utterance */
    char *text;       /* transcript, or sentence */
    size_t text_len;
    char *words[2]; /* language and hints, or voice */
    double speed;
};

/* Samples on their way from the pool to the worker. */
struct chunk {
    struct speech_job *job;
    size_t count;
    int16_t samples[];
};

void speech_caps(const struct instance *instance, struct parley_speech_caps *ret_caps)
{
    if (instance->role == ROLE_MODEL) {
        speech_model_caps(instance, ret_caps);
        return;
    }
    *ret_caps = (struct parley_speech_caps){.size = sizeof(*ret_caps)};
    instance->plugin->speech.caps(instance->ctx, ret_caps);
}

static void job_free(struct speech_job *job)
{
    free(job->samples);
    free(job->text);
    free(job->words[0]);
    free(job->words[1]);
    free(job);
}

static struct speech_job *job_create(struct worker_instance *wi, void *ctx)
{
    struct speech_job *job = calloc(1, sizeof(*job));

    if (job == NULL)
        return NULL;
    job->wi = wi;
    job->ctx = ctx;
    job->err.size = sizeof(job->err);
    return job;
}

static int no_memory(const struct worker_instance *wi, struct parley_error *err)
{
    return parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", wi->instance->title);
}

static int begin(struct speech_job *job, const void *lane, void (*work)(void *arg),
                 void (*done)(void *arg, int status), struct parley_error *err)
{
    struct worker_instance *wi = job->wi;

    if (wi->is_stopping)
        return parley_fail(err, PARLEY_E_UNAVAILABLE, "%s is being stopped", wi->instance->title);
    int r = offload_run(wi->worker->heavy, wi->worker->loop, lane, work, done, job);
    if (r < 0)
        return parley_fail(err, r,
                           "%s: the pool for speech is full; fewer conversations at once "
                           "or more processors help",
                           wi->instance->title);
    wi->offloaded++;
    return PARLEY_OK;
}

/* The pool is done with the job. */
static int settle(struct speech_job *job, int pool_status)
{
    int status = pool_status < 0 ? pool_status : job->status;

    job->wi->offloaded--;
    if (status < 0 && job->err.message[0] == '\0')
        (void)parley_fail(&job->err, status, "%s: failed with status %d", job->wi->instance->title,
                          status);
    worker_instance_released(job->wi);
    return status;
}

struct speech_job *speech_abandon(struct speech_job *job)
{
    if (job == NULL)
        return NULL;
    if (job->head.abandon != NULL) {
        job->head.abandon(job);
        return NULL;
    }
    job->is_abandoned = true;
    __atomic_store_n(&job->cancelled, 1, __ATOMIC_RELAXED);
    return NULL;
}

static bool is_cancelled(const struct speech_job *job)
{
    return __atomic_load_n(&job->cancelled, __ATOMIC_RELAXED) != 0;
}

/* ---- ears ---- */

/* [offload] Only the first text counts. */
static void on_text(void *ctx, struct parley_view text)
{
    struct speech_job *job = ctx;

    if (job->text != NULL)
        return;
    if (text.len > MAX_TEXT_BYTES)
        text.len = MAX_TEXT_BYTES;
    job->text = view_dup(text);
    job->text_len = job->text == NULL ? 0 : text.len;
}

/* [offload] */
static void transcribe_work(void *arg)
{
    struct speech_job *job = arg;
    const struct instance *instance = job->wi->instance;
    const struct parley_transcribe request = {
        .size = sizeof(request),
        .samples = job->samples,
        .sample_count = job->sample_count,
        .language = job->words[0],
        .hints = job->words[1],
        .cancelled = &job->cancelled,
    };

    if (is_cancelled(job)) {
        job->status = PARLEY_E_CANCELLED;
        return;
    }
    struct guard guard;
    guard_enter(&guard, instance->title, "transcribe");
    job->status =
        instance->plugin->speech.transcribe(instance->ctx, &request, on_text, job, &job->err);
    guard_leave(&guard);
}

static void transcribe_done(void *arg, int pool_status)
{
    struct speech_job *job = arg;
    int status = settle(job, pool_status);

    if (!job->is_abandoned)
        job->on_text(job->ctx, status,
                     (struct parley_view){job->text == NULL ? "" : job->text, job->text_len},
                     status < 0 ? &job->err : NULL);
    job_free(job);
}

static bool copy_utterance(struct speech_job *job, const struct speech_utterance *u)
{
    size_t bytes = u->sample_count * sizeof(*u->samples);

    job->samples = malloc(bytes == 0 ? 1 : bytes);
    job->words[0] = view_dup(view_of(u->language));
    job->words[1] = view_dup(view_of(u->hints));
    if (job->samples == NULL || job->words[0] == NULL || job->words[1] == NULL)
        return false;
    if (bytes > 0)
        memcpy(job->samples, u->samples, bytes);
    job->sample_count = u->sample_count;
    return true;
}

int speech_transcribe(struct worker_instance *wi, const struct speech_utterance *utterance,
                      speech_on_text on_result, void *ctx, struct speech_job **ret_job,
                      struct parley_error *err)
{
    if (wi->instance->role == ROLE_MODEL)
        return speech_model_transcribe(wi, utterance, on_result, ctx, ret_job, err);
    struct speech_job *job = job_create(wi, ctx);

    if (job == NULL)
        return no_memory(wi, err);
    job->on_text = on_result;
    int r = copy_utterance(job, utterance) ? begin(job, NULL, transcribe_work, transcribe_done, err)
                                           : no_memory(wi, err);
    if (r < 0)
        job_free(job);
    else
        *ret_job = job;
    return r;
}

/* ---- voice ---- */

static void chunk_arrives(void *arg)
{
    struct chunk *c = arg;

    if (!c->job->is_abandoned)
        c->job->voice_events->on_samples(c->job->ctx, c->samples, c->count);
    free(c);
}

static void chunk_dropped(void *arg)
{
    free(arg);
}

/* [offload] Chunks are posted before done is, so the job outlives them. */
static int on_samples(void *ctx, const int16_t *samples, size_t count)
{
    struct speech_job *job = ctx;

    if (is_cancelled(job))
        return 1;
    if (count > job->max_samples - job->sample_count) {
        job->status = PARLEY_E_TOO_LARGE;
        return 1;
    }
    struct chunk *c = malloc(sizeof(*c) + count * sizeof(*samples));
    if (c == NULL) {
        job->status = PARLEY_E_NO_MEMORY;
        return 1;
    }
    job->sample_count += count;
    c->job = job;
    c->count = count;
    if (count > 0)
        memcpy(c->samples, samples, count * sizeof(*samples));
    if (loop_post(job->wi->worker->loop, chunk_arrives, chunk_dropped, c))
        return 0;
    free(c);
    job->status = PARLEY_E_NO_MEMORY;
    return 1;
}

/* [offload] */
static void synthesise_work(void *arg)
{
    struct speech_job *job = arg;
    const struct instance *instance = job->wi->instance;
    const struct parley_synthesise request = {
        .size = sizeof(request),
        .text = {job->text, job->text_len},
        .voice = job->words[0],
        .speed = job->speed,
    };

    if (is_cancelled(job)) {
        job->status = PARLEY_E_CANCELLED;
        return;
    }
    struct guard guard;
    guard_enter(&guard, instance->title, "synthesise");
    int r =
        instance->plugin->speech.synthesise(instance->ctx, &request, on_samples, job, &job->err);
    guard_leave(&guard);
    if (job->status == PARLEY_OK)
        job->status = r;
}

static void synthesise_done(void *arg, int pool_status)
{
    struct speech_job *job = arg;
    int status = settle(job, pool_status);

    if (!job->is_abandoned)
        job->voice_events->on_end(job->ctx, status, status < 0 ? &job->err : NULL);
    job_free(job);
}

static size_t max_samples(const struct worker_instance *wi)
{
    struct parley_speech_caps caps;

    speech_caps(wi->instance, &caps);
    return (size_t)(caps.voice_rate_hz == 0 ? 48000 : caps.voice_rate_hz) * SPEECH_MAX_SECONDS;
}

int speech_synthesise(struct worker_instance *wi, const struct speech_sentence *sentence,
                      const void *lane, const struct speech_voice_events *events, void *ctx,
                      struct speech_job **ret_job, struct parley_error *err)
{
    if (sentence->text.len > MAX_TEXT_BYTES)
        return parley_fail(err, PARLEY_E_TOO_LARGE, "%s: a sentence of %zu bytes is above %d",
                           wi->instance->title, sentence->text.len, MAX_TEXT_BYTES);
    if (wi->instance->role == ROLE_MODEL)
        return speech_model_synthesise(wi, sentence, events, ctx, ret_job, err);
    struct speech_job *job = job_create(wi, ctx);
    if (job == NULL)
        return no_memory(wi, err);
    job->voice_events = events;
    job->max_samples = max_samples(wi);
    job->speed = sentence->speed == 0 ? 1.0 : sentence->speed;
    job->text = view_dup(sentence->text);
    job->text_len = sentence->text.len;
    job->words[0] = view_dup(view_of(sentence->voice));
    int r = job->text != NULL && job->words[0] != NULL
                ? begin(job, lane, synthesise_work, synthesise_done, err)
                : no_memory(wi, err);
    if (r < 0)
        job_free(job);
    else
        *ret_job = job;
    return r;
}
