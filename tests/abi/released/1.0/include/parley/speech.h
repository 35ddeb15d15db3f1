/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.speech/1: PCM to text and text to PCM, for the host's cascade. Both functions may
 * block and are called on pool threads, several at once; the host resamples, paces and encodes.
 * Samples are signed 16-bit mono in the machine's byte order.
 */
#ifndef PARLEY_SPEECH_H
#define PARLEY_SPEECH_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_ROLE_SPEECH "parley.speech/1"

#define PARLEY_SPEECH_EARS  (1u << 0) /* transcribe works */
#define PARLEY_SPEECH_VOICE (1u << 1) /* synthesise works */

struct parley_speech_caps {
    uint32_t size;
    uint32_t flags;         /* PARLEY_SPEECH_... */
    uint32_t ears_rate_hz;  /* samples a second that transcribe wants: 16000 */
    uint32_t voice_rate_hz; /* samples a second that synthesise gives */
    const char *ears;       /* for logs and `parleyctl models list`: "moonshine-tiny" */
    const char *voice;      /* the default voice: "flite:slt" */
    const char *voices;     /* names between commas */
};

struct parley_transcribe {
    uint32_t size;
    uint32_t reserved;
    const int16_t *samples; /* one utterance, at ears_rate_hz */
    size_t sample_count;
    const char *language;              /* ISO 639-1 or "" */
    const char *hints;                 /* words that are likely, between spaces, or "" */
    const volatile int32_t *cancelled; /* another thread makes it non-zero when the result is no
                                          longer wanted; look now and then, atomically */
};

struct parley_synthesise {
    uint32_t size;
    uint32_t reserved;
    struct parley_view text; /* one sentence or clause, UTF-8 */
    const char *voice;       /* a name of caps.voices, or "" for the default */
    double speed;            /* 1.0 is normal */
};

/*
 * Takes the next samples of an answer, in order; called on the thread of synthesise. Returns 0 to
 * go on, non-zero to stop: then synthesise returns PARLEY_E_CANCELLED.
 */
typedef int (*parley_speech_samples)(void *ctx, const int16_t *samples, size_t count);

/* Takes the text of an utterance, once, on the thread of transcribe, before it returns PARLEY_OK.
 */
typedef void (*parley_speech_text)(void *ctx, struct parley_view text);

struct parley_speech_vtable {
    uint32_t size;
    uint32_t reserved;
    /* [any] What this instance can do with the files and libraries that it found. */
    void (*caps)(void *instance, struct parley_speech_caps *caps);
    /* [offload] Blocks until the text is known ("" when nothing was said). */
    int (*transcribe)(void *instance, const struct parley_transcribe *request,
                      parley_speech_text on_text, void *ctx, struct parley_error *err);
    /* [offload] Blocks until all samples were handed over. */
    int (*synthesise)(void *instance, const struct parley_synthesise *request,
                      parley_speech_samples on_samples, void *ctx, struct parley_error *err);
};

#ifdef __cplusplus
}
#endif

#endif
