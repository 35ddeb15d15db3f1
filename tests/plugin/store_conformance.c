/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every store keeps, whatever it is made of. Arguments: the plugin, then its options; an `@`
 * in an option stands for a fresh folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store_client.h"

static const char *plugin_path;
static const char *const *plugin_options;
static struct store_client c;

static int open_store(void **state)
{
    (void)state;
    fake_host_reset();
    memset(&c, 0, sizeof(c));
    store_open(&c, plugin_path, plugin_options);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    store_done(&c);
    return 0;
}

static void create(const char *session_id, int64_t created_ms)
{
    struct parley_store_head head = store_head(session_id, created_ms);

    assert_int_equal(store_create(&c, &head), PARLEY_OK);
}

static void a_session_is_read_as_it_was_created(void **state)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    (void)state;
    head.user = "user-7";
    head.lease_until_ms = 5000;
    head.updated_ms = 2000;
    head.expires_ms = 9000;
    head.data = (struct parley_view)PARLEY_VIEW("{\"voice\":\"marin\"}");
    assert_int_equal(store_create(&c, &head), PARLEY_OK);
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(c.head_count, 1);
    assert_int_equal(c.record_count, 0);
    assert_string_equal(c.heads[0].session_id, "sess_1");
    assert_string_equal(c.heads[0].agent, "receptionist");
    assert_string_equal(c.heads[0].user, "user-7");
    assert_string_equal(c.heads[0].owner, "host-a");
    assert_string_equal(c.heads[0].data, "{\"voice\":\"marin\"}");
    assert_int_equal(c.heads[0].head.state, PARLEY_SESSION_ACTIVE);
    assert_int_equal(c.heads[0].head.epoch, 1);
    assert_int_equal(c.heads[0].head.lease_until_ms, 5000);
    assert_int_equal(c.heads[0].head.created_ms, 1000);
    assert_int_equal(c.heads[0].head.updated_ms, 2000);
    assert_int_equal(c.heads[0].head.expires_ms, 9000);
    assert_int_equal(c.heads[0].head.record_count, 0);
}

static void creating_twice_is_a_conflict(void **state)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    (void)state;
    assert_int_equal(store_create(&c, &head), PARLEY_OK);
    assert_int_equal(store_create(&c, &head), PARLEY_E_CONFLICT);
    assert_non_null(strstr(c.message, "sess_1"));
}

static void records_come_back_in_order(void **state)
{
    (void)state;
    create("sess_1", 1000);
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 3), PARLEY_OK);
    assert_int_equal(store_append(&c, "sess_1", 1, 4, 12), PARLEY_OK);
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(c.heads[0].head.record_count, 12);
    assert_int_equal(c.record_count, 12);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(c.records[i].seq, i + 1);
    assert_int_equal(c.records[11].kind, PARLEY_RECORD_ITEM);
    assert_int_equal(c.records[11].time_ms, 1012);
    assert_string_equal(c.records[11].id, "item_12");
    assert_string_equal(c.records[11].data, "{\"n\":12}");
}

static void reading_starts_after_a_record_and_stops_at_the_limit(void **state)
{
    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 10);
    assert_int_equal(store_read(&c, "sess_1", 4, 3), PARLEY_OK);
    assert_int_equal(c.record_count, 3);
    assert_int_equal(c.records[0].seq, 5);
    assert_int_equal(c.records[2].seq, 7);
    assert_int_equal(store_read(&c, "sess_1", 10, 0), PARLEY_OK);
    assert_int_equal(c.record_count, 0);
    assert_int_equal(c.head_count, 1);
    assert_int_equal(store_read(&c, "sess_1", 1000, 5), PARLEY_OK);
    assert_int_equal(c.record_count, 0);
}

static void a_repeated_record_is_skipped(void **state)
{
    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 3);
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 3), PARLEY_OK);
    assert_int_equal(store_append(&c, "sess_1", 1, 2, 5), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 5);
    assert_int_equal(c.heads[0].head.record_count, 5);
}

static void an_append_with_a_gap_writes_nothing(void **state)
{
    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    assert_int_equal(store_append(&c, "sess_1", 1, 4, 5), PARLEY_E_INVALID);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 2);
}

static void a_stale_epoch_is_a_conflict(void **state)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 1);
    assert_int_equal(store_take(&c, "sess_1", "host-b", 8000, 3000), PARLEY_OK);
    assert_int_equal(store_append(&c, "sess_1", 1, 2, 2), PARLEY_E_CONFLICT);
    assert_int_equal(store_update(&c, &head), PARLEY_E_CONFLICT);
    assert_int_equal(store_append(&c, "sess_1", 2, 2, 2), PARLEY_OK);
    head.epoch = 2;
    assert_int_equal(store_update(&c, &head), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 2);
}

