/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realtime model as ears and voice alone, for agents whose answers come from elsewhere: it writes
 * down utterances and reads sentences aloud, and is never asked for an answer. Behind the functions
 * of speech.h, so that a cascade cannot tell it from a speech plugin. Each utterance or sentence
 * has a session of the model for itself; sessions that are done wait a while for the next.
 * Thread: the worker's.
 */
#ifndef HOST_SPEECH_MODEL_H
#define HOST_SPEECH_MODEL_H

#include "host/speech.h"

/* What speech.c looks at first in a job. */
struct speech_job_head {
    void (*abandon)(struct speech_job *job); /* NULL: a job of the pool */
};

/* Thread: any. Neither ears nor voice when the model cannot do it. */
void speech_model_caps(const struct instance *instance, struct parley_speech_caps *ret_caps);

int speech_model_transcribe(struct worker_instance *wi, const struct speech_utterance *utterance,
                            speech_on_text on_text, void *ctx, struct speech_job **ret_job,
                            struct parley_error *err);
int speech_model_synthesise(struct worker_instance *wi, const struct speech_sentence *sentence,
                            const struct speech_voice_events *events, void *ctx,
                            struct speech_job **ret_job, struct parley_error *err);

#endif
