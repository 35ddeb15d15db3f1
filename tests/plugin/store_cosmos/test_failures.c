/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong between a host and its account, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <parley/service/credentials.h>

#include "rig.h"

#define BATCH "operationType"

static struct rig a, b;

static void open_with(const char *const *options)
{
    rig_open(&a, options);
    rig_settle(50);
}

static int open_store(void **state)
{
    (void)state;
    rig_reset();
    open_with(rig_options);
    assert_int_equal(rig_create(&a, "sess_1", 1000), PARLEY_OK);
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

static void two_regions(void)
{
    sim.regions[0] = SIM_WEST;
    sim.regions[1] = SIM_NORTH;
    sim.region_names[0] = "West Europe";
    sim.region_names[1] = "North Europe";
}

static void reopen(const char *const *options)
{
    rig_close(&a);
    open_with(options);
}

static int64_t now_ms(void)
{
    return fake_host_unix_ms();
}

static const struct sim_seen *last_seen(size_t back)
{
    return &sim.log[sim.log_count - 1 - back];
}

static void holds_records(int64_t count)
{
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(a.record_count, count);
    assert_int_equal(a.heads[0].head.record_count, count);
    for (size_t i = 0; i < a.record_count; i++)
        assert_int_equal(a.records[i].seq, (int64_t)i + 1);
}

static bool is_told(const char *text)
{
    if (strstr(a.err.message, text) == NULL)
        fail_msg("'%s' does not say '%s'", a.err.message, text);
    return true;
}

/* ---- who we are ---- */

static void a_wrong_clock_is_corrected_by_the_services(void **state)
{
    (void)state;
    sim.clock_off_ms = 20 * 60 * 1000;
    size_t before = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_int_equal(sim.log_count, before + 2);
    assert_int_equal(last_seen(1)->code, 403);
    assert_true(fake_host_logged("clock is wrong"));
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_OK);
    assert_int_equal(sim.log_count, before + 3); /* from then on at once */
}

static void the_other_key_takes_over_when_the_first_is_renewed(void **state)
{
    (void)state;
    reopen((const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY,
                                 "secondary_key=" SIM_KEY_2, NULL});
    sim.keys[0] = SIM_KEY_2;
    size_t before = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_int_equal(last_seen(0)->code, 200);
    assert_int_equal(sim.log[before].code, 401);
    assert_true(fake_host_logged("the other one is used from now on refused=key"));
    size_t after = sim.log_count;
    rig_append(&a, "sess_1", 1, 2, 2);
    assert_int_equal(sim.log_count, after + 1);
}

static void wrong_keys_fail_at_the_start_with_two_requests(void **state)
{
    (void)state;
    sim.keys[0] = "b3RoZXI=";
    size_t before = sim.log_count;
    reopen((const char *const[]){"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY,
                                 "secondary_key=" SIM_KEY_2, NULL});
    rig_settle(2000);
    assert_int_equal(sim.log_count, before + 2);
    assert_true(fake_host_logged("the store cannot be used"));
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_DENIED);
    assert_true(is_told("answered 401"));
    assert_true(is_told("check key and secondary_key"));
    assert_int_equal(sim.log_count, before + 2);
}

/* A file with a token, whose name is given as an option. */
static const char *token_option(const char *token)
{
    static char option[64] = "";
    static char path[] = "/tmp/parley_token_XXXXXX";

    if (option[0] == '\0') {
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        close(fd);
        (void)snprintf(option, sizeof(option), "token_file=%s", path);
    }
    if (token == NULL) {
        (void)unlink(path);
        return option;
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", token);
    fclose(file);
    return option;
}

static void open_by_token(const char *token)
{
    reopen((const char *const[]){"endpoint=" SIM_ENDPOINT, token_option(token), NULL});
}

static void a_token_is_sent_as_cosmos_wants_it_and_read_again_when_refused(void **state)
{
    (void)state;
    sim.token = "eyJ.first%3D";
    open_by_token("eyJ.first=");
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    sim.token = "eyJ.second";
    (void)token_option("eyJ.second");
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_OK);
    assert_int_equal(last_seen(1)->code, 401);
    (void)token_option(NULL);
}

static const char *const by_credential[] = {"endpoint=" SIM_ENDPOINT, "credential=azure", NULL};

