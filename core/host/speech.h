/* SPDX-License-Identifier: Apache-2.0 */
/* Caller of the role parley.speech/1: runs its functions on the heavy pool. Thread: the worker's.
 */
#ifndef HOST_SPEECH_H
#define HOST_SPEECH_H

#include "host/worker_instance.h"

#include <parley/speech.h>

#define SPEECH_MAX_SECONDS 600 /* of one utterance or sentence */

/* What the instance can do; all zero when the plugin says nothing. Thread: any. */
void speech_caps(const struct instance *instance, struct parley_speech_caps *ret_caps);

struct speech_job;

/* Once: the text, or why there is none. Never on the caller's stack; the job is gone then. */
typedef void (*speech_on_text)(void *ctx, int status, struct parley_view text,
                               const struct parley_error *err);

struct speech_utterance {
    const int16_t *samples; /* at caps.ears_rate_hz; copied */
    size_t sample_count;
    const char *language; /* or NULL */
    const char *hints;    /* or NULL */
};

/* PARLEY_E_BUSY when the pool's queue is full. */
int speech_transcribe(struct worker_instance *wi, const struct speech_utterance *utterance,
                      speech_on_text on_text, void *ctx, struct speech_job **ret_job,
                      struct parley_error *err);

/* Samples in order while they are made, then the end, once; the job is gone then. */
struct speech_voice_events {
    void (*on_samples)(void *ctx, const int16_t *samples, size_t count);
    void (*on_end)(void *ctx, int status, const struct parley_error *err);
};

struct speech_sentence {
    struct parley_view text; /* copied */
    const char *voice;       /* or NULL for the default */
    double speed;            /* 0 is 1.0 */
};

/* Sentences with the same lane (any address, such as the session's) are spoken in order. `events`
 * is constant. PARLEY_E_BUSY when the pool's queue is full. */
int speech_synthesise(struct worker_instance *wi, const struct speech_sentence *sentence,
                      const void *lane, const struct speech_voice_events *events, void *ctx,
                      struct speech_job **ret_job, struct parley_error *err);

/* No longer wanted: nothing is called any more. NULL is fine. Returns NULL. */
struct speech_job *speech_abandon(struct speech_job *job);

#endif
