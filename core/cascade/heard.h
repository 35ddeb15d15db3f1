/* SPDX-License-Identifier: Apache-2.0 */
/* Which words of a spoken text were heard when its audio was stopped. */
#ifndef CASCADE_HEARD_H
#define CASCADE_HEARD_H

#include <parley/types.h>

#include <stdint.h>

/* A sentence of an answer: where its text and its audio end, both counted from the beginning. */
struct heard_mark {
    size_t text_end;
    int64_t audio_end_ms;
};

/*
 * Bytes of `text` that were heard in the first `ms` of its audio: whole sentences, and of the one
 * that was cut as many whole words as its share of time.
 */
size_t heard_bytes(struct parley_view text, const struct heard_mark *marks, size_t count,
                   int64_t ms);

#endif
