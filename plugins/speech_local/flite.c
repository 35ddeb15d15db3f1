/* SPDX-License-Identifier: Apache-2.0 */
#include "voice.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <flite/flite.h>
#include <speex/speex_resampler.h>

#include "pool.h"

#define CHUNK_SAMPLES 320 /* 20 ms: how often the listener may stop us */
#define RESAMPLED_MAX 4096
#define SLOWEST       0.25
#define FASTEST       4.0

/* Not in flite's headers; each library of a voice exports its pair. */
cst_voice *register_cmu_us_slt(const char *folder);
cst_voice *register_cmu_us_rms(const char *folder);
cst_voice *register_cmu_us_awb(const char *folder);
cst_voice *register_cmu_us_kal16(const char *folder);
cst_voice *register_cmu_us_kal(const char *folder);
void unregister_cmu_us_slt(cst_voice *voice);
void unregister_cmu_us_rms(cst_voice *voice);
void unregister_cmu_us_awb(cst_voice *voice);
void unregister_cmu_us_kal16(cst_voice *voice);
void unregister_cmu_us_kal(cst_voice *voice);

static const struct {
    const char *name;
    cst_voice *(*open)(const char *folder);
    void (*close)(cst_voice *voice);
} known[] = {
    {"flite:slt", register_cmu_us_slt, unregister_cmu_us_slt},
    {"flite:rms", register_cmu_us_rms, unregister_cmu_us_rms},
    {"flite:awb", register_cmu_us_awb, unregister_cmu_us_awb},
    {"flite:kal16", register_cmu_us_kal16, unregister_cmu_us_kal16},
    {"flite:kal", register_cmu_us_kal, unregister_cmu_us_kal},
};

#define KNOWN_COUNT (sizeof(known) / sizeof(*known))
#define NAMES       "flite:slt,flite:rms,flite:awb,flite:kal16,flite:kal"

struct voices {
    cst_voice *base[KNOWN_COUNT];
    struct pool pools[KNOWN_COUNT]; /* of struct speaker */
};

/* --- One caller's voice --------------------------------------------------------------------------
 */

/*
 * The hook that takes the samples lies in the table of a voice's features, so every caller needs a
 * voice of its own. It links to the registered one instead of copying it: the data stays shared and
 * is only read.
 */
struct speaker {
    cst_voice *voice;
    SpeexResamplerState *resampler; /* NULL when the voice has the right rate */
    float stretch;                  /* of the registered voice */
    parley_speech_samples on_samples;
    void *ctx;
    int was_stopped;
};

static void speaker_destroy(void *object)
{
    struct speaker *speaker = object;

    if (speaker->resampler != NULL)
        speex_resampler_destroy(speaker->resampler);
    delete_voice(speaker->voice);
    free(speaker);
}

static int hand_over(struct speaker *speaker, const int16_t *samples, size_t count)
{
    if (count > 0 && speaker->on_samples(speaker->ctx, samples, count) != 0)
        speaker->was_stopped = 1;
    return speaker->was_stopped;
}

static void resample(struct speaker *speaker, const int16_t *samples, size_t count)
{
    int16_t out[RESAMPLED_MAX];

    while (count > 0 && !speaker->was_stopped) {
        spx_uint32_t taken = (spx_uint32_t)count, made = RESAMPLED_MAX;
        speex_resampler_process_int(speaker->resampler, 0, samples, &taken, out, &made);
        if (taken == 0 && made == 0)
            return;
        hand_over(speaker, out, made);
        samples += taken;
        count -= taken;
    }
}

/* The rest that the resampler holds back. */
static void flush(struct speaker *speaker)
{
    static const int16_t silence[CHUNK_SAMPLES];

    if (speaker->resampler == NULL || speaker->was_stopped)
        return;
    resample(speaker, silence, (size_t)speex_resampler_get_input_latency(speaker->resampler));
}

static int on_chunk(const cst_wave *wave, int start, int size, int last,
                    cst_audio_streaming_info *info)
{
    struct speaker *speaker = info->userdata;

    (void)last;
    if (start < 0 || size < 0 || speaker->was_stopped)
        return CST_AUDIO_STREAM_STOP;
    if (speaker->resampler != NULL)
        resample(speaker, wave->samples + start, (size_t)size);
    else
        hand_over(speaker, wave->samples + start, (size_t)size);
    return speaker->was_stopped ? CST_AUDIO_STREAM_STOP : CST_AUDIO_STREAM_CONT;
}

