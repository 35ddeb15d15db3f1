/* SPDX-License-Identifier: Apache-2.0 */
/* The JavaScript file with the tokenizer's vocabulary. */
#include "fuzz.h"

#include "ctl/vocabulary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = {0};

    (void)vocabulary_extract((struct parley_view){(const char *)data, size}, &out, NULL);
    buf_done(&out);
    return 0;
}
