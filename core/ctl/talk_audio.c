/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/talk_audio.h"

#include "audio/pcm.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/loop.h"

#include <alsa/asoundlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MS        20
#define MAX_FRAME       960 /* samples: 20 ms at 48 kHz */
#define LATENCY_US      80000
#define MAX_QUEUE_BYTES (64u << 20)

struct talk_audio {
    struct talk_audio_config config;
    snd_pcm_t *input;
    snd_pcm_t *output;
    pthread_t input_thread;
    pthread_t output_thread;
    bool has_input_thread;
    bool has_output_thread;
    atomic_bool is_ending;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t more;
    struct buf queue; /* samples to play */
    uint64_t played;  /* samples since the mark */
    bool is_writing;
};

/* Samples of the microphone on their way to the loop. */
struct captured {
    struct talk_audio *audio;
    size_t count;
    int16_t samples[MAX_FRAME];
};

static void captured_arrives(void *arg)
{
    struct captured *c = arg;

    c->audio->config.on_samples(c->audio->config.ctx, c->samples, c->count);
    free(c);
}

static void *input_main(void *arg)
{
    struct talk_audio *a = arg;
    size_t frame = (size_t)a->config.input_rate_hz * FRAME_MS / 1000;

    while (!atomic_load(&a->is_ending)) {
        struct captured *c = calloc(1, sizeof(*c));
        if (c == NULL)
            break;
        snd_pcm_sframes_t got = snd_pcm_readi(a->input, c->samples, frame);
        c->audio = a;
        c->count = got > 0 ? (size_t)got : 0;
        if (got > 0 && loop_post(a->config.loop, captured_arrives, free, c))
            continue;
        free(c);
        if (got < 0 && snd_pcm_recover(a->input, (int)got, 1) < 0)
            break;
    }
    return NULL;
}

/* The next frame to play; waits for one. False at the end. */
static bool next_frame(struct talk_audio *a, int16_t *frame, size_t *ret_count)
{
    size_t want = (size_t)a->config.output_rate_hz * FRAME_MS / 1000;
    size_t count;

    pthread_mutex_lock(&a->lock);
    a->is_writing = false;
    while (a->queue.len == 0 && !atomic_load(&a->is_ending))
        pthread_cond_wait(&a->more, &a->lock);
    const int16_t *samples = pcm_view(&a->queue, &count);
    count = count < want ? count : want;
    if (count > 0) {
        memcpy(frame, samples, count * sizeof(*frame));
        buf_consume(&a->queue, count * sizeof(*frame));
    }
    a->played += count;
    a->is_writing = count > 0;
    pthread_mutex_unlock(&a->lock);
    *ret_count = count;
    return !atomic_load(&a->is_ending);
}

static void *output_main(void *arg)
{
    struct talk_audio *a = arg;
    int16_t frame[MAX_FRAME];
    size_t count;

    while (next_frame(a, frame, &count)) {
        snd_pcm_sframes_t put = snd_pcm_writei(a->output, frame, count);
        if (put < 0 && snd_pcm_recover(a->output, (int)put, 1) < 0)
            break;
    }
    return NULL;
}

static int open_device(const struct talk_audio *a, snd_pcm_stream_t direction, int rate_hz,
                       snd_pcm_t **ret, struct parley_error *err)
{
    const char *device = a->config.device == NULL ? "default" : a->config.device;
    const char *what = direction == SND_PCM_STREAM_CAPTURE ? "microphone" : "speaker";
    int r = snd_pcm_open(ret, device, direction, 0);

    if (r >= 0)
        r = snd_pcm_set_params(*ret, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, 1,
                               (unsigned)rate_hz, 1, LATENCY_US);
    if (r >= 0)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_UNAVAILABLE,
                       "the %s \"%s\" cannot be used: %s; aplay -L lists devices for --device, and "
                       "--wav and --save need none",
                       what, device, snd_strerror(r));
}

static int open_devices(struct talk_audio *a, struct parley_error *err)
{
    int r = PARLEY_OK;

    if (a->config.input_rate_hz != 0)
        r = open_device(a, SND_PCM_STREAM_CAPTURE, a->config.input_rate_hz, &a->input, err);
    if (r == PARLEY_OK && a->config.output_rate_hz != 0)
        r = open_device(a, SND_PCM_STREAM_PLAYBACK, a->config.output_rate_hz, &a->output, err);
    if (r < 0)
        return r;
    a->has_input_thread =
        a->input != NULL && pthread_create(&a->input_thread, NULL, input_main, a) == 0;
    a->has_output_thread =
        a->output != NULL && pthread_create(&a->output_thread, NULL, output_main, a) == 0;
    if (a->has_input_thread == (a->input != NULL) && a->has_output_thread == (a->output != NULL))
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_NO_MEMORY, "no thread for sound");
}

/* ALSA's library writes its own complaints to standard error; ours say more. */
static void be_quiet(const char *file, int line, const char *function, int error,
                     const char *format, ...)
{
    (void)file;
    (void)line;
    (void)function;
    (void)error;
    (void)format;
}

int talk_audio_open(const struct talk_audio_config *config, struct talk_audio **ret,
                    struct parley_error *err)
{
    struct talk_audio *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for sound");
    (void)snd_lib_error_set_handler(be_quiet);
    a->config = *config;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->more, NULL);
    int r = open_devices(a, err);
    if (r < 0)
        talk_audio_close(a);
    else
        *ret = a;
    return r;
}

void talk_audio_play(struct talk_audio *a, const int16_t *samples, size_t count)
{
    pthread_mutex_lock(&a->lock);
    if (a->queue.len < MAX_QUEUE_BYTES)
        pcm_append(&a->queue, samples, count);
    pthread_cond_signal(&a->more);
    pthread_mutex_unlock(&a->lock);
}

void talk_audio_mark(struct talk_audio *a)
{
    pthread_mutex_lock(&a->lock);
    a->played = 0;
    pthread_mutex_unlock(&a->lock);
}

int64_t talk_audio_flush_ms(struct talk_audio *a)
{
    pthread_mutex_lock(&a->lock);
    int64_t played_ms = a->queue.len == 0 || a->config.output_rate_hz == 0
                            ? -1
                            : (int64_t)(a->played * 1000 / (uint64_t)a->config.output_rate_hz);
    buf_clear(&a->queue);
    pthread_mutex_unlock(&a->lock);
    if (a->output != NULL && played_ms >= 0) {
        (void)snd_pcm_drop(a->output);
        (void)snd_pcm_prepare(a->output);
    }
    return played_ms;
}

bool talk_audio_is_playing(struct talk_audio *a)
{
    pthread_mutex_lock(&a->lock);
    bool is_playing = a->queue.len > 0 || a->is_writing;
    pthread_mutex_unlock(&a->lock);
    return is_playing;
}

struct talk_audio *talk_audio_close(struct talk_audio *a)
{
    if (a == NULL)
        return NULL;
    pthread_mutex_lock(&a->lock);
    atomic_store(&a->is_ending, true);
    pthread_cond_signal(&a->more);
    pthread_mutex_unlock(&a->lock);
    if (a->has_input_thread)
        pthread_join(a->input_thread, NULL);
    if (a->has_output_thread)
        pthread_join(a->output_thread, NULL);
    /* What the microphone has posted and did not run is dropped with the loop, which does not run
     * again after this. */
    if (a->input != NULL)
        snd_pcm_close(a->input);
    if (a->output != NULL)
        snd_pcm_close(a->output);
    (void)snd_config_update_free_global();
    buf_done(&a->queue);
    pthread_cond_destroy(&a->more);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}
