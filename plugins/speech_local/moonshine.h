/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moonshine: an encoder that turns a whole utterance into a sequence, and a decoder that turns the
 * sequence into word pieces, one after another. English; punctuation included. It returns nothing
 * for noise and silence.
 */
#ifndef SPEECH_LOCAL_MOONSHINE_H
#define SPEECH_LOCAL_MOONSHINE_H

#include <limits.h>
#include <parley/error.h>
#include <pthread.h>

struct moonshine;

struct moonshine_files {
    char encoder[PATH_MAX];
    char decoder[PATH_MAX];
    char tokens[PATH_MAX];
    char runtime[PATH_MAX];
};

/* The models in memory, shared by the instances that use the same files: a reload neither loads
 * them again nor holds them twice. */
struct moonshine_shelf {
    pthread_mutex_t lock;
    struct moonshine *first;
};

void moonshine_shelf_init(struct moonshine_shelf *shelf);

/* Every model was given back. */
void moonshine_shelf_done(struct moonshine_shelf *shelf);

/* The model of these files, not loaded yet unless another instance has it. NULL without memory.
 * Thread: main. */
struct moonshine *moonshine_ref(struct moonshine_shelf *shelf, const struct moonshine_files *files);

/* Thread: main, and nobody is inside the model on behalf of this reference. */
void moonshine_unref(struct moonshine_shelf *shelf, struct moonshine *model);

/* Load once; later calls return the first one's result. Blocks for about a second. Thread: any. */
int moonshine_load(struct moonshine *model, struct parley_error *err);

/*
 * The text of up to 30 s of samples at 16 kHz (longer ones are refused), appended to out[*len].
 * Blocks; a non-zero *cancelled (may be NULL) ends it. Thread: any, several at once, after a
 * successful moonshine_load().
 */
int moonshine_run(const struct moonshine *model, const float *samples, size_t count,
                  const volatile int32_t *cancelled, char *out, size_t size, size_t *len,
                  struct parley_error *err);

#endif
