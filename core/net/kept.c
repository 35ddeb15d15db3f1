/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API over the stores: list, export and delete what is kept of sessions. Each request is
 * a chain of operations of one store; what is read is bounded.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "host/store.h"
#include "net/admin.h"
#include "net/erase.h"

#include <stdlib.h>

#define PAGE         500 /* records, or heads, of one operation */
#define MOST_LISTED  1000
#define EXPORT_BYTES (64u << 20)

struct kept {
    struct admin_waiting *waiting;
    struct worker_generation *wg;
    struct worker_instance *store;
    char id[64];
    char agent[128];
    char user[128];
    char after[64];
    uint32_t limit;
    json_t *heads; /* array */
    json_t *here;  /* live sessions of this server, before a deletion */
    /* Of an export. */
    json_t *items;
    json_t *calls;
    json_t *responses;
    int64_t last_seq;
    size_t page;
    size_t bytes;
    /* Of deletions. */
    size_t at; /* in heads */
    size_t removed;
    size_t live;
    struct erased erased;
    struct parley_error refusal; /* of the store, for one session */
};

/* ---- beginning and end ---- */

static void kept_free(struct kept *k)
{
    json_decref(k->heads);
    json_decref(k->here);
    json_decref(k->items);
    json_decref(k->calls);
    json_decref(k->responses);
    erased_done(&k->erased);
    (void)worker_generation_unref(k->wg);
    free(k->waiting);
    free(k);
}

static void answer(struct kept *k, json_t *take_body)
{
    if (k->waiting->request != NULL)
        answer_json(k->waiting->request, 200, take_body);
    else
        json_decref(take_body);
    kept_free(k);
}

static int code_of(int status)
{
    switch (status) {
    case PARLEY_E_NOT_FOUND:
        return 404;
    case PARLEY_E_GONE:
        return 410;
    case PARLEY_E_TOO_LARGE:
        return 413;
    case PARLEY_E_BUSY:
        return 429;
    default:
        return 503;
    }
}

static void refuse(struct kept *k, int status, const struct parley_error *err)
{
    const char *why = err == NULL || err->message[0] == '\0' ? "no reason was given" : err->message;
    struct http_request *r = k->waiting->request;

    if (r != NULL && status == PARLEY_E_NOT_FOUND)
        answer_error(r, 404, "invalid_request_error", "not_found",
                     "The store %s has no session %s; GET /admin/v1/kept lists what it has.",
                     k->store->instance->name, k->id[0] == '\0' ? k->after : k->id);
    else if (r != NULL && status == PARLEY_E_GONE)
        answer_error(r, 410, "invalid_request_error", "gone",
                     "The session was deleted, or has expired.");
    else if (r != NULL)
        answer_error(r, code_of(status), "server_error", "store_failed", "The store %s: %s",
                     k->store->instance->name, why);
    kept_free(k);
}

static void copy_query(struct http_request *r, const char *name, char *out, size_t size)
{
    struct parley_view value = {0};

    if (http_query_get(r, name, &value))
        view_copy(out, size, value);
}

/* The store of that name, or the only one. */
static struct worker_instance *choose_store(struct worker_generation *wg, const char *name,
                                            bool *ret_is_choice)
{
    const struct generation *g = worker_generation_config(wg);
    struct worker_instance *found = NULL;
    const struct agent *a;

    *ret_is_choice = false;
    for (size_t i = 0; (a = generation_agent_at(g, i)) != NULL; i++) {
        struct worker_instance *wi = worker_generation_store(wg, a);
        if (wi == NULL || (name[0] != '\0' && strcmp(wi->instance->name, name) != 0))
            continue;
        *ret_is_choice = *ret_is_choice || (found != NULL && found != wi);
        found = wi;
    }
    return *ret_is_choice ? NULL : found;
}

static struct kept *begin(struct net *n, struct http_request *r)
{
    struct worker_generation *wg = n->w.hub.generation(n->w.hub.ctx);
    char name[64] = "";
    bool is_choice = false;

    copy_query(r, "store", name, sizeof(name));
    struct worker_instance *store = wg == NULL ? NULL : choose_store(wg, name, &is_choice);
    if (store == NULL) {
        answer_error(r, 404, "invalid_request_error", "no_store", "%s%s%s.",
                     is_choice ? "There are several stores; say which by ?store=NAME"
                               : "No agent has a store",
                     is_choice || name[0] == '\0' ? "" : " ", is_choice ? "" : name);
        return NULL;
    }
    struct kept *k = calloc(1, sizeof(*k));
    struct admin_waiting *w = k == NULL ? NULL : admin_wait(r, false);
    if (w == NULL) {
        free(k);
        return NULL;
    }
    k->waiting = w;
    k->wg = worker_generation_ref(wg);
    k->store = store;
    k->heads = json_array();
    k->refusal = (struct parley_error)PARLEY_ERROR_INIT;
    return k;
}

