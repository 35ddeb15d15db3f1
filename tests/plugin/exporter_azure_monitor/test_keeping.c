/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be delivered, in a folder. */
#include "rig.h"

static void undelivered_batch_is_laid_down_and_its_delivery_ends(void **state)
{
    (void)state;
    struct stat info;

    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_EXPORT_KEPT);
    assert_int_equal(ended.lost, 0);
    assert_int_equal((int)kept, 5);
    assert_int_equal(kept_files(), 1);
    assert_int_equal(stat(kept_file(0), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_null(strstr(kept_file(0), "abcd")); /* the key is in no name */
    deliver_turn();                            /* laid down without a try */
    assert_int_equal(http.started, 1);
    assert_int_equal(kept_files(), 2);
}

static void folder_is_emptied_when_the_service_is_well_again(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    for (int i = 0; i < 3; i++) {
        deliver_turn();
        if (http.count > 0)
            no_answer();
    }
    pass(61000);
    for (unsigned left = 3; left > 0; left--) {
        assert_int_equal(http.count, 1);
        assert_int_equal(sent_count(), 7);
        assert_int_equal(kept_files(), left);
        answer(200, "", "");
        assert_int_equal(kept_files(), left - 1);
        pass(1000);
    }
    assert_int_equal(http.count, 0);
    assert_int_equal(http.started, 4);
    assert_int_equal((int)dropped, 0);
}

static void folder_outlives_a_restart(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    fake_plugin_close(plugin);
    open_azure(storage(), NULL);
    pass(61000);
    assert_int_equal(http.started, 2);
    assert_int_equal(sent_count(), 7);
    answer(200, "", "");
    assert_int_equal(kept_files(), 0);
}

static void stop_lays_down_what_it_cannot_deliver(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    deliver_turn();
    flush();
    pass(1500);
    http_end(PARLEY_E_CANCELLED, 0, "", (struct parley_view){"", 0});
    settle();
    assert_int_equal(ended.count, 2);
    assert_int_equal(ended.lost, 0);
    assert_int_equal(kept_files(), 2);
}

static void throttled_service_is_not_asked_at_the_stop(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    answer(429, "retry-after: 600\r\n", "");
    flush();
    deliver_turn();
    assert_int_equal(http.started, 1);
    assert_int_equal(kept_files(), 2);
}

static void part_of_a_file_replaces_it(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    pass(61000);
    answer(206, "",
           "{\"errors\":[{\"index\":0,\"statusCode\":400,\"message\":\"no\"},"
           "{\"index\":2,\"statusCode\":503,\"message\":\"busy\"}]}");
    assert_int_equal(kept_files(), 1);
    assert_int_equal((int)dropped, 1);
    assert_string_equal(dropped_for, "refused");
    pass(61000);
    assert_int_equal(sent_count(), 1);
    answer(200, "", "");
    assert_int_equal(kept_files(), 0);
}

static void file_that_never_gets_done_holds_up_no_other(void **state)
{
    static const char busy[] =
        "{\"errors\":[{\"index\":0,\"statusCode\":500,\"message\":\"busy\"}]}";

    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    for (int i = 0; i < 2; i++)
        deliver_turn();
    assert_int_equal(kept_files(), 3);
    pass(61000);
    answer(206, "", busy);
    assert_int_equal(kept_files(), 3);
    for (int i = 0; i < 2; i++) {
        pass(1000);
        assert_int_equal(sent_count(), 7);
        answer(200, "", "");
    }
    pass(1000);
    assert_int_equal(sent_count(), 1); /* behind the others */
    answer(206, "", busy);
    deliver_turn(); /* nothing waits for it */
    assert_int_equal(sent_count(), 7);
    answer(200, "", "");
    pass(30000);
    assert_int_equal(http.count, 0);
    pass(31000);
    assert_int_equal(sent_count(), 1);
    answer(200, "", "");
    assert_int_equal(kept_files(), 0);
    assert_int_equal((int)dropped, 0);
}

static void folder_is_not_looked_at_early_because_all_is_well(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    fake_plugin_close(plugin);
    open_azure(storage(), NULL);
    int64_t wait = fake_host_next_timer_ms(); /* by chance, up to a minute */
    assert_true(wait > 2000);
    deliver_turn();
    answer(200, "", "");
    pass(wait - 1000);
    assert_int_equal(http.count, 0);
    pass(2000);
    assert_int_equal(http.count, 1);
    answer(200, "", "");
}

static void file_that_is_too_large_goes_in_halves(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    pass(61000);
    answer(413, "", "");
    assert_int_equal(sent_count(), 3);
    answer(200, "", "");
    assert_int_equal(sent_count(), 4);
    no_answer(); /* the other half is laid down again */
    assert_int_equal(kept_files(), 1);
    pass(61000);
    assert_int_equal(sent_count(), 4);
    answer(200, "", "");
    assert_int_equal(kept_files(), 0);
    assert_int_equal((int)dropped, 0);
}

static void file_is_sent_by_one_of_two_processes(void **state)
{
    (void)state;
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *options[] = {CONNECTION ";IngestionEndpoint=" ENDPOINT "/", storage(), NULL};

    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    struct fake_plugin *other = fake_plugin_open_beside(plugin, "azure", options, &err);
    assert_non_null(other);
    pass(130000);
    assert_int_equal(http.started, 2); /* one of them holds it, and the other finds nothing */
    answer(200, "", "");
    pass(130000);
    assert_int_equal(http.started, 2);
    assert_int_equal(kept_files(), 0);
    fake_plugin_close(other);
}

static void damaged_file_is_thrown_away_and_counted(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    deliver_turn();
    no_answer();
    FILE *file = fopen(kept_file(0), "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 40, SEEK_SET), 0);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    pass(61000);
    assert_int_equal(http.started, 1);
    assert_int_equal(kept_files(), 0);
    assert_int_equal((int)dropped, 7);
    assert_string_equal(dropped_for, "unreadable");
    assert_true(fake_host_logged("a damaged file of storage_dir is thrown away"));
}

static void file_that_is_too_old_is_thrown_away(void **state)
{
    (void)state;
    open_azure(storage(), "storage_age_ms=1h");
    deliver_turn();
    answer(439, "retry-after: 7200\r\n", "");
    pass(7201000);
    assert_int_equal(http.started, 1);
    assert_int_equal(kept_files(), 0);
    assert_string_equal(dropped_for, "too_old");
}

static void folder_is_bounded_and_then_memory_is(void **state)
{
    (void)state;
    int64_t bytes = 0;
    struct stat info;
    unsigned taken = 0, files;

    open_azure_with(storage(), "storage_bytes=65536", "max_queue_bytes=8m");
    deliver_turn();
    no_answer();
    for (int i = 0; i < 3000; i++)
        taken += deliver(turn_spans, COUNT(turn_spans)) == PARLEY_OK;
    files = kept_files();
    for (unsigned i = 0; i < files; i++) {
        assert_int_equal(stat(kept_file(i), &info), 0);
        bytes += info.st_size;
    }
    assert_true(bytes <= 65536);
    assert_true(files > 30 && taken > files && taken < 3000);
    assert_true(fake_host_logged("the folder holds storage_bytes already"));
    pass(50000);
    assert_int_equal(ended.count, taken + 1);
    assert_int_equal(ended.lost, 0);
}

static void folder_that_cannot_be_written_is_told_and_memory_is_used(void **state)
{
    (void)state;
    (void)strcat(folder, "/file");
    FILE *file = fopen(folder, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    open_azure(storage(), NULL);
    assert_true(fake_host_logged("kept in memory only: storage_dir: /tmp/azure_monitor_"));
    deliver_turn();
    no_answer();
    pass(61000);
    assert_int_equal(http.started, 2);
    answer(200, "", "");
    assert_int_equal(ended.lost, 0);
    *strrchr(folder, '/') = '\0';
}

static void folder_that_breaks_later_is_told_and_memory_is_used(void **state)
{
    (void)state;
    open_azure(storage(), NULL);
    remove_folder();
    FILE *file = fopen(folder, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    deliver_turn();
    no_answer();
    assert_true(fake_host_logged("cannot be laid down in storage_dir"));
    pass(130000);
    assert_true(http.started >= 2);
    answer(200, "", "");
    assert_int_equal(ended.lost, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(undelivered_batch_is_laid_down_and_its_delivery_ends),
        TEST(folder_is_emptied_when_the_service_is_well_again),
        TEST(folder_outlives_a_restart),
        TEST(stop_lays_down_what_it_cannot_deliver),
        TEST(throttled_service_is_not_asked_at_the_stop),
        TEST(part_of_a_file_replaces_it),
        TEST(file_that_never_gets_done_holds_up_no_other),
        TEST(folder_is_not_looked_at_early_because_all_is_well),
        TEST(file_that_is_too_large_goes_in_halves),
        TEST(file_is_sent_by_one_of_two_processes),
        TEST(damaged_file_is_thrown_away_and_counted),
        TEST(file_that_is_too_old_is_thrown_away),
        TEST(folder_is_bounded_and_then_memory_is),
        TEST(folder_that_cannot_be_written_is_told_and_memory_is_used),
        TEST(folder_that_breaks_later_is_told_and_memory_is_used),
    };

    if (argc < 2)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
