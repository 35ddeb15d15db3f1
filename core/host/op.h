/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that plugins must end, as numbers: worker, slot and generation of the slot. A number
 * that is used twice, too late, or made up finds nothing, is counted and logged, and does no harm.
 *
 *     op_begin --> open --op_end (the plugin has ended it)--------> free
 *                   \-----op_withdraw (the host gave up on it)----> free; a later end is "late"
 *
 * Thread: the worker's, except op_worker() and op_post().
 */
#ifndef HOST_OP_H
#define HOST_OP_H

#include "base/list.h"

#include <parley/host.h>

#include <stdbool.h>
#include <stdint.h>

struct parley_worker;
struct worker_instance;

#define OP_MAX_OPEN 4096 /* per worker instance; beyond it the plugin is refused new work */

/* A kind of operation; compared by address. */
struct op_type {
    const char *name;            /* "tool call", for logs */
    void (*sweep)(void *owner);  /* the worker instance stops: end it with PARLEY_E_CANCELLED */
    void (*cancel)(void *owner); /* the worker instance stops: ask the plugin to end it */
};

struct op_slot;

struct op_table {
    struct op_slot *slots;
    uint32_t slot_count;
    uint32_t first_free;
    uint32_t open_count;
};

void op_table_done(struct op_table *t);

/* A fresh operation of the instance, or 0: no memory, or OP_MAX_OPEN are open. */
parley_op op_begin(struct worker_instance *wi, const struct op_type *type, void *owner);

/* The same for something that is not a plugin's (the cascade); `title` is for logs. */
parley_op op_begin_for(struct parley_worker *w, const char *title, const struct op_type *type,
                       void *owner);

/* The owner of an open operation. Otherwise NULL, the fault is counted and logged, and `what` says
 * which function was called ("tools end"). On another thread nothing is found, and not counted. */
void *op_owner(parley_op op, const struct op_type *type, const char *what);

/* The plugin has ended it; the number is dead from now on. */
void op_end(parley_op op);

/* The host no longer waits for the plugin: a later end is counted as late. */
void op_withdraw(parley_op op);

/* Every open operation of the instance: type->cancel or type->sweep. Both may end operations. */
void op_cancel_all(struct worker_instance *wi);
void op_sweep_all(struct worker_instance *wi);

/* The worker that an operation belongs to, when this is its thread; else NULL. Thread: any. */
struct parley_worker *op_worker(parley_op op);

/* Run fn(arg) on the thread of the operation's worker; drop(arg) when the worker is gone. */
void op_post(parley_op op, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);

#endif
