/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "host/error_copy.h"

#include <stdlib.h>
#include <string.h>

/* One head or record that a read brought, kept until the end. */
struct result {
    struct list entry;
    bool is_head;
    union {
        struct parley_store_head head;
        struct parley_store_record record;
    } u;
    char *strings[4];
    char *data;
};

/* Told once; freed when it was told and the plugin has ended it. */
struct store_request {
    struct parley_worker *worker;
    struct store_caller caller;
    char title[64];
    parley_op op; /* 0 once the plugin has ended it */
    bool is_ended;
    bool is_told; /* or nobody listens */
    int status;
    struct parley_error err;
    struct list results;
    size_t result_bytes;
    struct loop_timer turn;
    struct loop_timer limit;
};

/* ---- results ---- */

static void result_free(struct result *r)
{
    list_remove(&r->entry);
    for (size_t i = 0; i < ARRAY_LEN(r->strings); i++)
        free(r->strings[i]);
    free(r->data);
    free(r);
}

static void drop_results(struct store_request *q)
{
    while (!list_empty(&q->results))
        result_free(list_entry(q->results.next, struct result, entry));
}

static const char *keep(struct result *r, size_t place, const char *text)
{
    return r->strings[place] = view_dup(view_of(text));
}

static struct parley_view keep_data(struct result *r, struct parley_view data)
{
    r->data = view_dup(data);
    return (struct parley_view){r->data, r->data == NULL ? 0 : data.len};
}

static bool is_whole(const struct result *r, size_t strings)
{
    bool whole = r->data != NULL;

    for (size_t i = 0; i < strings; i++)
        whole = whole && r->strings[i] != NULL;
    return whole;
}

static struct result *copy_head(const struct parley_store_head *head)
{
    struct result *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->is_head = true;
    memcpy(&r->u.head, head, head->size < sizeof(r->u.head) ? head->size : sizeof(r->u.head));
    r->u.head.size = sizeof(r->u.head);
    r->u.head.session_id = keep(r, 0, r->u.head.session_id);
    r->u.head.agent = keep(r, 1, r->u.head.agent);
    r->u.head.user = keep(r, 2, r->u.head.user);
    r->u.head.owner = keep(r, 3, r->u.head.owner);
    r->u.head.data = keep_data(r, r->u.head.data);
    return r;
}

static struct result *copy_record(const struct parley_store_record *record)
{
    struct result *r = calloc(1, sizeof(*r));
    size_t size = record->size != 0 ? record->size : SIZE_THROUGH(struct parley_store_record, data);

    if (r == NULL)
        return NULL;
    memcpy(&r->u.record, record, size < sizeof(r->u.record) ? size : sizeof(r->u.record));
    r->u.record.size = sizeof(r->u.record);
    r->u.record.id = keep(r, 0, record->id);
    r->u.record.data = keep_data(r, record->data);
    return r;
}

/* ---- the end ---- */

static void tell_result(struct store_request *q, const struct result *r)
{
    const struct store_events *events = q->caller.events;

    if (r->is_head && events->on_head != NULL)
        events->on_head(q->caller.ctx, &r->u.head);
    else if (!r->is_head && events->on_record != NULL)
        events->on_record(q->caller.ctx, &r->u.record);
}

static void tell(struct store_request *q)
{
    while (q->status == PARLEY_OK && !q->is_told && !list_empty(&q->results)) {
        struct result *r = list_entry(q->results.next, struct result, entry);
        tell_result(q, r);
        result_free(r);
    }
    if (q->is_told) /* a callback has abandoned it */
        return;
    q->is_told = true;
    q->caller.events->on_end(q->caller.ctx, q->status, q->status < 0 ? &q->err : NULL);
}

static void request_free(struct store_request *q)
{
    drop_results(q);
    loop_timer_stop(&q->turn);
    loop_timer_stop(&q->limit);
    free(q);
}

