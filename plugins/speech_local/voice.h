/* SPDX-License-Identifier: Apache-2.0 */
/* Flite's English voices. One `struct voices` per plugin, used by all instances. */
#ifndef SPEECH_LOCAL_VOICE_H
#define SPEECH_LOCAL_VOICE_H

#include <parley/speech.h>

#define VOICE_RATE_HZ 16000

struct voices;

/* [main] Register the voices. PARLEY_E_UNSUPPORTED when the plugin was built without flite. */
int voices_create(struct voices **ret_voices, struct parley_error *err);

/* [main] Nobody speaks. NULL is fine. */
void voices_destroy(struct voices *voices);

/* "flite:slt,flite:rms,..." */
const char *voices_names(const struct voices *voices);

/* The full name of "slt" or "flite:slt", or NULL when there is no such voice. */
const char *voices_find(const struct voices *voices, const char *name);

/*
 * [offload] Say one sentence at 16 kHz, in plain text as speakable() makes it, by the voice of that
 * full name. Several threads at once. As synthesise in struct parley_speech_vtable.
 */
int voices_say(struct voices *voices, const char *name, const char *text, double speed,
               parley_speech_samples on_samples, void *ctx, struct parley_error *err);

#endif
