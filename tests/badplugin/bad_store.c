/* SPDX-License-Identifier: Apache-2.0 */
/* A store that tells records after the end of what they belong to, and keeps nothing. */
#include "bad.h"

#include <parley/store.h>

static const struct parley_store_host *store_host;

static void attach(void *worker_instance, struct parley_worker *worker,
                   const struct parley_store_host *host)
{
    (void)worker_instance;
    (void)worker;
    store_host = host;
}

static int end(parley_op op)
{
    store_host->end(op, PARLEY_OK, NULL);
    return PARLEY_OK;
}

static int head(void *wi, const struct parley_store_head *h, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)h;
    (void)err;
    return end(op);
}

static int append(void *wi, const char *session_id, int64_t epoch,
                  const struct parley_store_record *records, size_t count, size_t item_size,
                  parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)session_id;
    (void)epoch;
    (void)records;
    (void)count;
    (void)item_size;
    (void)err;
    return end(op);
}

static int read_session(void *wi, const char *session_id, int64_t after_seq, int64_t limit,
                        parley_op op, struct parley_error *err)
{
    const struct parley_store_record record = {
        .kind = PARLEY_RECORD_ITEM, .seq = 1, .id = "late", .data = PARLEY_VIEW("{}")};

    (void)wi;
    (void)session_id;
    (void)after_seq;
    (void)limit;
    (void)err;
    (void)end(op);
    store_host->record(op, &record);
    return PARLEY_OK;
}

static int list(void *wi, const struct parley_store_query *query, parley_op op,
                struct parley_error *err)
{
    (void)wi;
    (void)query;
    (void)err;
    return end(op);
}

static int take(void *wi, const char *session_id, const char *owner, int64_t lease_until_ms,
                int64_t now_ms, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)session_id;
    (void)owner;
    (void)lease_until_ms;
    (void)now_ms;
    (void)err;
    return end(op);
}

static int remove_session(void *wi, const char *session_id, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)session_id;
    (void)err;
    return end(op);
}

static int expire(void *wi, int64_t now_ms, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)now_ms;
    (void)err;
    return end(op);
}

static const struct parley_store_vtable table = {
    .size = sizeof(table),
    .attach = attach,
    .create = head,
    .update = head,
    .append = append,
    .read = read_session,
    .list = list,
    .take = take,
    .remove = remove_session,
    .expire = expire,
};
static const struct parley_role role = {PARLEY_ROLE_STORE, &table};
static const struct parley_plugin descriptor = {GOOD("bad_store", &role)};
ENTRY(descriptor)
