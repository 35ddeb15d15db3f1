/* SPDX-License-Identifier: Apache-2.0 */
#include "realtime/session_object.h"

#include "base/json.h"

#include <string.h>

static const struct {
    const char *name;
    uint32_t rate;
    uint32_t bytes_per_sample;
} formats[RT_AUDIO_COUNT] = {
    [RT_AUDIO_PCM24K] = {"audio/pcm", 24000, 2},
    [RT_AUDIO_PCMU] = {"audio/pcmu", 8000, 1},
    [RT_AUDIO_PCMA] = {"audio/pcma", 8000, 1},
};

const char *rt_audio_name(enum rt_audio audio)
{
    return formats[audio].name;
}

enum rt_audio rt_audio_of(const json_t *format)
{
    const char *type = json_get_str(format, "type", "");

    for (unsigned i = 0; i < RT_AUDIO_COUNT; i++) {
        if (strcmp(type, formats[i].name) == 0)
            return (enum rt_audio)i;
    }
    return RT_AUDIO_PCM24K;
}

uint32_t rt_audio_rate(enum rt_audio audio)
{
    return formats[audio].rate;
}

uint32_t rt_audio_bytes_per_sample(enum rt_audio audio)
{
    return formats[audio].bytes_per_sample;
}

uint32_t rt_audio_bytes_per_ms(enum rt_audio audio)
{
    return formats[audio].rate / 1000 * formats[audio].bytes_per_sample;
}

int64_t rt_audio_ms(enum rt_audio audio, uint64_t bytes)
{
    return (int64_t)(bytes / rt_audio_bytes_per_ms(audio));
}
