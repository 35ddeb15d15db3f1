/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations that are not well, the same for every exporter that speaks OTLP: what comes of each
 * batch. */
#include "fake_http.h"

#define SPANS  (uint64_t) COUNT(turn_spans)
#define SECOND 1000

static const char *plugin_path;
static const char *const *basic; /* options of the plugin that is tested */
static struct fake_plugin *plugin;
static const struct parley_exporter_vtable *vtable;
static unsigned given; /* batches */

static const char *const otlp_options[] = {"endpoint=http://there:4318", NULL};
static const char *const langfuse_options[] = {"base_url=http://there", "public_key=pk-lf-1",
                                               "secret_key=sk-lf-s3cret", NULL};
static const char *const confident_options[] = {"base_url=http://there", "api_key=s3cret", NULL};

static void open_exporter(const char *more)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *options[8] = {NULL};
    size_t count = 0;

    while (basic[count] != NULL) {
        options[count] = basic[count];
        count++;
    }
    options[count] = more;
    plugin = fake_plugin_open(plugin_path, "there", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    vtable = exporter_open(plugin);
}

static void deliver(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct parley_batch batch = batch_of(turn_spans, COUNT(turn_spans));

    assert_int_equal(vtable->deliver(fake_plugin_worker(plugin), &batch, fake_host_op(), &err),
                     PARLEY_OK);
    given++;
    fake_host_advance_ms(0);
}

static void no_answer(void)
{
    http_end(PARLEY_E_UNAVAILABLE, 0, "", (struct parley_view){"", 0});
    fake_host_advance_ms(0);
}

/* The code came, and then the line was lost. */
static void break_off(int code)
{
    http_end(PARLEY_E_UNAVAILABLE, code, "", (struct parley_view){"", 0});
    fake_host_advance_ms(0);
}

static void answer(int code, const char *headers)
{
    http_answer(code, headers);
    fake_host_advance_ms(0);
}

/* ---- cases ---- */

static void
destination_that_is_down_for_a_minute_costs_counted_batches_and_then_no_more(void **state)
{
    (void)state;
    open_exporter(NULL);
    for (int s = 0; s < 60; s++) {
        if (s % 5 == 0)
            deliver();
        while (http.count > 0)
            no_answer();
        fake_host_advance_ms(SECOND);
    }
    while (http.count > 0)
        no_answer();
    assert_true(http.started <= 5 * given);
    fake_host_advance_ms(40 * SECOND); /* no rest is longer */
    while (http.count > 0)
        answer(200, "");
    uint64_t lost = ended.lost;
    assert_true(lost > 0);
    for (int i = 0; i < 3; i++) {
        deliver();
        assert_int_equal(http.count, 1);
        answer(200, "");
    }
    assert_int_equal(ended.count, given); /* each told its end, once */
    assert_int_equal(ended.lost, lost);
    assert_true(fake_host_logged("telemetry not delivered url=http://there"));
    assert_true(fake_host_logged("telemetry is delivered again url=http://there"));
}

static void slow_destination_has_a_queue_that_is_bounded_and_the_rest_is_counted(void **state)
{
    (void)state;
    open_exporter("max_queue_bytes=65536");
    for (int i = 0; i < 300; i++)
        deliver();
    assert_int_equal(http.started, 1);
    assert_true(ended.count > 0 && ended.count < given);
    assert_int_equal(ended.status, PARLEY_E_BUSY);
    assert_int_equal(ended.lost, SPANS * ended.count);
    unsigned refused = ended.count, waiting = given - refused;
    for (unsigned i = 0; i < waiting; i++)
        answer(200, "");
    assert_int_equal(http.started, waiting);
    assert_int_equal(ended.count, given);
    assert_int_equal(ended.lost, SPANS * refused);
}

static void throttling_is_waited_for_and_the_batch_comes_once(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    answer(429, "retry-after: 6\r\n");
    fake_host_advance_ms(5900);
    assert_int_equal(http.started, 1);
    fake_host_advance_ms(200);
    assert_int_equal(http.started, 2);
    answer(200, "");
    fake_host_advance_ms(60 * SECOND);
    assert_int_equal(http.started, 2);
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 0);
}

static void throttling_beyond_a_batch_s_time_holds_for_the_next_batches(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    answer(429, "retry-after: 60\r\n");
    assert_int_equal(ended.lost, SPANS);
    assert_true(fake_host_logged("reason=\"answered 429; it wants to be left alone for 60 s\""));
    fake_host_advance_ms(59 * SECOND);
    deliver();
    assert_int_equal(http.started, 1);
    assert_int_equal(ended.lost, 2 * SPANS);
    fake_host_advance_ms(2 * SECOND);
    deliver();
    answer(200, "");
    assert_int_equal(ended.count, 3);
    assert_int_equal(ended.lost, 2 * SPANS);
}

static void partial_success_is_counted_and_not_sent_again(void **state)
{
    (void)state;
    static const char part[] = "\x0a\x0b\x08\x02\x12\x07"
                               "too old";

    open_exporter(NULL);
    deliver();
    http_end(PARLEY_OK, 200, "", (struct parley_view){part, sizeof(part) - 1});
    fake_host_advance_ms(60 * SECOND);
    assert_int_equal(http.started, 1);
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 2);
    assert_true(fake_host_logged("delivered in part"));
    assert_true(fake_host_logged("too old"));
    const size_t told = strlen(fake_host_log());
    deliver(); /* as it may go on with every batch */
    http_end(PARLEY_OK, 200, "", (struct parley_view){part, sizeof(part) - 1});
    assert_int_equal(ended.lost, 4);
    assert_int_equal(strlen(fake_host_log()), told);
}

