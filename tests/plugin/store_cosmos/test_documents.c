/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored, and what goes over the wire when nothing fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig a, b;

static int open_store(void **state)
{
    (void)state;
    rig_reset();
    rig_open(&a, rig_options);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    if (a.plugin != NULL)
        rig_close(&a);
    if (b.plugin != NULL)
        rig_close(&b);
    sim_done();
    return 0;
}

static const char *text(const json_t *document, const char *key)
{
    return json_string_value(json_object_get(document, key));
}

static int64_t number(const json_t *document, const char *key)
{
    return json_integer_value(json_object_get(document, key));
}

static void a_good_start_reads_account_and_container_once(void **state)
{
    (void)state;
    rig_settle(100);
    assert_int_equal(sim.log_count, 2);
    assert_string_equal(sim.log[0].url, SIM_ENDPOINT "/");
    assert_string_equal(sim.log[1].url, SIM_WEST "/dbs/parley/colls/sessions");
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_OK);
    assert_int_equal(sim_asked("GET", NULL), 2);
    assert_true(fake_host_logged("the store is ready"));
}

static void a_session_is_a_partition_with_head_records_and_a_row(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    rig_append(&a, "sess_1", 1, 1, 2);
    const json_t *head = sim_document("s:sess_1", "head");
    assert_string_equal(text(head, "kind"), "head");
    assert_string_equal(text(head, "owner"), "host-a");
    assert_string_equal(text(head, "data"), "{\"voice\": \"marin\"}");
    assert_int_equal(number(head, "epoch"), 1);
    assert_int_equal(number(head, "record_count"), 2);
    assert_null(json_object_get(head, "ttl"));
    const json_t *record = sim_document("s:sess_1", "record.000000000002");
    assert_int_equal(number(record, "seq"), 2);
    assert_string_equal(text(record, "record_id"), "item_2");
    const json_t *row = sim_document("index", "row.1000.sess_1");
    assert_string_equal(text(row, "user"), "ann");
    assert_int_equal(json_object_size(sim.documents), 4);
}

static void a_turn_of_the_owner_costs_one_request(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    size_t before = sim.log_count;
    rig_append(&a, "sess_1", 1, 1, 3);
    rig_append(&a, "sess_1", 1, 4, 5);
    assert_int_equal(sim.log_count, before + 2);
    assert_int_equal(sim.batches, 2);
}

static size_t requests_of(size_t *before)
{
    size_t count = sim.log_count - *before;

    *before = sim.log_count;
    return count;
}

/* The table of docs/store-cosmos.md. */
static void each_operation_takes_the_requests_that_the_page_says(void **state)
{
    struct parley_store_head head = rig_head("sess_1", 1000);
    size_t n;

    (void)state;
    rig_settle(50);
    n = sim.log_count;
    rig_create(&a, "sess_1", 1000);
    assert_int_equal(requests_of(&n), 2);
    rig_append(&a, "sess_1", 1, 1, 99);
    assert_int_equal(requests_of(&n), 1);
    rig_append(&a, "sess_1", 1, 100, 150);
    assert_int_equal(requests_of(&n), 1);
    rig_update_head(&a, &head);
    assert_int_equal(requests_of(&n), 1);
    head.expires_ms = 9000;
    rig_update_head(&a, &head);
    assert_int_equal(requests_of(&n), 2);
    rig_read(&a, "sess_1", 0, 0);
    assert_int_equal(requests_of(&n), 3);
    rig_list(&a, "", 10);
    assert_int_equal(requests_of(&n), 2);
    rig_take(&a, "sess_1", "host-a");
    assert_int_equal(requests_of(&n), 1);
    rig_expire(&a, 2000);
    assert_int_equal(requests_of(&n), 1);
    rig_remove(&a, "sess_1");
    assert_int_equal(requests_of(&n), 6 + 2 * 2);
}

/* ---- long data ---- */

static char long_data[901];

/* A session whose data do not stay in the head; the letter makes them differ. */
static struct parley_store_head long_head(char letter)
{
    struct parley_store_head head = rig_head("sess_1", 1000);

    memset(long_data, letter, sizeof(long_data) - 1);
    head.data = (struct parley_view){long_data, sizeof(long_data) - 1};
    return head;
}

static void long_data_are_written_beside_the_head_and_not_with_every_turn(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_create_head(&a, &head);
    assert_string_equal(text(sim_document("s:sess_1", "data"), "data"), long_data);
    assert_null(json_object_get(sim_document("s:sess_1", "head"), "data"));
    sim.longest_body = 0;
    size_t before = sim.log_count;
    rig_append(&a, "sess_1", 1, 1, 1);
    assert_int_equal(sim.log_count, before + 1);
    assert_true(sim.longest_body < sizeof(long_data));
}

