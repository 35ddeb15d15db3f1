/* SPDX-License-Identifier: Apache-2.0 */
/* A WAV file: what is accepted can be read to its end and written again. */
#include "fuzz.h"

#include "audio/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wav w = {0};
    struct buf again = {0};

    if (wav_parse((struct parley_view){(const char *)data, size}, &w, NULL) == PARLEY_OK)
        wav_write(&again, w.rate_hz, w.samples, w.count);
    buf_done(&again);
    wav_done(&w);
    return 0;
}
