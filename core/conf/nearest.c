/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_WORD 64 /* longer ones are not compared */

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LONGEST_WORD + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = last[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = min_of(replace, min_of(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = min_of(row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b_len];
}

struct nearest nearest_to(const char *word)
{
    return (struct nearest){.word = word, .distance = SIZE_MAX};
}

void nearest_offer(struct nearest *n, const char *known)
{
    size_t word_len = strlen(n->word);
    size_t known_len = strlen(known);

    if (word_len > LONGEST_WORD || known_len > LONGEST_WORD || word_len == 0)
        return;
    size_t longer = word_len > known_len ? word_len : known_len;
    size_t limit =
        longer <= 3 ? 1 : (longer + 2) / 3; /* beyond it the words have little in common */
    size_t distance = edit_distance(n->word, word_len, known, known_len);
    if (distance <= limit && distance < n->distance) {
        n->best = known;
        n->distance = distance;
    }
}

const char *nearest_hint(const struct nearest *n, char *out, size_t out_size)
{
    if (n->best == NULL)
        out[0] = '\0';
    else
        (void)snprintf(out, out_size, "; did you mean \"%s\"?", n->best);
    return out;
}
