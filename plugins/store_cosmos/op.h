/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation of the role, from its acceptance to its end, and the queue they stand in.
 * Operations of one session run one after another, in the order in which they came; others beside
 * it, so many at a time. An operation is a chain of requests: each step sends one, and names the
 * step that reads the answer.
 */
#ifndef STORE_COSMOS_OP_H
#define STORE_COSMOS_OP_H

#include <parley/store.h>

#include "document.h"
#include "rest.h"
#include "store.h"

#define OP_MAX_ROUNDS 40 /* a head that changes under our hands is read again so often */

struct op_record {
    int64_t seq;
    int64_t time_ms;
    char *text; /* the document as JSON */
    size_t len;
};

struct op;

typedef void (*op_step)(struct op *op);
typedef void (*op_written)(struct op *op, bool is_written);

struct op {
    struct op *next; /* of all that are accepted, oldest first */
    struct op *prev;
    struct op *next_ready;
    struct op *behind; /* the next one of the same session */
    bool has_place;    /* it is about one session, whose operations run one after another */
    struct store *store;
    parley_op id;
    const char *name; /* a literal */
    op_step begin;
    bool is_write; /* it reads heads where writes go */
    char *session_id;
    size_t hash;
    size_t bytes;
    int64_t timeout_ms;
    int64_t deadline_ms;
    /* arguments */
    json_t *wanted; /* CREATE, UPDATE: the new head */
    int64_t epoch;
    struct op_record *records;
    size_t record_count;
    char *owner;
    int64_t lease_until_ms;
    int64_t now_ms;
    int64_t after_seq;
    int64_t limit;
    char *agent;
    char *user;
    char *after;
    /* the head as it is known; NULL: there is none */
    json_t *head;
    char *etag;
    bool is_cached;
    /* on the way */
    op_step then;
    op_written then_written;
    json_t *writing;
    char nonce[DOCUMENT_NONCE_SIZE];
    unsigned rounds;
    size_t sent;    /* records that earlier parts of the append have brought */
    size_t sending; /* and those of the part under way, in all */
    char *continuation;
    json_t *rows; /* of the page at hand */
    size_t row;
    bool is_fresh; /* the head's data were not where they were read */
    int64_t given;
    bool has_row; /* CREATE: the row was there already */
    op_step purged;
    struct op *sweep; /* whose part this is: its own sessions are settled one by one */
    struct op *part;  /* the other way */
};

/* A new operation about a session. NULL: no memory. */
struct op *op_create(struct store *s, const char *name, op_step begin, parley_op id,
                     const char *session_id);

/* It is about another session from now on: lists and sweeps are about many. False: no memory. */
bool op_set_session(struct op *op, const char *session_id);

/* Let it run when its turn comes. Refuses (and frees) when there are too many. `is_whole`: every
 * copy has found memory. */
int op_accept(struct op *op, bool is_whole, struct parley_error *err);

/* Free one that was not accepted; NULL is fine. A part that is done lets go of its sweep. */
void op_destroy(struct op *op);

/* End it, and begin what waited. `err` is NULL for PARLEY_OK. The operation is gone after it. */
void op_end(struct op *op, int status, const struct parley_error *err);

/* The same with a message. */
__attribute__((format(printf, 3, 4))) void op_fail(struct op *op, int status, const char *format,
                                                   ...);

/* Send a request for it; without memory it ends. The deadline is the operation's. */
void op_send(struct op *op, struct rest_request *request, rest_on_reply on_reply);

/* The reply failed: end with its error. */
void op_fail_by(struct op *op, const struct rest_reply *reply);

/* Begin what may begin. */
void queue_run(struct store *s);

/* End all that wait or run with this error. */
void queue_fail(struct store *s, const struct parley_error *err);

/* Forget all of them without a word. */
void queue_done(struct store *s);

#endif