static void a_credential_is_asked_for_its_token_and_told_when_that_is_refused(void **state)
{
    (void)state;
    sim.token = "eyJ.first%3D";
    rig_credential.value = "eyJ.first=";
    reopen(by_credential);
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    sim.token = "eyJ.second";
    rig_credential.next = "eyJ.second";
    size_t before = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_OK);
    assert_int_equal(sim.log_count, before + 2);
    assert_int_equal(rig_credential.refused, 1);
    assert_int_equal(rig_append(&a, "sess_1", 1, 3, 3), PARLEY_OK);
}

static void a_credential_that_holds_an_account_key_signs_with_it(void **state)
{
    (void)state;
    rig_credential.value = SIM_KEY;
    rig_credential.kind = PARLEY_CREDENTIAL_API_KEY;
    reopen(by_credential);
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    sim.keys[0] = "b3RoZXI=";
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_E_DENIED);
}

static void a_credential_that_gives_no_token_says_why(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    rig_credential.status = PARLEY_E_DENIED;
    rig_credential.message = "Entra refuses with invalid_client: the client secret has expired";
    reopen(by_credential);
    assert_true(fake_host_logged("credential azure: Entra refuses with invalid_client"));
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_DENIED);
    assert_false(rig_try_open(
        &b, (const char *const[]){"endpoint=" SIM_ENDPOINT, "credential=azur", NULL}, &err));
    assert_non_null(strstr(err.message, "there is no [credential azur]"));
}

static void a_worker_that_stops_asks_for_no_token_any_more(void **state)
{
    (void)state;
    sim.token = "eyJ.first";
    rig_credential.value = "eyJ.first";
    reopen(by_credential);
    rig_forget(&a);
    rig_begin_append(&a, "sess_1", 1, 1, 1, 10);
    fake_host_advance_ms(1);
    assert_true(rig_credential.asked > 0);
    rig_close(&a);
    assert_int_equal(a.ends, 0);
    assert_false(rig_answer_one());
}

static void a_token_of_the_wrong_tenant_is_told_in_one_line(void **state)
{
    (void)state;
    sim.token = "eyJ.ours";
    open_by_token("eyJ.theirs");
    rig_settle(2000);
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_DENIED);
    assert_true(is_told("comes from the account's tenant"));
    assert_null(strstr(a.err.message, "theirs"));
    assert_false(fake_host_logged("theirs"));
    (void)token_option(NULL);
}

static void a_missing_container_is_not_created_with_a_token(void **state)
{
    struct parley_error err = PARLEY_ERROR_INIT;

    (void)state;
    sim.token = "eyJ.ours";
    sim.has_container = false;
    open_by_token("eyJ.ours");
    rig_settle(2000);
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_UNAVAILABLE);
    assert_true(is_told("no container sessions in a database parley"));
    assert_int_equal(sim_asked("POST", "/colls"), 2); /* those of the setup */
    assert_false(rig_try_open(&b,
                              (const char *const[]){"endpoint=" SIM_ENDPOINT, "create=yes",
                                                    token_option("eyJ.ours"), NULL},
                              &err));
    assert_non_null(strstr(err.message, "an Entra token cannot create"));
    (void)token_option(NULL);
}

static void what_a_role_does_not_allow_is_told(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){
        .failure = SIM_CODE, .what = BATCH, .times = 9, .code = 403, .substatus = 5302});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_DENIED);
    assert_true(is_told("answered 403/5302, activity 1234-activity; check the account's firewall"));
}

/* ---- answers that were lost ---- */

static void a_create_whose_answer_was_lost_is_known_again(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_RESET_AFTER, .what = "\"head\"", .times = 1});
    assert_int_equal(rig_create(&a, "sess_2", 1000), PARLEY_OK);
    sim_fail((struct sim_fault){.failure = SIM_RESET_AFTER, .what = "\"row\"", .times = 1});
    assert_int_equal(rig_create(&a, "sess_3", 1000), PARLEY_OK);
    assert_int_equal(sim_count("head"), 3);
    assert_int_equal(sim_count("row"), 3);
}

