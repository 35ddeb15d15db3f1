/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of parley.store/1 when others write, too, and when the host is in trouble. */
#include "kit.h"

#include <parley/testkit/fake_net.h>
#include <parley/testkit/store_client.h>

#include <stdio.h>
#include <string.h>

#define UNKNOWN_STATUS (-99)
#define UNKNOWN_KIND   9999

static struct store_client a, b; /* two hosts */

static void open_store(void)
{
    memset(&a, 0, sizeof(a));
    store_adopt(&a, kit_open());
}

static void close_store(void)
{
    kit_close(a.plugin);
    a.plugin = NULL;
}

static void open_two(void)
{
    open_store();
    if (!store_open_beside(&b, &a))
        kit_skip("it has no worker instances, so one process is one host");
}

static void close_two(void)
{
    store_close(&b);
    close_store();
}

static void create(const char *session_id)
{
    struct parley_store_head head = store_head(session_id, 1000);

    KIT_EXPECT_INT(store_create(&a, &head), PARLEY_OK);
}

/* ---- two hosts ---- */

static void hosts_take_turns(void)
{
    open_two();
    create("sess_1");
    KIT_EXPECT_INT(store_append(&a, "sess_1", 1, 1, 3), PARLEY_OK);
    KIT_EXPECT_INT(store_take(&b, "sess_1", "host-b", 9000, 2000), PARLEY_OK);
    KIT_EXPECT_INT(b.heads[0].head.epoch, 2);
    KIT_EXPECT_INT(b.heads[0].head.record_count, 3);
    KIT_EXPECT_INT(store_append(&a, "sess_1", 1, 4, 4), PARLEY_E_CONFLICT);
    KIT_EXPECT_INT(store_append(&b, "sess_1", 2, 4, 5), PARLEY_OK);
    KIT_EXPECT_INT(store_take(&a, "sess_1", "host-a", 9500, 3000), PARLEY_OK);
    KIT_EXPECT_INT(a.heads[0].head.epoch, 3);
    KIT_EXPECT_INT(store_append(&b, "sess_1", 2, 6, 6), PARLEY_E_CONFLICT);
    KIT_EXPECT_INT(store_append(&a, "sess_1", 3, 6, 6), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&b, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(b.record_count, 6);
    close_two();
}

/* Both want the same session in the same moment: each may get it, and one after the other. */
static void hosts_fight(void)
{
    parley_op ops[2];
    struct parley_error err = PARLEY_ERROR_INIT;

    open_two();
    create("sess_1");
    store_forget(&a);
    for (int i = 0; i < 2; i++) {
        struct store_client *c = i == 0 ? &a : &b;
        ops[i] = kit_op_begin("take of sess_1 by host %d", i);
        int r = KIT_CALL("take", KIT_WORKER,
                         c->store->take(c->worker, "sess_1", i == 0 ? "host-a" : "host-b", 9000,
                                        2000, ops[i], &err));
        kit_op_answered(ops[i], r, &err);
    }
    (void)store_finish(&a, PARLEY_OK);
    KIT_EXPECT_INT(store_read(&a, "sess_1", 0, 0), PARLEY_OK);
    int won = 0;
    for (int i = 0; i < 2; i++)
        won += kit_op_status(ops[i]) == PARLEY_OK;
    if (won == 0)
        kit_broken("two hosts took the session at once, and neither got it");
    KIT_EXPECT_INT(a.heads[0].head.epoch, 1 + won);
    close_two();
}

static void hosts_create_one(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    open_two();
    KIT_EXPECT_INT(store_create(&a, &head), PARLEY_OK);
    head.owner = "host-b";
    KIT_EXPECT_INT(store_create(&b, &head), PARLEY_E_CONFLICT);
    KIT_EXPECT_INT(store_read(&b, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_TEXT(b.heads[0].owner, "host-a");
    KIT_EXPECT_INT(store_remove(&b, "sess_1"), PARLEY_OK);
    KIT_EXPECT_INT(store_append(&a, "sess_1", 1, 1, 1), PARLEY_E_GONE);
    close_two();
}

/* ---- records that it does not know ---- */

static void unknown_kind(void)
{
    const struct parley_store_record record = {
        .kind = UNKNOWN_KIND,
        .size = sizeof(record),
        .seq = 1,
        .time_ms = 1001,
        .id = "",
        .data = PARLEY_VIEW("{\"new\":\"\\u00e9 \xc3\xa9\"}"),
    };

    open_store();
    create("sess_1");
    store_forget(&a);
    int r = store_begin_records(&a, "sess_1", 1, &record, 1, sizeof(record));
    KIT_EXPECT_INT(store_finish(&a, r), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&a, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(a.record_count, 1);
    KIT_EXPECT_INT(a.records[0].kind, UNKNOWN_KIND);
    KIT_EXPECT_TEXT(a.records[0].data, "{\"new\":\"\\u00e9 \xc3\xa9\"}");
    close_store();
}

/* A newer host's records are longer: the plugin steps by the host's size. */
static void longer_records(void)
{
    struct {
        struct parley_store_record record;
        uint64_t newer[2];
    } records[2];

    memset(records, 0xFF, sizeof(records));
    for (int i = 0; i < 2; i++)
        records[i].record = (struct parley_store_record){
            .kind = PARLEY_RECORD_ITEM,
            .size = sizeof(records[0]),
            .seq = i + 1,
            .time_ms = 1000,
            .id = i == 0 ? "item_1" : "item_2",
            .data = PARLEY_VIEW("{}"),
        };
    open_store();
    create("sess_1");
    store_forget(&a);
    int r = store_begin_records(&a, "sess_1", 1, &records[0].record, 2, sizeof(records[0]));
    KIT_EXPECT_INT(store_finish(&a, r), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&a, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(a.record_count, 2);
    KIT_EXPECT_TEXT(a.records[1].id, "item_2");
    close_store();
}

/* ---- the end, and after it ---- */

static void stop_in_flight(void)
{
    open_store();
    create("sess_1");
    store_forget(&a);
    for (int64_t i = 1; i <= 10; i++)
        (void)store_begin_append(&a, "sess_1", 1, i, i);
    close_store(); /* what has not ended counts as cancelled; an end after it is too late */
    kit_settle();
    fake_host_advance_ms(600000);
}

static void opened_again(void)
{
    if ((kit_subject()->flags & TESTKIT_DURABLE) == 0)
        kit_skip("it is not said to be durable; see --durable");
    open_store();
    create("sess_1");
    KIT_EXPECT_INT(store_append(&a, "sess_1", 1, 1, 5), PARLEY_OK);
    close_store();
    open_store();
    KIT_EXPECT_INT(store_read(&a, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(a.record_count, 5);
    KIT_EXPECT_INT(store_append(&a, "sess_1", 1, 5, 6), PARLEY_OK);
    close_store();
}

static void two_generations(void)
{
    struct store_client next;

    open_store();
    create("sess_1");
    memset(&next, 0, sizeof(next));
    store_adopt(&next, kit_open_beside(a.plugin));
    struct parley_store_head head = store_head("sess_2", 2000);
    KIT_EXPECT_INT(store_create(&next, &head), PARLEY_OK);
    KIT_EXPECT_INT(store_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    close_store();
    KIT_EXPECT_INT(store_append(&next, "sess_2", 1, 1, 1), PARLEY_OK);
    kit_close(next.plugin);
}

/* ---- a host in trouble ---- */

/* One of each, whatever becomes of it. */
static void all_operations(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    (void)store_create(&a, &head);
    (void)store_append(&a, "sess_1", 1, 1, 3);
    (void)store_read(&a, "sess_1", 0, 0);
    (void)store_update(&a, &head);
    (void)store_list(&a, "", "", "", 10);
    (void)store_take(&a, "sess_1", "host-a", 9000, 2000);
    (void)store_expire(&a, 1);
    (void)store_remove(&a, "sess_1");
}

static void pool_full(void)
{
    open_store();
    fake_host_set_job_limit(0);
    all_operations();
    fake_host_set_job_limit(SIZE_MAX);
    struct parley_store_head head = store_head("sess_2", 1000);
    KIT_EXPECT_INT(store_create(&a, &head), PARLEY_OK);
    close_store();
}

static void unknown_status(void)
{
    open_store();
    fake_host_set_job_status(UNKNOWN_STATUS);
    fake_net_set_fault(UNKNOWN_STATUS);
    all_operations();
    close_store();
}

static void out_of_memory(void)
{
    bool was_reached = true;

    open_store();
    for (unsigned n = 1; was_reached && n < KIT_MAX_ALLOCATIONS; n = kit_memory_next(n)) {
        kit_memory_fail_at(n);
        all_operations();
        was_reached = kit_memory_has_failed();
        kit_memory_fail_at(0);
        (void)store_remove(&a, "sess_1");
    }
    struct parley_store_head head = store_head("sess_2", 1000);
    KIT_EXPECT_INT(store_create(&a, &head), PARLEY_OK);
    KIT_EXPECT_INT(store_append(&a, "sess_2", 1, 1, 3), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&a, "sess_2", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(a.record_count, 3);
    close_store();
}

static const struct kit_case cases[] = {
    {"store.two-hosts", "lets two hosts take a session from each other", hosts_take_turns},
    {"store.two-takes", "gives a session to two at once, one after the other", hosts_fight},
    {"store.two-creates", "shows one host what the other has created", hosts_create_one},
    {"store.unknown-kind", "keeps a kind of record that it does not know", unknown_kind},
    {"store.longer-records", "steps by the size of the host's records", longer_records},
    {"store.stop", "is stopped in mid operation, and is silent afterwards", stop_in_flight},
    {"store.durable", "has what it ended when it is opened again", opened_again},
    {"store.two-generations", "works in two generations side by side", two_generations},
    {"store.pool-full", "answers when the offload pool is full", pool_full},
    {"store.unknown-status", "answers when a service ends with a status that it does not know",
     unknown_status},
    {"store.out-of-memory", "answers when any allocation fails, and works afterwards",
     out_of_memory},
};

const struct kit_suite kit_suite_store_faults = {PARLEY_ROLE_STORE, cases, KIT_COUNT(cases)};
