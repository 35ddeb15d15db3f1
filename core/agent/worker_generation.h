/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one worker holds of a generation: the running instances, and for each agent the model it
 * opens sessions on, be it a plugin's or a cascade of a text model with speech. Counted by the
 * sessions that use it; when it was retired and the last one is gone, its instances stop.
 * Thread: the worker's.
 */
#ifndef AGENT_WORKER_GENERATION_H
#define AGENT_WORKER_GENERATION_H

#include "agent/generation.h"
#include "agent/health.h"
#include "host/model.h"
#include "host/worker_instance.h"

struct silero_weights;
struct worker_generation;

/*
 * Start the generation's instances on this worker; takes a reference of it. weights: of the speech
 * detector for cascades, NULL when there are none; must outlive it.
 */
int worker_generation_start(struct generation *g, struct parley_worker *worker,
                            const struct silero_weights *weights, struct worker_generation **ret,
                            struct parley_error *err);

/*
 * No new sessions: when the last one is gone the instances stop, then on_stopped(ctx, generation)
 * hands the reference back, to be given up on main. Never on this stack.
 */
void worker_generation_retire(struct worker_generation *wg,
                              void (*on_stopped)(void *ctx, struct generation *g), void *ctx);

/* A session begins or ends to use it. */
struct worker_generation *worker_generation_ref(struct worker_generation *wg);
struct worker_generation *worker_generation_unref(struct worker_generation *wg);

struct generation *worker_generation_config(const struct worker_generation *wg);

/* The model at `place` in the agent's list, ready to open; PARLEY_E_NOT_FOUND beyond its end. */
int worker_generation_model(struct worker_generation *wg, const struct agent *a, size_t place,
                            const struct model **ret_model, struct parley_error *err);

/* How that model has done on this worker; NULL when it is not running. */
struct model_health *worker_generation_health(struct worker_generation *wg, const struct agent *a,
                                              size_t place);

/* The section of that model; NULL when it is not running. */
const struct instance *worker_generation_model_section(const struct worker_generation *wg,
                                                       const struct agent *a, size_t place);

/* The store of the agent, or NULL. */
struct worker_instance *worker_generation_store(const struct worker_generation *wg,
                                                const struct agent *a);

/* Have every store remove what has expired (an agent's keep_ms). A failure is logged. */
void worker_generation_expire(struct worker_generation *wg);

struct worker_instance *worker_generation_tools(const struct worker_generation *wg,
                                                const char *name);

#endif