static void somebody_elses_session_is_a_conflict_and_stays_as_it_is(void **state)
{
    struct parley_store_head head = rig_head("sess_2", 2000);

    (void)state;
    head.owner = "host-b";
    head.expires_ms = 7000;
    rig_open(&b, rig_options);
    assert_int_equal(rig_create_head(&b, &head), PARLEY_OK);
    assert_int_equal(rig_create(&a, "sess_2", 1000), PARLEY_E_CONFLICT);
    assert_int_equal(rig_create(&a, "sess_2", 2000), PARLEY_E_CONFLICT);
    assert_int_equal(rig_read(&a, "sess_2", 0, 0), PARLEY_OK);
    assert_string_equal(a.heads[0].owner, "host-b");
    assert_int_equal(a.heads[0].head.expires_ms, 7000);
    assert_int_equal(sim_count("row"), 2);
    assert_int_equal(rig_expire(&a, 8000), PARLEY_OK);
    assert_int_equal(rig_read(&a, "sess_2", 0, 0), PARLEY_E_GONE);
}

static void an_append_whose_answer_was_lost_is_not_written_twice(void **state)
{
    (void)state;
    rig_append(&a, "sess_1", 1, 1, 2);
    sim_fail((struct sim_fault){.failure = SIM_RESET_AFTER, .what = BATCH, .times = 1});
    assert_int_equal(rig_append(&a, "sess_1", 1, 3, 5), PARLEY_OK);
    assert_int_equal(sim.batches, 3); /* the repeated one was refused by the entity tag */
    holds_records(5);
    sim_fail((struct sim_fault){.failure = SIM_HANG, .what = BATCH, .times = 1});
    assert_int_equal(rig_append(&a, "sess_1", 1, 6, 6), PARLEY_OK);
    holds_records(6);
}

static void an_update_whose_answer_was_lost_is_known_again(void **state)
{
    struct parley_store_head head = rig_head("sess_1", 1000);

    (void)state;
    head.state = PARLEY_SESSION_ENDED;
    sim_fail((struct sim_fault){.failure = SIM_RESET_AFTER, .verb = "PUT", .times = 1});
    assert_int_equal(rig_update_head(&a, &head), PARLEY_OK);
    assert_int_equal(last_seen(1)->code, 412);
    rig_read(&a, "sess_1", 0, 0);
    assert_int_equal(a.heads[0].head.state, PARLEY_SESSION_ENDED);
}

static void a_take_whose_answer_was_lost_raises_the_epoch_once(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_RESET_AFTER, .verb = "PATCH", .times = 1});
    assert_int_equal(rig_take(&a, "sess_1", "host-a"), PARLEY_OK);
    assert_int_equal(a.heads[0].head.epoch, 2);
    rig_read(&a, "sess_1", 0, 0);
    assert_int_equal(a.heads[0].head.epoch, 2);
}

static void a_removal_whose_answers_are_lost_removes_all(void **state)
{
    (void)state;
    rig_append(&a, "sess_1", 1, 1, 120);
    for (const char *const *verb = (const char *const[]){"PUT", "DELETE", "POST", NULL};
         *verb != NULL; verb++)
        sim_fail((struct sim_fault){.failure = SIM_RESET_AFTER, .verb = *verb, .times = 1});
    assert_int_equal(rig_remove(&a, "sess_1"), PARLEY_OK);
    assert_int_equal(json_object_size(sim.documents), 1);
}

static void a_write_that_may_have_been_applied_ends_as_a_timeout_and_can_be_repeated(void **state)
{
    (void)state;
    rig_append(&a, "sess_1", 1, 1, 1);
    sim_fail((struct sim_fault){.failure = SIM_RESET_AFTER, .what = BATCH, .times = 1});
    sim_fail((struct sim_fault){.failure = SIM_HANG, .times = 1000});
    int64_t before = now_ms();
    int status = rig_append(&a, "sess_1", 1, 2, 4);
    assert_true(status == PARLEY_E_TIMEOUT || status == PARLEY_E_UNAVAILABLE);
    assert_true(now_ms() - before <= 10100);
    sim.fault_count = 0;
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 4), PARLEY_OK);
    holds_records(4);
}

/* ---- patience ---- */

static void throttling_is_waited_for_as_long_as_the_service_says(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_CODE,
                                .what = BATCH,
                                .times = 3,
                                .code = 429,
                                .substatus = 3200,
                                .headers = "x-ms-retry-after-ms: 250\r\n"});
    int64_t before = now_ms();
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_in_range(now_ms() - before, 750, 900);
    assert_int_equal((int)rig_metric("parley.store.retries"), 3);
}

