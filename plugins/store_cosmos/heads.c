/* SPDX-License-Identifier: Apache-2.0 */
#include "heads.h"

#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "Cosmos DB: no memory for session %s"

static void forget_head(struct op *op)
{
    json_decref(op->head);
    free(op->etag);
    op->head = NULL;
    op->etag = NULL;
    op->is_cached = false;
}

static char *etag_of(const struct rest_reply *reply)
{
    if (reply->etag.len > 0)
        return strndup(reply->etag.data, reply->etag.len);
    return strdup(document_text(reply->body, "_etag"));
}

/* ---- finding ---- */

bool heads_accept(struct op *op, const struct rest_reply *reply)
{
    forget_head(op);
    op->head = document_strip(reply->body);
    op->etag = etag_of(reply);
    if (op->head == NULL || op->etag == NULL) {
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
        return false;
    }
    if (op->is_write) /* readers would only push out what owners need */
        cache_keep(&op->store->cache, op->session_id, op->hash, op->head, op->etag);
    return true;
}

static void on_found(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (reply->status < 0 || (reply->code != 200 && reply->code != 404))
        op_fail_by(op, reply);
    else if (reply->code == 404 || heads_accept(op, reply))
        op->then(op);
}

void heads_find(struct op *op, bool may_be_cached, op_step then)
{
    struct store *s = op->store;

    forget_head(op);
    op->then = then;
    if (may_be_cached)
        op->head = cache_find(&s->cache, op->session_id, op->hash, &op->etag);
    if (op->head != NULL) {
        op->is_cached = true;
        then(op);
        return;
    }
    char *pk = document_partition(op->session_id);
    struct rest_request request = {
        .verb = "GET",
        .resource = RESOURCE_DOCUMENT,
        .flags = op->is_write ? REST_FRESH : 0,
        .id = DOCUMENT_HEAD,
        .partition = pk,
    };
    if (pk == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        op_send(op, &request, on_found);
    free(pk);
}

bool heads_is_there(struct op *op)
{
    if (op->head != NULL && !document_is_removed(op->head))
        return true;
    if (op->head == NULL)
        op_fail(op, PARLEY_E_NOT_FOUND, "session %s is not in the store", op->session_id);
    else
        op_fail(op, PARLEY_E_GONE, "session %s was removed", op->session_id);
    return false;
}

/* ---- telling ---- */

static void ask_data(struct op *op);

static void on_data(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;
    bool is_there = reply->code == 200;
    struct parley_store_head head;

    if (reply->status < 0 || (!is_there && reply->code != 404)) {
        op_fail_by(op, reply);
        return;
    }
    if (!is_there && !op->is_fresh) { /* a region that is behind */
        op->is_fresh = true;
        ask_data(op);
        return;
    }
    op->is_fresh = false;
    document_tell_head(op->head, is_there ? reply->body : NULL, &head);
    op->store->host->head(op->id, &head);
    op->then(op);
}

static void ask_data(struct op *op)
{
    char *pk = document_partition(op->session_id);
    struct rest_request request = {
        .verb = "GET",
        .resource = RESOURCE_DOCUMENT,
        .flags = op->is_write || op->is_fresh ? REST_FRESH : 0,
        .id = DOCUMENT_DATA,
        .partition = pk,
    };

    if (pk == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        op_send(op, &request, on_data);
    free(pk);
}

void heads_tell(struct op *op, op_step then)
{
    struct parley_store_head head;

    op->then = then;
    if (document_text(op->head, "data_digest")[0] != '\0') {
        ask_data(op);
        return;
    }
    document_tell_head(op->head, NULL, &head);
    op->store->host->head(op->id, &head);
    then(op);
}

/* ---- writing ---- */

static void take_written(struct op *op, char *take_etag)
{
    forget_head(op);
    op->head = op->writing;
    op->writing = NULL;
    op->etag = take_etag;
    cache_keep(&op->store->cache, op->session_id, op->hash, op->head, op->etag);
}

/* After a refusal: what is stored tells whose write it was. */
static void on_read_back(struct op *op)
{
    bool is_ours = op->head != NULL && strcmp(document_text(op->head, "op"), op->nonce) == 0;

    json_decref(op->writing);
    op->writing = NULL;
    if (++op->rounds > OP_MAX_ROUNDS)
        op_fail(op, PARLEY_E_BUSY, "session %s is changed by others all the time", op->session_id);
    else
        op->then_written(op, is_ours);
}

void heads_settle(struct op *op, const struct rest_reply *reply, const char *etag, op_written then)
{
    op->then_written = then;
    if (reply->status < 0 ||
        (reply->code >= 300 && reply->code != 404 && reply->code != 409 && reply->code != 412)) {
        op_fail_by(op, reply);
        return;
    }
    if (reply->code >= 300) {
        heads_find(op, false, on_read_back);
        return;
    }
    char *copy = strdup(etag);
    if (copy == NULL) {
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
        return;
    }
    take_written(op, copy);
    then(op, true);
}

static void on_written(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;
    char *etag = reply->status < 0 ? NULL : etag_of(reply);

    if (reply->status == PARLEY_OK && etag == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        heads_settle(op, reply, etag, op->then_written);
    free(etag);
}

void heads_number(struct op *op)
{
    uint64_t number;

    op->store->around.host->random(&number, sizeof(number));
    (void)snprintf(op->nonce, sizeof(op->nonce), "%016llx", (unsigned long long)number);
}

bool heads_stamp(struct op *op, json_t *take_head)
{
    heads_number(op);
    json_decref(op->writing);
    op->writing = take_head;
    return take_head != NULL && json_object_set_new(take_head, "op", json_string(op->nonce)) == 0;
}

/* ---- with long data ---- */

char *heads_quoted(const char *text)
{
    json_t *string = json_string(text);
    char *result = dump_ascii(string);

    json_decref(string);
    return result;
}

char *heads_quoted_key(const struct op *op)
{
    char *pk = document_partition(op->session_id);
    json_t *list = pk == NULL ? NULL : json_pack("[s]", pk);
    char *text = dump_ascii(list);
    char *result = text == NULL ? NULL : heads_quoted(text);

    json_decref(list);
    free(text);
    free(pk);
    return result;
}

void heads_settle_batch(struct op *op, const struct rest_reply *reply, op_written then)
{
    const json_t *first = json_array_get(reply->body, 0);
    const char *etag = document_text(first, "eTag");

    if (etag[0] == '\0')
        etag = document_text(json_object_get(first, "resourceBody"), "_etag");
    heads_settle(op, reply, etag, then);
}

static void on_both_written(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    heads_settle_batch(op, reply, op->then_written);
}

/* The head, if it is as it was, and then its data. */
static char *join_both(const struct op *op, const char *head, const json_t *data)
{
    char *key = heads_quoted_key(op), *text = dump(data), *body = NULL;
    char *etag = heads_quoted(op->etag == NULL ? "" : op->etag);

    if (key == NULL || text == NULL || etag == NULL)
        goto out;
    if (asprintf(
            &body,
            "[{\"operationType\":\"%s\",%s%s%s\"partitionKey\":%s,\"resourceBody\":%s},"
            "{\"operationType\":\"Upsert\",\"partitionKey\":%s,\"resourceBody\":%s}]",
            op->etag == NULL ? "Create" : "Replace",
            op->etag == NULL ? "" : "\"id\":\"head\",\"ifMatch\":", op->etag == NULL ? "" : etag,
            op->etag == NULL ? "" : ",", key, head, key, text) < 0)
        body = NULL;
out:
    free(key);
    free(text);
    free(etag);
    return body;
}

/* `take_body` is op->writing as it goes out, alone or in a batch with its data. */
static void send_head(struct op *op, char *take_body, bool is_batch)
{
    char *pk = document_partition(op->session_id);
    bool is_put = op->etag != NULL && !is_batch;
    struct rest_request request = {
        .verb = is_put ? "PUT" : "POST",
        .resource = is_put ? RESOURCE_DOCUMENT : RESOURCE_DOCUMENTS,
        .flags = REST_WRITE | (is_batch ? REST_BATCH : 0),
        .id = DOCUMENT_HEAD,
        .partition = pk,
        .if_match = is_batch ? NULL : op->etag,
        .take_body = take_body,
        .count = is_batch ? 2 : 0,
    };

    if (take_body == NULL || pk == NULL) {
        free(take_body);
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    } else {
        op_send(op, &request, is_batch ? on_both_written : on_written);
    }
    free(pk);
}

void heads_write(struct op *op, json_t *take_head, op_written then)
{
    json_t *data = NULL;
    bool is_split = heads_stamp(op, take_head) &&
                    document_split(op->writing, document_text(op->head, "data_digest"), &data);
    char *body = is_split ? dump(op->writing) : NULL;

    op->then_written = then;
    if (data != NULL && body != NULL) {
        char *both = join_both(op, body, data);
        free(body);
        body = both;
    }
    send_head(op, body, data != NULL);
    json_decref(data);
}

/* ---- rows ---- */

static void on_row(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (reply->status < 0 || (reply->code >= 300 && reply->code != 404))
        op_fail_by(op, reply);
    else
        op->then(op);
}

void heads_write_row(struct op *op, const json_t *head, int64_t expires_ms, op_step then)
{
    json_t *row = document_row(head, expires_ms, op->store->around.config->ttl / 1000);
    char *body = dump(row);
    struct rest_request request = {
        .verb = "POST",
        .resource = RESOURCE_DOCUMENTS,
        .flags = REST_WRITE | REST_UPSERT,
        .partition = DOCUMENT_INDEX,
        .take_body = body,
    };

    json_decref(row);
    op->then = then;
    if (body == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        op_send(op, &request, on_row);
}

void heads_delete_row(struct op *op, const json_t *head, op_step then)
{
    char *id = document_row_id(head);
    struct rest_request request = {
        .verb = "DELETE",
        .resource = RESOURCE_DOCUMENT,
        .flags = REST_WRITE,
        .id = id,
        .partition = DOCUMENT_INDEX,
    };

    op->then = then;
    if (id == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        op_send(op, &request, on_row);
    free(id);
}
