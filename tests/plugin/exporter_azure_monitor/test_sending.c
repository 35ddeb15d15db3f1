/* SPDX-License-Identifier: Apache-2.0 */
/* Every way that the service answers, without a folder. */
#include "rig.h"

static void batch_is_posted_as_an_array_in_gzip(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    assert_string_equal(http.open[0].url, ENDPOINT "/v2.1/track");
    assert_non_null(strstr(http.open[0].headers, "Content-Type: application/json\n"));
    assert_non_null(strstr(http.open[0].headers, "Content-Encoding: gzip\n"));
    assert_null(strstr(http.open[0].headers, "Authorization"));
    assert_int_equal(sent_count(), 7);
    answer(200, "", "{\"itemsReceived\":7,\"itemsAccepted\":7,\"errors\":[]}");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_OK);
    assert_int_equal(ended.lost, 0);
    pass(300000);
    assert_int_equal(http.started, 1);
}

static void nothing_for_this_destination_is_no_delivery(void **state)
{
    (void)state;
    open_azure("traces=no", NULL);
    deliver_turn();
    assert_int_equal(http.started, 0);
    assert_int_equal(ended.status, PARLEY_EXPORT_NOTHING);
}

static void span_without_an_id_counts_neither_as_delivered_nor_as_lost(void **state)
{
    struct parley_span spans[] = {turn_spans[0], turn_spans[1]};

    (void)state;
    memset(spans[0].span_id, 0, sizeof(spans[0].span_id));
    open_azure(NULL, NULL);
    assert_int_equal(deliver(spans, COUNT(spans)), PARLEY_OK);
    answer(400, "", "");
    assert_int_equal(ended.lost, 1);
    assert_int_equal(ended.left_out, 1);
}

static void only_items_that_may_be_taken_later_are_sent_again(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    json_t *first = sent();
    answer(206, "",
           "{\"itemsReceived\":7,\"itemsAccepted\":4,\"errors\":["
           "{\"index\":1,\"statusCode\":400,\"message\":\"bad \\\"time\\\"\"},"
           "{\"index\":3,\"statusCode\":500,\"message\":\"later\"},"
           "{\"index\":6,\"statusCode\":429,\"message\":\"later\"}]}");
    assert_true(fake_host_logged("delivered in part"));
    pass(61000);
    assert_int_equal(http.started, 2);
    json_t *second = sent();
    assert_int_equal(json_array_size(second), 2);
    assert_true(json_equal(json_array_get(second, 0), json_array_get(first, 3)));
    assert_true(json_equal(json_array_get(second, 1), json_array_get(first, 6)));
    json_decref(first);
    json_decref(second);
    answer(200, "", "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 1);
    pass(300000);
    assert_int_equal(http.started, 2);
}

static void service_that_refuses_some_of_every_batch_is_told_of_once(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    for (int i = 0; i < 4; i++) {
        deliver_turn();
        answer(206, "", "{\"errors\":[{\"index\":1,\"statusCode\":400,\"message\":\"bad name\"}]}");
    }
    assert_int_equal(times_logged("delivered in part"), 1);
    assert_int_equal(ended.lost, 4);
    deliver_turn();
    answer(200, "", "");
    deliver_turn();
    answer(206, "", "{\"errors\":[{\"index\":1,\"statusCode\":400}]}");
    assert_int_equal(times_logged("delivered in part"), 2);
}

static void item_that_never_gets_done_holds_up_no_other(void **state)
{
    static const char busy[] =
        "{\"errors\":[{\"index\":0,\"statusCode\":500,\"message\":\"busy\"}]}";

    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(206, "", busy);
    for (int minute = 0; minute < 3; minute++) {
        deliver_turn();
        assert_int_equal(sent_count(), 7); /* at once */
        answer(200, "", "");
        pass(61000);
        assert_int_equal(sent_count(), 1);
        answer(206, "", busy);
    }
    assert_int_equal(times_logged("telemetry"), 0);
    pass(61000);
    answer(200, "", "");
    pass(300000);
    assert_int_equal(http.started, 8);
    assert_int_equal(ended.count, 4);
    assert_int_equal(ended.lost, 0);
}

static void service_that_takes_nothing_for_now_is_left_alone_and_that_is_told_once(void **state)
{
    static const char quota[] =
        "{\"errors\":[{\"index\":0,\"statusCode\":439},"
        "{\"index\":1,\"statusCode\":439},{\"index\":2,\"statusCode\":439}]}";
    unsigned started;

    (void)state;
    open_azure("span_events=no", NULL);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(deliver(&turn_spans[2 * (i % 2)], 2), PARLEY_OK);
        started = http.started;
        if (i == 0)
            answer(206, "", quota);
        pass(1000);
        assert_int_equal(http.started, 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        pass(61000);
        assert_true(http.started > started);
        while (http.count > 0)
            answer(206, "", quota);
        started = http.started;
    }
    assert_int_equal(times_logged("kept for later"), 1);
    assert_int_equal(times_logged("delivered again"), 0);
    pass(61000);
    while (http.count > 0)
        answer(200, "", "");
    pass(61000);
    while (http.count > 0)
        answer(200, "", "");
    assert_int_equal(times_logged("delivered again"), 1);
    assert_int_equal(ended.count, 4);
    assert_int_equal(ended.lost, 0);
    assert_int_equal((int)dropped, 0);
}

static void partial_answer_that_cannot_be_read_is_not_sent_again(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(206, "", "{\"errors\":[{\"index\":1,\"statusCode\":500");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 5);
    pass(300000);
    assert_int_equal(http.started, 1);
}

