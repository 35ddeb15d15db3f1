/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of parley.store/1: what every store keeps, whatever it is made of. */
#include "kit.h"

#include <parley/testkit/store_client.h>

#include <stdio.h>
#include <string.h>

static struct store_client c;

static void open_store(void)
{
    memset(&c, 0, sizeof(c));
    store_adopt(&c, kit_open());
}

static void close_store(void)
{
    kit_close(c.plugin);
    c.plugin = NULL;
}

static void names(const char *message, const char *session_id)
{
    if (strstr(message, session_id) == NULL)
        kit_broken("its message \"%s\" does not name the session %s", message, session_id);
}

static void create(const char *session_id, int64_t created_ms)
{
    struct parley_store_head head = store_head(session_id, created_ms);

    KIT_EXPECT_INT(store_create(&c, &head), PARLEY_OK);
}

static void a_session_is_read_as_it_was_created(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    head.user = "user-7";
    head.lease_until_ms = 5000;
    head.updated_ms = 2000;
    head.expires_ms = 9000;
    head.data = (struct parley_view)PARLEY_VIEW("{\"voice\":\"marin\"}");
    KIT_EXPECT_INT(store_create(&c, &head), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 1);
    KIT_EXPECT_INT(c.record_count, 0);
    KIT_EXPECT_TEXT(c.heads[0].session_id, "sess_1");
    KIT_EXPECT_TEXT(c.heads[0].agent, "receptionist");
    KIT_EXPECT_TEXT(c.heads[0].user, "user-7");
    KIT_EXPECT_TEXT(c.heads[0].owner, "host-a");
    KIT_EXPECT_TEXT(c.heads[0].data, "{\"voice\":\"marin\"}");
    KIT_EXPECT_INT(c.heads[0].head.state, PARLEY_SESSION_ACTIVE);
    KIT_EXPECT_INT(c.heads[0].head.epoch, 1);
    KIT_EXPECT_INT(c.heads[0].head.lease_until_ms, 5000);
    KIT_EXPECT_INT(c.heads[0].head.created_ms, 1000);
    KIT_EXPECT_INT(c.heads[0].head.updated_ms, 2000);
    KIT_EXPECT_INT(c.heads[0].head.expires_ms, 9000);
    KIT_EXPECT_INT(c.heads[0].head.record_count, 0);
}

static void creating_twice_is_a_conflict(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    KIT_EXPECT_INT(store_create(&c, &head), PARLEY_OK);
    KIT_EXPECT_INT(store_create(&c, &head), PARLEY_E_CONFLICT);
    names(c.message, "sess_1");
}

static void records_come_back_in_order(void)
{
    create("sess_1", 1000);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 1, 1, 3), PARLEY_OK);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 1, 4, 12), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(c.heads[0].head.record_count, 12);
    KIT_EXPECT_INT(c.record_count, 12);
    for (size_t i = 0; i < 12; i++)
        KIT_EXPECT_INT(c.records[i].seq, i + 1);
    KIT_EXPECT_INT(c.records[11].kind, PARLEY_RECORD_ITEM);
    KIT_EXPECT_INT(c.records[11].time_ms, 1012);
    KIT_EXPECT_TEXT(c.records[11].id, "item_12");
    KIT_EXPECT_TEXT(c.records[11].data, "{\"n\":12}");
}

static void reading_starts_after_a_record_and_stops_at_the_limit(void)
{
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 10);
    KIT_EXPECT_INT(store_read(&c, "sess_1", 4, 3), PARLEY_OK);
    KIT_EXPECT_INT(c.record_count, 3);
    KIT_EXPECT_INT(c.records[0].seq, 5);
    KIT_EXPECT_INT(c.records[2].seq, 7);
    KIT_EXPECT_INT(store_read(&c, "sess_1", 10, 0), PARLEY_OK);
    KIT_EXPECT_INT(c.record_count, 0);
    KIT_EXPECT_INT(c.head_count, 1);
    KIT_EXPECT_INT(store_read(&c, "sess_1", 1000, 5), PARLEY_OK);
    KIT_EXPECT_INT(c.record_count, 0);
}

static void a_repeated_record_is_skipped(void)
{
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 3);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 1, 1, 3), PARLEY_OK);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 1, 2, 5), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    KIT_EXPECT_INT(c.record_count, 5);
    KIT_EXPECT_INT(c.heads[0].head.record_count, 5);
}

