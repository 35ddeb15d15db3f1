/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio/ owns samples: signed 16-bit mono in the machine's byte order, G.711, resampling, WAV
 * files, and the detection of speech and of turns in it. It knows nothing of events, sessions or
 * sockets, never reads a clock, and an object belongs to one thread at a time; weights are shared
 * and constant.
 *
 * This header only gathers the others for reading; include the one you need.
 */
#ifndef AUDIO_AUDIO_H
#define AUDIO_AUDIO_H

#include "audio/g711.h"
#include "audio/onnx.h"
#include "audio/pcm.h"
#include "audio/resample.h"
#include "audio/turn_detector.h"
#include "audio/vad.h"
#include "audio/vad_energy.h"
#include "audio/vad_silero.h"
#include "audio/wav.h"

#endif
