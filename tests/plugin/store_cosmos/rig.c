/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <parley/service/credentials.h>
#include <parley/service/metrics.h>

#define MAX_OPEN    256
#define MAX_OPS     256
#define MAX_METRICS 8
#define LONGEST_MS  120000

/* One request that the plugin has made. */
struct open {
    uint64_t number;
    struct parley_http_events events;
    void *ctx;
    struct sim_answer answer;
    int64_t due_ms; /* when it is told, if its peer hangs */
};

const char *rig_plugin;
const char *const rig_options[] = {"endpoint=" SIM_ENDPOINT "/", "key=" SIM_KEY, NULL};

static struct open open_requests[MAX_OPEN];
static size_t open_count;
static uint64_t last_number;
static struct {
    parley_op id;
    struct rig *rig;
} ops[MAX_OPS];
static struct {
    const char *name;
    double sum;
} metrics[MAX_METRICS];

/* ---- the network ---- */

static int start(struct parley_worker *worker, const struct parley_http_request *request,
                 const struct parley_http_events *events, void *ctx, uint64_t *ret_request,
                 struct parley_error *err)
{
    struct open *o = &open_requests[open_count++];

    (void)err;
    assert_ptr_equal(worker, fake_host_worker());
    assert_true(open_count < MAX_OPEN);
    assert_true(request->timeout_ms > 0 && request->max_response_bytes > 0);
    *o = (struct open){.number = ++last_number, .events = *events, .ctx = ctx};
    o->answer = sim_ask(request);
    if (o->answer.is_hanging)
        o->due_ms = fake_host_unix_ms() + request->timeout_ms;
    *ret_request = o->number;
    return PARLEY_OK;
}

static bool give_credential(void);

static void cancel(struct parley_worker *worker, uint64_t request)
{
    (void)worker;
    (void)request;
}

static const struct parley_service_http http = {
    .size = sizeof(http), .start = start, .cancel = cancel};

static void forget_answer(struct sim_answer *a)
{
    free(a->headers);
    free(a->body);
}

bool rig_answer_one(void)
{
    size_t i = 0;

    if (give_credential())
        return true;
    while (i < open_count && open_requests[i].due_ms > fake_host_unix_ms())
        i++;
    if (i == open_count)
        return false;
    struct open o = open_requests[i];
    memmove(&open_requests[i], &open_requests[i + 1], (--open_count - i) * sizeof(o));
    const struct parley_http_response response = {
        .size = sizeof(response),
        .status = o.answer.status,
        .code = o.answer.code,
        .headers = {o.answer.headers, o.answer.headers == NULL ? 0 : strlen(o.answer.headers)},
        .body = {o.answer.body, o.answer.body == NULL ? 0 : strlen(o.answer.body)},
        .message = o.answer.message == NULL ? "" : o.answer.message,
    };
    o.events.on_end(o.ctx, &response);
    forget_answer(&o.answer);
    return true;
}

size_t rig_requests_open(void)
{
    return open_count;
}

bool rig_tick(void)
{
    if (fake_host_timers() == 0 && open_count == 0)
        return false;
    fake_host_advance_ms(1);
    return true;
}

size_t rig_settle(int64_t most_ms)
{
    int64_t until_ms = fake_host_unix_ms() + most_ms;
    size_t count = 0;

    for (;;) {
        while (rig_answer_one())
            count++;
        if (fake_host_run() > 0)
            continue;
        if (fake_host_unix_ms() >= until_ms || !rig_tick())
            return count;
    }
}

/* ---- credentials ---- */

struct rig_credential rig_credential;

static struct {
    struct parley_credential_events events;
    void *ctx;
    uint64_t number;
} wanted[MAX_OPEN];
static size_t wanted_count;

static int check_credential(const void *instance, const char *name, struct parley_error *err)
{
    (void)instance;
    if (strcmp(name, "azure") == 0)
        return PARLEY_OK;
    return parley_fail(err, PARLEY_E_NOT_FOUND, "credential: there is no [credential %s]", name);
}

static int get_credential(const void *instance, struct parley_worker *worker, const char *name,
                          const char *scope, const struct parley_credential_events *events,
                          void *ctx, uint64_t *ret_request, struct parley_error *err)
{
    (void)instance;
    (void)worker;
    (void)err;
    assert_string_equal(name, "azure");
    assert_string_equal(scope, "https://cosmos.azure.com/.default");
    assert_true(wanted_count < MAX_OPEN);
    rig_credential.asked++;
    wanted[wanted_count].events = *events;
    wanted[wanted_count].ctx = ctx;
    *ret_request = wanted[wanted_count++].number = ++last_number;
    return PARLEY_OK;
}

static void cancel_credential(struct parley_worker *worker, uint64_t request)
{
    (void)worker;
    for (size_t i = 0; i < wanted_count; i++) {
        if (wanted[i].number == request)
            wanted[i] = wanted[--wanted_count];
    }
}