static void an_append_with_a_gap_writes_nothing(void)
{
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 1, 4, 5), PARLEY_E_INVALID);
    store_read(&c, "sess_1", 0, 0);
    KIT_EXPECT_INT(c.record_count, 2);
}

static void a_stale_epoch_is_a_conflict(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 1);
    KIT_EXPECT_INT(store_take(&c, "sess_1", "host-b", 8000, 3000), PARLEY_OK);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 1, 2, 2), PARLEY_E_CONFLICT);
    KIT_EXPECT_INT(store_update(&c, &head), PARLEY_E_CONFLICT);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 2, 2, 2), PARLEY_OK);
    head.epoch = 2;
    KIT_EXPECT_INT(store_update(&c, &head), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    KIT_EXPECT_INT(c.record_count, 2);
}

static void taking_raises_the_epoch_and_answers_with_the_head(void)
{
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    KIT_EXPECT_INT(store_take(&c, "sess_1", "host-b", 8000, 3000), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 1);
    KIT_EXPECT_INT(c.heads[0].head.epoch, 2);
    KIT_EXPECT_INT(c.heads[0].head.lease_until_ms, 8000);
    KIT_EXPECT_INT(c.heads[0].head.updated_ms, 3000);
    KIT_EXPECT_INT(c.heads[0].head.record_count, 2);
    KIT_EXPECT_TEXT(c.heads[0].owner, "host-b");
    KIT_EXPECT_INT(store_take(&c, "sess_1", "host-a", 9000, 4000), PARLEY_OK);
    KIT_EXPECT_INT(c.heads[0].head.epoch, 3);
}

static void an_update_replaces_state_lease_times_and_data(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    head.state = PARLEY_SESSION_ENDED;
    head.owner = "";
    head.lease_until_ms = 0;
    head.created_ms = 77; /* a session is created once */
    head.updated_ms = 5000;
    head.expires_ms = 9000;
    head.data = (struct parley_view)PARLEY_VIEW("{\"tokens\":12}");
    KIT_EXPECT_INT(store_update(&c, &head), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    KIT_EXPECT_INT(c.heads[0].head.state, PARLEY_SESSION_ENDED);
    KIT_EXPECT_TEXT(c.heads[0].owner, "");
    KIT_EXPECT_TEXT(c.heads[0].agent, "receptionist");
    KIT_EXPECT_TEXT(c.heads[0].data, "{\"tokens\":12}");
    KIT_EXPECT_INT(c.heads[0].head.created_ms, 1000);
    KIT_EXPECT_INT(c.heads[0].head.updated_ms, 5000);
    KIT_EXPECT_INT(c.heads[0].head.expires_ms, 9000);
    KIT_EXPECT_INT(c.heads[0].head.record_count, 2);
}

static void an_unknown_session_is_not_found(void)
{
    struct parley_store_head head = store_head("sess_9", 1000);

    KIT_EXPECT_INT(store_read(&c, "sess_9", 0, 0), PARLEY_E_NOT_FOUND);
    KIT_EXPECT_INT(c.head_count, 0);
    KIT_EXPECT_INT(store_append(&c, "sess_9", 1, 1, 1), PARLEY_E_NOT_FOUND);
    KIT_EXPECT_INT(store_update(&c, &head), PARLEY_E_NOT_FOUND);
    KIT_EXPECT_INT(store_take(&c, "sess_9", "host-a", 1, 1), PARLEY_E_NOT_FOUND);
    KIT_EXPECT_INT(store_remove(&c, "sess_9"), PARLEY_E_NOT_FOUND);
    names(c.message, "sess_9");
}

static void a_removed_session_is_gone(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    KIT_EXPECT_INT(store_remove(&c, "sess_1"), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&c, "sess_1", 0, 0), PARLEY_E_GONE);
    KIT_EXPECT_INT(store_append(&c, "sess_1", 1, 3, 3), PARLEY_E_GONE);
    KIT_EXPECT_INT(store_update(&c, &head), PARLEY_E_GONE);
    KIT_EXPECT_INT(store_take(&c, "sess_1", "host-b", 1, 1), PARLEY_E_GONE);
    KIT_EXPECT_INT(store_remove(&c, "sess_1"), PARLEY_E_GONE);
    KIT_EXPECT_INT(store_list(&c, "", "", "", 0), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 0);
}

