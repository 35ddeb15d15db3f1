/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting the recordings of sessions that are deleted: those that this host has, and the truth
 * about the others. Thread: the worker's; the disk is asked on a pool.
 */
#ifndef NET_ERASE_H
#define NET_ERASE_H

#include "agent/worker_generation.h"

#include <jansson.h>

/* What came of it so far; zeroed is nothing. */
struct erased {
    size_t deleted;    /* files */
    json_t *left;      /* paths that could not be deleted, or lie in no agent's record_dir */
    json_t *elsewhere; /* {host, file}: other hosts' */
};

/*
 * Delete what the agents' folders have of the session. recordings: [{host, file}] that its head
 * names, or NULL. done(ctx) runs once, never on this stack, and *e has the sum of all calls.
 * PARLEY_E_BUSY or another error, and nothing is called, when the pool takes no more.
 */
int erase_recordings(struct worker_generation *wg, struct parley_worker *worker,
                     const char *session_id, const json_t *recordings, struct erased *e,
                     void (*done)(void *ctx), void *ctx);

/* {deleted, left, elsewhere}, owned by the caller. */
json_t *erased_json(const struct erased *e);

void erased_done(struct erased *e);

#endif