static void long_data_are_read_listed_and_taken_over_with_the_head(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_create_head(&a, &head);
    rig_append(&a, "sess_1", 1, 1, 3);
    rig_open(&b, rig_options);
    assert_int_equal(rig_read(&b, "sess_1", 0, 0), PARLEY_OK);
    assert_string_equal(b.heads[0].data, long_data);
    assert_int_equal(b.record_count, 3);
    assert_int_equal(rig_list(&b, "", 10), PARLEY_OK);
    assert_int_equal(b.head_count, 1);
    assert_string_equal(b.heads[0].data, long_data);
    assert_int_equal(rig_take(&b, "sess_1", "host-b"), PARLEY_OK);
    assert_string_equal(b.heads[0].data, long_data);
    assert_int_equal(b.heads[0].head.epoch, 2);
}

/* The same table, where it tells of `data`. */
static void long_data_cost_one_more_request_where_they_are_read_and_none_elsewhere(void **state)
{
    struct parley_store_head head = long_head('a');
    size_t n;

    (void)state;
    rig_settle(50);
    n = sim.log_count;
    rig_create_head(&a, &head);
    assert_int_equal(requests_of(&n), 2);
    rig_append(&a, "sess_1", 1, 1, 50);
    assert_int_equal(requests_of(&n), 1);
    rig_read(&a, "sess_1", 0, 0);
    assert_int_equal(requests_of(&n), 3);
    rig_list(&a, "", 10);
    assert_int_equal(requests_of(&n), 3);
    rig_take(&a, "sess_1", "host-a");
    assert_int_equal(requests_of(&n), 2);
    rig_remove(&a, "sess_1");
    assert_int_equal(requests_of(&n), 6 + 2);
}

static void with_a_time_to_live_long_data_are_written_with_every_head(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_close(&a);
    rig_open(&a, (const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY, "ttl=24h", NULL});
    rig_create_head(&a, &head);
    assert_int_equal(number(sim_document("s:sess_1", "data"), "ttl"), 86400);
    sim.longest_body = 0;
    rig_update_head(&a, &head);
    assert_true(sim.longest_body > sizeof(long_data));
}

static void long_data_are_written_again_when_they_have_changed(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_create_head(&a, &head);
    sim.longest_body = 0;
    assert_int_equal(rig_update_head(&a, &head), PARLEY_OK);
    assert_true(sim.longest_body < sizeof(long_data));
    head = long_head('b');
    size_t before = sim.log_count;
    assert_int_equal(rig_update_head(&a, &head), PARLEY_OK);
    assert_int_equal(sim.log_count, before + 1); /* both in one batch */
    rig_read(&a, "sess_1", 0, 0);
    assert_string_equal(a.heads[0].data, long_data);
    head = rig_head("sess_1", 1000);
    assert_int_equal(rig_update_head(&a, &head), PARLEY_OK);
    rig_read(&a, "sess_1", 0, 0);
    assert_string_equal(a.heads[0].data, "{\"voice\": \"marin\"}");
}

static void long_data_of_a_host_that_lost_its_session_are_not_written(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_create_head(&a, &head);
    rig_open(&b, rig_options);
    rig_take(&b, "sess_1", "host-b");
    head = long_head('b');
    assert_int_equal(rig_update_head(&a, &head), PARLEY_E_CONFLICT);
    head = long_head('a');
    assert_string_equal(text(sim_document("s:sess_1", "data"), "data"), long_data);
}

static void a_lost_answer_to_a_write_of_long_data_is_no_conflict(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    sim_fail(
        (struct sim_fault){.failure = SIM_RESET_AFTER, .what = "\"kind\":\"data\"", .times = 1});
    assert_int_equal(rig_create_head(&a, &head), PARLEY_OK);
    head = long_head('b');
    sim.faults[0].times = 1;
    assert_int_equal(rig_update_head(&a, &head), PARLEY_OK);
    rig_read(&a, "sess_1", 0, 0);
    assert_string_equal(a.heads[0].data, long_data);
}

