/* SPDX-License-Identifier: Apache-2.0 */
/* Speak and listen through a speech plugin on this thread, with the results kept for asserts. */
#ifndef SPEECH_RIG_H
#define SPEECH_RIG_H

#include <parley/testkit/fake_host.h>

#include <parley/speech.h>

#define RIG_MAX_SAMPLES (60 * 16000)

struct speech_rig {
    struct fake_plugin *plugin;
    const struct parley_speech_vtable *speech;
    struct parley_speech_caps caps;
    struct parley_error err;
    size_t stop_after; /* on_samples asks to stop once it has so many; 0: never */
    size_t calls;      /* of on_samples or on_text in the last call */
    size_t count;      /* samples of the last speech */
    int16_t samples[RIG_MAX_SAMPLES];
    char text[8192]; /* the last transcript */
};

/* Open the plugin with these options. NULL with err filled when it refuses. Freed by close. */
struct speech_rig *speech_rig_open(const char *path, const char *const *options,
                                   struct parley_error *err);
void speech_rig_close(struct speech_rig *rig);

/* A second caller's results for the same plugin; free() it. */
struct speech_rig *speech_rig_share(const struct speech_rig *rig);

/* Fill samples and count. Returns the plugin's status. */
int speech_rig_say(struct speech_rig *rig, const char *voice, const char *text, double speed);

/* Fill text from `count` samples. Returns the plugin's status. */
int speech_rig_hear(struct speech_rig *rig, const int16_t *samples, size_t count);

/* Put `ms` of silence before and after the samples that were said. */
void speech_rig_pad(struct speech_rig *rig, size_t ms);

#endif
