/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for tests of plugins: loads one plugin through its entry, fills its options from
 * "key=value" strings, starts a worker and offers every service: timers, the offload pool, a watch
 * on descriptors, and a network whose answers the test makes up (fake_net.h). It uses nothing but
 * the SDK headers, so a plugin's test needs no other part of parley.
 *
 * There is one fake host per process, because the functions of struct parley_host carry no context.
 * Nothing moves by itself: time moves by fake_host_advance_ms(), offloaded work runs in
 * fake_host_run(). All of it belongs to one thread, the test's.
 */
#ifndef PARLEY_TESTKIT_FAKE_HOST_H
#define PARLEY_TESTKIT_FAKE_HOST_H

#include <stdbool.h>

#include <parley/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- The host ----------------------------------------------------------------------------------
 */

/* Back to the start: clocks at their start, no timer, no job, no log line, no extra service. */
void fake_host_reset(void);

/* The table that plugins get. */
const struct parley_host *fake_host_table(void);

/* The worker, and others beside it: a plugin sees one thread as several, one after another. */
struct parley_worker *fake_host_worker(void);
struct parley_worker *fake_host_worker_at(unsigned place);

/* Be a host of an older interface: the table says this minor. */
void fake_host_set_minor(uint32_t minor);

/* A fresh operation number. */
parley_op fake_host_op(void);

/* Offer a further service table under its id, for example a scripted parley.http/1. */
void fake_host_provide(const char *id, const void *table);

/* From now on no service is there: host->service() is NULL for each. */
void fake_host_refuse_services(bool refuses);

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

/* How many were made and not destroyed. */
size_t fake_host_timers_made(void);

/* Milliseconds until the next one runs; -1: none is running. */
int64_t fake_host_next_timer_ms(void);

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

/* The status that done() is told after work that ran; PARLEY_OK at the start. */
void fake_host_set_job_status(int status);

/* --- Descriptors -------------------------------------------------------------------------------
 */

/* Tell the plugin what its watched descriptors are ready for. Waits up to wait_ms of real time when
 * none is: a child process is a peer that no clock of the host moves. Returns whether any was. */
bool fake_host_poll(int wait_ms);

/* How many are watched for something. */
size_t fake_host_watches(void);

/* --- The log -----------------------------------------------------------------------------------
 */

/* True when some log line since the last reset holds the text. */
bool fake_host_logged(const char *text);

/* The lines since the last reset; the newest, when there were very many. */
const char *fake_host_log(void);

/* --- One plugin with one instance ---------------------------------------------------------------
 */

struct fake_plugin;

/*
 * Load the shared object, create the instance `name` from `options` ("key=value" strings ended by
 * NULL; may be NULL) and start its worker instance. NULL with err filled when any step refuses.
 */
struct fake_plugin *fake_plugin_open(const char *path, const char *name, const char *const *options,
                                     struct parley_error *err);

/*
 * Another instance of a plugin that is open, with its own worker instance: a second section, or the
 * next generation of a reload. Closed like the first; the plugin is unloaded with the last of them.
 */
struct fake_plugin *fake_plugin_open_beside(struct fake_plugin *first, const char *name,
                                            const char *const *options, struct parley_error *err);

/* A further worker instance of it, on another worker; PARLEY_E_UNSUPPORTED when it has none. */
int fake_plugin_start_worker(struct fake_plugin *plugin, struct parley_worker *worker,
                             void **ret_worker_instance, struct parley_error *err);
void fake_plugin_stop_worker(struct fake_plugin *plugin, struct parley_worker *worker,
                             void *worker_instance);

/* Finish offloaded jobs, stop, destroy, unload. NULL is fine. */
void fake_plugin_close(struct fake_plugin *plugin);

/* The role's table, or NULL when the plugin does not play it. */
const void *fake_plugin_role(const struct fake_plugin *plugin, const char *role_id);

/* What role callbacks get first: the worker instance, or the instance when there is no
 * worker_start. */
void *fake_plugin_worker(const struct fake_plugin *plugin);

/* The worker that it was started on. */
struct parley_worker *fake_plugin_on(const struct fake_plugin *plugin);

/* The constant descriptor. */
const struct parley_plugin *fake_plugin_descriptor(const struct fake_plugin *plugin);

/* What the functions marked [any] and [offload] of a speech or model role get: the instance. */
void *fake_plugin_instance(const struct fake_plugin *plugin);

#ifdef __cplusplus
}
#endif

#endif
