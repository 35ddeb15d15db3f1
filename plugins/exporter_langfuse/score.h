/* SPDX-License-Identifier: Apache-2.0 */
/* A judgement (the event gen_ai.evaluation.result) as a score of Langfuse: the body of its
 * POST /api/public/scores. Pure functions. */
#ifndef EXPORTER_LANGFUSE_SCORE_H
#define EXPORTER_LANGFUSE_SCORE_H

#include <parley/exporter.h>

#include <stdbool.h>

#include "parts/otlp/encode.h"

/* ret->bytes stays NULL for a record that is no judgement; false without memory. */
bool score_write(const struct parley_batch *batch, const struct parley_log_record *record,
                 struct body *ret);

#endif
