/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One generation of the configuration: what was read, the instances it made and the agents it
 * defines, immutable and counted. A reload makes the next one; the old one lives until its last
 * session ends. Created and freed on main; read from any thread that holds a reference.
 */
#ifndef AGENT_GENERATION_H
#define AGENT_GENERATION_H

#include "agent/agent.h"
#include "host/instance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;
struct prices;

/*
 * Build everything that `conf` (taken, also on failure) describes. Every mistake goes to the
 * report: options, agents that name a model, tool, store or speech that is not there. PARLEY_OK, or
 * PARLEY_E_INVALID after mistakes.
 */
int generation_create(struct conf *take_conf, struct registry *registry, uint64_t number,
                      struct generation **ret, struct conf_report *report);

struct generation *generation_ref(struct generation *g);

/* Returns NULL. The last reference frees it: only on main. */
struct generation *generation_unref(struct generation *g);

uint64_t generation_number(const struct generation *g);
const struct conf *generation_conf(const struct generation *g);
struct instances *generation_instances(const struct generation *g);

/* What tokens cost; NULL when nothing is said of it. */
struct prices *generation_prices(const struct generation *g);

/* NULL when there is none of that name. */
const struct agent *generation_agent(const struct generation *g, struct parley_view name);

/* The i-th agent in the order of the file, or NULL. */
const struct agent *generation_agent_at(const struct generation *g, size_t i);

/* The effective options of the i-th agent, to be shown. */
const struct options_values *generation_agent_values(const struct generation *g, size_t i);

/* The name of the store that keeps an agent's conversations, or NULL for none. */
const char *generation_store_name(const struct generation *g, const struct agent *a);

/* The name of the speech instance of an agent, or NULL for none. */
const char *generation_speech_name(const struct generation *g, const struct agent *a);
/* Does any agent's text model hear or speak? */
bool generation_has_speech(const struct generation *g);
/* The [speech NAME], or the realtime [model NAME] that hears and speaks for others; NULL: none. */
const struct instance *generation_speech(const struct generation *g, const char *name);

#endif
