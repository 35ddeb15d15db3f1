/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending: one transactional batch that replaces the head, if nobody else has, and brings the
 * records. The head's entity tag is the fence: a host whose lease was taken writes nothing more.
 *
 * An append that is larger than a batch may be goes in parts, each fenced like this. The head
 * counts the records with the last part, and readers see no further than it counts: all or nothing.
 */
#include "write.h"

#include "dump.h"
#include "heads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPERATIONS 100     /* of a batch, the head included */
#define MAX_BATCH      2000000 /* bytes; the service says 2 MB */
#define OVERHEAD       128     /* of one operation, beside the document and the partition key */
#define NO_MEMORY      "Cosmos DB: no memory for session %s"

/* ---- preparing ---- */

static int too_large(const struct op *op, const struct parley_store_record *record, size_t len,
                     struct parley_error *err)
{
    return parley_fail(err, PARLEY_E_TOO_LARGE,
                       "session %s: record %lld (%s) is %zu bytes long as a document; Cosmos DB "
                       "takes 2 MB at most",
                       op->session_id, (long long)record->seq, record->id, len);
}

static int prepare_one(struct op *op, const struct parley_store_record *record,
                       struct parley_error *err)
{
    json_t *document =
        document_record(op->session_id, record, op->store->around.config->ttl / 1000);
    char *text = dump(document);
    size_t len = text == NULL ? 0 : strlen(text);

    json_decref(document);
    if (text == NULL)
        return parley_fail(err, PARLEY_E_INVALID,
                           "session %s: record %lld (%s) is not UTF-8, or there is no memory",
                           op->session_id, (long long)record->seq, record->id);
    op->records[op->record_count++] = (struct op_record){
        .seq = record->seq, .time_ms = record->time_ms, .text = text, .len = len};
    op->bytes += sizeof(struct op_record) + len;
    return len > MAX_BATCH ? too_large(op, record, len, err) : PARLEY_OK;
}