static void throttling_is_waited_for_as_long_as_the_service_says(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(429, "retry-after: 300\r\n", "");
    deliver_turn();
    assert_int_equal(http.started, 1);
    pass(50000); /* the host's patience would be over soon */
    assert_int_equal(ended.count, 2);
    assert_int_equal(ended.status, PARLEY_OK);
    assert_int_equal(ended.lost, 0);
    assert_int_equal((int)kept, 10);
    pass(249000);
    assert_int_equal(http.started, 1);
    pass(2000);
    assert_int_equal(http.started, 2);
    answer(200, "", "");
    assert_int_equal(http.started, 3);
    answer(200, "", "");
    assert_true(fake_host_logged("delivered again"));
    assert_int_equal((int)dropped, 0);
}

static void throttling_that_breaks_off_is_waited_for_as_well(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    http_end(PARLEY_E_UNAVAILABLE, 429, "retry-after: 300\r\n", (struct parley_view){"", 0});
    pass(299000);
    assert_int_equal(http.started, 1);
    pass(2000);
    assert_int_equal(http.started, 2);
    answer(200, "", "");
    assert_int_equal(ended.lost, 0);
}

static void service_that_is_down_for_a_minute_loses_nothing(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    for (int i = 0; i < 12; i++) {
        deliver_turn();
        while (http.count > 0)
            no_answer();
        pass(5000);
    }
    assert_true(http.started <= 3);
    pass(60000);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(sent_count(), 7);
        answer(200, "", "");
    }
    assert_int_equal(http.count, 0);
    assert_int_equal(ended.count, 12);
    assert_int_equal(ended.lost, 0);
    assert_int_equal((int)dropped, 0);
}

static void memory_is_bounded_and_the_newest_is_refused(void **state)
{
    (void)state;
    unsigned refused = 0;

    open_azure("max_queue_bytes=65536", NULL);
    for (int i = 0; i < 40; i++)
        refused += deliver(turn_spans, COUNT(turn_spans)) == PARLEY_E_BUSY;
    assert_true(refused > 20 && refused < 40);
    assert_int_equal(http.started, 1); /* and it is slow */
}

static void redirect_within_the_cloud_is_followed_and_kept(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(308, "location: https://b-2.in.applicationinsights.azure.com/v2.1/track\r\n", "");
    assert_string_equal(http.open[0].url,
                        "https://b-2.in.applicationinsights.azure.com/v2.1/track");
    assert_int_equal(sent_count(), 7);
    answer(200, "", "");
    assert_int_equal(ended.count, 1);
    deliver_turn();
    assert_non_null(strstr(http.open[0].url, "//b-2."));
    no_answer(); /* then the first host is asked again */
    pass(61000);
    assert_string_equal(http.open[0].url, ENDPOINT "/v2.1/track");
}

static void redirect_to_a_stranger_is_not_followed(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(307, "location: https://evil.example/v2.1/track\r\n", "");
    assert_int_equal(http.count, 0);
    assert_true(fake_host_logged("redirected to evil.example, which is not followed"));
}

static void redirects_end_after_ten(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    while (http.count > 0)
        answer(307, "location: /v2.1/track\r\n", "");
    assert_int_equal(http.started, 11);
    assert_true(fake_host_logged("more than 10 times"));
}

