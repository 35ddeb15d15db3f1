/* SPDX-License-Identifier: Apache-2.0 */
/* How well a tool fits what was said: BM25 over its terms, weighed by what could be filled. Pure.
 */
#ifndef SCORE_H
#define SCORE_H

#include "arithmetic.h"
#include "catalog.h"
#include "utterance.h"

#define SCORE_MAX_MATCHES 8

/* A tool that could be meant. */
struct match {
    const struct tool *tool;
    double score;
    json_t *arguments; /* found in the sentence; owned by the match */
};

/*
 * The tools that could be meant, best first; at most SCORE_MAX_MATCHES. A tool counts only when a
 * word of its name or description was said. Release each with score_done. Returns how many.
 */
size_t score_tools(const struct catalog *catalog, const struct utterance *u, int64_t now_s,
                   struct match *ret_matches);

/* Release matches. */
void score_done(struct match *matches, size_t count);

#endif