static void an_id_can_be_used_again_after_removal(void)
{
    create("sess_1", 1000);
    store_append(&c, "sess_1", 1, 1, 2);
    store_remove(&c, "sess_1");
    create("sess_1", 2000);
    KIT_EXPECT_INT(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(c.record_count, 0);
}

static void expiry_removes_what_has_passed_and_nothing_else(void)
{
    struct parley_store_head head = store_head("sess_old", 1000);

    head.expires_ms = 2000;
    store_create(&c, &head);
    head = store_head("sess_later", 1000);
    head.expires_ms = 3001;
    store_create(&c, &head);
    create("sess_never", 1000);
    KIT_EXPECT_INT(store_take(&c, "sess_old", "host-b", 9000, 2500), PARLEY_E_GONE);
    KIT_EXPECT_INT(store_expire(&c, 3000), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&c, "sess_old", 0, 0), PARLEY_E_GONE);
    KIT_EXPECT_INT(store_read(&c, "sess_later", 0, 0), PARLEY_OK);
    KIT_EXPECT_INT(store_read(&c, "sess_never", 0, 0), PARLEY_OK);
}

static void a_list_is_paged_newest_first(void)
{
    char id[32];

    for (int i = 0; i < 7; i++) {
        snprintf(id, sizeof(id), "sess_%d", i);
        create(id, i < 2 ? 1000 : 1000 + i); /* two are of the same time */
    }
    KIT_EXPECT_INT(store_list(&c, "", "", "", 3), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 3);
    KIT_EXPECT_TEXT(c.heads[0].session_id, "sess_6");
    KIT_EXPECT_TEXT(c.heads[2].session_id, "sess_4");
    KIT_EXPECT_INT(store_list(&c, "", "", "sess_4", 3), PARLEY_OK);
    KIT_EXPECT_TEXT(c.heads[0].session_id, "sess_3");
    KIT_EXPECT_TEXT(c.heads[2].session_id, "sess_1");
    KIT_EXPECT_INT(store_list(&c, "", "", "sess_1", 3), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 1);
    KIT_EXPECT_TEXT(c.heads[0].session_id, "sess_0");
    KIT_EXPECT_INT(store_list(&c, "", "", "sess_0", 3), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 0);
    KIT_EXPECT_INT(store_list(&c, "", "", "sess_x", 3), PARLEY_E_NOT_FOUND);
}

static void a_list_is_filtered_by_agent_and_user(void)
{
    struct parley_store_head head = store_head("sess_1", 1000);

    head.user = "ann";
    store_create(&c, &head);
    head = store_head("sess_2", 2000);
    head.user = "bob";
    store_create(&c, &head);
    head = store_head("sess_3", 3000);
    head.user = "ann";
    head.agent = "librarian";
    store_create(&c, &head);
    KIT_EXPECT_INT(store_list(&c, "", "ann", "", 0), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 2);
    KIT_EXPECT_INT(store_list(&c, "receptionist", "ann", "", 0), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 1);
    KIT_EXPECT_TEXT(c.heads[0].session_id, "sess_1");
    KIT_EXPECT_INT(store_list(&c, "librarian", "bob", "", 0), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 0);
}

static void quotes_and_percent_signs_are_just_characters(void)
{
    create("a'b\"; -- %s %", 1000);
    create("a", 1000);
    KIT_EXPECT_INT(store_remove(&c, "a'b\"; -- %s %"), PARLEY_OK);
    KIT_EXPECT_INT(store_list(&c, "' or 1=1 --", "", "", 0), PARLEY_OK);
    KIT_EXPECT_INT(c.head_count, 0);
    KIT_EXPECT_INT(store_read(&c, "a", 0, 0), PARLEY_OK);
}

static void operations_begun_together_end_each_in_their_order(void)
{
    create("sess_1", 1000);
    store_forget(&c);
    for (int64_t i = 0; i < 20; i++)
        KIT_EXPECT_INT(store_begin_append(&c, "sess_1", 1, i * 5 + 1, i * 5 + 5), PARLEY_OK);
    (void)store_finish(&c, PARLEY_OK);
    KIT_EXPECT_INT(c.end_count, 20);
    KIT_EXPECT_INT(c.fail_count, 0);
    store_read(&c, "sess_1", 0, 0);
    KIT_EXPECT_INT(c.record_count, 100);
}

