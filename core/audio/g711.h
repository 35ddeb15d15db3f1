/* SPDX-License-Identifier: Apache-2.0 */
/* ITU-T G.711, both laws, both ways. Thread: any. */
#ifndef AUDIO_G711_H
#define AUDIO_G711_H

#include <stddef.h>
#include <stdint.h>

int16_t g711_ulaw_to_linear(uint8_t code);
int16_t g711_alaw_to_linear(uint8_t code);
uint8_t g711_linear_to_ulaw(int16_t sample);
uint8_t g711_linear_to_alaw(int16_t sample);

/* Runs; the output has room for `count`. */
void g711_ulaw_decode(int16_t *samples, const uint8_t *codes, size_t count);
void g711_alaw_decode(int16_t *samples, const uint8_t *codes, size_t count);
void g711_ulaw_encode(uint8_t *codes, const int16_t *samples, size_t count);
void g711_alaw_encode(uint8_t *codes, const int16_t *samples, size_t count);

#endif