static void long_data_in_a_head_of_before_are_read_and_move_out(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_create(&a, "sess_1", 1000);
    json_t *old = json_deep_copy(sim_document("s:sess_1", "head"));
    json_object_set_new(old, "data", json_string(long_data));
    sim_put(old);
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_OK);
    assert_string_equal(a.heads[0].data, long_data);
    assert_int_equal(rig_update_head(&a, &head), PARLEY_OK);
    assert_null(json_object_get(sim_document("s:sess_1", "head"), "data"));
    assert_string_equal(text(sim_document("s:sess_1", "data"), "data"), long_data);
}

static void a_session_whose_data_somebody_deleted_is_still_read_and_listed(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_create_head(&a, &head);
    rig_append(&a, "sess_1", 1, 1, 2);
    json_object_del(sim.documents, "s:sess_1\ndata");
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_OK);
    assert_string_equal(a.heads[0].data, "");
    assert_int_equal(a.record_count, 2);
    assert_int_equal(rig_list(&a, "", 10), PARLEY_OK);
    assert_int_equal(a.head_count, 1);
}

static void a_removal_takes_long_data_along(void **state)
{
    struct parley_store_head head = long_head('a');

    (void)state;
    rig_create_head(&a, &head);
    rig_append(&a, "sess_1", 1, 1, 2);
    assert_int_equal(rig_remove(&a, "sess_1"), PARLEY_OK);
    assert_int_equal(json_object_size(sim.documents), 1);
    assert_int_equal(rig_create_head(&a, &head), PARLEY_OK); /* in the mark's place */
    assert_string_equal(text(sim_document("s:sess_1", "data"), "data"), long_data);
}

static void reads_carry_the_session_token_of_the_last_write(void **state)
{
    char wanted[64];

    (void)state;
    rig_create(&a, "sess_1", 1000);
    (void)snprintf(wanted, sizeof(wanted), "x-ms-session-token: 0:-1#%llu\n",
                   (unsigned long long)sim.lsn);
    rig_read(&a, "sess_1", 0, 0);
    assert_non_null(strstr(sim.log[sim.log_count - 1].headers, wanted));
}

static void a_weaker_consistency_is_asked_for_without_a_session_token(void **state)
{
    (void)state;
    rig_close(&a);
    rig_open(&a, (const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY,
                                       "consistency=eventual", NULL});
    rig_create(&a, "sess_1", 1000);
    rig_read(&a, "sess_1", 0, 0);
    const char *headers = sim.log[sim.log_count - 1].headers;
    assert_non_null(strstr(headers, "x-ms-consistency-level: Eventual\n"));
    assert_null(strstr(headers, "x-ms-session-token"));
}

static void a_stronger_consistency_than_the_account_has_is_told(void **state)
{
    (void)state;
    rig_close(&a);
    rig_open(&a, (const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY,
                                       "consistency=strong", NULL});
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_E_INVALID);
    assert_non_null(strstr(a.err.message, "Strong is stronger than the account's Session"));
}

static void every_answer_adds_its_request_units(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    rig_append(&a, "sess_1", 1, 1, 1);
    assert_int_equal((int)(rig_metric("parley.store.request_charge") * 2), (int)sim.log_count * 5);
}

static void an_append_of_300_records_goes_in_parts_and_is_seen_as_a_whole(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    sim_fail((struct sim_fault){
        .failure = SIM_CODE, .what = "record.000000000250", .times = 100, .code = 400});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 300), PARLEY_E_PROTOCOL);
    assert_true(sim_count("record") > 0);
    rig_read(&a, "sess_1", 0, 0);
    assert_int_equal(a.record_count, 0);
    assert_int_equal(a.heads[0].head.record_count, 0);
    sim.fault_count = 0;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 300), PARLEY_OK);
    assert_int_equal(sim.most_operations, 100);
    rig_read(&a, "sess_1", 0, 0);
    assert_int_equal(a.record_count, 300);
    assert_int_equal(sim_count("record"), 300);
}

static void an_append_larger_than_a_request_may_be_goes_in_parts(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    rig_forget(&a);
    assert_int_equal(rig_begin_append(&a, "sess_1", 1, 1, 5, 900000), PARLEY_OK);
    rig_settle(100);
    assert_int_equal(a.status, PARLEY_OK);
    assert_int_equal(sim.batches, 3);
    assert_true(sim.longest_body <= 2000000);
    rig_read(&a, "sess_1", 0, 0);
    assert_int_equal(a.record_count, 5);
    assert_true(a.records[4].data_len > 900000);
}