static void throttling_for_ever_is_given_up_after_nine_tries(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_CODE,
                                .what = BATCH,
                                .times = 1000,
                                .code = 429,
                                .substatus = 3200,
                                .headers = "x-ms-retry-after-ms: 40\r\n"});
    size_t before = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_BUSY);
    assert_int_equal(sim.log_count, before + 10);
    assert_int_equal(a.err.retry_after_ms, 40);
    assert_true(is_told("throughput is used up"));
    sim.fault_count = 0;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 2), PARLEY_OK);
    holds_records(2);
}

static void throttling_without_a_time_is_no_hot_loop(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = BATCH, .times = 1000, .code = 429});
    int64_t before = now_ms();
    size_t requests = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_BUSY);
    assert_true(now_ms() - before <= 10000);
    assert_true(sim.log_count - requests <= 10);
}

static void a_throttled_entry_of_a_batch_is_tried_again_as_a_whole(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_ENTRY, .what = BATCH, .times = 2, .code = 429});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 3), PARLEY_OK);
    assert_int_equal((int)rig_metric("parley.store.retries"), 2);
    holds_records(3);
}

static void a_collision_is_tried_again_soon(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = BATCH, .times = 2, .code = 449});
    int64_t before = now_ms();
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_in_range(now_ms() - before, 30, 60);
}

static void collisions_without_end_stop_at_the_deadline(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = BATCH, .times = 1000, .code = 449});
    int64_t before = now_ms();
    size_t requests = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_BUSY);
    assert_in_range(now_ms() - before, 8000, 10000);
    assert_true(sim.log_count - requests < 20);
}

static void a_replica_that_has_moved_is_tried_again(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){
        .failure = SIM_CODE, .what = BATCH, .times = 1, .code = 410, .substatus = 1002});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = BATCH, .times = 100, .code = 410});
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_E_UNAVAILABLE);
    assert_true(is_told("answered 410, try 4"));
}

static void a_write_stays_in_its_region_when_that_is_unavailable(void **state)
{
    (void)state;
    two_regions();
    reopen(rig_options);
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = BATCH, .times = 2, .code = 503});
    size_t before = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    for (size_t i = before; i < sim.log_count; i++)
        assert_non_null(strstr(sim.log[i].url, SIM_WEST));
}

static void a_connection_that_breaks_is_tried_again(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_RESET, .what = BATCH, .times = 2});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    holds_records(1);
}

static void a_service_that_hangs_costs_the_operation_no_more_than_its_time(void **state)
{
    (void)state;
    rig_create(&a, "sess_2", 1000);
    sim_fail((struct sim_fault){.failure = SIM_HANG, .what = "s:sess_1", .times = 1000});
    rig_forget(&a);
    int64_t before = now_ms();
    rig_begin_append(&a, "sess_1", 1, 1, 1, 10);
    rig_begin_append(&a, "sess_2", 1, 1, 1, 10);
    rig_settle(20);
    assert_int_equal(a.ends, 1); /* the other session goes on */
    assert_int_equal(a.status, PARLEY_OK);
    while (a.ends < 2 && (rig_answer_one() || rig_tick()))
        continue;
    assert_int_equal(a.status, PARLEY_E_TIMEOUT);
    assert_in_range(now_ms() - before, 4900, 10100);
}

static void what_is_not_json_is_no_answer(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_HTML, .what = BATCH, .times = 1, .code = 200});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    sim_fail((struct sim_fault){.failure = SIM_HTML, .what = BATCH, .times = 100, .code = 502});
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_E_UNAVAILABLE);
    assert_true(is_told("answered 502"));
    assert_true(is_told("activity 1234-activity"));
    holds_records(1);
}

static void a_request_that_the_service_does_not_understand_is_told_once(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = BATCH, .times = 100, .code = 400});
    size_t before = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_PROTOCOL);
    assert_int_equal(sim.log_count, before + 1);
    assert_true(is_told("answered 400, activity 1234-activity; what the service says"));
}

static void what_the_service_finds_too_large_is_not_sent_again(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = BATCH, .times = 100, .code = 413});
    size_t before = sim.log_count;
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_TOO_LARGE);
    assert_int_equal(sim.log_count, before + 1);
}