static void refusal_for_good_is_told_once_and_counted(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(404, "", "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_E_PROTOCOL);
    assert_int_equal(ended.lost, 5);
    assert_true(fake_host_logged("refused for good"));
    pass(300000);
    assert_int_equal(http.started, 1);
}

static void wrong_key_is_told_in_the_services_words(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(400, "",
           "{\"itemsReceived\":7,\"itemsAccepted\":0,\"errors\":[{\"index\":0,"
           "\"statusCode\":400,\"message\":\"Invalid instrumentation key\"}]}");
    assert_true(fake_host_logged("check key and endpoint of the connection string"));
    assert_true(fake_host_logged("reason=\"answered 400: Invalid instrumentation key\""));
    assert_int_equal(ended.lost, 5);
}

static void large_request_goes_in_halves(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    answer(413, "", "");
    assert_int_equal(sent_count(), 3);
    answer(200, "", "");
    assert_int_equal(sent_count(), 4);
    answer(200, "", "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 0);
}

static void answer_that_breaks_off_counts_by_its_code(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    http.open[0].events->on_data(http.open[0].ctx, 200, (struct parley_view){"{\"it", 4});
    break_off(200);
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 0);
    deliver_turn();
    http.open[0].events->on_data(http.open[0].ctx, 206, (struct parley_view){"{\"it", 4});
    break_off(206);
    assert_int_equal(ended.count, 2);
    assert_int_equal(ended.lost, 5);
    pass(300000);
    assert_int_equal(http.started, 2);
}

static void answer_that_breaks_off_before_its_body_counts_by_its_code(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    break_off(200);
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 0);
    pass(300000);
    assert_int_equal(http.started, 1);
    deliver_turn();
    break_off(100); /* an interim answer is none */
    pass(61000);
    assert_int_equal(http.started, 3);
    answer(200, "", "");
    assert_int_equal(ended.lost, 0);
}

static void token_is_shown_and_renewed_once_when_it_is_refused(void **state)
{
    (void)state;
    open_azure("credential=azure", NULL);
    deliver_turn();
    assert_int_equal(http.started, 0);
    assert_string_equal(vault.scope, "https://monitor.azure.com/.default");
    vault_hand_over("t0ken-1");
    assert_non_null(strstr(http.open[0].headers, "Authorization: Bearer t0ken-1\n"));
    answer(401, "", "");
    assert_int_equal(vault.refused, 1);
    vault_hand_over("t0ken-2");
    assert_non_null(strstr(http.open[0].headers, "Bearer t0ken-2\n"));
    answer(401, "", "");
    assert_int_equal(vault.asked, 2);
    assert_int_equal(http.count, 0);
    assert_true(fake_host_logged("check the credential and its role"));
    assert_false(fake_host_logged("t0ken"));
    pass(61000);
    assert_int_equal(vault.asked, 3);
    vault_fails(PARLEY_E_DENIED, "Entra refuses");
    pass(45000);
    assert_int_equal(ended.lost, 0);
}

static void stop_tries_once_and_counts_what_is_lost(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    no_answer();
    deliver_turn();
    flush();
    assert_int_equal(http.started, 2);
    no_answer();
    answer(200, "", "");
    assert_int_equal(ended.count, 2);
    assert_int_equal(ended.lost, 5);
}

static void stop_does_not_wait_for_a_silent_service(void **state)
{
    (void)state;
    open_azure(NULL, NULL);
    deliver_turn();
    deliver_turn();
    flush();
    pass(1500);
    assert_true(http_was_cancelled);
    assert_int_equal(ended.count, 1);
    http_end(PARLEY_E_CANCELLED, 0, "", (struct parley_view){"", 0});
    assert_int_equal(ended.count, 2);
    assert_int_equal(ended.lost, 10);
}

/* ---- protocol = otlp ---- */

#define DCE    "https://x.westeurope-1.ingest.monitor.azure.com/datacollectionRules/dcr-1/streams/"
#define TRACES "traces_endpoint=" DCE "Microsoft-OTLP-Traces/otlp/v1/traces"

static void open_native(void)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    const char *options[] = {"protocol=otlp", TRACES, "credential=azure", NULL};

    plugin = fake_plugin_open(plugin_path, "azure", options, &err);
    if (plugin == NULL)
        fail_msg("%s", err.message);
    vtable = exporter_open(plugin);
}

