/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes.h"

#include "base/str.h"

#include <assert.h>
#include <stdlib.h>

struct fakes fakes;

void fakes_init(struct loop *loop, uint32_t speech_flags)
{
    fakes = (struct fakes){
        .loop = loop,
        .caps = {.size = sizeof(fakes.caps),
                 .flags = speech_flags,
                 .ears_rate_hz = 16000,
                 .voice_rate_hz = 16000,
                 .voices = "slt, kal16"},
    };
}

static void keep(char **to, struct parley_view text)
{
    free(*to);
    *to = view_dup(text);
}

void fakes_done(void)
{
    for (size_t i = 0; i < fakes.chat_count; i++) {
        loop_timer_stop(&fakes.chats[i]->cancelled);
        free(fakes.chats[i]);
    }
    for (size_t i = 0; i < fakes.job_count; i++) {
        free(fakes.jobs[i]->text);
        free(fakes.jobs[i]);
    }
    free(fakes.instructions);
    free(fakes.items);
    free(fakes.tools);
    free(fakes.tool_choice);
    fakes = (struct fakes){0};
}

/* ---- chat ---- */

int chat_open(struct worker_instance *wi, const struct chat_open *open,
              const struct chat_events *events, void *ctx, struct chat_session **ret_session,
              struct parley_error *err)
{
    struct chat_session *c = calloc(1, sizeof(*c));

    (void)wi;
    (void)open;
    (void)err;
    assert(c != NULL && fakes.chat_count < FAKE_MAX);
    c->loop = fakes.loop;
    c->events = events;
    c->ctx = ctx;
    fakes.chats[fakes.chat_count++] = c;
    *ret_session = c;
    return PARLEY_OK;
}

int chat_generate(struct chat_session *s, const struct parley_chat_request *request,
                  struct parley_error *err)
{
    if (fakes.refuse_generate < 0)
        return parley_fail(err, fakes.refuse_generate, "the chat instance refuses");
    if (s->is_running)
        return parley_fail(err, PARLEY_E_CONFLICT, "an answer is running already");
    s->is_running = true;
    fakes.generations++;
    keep(&fakes.instructions, request->instructions);
    keep(&fakes.items, request->items);
    keep(&fakes.tools, request->tools);
    keep(&fakes.tool_choice, request->tool_choice);
    fakes.max_tokens = request->max_output_tokens;
    return PARLEY_OK;
}

static void on_cancelled(void *ctx)
{
    struct chat_session *s = ctx;
    const struct parley_error err = {.size = sizeof(err), .status = PARLEY_E_CANCELLED};

    s->is_running = false;
    if (!s->is_closed)
        s->events->on_end(s->ctx, PARLEY_E_CANCELLED, 0, NULL, &err);
}

void chat_cancel(struct chat_session *s)
{
    if (!s->is_running)
        return;
    fakes.cancels++;
    loop_timer_start(s->loop, &s->cancelled, 0, on_cancelled, s);
}

struct chat_session *chat_close(struct chat_session *s)
{
    if (s != NULL)
        s->is_closed = true;
    return NULL;
}

void fake_text(size_t n, const char *text)
{
    struct chat_session *s = fakes.chats[n];

    if (s->is_running && !s->is_closed && !loop_timer_is_running(&s->cancelled))
        s->events->on_text(s->ctx, view_of(text));
}

void fake_call(size_t n, const char *name, const char *arguments)
{
    struct chat_session *s = fakes.chats[n];

    s->events->on_call(s->ctx, view_of(name), view_of(arguments));
}

void fake_agent_call(size_t n, const char *name, const char *output, int status)
{
    struct chat_session *s = fakes.chats[n];
    const struct parley_chat_agent_call call = {.size = sizeof(call),
                                                .status = status,
                                                .name = view_of(name),
                                                .arguments = view_of("{}"),
                                                .output = view_of(output)};

    s->events->on_agent_call(s->ctx, &call);
}

void fake_end(size_t n, int status, int finish)
{
    struct chat_session *s = fakes.chats[n];
    const struct parley_chat_usage usage = {
        .size = sizeof(usage), .input_tokens = 10, .cached_tokens = 4, .output_tokens = 6};
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!s->is_running || s->is_closed || loop_timer_is_running(&s->cancelled))
        return;
    s->is_running = false;
    if (status < 0)
        (void)parley_fail(&err, status, "the model broke");
    s->events->on_end(s->ctx, status, finish, &usage, status < 0 ? &err : NULL);
}