static void taking_raises_the_epoch_and_answers_with_the_head(void **state)
{
    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    assert_int_equal(store_take(&c, "sess_1", "host-b", 8000, 3000), PARLEY_OK);
    assert_int_equal(c.head_count, 1);
    assert_int_equal(c.heads[0].head.epoch, 2);
    assert_int_equal(c.heads[0].head.lease_until_ms, 8000);
    assert_int_equal(c.heads[0].head.updated_ms, 3000);
    assert_int_equal(c.heads[0].head.record_count, 2);
    assert_string_equal(c.heads[0].owner, "host-b");
    assert_int_equal(store_take(&c, "sess_1", "host-a", 9000, 4000), PARLEY_OK);
    assert_int_equal(c.heads[0].head.epoch, 3);
}

static void an_update_replaces_state_lease_times_and_data(void **state)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    head.state = PARLEY_SESSION_ENDED;
    head.owner = "";
    head.lease_until_ms = 0;
    head.created_ms = 77; /* a session is created once */
    head.updated_ms = 5000;
    head.expires_ms = 9000;
    head.data = (struct parley_view)PARLEY_VIEW("{\"tokens\":12}");
    assert_int_equal(store_update(&c, &head), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.heads[0].head.state, PARLEY_SESSION_ENDED);
    assert_string_equal(c.heads[0].owner, "");
    assert_string_equal(c.heads[0].agent, "receptionist");
    assert_string_equal(c.heads[0].data, "{\"tokens\":12}");
    assert_int_equal(c.heads[0].head.created_ms, 1000);
    assert_int_equal(c.heads[0].head.updated_ms, 5000);
    assert_int_equal(c.heads[0].head.expires_ms, 9000);
    assert_int_equal(c.heads[0].head.record_count, 2);
}

static void an_unknown_session_is_not_found(void **state)
{
    struct parley_store_head head = store_head("sess_9", 1000);

    (void)state;
    assert_int_equal(store_read(&c, "sess_9", 0, 0), PARLEY_E_NOT_FOUND);
    assert_int_equal(c.head_count, 0);
    assert_int_equal(store_append(&c, "sess_9", 1, 1, 1), PARLEY_E_NOT_FOUND);
    assert_int_equal(store_update(&c, &head), PARLEY_E_NOT_FOUND);
    assert_int_equal(store_take(&c, "sess_9", "host-a", 1, 1), PARLEY_E_NOT_FOUND);
    assert_int_equal(store_remove(&c, "sess_9"), PARLEY_E_NOT_FOUND);
    assert_non_null(strstr(c.message, "sess_9"));
}

static void a_removed_session_is_gone(void **state)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    assert_int_equal(store_remove(&c, "sess_1"), PARLEY_OK);
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_E_GONE);
    assert_int_equal(store_append(&c, "sess_1", 1, 3, 3), PARLEY_E_GONE);
    assert_int_equal(store_update(&c, &head), PARLEY_E_GONE);
    assert_int_equal(store_take(&c, "sess_1", "host-b", 1, 1), PARLEY_E_GONE);
    assert_int_equal(store_remove(&c, "sess_1"), PARLEY_E_GONE);
    assert_int_equal(store_list(&c, "", "", "", 0), PARLEY_OK);
    assert_int_equal(c.head_count, 0);
}

static void an_id_can_be_used_again_after_removal(void **state)
{
    (void)state;
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    store_remove(&c, "sess_1");
    create("sess_1", 2000);
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(c.record_count, 0);
}

static void expiry_removes_what_has_passed_and_nothing_else(void **state)
{
    struct parley_store_head head = store_head("sess_old", 1000);

    (void)state;
    head.expires_ms = 2000;
    store_create(&c, &head);
    head = store_head("sess_later", 1000);
    head.expires_ms = 3001;
    store_create(&c, &head);
    create("sess_never", 1000);
    assert_int_equal(store_take(&c, "sess_old", "host-b", 9000, 2500), PARLEY_E_GONE);
    assert_int_equal(store_expire(&c, 3000), PARLEY_OK);
    assert_int_equal(store_read(&c, "sess_old", 0, 0), PARLEY_E_GONE);
    assert_int_equal(store_read(&c, "sess_later", 0, 0), PARLEY_OK);
    assert_int_equal(store_read(&c, "sess_never", 0, 0), PARLEY_OK);
}