static void a_record_over_2_mb_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    rig_append(&a, "sess_1", 1, 1, 1);
    size_t before = sim.log_count;
    rig_forget(&a);
    assert_int_equal(rig_begin_append(&a, "sess_1", 1, 2, 2, 3 << 20), PARLEY_E_TOO_LARGE);
    assert_non_null(strstr(a.err.message, "record 2 (item_2) is 3145"));
    assert_non_null(strstr(a.err.message, "2 MB at most"));
    assert_int_equal(sim.log_count, before);
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_OK);
}

static void records_come_over_many_pages_in_order_and_once(void **state)
{
    (void)state;
    sim.page_limit = 7;
    sim.has_empty_pages = true;
    rig_create(&a, "sess_1", 1000);
    rig_append(&a, "sess_1", 1, 1, 40);
    assert_int_equal(rig_read(&a, "sess_1", 3, 0), PARLEY_OK);
    assert_int_equal(a.record_count, 37);
    for (size_t i = 0; i < a.record_count; i++)
        assert_int_equal(a.records[i].seq, (int64_t)i + 4);
    assert_int_equal(rig_read(&a, "sess_1", 0, 9), PARLEY_OK);
    assert_int_equal(a.record_count, 9);
}

static void lists_and_expiry_go_over_many_pages(void **state)
{
    char id[32];

    (void)state;
    sim.page_limit = 4;
    sim.has_empty_pages = true;
    for (int i = 0; i < 21; i++) {
        struct parley_store_head head = rig_head(id, 1000 + i);
        (void)snprintf(id, sizeof(id), "sess_%02d", i);
        head.expires_ms = i < 15 ? 2000 : 9000;
        rig_create_head(&a, &head);
    }
    assert_int_equal(rig_list(&a, "", 10), PARLEY_OK);
    assert_int_equal(a.head_count, 10);
    assert_string_equal(a.heads[0].session_id, "sess_20");
    assert_string_equal(a.heads[9].session_id, "sess_11");
    assert_int_equal(rig_expire(&a, 3000), PARLEY_OK);
    assert_int_equal(sim_count("head"), 6);
    assert_int_equal(sim_count("removed"), 15);
    assert_int_equal(sim_count("row"), 6);
}

static void append_to_the_newest(void)
{
    rig_begin_append(&a, "sess_2", 1, 1, 1, 10);
}

static void append_to_the_oldest(void)
{
    rig_begin_append(&a, "sess_1", 1, 1, 1, 10);
}

static void writes_to_sessions_that_a_list_just_looks_at_wait_for_nothing(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    rig_create(&a, "sess_2", 2000);
    sim_fail((struct sim_fault){SIM_MEANWHILE, .verb = "GET", .what = "/docs/head", .times = 1,
                                .meanwhile = append_to_the_newest});
    sim_fail((struct sim_fault){SIM_MEANWHILE, .verb = "GET", .what = "/docs/head", .times = 1,
                                .meanwhile = append_to_the_oldest});
    rig_forget(&a);
    rig_begin_list(&a, "", 10);
    rig_settle(60000);
    assert_int_equal(a.ends, 3);
    assert_int_equal(a.head_count, 2);
    assert_int_equal(number(sim_document("s:sess_1", "head"), "record_count"), 1);
    assert_int_equal(number(sim_document("s:sess_2", "head"), "record_count"), 1);
}

static void expiry_leaves_alone_what_lives_longer_by_now(void **state)
{
    struct parley_store_head head = rig_head("sess_1", 1000);

    (void)state;
    head.expires_ms = 2000;
    rig_create_head(&a, &head);
    head.expires_ms = 5000;
    rig_update_head(&a, &head);
    assert_int_equal(number(sim_document("index", "row.1000.sess_1"), "expires_ms"), 2000);
    assert_int_equal(rig_expire(&a, 3000), PARLEY_OK);
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(number(sim_document("index", "row.1000.sess_1"), "expires_ms"), 5000);
    head.expires_ms = 4000; /* earlier again */
    rig_update_head(&a, &head);
    assert_int_equal(rig_expire(&a, 4500), PARLEY_OK);
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_E_GONE);
}

static void what_is_removed_leaves_a_mark_without_content_for_a_week(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    rig_append(&a, "sess_1", 1, 1, 250);
    assert_int_equal(rig_remove(&a, "sess_1"), PARLEY_OK);
    const json_t *mark = sim_document("s:sess_1", "head");
    assert_int_equal(number(mark, "ttl"), 604800);
    assert_null(json_object_get(mark, "user"));
    assert_null(json_object_get(mark, "data"));
    assert_int_equal(json_object_size(sim.documents), 1);
}

