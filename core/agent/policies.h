/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an [agent NAME] section says of its tools: INSTANCE.KEY and INSTANCE.FUNCTION.KEY, laid over
 * what the [tools INSTANCE] section says. Immutable after creation.
 */
#ifndef AGENT_POLICIES_H
#define AGENT_POLICIES_H

#include "host/instance.h"

struct agent_config;
struct agent_policies;

/*
 * Read the dotted keys of the section. An instance that is not there is a mistake, one that the
 * agent does not use a warning. PARLEY_OK and *ret, which the caller owns; else the report says
 * what is wrong.
 */
int agent_policies_read(const struct conf *conf, const struct conf_section *section,
                        const struct agent_config *config, const struct instances *instances,
                        struct agent_policies **ret, struct conf_report *report);

/* NULL is fine. Returns NULL. */
struct agent_policies *agent_policies_destroy(struct agent_policies *p);

/* What it says of one instance; NULL when it says nothing. p may be NULL. */
struct tool_policies *agent_policies_find(const struct agent_policies *p, const char *instance);

/* The i-th instance it says something of; NULL beyond the last. */
const struct tool_policies *agent_policies_at(const struct agent_policies *p, size_t i);

#endif
