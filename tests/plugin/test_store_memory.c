/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of the store in memory; what every store keeps is in the suite of the test kit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <parley/testkit/store_client.h>

static const char *plugin_path;
static struct store_client c;

static int open_store(void **state)
{
    (void)state;
    fake_host_reset();
    memset(&c, 0, sizeof(c));
    store_open(&c, plugin_path, (const char *const[]){"max_sessions=3", "max_bytes=64k", NULL});
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    store_done(&c);
    return 0;
}

static int create(const char *session_id, int64_t created_ms)
{
    struct parley_store_head head = store_head(session_id, created_ms);

    return store_create(&c, &head);
}

static void end_session(const char *session_id, int64_t updated_ms)
{
    struct parley_store_head head = store_head(session_id, 0);

    head.state = PARLEY_SESSION_ENDED;
    head.updated_ms = updated_ms;
    assert_int_equal(store_update(&c, &head), PARLEY_OK);
}

static void the_session_that_ended_longest_ago_makes_room(void **state)
{
    (void)state;
    create("a", 1);
    create("b", 2);
    create("c", 3);
    end_session("a", 20);
    end_session("b", 10);
    assert_int_equal(create("d", 4), PARLEY_OK);
    assert_int_equal(store_read(&c, "b", 0, 0), PARLEY_E_GONE);
    assert_int_equal(store_read(&c, "a", 0, 0), PARLEY_OK);
}

static void active_sessions_are_never_dropped(void **state)
{
    (void)state;
    create("a", 1);
    create("b", 2);
    create("c", 3);
    assert_int_equal(create("d", 4), PARLEY_E_BUSY);
    assert_non_null(strstr(c.message, "max_sessions 3"));
    assert_int_equal(store_read(&c, "a", 0, 0), PARLEY_OK);
    end_session("b", 5);
    assert_int_equal(create("d", 4), PARLEY_OK);
}

static void records_count_against_the_bytes(void **state)
{
    int status = PARLEY_OK;
    int64_t seq = 1;

    (void)state;
    create("a", 1);
    create("b", 2);
    end_session("a", 5);
    for (; status == PARLEY_OK; seq += 100) {
        assert_true(seq < 10000);
        status = store_append(&c, "b", 1, seq, seq + 99);
    }
    assert_int_equal(status, PARLEY_E_BUSY);
    assert_int_equal(store_read(&c, "a", 0, 0), PARLEY_E_GONE);
    assert_int_equal(store_read(&c, "b", seq - 102, 0), PARLEY_OK);
    assert_int_equal(c.heads[0].head.record_count, seq - 101);
    assert_int_equal(store_remove(&c, "b"), PARLEY_OK);
    assert_int_equal(create("e", 9), PARLEY_OK);
}

static void a_record_that_never_fits_is_too_large(void **state)
{
    static char data[70000];
    const struct parley_store_record record = {
        .kind = PARLEY_RECORD_ITEM, .seq = 1, .id = "item_1", .data = {data, sizeof(data)}};

    (void)state;
    create("a", 1);
    store_forget(&c);
    assert_int_equal(store_finish(&c, store_begin_records(&c, "a", 1, &record, 1, sizeof(record))),
                     PARLEY_E_TOO_LARGE);
    assert_int_equal(store_append(&c, "a", 1, 1, 1), PARLEY_OK);
}

#define STORE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        STORE(the_session_that_ended_longest_ago_makes_room),
        STORE(active_sessions_are_never_dropped),
        STORE(records_count_against_the_bytes),
        STORE(a_record_that_never_fits_is_too_large),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
