/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Silero VAD v6 in plain C: the 16 kHz path, 243,585 parameters, about 0.1 to 0.3 % of a core a
 * stream. The weights are read from the published ONNX file, once, and shared by all detectors and
 * threads; no inference library is needed.
 */
#ifndef AUDIO_VAD_SILERO_H
#define AUDIO_VAD_SILERO_H

#include "audio/vad.h"

#include <parley/error.h>

/* Of the file silero_vad.onnx, version 6, that this code was checked against. */
#define VAD_SILERO_SHA256 "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"

#define VAD_SILERO_MAX_FILE_BYTES (16u * 1024 * 1024)

struct silero_weights;

/* Parse a whole file. Errors name the tensor that is missing or has another shape. */
int silero_weights_parse(struct parley_view file, struct silero_weights **ret,
                         struct parley_error *err);

/* Read and parse a file. PARLEY_E_NOT_FOUND when it is not there. Thread: main. */
int silero_weights_load(const char *path, struct silero_weights **ret, struct parley_error *err);

/* After the last detector that uses them. NULL is fine. Returns NULL. */
struct silero_weights *silero_weights_destroy(struct silero_weights *w);

/* A detector for one stream; the weights must outlive it. NULL without memory. */
struct vad *vad_silero_create(const struct silero_weights *w);

#endif
