/* SPDX-License-Identifier: Apache-2.0 */
/* What flite can read aloud: flite knows ASCII only, language models write more. */
#ifndef SPEECH_LOCAL_SPEAKABLE_H
#define SPEECH_LOCAL_SPEAKABLE_H

#include <parley/error.h>

/* The longest text of one call; a sentence is far below it. */
#define SPEAKABLE_MAX 8192

/*
 * Write the text as ASCII, NUL-terminated: typographic quotes and dashes become plain ones, signs
 * become words ("20 °C" is "20 degrees C"), accents go, what is left over becomes a space. Bytes
 * that are no UTF-8 and control characters become spaces. Returns the length, or
 * PARLEY_E_TOO_LARGE when `size` does not hold it.
 */
int speakable(struct parley_view text, char *out, size_t size, struct parley_error *err);

#endif
