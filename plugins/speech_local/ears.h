/* SPDX-License-Identifier: Apache-2.0 */
/* What a recogniser offers to the plugin: one object per instance, used by several threads. */
#ifndef SPEECH_LOCAL_EARS_H
#define SPEECH_LOCAL_EARS_H

#include <parley/speech.h>

#include "moonshine.h"
#include "paths.h"

#define EARS_RATE_HZ 16000

struct ears {
    const char *name; /* "moonshine-tiny" */
    /* [offload] Load what the first utterance would otherwise have to wait for. */
    int (*warm)(struct ears *ears, struct parley_error *err);
    /* [offload] As in struct parley_speech_vtable; there is at least one sample. */
    int (*transcribe)(struct ears *ears, const struct parley_transcribe *request,
                      parley_speech_text on_text, void *ctx, struct parley_error *err);
    /* [main] No call is under way. */
    void (*destroy)(struct ears *ears);
};

/*
 * Moonshine, `name` being "moonshine-tiny" or "moonshine-base". Looks whether its files are there
 * but loads nothing yet; PARLEY_E_NOT_FOUND names the first that is missing. At most `workers`
 * utterances at once. `shelf` outlives the ears.
 */
int moonshine_ears_create(struct moonshine_shelf *shelf, const struct paths *paths,
                          const char *name, size_t workers, struct ears **ret_ears,
                          struct parley_error *err);

/* PocketSphinx with its general English model; PARLEY_E_NOT_FOUND when that is not installed,
 * PARLEY_E_UNSUPPORTED when the plugin was built without it. */
int pocketsphinx_ears_create(size_t workers, struct ears **ret_ears, struct parley_error *err);

#endif