/* ---- speech ---- */

void speech_caps(const struct instance *instance, struct parley_speech_caps *ret_caps)
{
    (void)instance;
    *ret_caps = fakes.caps;
}

static struct speech_job *add_job(void *ctx)
{
    struct speech_job *job = calloc(1, sizeof(*job));

    assert(job != NULL && fakes.job_count < FAKE_MAX_JOBS);
    job->ctx = ctx;
    fakes.jobs[fakes.job_count++] = job;
    return job;
}

int speech_transcribe(struct worker_instance *wi, const struct speech_utterance *utterance,
                      speech_on_text on_text, void *ctx, struct speech_job **ret_job,
                      struct parley_error *err)
{
    (void)wi;
    if (fakes.refuse_speech < 0)
        return parley_fail(err, fakes.refuse_speech, "the pool for speech is full");
    struct speech_job *job = add_job(ctx);
    job->on_text = on_text;
    job->sample_count = utterance->sample_count;
    *ret_job = job;
    return PARLEY_OK;
}

int speech_synthesise(struct worker_instance *wi, const struct speech_sentence *sentence,
                      const void *lane, const struct speech_voice_events *events, void *ctx,
                      struct speech_job **ret_job, struct parley_error *err)
{
    (void)wi;
    (void)lane;
    if (fakes.refuse_speech < 0)
        return parley_fail(err, fakes.refuse_speech, "the pool for speech is full");
    struct speech_job *job = add_job(ctx);
    job->is_voice = true;
    job->events = events;
    job->text = view_dup(sentence->text);
    view_copy(job->voice, sizeof(job->voice), view_of(sentence->voice));
    *ret_job = job;
    return PARLEY_OK;
}

struct speech_job *speech_abandon(struct speech_job *job)
{
    if (job != NULL)
        job->is_abandoned = true;
    return NULL;
}

static bool is_waiting(const struct speech_job *job, bool is_voice)
{
    return job->is_voice == is_voice && !job->is_abandoned && !job->is_ended;
}

size_t fake_waiting(bool is_voice)
{
    size_t count = 0;

    for (size_t i = 0; i < fakes.job_count; i++)
        count += is_waiting(fakes.jobs[i], is_voice);
    return count;
}

struct speech_job *fake_oldest(bool is_voice)
{
    for (size_t i = 0; i < fakes.job_count; i++) {
        if (is_waiting(fakes.jobs[i], is_voice))
            return fakes.jobs[i];
    }
    return NULL;
}

void fake_hear(const char *words)
{
    struct speech_job *job = fake_oldest(false);
    struct parley_error err = PARLEY_ERROR_INIT;

    assert(job != NULL);
    job->is_ended = true;
    if (words != NULL) {
        job->on_text(job->ctx, PARLEY_OK, view_of(words), NULL);
        return;
    }
    (void)parley_fail(&err, PARLEY_E_INTERNAL, "the recogniser broke");
    job->on_text(job->ctx, PARLEY_E_INTERNAL, (struct parley_view){0}, &err);
}

void fake_speak(int ms)
{
    struct speech_job *job = fake_oldest(true);
    struct parley_error err = PARLEY_ERROR_INIT;
    int16_t chunk[320];

    assert(job != NULL);
    for (size_t i = 0; i < 320; i++)
        chunk[i] = (int16_t)(1000 + i);
    for (int at = 0; at < ms && !job->is_abandoned; at += 20)
        job->events->on_samples(job->ctx, chunk, 320);
    if (job->is_abandoned)
        return;
    job->is_ended = true;
    if (ms >= 0) {
        job->events->on_end(job->ctx, PARLEY_OK, NULL);
        return;
    }
    (void)parley_fail(&err, PARLEY_E_INTERNAL, "the synthesiser broke");
    job->events->on_end(job->ctx, PARLEY_E_INTERNAL, &err);
}

struct offload_stats offload_stats(struct offload *o)
{
    (void)o;
    return (struct offload_stats){.oldest_wait_us = fakes.oldest_wait_us};
}
