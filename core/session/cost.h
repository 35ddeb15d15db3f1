/* SPDX-License-Identifier: Apache-2.0 */
/* What the answers of a session cost: on spans, as metrics and in the log. */
#ifndef SESSION_COST_H
#define SESSION_COST_H

#include "telemetry/span.h"
#include "telemetry/usage.h"

#include <stdbool.h>
#include <stdint.h>

#define COST_TEXT_SIZE 64

struct session;

/* A sum of answers; zeroed: none. Told only when every one of them has a known cost. */
struct cost {
    int64_t nano;
    bool has_any;
    bool is_incomplete;
};

void cost_add(struct cost *to, const struct cost *more);

/* An answer has ended with this usage: tell its cost, and count it into the session's. */
struct cost cost_of_answer(struct session *s, const struct usage *usage, struct span *span);

/* On a turn's span: the turn's, and the session's so far. */
void cost_set(const struct session *s, struct span *turn, const struct cost *cost);

/* The session has ended. */
void cost_measure(const struct session *s);

/* " cost=0.0123 currency=USD" for the log, or "". */
const char *cost_text(const struct session *s, char out[COST_TEXT_SIZE]);

#endif