static void an_authority_that_nobody_knows_is_told_with_the_way_out(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){.failure = SIM_RESET,
                                .times = 1000,
                                .message = "contoso: SSL certificate problem: unable to get local "
                                           "issuer certificate"});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_E_UNAVAILABLE);
    assert_true(is_told("SSL certificate problem"));
    assert_true(is_told("trust its authority with ca_file"));
}

/* ---- two hosts ---- */

static void a_host_whose_lease_was_taken_writes_nothing_more(void **state)
{
    (void)state;
    rig_append(&a, "sess_1", 1, 1, 2);
    rig_open(&b, rig_options);
    assert_int_equal(rig_take(&b, "sess_1", "host-b"), PARLEY_OK);
    assert_int_equal(b.heads[0].head.epoch, 2);
    size_t before = sim_count("record");
    assert_int_equal(rig_append(&a, "sess_1", 1, 3, 3), PARLEY_E_CONFLICT);
    assert_true(is_told("epoch 1 is not the current 2, which host-b holds"));
    assert_int_equal(sim_count("record"), before);
    assert_int_equal(rig_append(&b, "sess_1", 2, 3, 3), PARLEY_OK);
    holds_records(3);
}

static void take_over(void)
{
    json_t *head = json_deep_copy(sim_document("s:sess_1", "head"));

    json_object_set_new(head, "epoch", json_integer(2));
    json_object_set_new(head, "owner", json_string("host-b"));
    sim_put(head);
}

static void a_lease_that_is_taken_in_the_middle_of_a_write_stops_it(void **state)
{
    (void)state;
    rig_append(&a, "sess_1", 1, 1, 1);
    sim_fail((struct sim_fault){
        .failure = SIM_MEANWHILE, .what = BATCH, .times = 1, .meanwhile = take_over});
    assert_int_equal(rig_append(&a, "sess_1", 1, 2, 2), PARLEY_E_CONFLICT);
    assert_int_equal(sim_count("record"), 1);
    assert_int_equal(sim.batches, 2);
}

static void a_lease_that_is_taken_between_two_parts_leaves_none_of_them(void **state)
{
    (void)state;
    sim_fail((struct sim_fault){
        .failure = SIM_MEANWHILE, .what = BATCH, .times = 1, .skip = 1, .meanwhile = take_over});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 150), PARLEY_E_CONFLICT);
    holds_records(0);
    rig_open(&b, rig_options);
    assert_int_equal(rig_append(&b, "sess_1", 2, 1, 3), PARLEY_OK);
    holds_records(3);
}

static void write_once_more(void)
{
    json_t *head = json_deep_copy(sim_document("s:sess_1", "head"));

    sim_put(head);
}

static void a_host_that_writes_all_the_time_is_not_in_the_way_of_a_taker(void **state)
{
    (void)state;
    sim_fail(
        (struct sim_fault){.failure = SIM_MEANWHILE, .times = 1000, .meanwhile = write_once_more});
    assert_int_equal(rig_take(&a, "sess_1", "host-b"), PARLEY_OK);
    assert_int_equal(a.heads[0].head.epoch, 2);
}

static void sixteen_takers_get_sixteen_epochs_and_one_is_the_last(void **state)
{
    (void)state;
    rig_open(&b, rig_options);
    rig_settle(50);
    rig_forget(&a);
    rig_forget(&b);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(rig_begin_take(&a, "sess_1", "host-a"), PARLEY_OK);
        assert_int_equal(rig_begin_take(&b, "sess_1", "host-b"), PARLEY_OK);
    }
    rig_settle(1000);
    assert_int_equal(a.ends + b.ends, 16);
    assert_int_equal(a.head_count + b.head_count, 16);
    bool is_seen[20] = {false};
    for (size_t i = 0; i < 8; i++) {
        is_seen[a.heads[i].head.epoch] = true;
        is_seen[b.heads[i].head.epoch] = true;
    }
    for (int epoch = 2; epoch <= 17; epoch++)
        assert_true(is_seen[epoch]);
    struct rig *winner = a.heads[7].head.epoch == 17 ? &a : &b, *loser = winner == &a ? &b : &a;
    assert_int_equal(rig_append(loser, "sess_1", 16, 1, 1), PARLEY_E_CONFLICT);
    assert_int_equal(rig_append(winner, "sess_1", 17, 1, 1), PARLEY_OK);
}

/* ---- regions ---- */

static const char *const to_north[] = {"endpoint=" SIM_ENDPOINT, "key=" SIM_KEY,
                                       "preferred_regions=northeurope, West Europe", NULL};

