/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker instance of a tools plugin for all workers: a child process or a connection is needed
 * once, not once per core. On one worker, the home, the plugin runs; on the others, the guests, a
 * table of functions stands in for the plugin's: it hands calls over by posting and shows a copy of
 * the home's list. What is around a call (time limit, output limit, one end) is the guest's own, as
 * with a plugin of its own, so a home that is slow or gone is no more than a slow plugin.
 *
 *     guest                                home
 *     enter                                enter, worker_start, publish
 *     list: the copy      <- notice ----   publish, whenever the list has changed
 *     call, cancel        -- errand --->   tools_call, tools_cancel
 *     tools_host.end      <-- post -----   on_end
 *     leave               -- errand --->   a home that was asked to stop goes when all have left
 *
 * Instances share when the plugin's table says PARLEY_TOOLS_SHARED and there are several workers;
 * which one is the home follows from the instance's place in the file, so that homes are spread.
 */
#ifndef HOST_TOOLS_SHARE_H
#define HOST_TOOLS_SHARE_H

#include <parley/tools.h>

#include <stdbool.h>

struct tools_share;
struct worker_instance;

/* Belongs to the instance. NULL without memory. Thread: any for both. */
struct tools_share *tools_share_create(void);
/* The instance is gone; messages on their way keep it for themselves. Returns NULL. */
struct tools_share *tools_share_unref(struct tools_share *share);

/* Thread of the rest: the worker's. */

/* Before worker_start: choose the table that this worker calls, wi->tools_table, and be home or
 * guest. */
int tools_share_enter(struct worker_instance *wi, struct parley_error *err);

/* On a guest the plugin is not started. */
bool tools_share_is_guest(const struct worker_instance *wi);

/* The home's list was read: copy it for the guests, and tell them. Nothing on others. */
void tools_share_publish(struct worker_instance *wi, int64_t wait_ms, int64_t fresh_ms);

/* At stop. False: guests are still here; worker_instance_stop_now() is called when they have left.
 */
bool tools_share_may_stop(struct worker_instance *wi);

/* The worker instance is about to be freed. */
void tools_share_leave(struct worker_instance *wi);

#endif
