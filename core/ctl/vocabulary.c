/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/vocabulary.h"

#include "base/base64.h"
#include "base/str.h"

#define ASSIGNMENT "llama_vocab_base64"

/* Past the assignment's opening quote, or at the end. */
static size_t find_string(struct parley_view source)
{
    const char *at = source.len == 0 ? NULL
                                     : memmem(source.data, source.len, ASSIGNMENT " = \"",
                                              sizeof(ASSIGNMENT " = \"") - 1);

    return at == NULL ? source.len : (size_t)(at - source.data) + sizeof(ASSIGNMENT " = \"") - 1;
}

int vocabulary_extract(struct parley_view source, struct buf *out, struct parley_error *err)
{
    size_t start = find_string(source);
    struct parley_view text = {NULL, 0};

    if (start < source.len) {
        const char *end = memchr(source.data + start, '"', source.len - start);
        if (end != NULL)
            text = (struct parley_view){source.data + start, (size_t)(end - source.data) - start};
    }
    if (text.len == 0)
        return parley_fail(err, PARLEY_E_INVALID, "has no string " ASSIGNMENT);
    if (!base64_decode(out, text))
        return parley_fail(err, PARLEY_E_INVALID, "the string " ASSIGNMENT " is not base64");
    return out->failed ? parley_fail(err, PARLEY_E_NO_MEMORY, "no memory for the vocabulary")
                       : PARLEY_OK;
}