static void native_endpoint_gets_otlp_with_a_token(void **state)
{
    (void)state;
    open_native();
    deliver_turn();
    assert_int_equal(http.started, 0);
    assert_string_equal(vault.scope, "https://monitor.azure.com/.default");
    vault_hand_over("t0ken-1");
    assert_non_null(strstr(http.open[0].url, "Microsoft-OTLP-Traces/otlp/v1/traces"));
    assert_non_null(strstr(http.open[0].headers, "Content-Type: application/x-protobuf\n"));
    assert_non_null(strstr(http.open[0].headers, "Authorization: Bearer t0ken-1\n"));
    answer(401, "", "");
    assert_int_equal(vault.refused, 1);
    vault_hand_over("t0ken-2");
    assert_non_null(strstr(http.open[0].headers, "Bearer t0ken-2\n"));
    answer(200, "", "");
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 0);
}

static void native_endpoint_is_not_asked_without_a_token(void **state)
{
    (void)state;
    open_native();
    deliver_turn();
    vault_fails(PARLEY_E_DENIED, "Entra refuses");
    assert_int_equal(http.started, 0);
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.lost, 5);
    assert_non_null(strstr(ended.message, "Entra refuses"));
    deliver_turn(); /* stopped while it asks */
    assert_int_equal(vault.asked, 2);
}

static void native_endpoint_gets_nothing_after_the_time_is_over(void **state)
{
    (void)state;
    open_native();
    deliver_turn();
    pass(11000); /* timeout_ms is 10 s */
    vault_hand_over("t0ken-1");
    assert_int_equal(http.started, 0);
    assert_int_equal(ended.count, 1);
    assert_int_equal(ended.status, PARLEY_E_TIMEOUT);
    assert_int_equal(ended.lost, 5);
}

static void mistakes_of_the_operator_are_named_without_the_key(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"connection_string=nonsense", NULL, "connection_string: part 1 has no ="},
        {"logs=yes", NULL, "connection_string: is missing"},
        {CONNECTION, "credential=azur", "there is no [credential azur]"},
        {"protocol=otlp", "credential=azure", "traces_endpoint: is missing"},
        {"protocol=otlp", TRACES, "credential: is missing"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct parley_error err = PARLEY_ERROR_INIT;
        const char *options[] = {wrong[i][0], wrong[i][1], NULL};
        assert_null(fake_plugin_open(plugin_path, "azure", options, &err));
        assert_non_null(strstr(err.message, wrong[i][2]));
        assert_null(strstr(err.message, KEY));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(batch_is_posted_as_an_array_in_gzip),
        TEST(nothing_for_this_destination_is_no_delivery),
        TEST(span_without_an_id_counts_neither_as_delivered_nor_as_lost),
        TEST(only_items_that_may_be_taken_later_are_sent_again),
        TEST(service_that_refuses_some_of_every_batch_is_told_of_once),
        TEST(item_that_never_gets_done_holds_up_no_other),
        TEST(service_that_takes_nothing_for_now_is_left_alone_and_that_is_told_once),
        TEST(partial_answer_that_cannot_be_read_is_not_sent_again),
        TEST(throttling_is_waited_for_as_long_as_the_service_says),
        TEST(throttling_that_breaks_off_is_waited_for_as_well),
        TEST(service_that_is_down_for_a_minute_loses_nothing),
        TEST(memory_is_bounded_and_the_newest_is_refused),
        TEST(redirect_within_the_cloud_is_followed_and_kept),
        TEST(redirect_to_a_stranger_is_not_followed),
        TEST(redirects_end_after_ten),
        TEST(refusal_for_good_is_told_once_and_counted),
        TEST(wrong_key_is_told_in_the_services_words),
        TEST(large_request_goes_in_halves),
        TEST(answer_that_breaks_off_counts_by_its_code),
        TEST(answer_that_breaks_off_before_its_body_counts_by_its_code),
        TEST(token_is_shown_and_renewed_once_when_it_is_refused),
        TEST(stop_tries_once_and_counts_what_is_lost),
        TEST(stop_does_not_wait_for_a_silent_service),
        TEST(native_endpoint_gets_otlp_with_a_token),
        TEST(native_endpoint_is_not_asked_without_a_token),
        TEST(native_endpoint_gets_nothing_after_the_time_is_over),
        TEST(mistakes_of_the_operator_are_named_without_the_key),
    };

    if (argc < 2 || kept_files() > 0 || storage() == NULL)
        return 2;
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
