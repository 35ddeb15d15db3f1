/* SPDX-License-Identifier: Apache-2.0 */
/* A judgement of a conversation as the event gen_ai.evaluation.result of OpenTelemetry's GenAI
 * conventions. */
#ifndef CTL_TELEMETRY_SCORE_H
#define CTL_TELEMETRY_SCORE_H

#include "daemon/settings.h"
#include "telemetry/resource.h"

#include <parley/exporter.h>

#define SCORE_ATTRS 5

/* What was said on the command line; borrowed. */
struct telemetry_judgement {
    const char *session;
    const char *trace; /* of one turn, 32 hexadecimal digits; NULL: the whole session */
    const char *name;
    const char *value;   /* a number, true, false or a word */
    const char *comment; /* NULL: none */
};

/* A batch of it points into it: it must stay where it is. */
struct telemetry_score {
    struct resource resource;
    struct parley_attr attrs[SCORE_ATTRS];
    struct parley_log_record record;
};

/* INVALID: something is missing, or the trace is none. */
int telemetry_judgement_check(const struct telemetry_judgement *j, struct parley_error *err);

void telemetry_score_init(struct telemetry_score *s, const struct telemetry_judgement *judgement,
                          const struct telemetry_options *options, const char *environment);

struct parley_batch telemetry_score_batch(const struct telemetry_score *s);

#endif
