/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caller of the role parley.store/1. Every function returns 0 when the operation was accepted, and
 * then on_end follows exactly once, never on the caller's stack; a negative status when it was
 * refused. Thread: the worker's.
 */
#ifndef HOST_STORE_H
#define HOST_STORE_H

#include "host/worker_instance.h"

#include <parley/store.h>

#define STORE_TIMEOUT_MS 30000 /* then on_end(PARLEY_E_TIMEOUT): may or may not be applied */
#define STORE_MAX_RESULT (64 * 1024 * 1024) /* bytes of one read */

/* on_head and on_record may be NULL; they come in order, right before on_end. */
struct store_events {
    void (*on_head)(void *ctx, const struct parley_store_head *head);
    void (*on_record)(void *ctx, const struct parley_store_record *record);
    void (*on_end)(void *ctx, int status, const struct parley_error *err);
};

/* Who waits. `events` is constant. */
struct store_caller {
    const struct store_events *events;
    void *ctx;
};

struct store_request;

/* All: *ret_request may be NULL; it is valid until on_end. */
int store_create(struct worker_instance *wi, const struct parley_store_head *head,
                 struct store_caller caller, struct store_request **ret_request,
                 struct parley_error *err);
int store_update(struct worker_instance *wi, const struct parley_store_head *head,
                 struct store_caller caller, struct store_request **ret_request,
                 struct parley_error *err);
int store_append(struct worker_instance *wi, const char *session_id, int64_t epoch,
                 const struct parley_store_record *records, size_t count,
                 struct store_caller caller, struct store_request **ret_request,
                 struct parley_error *err);
int store_read(struct worker_instance *wi, const char *session_id, int64_t after_seq, int64_t limit,
               struct store_caller caller, struct store_request **ret_request,
               struct parley_error *err);
int store_list(struct worker_instance *wi, const struct parley_store_query *query,
               struct store_caller caller, struct store_request **ret_request,
               struct parley_error *err);
int store_take(struct worker_instance *wi, const char *session_id, const char *owner,
               int64_t lease_until_ms, struct store_caller caller,
               struct store_request **ret_request, struct parley_error *err);
int store_remove(struct worker_instance *wi, const char *session_id, struct store_caller caller,
                 struct store_request **ret_request, struct parley_error *err);
int store_expire(struct worker_instance *wi, struct store_caller caller,
                 struct store_request **ret_request, struct parley_error *err);

/* Nobody waits any more; the operation itself goes on. NULL is fine. Returns NULL. */
struct store_request *store_abandon(struct store_request *request);

/* For worker_instance.c. */
void store_attach(struct worker_instance *wi);

#endif