static void a_removal_that_stopped_half_way_is_finished_by_expiry(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    rig_append(&a, "sess_1", 1, 1, 150);
    sim_fail((struct sim_fault){
        .failure = SIM_CODE, .what = "Delete", .times = 1, .code = 400, .skip = 1});
    assert_int_equal(rig_remove(&a, "sess_1"), PARLEY_E_PROTOCOL);
    assert_int_equal(sim_count("record"), 50);
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_E_GONE);
    assert_int_equal(rig_expire(&a, 2), PARLEY_OK);
    assert_int_equal(sim_count("record"), 0);
    assert_int_equal(sim_count("row"), 0);
}

static void ttl_is_put_on_all_that_is_written(void **state)
{
    (void)state;
    rig_close(&a);
    rig_open(&a, (const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY, "ttl=24h", NULL});
    rig_create(&a, "sess_1", 1000);
    rig_append(&a, "sess_1", 1, 1, 1);
    assert_int_equal(number(sim_document("s:sess_1", "head"), "ttl"), 86400);
    assert_int_equal(number(sim_document("s:sess_1", "record.000000000001"), "ttl"), 86400);
    assert_int_equal(number(sim_document("index", "row.1000.sess_1"), "ttl"), 86400);
}

static void ids_with_odd_characters_are_kept_apart(void **state)
{
    static const char *const ids[] = {"../x",        "%2f",       "a/b\\c?d#e", "\xf0\x9f\x98\x80",
                                      "caf\xc3\xa9", "a'b\"; --", " "};

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(rig_create(&a, ids[i], 1000), PARLEY_OK);
        assert_int_equal(rig_append(&a, ids[i], 1, 1, 1), PARLEY_OK);
    }
    assert_int_equal(rig_list(&a, "", 0), PARLEY_OK);
    assert_int_equal(a.head_count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(rig_read(&a, ids[i], 0, 0), PARLEY_OK);
        assert_string_equal(a.heads[0].session_id, ids[i]);
        assert_int_equal(rig_remove(&a, ids[i]), PARLEY_OK);
    }
    assert_int_equal(sim_count("record") + sim_count("row"), 0);
}

static void ids_that_are_too_long_are_refused(void **state)
{
    char id[300];

    (void)state;
    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    assert_int_equal(rig_read(&a, id, 0, 0), PARLEY_E_INVALID);
}

static void a_container_is_created_when_the_options_say_so(void **state)
{
    (void)state;
    rig_close(&a);
    sim.has_database = sim.has_container = false;
    rig_open(&a, (const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY, "create=yes",
                                       "throughput=400", NULL});
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_OK);
    assert_int_equal(sim_asked("POST", "x-ms-offer-throughput: 400"), 1);
}

static void a_missing_container_is_told_with_the_way_to_create_it(void **state)
{
    (void)state;
    rig_close(&a);
    sim.has_container = false;
    rig_open(&a, rig_options);
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_E_UNAVAILABLE);
    assert_non_null(strstr(a.err.message, SIM_ENDPOINT));
    assert_non_null(strstr(a.err.message, "no container sessions in a database parley"));
    assert_non_null(strstr(a.err.message, "create = yes"));
    size_t before = sim.log_count;
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_E_UNAVAILABLE);
    assert_int_equal(sim.log_count, before); /* not asked for again and again */
    sim.has_container = true;
    fake_host_advance_ms(31000);
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_OK);
}

static void a_container_with_another_partition_key_is_refused(void **state)
{
    (void)state;
    rig_close(&a);
    sim.partition_path = "/userId";
    rig_open(&a, rig_options);
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_E_INVALID);
    assert_non_null(strstr(a.err.message, "another partition key than /pk"));
}

static void a_container_without_time_to_live_is_warned_of(void **state)
{
    (void)state;
    rig_close(&a);
    sim.has_no_ttl = true;
    rig_open(&a, rig_options);
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_OK);
    assert_true(fake_host_logged("time to live is off"));
}

static void refuses(const char *const *options, const char *message)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    assert_false(rig_try_open(&b, options, &err));
    if (strstr(err.message, message) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, message);
    assert_null(strstr(err.message, "c2VjcmV0"));
}