static void on_turn(void *ctx)
{
    struct store_request *q = ctx;

    if (q->is_ended && !q->is_told)
        tell(q);
    if (q->is_told && q->op == 0)
        request_free(q);
}

/* Only the first end counts. */
static void end_with(struct store_request *q, int status, const struct parley_error *err)
{
    loop_timer_stop(&q->limit);
    if (!q->is_ended) {
        q->is_ended = true;
        q->status = status;
        q->err = error_copy(err);
        if (status < 0 && q->err.message[0] == '\0')
            (void)parley_fail(&q->err, status, "%s: failed with status %d", q->title, status);
    }
    loop_timer_start(q->worker->loop, &q->turn, 0, on_turn, q);
}

static void end_by_host(struct store_request *q, int status, const char *message)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)parley_fail(&err, status, "%s: %s", q->title, message);
    end_with(q, status, &err);
}

static void sweep(void *owner)
{
    struct store_request *q = owner;

    op_withdraw(TAKE(q->op));
    end_by_host(q, PARLEY_E_CANCELLED, "is being stopped");
}

/* A write that has begun is let finish. */
static void cancel(void *owner)
{
    (void)owner;
}

static const struct op_type request_type = {
    .name = "store request", .sweep = sweep, .cancel = cancel};

/* ---- what the plugin tells ---- */

static void add_result(struct store_request *q, struct result *r, size_t strings)
{
    if (r == NULL || !is_whole(r, strings)) {
        if (r != NULL)
            result_free(r);
        end_by_host(q, PARLEY_E_NO_MEMORY, "no memory for what was read");
        return;
    }
    q->result_bytes += sizeof(*r) + (r->is_head ? r->u.head.data.len : r->u.record.data.len);
    list_append(&q->results, &r->entry);
    if (q->result_bytes > STORE_MAX_RESULT) {
        drop_results(q);
        end_by_host(q, PARLEY_E_TOO_LARGE, "what was read is larger than 64 MiB");
    }
}

static void host_head(parley_op op, const struct parley_store_head *head)
{
    struct store_request *q = op_owner(op, &request_type, "store head");

    if (q != NULL && !q->is_ended && !q->is_told)
        add_result(q, copy_head(head), 4);
}

static void host_record(parley_op op, const struct parley_store_record *record)
{
    struct store_request *q = op_owner(op, &request_type, "store record");

    if (q != NULL && !q->is_ended && !q->is_told)
        add_result(q, copy_record(record), 1);
}

static void host_end(parley_op op, int status, const struct parley_error *err)
{
    struct store_request *q = op_owner(op, &request_type, "store end");

    if (q == NULL)
        return;
    op_end(TAKE(q->op));
    end_with(q, status, err);
}

static const struct parley_store_host store_host = {
    .size = sizeof(store_host),
    .head = host_head,
    .record = host_record,
    .end = host_end,
};

static void on_limit(void *ctx)
{
    end_by_host(ctx, PARLEY_E_TIMEOUT, "did not answer in time");
}

void store_attach(struct worker_instance *wi)
{
    struct watch watch = watch_instance(wi, "attach");

    wi->instance->plugin->store.attach(wi->ctx, wi->worker, &store_host);
    watch_end(&watch);
}

/* ---- requests ---- */

/* A request that the plugin is about to be asked; NULL with err filled. */
static struct store_request *request_create(struct worker_instance *wi, struct store_caller caller,
                                            struct parley_error *err)
{
    if (wi->is_stopping) {
        (void)parley_fail(err, PARLEY_E_UNAVAILABLE, "%s is being stopped", wi->instance->title);
        return NULL;
    }
    struct store_request *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        (void)parley_fail(err, PARLEY_E_NO_MEMORY, "%s: no memory", wi->instance->title);
        return NULL;
    }
    q->worker = wi->worker;
    q->caller = caller;
    list_init(&q->results);
    (void)snprintf(q->title, sizeof(q->title), "%s", wi->instance->title);
    q->op = op_begin(wi, &request_type, q);
    if (q->op != 0)
        return q;
    request_free(q);
    (void)parley_fail(err, PARLEY_E_BUSY, "%s: too many requests are open", wi->instance->title);
    return NULL;
}

