/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PocketSphinx with the distribution's general English model: needs no download, understands less,
 * gives words in lower case without punctuation. Each decoder holds 93 MB of its own.
 */
#include "ears.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pocketsphinx.h>
#include <sphinxbase/cmn.h>
#include <sphinxbase/err.h>
#include <sphinxbase/feat.h>

#include "pool.h"

#define MODEL_DIR POCKETSPHINX_MODEL_DIR "/en-us"
#define ACOUSTIC  MODEL_DIR "/en-us"
#define LANGUAGE  MODEL_DIR "/en-us.lm.bin"
#define WORDS     MODEL_DIR "/cmudict-en-us.dict"

#define MAX_WHOLE (8 * EARS_RATE_HZ)
#define PIECE     (EARS_RATE_HZ / 10) /* between two looks at the cancel flag */

/* Coefficients of the mean that is subtracted from the sound's features. */
#define MEAN_COUNT 13

struct pocketsphinx_ears {
    struct ears base;
    struct pool pool;
};

struct decoder {
    ps_decoder_t *ps;
    mfcc_t mean[MEAN_COUNT]; /* as a fresh decoder has it */
};

static void decoder_destroy(void *object)
{
    struct decoder *decoder = object;

    if (decoder->ps != NULL)
        ps_free(decoder->ps);
    free(decoder);
}

static int decoder_create(void *ctx, void **ret_object, struct parley_error *err)
{
    struct decoder *decoder = calloc(1, sizeof(*decoder));

    (void)ctx;
    if (decoder == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "pocketsphinx: no memory");
    err_set_logfp(NULL); /* it is talkative; a -logfn would be opened, and left open, each time */
    cmd_ln_t *config =
        cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", ACOUSTIC, "-lm", LANGUAGE, "-dict", WORDS, NULL);
    if (config != NULL) {
        decoder->ps = ps_init(config);
        cmd_ln_free_r(config);
    }
    if (decoder->ps == NULL) {
        decoder_destroy(decoder);
        return parley_fail(err, PARLEY_E_INTERNAL,
                           "pocketsphinx: cannot read its model in %s; install the package "
                           "pocketsphinx-en-us again",
                           MODEL_DIR);
    }
    cmn_live_get(ps_get_feat(decoder->ps)->cmn_struct, decoder->mean);
    *ret_object = decoder;
    return PARLEY_OK;
}

/* Forget the last speaker's voice: the next utterance may be another person's. */
static void forget_speaker(struct decoder *decoder)
{
    cmn_live_set(ps_get_feat(decoder->ps)->cmn_struct, decoder->mean);
}

static int process(struct decoder *decoder, const int16_t *samples, size_t count, int is_whole,
                   struct parley_error *err)
{
    if (ps_process_raw(decoder->ps, samples, count, FALSE, is_whole) < 0)
        return parley_fail(err, PARLEY_E_INTERNAL, "pocketsphinx: decoding failed");
    return PARLEY_OK;
}

/*
 * Given an utterance whole, the decoder first measures the speaker and room over all of it, which
 * spares about one wrong word in five; but it cannot be stopped then. So long ones go in pieces.
 */
static int feed(struct decoder *decoder, const struct parley_transcribe *request,
                struct parley_error *err)
{
    size_t piece = request->sample_count <= MAX_WHOLE ? MAX_WHOLE : PIECE;

    for (size_t at = 0; at < request->sample_count; at += piece) {
        size_t left = request->sample_count - at;
        if (request->cancelled != NULL &&
            __atomic_load_n(request->cancelled, __ATOMIC_RELAXED) != 0)
            return parley_fail(err, PARLEY_E_CANCELLED, "cancelled while decoding");
        int r = process(decoder, request->samples + at, left < piece ? left : piece,
                        piece == MAX_WHOLE, err);
        if (r < 0)
            return r;
    }
    return PARLEY_OK;
}

static int decode(struct decoder *decoder, const struct parley_transcribe *request,
                  parley_speech_text on_text, void *ctx, struct parley_error *err)
{
    forget_speaker(decoder);
    if (ps_start_utt(decoder->ps) < 0)
        return parley_fail(err, PARLEY_E_INTERNAL, "pocketsphinx: cannot begin an utterance");
    int r = feed(decoder, request, err);
    if (ps_end_utt(decoder->ps) < 0 && r == PARLEY_OK)
        r = parley_fail(err, PARLEY_E_INTERNAL, "pocketsphinx: cannot end an utterance");
    if (r < 0)
        return r;
    const char *words = ps_get_hyp(decoder->ps, NULL);
    if (words == NULL)
        words = "";
    on_text(ctx, (struct parley_view){words, strlen(words)});
    return PARLEY_OK;
}

static int pocketsphinx_ears_transcribe(struct ears *ears, const struct parley_transcribe *request,
                                        parley_speech_text on_text, void *ctx,
                                        struct parley_error *err)
{
    struct pocketsphinx_ears *self = (struct pocketsphinx_ears *)(void *)ears;
    void *decoder = NULL;

    int r = pool_take(&self->pool, request->cancelled, &decoder, err);
    if (r < 0)
        return r;
    r = decode(decoder, request, on_text, ctx, err);
    pool_give(&self->pool, decoder);
    return r;
}

static int pocketsphinx_ears_warm(struct ears *ears, struct parley_error *err)
{
    struct pocketsphinx_ears *self = (struct pocketsphinx_ears *)(void *)ears;
    void *decoder = NULL;

    int r = pool_take(&self->pool, NULL, &decoder, err);
    if (r == PARLEY_OK)
        pool_give(&self->pool, decoder);
    return r;
}

static void pocketsphinx_ears_destroy(struct ears *ears)
{
    struct pocketsphinx_ears *self = (struct pocketsphinx_ears *)(void *)ears;

    pool_done(&self->pool);
    free(self);
}

int pocketsphinx_ears_create(size_t workers, struct ears **ret_ears, struct parley_error *err)
{
    static const char *const needed[] = {ACOUSTIC "/mdef", LANGUAGE, WORDS};

    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
        if (access(needed[i], R_OK) != 0)
            return parley_fail(err, PARLEY_E_NOT_FOUND,
                               "%s is missing: apt install pocketsphinx-en-us", needed[i]);
    }
    struct pocketsphinx_ears *self = calloc(1, sizeof(*self));
    if (self == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "pocketsphinx: no memory");
    self->base = (struct ears){
        .name = "pocketsphinx",
        .warm = pocketsphinx_ears_warm,
        .transcribe = pocketsphinx_ears_transcribe,
        .destroy = pocketsphinx_ears_destroy,
    };
    pool_init(&self->pool, workers, decoder_create, decoder_destroy, NULL);
    *ret_ears = &self->base;
    return PARLEY_OK;
}