int write_prepare(struct op *op, const struct parley_store_record *records, size_t count,
                  size_t item_size, struct parley_error *err)
{
    int r = PARLEY_OK;

    op->records = calloc(count > 0 ? count : 1, sizeof(*op->records));
    if (op->records == NULL)
        return parley_fail(err, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    for (size_t i = 0; i < count && r == PARLEY_OK; i++)
        r = prepare_one(op, (const void *)((const char *)records + i * item_size), err);
    return r;
}

/* ---- one part ---- */

static void on_head(struct op *op);
static void send_part(struct op *op);

/* The first record that the head does not count. */
static size_t first_new(const struct op *op)
{
    int64_t count = document_number(op->head, "record_count");
    size_t i = 0;

    while (i < op->record_count && op->records[i].seq <= count)
        i++;
    return i;
}

static json_t *next_head(const struct op *op, bool is_last)
{
    json_t *head = document_copy(op->head);
    int64_t updated_ms = document_number(op->head, "updated_ms");
    const struct op_record *last = &op->records[op->record_count - 1];

    if (!is_last || head == NULL)
        return head;
    if (last->time_ms > updated_ms)
        updated_ms = last->time_ms;
    if (document_set(head, "record_count", last->seq) &&
        document_set(head, "updated_ms", updated_ms))
        return head;
    json_decref(head);
    return NULL;
}

/* How many records go with the head; 0 when not even one fits. */
static size_t fitting(const struct op *op, size_t head_len, size_t pk_len)
{
    size_t total = head_len + pk_len + 2 * OVERHEAD;
    size_t i = op->sent;

    for (; i < op->record_count && i - op->sent < MAX_OPERATIONS - 1; i++) {
        total += op->records[i].len + pk_len + OVERHEAD;
        if (total > MAX_BATCH)
            break;
    }
    return i - op->sent;
}

/* {"operationType":...,"partitionKey":"[\"s:ID\"]",...,"resourceBody":TEXT} for each. */
static char *join_batch(const struct op *op, const char *head, const char *etag, const char *pk,
                        size_t count, size_t size)
{
    char *body = malloc(size);
    size_t len = 0;

    if (body == NULL)
        return NULL;
    len += (size_t)snprintf(body, size,
                            "[{\"operationType\":\"Replace\",\"id\":\"head\",\"ifMatch\":%s,"
                            "\"partitionKey\":%s,\"resourceBody\":%s}",
                            etag, pk, head);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(
            body + len, size - len,
            ",{\"operationType\":\"Upsert\",\"partitionKey\":%s,\"resourceBody\":%s}", pk,
            op->records[op->sent + i].text);
    (void)snprintf(body + len, size - len, "]");
    return body;
}

static void on_part(struct op *op, bool is_written)
{
    if (!is_written) {
        op->sent = 0;
        on_head(op); /* somebody else has changed the head */
        return;
    }
    op->sent = op->sending;
    if (op->sent < op->record_count)
        send_part(op);
    else
        op_end(op, PARLEY_OK, NULL);
}

static void on_answer(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    heads_settle_batch(op, reply, on_part);
}

static void send_batch(struct op *op, const char *head, const char *etag, const char *key,
                       size_t count)
{
    size_t size = strlen(head) + strlen(etag) + strlen(key) + 2 * OVERHEAD;
    char *pk = document_partition(op->session_id);

    for (size_t i = 0; i < count; i++)
        size += op->records[op->sent + i].len + strlen(key) + OVERHEAD;
    struct rest_request request = {
        .verb = "POST",
        .resource = RESOURCE_DOCUMENTS,
        .flags = REST_WRITE | REST_BATCH,
        .partition = pk,
        .take_body = join_batch(op, head, etag, key, count, size),
        .count = count + 1,
    };
    if (request.take_body == NULL || pk == NULL) {
        free(request.take_body);
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    } else {
        op_send(op, &request, on_answer);
    }
    free(pk);
}

/* The records after those that were sent, as many as fit. */
static void send_part(struct op *op)
{
    char *key = heads_quoted_key(op), *etag = heads_quoted(op->etag), *head = NULL;
    char *plain = dump(op->head);
    /* The nonce and the larger numbers of the next head. */
    size_t head_len = plain == NULL ? 0 : strlen(plain) + OVERHEAD;
    size_t count = key == NULL ? 0 : fitting(op, head_len, strlen(key));

    if (count > 0) {
        bool is_last = op->sent + count == op->record_count;
        if (heads_stamp(op, next_head(op, is_last)))
            head = dump(op->writing);
    }
    op->sending = op->sent + count;
    if (count == 0 && key != NULL && plain != NULL)
        op_fail(op, PARLEY_E_TOO_LARGE,
                "session %s: record %lld of %zu bytes does not fit into one write beside the head "
                "of %zu bytes; Cosmos DB takes 2 MB at most",
                op->session_id, (long long)op->records[op->sent].seq, op->records[op->sent].len,
                head_len);
    else if (head == NULL || etag == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        send_batch(op, head, etag, key, count);
    free(key);
    free(etag);
    free(head);
    free(plain);
}

/* ---- the append ---- */

static bool has_gap(const struct op *op, size_t first, int64_t *ret_seq, int64_t *ret_next)
{
    *ret_next = document_number(op->head, "record_count") + 1;
    for (size_t i = first; i < op->record_count; i++, (*ret_next)++) {
        *ret_seq = op->records[i].seq;
        if (*ret_seq != *ret_next)
            return true;
    }
    return false;
}

static bool is_current(const struct op *op)
{
    return document_number(op->head, "epoch") == op->epoch;
}

static void on_head(struct op *op)
{
    int64_t seq = 0, next = 0;

    if (!heads_is_there(op))
        return;
    size_t first = first_new(op);
    bool has_new = first < op->record_count;
    bool is_fine = is_current(op) && has_new && !has_gap(op, first, &seq, &next);
    if (op->is_cached && !is_fine) {
        heads_find(op, false, on_head);
        return;
    }
    op->sent = first;
    if (!is_current(op))
        op_fail(op, PARLEY_E_CONFLICT,
                "session %s: epoch %lld is not the current %lld, which %s holds", op->session_id,
                (long long)op->epoch, (long long)document_number(op->head, "epoch"),
                document_text(op->head, "owner"));
    else if (has_gap(op, first, &seq, &next))
        op_fail(op, PARLEY_E_INVALID, "session %s: record %lld, but %lld is next", op->session_id,
                (long long)seq, (long long)next);
    else if (!has_new)
        op_end(op, PARLEY_OK, NULL); /* a repeated write */
    else
        send_part(op);
}

void write_append(struct op *op)
{
    heads_find(op, true, on_head);
}