/* ---- heads ---- */

static bool is_live(const struct parley_store_head *head)
{
    return head->state == PARLEY_SESSION_ACTIVE && head->lease_until_ms > clock_unix_ms();
}

static json_t *head_json(const struct parley_store_head *head)
{
    json_t *data = json_parse(head->data, NULL);
    json_t *all = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:O*, s:O*, s:O*}", "id",
        head->session_id, "agent", head->agent, "user", head->user, "state",
        head->state == PARLEY_SESSION_ACTIVE ? "active" : "ended", "live", is_live(head), "owner",
        head->owner, "created_ms", (json_int_t)head->created_ms, "updated_ms",
        (json_int_t)head->updated_ms, "expires_ms", (json_int_t)head->expires_ms, "records",
        (json_int_t)head->record_count, "turns", json_object_get(data, "turns"), "usage",
        json_object_get(data, "usage"), "recordings", json_object_get(data, "recordings"));

    json_decref(data);
    return all;
}

static void on_head(void *ctx, const struct parley_store_head *head)
{
    struct kept *k = ctx;

    (void)json_array_append_new(k->heads, head_json(head)); /* one that is no UTF-8 is left out */
}

static int list(struct kept *k, const struct store_events *events, struct parley_error *err)
{
    const struct parley_store_query query = {.size = sizeof(query),
                                             .limit = k->limit,
                                             .agent = k->agent,
                                             .user = k->user,
                                             .after = k->after};

    json_array_clear(k->heads);
    return store_list(k->store, &query, (struct store_caller){events, k}, NULL, err);
}

static void on_listed(void *ctx, int status, const struct parley_error *err)
{
    struct kept *k = ctx;

    if (status < 0)
        refuse(k, status, err);
    else
        answer(k, json_pack("{s:s, s:O, s:b}", "object", "list", "data", k->heads, "has_more",
                            json_array_size(k->heads) == k->limit));
}

void kept_list(struct net *n, struct http_request *r)
{
    static const struct store_events events = {.on_head = on_head, .on_end = on_listed};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_view text = {0};
    int64_t limit = 100;
    struct kept *k = begin(n, r);

    if (k == NULL)
        return;
    copy_query(r, "agent", k->agent, sizeof(k->agent));
    copy_query(r, "user", k->user, sizeof(k->user));
    copy_query(r, "after", k->after, sizeof(k->after));
    if (http_query_get(r, "limit", &text) &&
        (!view_to_int64(text, &limit) || limit < 1 || limit > MOST_LISTED)) {
        answer_error(r, 400, "invalid_request_error", "invalid_value",
                     "limit is %.*s; it is a number from 1 to %d.",
                     (int)(text.len > 40 ? 40 : text.len), text.data, MOST_LISTED);
        kept_free(k);
        return;
    }
    k->limit = (uint32_t)limit;
    int rc = list(k, &events, &err);
    if (rc < 0)
        refuse(k, rc, &err);
}

/* ---- one session with its records ---- */

static json_t *find_item(const struct kept *k, const char *id)
{
    json_t *item;
    size_t i;

    json_array_foreach(k->items, i, item)
    {
        if (strcmp(json_get_str(item, "id", ""), id) == 0)
            return item;
    }
    return NULL;
}

/* What came of an item later stands with it. */
static void note(const struct kept *k, const struct parley_store_record *record, json_t *data)
{
    json_t *item = find_item(k, record->id == NULL ? "" : record->id);

    if (item == NULL)
        return;
    if (record->kind == PARLEY_RECORD_DELETED)
        json_object_set_new(item, "deleted_ms", json_integer(record->time_ms));
    else if (record->kind == PARLEY_RECORD_TRUNCATED)
        json_object_set(item, "heard_ms", json_object_get(data, "audio_end_ms"));
    else
        json_object_set(item, "transcript", json_object_get(data, "transcript"));
}

/* A call that was begun and one that has ended are two records; the later one is the whole. */
static void keep_call(struct kept *k, const struct parley_store_record *record, json_t *data)
{
    const char *id = record->id == NULL ? "" : record->id;

    json_object_set_new(data, "call_id", json_string(id));
    json_object_set_new(data, "time_ms", json_integer(record->time_ms));
    json_object_set_new(data, "started_ms",
                        json_integer(record->time_ms - json_get_int(data, "duration_ms", 0)));
    json_object_set(k->calls, id, data);
}

