/* SPDX-License-Identifier: Apache-2.0 */
#include "write.h"

#include "dump.h"
#include "heads.h"

#include <stdio.h>
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
    bool is_its_row =
        document_number(op->head, "created_ms") == document_number(op->wanted, "created_ms");

    if (op->has_row || is_its_row)
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

    if (head != NULL)
        (void)json_object_del(head, "data_digest"); /* until it is known anew */
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

static void patch_head(struct op *op);

static void give_head(struct op *op)
{
    heads_tell(op, end_well);
}

/* The patch was not applied: because of what the head is, or because it was applied before. */
static void on_unpatched(struct op *op)
{
    if (!heads_is_there(op))
        return;
    int64_t expires_ms = document_number(op->head, "expires_ms");
    if (strcmp(document_text(op->head, "op"), op->nonce) == 0)
        give_head(op);
    else if (expires_ms != 0 && expires_ms <= op->now_ms)
        op_fail(op, PARLEY_E_GONE, "session %s has expired", op->session_id);
    else if (++op->rounds > OP_MAX_ROUNDS)
        op_fail(op, PARLEY_E_BUSY, "session %s is changed by others all the time", op->session_id);
    else
        patch_head(op); /* it was not there when the patch came, and is now */
}

static void on_patched(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (reply->status < 0)
        op_fail_by(op, reply);
    else if (reply->code >= 300)
        heads_find(op, false, on_unpatched);
    else if (heads_accept(op, reply))
        give_head(op);
}

static json_t *set_member(const char *path, json_t *take_value)
{
    return json_pack("{ss ss so}", "op", "set", "path", path, "value", take_value);
}

/* One step at the service, so that a host that writes all the time cannot be in the way of it. */
static json_t *take_patch(const struct op *op)
{
    json_t *operations = json_pack("[{ss ss si}]", "op", "incr", "path", "/epoch", "value", 1);
    char condition[200];
    int r = 0;

    (void)snprintf(condition, sizeof(condition),
                   "FROM c WHERE c.kind = 'head' AND c.op != '%s' AND (c.expires_ms = 0 OR "
                   "c.expires_ms > %lld)",
                   op->nonce, (long long)op->now_ms);
    r |= json_array_append_new(operations, set_member("/owner", json_string(op->owner)));
    r |= json_array_append_new(operations,
                               set_member("/lease_until_ms", json_integer(op->lease_until_ms)));
    r |= json_array_append_new(operations, set_member("/updated_ms", json_integer(op->now_ms)));
    r |= json_array_append_new(operations, set_member("/op", json_string(op->nonce)));
    if (r < 0) {
        json_decref(operations);
        return NULL;
    }
    return json_pack("{ss so}", "condition", condition, "operations", operations);
}

static void patch_head(struct op *op)
{
    json_t *patch = take_patch(op);
    char *body = dump(patch), *pk = document_partition(op->session_id);
    struct rest_request request = {
        .verb = "PATCH",
        .resource = RESOURCE_DOCUMENT,
        .flags = REST_WRITE | REST_PATCH,
        .id = DOCUMENT_HEAD,
        .partition = pk,
        .take_body = body,
    };

    json_decref(patch);
    if (body == NULL || pk == NULL) {
        free(body);
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    } else {
        op_send(op, &request, on_patched);
    }
    free(pk);
}

void write_take(struct op *op)
{
    heads_number(op);
    patch_head(op);
}