static void reads_go_to_the_preferred_region_and_writes_to_the_one_for_writes(void **state)
{
    (void)state;
    two_regions();
    reopen(to_north);
    rig_append(&a, "sess_1", 1, 1, 1);
    assert_non_null(strstr(last_seen(0)->url, SIM_WEST));
    rig_read(&a, "sess_1", 0, 0);
    assert_non_null(strstr(last_seen(0)->url, SIM_NORTH));
    assert_non_null(strstr(last_seen(1)->url, SIM_NORTH));
}

static void a_read_goes_to_the_next_region_when_one_is_unavailable(void **state)
{
    (void)state;
    two_regions();
    reopen(to_north);
    sim_fail((struct sim_fault){.failure = SIM_CODE, .what = SIM_NORTH, .times = 1, .code = 503});
    int64_t before = now_ms();
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_OK);
    assert_true(now_ms() - before < 1000);
    assert_non_null(strstr(last_seen(0)->url, SIM_WEST));
    rig_read(&a, "sess_1", 0, 0);
    assert_non_null(strstr(last_seen(0)->url, SIM_WEST)); /* north is left alone */
    fake_host_advance_ms(301000);
    rig_read(&a, "sess_1", 0, 0);
    assert_non_null(strstr(last_seen(0)->url, SIM_NORTH)); /* and tried again */
}

static void a_region_that_is_down_at_the_start_is_passed_over(void **state)
{
    (void)state;
    two_regions();
    sim_fail((struct sim_fault){.failure = SIM_RESET, .what = SIM_NORTH, .times = 1000});
    reopen(to_north);
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_OK);
}

static void the_account_is_found_by_its_preferred_region_when_the_global_name_is_down(void **state)
{
    (void)state;
    two_regions();
    sim_fail((struct sim_fault){.failure = SIM_RESET, .what = SIM_ENDPOINT "/", .times = 1000});
    reopen(to_north);
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    holds_records(1);
}

static void a_read_that_is_behind_is_repeated_where_writes_go(void **state)
{
    (void)state;
    two_regions();
    reopen(to_north);
    rig_append(&a, "sess_1", 1, 1, 1);
    sim.lag = 1;
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(a.record_count, 1);
    sim.lag = 0;
    sim_fail((struct sim_fault){
        .failure = SIM_CODE, .verb = "GET", .times = 10, .code = 404, .substatus = 1002});
    assert_int_equal(rig_read(&a, "sess_1", 0, 0), PARLEY_E_UNAVAILABLE); /* not: not found */
}

static void writes_follow_the_region_for_writes_when_it_moves(void **state)
{
    (void)state;
    two_regions();
    reopen(rig_options);
    sim.writer = SIM_NORTH;
    sim.moved = true;
    int64_t before = now_ms();
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_non_null(strstr(last_seen(0)->url, SIM_NORTH));
    assert_true(now_ms() - before < 2000);
}

static void a_lost_region_for_writes_is_found_again_in_the_account(void **state)
{
    (void)state;
    two_regions();
    reopen(rig_options);
    sim.writer = SIM_NORTH;
    sim_fail((struct sim_fault){.failure = SIM_RESET, .what = SIM_WEST "/dbs", .times = 1000});
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_non_null(strstr(last_seen(0)->url, SIM_NORTH));
}

static void the_account_is_read_again_every_five_minutes(void **state)
{
    (void)state;
    size_t before = sim_asked("GET", SIM_ENDPOINT "/");
    fake_host_advance_ms(301000);
    rig_append(&a, "sess_1", 1, 1, 1);
    rig_settle(20);
    rig_append(&a, "sess_1", 1, 2, 2);
    rig_settle(20);
    assert_int_equal(sim_asked("GET", SIM_ENDPOINT "/"), before + 1);
}

