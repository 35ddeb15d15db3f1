/* SPDX-License-Identifier: Apache-2.0 */
/* In place of talk_audio.c where there is no ALSA. */
#include "ctl/talk_audio.h"

int talk_audio_open(const struct talk_audio_config *config, struct talk_audio **ret,
                    struct parley_error *err)
{
    (void)config;
    (void)ret;
    return parley_fail(err, PARLEY_E_UNSUPPORTED,
                       "this parleyctl was built without ALSA, so there is no microphone or "
                       "speaker; install libasound2-dev and build again, or use --wav and --save");
}

void talk_audio_play(struct talk_audio *a, const int16_t *samples, size_t count)
{
    (void)a;
    (void)samples;
    (void)count;
}

void talk_audio_mark(struct talk_audio *a)
{
    (void)a;
}

int64_t talk_audio_flush_ms(struct talk_audio *a)
{
    (void)a;
    return -1;
}

bool talk_audio_is_playing(struct talk_audio *a)
{
    (void)a;
    return false;
}

struct talk_audio *talk_audio_close(struct talk_audio *a)
{
    (void)a;
    return NULL;
}