static void keep(struct kept *k, const struct parley_store_record *record, json_t *data)
{
    switch (record->kind) {
    case PARLEY_RECORD_ITEM:
        json_array_append_new(k->items, json_pack("{s:s, s:I, s:O}", "id",
                                                  record->id == NULL ? "" : record->id, "time_ms",
                                                  (json_int_t)record->time_ms, "item", data));
        break;
    case PARLEY_RECORD_CALL:
        keep_call(k, record, data);
        break;
    case PARLEY_RECORD_RESPONSE:
        json_object_set_new(data, "id", json_string(record->id == NULL ? "" : record->id));
        json_object_set_new(data, "time_ms", json_integer(record->time_ms));
        json_array_append(k->responses, data);
        break;
    default:
        note(k, record, data);
    }
}

static void on_record(void *ctx, const struct parley_store_record *record)
{
    struct kept *k = ctx;
    json_t *data = json_parse(record->data, NULL);

    k->last_seq = record->seq;
    k->page++;
    k->bytes += record->data.len;
    if (data != NULL && k->bytes <= EXPORT_BYTES)
        keep(k, record, data);
    json_decref(data);
}

static json_t *calls_in_order(const struct kept *k)
{
    json_t *list = json_array(), *call;
    const char *id;

    json_object_foreach(k->calls, id, call) json_array_append(list, call);
    return list;
}

static int read_page(struct kept *k, struct parley_error *err);

static void on_page(void *ctx, int status, const struct parley_error *err)
{
    struct kept *k = ctx;
    struct parley_error own = PARLEY_ERROR_INIT;

    if (status >= 0 && k->bytes > EXPORT_BYTES)
        status = parley_fail(&own, PARLEY_E_TOO_LARGE,
                             "the session has more than %u MiB, which is the most for one document",
                             EXPORT_BYTES >> 20);
    if (status < 0) {
        refuse(k, status, own.status < 0 ? &own : err);
        return;
    }
    if (k->page < PAGE) {
        answer(k, json_pack("{s:O, s:O, s:o, s:O}", "session", json_array_get(k->heads, 0), "items",
                            k->items, "tool_calls", calls_in_order(k), "responses", k->responses));
        return;
    }
    status = read_page(k, &own);
    if (status < 0)
        refuse(k, status, &own);
}

static int read_page(struct kept *k, struct parley_error *err)
{
    static const struct store_events events = {
        .on_head = on_head, .on_record = on_record, .on_end = on_page};

    k->page = 0;
    json_array_clear(k->heads);
    return store_read(k->store, k->id, k->last_seq, PAGE, (struct store_caller){&events, k}, NULL,
                      err);
}

void kept_export(struct net *n, struct http_request *r, struct parley_view id)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct kept *k = begin(n, r);

    if (k == NULL)
        return;
    view_copy(k->id, sizeof(k->id), id);
    k->items = json_array();
    k->calls = json_object();
    k->responses = json_array();
    int rc = read_page(k, &err);
    if (rc < 0)
        refuse(k, rc, &err);
}

/* ---- deleting ---- */

static bool is_here(const struct kept *k, const char *id)
{
    json_t *session;
    size_t i;

    json_array_foreach(k->here, i, session)
    {
        if (strcmp(json_get_str(session, "id", ""), id) == 0)
            return true;
    }
    return false;
}

/* Here, or by its lease at another server: one that may not be resumed has none. */
static bool may_not_go(const struct kept *k, const json_t *head)
{
    return is_here(k, json_get_str(head, "id", "")) || json_get_bool(head, "live", false);
}

/* The store has none of it any more, or had none: then a recording may be there all the same. */
static void on_erased(void *ctx)
{
    struct kept *k = ctx;

    if (k->refusal.status < 0 && k->erased.deleted == 0)
        refuse(k, k->refusal.status, &k->refusal);
    else
        answer(k, json_pack("{s:s, s:b, s:o}", "id", k->id, "deleted", 1, "recordings",
                            erased_json(&k->erased)));
}

static bool is_no_more(int status)
{
    return status == PARLEY_E_NOT_FOUND || status == PARLEY_E_GONE;
}

static void on_removed(void *ctx, int status, const struct parley_error *err)
{
    struct kept *k = ctx;
    const json_t *head = json_array_get(k->heads, 0);

    if (status < 0 && !is_no_more(status)) {
        refuse(k, status, err);
        return;
    }
    if (status < 0)
        (void)parley_fail(&k->refusal, status, "%s", err == NULL ? "" : err->message);
    int r = erase_recordings(k->wg, k->store->worker, k->id, json_object_get(head, "recordings"),
                             &k->erased, on_erased, k);
    if (r < 0)
        refuse(k, r, NULL);
}