static void refused_credential(const void *instance, const char *name, const char *scope,
                               struct parley_view value)
{
    (void)instance;
    (void)name;
    (void)scope;
    assert_memory_equal(value.data, rig_credential.value, value.len);
    rig_credential.refused++;
    if (rig_credential.next != NULL)
        rig_credential.value = rig_credential.next;
}

static const struct parley_service_credentials credentials = {.size = sizeof(credentials),
                                                              .check = check_credential,
                                                              .get = get_credential,
                                                              .cancel = cancel_credential,
                                                              .refused = refused_credential};

static bool give_credential(void)
{
    const struct parley_credential_token token = {
        .size = sizeof(token),
        .status = rig_credential.status,
        .kind = rig_credential.kind,
        .value = {rig_credential.value,
                  rig_credential.value == NULL ? 0 : strlen(rig_credential.value)},
        .message = rig_credential.message,
    };

    if (wanted_count == 0)
        return false;
    wanted_count--;
    wanted[wanted_count].events.on_token(wanted[wanted_count].ctx, &token);
    return true;
}

/* ---- metrics ---- */

static int add(struct parley_worker *worker, const char *name, double value,
               const struct parley_metric_label *labels, size_t label_count)
{
    size_t i = 0;

    (void)worker;
    assert_true(label_count > 0 && labels[0].value[0] != '\0');
    while (i < MAX_METRICS - 1 && metrics[i].name != NULL && strcmp(metrics[i].name, name) != 0)
        i++;
    metrics[i].name = name;
    metrics[i].sum += value;
    return PARLEY_OK;
}

static const struct parley_service_metrics metrics_service = {.size = sizeof(metrics_service),
                                                              .add = add};

double rig_metric(const char *name)
{
    for (size_t i = 0; i < MAX_METRICS; i++) {
        if (metrics[i].name != NULL && strcmp(metrics[i].name, name) == 0)
            return metrics[i].sum;
    }
    return 0;
}

/* ---- what the plugin tells ---- */

static struct rig *rig_of(parley_op id)
{
    for (size_t i = 0; i < MAX_OPS; i++) {
        if (ops[i].id == id)
            return ops[i].rig;
    }
    fail_msg("no operation %llu is under way", (unsigned long long)id);
    return NULL;
}

static parley_op begin_op(struct rig *r)
{
    for (size_t i = 0; i < MAX_OPS; i++) {
        if (ops[i].id == 0) {
            ops[i].id = fake_host_op();
            ops[i].rig = r;
            return ops[i].id;
        }
    }
    fail_msg("too many operations");
    return 0;
}

static void forget_op(parley_op id)
{
    for (size_t i = 0; i < MAX_OPS; i++) {
        if (ops[i].id == id)
            ops[i].id = 0;
    }
}

static void on_head(parley_op id, const struct parley_store_head *head)
{
    struct rig *r = rig_of(id);
    struct rig_head *kept = &r->heads[r->head_count++];

    assert_true(r->head_count < RIG_MAX_HEADS);
    kept->head = *head;
    (void)snprintf(kept->session_id, sizeof(kept->session_id), "%s", head->session_id);
    (void)snprintf(kept->owner, sizeof(kept->owner), "%s", head->owner);
    (void)snprintf(kept->data, sizeof(kept->data), "%.*s", (int)head->data.len, head->data.data);
}

static void on_record(parley_op id, const struct parley_store_record *record)
{
    struct rig *r = rig_of(id);
    struct rig_record *kept = &r->records[r->record_count++];

    assert_true(r->record_count < RIG_MAX_RECORDS);
    kept->seq = record->seq;
    kept->data_len = record->data.len;
    (void)snprintf(kept->id, sizeof(kept->id), "%s", record->id);
    (void)snprintf(kept->data, sizeof(kept->data), "%.*s", (int)record->data.len,
                   record->data.data);
}

static void on_end(parley_op id, int status, const struct parley_error *err)
{
    struct rig *r = rig_of(id);

    r->ends++;
    r->status = status;
    if (status < 0) {
        assert_true(err != NULL && err->message[0] != '\0' && err->status == status);
        assert_null(strstr(err->message, SIM_KEY));
        r->err = *err;
    }
    forget_op(id);
}

static const struct parley_store_host host = {
    .size = sizeof(host), .head = on_head, .record = on_record, .end = on_end};

/* ---- life ---- */

void rig_reset(void)
{
    fake_host_reset();
    fake_host_provide(PARLEY_SERVICE_HTTP, &http);
    fake_host_provide(PARLEY_SERVICE_METRICS, &metrics_service);
    fake_host_provide(PARLEY_SERVICE_CREDENTIALS, &credentials);
    rig_credential = (struct rig_credential){0};
    wanted_count = 0;
    sim_reset();
    memset(ops, 0, sizeof(ops));
    memset(metrics, 0, sizeof(metrics));
}

bool rig_try_open(struct rig *r, const char *const *options, struct parley_error *err)
{
    memset(r, 0, sizeof(*r));
    r->plugin = fake_plugin_open(rig_plugin, "main", options, err);
    if (r->plugin == NULL)
        return false;
    r->store = fake_plugin_role(r->plugin, PARLEY_ROLE_STORE);
    r->worker = fake_plugin_worker(r->plugin);
    r->store->attach(r->worker, fake_host_worker(), &host);
    return true;
}

