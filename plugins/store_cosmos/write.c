/* SPDX-License-Identifier: Apache-2.0 */
#include "write.h"

#include "dump.h"
#include "heads.h"

#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "Cosmos DB: no memory for session %s"

static bool is_current(struct op *op)
{
    int64_t epoch = document_number(op->head, "epoch");

    if (epoch == op->epoch)
        return true;
    op_fail(op, PARLEY_E_CONFLICT, "session %s: epoch %lld is not the current %lld, which %s holds",
            op->session_id, (long long)op->epoch, (long long)epoch,
            document_text(op->head, "owner"));
    return false;
}

/* What the cache says is believed when it fits, and otherwise looked at again. */
static bool look_again(struct op *op, op_step then)
{
    if (!op->is_cached || document_number(op->head, "epoch") == op->epoch)
        return false;
    heads_find(op, false, then);
    return true;
}

static void end_well(struct op *op)
{
    op_end(op, PARLEY_OK, NULL);
}

/* ---- create ---- */

/* The row that this operation has made for nothing. */
static void on_row_gone(struct op *op)
{
    op_fail(op, PARLEY_E_CONFLICT, "session %s exists already", op->session_id);
}

static void refuse_create(struct op *op)
{
    if (op->has_row)
        on_row_gone(op);
    else
        heads_delete_row(op, op->wanted, on_row_gone);
}

static void on_created(struct op *op, bool is_written)
{
    if (is_written && op->has_row)
        heads_write_row(op, op->wanted, document_number(op->wanted, "expires_ms"), end_well);
    else if (is_written)
        end_well(op);
    else if (op->head == NULL)
        heads_write(op, document_copy(op->wanted), on_created);
    else if (!document_is_removed(op->head))
        refuse_create(op);
    else if (!document_is_purged(op->head))
        op_fail(op, PARLEY_E_BUSY, "session %s is still being removed", op->session_id);
    else
        heads_write(op, document_copy(op->wanted), on_created); /* in the tombstone's place */
}

/*
 * The row comes first: a head without it would be found by no list, while a row without its head
 * is swept up. One that is there already is left alone, it may be of a living session.
 */
static void on_row_made(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (reply->status < 0 || (reply->code >= 300 && reply->code != 409)) {
        op_fail_by(op, reply);
        return;
    }
    op->has_row = reply->code == 409;
    heads_write(op, document_copy(op->wanted), on_created);
}

void write_create(struct op *op)
{
    json_t *row = document_row(op->wanted, document_number(op->wanted, "expires_ms"),
                               op->store->around.config->ttl / 1000);
    char *body = dump(row);
    struct rest_request request = {
        .verb = "POST",
        .resource = RESOURCE_DOCUMENTS,
        .flags = REST_WRITE,
        .partition = DOCUMENT_INDEX,
        .take_body = body,
    };

    json_decref(row);
    if (body == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        op_send(op, &request, on_row_made);
}

/* ---- update ---- */

static void on_head_to_update(struct op *op);

static void on_updated(struct op *op, bool is_written)
{
    if (is_written)
        end_well(op);
    else
        on_head_to_update(op);
}

/* What an update replaces, in a copy of the rest. */
static json_t *updated(const struct op *op)
{
    static const char *const replaced[] = {"state",      "owner",      "lease_until_ms",
                                           "updated_ms", "expires_ms", "data"};
    json_t *head = document_copy(op->head);

    for (size_t i = 0; head != NULL && i < sizeof(replaced) / sizeof(replaced[0]); i++) {
        if (json_object_set(head, replaced[i], json_object_get(op->wanted, replaced[i])) < 0) {
            json_decref(head);
            return NULL;
        }
    }
    return head;
}

static void write_updated(struct op *op)
{
    heads_write(op, updated(op), on_updated);
}

static void on_head_to_update(struct op *op)
{
    if (!heads_is_there(op) || look_again(op, on_head_to_update) || !is_current(op))
        return;
    int64_t before = document_number(op->head, "expires_ms");
    int64_t after = document_number(op->wanted, "expires_ms");
    if (after != 0 && (before == 0 || after < before))
        heads_write_row(op, op->head, after, write_updated); /* so that expiry looks in time */
    else
        write_updated(op);
}

void write_update(struct op *op)
{
    heads_find(op, true, on_head_to_update);
}

/* ---- take ---- */

static void on_head_to_take(struct op *op);

static void on_taken(struct op *op, bool is_written)
{
    struct parley_store_head head;

    if (!is_written) {
        on_head_to_take(op);
        return;
    }
    document_tell_head(op->head, &head);
    op->store->host->head(op->id, &head);
    end_well(op);
}

static void on_head_to_take(struct op *op)
{
    if (!heads_is_there(op))
        return;
    int64_t expires_ms = document_number(op->head, "expires_ms");
    if (expires_ms != 0 && expires_ms <= op->now_ms) {
        op_fail(op, PARLEY_E_GONE, "session %s has expired", op->session_id);
        return;
    }
    json_t *head = document_copy(op->head);
    bool is_whole = head != NULL &&
                    document_set(head, "epoch", document_number(op->head, "epoch") + 1) &&
                    document_set(head, "lease_until_ms", op->lease_until_ms) &&
                    document_set(head, "updated_ms", op->now_ms) &&
                    json_object_set_new(head, "owner", json_string(op->owner)) == 0;
    if (!is_whole) {
        json_decref(head);
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
        return;
    }
    heads_write(op, head, on_taken);
}

void write_take(struct op *op)
{
    heads_find(op, false, on_head_to_take);
}
