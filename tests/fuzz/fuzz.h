/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target defines, and libFuzzer or replay.c calls. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Feed one input, without trusting anything about it. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
