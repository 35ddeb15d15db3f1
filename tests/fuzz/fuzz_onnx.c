/* SPDX-License-Identifier: Apache-2.0 */
/* A model file: every tensor that is shown can be read to its end. */
#include "fuzz.h"

#include "audio/onnx.h"
#include "audio/vad_silero.h"

static void read_all(void *ctx, const struct onnx_tensor *t)
{
    volatile float *last = ctx;

    for (size_t i = 0; i < t->raw.len / 4; i++)
        *last = onnx_float(t, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parley_view file = {(const char *)data, size};
    struct silero_weights *weights = NULL;
    volatile float last = 0;

    (void)onnx_walk(file, read_all, (void *)&last, NULL);
    (void)silero_weights_parse(file, &weights, NULL);
    silero_weights_destroy(weights);
    return 0;
}
