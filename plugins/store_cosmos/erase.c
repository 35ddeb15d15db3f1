/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a session: its row is made due, so that whoever runs expire() next goes on where this
 * one may stop; the head becomes a tombstone, which shuts out every writer; then the records go, a
 * batch at a time, then the row, and the tombstone notes that nothing is left.
 */
#include "erase.h"

#include "dump.h"
#include "heads.h"
#include "read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE      100 /* as many as one batch deletes */
#define ROWS_PAGE 100
#define DUE       1 /* expires_ms of a row whose session is being removed */
#define NO_MEMORY "Cosmos DB: no memory for session %s"

/* ---- records ---- */

static void query_records(struct op *op);

static void on_purged(struct op *op, bool is_written)
{
    (void)is_written; /* if not, somebody else has noted it, or made a new session of it */
    op->purged(op);
}

static void on_row_deleted(struct op *op)
{
    heads_write(op, document_tombstone(op->head, true), on_purged);
}

static void on_deleted(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    /* 404: somebody else deletes, too; what is left will be seen. */
    if (reply->status < 0 || (reply->code >= 300 && reply->code != 404))
        op_fail_by(op, reply);
    else
        query_records(op);
}

/* [{"operationType":"Delete","id":...,"partitionKey":...}, ...] */
static char *delete_batch(const struct op *op, const char *pk)
{
    json_t *list = json_array(), *key = json_pack("[s]", pk), *document;
    char *key_text = dump_ascii(key), *text = NULL;
    int r = 0;
    size_t i;

    json_array_foreach(op->rows, i, document)
    {
        r |= json_array_append_new(list, json_pack("{ss ss ss}", "operationType", "Delete", "id",
                                                   document_text(document, "id"), "partitionKey",
                                                   key_text));
    }
    if (r == 0 && key_text != NULL)
        text = dump(list);
    json_decref(list);
    json_decref(key);
    free(key_text);
    return text;
}

static void delete_records(struct op *op)
{
    char *pk = document_partition(op->session_id);
    struct rest_request request = {
        .verb = "POST",
        .resource = RESOURCE_DOCUMENTS,
        .flags = REST_WRITE | REST_BATCH,
        .partition = pk,
        .take_body = pk == NULL ? NULL : delete_batch(op, pk),
        .count = json_array_size(op->rows),
    };

    if (request.take_body == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        op_send(op, &request, on_deleted);
    free(pk);
}

static void on_records(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (!read_take_page(op, reply))
        return;
    if (json_array_size(op->rows) > 0)
        delete_records(op);
    else if (op->continuation != NULL)
        query_records(op); /* an empty page is not the end */
    else
        heads_delete_row(op, op->head, on_row_deleted);
}

static void query_records(struct op *op)
{
    char *pk = document_partition(op->session_id);

    if (json_array_size(op->rows) > 0) { /* deleted meanwhile: from the beginning */
        free(op->continuation);
        op->continuation = NULL;
    }
    if (pk == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        read_query(op, pk,
                   "SELECT c.id FROM c WHERE c.pk = @pk AND (c.kind = 'record' OR c.kind = 'data')",
                   json_object(), PAGE, on_records);
    free(pk);
}

/* op->head is a tombstone. */
static void purge(struct op *op, op_step then)
{
    op->purged = then;
    json_decref(op->rows);
    op->rows = NULL;
    free(op->continuation);
    op->continuation = NULL;
    query_records(op);
}

/* ---- remove ---- */

static void on_head_to_erase(struct op *op);

static void end_well(struct op *op)
{
    op_end(op, PARLEY_OK, NULL);
}

static void on_tombstone(struct op *op, bool is_written)
{
    if (is_written)
        purge(op, end_well);
    else
        on_head_to_erase(op);
}

static void write_tombstone(struct op *op)
{
    heads_write(op, document_tombstone(op->head, false), on_tombstone);
}

static void on_head_to_erase(struct op *op)
{
    if (op->head != NULL && document_is_removed(op->head) && !document_is_purged(op->head))
        purge(op, end_well); /* a removal that stopped half-way */
    else if (heads_is_there(op))
        heads_write_row(op, op->head, DUE, write_tombstone);
}

void erase_session(struct op *op)
{
    cache_forget(&op->store->cache, op->session_id, op->hash);
    heads_find(op, false, on_head_to_erase);
}

/* ---- expire ---- */

/* Each row's session is settled in an operation that is a part of this one, the sweep. */
static void next_row(struct op *op);

static void row_done(struct op *op)
{
    struct op *sweep = op->sweep;

    sweep->row++;
    sweep->given++;
    op_destroy(op);
    next_row(sweep);
}

static void skip_row(struct op *op)
{
    op->sweep->given--;
    row_done(op);
}

static void on_expired(struct op *op, bool is_written)
{
    if (is_written)
        purge(op, row_done);
    else
        skip_row(op); /* somebody has just written to it: next time */
}

static const json_t *row_of(const struct op *op)
{
    return json_array_get(op->sweep->rows, op->sweep->row);
}

static void on_head_of_row(struct op *op)
{
    const json_t *row = row_of(op);
    const json_t *head = op->head;
    int64_t expires_ms = document_number(head, "expires_ms");

    if (head == NULL || document_number(head, "created_ms") != document_number(row, "created_ms"))
        heads_delete_row(op, row, row_done); /* of no session */
    else if (document_is_removed(head) && document_is_purged(head))
        heads_delete_row(op, row, row_done);
    else if (document_is_removed(head))
        purge(op, row_done);
    else if (expires_ms == 0 || expires_ms > op->sweep->now_ms)
        heads_write_row(op, head, expires_ms, row_done); /* it lives longer by now */
    else
        heads_write(op, document_tombstone(head, false), on_expired);
}

static void on_rows(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (read_take_page(op, reply))
        next_row(op);
}

static void query_rows(struct op *op)
{
    json_t *parameters = json_pack("{sI}", "@now", (json_int_t)op->now_ms);

    if (parameters == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory to expire sessions");
    else
        read_query(op, DOCUMENT_INDEX,
                   "SELECT c.session, c.created_ms FROM c WHERE c.pk = @pk AND c.kind = 'row' AND "
                   "c.expires_ms > 0 AND c.expires_ms <= @now",
                   parameters, ROWS_PAGE, on_rows);
}

/* What was settled is due no more, and a token may have lost its place by that. */
static void next_page(struct op *op)
{
    if (op->given > 0) {
        free(op->continuation);
        op->continuation = NULL;
    }
    op->given = 0;
    query_rows(op);
}

static void next_row(struct op *op)
{
    if (op->row < json_array_size(op->rows)) {
        const json_t *row = json_array_get(op->rows, op->row);
        struct op *one = op_create(op->store, op->name, NULL, 0, document_text(row, "session"));
        if (one == NULL) {
            op_fail(op, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory to expire sessions");
            return;
        }
        one->is_write = true;
        one->deadline_ms = op->deadline_ms;
        one->sweep = op;
        op->part = one;
        heads_find(one, false, on_head_of_row);
    } else if (op->continuation != NULL) {
        next_page(op);
    } else {
        op_end(op, PARLEY_OK, NULL);
    }
}

void erase_expired(struct op *op)
{
    query_rows(op);
}
