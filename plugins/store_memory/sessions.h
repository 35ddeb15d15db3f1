/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations in memory, with limits. Not thread-safe: the plugin holds a lock around every call.
 * Views and pointers that are handed out are valid until the next change.
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include <stdbool.h>

#include <parley/error.h>
#include <parley/store.h>

struct record {
    uint32_t kind;
    int64_t seq;
    int64_t time_ms;
    char *id;
    char *data;
    size_t data_len;
};

struct stored {
    struct stored *next_in_bucket;
    struct stored *newer; /* by creation time; ties by id */
    struct stored *older;
    uint32_t state;
    char *session_id;
    char *agent;
    char *user;
    char *owner;
    int64_t epoch;
    int64_t lease_until_ms;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t expires_ms;
    char *data;
    size_t data_len;
    struct record *records; /* seq is index + 1 */
    size_t record_count;
    size_t record_room;
    size_t bytes; /* that count against the limit */
};

struct sessions;

/* At most so many sessions and bytes. NULL: no memory. */
struct sessions *sessions_create(size_t max_sessions, size_t max_bytes);

/* Free; NULL is fine. */
void sessions_destroy(struct sessions *sessions);

/* The session: PARLEY_OK, PARLEY_E_NOT_FOUND, or PARLEY_E_GONE when it was here and was removed. */
int sessions_find(const struct sessions *sessions, const char *session_id,
                  struct stored **ret_session, struct parley_error *err);

/* A new one. CONFLICT when it exists, TOO_LARGE when it does not fit beside those that are active.
 */
int sessions_add(struct sessions *sessions, const struct parley_store_head *head,
                 struct parley_error *err);

/* Replace state, lease, times and data. CONFLICT when the epoch moved on. */
int sessions_update(struct sessions *sessions, const struct parley_store_head *head,
                    struct parley_error *err);

/* Append what is new, all or nothing. */
int sessions_append(struct sessions *sessions, const char *session_id, int64_t epoch,
                    const struct parley_store_record *records, size_t count, size_t item_size,
                    struct parley_error *err);

/* Raise the epoch and set the lease. */
int sessions_take(struct sessions *sessions, const char *session_id, const char *owner,
                  int64_t lease_until_ms, int64_t now_ms, struct stored **ret_session,
                  struct parley_error *err);

/* Remove one, or all whose time has passed. */
int sessions_remove(struct sessions *sessions, const char *session_id, struct parley_error *err);
void sessions_expire(struct sessions *sessions, int64_t now_ms);

/* The newest session, or the next older one. */
struct stored *sessions_newest(const struct sessions *sessions);

#endif