static cst_voice *linked_voice(cst_voice *base, struct speaker *speaker)
{
    cst_voice *voice = new_voice();
    cst_audio_streaming_info *info = new_audio_streaming_info();

    voice->name = base->name;
    voice->utt_init = base->utt_init;
    feat_link_into(base->features, voice->features);
    feat_link_into(base->ffunctions, voice->ffunctions);
    info->asc = on_chunk;
    info->min_buffsize = CHUNK_SAMPLES;
    info->userdata = speaker;
    feat_set(voice->features, "streaming_info", audio_streaming_info_val(info));
    return voice;
}

static int speaker_create(void *ctx, void **ret_object, struct parley_error *err)
{
    cst_voice *base = ctx;
    int rate = get_param_int(base->features, "sample_rate", VOICE_RATE_HZ);

    struct speaker *speaker = calloc(1, sizeof(*speaker));
    if (speaker == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "flite: no memory for a voice");
    speaker->voice = linked_voice(base, speaker);
    speaker->stretch = get_param_float(base->features, "duration_stretch", 1.0f);
    if (rate != VOICE_RATE_HZ) {
        speaker->resampler = speex_resampler_init(1, (spx_uint32_t)rate, VOICE_RATE_HZ, 3, NULL);
        if (speaker->resampler == NULL) {
            speaker_destroy(speaker);
            return parley_fail(err, PARLEY_E_NO_MEMORY, "flite: no memory to resample a voice");
        }
    }
    *ret_object = speaker;
    return PARLEY_OK;
}

static int say(struct speaker *speaker, const char *text, double speed, struct parley_error *err)
{
    feat_set_float(speaker->voice->features, "duration_stretch", speaker->stretch / (float)speed);
    if (speaker->resampler != NULL) {
        speex_resampler_reset_mem(speaker->resampler);
        speex_resampler_skip_zeros(speaker->resampler);
    }
    cst_utterance *utterance = flite_synth_text(text, speaker->voice);
    if (utterance == NULL)
        return parley_fail(err, PARLEY_E_INTERNAL, "flite: cannot say this text");
    delete_utterance(utterance);
    flush(speaker);
    if (speaker->was_stopped)
        return parley_fail(err, PARLEY_E_CANCELLED, "the listener wants no more");
    return PARLEY_OK;
}

/* --- All voices ----------------------------------------------------------------------------------
 */

const char *voices_names(const struct voices *voices)
{
    return voices == NULL ? "" : NAMES;
}

static size_t index_of(const char *name)
{
    size_t i = 0;

    while (i < KNOWN_COUNT && strcmp(known[i].name, name) != 0 &&
           strcmp(known[i].name + strlen("flite:"), name) != 0)
        i++;
    return i;
}

const char *voices_find(const struct voices *voices, const char *name)
{
    size_t i = index_of(name);

    return voices == NULL || i == KNOWN_COUNT ? NULL : known[i].name;
}

int voices_say(struct voices *voices, const char *name, const char *text, double speed,
               parley_speech_samples on_samples, void *ctx, struct parley_error *err)
{
    size_t i = index_of(name);
    void *object = NULL;

    if (voices == NULL || i == KNOWN_COUNT)
        return parley_fail(err, PARLEY_E_NOT_FOUND, "voice '%s': there is %s", name, NAMES);
    int r = pool_take(&voices->pools[i], NULL, &object, err);
    if (r < 0)
        return r;
    struct speaker *speaker = object;
    speaker->on_samples = on_samples;
    speaker->ctx = ctx;
    speaker->was_stopped = 0;
    if (!(speed > 0)) /* 0 and NaN: not given */
        speed = 1.0;
    r = say(speaker, text, speed < SLOWEST ? SLOWEST : speed > FASTEST ? FASTEST : speed, err);
    pool_give(&voices->pools[i], speaker);
    return r;
}

int voices_create(struct voices **ret_voices, struct parley_error *err)
{
    struct voices *voices = calloc(1, sizeof(*voices));

    if (voices == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "flite: no memory");
    flite_init();
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        voices->base[i] = known[i].open(NULL);
        pool_init(&voices->pools[i], POOL_MAX, speaker_create, speaker_destroy, voices->base[i]);
    }
    *ret_voices = voices;
    return PARLEY_OK;
}

void voices_destroy(struct voices *voices)
{
    if (voices == NULL)
        return;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        pool_done(&voices->pools[i]);
        known[i].close(voices->base[i]);
    }
    free(voices);
}
