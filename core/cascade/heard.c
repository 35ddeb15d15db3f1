/* SPDX-License-Identifier: Apache-2.0 */
#include "cascade/heard.h"

#include <stdbool.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Back to the end of the last whole word in text[start, at). */
static size_t whole_words(struct parley_view text, size_t start, size_t at)
{
    bool inside = at < text.len && at > start && !is_space(text.data[at]);

    while (inside && at > start && !is_space(text.data[at - 1]))
        at--;
    while (at > 0 && is_space(text.data[at - 1]))
        at--;
    return at;
}

size_t heard_bytes(struct parley_view text, const struct heard_mark *marks, size_t count,
                   int64_t ms)
{
    struct heard_mark before = {0, 0};

    for (size_t i = 0; i < count; i++) {
        struct heard_mark mark = marks[i];

        if (mark.text_end > text.len)
            break;
        if (ms < mark.audio_end_ms) {
            int64_t length = mark.audio_end_ms - before.audio_end_ms;
            int64_t played = ms - before.audio_end_ms;
            size_t bytes = mark.text_end - before.text_end;
            size_t share = played <= 0 ? 0 : (size_t)((int64_t)bytes * played / length);
            return whole_words(text, before.text_end, before.text_end + share);
        }
        before = mark;
    }
    return whole_words(text, 0, before.text_end);
}
