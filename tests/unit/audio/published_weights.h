/* SPDX-License-Identifier: Apache-2.0 */
/* The published weights of Silero VAD, when the set-up has brought them; else the test is skipped.
 */
#ifndef PUBLISHED_WEIGHTS_H
#define PUBLISHED_WEIGHTS_H

#include "audio/vad_silero.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline struct silero_weights *published_weights(void)
{
    static const char *const folders[] = {"PARLEY_MODEL_DIR", "PARLEY_BUILD_MODELS"};
    struct silero_weights *weights = NULL;

    for (size_t i = 0; i < ARRAY_LEN(folders) && weights == NULL; i++) {
        const char *folder = getenv(folders[i]);
        char path[4096];

        snprintf(path, sizeof(path), "%s/silero-vad/silero_vad.onnx",
                 folder == NULL ? "." : folder);
        if (access(path, R_OK) == 0)
            assert_int_equal(silero_weights_load(path, &weights, NULL), PARLEY_OK);
    }
    return weights;
}

#endif
