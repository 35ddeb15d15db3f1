/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers of this process by their number. Host functions of the plugin interface are told an
 * operation and nothing else, so this is where they find whose it is: the one table in host/ that
 * hangs from nothing.
 */
#ifndef HOST_DIRECTORY_H
#define HOST_DIRECTORY_H

#include <stdbool.h>

struct parley_worker;

/* Take a free number, from 1; 0 when there is none. Thread: any. */
unsigned directory_enter(struct parley_worker *w);

/* Nobody finds it from now on. Thread: any. */
void directory_leave(struct parley_worker *w);

/* The worker, or NULL. It may go at any time, unless this is its thread. */
struct parley_worker *directory_find(unsigned id);

/* Post to the worker's loop while it cannot leave; false when there is no such worker, or without
 * memory. Thread: any. */
bool directory_post(unsigned id, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);

/* Call fn for every worker, none of which can leave meanwhile. Thread: any. */
void directory_each(void (*fn)(void *ctx, struct parley_worker *w), void *ctx);

/* Is this the thread of that worker? Thread: any. */
bool directory_is_mine(unsigned id);

#endif
