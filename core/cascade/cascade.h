/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cascade/ makes a realtime model of a text model and a speech instance: it opens sessions through
 * the same table as a plugin (struct parley_model_vtable), so that nobody above can tell it from
 * one. It owns turn detection, transcription before the answer, sentences, paced speech, what the
 * model remembers of what was heard. It does not run tools, keep sessions or know agents.
 *
 *   audio -> ears.c -> hearing.c (speech to text) -> dialogue.c (items)
 *                                                       |
 *   client events -> inbox.c -> answer.c <- chat instance
 *                                  |
 *                     mouth.c (sentences to speech, paced) -> outbox.c -> server events
 *
 * Small pure pieces: sentences.c, heard.c, pacer.c, trailing.c. Everything runs on the worker's
 * thread; heavy work goes to the pool through host/speech.h and comes back to it.
 */
#ifndef CASCADE_CASCADE_H
#define CASCADE_CASCADE_H

#include "audio/vad_silero.h"
#include "host/model.h"
#include "host/worker_instance.h"

#include <parley/error.h>

struct cascade;

/* What a cascade is made of; all of it must outlive it. */
struct cascade_config {
    const char *title; /* "model local", for logs and errors */
    struct parley_worker *worker;
    struct worker_instance *chat;
    struct worker_instance *speech;       /* NULL: text only */
    const struct silero_weights *weights; /* NULL: speech is detected by loudness */
};

/* NULL without memory. Thread: the worker's, like everything here but cascade_caps(). */
struct cascade *cascade_create(const struct cascade_config *config);

/* Every session of it has closed. NULL is fine. Returns NULL. */
struct cascade *cascade_destroy(struct cascade *c);

/* The pair as a model to open sessions on; lives as long as the cascade. */
const struct model *cascade_model(const struct cascade *c);

/* What a cascade with this speech instance (NULL: none) can do, before any worker runs. Thread:
 * any. */
void cascade_caps(const struct instance *speech, struct parley_model_caps *ret_caps);

/*
 * Find and load the weights of the speech detector, silero-vad/silero_vad.onnx: in `model_dir` when
 * it is not empty, else where the environment's PARLEY_MODEL_DIR says, else beside the build tree
 * that the program runs from, in the user's data folder, /var/lib/parley/models and the
 * installation's data folder. PARLEY_E_NOT_FOUND: the error names where it was looked for. Thread:
 * main, once; free with silero_weights_destroy().
 */
int cascade_load_weights(const char *model_dir, struct silero_weights **ret,
                         struct parley_error *err);

#endif