static void options_that_cannot_be_right_are_refused_without_their_secrets(void **state)
{
    (void)state;
    refuses((const char *const[]){"endpoint=contoso", "key=" SIM_KEY, NULL},
            "endpoint: must be the account's URI");
    refuses(
        (const char *const[]){"endpoint=https://c2VjcmV0:c2VjcmV0@contoso", "key=" SIM_KEY, NULL},
        "endpoint: must be the account's URI");
    refuses((const char *const[]){"endpoint=" SIM_ENDPOINT, NULL}, "key: is missing");
    refuses((const char *const[]){"endpoint=" SIM_ENDPOINT, "key=c2VjcmV0-!", NULL},
            "key: is not an account key: 10 characters that are not Base64");
    refuses((const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY, "token_file=/x", NULL},
            "token_file: there is another of key, credential and token_file");
    refuses((const char *const[]){"endpoint=" SIM_ENDPOINT, "token_file=/no/such/file", NULL},
            "token_file: /no/such/file: No such file");
    refuses((const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY, "container=a/b", NULL},
            "container: 'a/b' is not a name that Cosmos DB takes");
}

static void a_worker_that_stops_in_the_middle_leaves_nothing_behind(void **state)
{
    (void)state;
    rig_create(&a, "sess_1", 1000);
    sim_fail((struct sim_fault){.failure = SIM_HANG, .times = 100});
    rig_forget(&a);
    for (int i = 0; i < 5; i++)
        rig_begin_append(&a, "sess_1", 1, 1 + i, 1 + i, 10);
    rig_begin_take(&a, "sess_2", "host-b");
    rig_tick();
    assert_int_equal(rig_requests_open(), 2);
    rig_close(&a);
    assert_int_equal(a.ends, 0);
    assert_int_equal(fake_host_timers(), 0);
}

static void too_many_waiting_requests_are_refused(void **state)
{
    int status = PARLEY_OK;
    size_t count = 0;

    (void)state;
    rig_create(&a, "sess_1", 1000);
    sim_fail((struct sim_fault){.failure = SIM_HANG, .times = 1000000});
    rig_forget(&a);
    for (; status == PARLEY_OK && count < 200; count++)
        status = rig_begin_append(&a, "sess_1", 1, 1 + (int64_t)count, 1 + (int64_t)count, 1000000);
    assert_int_equal(status, PARLEY_E_BUSY);
    assert_int_equal(count, 68); /* 64 MiB of them */
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_good_start_reads_account_and_container_once),
        T(a_session_is_a_partition_with_head_records_and_a_row),
        T(a_turn_of_the_owner_costs_one_request),
        T(each_operation_takes_the_requests_that_the_page_says),
        T(long_data_are_written_beside_the_head_and_not_with_every_turn),
        T(long_data_are_read_listed_and_taken_over_with_the_head),
        T(long_data_cost_one_more_request_where_they_are_read_and_none_elsewhere),
        T(with_a_time_to_live_long_data_are_written_with_every_head),
        T(long_data_are_written_again_when_they_have_changed),
        T(long_data_of_a_host_that_lost_its_session_are_not_written),
        T(a_lost_answer_to_a_write_of_long_data_is_no_conflict),
        T(long_data_in_a_head_of_before_are_read_and_move_out),
        T(a_session_whose_data_somebody_deleted_is_still_read_and_listed),
        T(a_removal_takes_long_data_along),
        T(reads_carry_the_session_token_of_the_last_write),
        T(a_weaker_consistency_is_asked_for_without_a_session_token),
        T(a_stronger_consistency_than_the_account_has_is_told),
        T(every_answer_adds_its_request_units),
        T(an_append_of_300_records_goes_in_parts_and_is_seen_as_a_whole),
        T(an_append_larger_than_a_request_may_be_goes_in_parts),
        T(a_record_over_2_mb_is_refused_before_it_is_sent),
        T(records_come_over_many_pages_in_order_and_once),
        T(lists_and_expiry_go_over_many_pages),
        T(writes_to_sessions_that_a_list_just_looks_at_wait_for_nothing),
        T(expiry_leaves_alone_what_lives_longer_by_now),
        T(what_is_removed_leaves_a_mark_without_content_for_a_week),
        T(a_removal_that_stopped_half_way_is_finished_by_expiry),
        T(ttl_is_put_on_all_that_is_written),
        T(ids_with_odd_characters_are_kept_apart),
        T(ids_that_are_too_long_are_refused),
        T(a_container_is_created_when_the_options_say_so),
        T(a_missing_container_is_told_with_the_way_to_create_it),
        T(a_container_with_another_partition_key_is_refused),
        T(a_container_without_time_to_live_is_warned_of),
        T(options_that_cannot_be_right_are_refused_without_their_secrets),
        T(a_worker_that_stops_in_the_middle_leaves_nothing_behind),
        T(too_many_waiting_requests_are_refused),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    rig_plugin = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
