/* SPDX-License-Identifier: Apache-2.0 */
/* A tone as base64, for audio that a test can recognise. */
#ifndef MODEL_SCRIPT_TONE_H
#define MODEL_SCRIPT_TONE_H

#include <stdint.h>

/* "audio/pcm" (24 kHz), "audio/pcmu", "audio/pcma": bytes of one millisecond. */
uint32_t tone_bytes_per_ms(const char *format);

/* So many milliseconds of 440 Hz; the caller frees it. NULL without memory. */
char *tone_base64(const char *format, uint32_t ms);

#endif