static void a_failing_operation_leaves_the_others_beside_it_alone(void)
{
    size_t refused = 0;

    create("sess_1", 1000);
    store_forget(&c);
    refused += store_begin_append(&c, "sess_1", 1, 1, 1) < 0;
    refused += store_begin_append(&c, "sess_1", 9, 2, 2) < 0;
    refused += store_begin_append(&c, "sess_x", 1, 1, 1) < 0;
    refused += store_begin_append(&c, "sess_1", 1, 2, 2) < 0;
    (void)store_finish(&c, PARLEY_OK);
    KIT_EXPECT_INT(c.end_count + refused, 4);
    KIT_EXPECT_INT(c.fail_count + refused, 2);
    store_read(&c, "sess_1", 0, 0);
    KIT_EXPECT_INT(c.record_count, 2);
}

/* Each with a store of its own. */
#define RULE(name)                                                                                 \
    static void rule_##name(void)                                                                  \
    {                                                                                              \
        open_store();                                                                              \
        name();                                                                                    \
        close_store();                                                                             \
    }
RULE(a_session_is_read_as_it_was_created)
RULE(creating_twice_is_a_conflict)
RULE(records_come_back_in_order)
RULE(reading_starts_after_a_record_and_stops_at_the_limit)
RULE(a_repeated_record_is_skipped)
RULE(an_append_with_a_gap_writes_nothing)
RULE(a_stale_epoch_is_a_conflict)
RULE(taking_raises_the_epoch_and_answers_with_the_head)
RULE(an_update_replaces_state_lease_times_and_data)
RULE(an_unknown_session_is_not_found)
RULE(a_removed_session_is_gone)
RULE(an_id_can_be_used_again_after_removal)
RULE(expiry_removes_what_has_passed_and_nothing_else)
RULE(a_list_is_paged_newest_first)
RULE(a_list_is_filtered_by_agent_and_user)
RULE(quotes_and_percent_signs_are_just_characters)
RULE(operations_begun_together_end_each_in_their_order)
RULE(a_failing_operation_leaves_the_others_beside_it_alone)

static const struct kit_case cases[] = {
    {"store.create", "keeps a session as it was created", rule_a_session_is_read_as_it_was_created},
    {"store.create-twice", "refuses a second session of the same id",
     rule_creating_twice_is_a_conflict},
    {"store.append", "gives records back in order, whole", rule_records_come_back_in_order},
    {"store.read", "reads after a record, up to a limit",
     rule_reading_starts_after_a_record_and_stops_at_the_limit},
    {"store.repeated-append", "skips a record that it has", rule_a_repeated_record_is_skipped},
    {"store.gap", "writes nothing of an append with a gap",
     rule_an_append_with_a_gap_writes_nothing},
    {"store.stale-epoch", "refuses writes of an older epoch", rule_a_stale_epoch_is_a_conflict},
    {"store.take", "raises the epoch and answers with the head",
     rule_taking_raises_the_epoch_and_answers_with_the_head},
    {"store.update", "replaces state, lease, times and data",
     rule_an_update_replaces_state_lease_times_and_data},
    {"store.not-found", "does not find what never was", rule_an_unknown_session_is_not_found},
    {"store.gone", "knows that a removed session is gone", rule_a_removed_session_is_gone},
    {"store.used-again", "lets an id be used again", rule_an_id_can_be_used_again_after_removal},
    {"store.expire", "removes what has passed and nothing else",
     rule_expiry_removes_what_has_passed_and_nothing_else},
    {"store.list", "lists by pages, newest first", rule_a_list_is_paged_newest_first},
    {"store.filter", "lists by agent and user", rule_a_list_is_filtered_by_agent_and_user},
    {"store.odd-ids", "takes quotes and percent signs as characters",
     rule_quotes_and_percent_signs_are_just_characters},
    {"store.at-once", "ends what was begun together, in order",
     rule_operations_begun_together_end_each_in_their_order},
    {"store.one-fails", "lets one operation fail alone",
     rule_a_failing_operation_leaves_the_others_beside_it_alone},
};

const struct kit_suite kit_suite_store = {PARLEY_ROLE_STORE, cases, KIT_COUNT(cases)};
