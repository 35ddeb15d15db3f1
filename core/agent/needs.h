/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent's definition asks of its models, held against what a model can do. Audio formats
 * are not among it: those are converted. */
#ifndef AGENT_NEEDS_H
#define AGENT_NEEDS_H

#include "agent/agent.h"

#include <parley/model.h>

/* What is missing. `key` is NULL when nothing is. */
struct agent_need {
    const char *key;  /* the agent's option that asks for it */
    const char *what; /* the capability, as people say it */
};

/* The first one that a model with these capabilities lacks. Thread: any. */
struct agent_need agent_needs(const struct agent_config *agent,
                              const struct parley_model_caps *caps);

#endif
