/* SPDX-License-Identifier: Apache-2.0 */
#include "keeping.h"

#include "base/json.h"
#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <parley/plugin.h>
#include <stdlib.h>

/* The plugin below is linked in and has no other way to find the test that runs. */
static struct keeping *current;

struct store_answer {
    struct list entry; /* while it is held */
    parley_op op;
    int status; /* negative: whatever the store says otherwise */
    bool has_head;
};

static void answer_store(void *arg)
{
    struct store_answer *a = arg;
    struct parley_error err = PARLEY_ERROR_INIT;

    int status = a->status < 0 ? a->status : current->once < 0 ? current->once : current->status;
    current->once = PARLEY_OK;
    if (status < 0)
        (void)parley_fail(&err, status, "the store says no");
    err.retry_after_ms = current->retry_after_ms;
    if (a->has_head && current->head != NULL && status == PARLEY_OK)
        current->host->head(a->op, current->head);
    current->host->end(a->op, status, &err);
    free(a);
}

static int answer_with(parley_op op, int status, bool has_head, struct parley_error *err)
{
    struct store_answer *a;

    if (current->refuses < 0)
        return parley_fail(err, current->refuses, "the store is closed");
    a = calloc(1, sizeof(*a));
    a->op = op;
    a->status = status;
    a->has_head = has_head;
    if (current->holds) {
        list_append(&current->held, &a->entry);
        return PARLEY_OK;
    }
    assert_true(loop_post(current->loop, answer_store, free, a));
    return PARLEY_OK;
}

static int answer_as(parley_op op, int status, struct parley_error *err)
{
    return answer_with(op, status, false, err);
}

static int answer_later(parley_op op, struct parley_error *err)
{
    return answer_as(op, PARLEY_OK, err);
}

/* What the store says no to is not in it. */
static bool takes(void)
{
    return current->status == PARLEY_OK && current->refuses == PARLEY_OK;
}

static void store_attach_host(void *wi, struct parley_worker *worker,
                              const struct parley_store_host *host)
{
    (void)wi;
    (void)worker;
    current->host = host;
}

static int store_create_head(void *wi, const struct parley_store_head *head, parley_op op,
                             struct parley_error *err)
{
    (void)wi;
    if (takes())
        buf_printf(&current->stored, "create %s\n", head->agent);
    return answer_later(op, err);
}

static int store_update_head(void *wi, const struct parley_store_head *head, parley_op op,
                             struct parley_error *err)
{
    (void)wi;
    if (takes())
        buf_printf(&current->stored, "update state=%u\n", head->state);
    return answer_later(op, err);
}

static void write_record(const struct parley_store_record *given, const char *kind)
{
    json_t *data = json_loadb(given->data.data, given->data.len, 0, NULL);
    const json_t *previous = json_object_get(data, "previous_item_id");

    buf_printf(&current->stored, "%s %s", kind, given->id);
    if (previous != NULL)
        buf_printf(&current->stored, " after %s",
                   json_is_null(previous) ? "nothing" : json_string_value(previous));
    buf_append_char(&current->stored, '\n');
    json_decref(data);
    if (given->kind == PARLEY_RECORD_ITEM) {
        buf_clear(&current->item);
        buf_append_view(&current->item, given->data);
    }
    if (given->kind != PARLEY_RECORD_RESPONSE)
        return;
    buf_clear(&current->response);
    buf_append_view(&current->response, given->data);
}

static int store_append_records(void *wi, const char *session_id, int64_t epoch,
                                const struct parley_store_record *records, size_t count,
                                size_t item_size, parley_op op, struct parley_error *err)
{
    static const char *const kinds[] = {"",          "item",    "call",      "response",
                                        "truncated", "deleted", "transcript"};

    (void)wi;
    (void)session_id;
    (void)epoch;
    assert_int_equal(item_size, sizeof(records[0]));
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += records[i].data.len;
    if (current->most_bytes > 0 && bytes > current->most_bytes)
        return answer_as(op, PARLEY_E_TOO_LARGE, err);
    for (size_t i = 0; i < count && takes(); i++)
        write_record(&records[i], kinds[records[i].kind]);
    return answer_later(op, err);
}

static int store_nothing(void *wi, const char *id, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)id;
    return answer_later(op, err);
}

static int store_read_head(void *wi, const char *id, int64_t after, int64_t limit, parley_op op,
                           struct parley_error *err)
{
    (void)wi;
    (void)id;
    (void)after;
    (void)limit;
    return answer_with(op, PARLEY_OK, true, err);
}

static int store_list_nothing(void *wi, const struct parley_store_query *query, parley_op op,
                              struct parley_error *err)
{
    (void)query;
    return store_nothing(wi, NULL, op, err);
}

static int store_take_head(void *wi, const char *id, const char *owner, int64_t until, int64_t now,
                           parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)id;
    (void)owner;
    (void)until;
    (void)now;
    return answer_with(op, PARLEY_OK, true, err);
}

static int store_expire_nothing(void *wi, int64_t now, parley_op op, struct parley_error *err)
{
    (void)now;
    return store_nothing(wi, NULL, op, err);
}

static const struct parley_store_vtable store_table = {
    .size = sizeof(store_table),
    .attach = store_attach_host,
    .create = store_create_head,
    .update = store_update_head,
    .append = store_append_records,
    .read = store_read_head,
    .list = store_list_nothing,
    .take = store_take_head,
    .remove = store_nothing,
    .expire = store_expire_nothing,
};

static int create_nothing(void *plugin, const struct parley_instance_info *info, void **ret,
                          struct parley_error *err)
{
    (void)plugin;
    (void)info;
    (void)err;
    *ret = current;
    return PARLEY_OK;
}

static void destroy_nothing(void *instance)
{
    (void)instance;
}

static const struct parley_role roles[] = {{PARLEY_ROLE_STORE, &store_table}};

const struct parley_plugin keeping_plugin = {
    .size = sizeof(struct parley_plugin),
    .abi_major = PARLEY_ABI_MAJOR,
    .name = "wire_store_plugin",
    .version = "1",
    .summary = "of the wire tests",
    .licence = "Apache-2.0",
    .option_size = sizeof(struct parley_option),
    .role_count = 1,
    .roles = roles,
    .role_size = sizeof(struct parley_role),
    .instance_create = create_nothing,
    .instance_destroy = destroy_nothing,
};

/* ---- the test's side ---- */

void keeping_begin(struct keeping *k, struct loop *loop)
{
    *k = (struct keeping){.loop = loop};
    list_init(&k->held);
    current = k;
}

void keeping_done(struct keeping *k)
{
    buf_done(&k->stored);
    buf_done(&k->response);
    buf_done(&k->item);
}

void keeping_hold(struct keeping *k, bool holds)
{
    k->holds = holds;
    while (!holds && !list_empty(&k->held)) {
        struct store_answer *a = list_entry(k->held.next, struct store_answer, entry);
        list_remove(&a->entry);
        assert_true(loop_post(k->loop, answer_store, free, a));
    }
}
