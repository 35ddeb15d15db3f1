/* SPDX-License-Identifier: Apache-2.0 */
/* Microphone and speaker, where ALSA was there when parleyctl was built. */
#ifndef CTL_TALK_AUDIO_H
#define CTL_TALK_AUDIO_H

#include <parley/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct talk_audio;

struct talk_audio_config {
    struct loop *loop;
    const char *device; /* of ALSA; NULL: "default" */
    int input_rate_hz;  /* 0: no microphone */
    int output_rate_hz; /* 0: no speaker */
    /* From the microphone, on the loop's thread. */
    void (*on_samples)(void *ctx, const int16_t *samples, size_t count);
    void *ctx;
};

/* PARLEY_E_UNSUPPORTED: built without ALSA. PARLEY_E_UNAVAILABLE: the device, and what to try. */
int talk_audio_open(const struct talk_audio_config *config, struct talk_audio **ret,
                    struct parley_error *err);

/* Queue samples for the speaker. */
void talk_audio_play(struct talk_audio *a, const int16_t *samples, size_t count);

/* A new answer: what is played counts from here. */
void talk_audio_mark(struct talk_audio *a);

/* Throw away what was not played yet; returns how much was, since the mark, or -1 when nothing was
 * left to throw away. */
int64_t talk_audio_flush_ms(struct talk_audio *a);

/* Is something still to be played? */
bool talk_audio_is_playing(struct talk_audio *a);

/* NULL is fine. Returns NULL. The loop must not run again while there was a microphone. */
struct talk_audio *talk_audio_close(struct talk_audio *a);

#endif
