/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a tool's arguments from what was said. Pure; thread: any. */
#ifndef SLOTS_H
#define SLOTS_H

#include "arithmetic.h"
#include "catalog.h"
#include "utterance.h"

/* The sentence, and which of its tokens are spoken for. */
struct slots {
    const struct utterance *u;
    const struct tool *tool;
    const struct arithmetic *arithmetic; /* NULL: the sentence has none */
    int64_t now_s;                       /* Unix seconds, for dates */
    bool used[UTTERANCE_MAX_TOKENS];
    json_t *arguments; /* an object; what was found */
};

/*
 * Find what the sentence says of the tool's parameters. The caller set u, tool, arithmetic and
 * now_s; afterwards it owns `arguments`. False: no memory.
 */
bool slots_fill(struct slots *slots);

/* Read the whole sentence as the answer to the question for one parameter. NULL: it is none. */
json_t *slots_answer(const struct utterance *u, const struct parameter *parameter, int64_t now_s);

/* The first required parameter that `arguments` lacks, or NULL. */
const struct parameter *slots_missing(const struct tool *tool, json_t *arguments);

/* Which share of the required parameters is in `arguments`; 1 when none is required. */
double slots_share(const struct tool *tool, json_t *arguments);

#endif