/* What the plugin said to the request: accepted, or refused and then gone. */
static int settle(struct store_request *q, parley_op op, int r, struct store_request **ret_request)
{
    if (r < 0) {
        if (q->op == op)
            op_withdraw(op);
        request_free(q);
        return r;
    }
    if (q->op != 0)
        loop_timer_start(q->worker->loop, &q->limit, STORE_TIMEOUT_MS, on_limit, q);
    if (ret_request != NULL)
        *ret_request = q;
    return PARLEY_OK;
}

/* The body of every function below: `call` asks the plugin, with `op` and `vtable` at hand. */
#define REQUEST(callback, call)                                                                    \
    struct parley_error own_err = PARLEY_ERROR_INIT;                                               \
    struct parley_error *e = err == NULL ? &own_err : err;                                         \
    struct store_request *q = request_create(wi, caller, e);                                       \
    if (q == NULL)                                                                                 \
        return e->status;                                                                          \
    const struct parley_store_vtable *vtable = &wi->instance->plugin->store;                       \
    const parley_op op = q->op;                                                                    \
    struct watch watch = watch_instance(wi, callback);                                             \
    int r = (call);                                                                                \
    watch_end(&watch);                                                                             \
    return settle(q, op, r, ret_request)

int store_create(struct worker_instance *wi, const struct parley_store_head *head,
                 struct store_caller caller, struct store_request **ret_request,
                 struct parley_error *err)
{
    REQUEST("create", vtable->create(wi->ctx, head, op, e));
}

int store_update(struct worker_instance *wi, const struct parley_store_head *head,
                 struct store_caller caller, struct store_request **ret_request,
                 struct parley_error *err)
{
    REQUEST("update", vtable->update(wi->ctx, head, op, e));
}

int store_append(struct worker_instance *wi, const char *session_id, int64_t epoch,
                 const struct parley_store_record *records, size_t count,
                 struct store_caller caller, struct store_request **ret_request,
                 struct parley_error *err)
{
    REQUEST("append",
            vtable->append(wi->ctx, session_id, epoch, records, count, sizeof(*records), op, e));
}

int store_read(struct worker_instance *wi, const char *session_id, int64_t after_seq, int64_t limit,
               struct store_caller caller, struct store_request **ret_request,
               struct parley_error *err)
{
    REQUEST("read", vtable->read(wi->ctx, session_id, after_seq, limit, op, e));
}

int store_list(struct worker_instance *wi, const struct parley_store_query *query,
               struct store_caller caller, struct store_request **ret_request,
               struct parley_error *err)
{
    REQUEST("list", vtable->list(wi->ctx, query, op, e));
}

int store_take(struct worker_instance *wi, const char *session_id, const char *owner,
               int64_t lease_until_ms, struct store_caller caller,
               struct store_request **ret_request, struct parley_error *err)
{
    REQUEST("take",
            vtable->take(wi->ctx, session_id, owner, lease_until_ms, clock_unix_ms(), op, e));
}

int store_remove(struct worker_instance *wi, const char *session_id, struct store_caller caller,
                 struct store_request **ret_request, struct parley_error *err)
{
    REQUEST("remove", vtable->remove(wi->ctx, session_id, op, e));
}

int store_expire(struct worker_instance *wi, struct store_caller caller,
                 struct store_request **ret_request, struct parley_error *err)
{
    REQUEST("expire", vtable->expire(wi->ctx, clock_unix_ms(), op, e));
}

struct store_request *store_abandon(struct store_request *request)
{
    if (request == NULL)
        return NULL;
    request->is_told = true;
    loop_timer_start(request->worker->loop, &request->turn, 0, on_turn, request);
    return NULL;
}
