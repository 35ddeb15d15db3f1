/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speech as loudness above a tracked noise floor: no file, 0.006 % of a core a stream. Right in
 * quiet rooms; noise louder than 10 dB below the voice, music and hum count as speech.
 */
#ifndef AUDIO_VAD_ENERGY_H
#define AUDIO_VAD_ENERGY_H

#include "audio/vad.h"

/* NULL without memory. */
struct vad *vad_energy_create(void);

#endif
