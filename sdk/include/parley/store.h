/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.store/1: where conversations are kept. A session has a head and an ordered list of
 * records. Every operation is asynchronous and ends by exactly one host->end; readers get their
 * results by host->head and host->record before it.
 *
 * A head carries a lease: the host that owns the session writes with the epoch it was given, and a
 * write with another epoch is PARLEY_E_CONFLICT. Taking a session over raises the epoch.
 *
 * About a session that never was, every operation but create is PARLEY_E_NOT_FOUND; about one that
 * was removed or has expired, PARLEY_E_GONE, for as long as the store remembers its id. A removed
 * id may be created again. A session whose expires_ms has passed is still read, written and listed
 * until expire() has run; only take() refuses it before.
 */
#ifndef PARLEY_STORE_H
#define PARLEY_STORE_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_ROLE_STORE "parley.store/1"

#define PARLEY_SESSION_ACTIVE 0
#define PARLEY_SESSION_ENDED  1

struct parley_store_head {
    uint32_t size;
    uint32_t state; /* PARLEY_SESSION_... */
    const char *session_id;
    const char *agent;
    const char *user;       /* key of the owner, or "" */
    const char *owner;      /* the host that holds the lease */
    int64_t epoch;          /* of the lease; create starts at 1 */
    int64_t lease_until_ms; /* Unix milliseconds; 0: no lease */
    int64_t created_ms;     /* Unix milliseconds */
    int64_t updated_ms;
    int64_t expires_ms;      /* removed after it; 0: never */
    int64_t record_count;    /* filled by the store when read */
    struct parley_view data; /* JSON object: settings, usage, whatever the host keeps */
};

/* Kinds of records. New ones are added at the end; a store keeps what it does not know. */
#define PARLEY_RECORD_ITEM       1 /* a final conversation item */
#define PARLEY_RECORD_CALL       2 /* a tool call: that it starts, then what came of it */
#define PARLEY_RECORD_RESPONSE   3 /* an ended response: status, usage */
#define PARLEY_RECORD_TRUNCATED  4 /* an item was cut to what was heard */
#define PARLEY_RECORD_DELETED    5 /* an item was removed */
#define PARLEY_RECORD_TRANSCRIPT 6 /* what a user's audio item said, known later */

struct parley_store_record {
    uint32_t kind;
    uint32_t size;           /* of whoever fills it; 0: that of interface 1.0 */
    int64_t seq;             /* place in the session, from 1; given by the host, without gaps */
    int64_t time_ms;         /* Unix milliseconds */
    const char *id;          /* item id, call_id or response id */
    struct parley_view data; /* JSON object */
};

struct parley_store_query {
    uint32_t size;
    uint32_t limit;    /* most heads to return; 0: the store's default */
    const char *agent; /* "" for all */
    const char *user;  /* "" for all */
    const char *after; /* session id that ended the page before, or "" */
};

/* Host functions that the plugin calls. [worker] What is handed over is copied. */
struct parley_store_host {
    uint32_t size;
    uint32_t reserved;
    void (*head)(parley_op op, const struct parley_store_head *head);
    void (*record)(parley_op op, const struct parley_store_record *record);
    /*
     * PARLEY_OK; PARLEY_E_NOT_FOUND, _GONE; _CONFLICT (exists, or the epoch moved on); _BUSY
     * (throttled); _TOO_LARGE; _UNAVAILABLE, _TIMEOUT (may or may not have been applied).
     */
    void (*end)(parley_op op, int status, const struct parley_error *err);
};

/* Every operation: 0 accepted, end follows; negative refused. Arguments are borrowed until return.
 */
struct parley_store_vtable {
    uint32_t size;
    uint32_t reserved;
    /* [worker] Once after worker_start. */
    void (*attach)(void *worker_instance, struct parley_worker *worker,
                   const struct parley_store_host *host);
    /* [worker] A new session; CONFLICT when it exists. An epoch of 0 becomes 1. */
    int (*create)(void *worker_instance, const struct parley_store_head *head, parley_op op,
                  struct parley_error *err);
    /* [worker] Replace state, lease, times and data, if head->epoch is still the stored one. */
    int (*update)(void *worker_instance, const struct parley_store_head *head, parley_op op,
                  struct parley_error *err);
    /*
     * [worker] Append, all or nothing, in the order of seq. A record whose seq is there already is
     * skipped (a repeated write); one that would leave a gap is INVALID.
     */
    int (*append)(void *worker_instance, const char *session_id, int64_t epoch,
                  const struct parley_store_record *records, size_t count, size_t item_size,
                  parley_op op, struct parley_error *err);
    /* [worker] The head, then records with seq > after_seq in order, at most limit (0: all). */
    int (*read)(void *worker_instance, const char *session_id, int64_t after_seq, int64_t limit,
                parley_op op, struct parley_error *err);
    /*
     * [worker] Heads, newest first: by created_ms, then by id, both descending. NOT_FOUND or GONE
     * when there is no session `after`.
     */
    int (*list)(void *worker_instance, const struct parley_store_query *query, parley_op op,
                struct parley_error *err);
    /*
     * [worker] Take the lease, whoever holds it and until when: raise the epoch, set owner,
     * lease_until_ms and updated_ms (to now_ms); answers with the head. GONE when expires_ms has
     * passed at now_ms. Whether a lease may be taken before its end is for the host to judge.
     */
    int (*take)(void *worker_instance, const char *session_id, const char *owner,
                int64_t lease_until_ms, int64_t now_ms, parley_op op, struct parley_error *err);
    /* [worker] Remove head and records for good. */
    int (*remove)(void *worker_instance, const char *session_id, parley_op op,
                  struct parley_error *err);
    /* [worker] Remove every session whose expires_ms has passed. */
    int (*expire)(void *worker_instance, int64_t now_ms, parley_op op, struct parley_error *err);
};

#ifdef __cplusplus
}
#endif

#endif
