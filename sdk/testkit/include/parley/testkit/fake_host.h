/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for tests of plugins: loads one plugin through its entry, fills its options from
 * "key=value" strings, starts a worker and offers the services timer and offload. It uses nothing
 * but the SDK headers, so a plugin's test needs no other part of parley.
 *
 * There is one fake host per process, because the functions of struct parley_host carry no context.
 * Nothing moves by itself: time moves by fake_host_advance_ms(), offloaded work runs in
 * fake_host_run(). All of it belongs to one thread, the test's.
 */
#ifndef PARLEY_TESTKIT_FAKE_HOST_H
#define PARLEY_TESTKIT_FAKE_HOST_H

#include <stdbool.h>

#include <parley/plugin.h>

/* --- The host ----------------------------------------------------------------------------------
 */

/* Back to the start: clocks at their start, no timer, no job, no log line, no extra service. */
void fake_host_reset(void);

/* The table that plugins get. */
const struct parley_host *fake_host_table(void);

/* The only worker. */
struct parley_worker *fake_host_worker(void);

/* A fresh operation number. */
parley_op fake_host_op(void);

/* Offer a further service table under its id, for example a scripted parley.http/1. */
void fake_host_provide(const char *id, const void *table);

/* --- Time --------------------------------------------------------------------------------------
 */

/* Move both clocks forward; timers that become due run in the order of their times. */
void fake_host_advance_ms(int64_t ms);

/* Set the wall clock, in Unix milliseconds. Timers do not care. */
void fake_host_set_unix_ms(int64_t ms);

/* The wall clock, in Unix milliseconds; starts at 2026-01-05 09:00:00 UTC, a Monday. */
int64_t fake_host_unix_ms(void);

/* How many timers are running. */
size_t fake_host_timers(void);

/* --- Offloaded work ----------------------------------------------------------------------------
 */

/* Run jobs, each one's work and then its done, until none is left. Returns how many ran. */
size_t fake_host_run(void);

/* The same for the oldest job only. False when there was none. */
bool fake_host_run_one(void);

/* End the waiting jobs as a stopping pool does: done with PARLEY_E_CANCELLED, no work. */
void fake_host_drop_jobs(void);

/* From now on the pool's queue holds at most so many jobs; beyond it run() is PARLEY_E_BUSY. */
void fake_host_set_job_limit(size_t limit);

/* How many jobs wait. */
size_t fake_host_jobs(void);

/* --- The log -----------------------------------------------------------------------------------
 */

/* True when some log line since the last reset holds the text. */
bool fake_host_logged(const char *text);

/* --- One plugin with one instance ---------------------------------------------------------------
 */

struct fake_plugin;

/*
 * Load the shared object, create the instance `name` from `options` ("key=value" strings ended by
 * NULL; may be NULL) and start its worker instance. NULL with err filled when any step refuses.
 */
struct fake_plugin *fake_plugin_open(const char *path, const char *name, const char *const *options,
                                     struct parley_error *err);

/* Finish offloaded jobs, stop, destroy, unload. NULL is fine. */
void fake_plugin_close(struct fake_plugin *plugin);

/* The role's table, or NULL when the plugin does not play it. */
const void *fake_plugin_role(const struct fake_plugin *plugin, const char *role_id);

/* What role callbacks get first: the worker instance, or the instance when there is no
 * worker_start. */
void *fake_plugin_worker(const struct fake_plugin *plugin);

/* The constant descriptor. */
const struct parley_plugin *fake_plugin_descriptor(const struct fake_plugin *plugin);

#endif
