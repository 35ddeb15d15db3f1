/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one worker holds of one instance: the plugin's worker instance, and what is open on it. The
 * role callers (model.h, tools.h ...) take it as their first argument. Thread: the worker's.
 */
#ifndef HOST_WORKER_INSTANCE_H
#define HOST_WORKER_INSTANCE_H

#include "base/list.h"
#include "host/instance.h"
#include "host/worker.h"

struct tools_guest;
struct tools_state;

struct worker_instance {
    struct list entry; /* of worker->instances */
    struct parley_worker *worker;
    struct instance *instance;
    void *ctx;                 /* what the role's functions get first */
    bool is_started;           /* worker_start has succeeded */
    bool is_stopping;          /* takes nothing new */
    bool is_leaving;           /* worker_stop has been called */
    unsigned open_count;       /* operations and sessions that the plugin has not ended */
    unsigned offloaded;        /* jobs on the pool that use it */
    struct list idle_speech;   /* of speech_model.c: sessions of the model that wait for work */
    struct tools_state *tools; /* of tools.c */
    const struct parley_tools_vtable *tools_table; /* the plugin's, or what stands in for it */
    struct tools_guest *guest; /* of tools_share.c; NULL: the plugin runs here */
    struct loop_timer check;   /* is anything left to wait for? */
    struct loop_timer grace;
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
};

/* Start the instance on this worker: worker_start, then the role's attach. */
int worker_instance_start(struct instance *instance, struct parley_worker *worker,
                          struct worker_instance **ret_wi, struct parley_error *err);

/*
 * Stop: nothing new is taken; sessions are closed and operations cancelled; when all have ended, or
 * after a second, what is still open ends with PARLEY_E_CANCELLED; then worker_stop, and on_stopped
 * once, never on this stack. Jobs on the pool are waited for without limit: they use the plugin's
 * memory. The structure is gone when on_stopped is called.
 */
void worker_instance_stop(struct worker_instance *wi, void (*on_stopped)(void *ctx), void *ctx);

/* For tools_share.c: what worker_instance_stop() put off until the other workers were done. */
void worker_instance_stop_now(struct worker_instance *wi);

/* Called by the role callers when something that stop waits for has ended. */
void worker_instance_released(struct worker_instance *wi);

/* --- All instances of a generation on one worker ------------------------------------------------
 */

struct worker_instances;

/* In the mask of kinds: who does not start is told in the log and left out. */
#define WORKER_INSTANCES_SINGLY (1u << 31)

/* Start those whose kind is in the mask (1u << enum instance_kind). All or none, unless SINGLY;
 * takes a reference of the set. */
int worker_instances_start(struct instances *set, unsigned kinds, struct parley_worker *worker,
                           struct worker_instances **ret, struct parley_error *err);

/* Stop all; on_stopped once, never on this stack; the structure is gone then. The set's reference
 * is handed back to on_stopped, to be unreferenced on main. */
void worker_instances_stop(struct worker_instances *w,
                           void (*on_stopped)(void *ctx, struct instances *set), void *ctx);

/* NULL when there is none. */
struct worker_instance *worker_instances_find(const struct worker_instances *w,
                                              enum instance_kind kind, const char *name);

/* Walk: pass NULL first, then what came back. */
struct worker_instance *worker_instances_next(const struct worker_instances *w,
                                              const struct worker_instance *after);

#endif