static void refusal_is_told_in_the_words_of_the_destination(void **state)
{
    (void)state;
    static const char status[] = "\x08\x03\x12\x0f"
                                 "bad \"trace id\"\n";

    open_exporter(NULL);
    deliver();
    http_end(PARLEY_OK, 400, "", (struct parley_view){status, sizeof(status) - 1});
    assert_true(fake_host_logged("reason=\"answered 400: bad  trace id  \""));
    deliver();
    http_end(PARLEY_OK, 400, "", (struct parley_view)PARLEY_VIEW("{\"message\":\"no\"}"));
    assert_non_null(strstr(ended.message, ": answered 400"));
    assert_int_equal(ended.lost, 2 * SPANS);
}

static void redirect_is_not_followed_and_is_told(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    answer(307, "location: http://elsewhere/v1/traces\r\n");
    fake_host_advance_ms(60 * SECOND);
    assert_int_equal(http.started, 1); /* the key would go along */
    assert_int_equal(ended.lost, SPANS);
    assert_true(fake_host_logged("answered 307, a redirect, which is not followed; write the "
                                 "address that it leads to"));
}

static void accepted_batch_is_not_sent_again_when_the_answer_breaks_off(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    break_off(200);
    fake_host_advance_ms(60 * SECOND);
    assert_int_equal(http.started, 1);
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_OK);
    assert_int_equal(ended.lost, 0);
}

static void refusal_that_breaks_off_counts_by_its_code(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    break_off(400);
    assert_int_equal(ended.lost, SPANS);
    deliver();
    break_off(503);
    fake_host_advance_ms(2 * SECOND);
    assert_int_equal(http.started, 3);
    answer(200, "");
    assert_int_equal(ended.lost, SPANS);
}

static void batch_without_an_answer_is_sent_again_as_it_was(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    size_t len = http.open[0].len;
    char *body = malloc(len);
    assert_non_null(body);
    memcpy(body, http.open[0].body, len);
    break_off(100); /* an interim answer is none */
    fake_host_advance_ms(2 * SECOND);
    assert_int_equal(http.started, 2);
    assert_int_equal(http.open[0].len, len);
    assert_memory_equal(http.open[0].body, body, len);
    free(body);
    answer(200, "");
    assert_int_equal(ended.lost, 0);
}

static void wrong_key_is_told_once_and_asked_for_again_later(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    answer(401, "");
    for (int i = 0; i < 5; i++)
        deliver(); /* left alone meanwhile */
    assert_int_equal(http.started, 1);
    assert_int_equal(ended.lost, 6 * SPANS);
    assert_true(fake_host_logged("answered 401"));
    fake_host_advance_ms(37 * SECOND);
    deliver();
    answer(200, "");
    assert_int_equal(ended.lost, 6 * SPANS);
    assert_false(fake_host_logged("s3cret"));
}

static void exit_during_a_flush_gives_each_batch_one_try_and_counts_the_rest(void **state)
{
    (void)state;
    open_exporter(NULL);
    deliver();
    no_answer(); /* it would wait for a second */
    deliver();
    deliver();
    vtable->flush(fake_plugin_worker(plugin));
    fake_host_advance_ms(0);
    no_answer();
    assert_int_equal(ended.lost, SPANS);
    answer(200, "");
    assert_int_equal(http.count, 1);
    fake_plugin_close(plugin); /* the host's patience is over while the third is on its way */
    plugin = NULL;
    assert_true(http_was_cancelled);
    assert_int_equal(http.started, 4);
    assert_int_equal(ended.count, 2); /* the host counts the third as lost */
    assert_int_equal(fake_host_timers(), 0);
}

static int set_up(void **state)
{
    (void)state;
    fake_host_reset();
    http_reset();
    fake_host_provide(PARLEY_SERVICE_HTTP, &fake_http);
    memset(&ended, 0, sizeof(ended));
    given = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (plugin != NULL)
        fake_plugin_close(plugin);
    plugin = NULL;
    http_reset();
    return 0;
}

static int run(const char *name, const char *path, const char *const *options)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(destination_that_is_down_for_a_minute_costs_counted_batches_and_then_no_more),
        TEST(slow_destination_has_a_queue_that_is_bounded_and_the_rest_is_counted),
        TEST(throttling_is_waited_for_and_the_batch_comes_once),
        TEST(throttling_beyond_a_batch_s_time_holds_for_the_next_batches),
        TEST(partial_success_is_counted_and_not_sent_again),
        TEST(refusal_is_told_in_the_words_of_the_destination),
        TEST(redirect_is_not_followed_and_is_told),
        TEST(accepted_batch_is_not_sent_again_when_the_answer_breaks_off),
        TEST(refusal_that_breaks_off_counts_by_its_code),
        TEST(batch_without_an_answer_is_sent_again_as_it_was),
        TEST(wrong_key_is_told_once_and_asked_for_again_later),
        TEST(exit_during_a_flush_gives_each_batch_one_try_and_counts_the_rest),
    };

    plugin_path = path;
    basic = options;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    int failed = run("exporter_otlp", argv[1], otlp_options);
    failed += run("exporter_langfuse", argv[2], langfuse_options);
    failed += run("exporter_confident", argv[3], confident_options);
    return failed;
}