static void on_looked(void *ctx, int status, const struct parley_error *err)
{
    static const struct store_events events = {.on_end = on_removed};
    struct kept *k = ctx;
    struct parley_error own = PARLEY_ERROR_INIT;

    if (is_here(k, k->id) || may_not_go(k, json_array_get(k->heads, 0))) {
        if (k->waiting->request != NULL)
            answer_error(k->waiting->request, 409, "invalid_request_error", "session_is_live",
                         "The session is live; delete it when it has ended.");
        kept_free(k);
        return;
    }
    if (status < 0) {
        on_removed(k, status, err);
        return;
    }
    int rc = store_remove(k->store, k->id, (struct store_caller){&events, k}, NULL, &own);
    if (rc < 0)
        refuse(k, rc, &own);
}

static void on_here(void *arg, json_t *take_all)
{
    static const struct store_events events = {.on_head = on_head, .on_end = on_looked};
    struct parley_error err = PARLEY_ERROR_INIT;
    struct kept *k = arg;

    k->here = take_all;
    int rc = store_read(k->store, k->id, 0, 1, (struct store_caller){&events, k}, NULL, &err);
    if (rc < 0)
        refuse(k, rc, &err);
}

void kept_delete(struct net *n, struct http_request *r, struct parley_view id)
{
    struct kept *k = begin(n, r);

    if (k == NULL)
        return;
    view_copy(k->id, sizeof(k->id), id);
    n->w.hub.describe_sessions(n->w.hub.ctx, NULL, on_here, k);
}

static void remove_next(struct kept *k);

static void on_one_erased(void *ctx)
{
    remove_next(ctx);
}

static void on_one_removed(void *ctx, int status, const struct parley_error *err)
{
    struct kept *k = ctx;

    if (status < 0 && status != PARLEY_E_NOT_FOUND && status != PARLEY_E_GONE) {
        refuse(k, status, err);
        return;
    }
    k->removed += status >= 0;
    const json_t *head = json_array_get(k->heads, k->at - 1);
    const json_t *recordings = json_object_get(head, "recordings");
    int r = PARLEY_OK;
    if (recordings == NULL)
        remove_next(k);
    else
        r = erase_recordings(k->wg, k->store->worker, json_get_str(head, "id", ""), recordings,
                             &k->erased, on_one_erased, k);
    if (r < 0)
        refuse(k, r, NULL);
}

static void on_page_of_user(void *ctx, int status, const struct parley_error *err)
{
    struct kept *k = ctx;

    if (status < 0) {
        refuse(k, status, err);
        return;
    }
    k->at = 0;
    remove_next(k);
}

static void next_page_of_user(struct kept *k)
{
    static const struct store_events events = {.on_head = on_head, .on_end = on_page_of_user};
    struct parley_error err = PARLEY_ERROR_INIT;
    int rc = list(k, &events, &err);

    if (rc < 0)
        refuse(k, rc, &err);
}

/* A live one stays, and is where the next page begins: each page removes or goes on. */
static void remove_next(struct kept *k)
{
    static const struct store_events events = {.on_end = on_one_removed};
    struct parley_error err = PARLEY_ERROR_INIT;
    size_t count = json_array_size(k->heads);

    while (k->at < count && may_not_go(k, json_array_get(k->heads, k->at))) {
        view_copy(k->after, sizeof(k->after),
                  json_get_view(json_array_get(k->heads, k->at++), "id"));
        k->live++;
    }
    if (k->at < count) {
        const char *id = json_get_str(json_array_get(k->heads, k->at++), "id", "");
        int rc = store_remove(k->store, id, (struct store_caller){&events, k}, NULL, &err);
        if (rc < 0)
            refuse(k, rc, &err);
    } else if (count == k->limit) {
        next_page_of_user(k);
    } else {
        answer(k,
               json_pack("{s:s, s:I, s:I, s:o}", "user", k->user, "deleted", (json_int_t)k->removed,
                         "live", (json_int_t)k->live, "recordings", erased_json(&k->erased)));
    }
}

static void on_all_here(void *arg, json_t *take_all)
{
    struct kept *k = arg;

    k->here = take_all;
    next_page_of_user(k);
}

void kept_delete_user(struct net *n, struct http_request *r)
{
    struct parley_view user = {0};

    if (!http_query_get(r, "user", &user) || user.len == 0) {
        answer_error(r, 400, "invalid_request_error", "missing_required_parameter",
                     "Say whose: DELETE /admin/v1/kept?user=NAME.");
        return;
    }
    struct kept *k = begin(n, r);
    if (k == NULL)
        return;
    view_copy(k->user, sizeof(k->user), user);
    k->limit = PAGE;
    n->w.hub.describe_sessions(n->w.hub.ctx, NULL, on_all_here, k);
}