static void a_list_is_paged_newest_first(void **state)
{
    char id[32];

    (void)state;
    for (int i = 0; i < 7; i++) {
        snprintf(id, sizeof(id), "sess_%d", i);
        create(id, i < 2 ? 1000 : 1000 + i); /* two are of the same time */
    }
    assert_int_equal(store_list(&c, "", "", "", 3), PARLEY_OK);
    assert_int_equal(c.head_count, 3);
    assert_string_equal(c.heads[0].session_id, "sess_6");
    assert_string_equal(c.heads[2].session_id, "sess_4");
    assert_int_equal(store_list(&c, "", "", "sess_4", 3), PARLEY_OK);
    assert_string_equal(c.heads[0].session_id, "sess_3");
    assert_string_equal(c.heads[2].session_id, "sess_1");
    assert_int_equal(store_list(&c, "", "", "sess_1", 3), PARLEY_OK);
    assert_int_equal(c.head_count, 1);
    assert_string_equal(c.heads[0].session_id, "sess_0");
    assert_int_equal(store_list(&c, "", "", "sess_0", 3), PARLEY_OK);
    assert_int_equal(c.head_count, 0);
    assert_int_equal(store_list(&c, "", "", "sess_x", 3), PARLEY_E_NOT_FOUND);
}

static void a_list_is_filtered_by_agent_and_user(void **state)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    (void)state;
    head.user = "ann";
    store_create(&c, &head);
    head = store_head("sess_2", 2000);
    head.user = "bob";
    store_create(&c, &head);
    head = store_head("sess_3", 3000);
    head.user = "ann";
    head.agent = "librarian";
    store_create(&c, &head);
    assert_int_equal(store_list(&c, "", "ann", "", 0), PARLEY_OK);
    assert_int_equal(c.head_count, 2);
    assert_int_equal(store_list(&c, "receptionist", "ann", "", 0), PARLEY_OK);
    assert_int_equal(c.head_count, 1);
    assert_string_equal(c.heads[0].session_id, "sess_1");
    assert_int_equal(store_list(&c, "librarian", "bob", "", 0), PARLEY_OK);
    assert_int_equal(c.head_count, 0);
}

static void quotes_and_percent_signs_are_just_characters(void **state)
{
    (void)state;
    create("a'b\"; -- %s %", 1000);
    create("a", 1000);
    assert_int_equal(store_remove(&c, "a'b\"; -- %s %"), PARLEY_OK);
    assert_int_equal(store_list(&c, "' or 1=1 --", "", "", 0), PARLEY_OK);
    assert_int_equal(c.head_count, 0);
    assert_int_equal(store_read(&c, "a", 0, 0), PARLEY_OK);
}

static void operations_begun_together_end_each_in_their_order(void **state)
{
    (void)state;
    create("sess_1", 1000);
    store_forget(&c);
    for (int64_t i = 0; i < 20; i++)
        assert_int_equal(store_begin_append(&c, "sess_1", 1, i * 5 + 1, i * 5 + 5), PARLEY_OK);
    fake_host_run();
    assert_int_equal(c.end_count, 20);
    assert_int_equal(c.status, PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 100);
}

static void a_failing_operation_leaves_the_others_beside_it_alone(void **state)
{
    (void)state;
    create("sess_1", 1000);
    store_forget(&c);
    assert_int_equal(store_begin_append(&c, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_int_equal(store_begin_append(&c, "sess_1", 9, 2, 2), PARLEY_OK);
    assert_int_equal(store_begin_append(&c, "sess_x", 1, 1, 1), PARLEY_OK);
    assert_int_equal(store_begin_append(&c, "sess_1", 1, 2, 2), PARLEY_OK);
    fake_host_run();
    assert_int_equal(c.end_count, 4);
    assert_int_equal(c.status, PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 2);
}

#define STORE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        STORE(a_session_is_read_as_it_was_created),
        STORE(creating_twice_is_a_conflict),
        STORE(records_come_back_in_order),
        STORE(reading_starts_after_a_record_and_stops_at_the_limit),
        STORE(a_repeated_record_is_skipped),
        STORE(an_append_with_a_gap_writes_nothing),
        STORE(a_stale_epoch_is_a_conflict),
        STORE(taking_raises_the_epoch_and_answers_with_the_head),
        STORE(an_update_replaces_state_lease_times_and_data),
        STORE(an_unknown_session_is_not_found),
        STORE(a_removed_session_is_gone),
        STORE(an_id_can_be_used_again_after_removal),
        STORE(expiry_removes_what_has_passed_and_nothing_else),
        STORE(a_list_is_paged_newest_first),
        STORE(a_list_is_filtered_by_agent_and_user),
        STORE(quotes_and_percent_signs_are_just_characters),
        STORE(operations_begun_together_end_each_in_their_order),
        STORE(a_failing_operation_leaves_the_others_beside_it_alone),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s PLUGIN [OPTION=VALUE...]\n", argv[0]);
        return 2;
    }
    plugin_path = argv[1];
    plugin_options = (const char *const *)argv + 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