static void several_regions_for_writes_are_warned_of(void **state)
{
    (void)state;
    two_regions();
    sim.has_many_writers = true;
    reopen(to_north);
    assert_int_equal(rig_append(&a, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_non_null(strstr(last_seen(0)->url, SIM_NORTH));
    assert_non_null(strstr(last_seen(0)->headers, "allow-tentative-writes: true"));
    assert_true(fake_host_logged("two hosts can hold one session"));
}

static void many_broken_connections_are_not_opened_again_all_at_once(void **state)
{
    char id[32];
    bool is_hit[400] = {false};
    size_t moments = 0;

    (void)state;
    for (int i = 0; i < 40; i++) {
        (void)snprintf(id, sizeof(id), "many_%d", i);
        rig_create(&a, id, 1000);
    }
    sim_fail((struct sim_fault){.failure = SIM_RESET, .times = 40});
    rig_forget(&a);
    size_t before = sim.log_count;
    int64_t start_ms = now_ms();
    for (int i = 0; i < 40; i++) {
        (void)snprintf(id, sizeof(id), "many_%d", i);
        rig_begin_append(&a, id, 1, 1, 1, 10);
    }
    rig_settle(1000);
    assert_int_equal(a.ends, 40);
    for (size_t i = before + 40; i < sim.log_count; i++) {
        int64_t at = sim.log[i].at_ms - start_ms;
        assert_in_range(at, 0, 399);
        moments += !is_hit[at];
        is_hit[at] = true;
    }
    assert_true(moments >= 20);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_wrong_clock_is_corrected_by_the_services),
        T(the_other_key_takes_over_when_the_first_is_renewed),
        T(wrong_keys_fail_at_the_start_with_two_requests),
        T(a_token_is_sent_as_cosmos_wants_it_and_read_again_when_refused),
        T(a_credential_is_asked_for_its_token_and_told_when_that_is_refused),
        T(a_credential_that_holds_an_account_key_signs_with_it),
        T(a_credential_that_gives_no_token_says_why),
        T(a_worker_that_stops_asks_for_no_token_any_more),
        T(a_token_of_the_wrong_tenant_is_told_in_one_line),
        T(a_missing_container_is_not_created_with_a_token),
        T(what_a_role_does_not_allow_is_told),
        T(a_create_whose_answer_was_lost_is_known_again),
        T(somebody_elses_session_is_a_conflict_and_stays_as_it_is),
        T(an_append_whose_answer_was_lost_is_not_written_twice),
        T(an_update_whose_answer_was_lost_is_known_again),
        T(a_take_whose_answer_was_lost_raises_the_epoch_once),
        T(a_removal_whose_answers_are_lost_removes_all),
        T(a_write_that_may_have_been_applied_ends_as_a_timeout_and_can_be_repeated),
        T(throttling_is_waited_for_as_long_as_the_service_says),
        T(throttling_for_ever_is_given_up_after_nine_tries),
        T(throttling_without_a_time_is_no_hot_loop),
        T(a_throttled_entry_of_a_batch_is_tried_again_as_a_whole),
        T(a_collision_is_tried_again_soon),
        T(collisions_without_end_stop_at_the_deadline),
        T(a_replica_that_has_moved_is_tried_again),
        T(a_write_stays_in_its_region_when_that_is_unavailable),
        T(a_connection_that_breaks_is_tried_again),
        T(a_service_that_hangs_costs_the_operation_no_more_than_its_time),
        T(what_is_not_json_is_no_answer),
        T(a_request_that_the_service_does_not_understand_is_told_once),
        T(what_the_service_finds_too_large_is_not_sent_again),
        T(an_authority_that_nobody_knows_is_told_with_the_way_out),
        T(a_host_whose_lease_was_taken_writes_nothing_more),
        T(a_lease_that_is_taken_in_the_middle_of_a_write_stops_it),
        T(a_lease_that_is_taken_between_two_parts_leaves_none_of_them),
        T(a_host_that_writes_all_the_time_is_not_in_the_way_of_a_taker),
        T(sixteen_takers_get_sixteen_epochs_and_one_is_the_last),
        T(reads_go_to_the_preferred_region_and_writes_to_the_one_for_writes),
        T(a_read_goes_to_the_next_region_when_one_is_unavailable),
        T(a_region_that_is_down_at_the_start_is_passed_over),
        T(the_account_is_found_by_its_preferred_region_when_the_global_name_is_down),
        T(a_read_that_is_behind_is_repeated_where_writes_go),
        T(writes_follow_the_region_for_writes_when_it_moves),
        T(a_lost_region_for_writes_is_found_again_in_the_account),
        T(the_account_is_read_again_every_five_minutes),
        T(several_regions_for_writes_are_warned_of),
        T(many_broken_connections_are_not_opened_again_all_at_once),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    rig_plugin = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
