/* SPDX-License-Identifier: Apache-2.0 */
#include "read.h"

#include "dump.h"
#include "heads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_PAGE 100
#define DEFAULT_LIST 100
#define MAX_LIST     1000
#define NO_MEMORY    "Cosmos DB: no memory for session %s"

/* ---- queries ---- */

static json_t *parameter_list(const char *partition, json_t *parameters)
{
    json_t *list = json_pack("[{ssss}]", "name", "@pk", "value", partition), *value;
    const char *name;

    json_object_foreach(parameters, name, value)
    {
        if (json_array_append_new(list, json_pack("{sssO}", "name", name, "value", value)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void read_query(struct op *op, const char *partition, const char *sql, json_t *take_parameters,
                unsigned page, rest_on_reply on_reply)
{
    json_t *list = parameter_list(partition, take_parameters);
    json_t *query = list == NULL ? NULL : json_pack("{ssso}", "query", sql, "parameters", list);
    char *body = dump(query);
    struct rest_request request = {
        .verb = "POST",
        .resource = RESOURCE_DOCUMENTS,
        .flags = REST_QUERY,
        .partition = partition,
        .continuation = op->continuation,
        .page = page,
        .take_body = body,
    };

    json_decref(take_parameters);
    json_decref(query);
    if (body == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    else
        op_send(op, &request, on_reply);
}

bool read_take_page(struct op *op, const struct rest_reply *reply)
{
    json_t *documents = json_object_get(reply->body, "Documents");
    bool is_good = reply->status == PARLEY_OK && reply->code == 200 && json_is_array(documents);

    if (!is_good) {
        op_fail_by(op, reply);
        return false;
    }
    free(op->continuation);
    op->continuation = reply->continuation.len == 0
                           ? NULL
                           : strndup(reply->continuation.data, reply->continuation.len);
    if (reply->continuation.len > 0 && op->continuation == NULL) {
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
        return false;
    }
    json_decref(op->rows);
    op->rows = json_incref(documents);
    op->row = 0;
    return true;
}

/* ---- read ---- */

static void query_records(struct op *op);

/* How many records are still wanted, at most one page; 0: none. */
static unsigned records_wanted(const struct op *op)
{
    int64_t there = document_number(op->head, "record_count") - op->after_seq;
    int64_t wanted = op->limit > 0 && op->limit < there ? op->limit : there;
    int64_t left = wanted - op->given;

    return left <= 0 ? 0 : (unsigned)(left < RECORDS_PAGE ? left : RECORDS_PAGE);
}

static void give_records(struct op *op)
{
    struct parley_store_record record;
    json_t *document;
    size_t i;

    json_array_foreach(op->rows, i, document)
    {
        if (records_wanted(op) == 0)
            return;
        document_tell_record(document, &record);
        op->store->host->record(op->id, &record);
        op->given++;
    }
}

static void on_records(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (!read_take_page(op, reply))
        return;
    give_records(op);
    if (op->continuation != NULL && records_wanted(op) > 0)
        query_records(op);
    else
        op_end(op, PARLEY_OK, NULL);
}

static void query_records(struct op *op)
{
    json_t *parameters = json_pack("{sIsI}", "@after", (json_int_t)op->after_seq, "@count",
                                   (json_int_t)document_number(op->head, "record_count"));
    char *pk = document_partition(op->session_id);

    if (parameters == NULL || pk == NULL) {
        json_decref(parameters);
        op_fail(op, PARLEY_E_NO_MEMORY, NO_MEMORY, op->session_id);
    } else {
        read_query(op, pk,
                   "SELECT * FROM c WHERE c.pk = @pk AND c.kind = 'record' AND c.seq > @after AND "
                   "c.seq <= @count ORDER BY c.seq",
                   parameters, records_wanted(op), on_records);
    }
    free(pk);
}

static void on_head_told(struct op *op)
{
    if (records_wanted(op) > 0)
        query_records(op);
    else
        op_end(op, PARLEY_OK, NULL);
}

static void on_head_to_read(struct op *op)
{
    if (heads_is_there(op))
        heads_tell(op, on_head_told);
}

void read_session(struct op *op)
{
    if (op->after_seq < 0)
        op->after_seq = 0;
    heads_find(op, false, on_head_to_read);
}

/* ---- list ---- */

static void next_row(struct op *op);

/* Rows may be behind: what counts is the head. */
static bool is_of_row(const struct op *op, const json_t *row)
{
    return op->head != NULL && !document_is_removed(op->head) &&
           document_number(op->head, "created_ms") == document_number(row, "created_ms");
}

static void on_row_told(struct op *op)
{
    op->given++;
    op->row++;
    next_row(op);
}

static void on_head_of_row(struct op *op)
{
    if (is_of_row(op, json_array_get(op->rows, op->row))) {
        heads_tell(op, on_row_told);
        return;
    }
    op->row++;
    next_row(op);
}

static void on_rows(void *ctx, const struct rest_reply *reply)
{
    struct op *op = ctx;

    if (read_take_page(op, reply))
        next_row(op);
}

static void query_rows(struct op *op)
{
    static const char sql[] =
        "SELECT c.session, c.created_ms FROM c WHERE c.pk = @pk AND c.kind = 'row'%s%s%s "
        "ORDER BY c.sort DESC";
    char text[sizeof(sql) + 100];
    json_t *parameters = json_object();
    int r = 0;

    (void)snprintf(text, sizeof(text), sql, op->agent[0] == '\0' ? "" : " AND c.agent = @agent",
                   op->user[0] == '\0' ? "" : " AND c.user = @user",
                   op->after[0] == '\0' ? "" : " AND c.sort < @after");
    if (op->agent[0] != '\0')
        r |= json_object_set_new(parameters, "@agent", json_string(op->agent));
    if (op->user[0] != '\0')
        r |= json_object_set_new(parameters, "@user", json_string(op->user));
    if (op->after[0] != '\0')
        r |= json_object_set_new(parameters, "@after", json_string(op->after));
    if (parameters == NULL || r < 0) {
        json_decref(parameters);
        op_fail(op, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory for a list");
        return;
    }
    read_query(op, DOCUMENT_INDEX, text, parameters, (unsigned)op->limit, on_rows);
}

/* The head of the next row; another page; or the end. */
static void next_row(struct op *op)
{
    if (op->given >= op->limit) {
        op_end(op, PARLEY_OK, NULL);
        return;
    }
    if (op->row >= json_array_size(op->rows)) {
        if (op->continuation != NULL)
            query_rows(op);
        else
            op_end(op, PARLEY_OK, NULL);
        return;
    }
    if (op_set_session(op, document_text(json_array_get(op->rows, op->row), "session")))
        heads_find(op, false, on_head_of_row);
    else
        op_fail(op, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory for a list");
}

/* The session that ended the page before tells where this one begins. */
static void on_after(struct op *op)
{
    if (!heads_is_there(op))
        return;
    free(op->after);
    op->after = document_sort_key(document_number(op->head, "created_ms"), op->session_id);
    if (op->after == NULL)
        op_fail(op, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory for a list");
    else
        query_rows(op);
}

void read_list(struct op *op)
{
    op->limit = op->limit == 0 ? DEFAULT_LIST : op->limit < MAX_LIST ? op->limit : MAX_LIST;
    if (op->after[0] == '\0') {
        query_rows(op);
        return;
    }
    if (op_set_session(op, op->after))
        heads_find(op, false, on_after);
    else
        op_fail(op, PARLEY_E_NO_MEMORY, "Cosmos DB: no memory for a list");
}