void rig_open(struct rig *r, const char *const *options)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    if (!rig_try_open(r, options, &err))
        fail_msg("%s", err.message);
}

/* What is still open is given up, without a callback, as a host does. */
void rig_close(struct rig *r)
{
    fake_plugin_close(r->plugin);
    r->plugin = NULL;
    while (open_count > 0)
        forget_answer(&open_requests[--open_count].answer);
}

/* ---- operations ---- */

void rig_forget(struct rig *r)
{
    r->head_count = r->record_count = r->ends = 0;
    r->status = 1;
    r->err = (struct parley_error)PARLEY_ERROR_INIT;
}

/* Until it has ended, and nothing of it goes on. */
static int finish(struct rig *r, int accepted)
{
    int64_t until_ms = fake_host_unix_ms() + LONGEST_MS;

    if (accepted < 0)
        return accepted;
    while (r->ends == 0) {
        if (rig_answer_one() || fake_host_run() > 0)
            continue;
        if (fake_host_unix_ms() > until_ms || !rig_tick())
            fail_msg("an operation does not end");
    }
    assert_int_equal(r->ends, 1);
    return r->status;
}

struct parley_store_head rig_head(const char *session_id, int64_t created_ms)
{
    return (struct parley_store_head){
        .size = sizeof(struct parley_store_head),
        .session_id = session_id,
        .agent = "receptionist",
        .user = "ann",
        .owner = "host-a",
        .epoch = 1,
        .created_ms = created_ms,
        .updated_ms = created_ms,
        .data = PARLEY_VIEW("{\"voice\": \"marin\"}"),
    };
}

int rig_create_head(struct rig *r, const struct parley_store_head *head)
{
    rig_forget(r);
    return finish(r, r->store->create(r->worker, head, begin_op(r), &r->err));
}

int rig_create(struct rig *r, const char *session_id, int64_t created_ms)
{
    struct parley_store_head head = rig_head(session_id, created_ms);

    return rig_create_head(r, &head);
}

int rig_update_head(struct rig *r, const struct parley_store_head *head)
{
    rig_forget(r);
    return finish(r, r->store->update(r->worker, head, begin_op(r), &r->err));
}

int rig_begin_append(struct rig *r, const char *session_id, int64_t epoch, int64_t first,
                     int64_t last, size_t data_len)
{
    size_t count = (size_t)(last - first + 1);
    struct parley_store_record *records = calloc(count, sizeof(*records));
    char(*ids)[32] = calloc(count, sizeof(*ids)), *data = malloc(data_len + 32);

    (void)snprintf(data, 32, "{\"x\":\"");
    memset(data + 6, 'x', data_len);
    memcpy(data + 6 + data_len, "\"}", 3);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "item_%lld", (long long)(first + (int64_t)i));
        records[i] = (struct parley_store_record){.kind = PARLEY_RECORD_ITEM,
                                                  .seq = first + (int64_t)i,
                                                  .time_ms = 5000 + (int64_t)i,
                                                  .id = ids[i],
                                                  .data = {data, strlen(data)}};
    }
    parley_op id = begin_op(r);
    int status = r->store->append(r->worker, session_id, epoch, records, count, sizeof(*records),
                                  id, &r->err);
    if (status < 0)
        forget_op(id);
    free(records);
    free(ids);
    free(data);
    return status;
}

int rig_append(struct rig *r, const char *session_id, int64_t epoch, int64_t first, int64_t last)
{
    rig_forget(r);
    return finish(r, rig_begin_append(r, session_id, epoch, first, last, 10));
}

int rig_read(struct rig *r, const char *session_id, int64_t after_seq, int64_t limit)
{
    rig_forget(r);
    return finish(r, r->store->read(r->worker, session_id, after_seq, limit, begin_op(r), &r->err));
}

int rig_begin_list(struct rig *r, const char *after, uint32_t limit)
{
    const struct parley_store_query query = {
        .size = sizeof(query), .limit = limit, .agent = "", .user = "", .after = after};

    return r->store->list(r->worker, &query, begin_op(r), &r->err);
}

int rig_list(struct rig *r, const char *after, uint32_t limit)
{
    rig_forget(r);
    return finish(r, rig_begin_list(r, after, limit));
}

int rig_begin_take(struct rig *r, const char *session_id, const char *owner)
{
    return r->store->take(r->worker, session_id, owner, 9000, 4000, begin_op(r), &r->err);
}

int rig_take(struct rig *r, const char *session_id, const char *owner)
{
    rig_forget(r);
    return finish(r, rig_begin_take(r, session_id, owner));
}

int rig_remove(struct rig *r, const char *session_id)
{
    rig_forget(r);
    return finish(r, r->store->remove(r->worker, session_id, begin_op(r), &r->err));
}

int rig_expire(struct rig *r, int64_t now_ms)
{
    rig_forget(r);
    return finish(r, r->store->expire(r->worker, now_ms, begin_op(r), &r->err));
}
