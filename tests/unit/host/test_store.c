/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include "base/str.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ---- the plugin: remembers the operation, and answers when the test says so ---- */

static struct {
    const struct parley_store_host *host;
    parley_op op;
    int refuses;
    bool ends_at_once;
    int64_t now_ms;
    size_t count;
} plugin;

static void attach(void *wi, struct parley_worker *worker, const struct parley_store_host *host)
{
    (void)wi;
    (void)worker;
    plugin.host = host;
}

static int take_op(parley_op op, struct parley_error *err)
{
    if (plugin.refuses != 0)
        return parley_fail(err, plugin.refuses, "refused");
    plugin.op = op;
    if (plugin.ends_at_once)
        plugin.host->end(op, PARLEY_OK, NULL);
    return PARLEY_OK;
}

static int on_head_op(void *wi, const struct parley_store_head *head, parley_op op,
                      struct parley_error *err)
{
    (void)wi;
    (void)head;
    return take_op(op, err);
}

static int append(void *wi, const char *id, int64_t epoch,
                  const struct parley_store_record *records, size_t count, size_t item_size,
                  parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)id;
    (void)epoch;
    (void)records;
    assert_int_equal(item_size, sizeof(*records));
    plugin.count = count;
    return take_op(op, err);
}

static int read_session(void *wi, const char *id, int64_t after, int64_t limit, parley_op op,
                        struct parley_error *err)
{
    (void)wi;
    (void)id;
    (void)after;
    (void)limit;
    return take_op(op, err);
}

static int list(void *wi, const struct parley_store_query *query, parley_op op,
                struct parley_error *err)
{
    (void)wi;
    (void)query;
    return take_op(op, err);
}

static int take(void *wi, const char *id, const char *owner, int64_t until, int64_t now_ms,
                parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)id;
    (void)owner;
    (void)until;
    plugin.now_ms = now_ms;
    return take_op(op, err);
}

static int remove_session(void *wi, const char *id, parley_op op, struct parley_error *err)
{
    (void)wi;
    (void)id;
    return take_op(op, err);
}

static int expire(void *wi, int64_t now_ms, parley_op op, struct parley_error *err)
{
    (void)wi;
    plugin.now_ms = now_ms;
    return take_op(op, err);
}

static const struct parley_store_vtable table = {
    .size = sizeof(table),
    .attach = attach,
    .create = on_head_op,
    .update = on_head_op,
    .append = append,
    .read = read_session,
    .list = list,
    .take = take,
    .remove = remove_session,
    .expire = expire,
};
static const struct parley_plugin descriptor =
    FIXTURE_PLUGIN("store_test", PARLEY_ROLE_STORE, &table);

/* ---- the caller ---- */

static struct host_fixture f;
static char story[512];
static struct parley_error told;

static void note(const char *what, struct parley_view data)
{
    size_t len = strlen(story);

    (void)snprintf(story + len, sizeof(story) - len, "%s%.*s ", what, (int)data.len,
                   data.data == NULL ? "" : data.data);
}

static void on_head(void *ctx, const struct parley_store_head *head)
{
    (void)ctx;
    note("head:", view_of(head->session_id));
}

static void on_record(void *ctx, const struct parley_store_record *record)
{
    (void)ctx;
    note("record:", record->data);
}

static void on_end(void *ctx, int status, const struct parley_error *err)
{
    char text[32];

    (void)ctx;
    assert_true((status < 0) == (err != NULL));
    told = err == NULL ? (struct parley_error){0} : *err;
    (void)snprintf(text, sizeof(text), "end:%d", status);
    note(text, (struct parley_view){0});
}

static const struct store_events events = {on_head, on_record, on_end};
static const struct store_caller caller = {&events, NULL};
static const struct parley_store_head some_head = {.size = sizeof(some_head), .session_id = "s"};

