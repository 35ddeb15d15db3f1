/* SPDX-License-Identifier: Apache-2.0 */
/* The known word that someone probably meant, by edit distance. */
#ifndef CONF_NEAREST_H
#define CONF_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *word;
    const char *best; /* borrowed from the offers; NULL while none is near */
    size_t distance;
};

/* Begin with the unknown word; it must outlive the search. */
struct nearest nearest_to(const char *word);

/* Consider a known word. Swapped neighbours count as one edit, case does not count. */
void nearest_offer(struct nearest *n, const char *known);

/* "; did you mean \"known\"?" into out, or "" when nothing is near. Returns out. */
const char *nearest_hint(const struct nearest *n, char *out, size_t out_size);

#endif
