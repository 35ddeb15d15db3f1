/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and replacing the head of an operation's session. */
#ifndef STORE_COSMOS_HEADS_H
#define STORE_COSMOS_HEADS_H

#include "op.h"

/*
 * Bring op->head (NULL: there is none) and op->etag, then go on. `may_be_cached`: what this worker
 * wrote last will do.
 */
void heads_find(struct op *op, bool may_be_cached, op_step then);

/* Whether the session is there; if it is not, the operation has ended as NOT_FOUND or GONE. */
bool heads_is_there(struct op *op);

/*
 * Replace the head by `take_head`, which gets a number of its own, if its entity tag is still
 * op->etag. `then` learns whether it was written. If it was, op->head is what was written; if
 * something else is stored by now, op->head is that (or NULL).
 */
void heads_write(struct op *op, json_t *take_head, op_written then);

/*
 * Tell the host of op->head, with its data, then go on. Data that something else has deleted are
 * told as none: the rest of the session is there.
 */
void heads_tell(struct op *op, op_step then);

/* Keep the head that an answer brings. False: no memory, and the operation has ended. */
bool heads_accept(struct op *op, const struct rest_reply *reply);

/* Give the write that comes a number of its own, op->nonce. */
void heads_number(struct op *op);

/* The same for a head that is part of a larger write: give it a number, judge the reply. */
bool heads_stamp(struct op *op, json_t *take_head);
void heads_settle(struct op *op, const struct rest_reply *reply, const char *etag, op_written then);

/* The same for a batch whose first operation writes the head. */
void heads_settle_batch(struct op *op, const struct rest_reply *reply, op_written then);

/* The partition key as batches want it: a JSON string that holds a JSON array; allocated. */
char *heads_quoted_key(const struct op *op);

/* The JSON string of a text; allocated. */
char *heads_quoted(const char *text);

/* Put the session's row where lists and expiry find it, then go on. */
void heads_write_row(struct op *op, const json_t *head, int64_t expires_ms, op_step then);

/* Delete the row, then go on; one that is not there is fine. */
void heads_delete_row(struct op *op, const json_t *head, op_step then);

#endif