static int setup(void **state)
{
    (void)state;
    memset(&plugin, 0, sizeof(plugin));
    story[0] = '\0';
    fixture_open(&f);
    fixture_start(&f, &descriptor, "store");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void end_is_not_on_the_callers_stack(void **state)
{
    (void)state;
    plugin.ends_at_once = true;
    assert_int_equal(store_create(f.wi, &some_head, caller, NULL, NULL), PARLEY_OK);
    assert_string_equal(story, "");
    fixture_turn(&f);
    assert_string_equal(story, "end:0 ");
}

static void what_was_read_is_copied_and_comes_before_the_end(void **state)
{
    char id[8] = "sess_1", data[8] = "{}";
    const struct parley_store_head head = {.size = sizeof(head), .session_id = id};
    const struct parley_store_record record = {.id = "item_1", .data = {data, 2}};

    (void)state;
    assert_int_equal(store_read(f.wi, "sess_1", 0, 0, caller, NULL, NULL), PARLEY_OK);
    plugin.host->head(plugin.op, &head);
    plugin.host->record(plugin.op, &record);
    memset(id, 'x', sizeof(id) - 1);
    memset(data, 'x', sizeof(data) - 1);
    plugin.host->end(plugin.op, PARLEY_OK, NULL);
    plugin.host->end(plugin.op, PARLEY_OK, NULL);
    fixture_turn(&f);
    assert_string_equal(story, "head:sess_1 record:{} end:0 ");
    assert_int_equal(f.worker.counters.ops_ended_twice, 1);
}

static void refusal_is_the_return_value(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    plugin.refuses = PARLEY_E_BUSY;
    assert_int_equal(store_remove(f.wi, "s", caller, NULL, &err), PARLEY_E_BUSY);
    assert_string_equal(err.message, "refused");
    fixture_turn(&f);
    assert_string_equal(story, "");
}

static void every_request_reaches_its_function(void **state)
{
    const struct parley_store_record records[2] = {{.seq = 1}, {.seq = 2}};
    const struct parley_store_query query = {.size = sizeof(query)};

    (void)state;
    plugin.ends_at_once = true;
    assert_int_equal(store_update(f.wi, &some_head, caller, NULL, NULL), PARLEY_OK);
    assert_int_equal(store_append(f.wi, "s", 1, records, 2, caller, NULL, NULL), PARLEY_OK);
    assert_int_equal(plugin.count, 2);
    assert_int_equal(store_list(f.wi, &query, caller, NULL, NULL), PARLEY_OK);
    assert_int_equal(store_take(f.wi, "s", "host", 5, caller, NULL, NULL), PARLEY_OK);
    assert_int_equal(plugin.now_ms, INT64_C(1767603600000));
    assert_int_equal(store_expire(f.wi, caller, NULL, NULL), PARLEY_OK);
    fixture_turn(&f);
    assert_string_equal(story, "end:0 end:0 end:0 end:0 end:0 ");
}

static void silence_is_a_timeout(void **state)
{
    (void)state;
    store_create(f.wi, &some_head, caller, NULL, NULL);
    fixture_advance_ms(&f, STORE_TIMEOUT_MS);
    assert_string_equal(story, "end:-9 ");
    plugin.host->end(plugin.op, PARLEY_OK, NULL);
    fixture_turn(&f);
    assert_string_equal(story, "end:-9 ");
    assert_int_equal(f.wi->open_count, 0);
}

static void abandoned_request_goes_on_unheard(void **state)
{
    struct store_request *request = NULL;

    (void)state;
    store_create(f.wi, &some_head, caller, &request, NULL);
    assert_null(store_abandon(request));
    plugin.host->end(plugin.op, PARLEY_OK, NULL);
    fixture_turn(&f);
    assert_string_equal(story, "");
}

static void failure_without_a_reason_gets_one(void **state)
{
    (void)state;
    store_create(f.wi, &some_head, caller, NULL, NULL);
    plugin.host->end(plugin.op, PARLEY_E_UNAVAILABLE, NULL);
    fixture_turn(&f);
    assert_string_equal(story, "end:-8 ");
    assert_string_equal(told.message, "store x: failed with status -8");
}

static void reason_that_is_not_ended_is_cut(void **state)
{
    struct parley_error err = {.size = sizeof(err)};

    (void)state;
    memset(err.code, 'c', sizeof(err.code));
    memset(err.message, 'm', sizeof(err.message));
    store_create(f.wi, &some_head, caller, NULL, NULL);
    plugin.host->end(plugin.op, PARLEY_E_UNAVAILABLE, &err);
    fixture_turn(&f);
    assert_int_equal(strnlen(told.code, sizeof(told.code)), sizeof(told.code) - 1);
    assert_int_equal(strnlen(told.message, sizeof(told.message)), sizeof(told.message) - 1);
}

static void reason_of_an_older_plugin_is_read_as_far_as_it_goes(void **state)
{
    struct parley_error err = {.size = offsetof(struct parley_error, message),
                               .code = "throttled",
                               .message = "not its own"};

    (void)state;
    store_create(f.wi, &some_head, caller, NULL, NULL);
    plugin.host->end(plugin.op, PARLEY_E_BUSY, &err);
    fixture_turn(&f);
    assert_string_equal(told.code, "throttled");
    assert_string_equal(told.message, "store x: failed with status -7");
}

static void record_larger_than_the_hosts_is_read_as_far_as_it_is_known(void **state)
{
    struct {
        struct parley_store_record record;
        char newer[64];
    } r = {.record = {.size = sizeof(r), .seq = 1, .id = "i", .data = VIEW("{}")}};

    (void)state;
    store_read(f.wi, "s", 0, 0, caller, NULL, NULL);
    plugin.host->record(plugin.op, &r.record);
    plugin.host->end(plugin.op, PARLEY_OK, NULL);
    fixture_turn(&f);
    assert_string_equal(story, "record:{} end:0 ");
}

static void *end_elsewhere(void *arg)
{
    (void)arg;
    plugin.host->end(plugin.op, PARLEY_OK, NULL);
    return NULL;
}

static void end_on_another_thread_is_ignored(void **state)
{
    pthread_t thread;

    (void)state;
    store_create(f.wi, &some_head, caller, NULL, NULL);
    assert_int_equal(pthread_create(&thread, NULL, end_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    fixture_turn(&f);
    assert_string_equal(story, "");
    plugin.host->end(plugin.op, PARLEY_OK, NULL);
    fixture_turn(&f);
    assert_string_equal(story, "end:0 ");
}

static void stop_ends_what_is_open(void **state)
{
    (void)state;
    store_create(f.wi, &some_head, caller, NULL, NULL);
    fixture_close(&f);
    assert_string_equal(story, "end:-10 ");
    fixture_open(&f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(end_is_not_on_the_callers_stack),
        T(what_was_read_is_copied_and_comes_before_the_end),
        T(refusal_is_the_return_value),
        T(every_request_reaches_its_function),
        T(silence_is_a_timeout),
        T(abandoned_request_goes_on_unheard),
        T(failure_without_a_reason_gets_one),
        T(reason_that_is_not_ended_is_cut),
        T(reason_of_an_older_plugin_is_read_as_far_as_it_goes),
        T(record_larger_than_the_hosts_is_read_as_far_as_it_is_known),
        T(end_on_another_thread_is_ignored),
        T(stop_ends_what_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
