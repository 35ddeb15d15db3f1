/* SPDX-License-Identifier: Apache-2.0 */
#include "cascade/trailing.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <ctype.h>

/* Conjunctions, articles, prepositions, fillers: nobody means to stop after one. "Is", "it" and the
 * like are not here, since questions end in them. */
static const char *const open_words[] = {
    "a",  "an",   "the",  "and", "or", "but",  "because", "if", "to", "of", "with", "for", "from",
    "at", "into", "than", "as",  "my", "your", "his",     "i",  "um", "uh", "er",   "erm", "hmm",
};

static bool ends_open(struct parley_view words)
{
    return view_ends_with(words, VIEW(",")) || view_ends_with(words, VIEW("-")) ||
           view_ends_with(words, VIEW("...")) || view_ends_with(words, VIEW("\xe2\x80\xa6"));
}

bool words_trail_off(struct parley_view words)
{
    words = view_trim(words);
    if (ends_open(words))
        return true;
    /* A recogniser puts a full stop after everything; a question mark means something. */
    while (words.len > 0 && words.data[words.len - 1] == '.')
        words.len--;

    size_t start = words.len;
    while (start > 0 && isalpha((unsigned char)words.data[start - 1]))
        start--;
    struct parley_view last = {words.data + start, words.len - start};
    for (size_t i = 0; i < ARRAY_LEN(open_words); i++) {
        if (view_equal_nocase(last, view_of(open_words[i])))
            return true;
    }
    return false;
}
