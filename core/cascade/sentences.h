/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cut a stream of text into pieces to be spoken: whole sentences, and for the very first piece a
 * clause, so that the voice starts early. The pieces put together are the text, to the byte.
 */
#ifndef CASCADE_SENTENCES_H
#define CASCADE_SENTENCES_H

#include "base/buf.h"

#include <stdbool.h>

#define SENTENCES_CLAUSE_CHARS 40  /* a first piece may end at a comma from here on */
#define SENTENCES_MAX_BYTES    300 /* a piece is cut between words at the latest here */

/* Zeroed is empty. */
struct sentences {
    struct buf text; /* not taken yet */
    bool has_taken;  /* the first piece is out */
    size_t scanned;  /* no end before this */
};

/* Add what came. */
void sentences_add(struct sentences *s, struct parley_view delta);

/* Append the next piece that is complete, with the space after it; at_end: all text has come, the
 * rest is a piece. False when there is none. */
bool sentences_take(struct sentences *s, bool at_end, struct buf *out);

void sentences_done(struct sentences *s);

/* Append what a voice should say of a piece: without the marks of Markdown, spaces made single.
 * False, and nothing worth saying, when no letter or digit is left. */
bool sentences_speakable(struct buf *out, struct parley_view piece);

#endif
